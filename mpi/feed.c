#include "mpi/feed.h"

#include "mpi/change.h"
#include "mpi/feeding.h"
#include "mpi/keys.h"

enum status mpi_feeding_moved(struct mpi_feeding *w)
{
    return fail(w->rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

bool mpi_is_hub_issuing(const struct request *rq)
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
        return mpi_feeding_moved(w);
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

static struct mpi_feed_keys keys_of(struct mpi_feeding *w, struct str packed)
{
    struct mpi_feed_keys k = {.items = ARENA_ARRAY(w->rq->arena, MPI_BLOCKS_MAX, struct mpi_block)};

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
        return mpi_feeding_moved(w);
    if (w->known &&
        (!place_eq(now.place, w->hit.place) || !person_ref_eq(now.person, w->hit.person) ||
         !mpi_person_read(w->rq, &w->own.rows[0], 0, &w->person) || w->link.count == 0))
        return mpi_feeding_moved(w);
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

/* --- the whole ------------------------------------------------------------------------------- */

/* Tells what became of identifiers and links; demographics alone are nobody's news. */
static enum status tell(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_changed_record records[2] = {
        {.place = w->after.place,
         .member_id = w->feed->member_id,
         .from = w->known ? w->hit.person : (struct person_ref){0, 0},
         .to = w->hit.person,
         .before = mpi_active_ids(rq, &w->before),
         .after = mpi_active_ids(rq, &w->after)},
        {.place = w->anchor.place,
         .anchor = true,
         .to = w->hit.person,
         .after = mpi_active_ids(rq, &w->anchor)},
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

/* What a record said of the birth date before, or did not say, it says differently. */
static enum status tell_birth(struct mpi_feeding *w)
{
    const struct member_directory *members = w->rq->members;
    const struct member *m = members != NULL ? member_by_id(members, w->feed->member_id) : NULL;
    struct mpi_change change = {
        .kind = MPI_CHANGE_BIRTH,
        .by = m != NULL ? str_printf(w->rq->arena, "member:%.*s", STR_ARG(m->name))
                        : STR("algorithm"),
        .persons = {{.ref = w->hit.person,
                     .constituents = w->person.constituents,
                     .constituent_count = w->person.constituent_count}},
        .person_count = 1,
    };

    if (!w->known || str_eq(w->former.birth_date, w->demographics.birth_date))
        return OK;
    return mpi_change_tell(w->rq, &change);
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
    TRY(w->known ? mpi_feeding_update(w) : mpi_feeding_add(w));
    TRY(tell(w));
    TRY(tell_birth(w));
    if (w->known && w->decision.relinks)
        TRY(mpi_feeding_relink(w));
    *out = (struct mpi_fed){
        .place = w->after.place,
        .person = w->hit.person,
        .xad_pid = w->person.xad_pid,
        .created = !w->known,
    };
    return OK;
}
