#include "mpi/feeding.h"

/* --- the decision ---------------------------------------------------------------------------- */

enum status mpi_feeding_read_others(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct place *places = ARENA_ARRAY(rq->arena, w->person.place_count, struct place);
    size_t n = 0;
    struct rows rows;

    for (size_t i = 0; i < w->person.place_count; i++)
        if (!place_eq(w->person.places[i], w->before.place))
            places[n++] = w->person.places[i];
    if (n == 0)
        return OK;
    mpi_records_queue(rq, places, n, &rows);
    TRY(db_flush(rq->db));
    w->others = ARENA_ARRAY(rq->arena, (size_t)rows.count, struct mpi_record);
    for (int row = 0; row < rows.count; row++)
        w->others[w->other_count++] = mpi_record_read(rq, &rows, row);
    return OK;
}

/* Nothing of the person but this record, anchors, and what its source merged into it. */
static bool is_alone(const struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->other_count; i++)
        if (!w->others[i].anchor && !place_eq(w->others[i].into, w->before.place))
            return false;
    return true;
}

/* Where a member feeds XAD-PIDs, the known one of a known record counts as well. */
static struct str fed_xad(const struct mpi_feeding *w)
{
    if (w->xad_pid.n > 0 || mpi_is_hub_issuing(w->rq))
        return w->xad_pid;
    return w->person.xad_pid;
}

enum status mpi_feeding_decide(struct mpi_feeding *w)
{
    struct mpi_case *in = &w->facts;

    *in = (struct mpi_case){
        .place = w->after.place,
        .version = w->after.version,
        .packed = w->after.packed,
        .known = w->known,
    };
    if (w->known) {
        struct str reason = row_text(&w->link, 0, 1), by = row_text(&w->link, 0, 2);

        in->own = w->hit.person;
        in->pinned = str_eq(reason, STR("steward")) || str_eq(reason, STR("unmerge")) ||
                     (str_eq(reason, STR("merge")) && !str_eq(by, STR("algorithm")));
        in->alone = is_alone(w);
    }
    TRY(mpi_search_read(w->rq, w->coding, &w->found, w->feed->member_id, fed_xad(w), in));
    return mpi_decision_make(w->coding, in, &w->decision, w->rq->err);
}

/* --- what stewards should look at ------------------------------------------------------------ */

static bool task_is_open(const struct mpi_feeding *w, const char *kind, struct place other)
{
    for (int row = 0; row < w->tasks.count; row++)
        if (str_eq(row_text(&w->tasks, row, 0), str_from(kind)) &&
            place_eq((struct place){row_int(&w->tasks, row, 1), row_int(&w->tasks, row, 2)}, other))
            return true;
    return false;
}

static void task_open(struct mpi_feeding *w, const char *kind, struct person_ref person,
                      struct place other, struct str reasons)
{
    struct mpi_task t = {
        .kind = kind,
        .place = w->after.place,
        .version = w->after.version,
        .person = w->hit.person,
        .other = person,
        .other_place = other,
        .decision = w->search ? &w->decision_id : NULL,
        .detail = str_printf(w->rq->arena, "{\"reasons\":%.*s}", STR_ARG(reasons)),
    };

    if (!task_is_open(w, kind, other))
        mpi_task_store(w->rq, &t);
}

static struct str reasons_of(struct mpi_feeding *w)
{
    return mpi_reasons_json(w->rq->arena, w->decision.reasons, w->decision.reason_count);
}

void mpi_feeding_keep_decision(struct mpi_feeding *w)
{
    w->facts.place = w->after.place;
    w->decision_id = mpi_decision_store(w->rq, w->coding, &w->facts, &w->decision);
    if (w->decision.outcome == MPI_VERDICT_REVIEW)
        task_open(w, "possible_duplicate", w->decision.person, w->decision.best, reasons_of(w));
}

void mpi_feeding_check_overlay(struct mpi_feeding *w)
{
    const enum mpi_reason overlay = MPI_WHY_OVERLAY;
    const uint32_t *before = mpi_code(w->coding, w->before.packed);
    const uint32_t *after = mpi_code(w->coding, w->after.packed);

    if (before != NULL && after != NULL &&
        mpi_contradicts(w->coding->model, &w->coding->dict, before, after))
        task_open(w, "overlay", (struct person_ref){0, 0}, (struct place){0, 0},
                  mpi_reasons_json(w->rq->arena, &overlay, 1));
}

void mpi_feeding_check_identifiers(struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->under_locks.count; i++) {
        const struct mpi_hit *h = &w->under_locks.hits[i];

        if (h->known == MPI_ACTIVE && !person_ref_eq(h->person, w->hit.person)) {
            task_open(w, "identifier_conflict", h->person, h->place, STR("[]"));
            return;
        }
    }
}
