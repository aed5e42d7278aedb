/* HL7 v3: the body of an interaction to demographics (as JSON and back), to a demographics query,
 * and its query told again, as answers tell it. */
#include <sodium.h>
#include <stdlib.h>

#include "gateway/pdq_v3.h"
#include "gateway/v3_person.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

static const xmlNode *patient_of(const struct hl7v3 *m)
{
    const xmlNode *n = xml_child(m->act, NS_HL7V3, "subject");

    n = xml_child(n, NS_HL7V3, "registrationEvent");
    n = xml_child(n, NS_HL7V3, "subject1");
    return xml_child(n, NS_HL7V3, "patient");
}

/* What is told is well-formed again. */
static void check_written(struct arena *a, struct strbuf *b)
{
    struct errors err;
    xmlNode *root;

    errors_init(&err, a);
    if (xml_parse(a, strbuf_str(b), &XML_LIMITS, &err, &root) != OK)
        abort();
}

/* What was read must survive its way into the database and back, and can be told. */
static void check_person(struct arena *a, const struct mpi_demographics *d)
{
    struct strbuf b = strbuf_on(a, 1024);
    struct xml_writer w = xml_writer_on(&b);
    struct mpi_demographics again;
    struct errors err;

    errors_init(&err, a);
    if (mpi_demographics_parse(a, mpi_demographics_json(a, d), &again, &err) != OK)
        abort();
    v3_person_write(&w, &again);
    check_written(a, &b);
}

static void check_copy(struct arena *a, const xmlNode *query)
{
    struct strbuf b = strbuf_on(a, 1024);
    struct xml_writer w = xml_writer_on(&b);

    xml_begin(&w, "copy");
    hl7v3_copy(a, &w, query);
    xml_end(&w, "copy");
    check_written(a, &b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct member_authority authority = {{"1.2.3", 5}, {"NS", 2}};
    static struct member member = {.id = 1, .authorities = &authority, .authority_count = 1};
    static struct member_directory directory = {.members = &member, .count = 1};
    static const struct config config = {.xad_authority = "1.2.4", .xad_source = "hub"};
    struct arena a;
    struct errors err;
    struct soap_message message = {0};
    struct mpi_demographics person;
    struct pdq_v3 *query;
    struct request rq = {.config = &config,
                         .members = &directory,
                         .arena = &a,
                         .err = &err,
                         .principal = {.member = &member},
                         .message = {.soap = &message}};

    if (n > 1 << 14)
        return 0;
    arena_init(&a);
    errors_init(&err, &a);
    if (xml_parse(&a, str_of(data, n), &XML_LIMITS, &err, &message.body) == OK) {
        struct hl7v3 m = hl7v3_look(&rq);

        if (v3_person_read(&rq, patient_of(&m), &person) == OK)
            check_person(&a, &person);
        query = ARENA_NEW(&a, struct pdq_v3);
        if (pdq_v3_read(&rq, &m, query) != OK && err.count == 0)
            abort();
        check_copy(&a, m.query);
    }
    arena_dispose(&a);
    return 0;
}
