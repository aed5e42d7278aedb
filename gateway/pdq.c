#include "gateway/pdq.h"

#include <stdlib.h>

#include "gateway/pdq_page.h"
#include "mpi/golden.h"

/* --- what may be seen ------------------------------------------------------------------------ */

enum status pdq_policies(struct request *rq, const struct mpi_found *found,
                         struct consent_policies *policies)
{
    size_t n = 0;
    struct person_ref *refs;

    for (size_t i = 0; i < found->count; i++)
        n += found->people[i].person.constituent_count;
    refs = ARENA_ARRAY(rq->arena, n, struct person_ref);
    n = 0;
    for (size_t i = 0; i < found->count; i++)
        for (size_t j = 0; j < found->people[i].person.constituent_count; j++)
            refs[n++] = found->people[i].person.constituents[j];
    consent_queue(rq, refs, n, policies);
    TRY(db_flush(rq->db));
    return consent_read(rq, policies);
}

static void keep_domains(struct identity_visible *v, const struct str *domains, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < v->count; i++)
        for (size_t j = 0; j < count; j++)
            if (str_eq(v->items[i].id.authority, domains[j])) {
                v->items[kept++] = v->items[i];
                break;
            }
    v->count = count > 0 ? kept : v->count;
}

static int trust_of(const struct request *rq, int64_t member_id)
{
    const struct member *m = member_by_id(rq->members, member_id);

    return mpi_golden_trust(str_from(rq->config->golden_trust), m != NULL ? m->name : STR(""));
}

/* What is believed of the person by the records that this member may see. */
struct mpi_demographics pdq_shown(struct request *rq, const struct identity_seen *seen)
{
    struct mpi_golden_source *sources =
        ARENA_ARRAY(rq->arena, seen->record_count, struct mpi_golden_source);
    struct mpi_golden golden;

    for (size_t i = 0; i < seen->record_count; i++)
        sources[i] = (struct mpi_golden_source){
            .place = seen->records[i]->place,
            .trust = trust_of(rq, seen->records[i]->member_id),
            .said_at_us = seen->records[i]->said_at_us,
            .demographics = seen->records[i]->demographics,
        };
    mpi_golden_build(rq->arena, sources, seen->record_count, &golden);
    return golden.demographics;
}

/* --- what fits ------------------------------------------------------------------------------- */

static bool has_all(const struct identity_seen *seen, const struct mpi_criteria *c)
{
    for (size_t i = 0; i < c->id_count; i++)
        if (!identity_visible_has(&seen->ids, c->ids[i]))
            return false;
    return true;
}

/* Fit and weight of the best of the visible records; fit 0: none of them answers. */
static void judge(struct request *rq, const struct identity_seen *seen,
                  const struct mpi_criteria *c, struct mpi_rank *rank, struct pdq_patient *p)
{
    p->fit = 0;
    for (size_t i = 0; i < seen->record_count && has_all(seen, c); i++) {
        const struct mpi_demographics *d = &seen->records[i]->demographics;
        double fit = mpi_criteria_fit(rq->arena, c, d), weight;

        if (fit <= 0)
            continue;
        weight = mpi_rank_weight(rank, d);
        if (p->fit <= 0 || weight > p->weight)
            p->weight = weight;
        p->fit = fit > p->fit ? fit : p->fit;
    }
}

/* The core's weight first; equal ones (by an identifier alone, by wildcards) by how they fit. */
static int by_weight(const void *a, const void *b)
{
    const struct pdq_patient *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    if (x->fit != y->fit)
        return x->fit > y->fit ? -1 : 1;
    if (x->person.person_id != y->person.person_id)
        return x->person.person_id < y->person.person_id ? -1 : 1;
    return 0;
}

/* Those that answer and may be seen. `c` NULL: they were found to answer before. */
static enum status gate_all(struct request *rq, const struct mpi_found *found,
                            const struct mpi_criteria *c, const struct str *domains,
                            size_t domain_count, struct pdq_answer *out)
{
    struct consent_policies policies;
    struct mpi_rank *rank = NULL;

    *out = (struct pdq_answer){
        .patients = ARENA_ARRAY(rq->arena, found->count, struct pdq_patient),
    };
    if (found->count == 0)
        return OK;
    TRY(pdq_policies(rq, found, &policies));
    if (c != NULL)
        rank = mpi_rank_new(rq->arena, found->model, c);
    for (size_t i = 0; i < found->count; i++) {
        struct pdq_patient *p = &out->patients[out->count];
        struct identity_seen seen;

        identity_gate_person(rq, &found->people[i], &policies, &seen);
        *p = (struct pdq_patient){.person = seen.person, .ids = seen.ids, .fit = 1};
        if (c != NULL)
            judge(rq, &seen, c, rank, p);
        keep_domains(&p->ids, domains, domain_count);
        if (p->fit <= 0 || p->ids.count == 0 || seen.record_count == 0)
            continue;
        p->shown = pdq_shown(rq, &seen);
        out->count++;
    }
    return OK;
}

/* --- pages ----------------------------------------------------------------------------------- */

static void audit(struct request *rq, const struct pdq_answer *a)
{
    struct audit_row *row;

    for (size_t i = 0; i < a->count; i++) {
        row = audit_add(rq->arena, &rq->audit);
        row->patient = identifier_cx(rq->arena, a->patients[i].ids.items[0].id);
        row->pkey = a->patients[i].person.pkey;
        row->person_id = a->patients[i].person.person_id;
        row->objects = rq->about;
    }
    if (a->count > 0)
        return;
    row = audit_add(rq->arena, &rq->audit);
    row->patient = rq->patient;
    row->objects = rq->about;
}

/* Keeps the first `page`, and what is behind them for later. */
static void cut_page(struct request *rq, struct pdq_rest *rest, struct pdq_answer *a)
{
    size_t page = rest->page;

    if (page > 0 && a->count > page) {
        rest->persons = ARENA_ARRAY(rq->arena, a->count - page, struct person_ref);
        for (size_t i = page; i < a->count; i++)
            rest->persons[rest->count++] = a->patients[i].person;
        rest->shown += page;
        a->remaining = a->count - page;
        a->count = page;
        a->pointer = pdq_page_keep(rq, rest);
    }
    audit(rq, a);
}

enum status pdq_ask(struct request *rq, const struct pdq_query *q, struct pdq_answer *out)
{
    struct mpi_found found;
    struct pdq_rest rest = {
        .query_id = q->id,
        .page = q->page,
        .domains = (struct str *)q->domains,
        .domain_count = q->domain_count,
    };
    size_t most = (size_t)rq->config->max_patients;

    if (!mpi_criteria_enough(&q->criteria))
        return fail(rq->err, INVALID, "TooBroad",
                    "Too little is asked: an identifier, account or telephone number, a whole birth"
                    " date, or a family name of two letters (three before a star) is needed");
    TRY(mpi_find(rq, &q->criteria, &found));
    TRY(gate_all(rq, &found, &q->criteria, q->domains, q->domain_count, out));
    if (out->count > 0)
        qsort(out->patients, out->count, sizeof(*out->patients), by_weight);
    out->capped = found.truncated || out->count > most;
    out->count = out->count < most ? out->count : most;
    out->total = out->count;
    cut_page(rq, &rest, out);
    return OK;
}

enum status pdq_match(struct request *rq, const struct mpi_criteria *c, double least,
                      struct pdq_answer *out, bool *more)
{
    struct mpi_found found;
    size_t kept = 0;

    TRY(mpi_find(rq, c, &found));
    TRY(gate_all(rq, &found, c, NULL, 0, out));
    for (size_t i = 0; i < out->count; i++)
        if (out->patients[i].fit >= least)
            out->patients[kept++] = out->patients[i];
    out->count = kept;
    if (kept > 0)
        qsort(out->patients, kept, sizeof(*out->patients), by_weight);
    *more = found.truncated;
    return OK;
}

enum status pdq_continue(struct request *rq, struct str query_id, struct pdq_place place,
                         size_t page, struct pdq_answer *out)
{
    struct pdq_rest rest, next;
    struct mpi_found found;

    TRY(pdq_page_read(rq, query_id, place, &rest));
    TRY(mpi_find_people(rq, rest.persons, rest.count, &found));
    TRY(gate_all(rq, &found, NULL, rest.domains, rest.domain_count, out));
    out->total = rest.shown + out->count;
    next = rest;
    next.page = page > 0 ? page : rest.page;
    next.persons = NULL;
    next.count = 0;
    cut_page(rq, &next, out);
    return OK;
}

void pdq_cancel(struct request *rq, struct str query_id)
{
    pdq_page_forget(rq, query_id);
}
