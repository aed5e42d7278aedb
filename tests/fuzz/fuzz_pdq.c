/* A demographics query: the readers of QPD, RCP and DSC, and the comparison of whatever was asked
 * with whatever a PID says. */
#include <stdlib.h>

#include "gateway/adt.h"
#include "gateway/pdq_v2.h"
#include "hub/base/json_text.h"
#include "tests/fuzz/fuzz.h"

static void compare(struct request *rq, const struct mpi_criteria *c, const struct hl7_message *m)
{
    struct mpi_rank *rank = mpi_rank_new(rq->arena, mpi_model_builtin(), c);
    struct mpi_feed feed;
    double fit;

    if (adt_read_patient(rq, m, &feed) != OK)
        return;
    fit = mpi_criteria_fit(rq->arena, c, &feed.demographics);
    if (!(fit >= 0 && fit <= 1))
        abort();
    mpi_rank_weight(rank, &feed.demographics);
}

static void check(struct request *rq, const struct pdq_v2 *q, const struct hl7_message *m)
{
    const struct mpi_criteria *c = &q->query.criteria;
    const struct mpi_pattern *patterns[] = {&c->family, &c->given, &c->middle,  &c->street,
                                            &c->city,   &c->state, &c->country, &c->postcode};

    if (q->query.domain_count > PIX_DOMAINS_MAX || c->id_count > MPI_CRITERIA_IDS_MAX ||
        q->query.id.n == 0 || q->query.id.n > PDQ_QUERY_ID_MAX)
        abort();
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (!utf8_valid(patterns[i]->text) || str_find(patterns[i]->text, '*') >= 0)
            abort();
    mpi_criteria_enough(c);
    compare(rq, c, m);
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
    struct pdq_v2 q;

    if (n > 1 << 13)
        return 0;
    arena_init(&a);
    errors_init(&err, &a);
    if (hl7_parse(&a, str_of(data, n), STR("UNICODE UTF-8"), &m, &err) == OK &&
        pdq_v2_read(&rq, &m, &q) == OK)
        check(&rq, &q, &m);
    arena_dispose(&a);
    return 0;
}
