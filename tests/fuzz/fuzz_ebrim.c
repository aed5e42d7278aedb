/* Any XML as a submission, by the rules of each transaction: what is read and valid is written,
 * read again and written the same. */
#include <sodium.h>

#include "hub/data/xml.h"
#include "tests/fuzz/fuzz.h"
#include "xds/rim_write.h"
#include "xds/validate.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

static struct str written(struct arena *a, const struct xds_submission *s)
{
    struct strbuf b = strbuf_on(a, 4096);
    struct xml_writer w = xml_writer_on(&b);

    xml_begin(&w, "rim:RegistryObjectList");
    xml_attribute(&w, "xmlns:rim", STR(XDS_RIM_NS));
    for (size_t i = 0; i < s->objects.n; i++) {
        struct xds_face face = {xds_text(s->objects.v[i], "patientId"), STR_NONE};

        xds_rim_write(&w, a, s->objects.v[i], &face);
    }
    xml_end(&w, "rim:RegistryObjectList");
    return strbuf_str(&b);
}

static bool read(struct arena *a, struct str xml, struct xds_submission *s, struct errors *err)
{
    xmlNode *root;

    errors_init(err, a);
    return xml_parse(a, xml, &XML_LIMITS, err, &root) == OK && xds_rim_read(a, root, s, err) == OK;
}

static void check(struct arena *a, struct xds_submission *first, enum xds_rules rules)
{
    struct xds_submission second;
    struct errors err;
    struct str once;

    errors_init(&err, a);
    first->rules = rules;
    if (xds_validate(a, first, &err) != OK) {
        must(err.first != NULL, "a failure without a word");
        return;
    }
    once = written(a, first);
    must(read(a, once, &second, &err), "the writer wrote what the reader refuses");
    second.rules = rules;
    must(xds_validate(a, &second, &err) == OK, "what was valid is so no more");
    must(str_eq(written(a, &second), once), "what was written reads differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct errors err;
    struct xds_submission first;

    arena_init(&a);
    if (read(&a, str_of(data, n), &first, &err))
        for (int rules = XDS_REGISTER; rules <= XDS_RESTRICTED_UPDATE; rules++)
            check(&a, &first, (enum xds_rules)rules);
    arena_dispose(&a);
    return 0;
}
