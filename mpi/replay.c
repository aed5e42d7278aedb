#include "mpi/replay.h"

enum { PAGE = 500 };

static bool same_reasons(const struct mpi_decided *d, const struct mpi_decision *made)
{
    if (d->reason_count != made->reason_count)
        return false;
    for (size_t i = 0; i < d->reason_count; i++)
        if (!str_eq(d->reasons[i], str_from(mpi_why_code(made->reasons[i]))))
            return false;
    return true;
}

/* The candidates were stored as the core sorted them: they must come out in that order. */
static const char *scores_differ(struct arena *a, const struct mpi_decided *d,
                                 const struct mpi_decision *made)
{
    const struct mpi_ruling *r = &made->ruling;

    if (r->score_count != d->in.count)
        return "vector";
    for (size_t i = 0; i < r->score_count; i++) {
        if (r->scores[i].rival != i ||
            !str_eq(mpi_levels_text(a, &r->scores[i].vector), d->levels[i]))
            return "vector";
        if (r->scores[i].weight < d->weights[i] || r->scores[i].weight > d->weights[i])
            return "weight";
    }
    return NULL;
}

static const char *differs(struct arena *a, const struct mpi_decided *d,
                           const struct mpi_decision *made)
{
    if (!str_eq(d->outcome, str_from(mpi_verdict_name(made->outcome))))
        return "outcome";
    if (!person_ref_eq(d->person, made->person))
        return "person";
    if (!same_reasons(d, made))
        return "reasons";
    return scores_differ(a, d, made);
}

static bool is_whole(const struct mpi_case *in)
{
    bool whole = in->packed.p != NULL;

    for (size_t i = 0; i < in->count; i++)
        whole = whole && in->considered[i].packed.p != NULL;
    return whole;
}

enum status mpi_replay_one(struct request *rq, struct mpi_coding *c, const struct mpi_decided *d,
                           struct mpi_replayed *out)
{
    *out = (struct mpi_replayed){.differs = "gone"};
    if (!is_whole(&d->in))
        return OK;
    TRY(mpi_decision_make(c, &d->in, &out->made, rq->err));
    out->differs = differs(rq->arena, d, &out->made);
    return OK;
}

/* --- all of them ----------------------------------------------------------------------------- */

struct cursor {
    int64_t pkey;
    struct uuid id;
};

static void page_queue(struct request *rq, const struct cursor *at, bool newest, uint64_t limit,
                       struct rows *rows)
{
    /* across places: all decisions, in the order of the key */
    static const struct statement NEXT = {
        "mpi_decisions_next",
        MPI_DECISION_COLUMNS "  FROM mpi_decision"
                             " WHERE (pkey, decision_id) > ($1, $2)"
                             " ORDER BY pkey, decision_id"
                             " LIMIT $3",
    };
    /* across places: the newest decisions; ids sort by age */
    static const struct statement NEWEST = {
        "mpi_decisions_newest",
        MPI_DECISION_COLUMNS "  FROM mpi_decision"
                             " WHERE decision_id < $1"
                             " ORDER BY decision_id DESC"
                             " LIMIT $2",
    };

    if (newest)
        db_queue(rq->db, &NEWEST, rows, DB_UUID(at->id), DB_INT8((int64_t)limit));
    else
        db_queue(rq->db, &NEXT, rows, DB_INT8(at->pkey), DB_UUID(at->id), DB_INT8((int64_t)limit));
}

static enum status page_visit(struct request *rq, const struct rows *rows,
                              mpi_decision_visitor visit, void *p)
{
    struct mpi_decided *decisions = ARENA_ARRAY(rq->arena, (size_t)rows->count, struct mpi_decided);

    for (int row = 0; row < rows->count; row++)
        TRY(mpi_decision_read(rq, rows, row, &decisions[row]));
    TRY(mpi_decisions_fill(rq, decisions, (size_t)rows->count));
    for (int row = 0; row < rows->count; row++)
        TRY(visit(rq, &decisions[row], p));
    return OK;
}

enum status mpi_decisions_visit(struct request *rq, uint64_t limit, mpi_decision_visitor visit,
                                void *p)
{
    bool newest = limit > 0;
    struct cursor at = {.pkey = INT64_MIN};
    uint64_t done = 0;

    for (size_t i = 0; newest && i < sizeof(at.id.b); i++)
        at.id.b[i] = 0xff;
    for (;;) {
        uint64_t wanted = newest && limit - done < PAGE ? limit - done : PAGE;
        struct rows rows;

        arena_reset(rq->arena);
        db_attach(rq->db, rq->arena, rq->err, 0);
        page_queue(rq, &at, newest, wanted, &rows);
        TRY(db_flush(rq->db));
        if (rows.count == 0)
            return OK;
        TRY(page_visit(rq, &rows, visit, p));
        at.pkey = row_int(&rows, rows.count - 1, 0);
        at.id = row_uuid(&rows, rows.count - 1, 1);
        done += (uint64_t)rows.count;
        if ((newest && done == limit) || (uint64_t)rows.count < wanted)
            return OK;
    }
}
