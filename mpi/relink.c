#include "mpi/relink.h"

#include "mpi/golden_store.h"
#include "mpi/keys.h"
#include "mpi/relink_log.h"

/* --- as it is -------------------------------------------------------------------------------- */

static void links_queue(struct mpi_relink *w, const int64_t *pkeys, const int64_t *ids, size_t n)
{
    static const struct statement LINKS = {
        "mpi_relink_links",
        "SELECT l.pkey, l.record_id, l.version, to_jsonb(l)"
        "  FROM mpi_link l"
        " WHERE (l.pkey, l.record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND l.until IS NULL",
    };
    static const struct statement XADS = {
        "mpi_relink_xads",
        "SELECT x.xad_pid, to_jsonb(x)"
        "  FROM mpi_xad x"
        " WHERE x.ikey = ANY($1)",
    };
    struct request *rq = w->rq;
    int64_t xad = mpi_identifier_key(mpi_xad_identifier(rq, w->persons[MPI_FROM].xad_pid));

    db_queue(rq->db, &LINKS, &w->links, DB_INT8S(pkeys, n), DB_INT8S(ids, n));
    db_queue(rq->db, &XADS, &w->xads, DB_INT8S(&xad, 1));
}

/* What stewards have on their table about these records: columns of both statements alike. */
static void tasks_queue(struct mpi_relink *w, const int64_t *pkeys, const int64_t *ids, size_t n)
{
    static const struct statement OWN = {
        "mpi_relink_tasks",
        "SELECT t.pkey, t.task_id, t.record_id, t.other_pkey, t.other_record, to_jsonb(t)"
        "  FROM mpi_task t"
        " WHERE (t.pkey, t.record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND t.state <> 'closed'"
        "   AND t.kind = 'possible_duplicate'",
    };
    /* across places: a task lies with one of its two records, and these are the other ones */
    static const struct statement OTHER = {
        "mpi_relink_other_tasks",
        "SELECT t.pkey, t.task_id, t.record_id, t.other_pkey, t.other_record, to_jsonb(t)"
        "  FROM mpi_task t"
        " WHERE (t.other_pkey, t.other_record) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND t.state <> 'closed'"
        "   AND t.kind = 'possible_duplicate'",
    };

    db_queue(w->rq->db, &OWN, &w->tasks, DB_INT8S(pkeys, n), DB_INT8S(ids, n));
    db_queue(w->rq->db, &OTHER, &w->other_tasks, DB_INT8S(pkeys, n), DB_INT8S(ids, n));
}

static struct mpi_record *records_read(struct request *rq, const struct rows *rows)
{
    struct mpi_record *records = ARENA_ARRAY(rq->arena, (size_t)rows->count, struct mpi_record);

    for (int row = 0; row < rows->count; row++)
        records[row] = mpi_record_read(rq, rows, row);
    return records;
}

static void plan_begin(struct mpi_relink *w)
{
    struct request *rq = w->rq;
    size_t count = w->counts[MPI_FROM];

    w->before = ARENA_ARRAY(rq->arena, count, struct mpi_id_list);
    w->intos = ARENA_ARRAY(rq->arena, count, struct place);
    w->moves = ARENA_ARRAY(rq->arena, count, bool);
    w->changes = ARENA_ARRAY(rq->arena, count, bool);
    for (size_t i = 0; i < count; i++) {
        w->before[i] = mpi_active_ids(rq, &w->records[MPI_FROM][i]);
        w->intos[i] = w->records[MPI_FROM][i].into;
    }
    w->images = mpi_relink_images(w);
    w->after[MPI_TO] = w->persons[MPI_TO];
    w->after[MPI_FROM] = w->persons[MPI_FROM];
}

enum status mpi_relink_read(struct mpi_relink *w)
{
    struct request *rq = w->rq;
    const struct mpi_person *from = &w->persons[MPI_FROM];
    int64_t *pkeys = ARENA_ARRAY(rq->arena, from->place_count, int64_t);
    int64_t *ids = ARENA_ARRAY(rq->arena, from->place_count, int64_t);
    struct rows found[2];

    for (size_t i = 0; i < from->place_count; i++) {
        pkeys[i] = from->places[i].pkey;
        ids[i] = from->places[i].record_id;
    }
    for (int side = MPI_TO; side <= MPI_FROM; side++)
        mpi_records_queue(rq, w->persons[side].places, w->persons[side].place_count, &found[side]);
    links_queue(w, pkeys, ids, from->place_count);
    tasks_queue(w, pkeys, ids, from->place_count);
    TRY(db_flush(rq->db));
    for (int side = MPI_TO; side <= MPI_FROM; side++) {
        w->counts[side] = (size_t)found[side].count;
        w->records[side] = records_read(rq, &found[side]);
    }
    plan_begin(w);
    if (w->links.count == found[MPI_FROM].count)
        return OK;
    return fail(rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

/* --- the plan -------------------------------------------------------------------------------- */

void mpi_relink_all(struct mpi_relink *w)
{
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        w->moves[i] = true;
    w->emptied = true;
}

/* What the source merged into a record that goes over, goes with it: A into B, then B into C. */
static bool followers_move(struct mpi_relink *w)
{
    const struct mpi_record *r = w->records[MPI_FROM];
    bool more = false;

    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        for (size_t j = 0; j < w->counts[MPI_FROM]; j++)
            if (!w->moves[i] && w->moves[j] && place_eq(r[i].into, r[j].place))
                more = w->moves[i] = true;
    return more;
}

void mpi_relink_record(struct mpi_relink *w, struct place place)
{
    const struct mpi_record *r = w->records[MPI_FROM];
    size_t left = 0;

    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        w->moves[i] = w->moves[i] || place_eq(r[i].place, place);
    while (followers_move(w))
        ;
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        left += !w->moves[i] && !r[i].anchor;
    if (left == 0)
        mpi_relink_all(w);
}

void mpi_relink_retire(struct mpi_relink *w, struct identifier id, struct place into)
{
    struct identifier *all = ARENA_ARRAY(w->rq->arena, w->retired_count + 1, struct identifier);

    for (size_t i = 0; i < w->retired_count; i++)
        all[i] = w->retired[i];
    all[w->retired_count++] = id;
    w->retired = all;
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++) {
        struct mpi_record *r = &w->records[MPI_FROM][i];

        for (size_t j = 0; j < r->id_count; j++)
            if (identifier_eq(r->ids[j], id)) {
                r->states[j] = MPI_STATE_RETIRED;
                w->changes[i] = true;
                if (into.record_id != 0)
                    r->into = into;
            }
    }
    mpi_identifier_set_state(w->rq, id, MPI_STATE_RETIRED);
}

/* Both persons' places as they are afterwards. */
static void move_places(struct mpi_relink *w)
{
    struct arena *a = w->rq->arena;
    const struct mpi_person *to = &w->persons[MPI_TO], *from = &w->persons[MPI_FROM];
    struct place *places = ARENA_ARRAY(a, to->place_count + from->place_count, struct place);
    struct place *kept = ARENA_ARRAY(a, from->place_count, struct place);
    size_t n = 0, left = 0;

    for (size_t i = 0; i < to->place_count; i++)
        places[n++] = to->places[i];
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++) {
        struct place place = w->records[MPI_FROM][i].place;

        if (w->moves[i])
            places[n++] = place;
        else
            kept[left++] = place;
    }
    w->after[MPI_TO].places = places;
    w->after[MPI_TO].place_count = n;
    w->after[MPI_FROM].places = kept;
    w->after[MPI_FROM].place_count = left;
}

static void join_constituents(struct mpi_relink *w)
{
    const struct mpi_person *to = &w->persons[MPI_TO], *from = &w->persons[MPI_FROM];
    size_t n = 0;
    struct person_ref *all =
        ARENA_ARRAY(w->rq->arena, to->constituent_count + from->constituent_count,
                    struct person_ref);

    for (size_t i = 0; i < to->constituent_count; i++)
        all[n++] = to->constituents[i];
    for (size_t i = 0; i < from->constituent_count; i++)
        all[n++] = from->constituents[i];
    w->after[MPI_TO].constituents = all;
    w->after[MPI_TO].constituent_count = n;
    w->after[MPI_FROM].merged = true;
    w->after[MPI_FROM].into = to->ref;
}

/* The XAD-PID of a person that is no more: no content of its own, an edge to the survivor's. A
 * survivor without one (none was fed for it yet) takes it over. */
static void join_xads(struct mpi_relink *w)
{
    struct mpi_person *to = &w->after[MPI_TO], *from = &w->after[MPI_FROM];

    if (from->xad_pid.n == 0)
        return;
    if (to->xad_pid.n == 0) {
        to->xad_pid = from->xad_pid;
        from->xad_pid = STR_NONE;
        return;
    }
    mpi_xad_subsume(w->rq, from->xad_pid, to->xad_pid);
    mpi_relink_retire(w, mpi_xad_identifier(w->rq, from->xad_pid), (struct place){0, 0});
}

/* Where a member feeds XAD-PIDs, its record carries them: the person's goes with that record. */
static void xad_follows(struct mpi_relink *w)
{
    struct mpi_person *to = &w->after[MPI_TO], *from = &w->after[MPI_FROM];

    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        for (size_t j = 0; w->moves[i] && j < w->before[i].count; j++)
            if (mpi_is_xad(w->rq, w->before[i].items[j]) && to->xad_pid.n == 0 &&
                str_eq(w->before[i].items[j].id, from->xad_pid)) {
                to->xad_pid = from->xad_pid;
                from->xad_pid = STR_NONE;
            }
}

static void plan_persons(struct mpi_relink *w)
{
    if (w->same)
        return;
    move_places(w);
    if (w->emptied) {
        join_constituents(w);
        join_xads(w);
    } else
        xad_follows(w);
}

/* --- the writes ------------------------------------------------------------------------------ */

static void move_link(struct mpi_relink *w, int row)
{
    struct mpi_link link = {
        .place = {row_int(&w->links, row, 0), row_int(&w->links, row, 1)},
        .version = (int)row_int(&w->links, row, 2) + 1,
        .person = w->persons[MPI_TO].ref,
        .reason = w->reason,
        .decided_by = w->by,
        .decision = w->decision,
    };

    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        if (w->moves[i] && place_eq(w->records[MPI_FROM][i].place, link.place))
            mpi_link_move(w->rq, &link);
}

static void write_records(struct mpi_relink *w)
{
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++) {
        struct mpi_record *r = &w->records[MPI_FROM][i];

        if (w->moves[i]) {
            mpi_identifiers_move(w->rq, r, w->persons[MPI_TO].ref);
            mpi_block_keys_move(w->rq, r, w->persons[MPI_TO].ref);
        }
        if (w->changes[i]) {
            r->version++;
            mpi_record_store(w->rq, r, w->event);
        }
    }
    for (int row = 0; row < w->links.count; row++)
        move_link(w, row);
}

static void write_persons(struct mpi_relink *w)
{
    const struct mpi_person *to = &w->after[MPI_TO];

    if (w->is_new)
        mpi_person_store(w->rq, to->ref, to->places, to->place_count, to->xad_pid);
    else
        mpi_person_update(w->rq, to);
    mpi_person_update(w->rq, &w->after[MPI_FROM]);
}

static size_t records_of(struct mpi_relink *w, bool goes_over, struct mpi_record *out, size_t n)
{
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        if (w->moves[i] == goes_over)
            out[n++] = w->records[MPI_FROM][i];
    return n;
}

static enum status write_golden(struct mpi_relink *w)
{
    struct request *rq = w->rq;
    size_t n = w->counts[MPI_TO];
    struct mpi_record *all = ARENA_ARRAY(rq->arena, n + w->counts[MPI_FROM], struct mpi_record);

    for (size_t i = 0; i < n; i++)
        all[i] = w->records[MPI_TO][i];
    TRY(mpi_golden_store(rq, w->persons[MPI_TO].ref, all, records_of(w, true, all, n)));
    if (w->after[MPI_FROM].merged) {
        mpi_golden_remove(rq, w->persons[MPI_FROM].ref);
        return OK;
    }
    return mpi_golden_store(rq, w->persons[MPI_FROM].ref, all, records_of(w, false, all, 0));
}

static bool belongs(const struct mpi_person *p, struct place place)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (place_eq(p->places[i], place))
            return true;
    return false;
}

/* Whether two records are one person's is settled where they are now. */
static void close_tasks(struct mpi_relink *w, const struct rows *tasks)
{
    static const struct statement CLOSE = {
        "mpi_relink_close_task",
        "UPDATE mpi_task"
        "   SET state = 'closed',"
        "       closed_at = $3,"
        "       closed_by = $4,"
        "       resolution = $5"
        " WHERE pkey = $1"
        "   AND task_id = $2",
    };
    struct request *rq = w->rq;

    for (int row = 0; row < tasks->count; row++) {
        struct place one = {row_int(tasks, row, 0), row_int(tasks, row, 2)};
        struct place other = {row_int(tasks, row, 3), row_int(tasks, row, 4)};

        if (belongs(&w->after[MPI_TO], one) && belongs(&w->after[MPI_TO], other))
            db_queue(rq->db, &CLOSE, NULL, DB_INT8(one.pkey), DB_UUID(row_uuid(tasks, row, 1)),
                     DB_TIME(rq->now_us), DB_TEXT(w->by), DB_TEXT(uuid_text(rq->arena, w->log)));
    }
}

static struct mpi_changed_person person_told(const struct mpi_relink *w, int side)
{
    return (struct mpi_changed_person){.ref = w->persons[side].ref,
                                       .xad_before = w->persons[side].xad_pid,
                                       .xad_after = w->after[side].xad_pid,
                                       .born = side == MPI_TO && (w->is_new || w->revives),
                                       .gone = w->after[side].merged,
                                       .places = w->after[side].places,
                                       .place_count = w->after[side].place_count};
}

static struct mpi_changed_record record_told(struct mpi_relink *w, size_t i)
{
    const struct mpi_record *r = &w->records[MPI_FROM][i];

    return (struct mpi_changed_record){.place = r->place,
                                       .member_id = r->member_id,
                                       .anchor = r->anchor,
                                       .from = w->persons[MPI_FROM].ref,
                                       .to = w->persons[w->moves[i] ? MPI_TO : MPI_FROM].ref,
                                       .before = w->before[i],
                                       .after = mpi_active_ids(w->rq, r)};
}

static enum status tell(struct mpi_relink *w)
{
    struct request *rq = w->rq;
    struct mpi_change change = {
        .kind = w->change,
        .by = w->by,
        .persons = {person_told(w, MPI_TO), person_told(w, MPI_FROM)},
        .person_count = w->same ? 1 : 2,
        .records = ARENA_ARRAY(rq->arena, w->counts[MPI_FROM] + 1, struct mpi_changed_record),
    };

    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        if (w->moves[i] || w->changes[i])
            change.records[change.record_count++] = record_told(w, i);
    if (w->born != NULL)
        change.records[change.record_count++] =
            (struct mpi_changed_record){.place = w->born->place,
                                        .anchor = true,
                                        .to = w->persons[MPI_TO].ref,
                                        .after = mpi_active_ids(rq, w->born)};
    return mpi_change_tell(rq, &change);
}

enum status mpi_relink_apply(struct mpi_relink *w)
{
    write_records(w);
    if (!w->same) {
        write_persons(w);
        TRY(write_golden(w));
        close_tasks(w, &w->tasks);
        close_tasks(w, &w->other_tasks);
    }
    return tell(w);
}

enum status mpi_relink_write(struct mpi_relink *w)
{
    plan_persons(w);
    mpi_relink_log(w);
    return mpi_relink_apply(w);
}
