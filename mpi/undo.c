/* Taking a merge, link or unlink back from its log (mpi_undo of mpi/steward.h).
 *
 * What went over goes back, and only that: the log is a difference, so that what joined either
 * person since stays where it is. Where nothing came in between, every row is as the before-image
 * has it, but for versions, times and epochs, which only ever grow. */
#include <jansson.h>

#include "hub/person_rows.h"
#include "mpi/relink.h"
#include "mpi/steward.h"

struct follower {
    struct place place, into;
};

/* What the log says of the merge. */
struct logged {
    struct uuid id;
    struct person_ref to, from; /* then: who received, who gave */
    struct str kind;
    struct place *moved;
    size_t moved_count;
    struct identifier *retired;
    size_t retired_count;
    struct follower *intos;
    size_t into_count;
    bool emptied;
    /* Of the giving person, as it was; and of the receiving one. */
    struct place *places;
    size_t place_count;
    struct str from_xad, to_xad;
};

static int64_t int_at(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

static struct str text_in(struct arena *a, const json_t *value)
{
    return json_is_string(value)
               ? str_dup(a, str_of(json_string_value(value), json_string_length(value)))
               : STR_NONE;
}

static struct place place_at(const json_t *list, size_t i)
{
    const json_t *pair = json_array_get(list, i);

    return (struct place){int_at(pair, 0), int_at(pair, 1)};
}

static void moved_parse(struct arena *a, const json_t *list, struct logged *out)
{
    out->moved_count = json_array_size(list);
    out->moved = ARENA_ARRAY(a, out->moved_count, struct place);
    for (size_t i = 0; i < out->moved_count; i++)
        out->moved[i] = place_at(list, i);
}

static void retired_parse(struct arena *a, const json_t *list, struct logged *out)
{
    out->retired_count = json_array_size(list);
    out->retired = ARENA_ARRAY(a, out->retired_count, struct identifier);
    for (size_t i = 0; i < out->retired_count; i++) {
        const json_t *pair = json_array_get(list, i);

        out->retired[i] = (struct identifier){text_in(a, json_array_get(pair, 0)),
                                              text_in(a, json_array_get(pair, 1))};
    }
}

static void intos_parse(struct arena *a, const json_t *list, struct logged *out)
{
    out->into_count = json_array_size(list);
    out->intos = ARENA_ARRAY(a, out->into_count, struct follower);
    for (size_t i = 0; i < out->into_count; i++) {
        const json_t *four = json_array_get(list, i);

        out->intos[i] = (struct follower){{int_at(four, 0), int_at(four, 1)},
                                          {int_at(four, 2), int_at(four, 3)}};
    }
}

static void person_parse(struct arena *a, const json_t *image, struct logged *out)
{
    const json_t *pkeys = json_object_get(image, "place_pkeys");
    const json_t *records = json_object_get(image, "place_records");
    struct str xad = text_in(a, json_object_get(image, "xad_pid"));

    if (json_integer_value(json_object_get(image, "person_id")) == out->to.person_id)
        out->to_xad = xad;
    if (json_integer_value(json_object_get(image, "person_id")) != out->from.person_id)
        return;
    out->from_xad = xad;
    out->place_count = json_array_size(pkeys);
    out->places = ARENA_ARRAY(a, out->place_count, struct place);
    for (size_t i = 0; i < out->place_count; i++)
        out->places[i] = (struct place){int_at(pkeys, i), int_at(records, i)};
}

static enum status before_parse(struct request *rq, struct str before, struct logged *out)
{
    json_t *root = json_loadb(before.p, before.n, 0, NULL);
    const json_t *persons = json_object_get(root, "persons"), *image;
    size_t i;

    if (!json_is_object(root)) {
        json_decref(root);
        return fail(rq->err, INTERNAL, "StoredLog", "An entry of the merge log cannot be read");
    }
    moved_parse(rq->arena, json_object_get(root, "moved"), out);
    retired_parse(rq->arena, json_object_get(root, "retired"), out);
    intos_parse(rq->arena, json_object_get(root, "intos"), out);
    out->emptied = json_is_true(json_object_get(root, "emptied"));
    json_array_foreach((json_t *)persons, i, image) person_parse(rq->arena, image, out);
    json_decref(root);
    return OK;
}

static enum status log_read(struct request *rq, struct uuid id, struct logged *out)
{
    /* across places: a log entry is named by its id alone */
    static const struct statement FIND = {
        "mpi_merge_log_find",
        "SELECT pkey, person_id, other_pkey, other_id, kind, before, undone_at, undone_by"
        "  FROM mpi_merge_log"
        " WHERE merge_id = $1",
    };
    struct rows rows;

    db_queue(rq->db, &FIND, &rows, DB_UUID(id));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, NOT_FOUND, "UnknownMerge", "There is no such merge, link or unlink");
    if (!row_null(&rows, 0, 6))
        return fail(rq->err, INVALID, "AlreadyUndone", "%.*s took that back at %.*s",
                    STR_ARG(row_text(&rows, 0, 7)),
                    STR_ARG(clock_iso(rq->arena, row_time(&rows, 0, 6))));
    *out = (struct logged){.id = id,
                           .to = {row_int(&rows, 0, 0), row_int(&rows, 0, 1)},
                           .from = {row_int(&rows, 0, 2), row_int(&rows, 0, 3)},
                           .kind = row_text(&rows, 0, 4)};
    return before_parse(rq, row_json(&rows, 0, 5), out);
}

static enum status moved_on(struct request *rq, const char *what)
{
    return fail(rq->err, INVALID, "MovedOn",
                "%s; undo what came later first (`causeway mpi person` lists it)", what);
}

static bool owns(const struct place *places, size_t count, struct place place)
{
    for (size_t i = 0; i < count; i++)
        if (place_eq(places[i], place))
            return true;
    return false;
}

/* Locks the two persons, [0] who received and [1] who gave, and checks that the difference can
 * still be taken. Of an unlink the giving one must live, else it lives only if it did then. */
static enum status lock_persons(struct request *rq, const struct logged *log,
                                struct mpi_person persons[2])
{
    struct person_ref refs[] = {log->to, log->from};
    struct mpi_locked locked;

    mpi_persons_queue(rq, refs, 2, true, &locked);
    TRY(db_flush(rq->db));
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < locked.count; i++)
            if (person_ref_eq(locked.refs[i], refs[side]))
                (void)mpi_person_read(rq, &locked.rows[i], 0, &persons[side]);
    if (persons[0].merged)
        return moved_on(rq, "The surviving person has become part of another one since");
    if (persons[1].merged && (!log->emptied || !person_ref_eq(persons[1].into, log->to)))
        return moved_on(rq,
                        "The person that gave the records has become part of another one since");
    for (size_t i = 0; i < log->moved_count; i++)
        if (!owns(persons[0].places, persons[0].place_count, log->moved[i]))
            return moved_on(rq, "A record has gone on to another person since");
    return OK;
}

static struct str images_of(struct arena *a, const struct mpi_person persons[2])
{
    return str_printf(a, "[%.*s,%.*s]", STR_ARG(persons[0].image), STR_ARG(persons[1].image));
}

static void mark_undone(struct request *rq, const struct logged *log,
                        const struct mpi_person before[2], struct str by)
{
    static const struct statement MARK = {
        "mpi_merge_log_undone",
        "UPDATE mpi_merge_log"
        "   SET undone_at = $3,"
        "       undone_by = $4,"
        "       undone_before = $5"
        " WHERE pkey = $1"
        "   AND merge_id = $2",
    };

    db_queue(rq->db, &MARK, NULL, DB_INT8(log->to.pkey), DB_UUID(log->id), DB_TIME(rq->now_us),
             DB_TEXT(by), DB_JSONB(images_of(rq->arena, before)));
}

/* --- merges and links: the difference, taken away -------------------------------------------- */

static void restore_identifiers(struct mpi_relink *l, const struct logged *log)
{
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++) {
        struct mpi_record *r = &l->records[MPI_FROM][i];

        for (size_t j = 0; j < r->id_count; j++)
            for (size_t k = 0; k < log->retired_count; k++)
                if (identifier_eq(r->ids[j], log->retired[k])) {
                    r->states[j] = MPI_STATE_ACTIVE;
                    l->changes[i] = true;
                }
        for (size_t k = 0; k < log->into_count; k++)
            if (l->changes[i] && place_eq(r->place, log->intos[k].place))
                r->into = log->intos[k].into;
    }
    for (size_t k = 0; k < log->retired_count; k++) {
        mpi_identifier_set_state(l->rq, log->retired[k], MPI_STATE_ACTIVE);
        if (mpi_is_xad(l->rq, log->retired[k]))
            mpi_xad_revive(l->rq, log->retired[k].id);
    }
}

/* The places of the person that gets them back: as they were listed, where they are the same. */
static void places_back(struct mpi_relink *l, const struct logged *log)
{
    const struct mpi_person *p = &l->persons[MPI_TO];
    size_t n = p->place_count, same = 0;
    struct place *places =
        ARENA_ARRAY(l->rq->arena, n + log->moved_count + log->place_count, struct place);

    for (size_t i = 0; i < n; i++)
        places[i] = p->places[i];
    for (size_t i = 0; i < log->moved_count; i++)
        places[n++] = log->moved[i];
    for (size_t i = 0; i < n; i++)
        same += owns(log->places, log->place_count, places[i]);
    if (same == n && n == log->place_count)
        places = log->places;
    l->after[MPI_TO].places = places;
    l->after[MPI_TO].place_count = n;
}

static void places_left(struct mpi_relink *l, const struct logged *log)
{
    const struct mpi_person *p = &l->persons[MPI_FROM];
    struct place *kept = ARENA_ARRAY(l->rq->arena, p->place_count, struct place);
    size_t n = 0;

    for (size_t i = 0; i < p->place_count; i++)
        if (!owns(log->moved, log->moved_count, p->places[i]))
            kept[n++] = p->places[i];
    l->after[MPI_FROM].places = kept;
    l->after[MPI_FROM].place_count = n;
}

static void constituents_left(struct mpi_relink *l)
{
    const struct mpi_person *back = &l->persons[MPI_TO];
    struct mpi_person *p = &l->after[MPI_FROM];
    struct person_ref *kept = ARENA_ARRAY(l->rq->arena, p->constituent_count, struct person_ref);
    size_t n = 0;

    for (size_t i = 0; i < p->constituent_count; i++) {
        bool gone = false;

        for (size_t j = 0; j < back->constituent_count; j++)
            gone |= person_ref_eq(p->constituents[i], back->constituents[j]);
        if (!gone)
            kept[n++] = p->constituents[i];
    }
    p->constituents = kept;
    p->constituent_count = n;
}

/* An XAD-PID that the survivor took over goes back too. */
static void xad_back(struct mpi_relink *l, const struct logged *log)
{
    struct mpi_person *back = &l->after[MPI_TO], *left = &l->after[MPI_FROM];

    if (log->to_xad.n > 0 || log->from_xad.n == 0 || !str_eq(left->xad_pid, log->from_xad))
        return;
    back->xad_pid = left->xad_pid;
    left->xad_pid = STR_NONE;
}

static void plan_back(struct mpi_relink *l, const struct logged *log)
{
    for (size_t i = 0; !l->same && i < l->counts[MPI_FROM]; i++)
        l->moves[i] = owns(log->moved, log->moved_count, l->records[MPI_FROM][i].place);
    restore_identifiers(l, log);
    if (l->same)
        return;
    places_back(l, log);
    places_left(l, log);
    xad_back(l, log);
    if (l->persons[MPI_TO].merged) {
        constituents_left(l);
        l->after[MPI_TO].merged = false;
        l->revives = true;
    }
}

/* Tasks that the merge settled are open again: they lie with a record of the person that it made,
 * which the two have now. */
static void tasks_back(struct mpi_relink *l, const struct logged *log)
{
    /* across places: those of one person's records */
    static const struct statement REOPEN = {
        "mpi_undo_tasks",
        "UPDATE mpi_task"
        "   SET state = CASE WHEN assigned_to IS NULL THEN 'open' ELSE 'assigned' END,"
        "       closed_at = NULL,"
        "       closed_by = NULL,"
        "       resolution = NULL"
        " WHERE pkey = ANY($1)"
        "   AND resolution = $2",
    };
    const struct mpi_person *p = &l->persons[MPI_FROM];
    int64_t *pkeys = ARENA_ARRAY(l->rq->arena, p->place_count, int64_t);

    for (size_t i = 0; i < p->place_count; i++)
        pkeys[i] = p->places[i].pkey;
    db_queue(l->rq->db, &REOPEN, NULL, DB_INT8S(pkeys, p->place_count),
             DB_TEXT(uuid_text(l->rq->arena, log->id)));
}

static void report(const struct mpi_relink *l, struct uuid id, struct mpi_stewarded *out)
{
    *out = (struct mpi_stewarded){
        .log = id,
        .to = l->persons[MPI_TO].ref,
        .from = l->persons[MPI_FROM].ref,
        .emptied = l->after[MPI_FROM].merged,
    };
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++)
        out->moved += l->moves[i];
}

static struct mpi_relink *relink_of(struct request *rq, const struct mpi_word *word)
{
    struct mpi_relink *l = ARENA_NEW(rq->arena, struct mpi_relink);

    l->rq = rq;
    l->kind = "steward";
    l->reason = "unmerge";
    l->event = "unmerge";
    l->change = MPI_CHANGE_UNDO;
    l->by = word->by;
    return l;
}

static enum status take_back(struct request *rq, const struct mpi_word *word,
                             const struct logged *log, struct mpi_stewarded *out)
{
    struct mpi_relink *l = relink_of(rq, word);
    struct mpi_person persons[2] = {0};

    TRY(lock_persons(rq, log, persons));
    l->same = person_ref_eq(log->to, log->from);
    l->persons[MPI_TO] = persons[1];
    l->persons[MPI_FROM] = persons[0];
    TRY(mpi_relink_read(l));
    plan_back(l, log);
    TRY(mpi_relink_apply(l));
    tasks_back(l, log);
    mark_undone(rq, log, persons, word->by);
    report(l, log->id, out);
    return OK;
}

/* --- an unlink: merged again ----------------------------------------------------------------- */

/* The pairs lie under both records, and their reason names the unlink: first the half under the
 * records that stayed, which the other half names, then that one. */
static void no_links_end(struct request *rq, const struct logged *log)
{
    /* across places: the records that stayed may lie at several */
    static const struct statement END_STAYED = {
        "mpi_undo_no_links_stayed",
        "UPDATE mpi_no_link"
        "   SET until = $4"
        " WHERE (pkey, record_id) IN ("
        "       SELECT n.other_pkey, n.other_record"
        "         FROM mpi_no_link n"
        "        WHERE (n.pkey, n.record_id) IN ("
        "              SELECT place, record"
        "                FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "          AND n.why LIKE 'unlink ' || $3 || '%'"
        "          AND n.until IS NULL)"
        "   AND why LIKE 'unlink ' || $3 || '%'"
        "   AND until IS NULL",
    };
    static const struct statement END_MOVED = {
        "mpi_undo_no_links_moved",
        "UPDATE mpi_no_link"
        "   SET until = $4"
        " WHERE (pkey, record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND why LIKE 'unlink ' || $3 || '%'"
        "   AND until IS NULL",
    };
    struct pairs moved = pairs_of_places(rq->arena, log->moved, log->moved_count);
    struct db_value id = DB_TEXT(uuid_text(rq->arena, log->id)), now = DB_TIME(rq->now_us);

    db_queue(rq->db, &END_STAYED, NULL, moved.pkeys, moved.numbers, id, now);
    db_queue(rq->db, &END_MOVED, NULL, moved.pkeys, moved.numbers, id, now);
}

static enum status merge_again(struct request *rq, const struct mpi_word *word,
                               const struct logged *log, struct mpi_stewarded *out)
{
    struct mpi_relink *l = relink_of(rq, word);
    struct mpi_person persons[2] = {0};

    TRY(lock_persons(rq, log, persons));
    l->persons[MPI_TO] = persons[1];
    l->persons[MPI_FROM] = persons[0];
    TRY(mpi_relink_read(l));
    mpi_relink_all(l);
    TRY(mpi_relink_write(l));
    no_links_end(rq, log);
    mark_undone(rq, log, persons, word->by);
    report(l, l->log, out);
    return OK;
}

enum status mpi_undo(struct request *rq, const struct mpi_word *word, struct uuid merge_id,
                     struct mpi_stewarded *out)
{
    struct logged log;

    TRY(log_read(rq, merge_id, &log));
    if (str_eq(log.kind, STR("unlink")))
        return merge_again(rq, word, &log, out);
    return take_back(rq, word, &log, out);
}
