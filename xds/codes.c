#include "xds/codes.h"

#include <stdlib.h>

#include "xds/format.h"

static enum status wrong(struct arena *a, struct errors *err, const xmlNode *n, const char *what)
{
    return fail_at(err, xml_location(a, n), INVALID, "codes", "%.*s %s",
                   STR_ARG(xml_location(a, n)), what);
}

/* mimeType has no scheme; all others have one. */
static enum status read_code(struct arena *a, const xmlNode *n, struct str kind,
                             struct xds_listed_code *out, struct errors *err)
{
    *out = (struct xds_listed_code){kind, xml_attr(n, "codingScheme"), xml_attr(n, "code"),
                                    xml_attr(n, "display")};
    if (out->code.n == 0)
        return wrong(a, err, n, "has no code");
    if (out->scheme.n == 0 && !str_eq(kind, STR("mimeType")))
        return wrong(a, err, n, "has no codingScheme");
    if (xds_length(out->code) > XDS_LONG_NAME || xds_length(out->scheme) > XDS_LONG_NAME ||
        xds_length(out->display) > XDS_FREE_TEXT)
        return wrong(a, err, n, "is longer than ebRIM takes");
    if (out->scheme.p == NULL)
        out->scheme = STR("");
    if (out->display.p == NULL)
        out->display = STR("");
    return OK;
}

static int compare(const void *x, const void *y)
{
    const struct xds_listed_code *a = x, *b = y;
    int order = str_compare(a->kind, b->kind);

    if (order == 0)
        order = str_compare(a->code, b->code);
    return order != 0 ? order : str_compare(a->scheme, b->scheme);
}

static void leave_out_repeated(struct xds_code_list *list)
{
    size_t n = 0;

    if (list->n > 1)
        qsort(list->v, list->n, sizeof(*list->v), compare);
    for (size_t i = 0; i < list->n; i++)
        if (n == 0 || compare(&list->v[n - 1], &list->v[i]) != 0)
            list->v[n++] = list->v[i];
    list->repeated = list->n - n;
    list->n = n;
}

enum status xds_codes_read(struct arena *a, struct str xml, struct xds_code_list *out,
                           struct errors *err)
{
    xmlNode *root;
    size_t most = 0;

    *out = (struct xds_code_list){0};
    TRY(xml_parse(a, xml, &XML_LIMITS, err, &root));
    if (!xml_is(root, NULL, "Codes"))
        return wrong(a, err, root, "is no <Codes>");
    XML_EACH(type, root, NULL, "CodeType")
    most += xml_count(type, NULL, "Code");
    if (most == 0)
        return wrong(a, err, root, "holds no <CodeType> with a <Code>");
    out->v = ARENA_ARRAY(a, most, struct xds_listed_code);
    XML_EACH(type, root, NULL, "CodeType")
    {
        if (xml_count(type, NULL, "Code") > 0 && xml_attr(type, "name").n == 0)
            return wrong(a, err, type, "has no name");
        XML_EACH(code, type, NULL, "Code")
        TRY(read_code(a, code, xml_attr(type, "name"), &out->v[out->n++], err));
    }
    leave_out_repeated(out);
    return OK;
}
