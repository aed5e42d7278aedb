/* A stored query: XML is read as an AdhocQueryRequest and put to an object; other bytes are values
 * of a slot, which are quoted and read again. */
#include <sodium.h>

#include "hub/data/xml.h"
#include "tests/fuzz/fuzz.h"
#include "xds/query.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

static void add_quoted(struct strbuf *b, struct str value)
{
    strbuf_addc(b, '\'');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\'')
            strbuf_addc(b, '\'');
        strbuf_addc(b, value.p[i]);
    }
    strbuf_addc(b, '\'');
}

static void read_values(struct arena *a, struct str text)
{
    struct xds_texts values = {NULL, 0}, again = {NULL, 0};
    struct strbuf b = strbuf_on(a, 256);

    if (!xds_query_values(a, text, &values))
        return;
    strbuf_addc(&b, '(');
    for (size_t i = 0; i < values.n; i++) {
        if (i > 0)
            strbuf_addc(&b, ',');
        add_quoted(&b, values.v[i]);
    }
    strbuf_addc(&b, ')');
    must(xds_query_values(a, strbuf_str(&b), &again) && again.n == values.n,
         "values read differently once quoted");
    for (size_t i = 0; i < values.n; i++)
        must(str_eq(values.v[i], again.v[i]), "a value changed by quoting");
}

static void read_query(struct arena *a, struct str text)
{
    struct errors err;
    struct xds_query q;
    struct xds_object *o = xds_object_new(a, XDS_DOCUMENT);
    xmlNode *root;

    errors_init(&err, a);
    if (xml_parse(a, text, &XML_LIMITS, &err, &root) == OK &&
        xds_query_read(a, root, &q, &err) == OK)
        xds_query_match(&q, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = str_of(data, n);
    ptrdiff_t bar = str_find(text, '|');
    struct arena a;

    arena_init(&a);
    if (n > 0 && data[0] == '<')
        read_query(&a, text);
    else
        read_values(&a, text);
    if (bar > 0 && n < 2000)
        xds_like(str_slice(text, 0, (size_t)bar), str_slice(text, (size_t)bar + 1, n));
    arena_dispose(&a);
    return 0;
}
