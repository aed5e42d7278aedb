#include "gateway/partner_answer.h"

#include <string.h>

#include "gateway/loose.h"
#include "hub/net/media_type.h"
#include "hub/soap.h"

#define NS_SOAP11 "http://schemas.xmlsoap.org/soap/envelope/"
#define AWAY      "XDSUnavailableCommunity"

enum { WORDS_MAX = 200 };

/* What a partner says is told on, but not all of it, and no line of it by itself. */
static struct str told(struct arena *a, struct str words)
{
    struct str s = str_dup(a, str_slice(str_trim(words), 0, WORDS_MAX));

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ')
            ((char *)s.p)[i] = ' ';
    return s;
}

static enum status bad(struct errors *err, const struct partner *p, const char *what,
                       struct str words)
{
    return fail_at(err, STR_NONE, UPSTREAM, AWAY, "community %.*s (urn:oid:%.*s): %s%.*s",
                   STR_ARG(p->name), STR_ARG(p->home), what, STR_ARG(words));
}

static bool is_empty(const struct call *c)
{
    return c->answer.root == NULL && str_trim(c->answer.bytes).n == 0;
}

static enum status check_transport(struct arena *a, const struct partner *p, const struct call *c,
                                   struct errors *err)
{
    if (c->end != CALL_ANSWERED)
        return bad(err, p, "", str_from(c->words));
    if (is_empty(c) && (c->http_status / 100 != 2 || !PARTNER_TAKES(p, EMPTY_BODY)))
        return bad(err, p, "",
                   str_printf(a, "its answer is HTTP %d with an empty body", c->http_status));
    return OK;
}

static struct str xml_of(const struct call *c)
{
    return c->answer.root != NULL ? c->answer.root->bytes : c->answer.bytes;
}

static enum status parse(struct arena *a, const struct partner *p, const struct call *c,
                         xmlNode **root, struct errors *err)
{
    struct xml_limits limits = XML_LIMITS;
    struct errors mine;

    errors_init(&mine, a);
    limits.max_bytes = c->max_answer;
    limits.loose_namespaces = PARTNER_TAKES(p, LOOSE_NAMESPACES);
    if (xml_parse(a, xml_of(c), &limits, &mine, root) != OK)
        return bad(err, p, "",
                   str_printf(a, "its answer is HTTP %d and no XML that can be read: %.*s",
                              c->http_status, STR_ARG(mine.first->text)));
    if (PARTNER_TAKES(p, LOOSE_NAMESPACES))
        loose_namespaces_mend(*root);
    return OK;
}

static struct str fault_words(struct arena *a, const xmlNode *fault)
{
    const xmlNode *reason = xml_child(fault, NS_SOAP, "Reason");
    struct str words = xml_text_of(a, reason, NS_SOAP, "Text");

    if (words.n == 0)
        words = xml_text_of(a, fault, NULL, "faultstring");
    return told(a, words);
}

static enum status open_envelope(struct arena *a, const struct partner *p, const struct call *c,
                                 xmlNode *root, struct partner_answer *out, struct errors *err)
{
    const char *ns = NS_SOAP;
    xmlNode *body;

    if (xml_is(root, NS_SOAP11, "Envelope")) {
        if (!PARTNER_TAKES(p, SOAP11_FAULTS))
            return bad(err, p, "", STR("its answer is SOAP 1.1"));
        ns = NS_SOAP11;
    } else if (!xml_is(root, NS_SOAP, "Envelope")) {
        return bad(err, p, "",
                   str_printf(a, "its answer is HTTP %d and no SOAP envelope", c->http_status));
    }
    out->header = xml_child(root, ns, "Header");
    body = xml_child(root, ns, "Body");
    out->body = body != NULL ? xml_child(body, NULL, NULL) : NULL;
    if (out->body == NULL)
        return bad(err, p, "", STR("its envelope has no body"));
    if (xml_is(out->body, ns, "Fault"))
        return bad(err, p, "it answers with a fault: ", fault_words(a, out->body));
    if (strcmp(ns, NS_SOAP) != 0)
        return bad(err, p, "", STR("its answer is SOAP 1.1 and no fault"));
    if (c->http_status / 100 != 2)
        return bad(err, p, "", str_printf(a, "its answer is HTTP %d", c->http_status));
    return OK;
}

/* An answer that says whose it is must be ours; one that does not came on our connection. */
static enum status check_relation(struct arena *a, const struct partner *p,
                                  const struct partner_answer *out, struct str message_id,
                                  struct errors *err)
{
    struct str to = str_trim(xml_text_of(a, out->header, NS_WSA, "RelatesTo"));

    if (to.n == 0 || str_eq(to, message_id))
        return OK;
    return bad(err, p, "", STR("its answer belongs to another question (wsa:RelatesTo)"));
}

enum status partner_answer_read(struct arena *a, const struct partner *p, const struct call *c,
                                struct str message_id, struct partner_answer *out,
                                struct errors *err)
{
    xmlNode *root;

    *out = (struct partner_answer){.parts = c->answer.parts};
    TRY(check_transport(a, p, c, err));
    if (is_empty(c))
        return OK;
    TRY(parse(a, p, c, &root, err));
    TRY(open_envelope(a, p, c, root, out, err));
    return check_relation(a, p, out, message_id, err);
}
