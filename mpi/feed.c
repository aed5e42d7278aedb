#include "mpi/feed.h"

#include "mpi/active_model.h"
#include "mpi/candidates.h"
#include "mpi/change.h"
#include "mpi/golden_store.h"
#include "mpi/identity.h"
#include "mpi/keys.h"
#include "mpi/relink.h"
#include "mpi/search.h"

/* The look-up keys of a version of the record. */
struct keys {
    struct mpi_block *items;
    size_t count;
};

/* One feed on its way. */
struct mpi_feeding {
    struct request *rq;
    const struct mpi_feed *feed;
    struct str xad_pid; /* among the identifiers; STR_NONE */

    struct mpi_lookup seen; /* without locks */
    struct mpi_model_seen model_seen;
    bool known; /* the record exists: before is its current version */
    struct mpi_hit hit;
    struct mpi_record before;

    struct mpi_coding *coding;
    struct mpi_demographics former, demographics; /* before and after this feed */
    struct mpi_record after;
    struct keys keys, keys_before;
    bool changed; /* a new version is due */
    bool search;  /* it may resemble others than before */

    struct mpi_lookup under_locks;
    struct mpi_search found;
    struct rows numbers, link, tasks;
    struct mpi_locked own; /* the known record's person */
    struct mpi_person person;
    struct mpi_record *others; /* the person's other records */
    size_t other_count;

    struct mpi_case facts;
    struct mpi_decision decision;
    struct uuid decision_id;
    struct str xad_before;    /* of the person that it belongs to */
    struct mpi_record anchor; /* made with the person; version 0: none */
    bool born;
};

static enum status moved(struct mpi_feeding *w)
{
    return fail(w->rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

static bool is_hub_issuing(const struct request *rq)
{
    return str_eq(str_from(rq->config->xad_source), STR("hub"));
}

static struct str xad_among(const struct request *rq, const struct mpi_feed *feed)
{
    for (size_t i = 0; i < feed->id_count; i++)
        if (mpi_is_xad(rq, feed->ids[i]))
            return feed->ids[i].id;
    return STR_NONE;
}

/* --- which record ---------------------------------------------------------------------------- */

/* The record that the identifiers name: the first one known. */
static void choose_record(struct mpi_feeding *w, const struct mpi_lookup *seen)
{
    for (size_t i = 0; i < seen->count && !w->known; i++) {
        w->known = seen->hits[i].known != MPI_UNKNOWN;
        w->hit = seen->hits[i];
    }
}

static enum status check_identifiers(struct mpi_feeding *w, const struct mpi_lookup *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        if (seen->hits[i].known == MPI_SUBSUMED)
            return fail(w->rq->err, INVALID, "RetiredIdentifier",
                        "An identifier of this patient was merged into another (ADT^A40); only the"
                        " surviving one can be fed");
    return OK;
}

/* What the first look saw, without locks: which record, and what is known of it. */
static enum status look(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    const struct mpi_model *model;
    struct rows record;

    TRY(mpi_lookup_read(rq, &w->seen));
    TRY(check_identifiers(w, &w->seen));
    TRY(mpi_active_model_read(rq, &w->model_seen, &model));
    w->coding = mpi_coding_new(rq->arena, model);
    choose_record(w, &w->seen);
    if (!w->known)
        return OK;
    mpi_records_queue(rq, &w->hit.place, 1, &record);
    TRY(db_flush(rq->db));
    if (record.count == 0)
        return moved(w);
    w->before = mpi_record_read(rq, &record, 0);
    if (w->before.member_id != w->feed->member_id)
        return fail(rq->err, INVALID, "ForeignIdentifier",
                    "The identifier belongs to a record of another member");
    return OK;
}

/* --- what it will say ------------------------------------------------------------------------ */

static bool has_identifier(const struct mpi_record *r, struct identifier id)
{
    for (size_t i = 0; i < r->id_count; i++)
        if (identifier_eq(r->ids[i], id))
            return true;
    return false;
}

/* The record's identifiers after this feed: what it had, then what is new. */
static void join_identifiers(struct mpi_feeding *w)
{
    size_t most = w->before.id_count + w->feed->id_count;
    struct mpi_record *r = &w->after;

    r->ids = ARENA_ARRAY(w->rq->arena, most, struct identifier);
    r->states = ARENA_ARRAY(w->rq->arena, most, int64_t);
    for (size_t i = 0; i < w->before.id_count; i++) {
        r->ids[r->id_count] = w->before.ids[i];
        r->states[r->id_count++] = w->before.states[i];
    }
    for (size_t i = 0; i < w->feed->id_count; i++) {
        if (has_identifier(r, w->feed->ids[i]))
            continue;
        r->ids[r->id_count] = w->feed->ids[i];
        r->states[r->id_count++] = MPI_STATE_ACTIVE;
    }
}

static struct keys keys_of(struct mpi_feeding *w, struct str packed)
{
    struct keys k = {.items = ARENA_ARRAY(w->rq->arena, MPI_BLOCKS_MAX, struct mpi_block)};

    if (packed.p != NULL)
        k.count = mpi_keys(w->coding, mpi_code(w->coding, packed), k.items);
    return k;
}

/* Demographics as they will be, packed, and the keys before and after. */
static enum status prepare(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_record *r = &w->after;

    if (w->known && w->before.demographics.p != NULL)
        TRY(mpi_demographics_parse(rq->arena, w->before.demographics, &w->former, rq->err));
    w->demographics = mpi_demographics_update(&w->former, &w->feed->demographics);
    join_identifiers(w);
    r->place = w->before.place;
    r->into = w->before.into;
    r->version = w->before.version + 1;
    r->member_id = w->feed->member_id;
    r->said_at_us = rq->now_us;
    r->demographics = mpi_demographics_json(rq->arena, &w->demographics);
    r->packed = mpi_packed_of(rq->arena, &w->demographics);
    w->keys = keys_of(w, r->packed);
    w->keys_before = keys_of(w, w->before.packed);
    w->changed = !w->known || r->id_count != w->before.id_count ||
                 !str_eq(r->demographics, mpi_demographics_json(rq->arena, &w->former));
    w->search = !w->known || !str_eq(r->packed, w->before.packed);
    return OK;
}

/* --- locks, then the look that counts -------------------------------------------------------- */

/* Every stripe that this feed searches, old and new, in one ascending sweep. */
static void lock_stripes(struct mpi_feeding *w)
{
    size_t n = 0;
    int64_t *all = ARENA_ARRAY(w->rq->arena,
                               w->feed->id_count + w->keys.count + w->keys_before.count, int64_t);

    for (size_t i = 0; i < w->feed->id_count; i++)
        all[n++] = mpi_identifier_key(w->feed->ids[i]);
    for (size_t i = 0; w->search && i < w->keys.count; i++)
        all[n++] = (int64_t)w->keys.items[i].key;
    for (size_t i = 0; w->search && i < w->keys_before.count; i++)
        all[n++] = (int64_t)w->keys_before.items[i].key;
    mpi_lock_keys(w->rq, all, n);
}

/* Of a known record: its person, who placed it there, and what stewards have on the table. */
static void known_queue(struct mpi_feeding *w)
{
    static const struct statement LINK = {
        "mpi_feed_link",
        "SELECT version, reason, decided_by"
        "  FROM mpi_link"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND until IS NULL",
    };
    static const struct statement TASKS = {
        "mpi_feed_tasks",
        "SELECT kind, other_pkey, other_record"
        "  FROM mpi_task"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND state <> 'closed'",
    };
    struct db *db = w->rq->db;
    struct place place = w->before.place;

    mpi_persons_queue(w->rq, &w->hit.person, 1, true, &w->own);
    db_queue(db, &LINK, &w->link, DB_INT8(place.pkey), DB_INT8(place.record_id));
    db_queue(db, &TASKS, &w->tasks, DB_INT8(place.pkey), DB_INT8(place.record_id));
}

static void numbers_queue(struct mpi_feeding *w)
{
    static const struct statement NUMBERS = {
        "mpi_numbers",
        "SELECT nextval('mpi_pkey_seq'), nextval('mpi_record_seq'), nextval('mpi_record_seq'),"
        "       nextval('mpi_person_seq')",
    };

    db_queue0(w->rq->db, &NUMBERS, &w->numbers);
}

/* Is what the first look saw still so, now that it is locked? */
static enum status check_again(struct mpi_feeding *w)
{
    struct mpi_hit now = {0};
    struct mpi_lookup *again = &w->under_locks;

    TRY(mpi_lookup_read(w->rq, again));
    TRY(check_identifiers(w, again));
    for (size_t i = 0; i < again->count && now.known == MPI_UNKNOWN; i++)
        now = again->hits[i];
    if ((now.known != MPI_UNKNOWN) != w->known)
        return moved(w);
    if (w->known &&
        (!place_eq(now.place, w->hit.place) || !person_ref_eq(now.person, w->hit.person) ||
         !mpi_person_read(w->rq, &w->own.rows[0], 0, &w->person) || w->link.count == 0))
        return moved(w);
    return OK;
}

static enum status look_under_locks(struct mpi_feeding *w)
{
    struct request *rq = w->rq;

    lock_stripes(w);
    if (w->known)
        known_queue(w);
    else
        numbers_queue(w);
    mpi_lookup_queue(rq, w->feed->ids, w->feed->id_count, &w->under_locks);
    if (w->search)
        mpi_search_queue(rq, w->keys.items, w->keys.count, &w->found);
    TRY(db_flush(rq->db));
    return check_again(w);
}

/* --- the decision ---------------------------------------------------------------------------- */

/* The person's other records: for the golden record, and whether this one is alone. */
static enum status read_others(struct mpi_feeding *w)
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
    if (w->xad_pid.n > 0 || is_hub_issuing(w->rq))
        return w->xad_pid;
    return w->person.xad_pid;
}

static enum status decide(struct mpi_feeding *w)
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

/* Keeps what was decided; a steward looks at what the algorithm would not do alone. */
static void keep_decision(struct mpi_feeding *w)
{
    w->facts.place = w->after.place;
    w->decision_id = mpi_decision_store(w->rq, w->coding, &w->facts, &w->decision);
    if (w->decision.outcome == MPI_VERDICT_REVIEW)
        task_open(w, "possible_duplicate", w->decision.person, w->decision.best, reasons_of(w));
}

/* Does the record contradict its own past: a chart written over another patient's? */
static void check_overlay(struct mpi_feeding *w)
{
    const enum mpi_reason overlay = MPI_WHY_OVERLAY;
    const uint32_t *before = mpi_code(w->coding, w->before.packed);
    const uint32_t *after = mpi_code(w->coding, w->after.packed);

    if (before != NULL && after != NULL &&
        mpi_contradicts(w->coding->model, &w->coding->dict, before, after))
        task_open(w, "overlay", (struct person_ref){0, 0}, (struct place){0, 0},
                  mpi_reasons_json(w->rq->arena, &overlay, 1));
}

/* Identifiers of one message that name records of different persons. */
static void check_other_identifiers(struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->under_locks.count; i++) {
        const struct mpi_hit *h = &w->under_locks.hits[i];

        if (h->known == MPI_ACTIVE && !person_ref_eq(h->person, w->hit.person)) {
            task_open(w, "identifier_conflict", h->person, h->place, STR("[]"));
            return;
        }
    }
}

/* --- identifiers and XAD-PIDs ---------------------------------------------------------------- */

/* The XAD-PID that this feed brings for a person that has none yet, or the same one. */
static enum status check_xad(struct mpi_feeding *w, struct str known)
{
    if (w->xad_pid.n == 0 || known.n == 0 || str_eq(known, w->xad_pid))
        return OK;
    return fail(w->rq->err, INVALID, "OtherXadPid",
                "This patient already has another affinity domain identifier; merge the two with"
                " ADT^A40");
}

static void take_xad(struct mpi_feeding *w)
{
    if (w->xad_pid.n == 0 || w->person.xad_pid.n > 0)
        return;
    mpi_xad_store(w->rq, w->xad_pid, w->hit.person);
    mpi_person_set_xad(w->rq, w->hit.person, w->xad_pid);
    w->person.xad_pid = w->xad_pid;
}

static void store_new_identifiers(struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->feed->id_count; i++)
        if (w->under_locks.hits[i].known == MPI_UNKNOWN)
            mpi_identifier_store(w->rq, w->feed->ids[i], w->after.place, w->hit.person,
                                 w->feed->member_id);
}

/* Identifiers that belong to another record stay there. */
static void drop_foreign_identifiers(struct mpi_feeding *w)
{
    struct mpi_record *r = &w->after;
    size_t kept = w->before.id_count;

    for (size_t i = kept; i < r->id_count; i++) {
        bool elsewhere = false;

        for (size_t j = 0; j < w->under_locks.count; j++)
            elsewhere |= w->under_locks.hits[j].known != MPI_UNKNOWN &&
                         identifier_eq(w->under_locks.ids[j], r->ids[i]);
        if (!elsewhere)
            r->ids[kept++] = r->ids[i];
    }
    r->id_count = kept;
}

/* --- a record that is known ------------------------------------------------------------------ */

/* Locks the person that a record is about to join, and makes sure that it is as it was read. */
static enum status lock_joined(struct mpi_feeding *w, struct mpi_person *out)
{
    const struct mpi_lookalike *l = mpi_search_person(&w->found, w->decision.person);
    struct mpi_locked locked;

    must(l != NULL, "a decision for a person that was not read");
    mpi_persons_queue(w->rq, &l->person.ref, 1, true, &locked);
    TRY(db_flush(w->rq->db));
    if (!mpi_person_read(w->rq, &locked.rows[0], 0, out) || out->link_epoch != l->person.link_epoch)
        return moved(w);
    return OK;
}

/* It was alone, and matches somebody now: its person becomes part of that one. */
static enum status relink(struct mpi_feeding *w)
{
    struct mpi_relink *l = ARENA_NEW(w->rq->arena, struct mpi_relink);

    l->rq = w->rq;
    l->kind = "algorithm";
    l->reason = "demographics";
    l->event = "merge";
    l->change = MPI_CHANGE_MERGE;
    l->by = STR("algorithm");
    l->decision = &w->decision_id;
    l->persons[MPI_FROM] = w->person;
    TRY(lock_joined(w, &l->persons[MPI_TO]));
    TRY(mpi_relink_read(l));
    mpi_relink_all(l);
    TRY(mpi_relink_write(l));
    w->hit.person = l->persons[MPI_TO].ref;
    w->person = l->after[MPI_TO];
    return OK;
}

static enum status store_update(struct mpi_feeding *w)
{
    struct request *rq = w->rq;

    drop_foreign_identifiers(w);
    mpi_record_store(rq, &w->after, w->feed->event);
    mpi_search_store(rq, w->after.place, &w->former, &w->demographics);
    store_new_identifiers(w);
    take_xad(w);
    if (!w->search)
        return OK;
    mpi_block_keys_remove(rq, &w->before, w->keys_before.items, w->keys_before.count);
    mpi_block_keys_store(rq, &w->after, w->keys.items, w->keys.count, w->hit.person);
    TRY(decide(w));
    keep_decision(w);
    check_overlay(w);
    return OK;
}

static enum status store_golden(struct mpi_feeding *w)
{
    struct mpi_record *all = ARENA_ARRAY(w->rq->arena, w->other_count + 1, struct mpi_record);

    for (size_t i = 0; i < w->other_count; i++)
        all[i] = w->others[i];
    all[w->other_count] = w->after;
    return mpi_golden_store(w->rq, w->hit.person, all, w->other_count + 1);
}

static enum status update_record(struct mpi_feeding *w)
{
    w->xad_before = w->person.xad_pid;
    TRY(check_xad(w, w->person.xad_pid));
    check_other_identifiers(w);
    if (!w->changed)
        return OK;
    TRY(read_others(w));
    TRY(store_update(w));
    return store_golden(w);
}

/* --- a new record ---------------------------------------------------------------------------- */

static void link_new(struct mpi_feeding *w, const char *reason)
{
    struct mpi_link link = {
        .place = w->after.place,
        .version = 1,
        .person = w->hit.person,
        .reason = reason,
        .decided_by = STR("algorithm"),
        .decision = &w->decision_id,
    };

    mpi_link_store(w->rq, &link);
}

static void person_of_its_own(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct place *places = ARENA_ARRAY(rq->arena, 2, struct place);
    size_t count = 0;

    places[count++] = w->after.place;
    w->person.xad_pid = w->xad_pid;
    if (is_hub_issuing(rq)) {
        w->person.xad_pid = uuid_text(rq->arena, uuid_v4());
        w->anchor =
            mpi_anchor_store(rq, w->hit.person, row_int(&w->numbers, 0, 2), w->person.xad_pid);
        places[count++] = w->anchor.place;
    } else if (w->xad_pid.n > 0)
        mpi_xad_store(rq, w->xad_pid, w->hit.person);
    mpi_person_store(rq, w->hit.person, places, count, w->person.xad_pid);
    w->person.places = places;
    w->person.place_count = count;
    w->born = true;
}

static void join_person(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    size_t n = w->person.place_count;
    struct place *places = ARENA_ARRAY(rq->arena, n + 1, struct place);

    for (size_t i = 0; i < n; i++)
        places[i] = w->person.places[i];
    places[n] = w->after.place;
    w->person.places = places;
    w->person.place_count = n + 1;
    w->xad_before = w->person.xad_pid;
    mpi_person_add_place(rq, w->hit.person, w->after.place);
    take_xad(w);
}

/* Whom it joins, or the person that is made for it; and where it lies. */
static enum status find_person(struct mpi_feeding *w)
{
    struct place *place = &w->after.place;

    *place = (struct place){row_int(&w->numbers, 0, 0), row_int(&w->numbers, 0, 1)};
    w->hit.person = (struct person_ref){place->pkey, row_int(&w->numbers, 0, 3)};
    if (w->decision.outcome != MPI_VERDICT_LINK)
        return OK;
    TRY(lock_joined(w, &w->person));
    w->others = mpi_search_person(&w->found, w->decision.person)->records;
    w->other_count = mpi_search_person(&w->found, w->decision.person)->record_count;
    w->hit.person = w->decision.person;
    place->pkey = w->hit.person.pkey;
    return OK;
}

static enum status add_record(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    bool joins;

    TRY(decide(w));
    TRY(find_person(w));
    joins = w->decision.outcome == MPI_VERDICT_LINK;
    keep_decision(w);
    mpi_record_store(rq, &w->after, w->feed->event);
    link_new(w, joins ? "demographics" : "new");
    store_new_identifiers(w);
    mpi_block_keys_store(rq, &w->after, w->keys.items, w->keys.count, w->hit.person);
    mpi_search_store(rq, w->after.place, NULL, &w->demographics);
    if (joins)
        join_person(w);
    else
        person_of_its_own(w);
    return store_golden(w);
}

/* --- the whole ------------------------------------------------------------------------------- */

static struct mpi_id_list active_ids(struct request *rq, const struct mpi_record *r)
{
    struct identifier *ids = ARENA_ARRAY(rq->arena, r->id_count, struct identifier);
    size_t n = 0;

    for (size_t i = 0; i < r->id_count; i++)
        if (r->states[i] == MPI_STATE_ACTIVE)
            ids[n++] = r->ids[i];
    return (struct mpi_id_list){ids, n};
}

/* Tells what became of identifiers and links; demographics alone are nobody's news. */
static enum status tell(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_changed_record records[2] = {
        {.place = w->after.place,
         .member_id = w->feed->member_id,
         .from = w->known ? w->hit.person : (struct person_ref){0, 0},
         .to = w->hit.person,
         .before = active_ids(rq, &w->before),
         .after = active_ids(rq, &w->after)},
        {.place = w->anchor.place,
         .anchor = true,
         .to = w->hit.person,
         .after = active_ids(rq, &w->anchor)},
    };
    struct mpi_change change = {
        .kind = MPI_CHANGE_FEED,
        .by = STR("algorithm"),
        .persons = {{.ref = w->hit.person,
                     .xad_before = w->xad_before,
                     .xad_after = w->person.xad_pid,
                     .born = w->born,
                     .places = w->person.places,
                     .place_count = w->person.place_count}},
        .person_count = 1,
        .records = records,
        .record_count = w->anchor.version > 0 ? 2 : 1,
    };

    if (w->known && records[0].before.count == records[0].after.count)
        return OK;
    return mpi_change_tell(rq, &change);
}

struct mpi_feeding *mpi_feed_queue(struct request *rq, const struct mpi_feed *feed)
{
    struct mpi_feeding *w = ARENA_NEW(rq->arena, struct mpi_feeding);

    w->rq = rq;
    w->feed = feed;
    w->xad_pid = xad_among(rq, feed);
    mpi_lookup_queue(rq, feed->ids, feed->id_count, &w->seen);
    mpi_active_model_queue(rq, &w->model_seen);
    return w;
}

enum status mpi_feed(struct request *rq, struct mpi_feeding *w, struct mpi_fed *out)
{
    must(w->rq == rq, "a feed of another request");
    TRY(look(w));
    TRY(prepare(w));
    TRY(look_under_locks(w));
    TRY(w->known ? update_record(w) : add_record(w));
    TRY(tell(w));
    if (w->known && w->decision.relinks)
        TRY(relink(w));
    *out = (struct mpi_fed){
        .place = w->after.place,
        .person = w->hit.person,
        .xad_pid = w->person.xad_pid,
        .created = !w->known,
    };
    return OK;
}
