#include "hub/mtom.h"

#include "hub/base/arena.h"
#include "hub/base/hex.h"
#include "hub/base/uuid.h"
#include "hub/soap.h"

/* --- in ----------------------------------------------------------------------------------- */

/* The Content-ID that a cid: URL names: percent-decoded (RFC 2392). False on a broken escape. */
static bool cid_decode(struct arena *a, struct str href, struct str *out)
{
    struct strbuf b = strbuf_on(a, href.n);
    unsigned char octet;

    if (!str_eq_nocase(str_slice(href, 0, 4), STR("cid:")))
        return false;
    for (size_t i = 4; i < href.n; i++) {
        if (href.p[i] != '%') {
            strbuf_addc(&b, href.p[i]);
            continue;
        }
        if (href.n - i < 3 || !hex_decode(str_slice(href, i + 1, i + 3), &octet, 1))
            return false;
        strbuf_addc(&b, (char)octet);
        i += 2;
    }
    *out = strbuf_str(&b);
    return out->n > 0;
}

static struct part *part_of(struct part *p, struct str content_id)
{
    while (p != NULL && !str_eq(p->content_id, content_id))
        p = p->next;
    return p;
}

static enum status include_read(struct arena *a, struct part *parts, const xmlNode *include,
                                const char *code, struct mtom_binary *out, struct errors *err)
{
    struct str href = str_trim(xml_attr(include, "href")), content_id;

    if (!cid_decode(a, href, &content_id))
        return fail_at(err, xml_location(a, include), INVALID, code,
                       "xop:Include needs an href of the form cid:...");
    out->part = part_of(parts, content_id);
    if (out->part == NULL)
        return fail_at(err, xml_location(a, include), INVALID, code,
                       "xop:Include names a part that the message does not have: %.*s",
                       STR_ARG(content_id));
    return OK;
}

enum status mtom_binary_read(struct arena *a, struct part *parts, const xmlNode *element,
                             const char *code, struct mtom_binary *out, struct errors *err)
{
    const xmlNode *child = xml_child(element, NULL, NULL);
    struct str text = xml_text(a, element);

    *out = (struct mtom_binary){0};
    if (child == NULL) {
        if (base64_decode(a, text, &out->bytes))
            return OK;
        return fail_at(err, xml_location(a, element), INVALID, code, "this is not base64");
    }
    if (!xml_is(child, NS_XOP, "Include") || xml_next(child, NULL, NULL) != NULL ||
        str_trim(text).n > 0)
        return fail_at(err, xml_location(a, element), INVALID, code,
                       "binary content is base64, or one xop:Include and nothing beside it");
    return include_read(a, parts, child, code, out, err);
}

/* --- out ---------------------------------------------------------------------------------- */

struct str mtom_content_id(struct arena *a)
{
    return str_printf(a, "%.*s@causeway", STR_ARG(uuid_text(a, uuid_v4())));
}

static void add_head(struct reply *rp, struct str boundary, struct str content_id,
                     struct str content_type)
{
    reply_add(rp, str_printf(rp->arena,
                             "\r\n--%.*s\r\n"
                             "Content-ID: <%.*s>\r\n"
                             "Content-Type: %.*s\r\n"
                             "Content-Transfer-Encoding: binary\r\n"
                             "\r\n",
                             STR_ARG(boundary), STR_ARG(content_id), STR_ARG(content_type)));
}

/* The boundary holds 122 random bits: no document can have it by chance or by design. */
void mtom_package(struct reply *rp, struct str envelope, const struct attachment *parts)
{
    struct arena *a = rp->arena;
    struct str boundary = str_printf(a, "MIME_%.*s", STR_ARG(uuid_text(a, uuid_v4())));
    struct str root = mtom_content_id(a);

    reply_field(rp, STR("Content-Type"),
                str_printf(a,
                           "multipart/related; boundary=\"%.*s\"; type=\"application/xop+xml\"; "
                           "start=\"<%.*s>\"; start-info=\"application/soap+xml\"",
                           STR_ARG(boundary), STR_ARG(root)));
    add_head(rp, boundary, root,
             STR("application/xop+xml; charset=UTF-8; type=\"application/soap+xml\""));
    reply_add(rp, envelope);
    for (const struct attachment *p = parts; p != NULL; p = p->next) {
        add_head(rp, boundary, p->content_id, p->content_type);
        reply_add_source(rp, p->source);
    }
    reply_add(rp, str_printf(a, "\r\n--%.*s--\r\n", STR_ARG(boundary)));
}
