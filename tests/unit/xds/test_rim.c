/* The ebRIM reader and writer: what comes in goes out, and what the model lacks is refused. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "tests/support/xds_samples.h"
#include "xds/rim_write.h"
#include "xds/validate.h"

static struct str written(struct arena *a, const struct xds_submission *s)
{
    struct strbuf b = strbuf_on(a, 65536);
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

static bool read_text(struct arena *a, struct str xml, struct xds_submission *s, struct errors *err)
{
    xmlNode *list = sample_list(a, xml);

    errors_init(err, a);
    return list != NULL && xds_rim_read(a, list, s, err) == OK;
}

static void authors_names_codes_and_extra_slots_come_back_exactly(void)
{
    struct arena a;
    struct errors err;
    struct xds_submission first, second;
    struct xds_document *d;

    arena_init(&a);
    CU_ASSERT_FATAL(read_text(&a, sample_submission(&a, NULL, NULL), &first, &err));
    CU_ASSERT_FATAL(first.objects.n == 7 && first.set != NULL);
    d = xds_document(first.objects.v[0]);
    CU_ASSERT_FATAL(d != NULL);
    CU_ASSERT_EQUAL(d->author.n, 2);
    CHECK_STR(d->author.v[0].parts.v[1].values.v[1], STR("Parma^^^^^&1.2.3.9.1789&ISO^^^^45"));
    CHECK_STR(d->title.v[1].value, STR("Ex\xc3\xa9"
                                       "cution"));
    CHECK_STR(d->title.v[1].lang, STR("fr"));
    CU_ASSERT_PTR_NULL(d->title.v[1].charset.p);
    CHECK_STR(d->class_code.names.v[1].value, STR("Vorgeschichte"));
    CU_ASSERT_EQUAL(d->confidentiality_code.n, 2);
    CU_ASSERT_EQUAL(d->reference_id.n, 2);
    CHECK_STR(d->o.extra.v[0].type, STR("urn:example:number"));
    CHECK_STR(d->o.extra.v[0].values.v[1], STR("4 < 5"));
    CU_ASSERT_FATAL(read_text(&a, written(&a, &first), &second, &err));
    CHECK_STR(written(&a, &second), written(&a, &first));
    arena_dispose(&a);
}

static void a_package_may_be_classified_beside_it(void)
{
    struct arena a;
    struct errors err;
    struct xds_submission s;

    arena_init(&a);
    CU_ASSERT_FATAL(read_text(&a, sample_submission(&a, NULL, NULL), &s, &err));
    CU_ASSERT_EQUAL(s.objects.v[2]->kind, XDS_FOLDER);
    arena_dispose(&a);
}

static void what_the_model_lacks_is_named_with_its_object(void)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"name='creationTime'", "name='createdAt'", "createdAt"},
        {"name='hash'", "name='creationTime'", "more than once"},
        {"<rim:Value>747</rim:Value>", "<rim:Value>747</rim:Value><rim:Value>748</rim:Value>",
         "has 2 values"},
        {"urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
         "urn:uuid:00000000-0000-0000-0000-000000000000", "classificationScheme"},
        {"identificationScheme='urn:uuid:2e82c1f6", "identificationScheme='urn:uuid:3e82c1f6",
         "identificationScheme"},
        {"classifiedObject='Document01'", "classifiedObject='Document02'", "Document02"},
        {"registryObject='Document01'", "registryObject='Document02'", "Document02"},
        {"nodeRepresentation='History'", "nodeRepresentation=''", "nodeRepresentation"},
        {"<rim:Value>1.2.3.1</rim:Value>", "", "codingScheme"},
        {"d9d542f3-6cc4-48b6-8870-ea235fbc94c2", "d9d542f3-6cc4-48b6-8870-ea235fbc94c3",
         "neither as a SubmissionSet nor as a Folder"},
        {"<rim:Description>", "<rim:Surprise/><rim:Description>", "Surprise"},
        {"<rim:ExtrinsicObject id='Document01'", "<rim:ExtrinsicObject", "has no id"},
    };
    struct arena a;
    struct errors err;
    struct xds_submission s;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CU_ASSERT_FALSE(read_text(&a, sample_submission(&a, cases[i].from, cases[i].to), &s, &err));
        CU_ASSERT_FATAL(err.first != NULL);
        CU_ASSERT_STRING_EQUAL(err.first->code, "XDSRegistryMetadataError");
        if (str_find_str(err.first->text, str_from(cases[i].says)) < 0)
            printf("case %zu says: %.*s\n", i, STR_ARG(err.first->text));
        CU_ASSERT(str_find_str(err.first->text, str_from(cases[i].says)) >= 0);
    }
    arena_dispose(&a);
}

static struct {
    unsigned files, unread, unstable;
} kit;

/* What an ITI-42 reader does not take, with the reason. */
static const char *const refused[] = {
    "12346/single_doc.xml",               /* languageCode twice */
    "ids_4801/selftest-pnr/metadata.xml", /* an Association without an id, in ebRIM 3.0 */
    "ids_4801/validate-metadata/metadata.xml",
    "messagevalidator/pnr-bad-uplink.xml", /* classifiedObject names another object */
    NULL};

static bool is_refused(const char *path)
{
    for (size_t i = 0; refused[i]; i++)
        if (str_ends(str_from(path), str_from(refused[i])))
            return true;
    return false;
}

/* Placeholders that the kit's tools would fill. */
static struct str filled(struct arena *a, struct str xml)
{
    static const struct {
        const char *from, *to;
    } fills[] = {{"$patientid$", "P1^^^&amp;1.2.3&amp;ISO"},
                 {"$patient_id$", "P1^^^&amp;1.2.3&amp;ISO"},
                 {"$uuid$", "urn:uuid:11111111-1111-4111-8111-111111111111"},
                 {"$rplc_doc_uuid$", "urn:uuid:11111111-1111-4111-8111-111111111111"}};
    struct strbuf b = strbuf_on(a, xml.n + 4096);

    for (size_t at = 0; at < xml.n;) {
        size_t i = 0, n = 1;

        while (i < 4 && !str_starts(str_slice(xml, at, xml.n), str_from(fills[i].from)))
            i++;
        if (i < 4) {
            strbuf_add(&b, str_from(fills[i].to));
            n = strlen(fills[i].from);
        } else {
            strbuf_addc(&b, xml.p[at]);
        }
        at += n;
    }
    return strbuf_str(&b);
}

static int read_kit_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct arena a;
    struct errors err;
    struct xds_submission s, again;
    struct str xml;
    xmlNode *list;

    (void)st;
    (void)ftw;
    if (type != FTW_F || !str_ends(str_from(path), STR(".xml")))
        return 0;
    arena_init(&a);
    xml = sample_file(&a, path);
    list = str_find_str(xml, STR("SubmitObjectsRequest")) >= 0 ? sample_list(&a, filled(&a, xml))
                                                               : NULL;
    if (list != NULL) {
        errors_init(&err, &a);
        kit.files++;
        if (xds_rim_read(&a, list, &s, &err) != OK) {
            kit.unread += !is_refused(path);
            if (!is_refused(path))
                printf("%s: %.*s\n", path, STR_ARG(err.first->text));
        } else {
            struct str once = written(&a, &s);

            kit.unread += is_refused(path);
            kit.unstable +=
                !read_text(&a, once, &again, &err) || !str_eq(written(&a, &again), once);
        }
    }
    arena_dispose(&a);
    return 0;
}

static void the_test_kit_is_read_and_written_back(void)
{
    const char *folder = test_data("ihe/nist");

    if (folder == NULL)
        return;
    memset(&kit, 0, sizeof(kit));
    CU_ASSERT_EQUAL(nftw(folder, read_kit_file, 16, FTW_PHYS), 0);
    CU_ASSERT(kit.files > 200);
    CU_ASSERT_EQUAL(kit.unstable, 0);
    CU_ASSERT_EQUAL(kit.unread, 0);
}

/* An ITI-41 of another project: SOAP and MIME around it, and lines of HTTP in front. */
static void a_submission_of_the_swiss_record_is_read(void)
{
    const char *path = test_data("ihe/epd-by-example/samples/ITI-41_request_raw.xml");
    struct arena a;
    struct errors err;
    struct xds_submission s;
    struct str text;
    ptrdiff_t from, to;

    if (path == NULL)
        return;
    arena_init(&a);
    text = sample_file(&a, path);
    from = str_find_str(text, STR("<xds:ProvideAndRegister"));
    to = str_find_str(text, STR("<xds:Document "));
    CU_ASSERT_FATAL(from > 0 && to > from);
    text = str_printf(&a, "%.*s</xds:ProvideAndRegisterDocumentSetRequest>", (int)(to - from),
                      text.p + from);
    CU_ASSERT_FATAL(read_text(&a, text, &s, &err));
    CU_ASSERT_PTR_NOT_NULL(s.set);
    CHECK_STR(xds_text(s.objects.v[0], "mimeType"), STR("application/fhir+json"));
    CHECK_STR(s.objects.v[0]->extra.v[0].name,
              STR("urn:e-health-suisse:2020:originalProviderRole"));
    arena_dispose(&a);
}

/* What is kept of extra metadata is compared with what comes: a message must not have so much that
 * this takes longer than the request may. */
static void extra_slots_are_counted_as_they_come(void)
{
    struct xds_submission s;
    struct errors err;
    struct arena a;
    struct strbuf b;

    arena_init(&a);
    b = strbuf_on(&a, 1 << 20);
    strbuf_lit(&b, "<rim:RegistryObjectList xmlns:rim=\"" XDS_RIM_NS "\">"
                   "<rim:ExtrinsicObject id=\"a\">");
    for (int i = 0; i < 20000; i++)
        strbuf_addf(&b, "<rim:Slot name=\"urn:x:%d\"/>", i);
    strbuf_lit(&b, "</rim:ExtrinsicObject></rim:RegistryObjectList>");
    CU_ASSERT_FALSE(read_text(&a, strbuf_str(&b), &s, &err));
    CU_ASSERT_FATAL(s.objects.n == 1);
    CU_ASSERT(s.objects.v[0]->extra.n <= 1000);
    arena_dispose(&a);
}

SUITE(test_rim, CASE(authors_names_codes_and_extra_slots_come_back_exactly),
      CASE(extra_slots_are_counted_as_they_come), CASE(a_package_may_be_classified_beside_it),
      CASE(what_the_model_lacks_is_named_with_its_object),
      CASE(the_test_kit_is_read_and_written_back), CASE(a_submission_of_the_swiss_record_is_read));
