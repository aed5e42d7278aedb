/* HL7 v2: header, tokens, escapes, character sets; PID and MRG to demographics, normalised, packed
 * and written as JSON; and the acknowledgement of whatever came. */
#include <stdlib.h>

#include "gateway/adt.h"
#include "gateway/hl7.h"
#include "gateway/hl7_answer.h"
#include "gateway/hl7_charset.h"
#include "hub/base/json_text.h"
#include "mpi/subject.h"
#include "tests/fuzz/fuzz.h"

/* Touches every component of every field. */
static void walk(struct arena *a, const struct hl7_message *m)
{
    for (size_t i = 0; i < m->segment_count; i++)
        for (int f = 1; f < 32; f++) {
            struct str rest = hl7_field(m, &m->segments[i], f);

            for (int r = 0; rest.p != NULL && r < 8; r++) {
                struct str repetition = hl7_repetition(m, &rest);

                for (int c = 1; c < 8; c++) {
                    struct str component = hl7_component(m, repetition, c);
                    struct str text = hl7_text(a, m, hl7_subcomponent(m, component, 1));
                    struct strbuf b = strbuf_on(a, text.n);

                    if (!utf8_valid(text))
                        abort();
                    hl7_escape(&b, &m->separators, text);
                }
            }
        }
}

/* What was read must survive its way into the database and back. */
static void check_patient(struct arena *a, const struct mpi_demographics *d)
{
    struct errors err;
    struct mpi_coding *c = mpi_coding_new(a, mpi_model_builtin());
    const uint32_t *coded = mpi_code(c, mpi_packed_of(a, d));
    struct str json = mpi_demographics_json(a, d);
    struct mpi_demographics again;
    struct mpi_block keys[MPI_BLOCKS_MAX];

    errors_init(&err, a);
    if (!utf8_valid(json) || mpi_demographics_parse(a, json, &again, &err) != OK)
        abort();
    if (coded == NULL || mpi_keys(c, coded, keys) > MPI_BLOCKS_MAX)
        abort();
}

static void read_adt(struct request *rq, const struct hl7_message *m)
{
    struct mpi_feed feed;
    struct adt_merge *merges;
    size_t count;

    if (adt_read_patient(rq, m, &feed) == OK)
        check_patient(rq->arena, &feed.demographics);
    if (adt_read_merges(rq, m, &merges, &count) == OK && count == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct member_authority authority = {{"1.2.3", 5}, {"NS", 2}};
    static struct member member = {.id = 1, .authorities = &authority, .authority_count = 1};
    static struct member_directory directory = {.members = &member, .count = 1};
    static const struct config config = {.xad_authority = "1.2.4", .xad_source = "hub"};
    struct arena a;
    struct errors err;
    struct hl7_message m = {0};
    struct request rq = {.config = &config,
                         .members = &directory,
                         .arena = &a,
                         .err = &err,
                         .principal = {.member = &member},
                         .message = {.hl7 = &m}};

    if (n > 1 << 14)
        return 0;
    arena_init(&a);
    errors_init(&err, &a);
    if (hl7_parse(&a, str_of(data, n), STR("8859/1"), &m, &err) == OK) {
        walk(&a, &m);
        read_adt(&rq, &m);
        hl7_encode(&a, m.text, m.charset);
    }
    hl7_acknowledgement(&rq, &m, hl7_ack_of(err.status, &err));
    arena_dispose(&a);
    return 0;
}
