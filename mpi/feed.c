#include "mpi/feed.h"

#include "mpi/change.h"
#include "mpi/golden_store.h"
#include "mpi/identity.h"
#include "mpi/keys.h"
#include "mpi/match.h"
#include "mpi/store.h"

enum { PERSONS_MAX = 16 };

/* One feed on its way. */
struct mpi_feeding {
    struct request *rq;
    const struct mpi_feed *feed;
    struct str xad_pid; /* among the identifiers; STR_NONE */

    struct mpi_lookup seen; /* without locks */
    bool known;             /* the record exists: before is its current version */
    struct mpi_hit hit;
    struct mpi_record before;
    struct mpi_normal normal_before;

    struct mpi_demographics demographics; /* after this feed */
    struct mpi_record after;
    struct mpi_normal normal;
    bool changed; /* a new version is due */
    bool search;  /* it may resemble others than before */

    struct mpi_lookup under_locks;
    struct rows blocks, numbers;
    struct mpi_locked own; /* the known record's person */
    struct mpi_person person;

    struct mpi_candidate *candidates;
    size_t candidate_count;
    bool truncated;
    struct mpi_decision decision;
    struct str xad_before; /* of the person that it belongs to */
    struct place anchor;   /* made with the person; zero: none */
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
    struct rows record;

    TRY(mpi_lookup_read(rq, &w->seen));
    TRY(check_identifiers(w, &w->seen));
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

/* Demographics as they will be, normalised, before and after. */
static enum status prepare(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_demographics known = {0};
    struct mpi_record *r = &w->after;

    if (w->known && w->before.demographics.p != NULL)
        TRY(mpi_demographics_parse(rq->arena, w->before.demographics, &known, rq->err));
    w->demographics = mpi_demographics_update(&known, &w->feed->demographics);
    w->normal = mpi_normalise(rq->arena, &w->demographics);
    w->normal_before = mpi_normalise(rq->arena, &known);
    join_identifiers(w);
    r->place = w->before.place;
    r->into = w->before.into;
    r->version = w->before.version + 1;
    r->member_id = w->feed->member_id;
    r->said_at_us = rq->now_us;
    r->demographics = mpi_demographics_json(rq->arena, &w->demographics);
    r->packed = mpi_pack(rq->arena, &w->normal);
    w->changed = !w->known || r->id_count != w->before.id_count ||
                 !str_eq(r->demographics, mpi_demographics_json(rq->arena, &known));
    w->search = !w->known || !str_eq(r->packed, w->before.packed);
    return OK;
}

/* Every stripe that this feed searches, old and new, in one ascending sweep. */
static void lock_stripes(struct mpi_feeding *w, const struct mpi_block_key *keys, size_t count)
{
    struct mpi_block_key before[MPI_BLOCK_KEYS_MAX];
    size_t before_count = mpi_block_keys(&w->normal_before, before), n = 0;
    int64_t *all = ARENA_ARRAY(w->rq->arena, w->feed->id_count + count + before_count, int64_t);

    for (size_t i = 0; i < w->feed->id_count; i++)
        all[n++] = mpi_identifier_key(w->feed->ids[i]);
    for (size_t i = 0; i < count; i++)
        all[n++] = keys[i].key;
    for (size_t i = 0; i < before_count; i++)
        all[n++] = before[i].key;
    mpi_lock_keys(w->rq, all, n);
}

static void search_queue(struct mpi_feeding *w, const struct mpi_block_key *keys, size_t count)
{
    static const struct statement SEARCH = {
        "mpi_block_search",
        "SELECT pkey, record_id"
        "  FROM mpi_block_key"
        " WHERE bkey = ANY($1)"
        " GROUP BY pkey, record_id"
        " ORDER BY pkey, record_id"
        " LIMIT 257",
    };
    int64_t *values = ARENA_ARRAY(w->rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++)
        values[i] = keys[i].key;
    if (w->search && count > 0)
        db_queue(w->rq->db, &SEARCH, &w->blocks, DB_INT8S(values, count));
}

static void numbers_queue(struct mpi_feeding *w)
{
    static const struct statement NUMBERS = {
        "mpi_numbers",
        "SELECT nextval('mpi_pkey_seq'), nextval('mpi_record_seq'), nextval('mpi_record_seq'),"
        "       nextval('mpi_person_seq')",
    };

    if (!w->known)
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
         !mpi_person_read(w->rq, &w->own.rows[0], 0, &w->person)))
        return moved(w);
    return OK;
}

/* Locks, then the look that counts. */
static enum status look_under_locks(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_block_key keys[MPI_BLOCK_KEYS_MAX];
    size_t count = mpi_block_keys(&w->normal, keys);

    lock_stripes(w, keys, count);
    if (w->known)
        mpi_persons_queue(rq, &w->hit.person, 1, true, &w->own);
    mpi_lookup_queue(rq, w->feed->ids, w->feed->id_count, &w->under_locks);
    search_queue(w, keys, count);
    numbers_queue(w);
    TRY(db_flush(rq->db));
    return check_again(w);
}

/* Persons that own a record with a common key, the known record's own person left out. */
static enum status find_owners(struct mpi_feeding *w, struct mpi_owners *owners,
                               struct person_ref persons[PERSONS_MAX], size_t *count)
{
    size_t found = (size_t)w->blocks.count;
    struct place *places = ARENA_ARRAY(w->rq->arena, found, struct place);

    for (size_t i = 0; i < found; i++)
        places[i] = (struct place){row_int(&w->blocks, (int)i, 0), row_int(&w->blocks, (int)i, 1)};
    mpi_owners_queue(w->rq, places, found, owners);
    TRY(db_flush(w->rq->db));
    TRY(mpi_owners_read(w->rq, owners));
    w->truncated = found > MPI_CANDIDATES_MAX;
    for (size_t i = 0; i < owners->count; i++) {
        bool had = w->known && person_ref_eq(owners->refs[i], w->hit.person);

        for (size_t j = 0; j < *count; j++)
            had |= person_ref_eq(persons[j], owners->refs[i]);
        if (!had && *count < PERSONS_MAX)
            persons[(*count)++] = owners->refs[i];
        else if (!had)
            w->truncated = true;
    }
    return OK;
}

static bool owns(const struct mpi_person *p, struct place place)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (place_eq(p->places[i], place))
            return true;
    return false;
}

/* A candidate of every record of these persons: guards look at all that is known of a person. */
static enum status read_candidates(struct mpi_feeding *w, const struct mpi_person *persons,
                                   size_t count)
{
    struct request *rq = w->rq;
    size_t total = 0, n = 0;
    struct place *places;
    struct rows rows;

    for (size_t i = 0; i < count; i++)
        total += persons[i].place_count;
    places = ARENA_ARRAY(rq->arena, total, struct place);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < persons[i].place_count; j++)
            places[n++] = persons[i].places[j];
    mpi_records_queue(rq, places, total, &rows);
    TRY(db_flush(rq->db));
    w->candidates = ARENA_ARRAY(rq->arena, (size_t)rows.count, struct mpi_candidate);
    for (int row = 0; row < rows.count; row++) {
        struct mpi_record r = mpi_record_read(rq, &rows, row);
        struct mpi_candidate *c = &w->candidates[w->candidate_count++];

        *c = (struct mpi_candidate){.place = r.place,
                                    .version = r.version,
                                    .member_id = r.member_id,
                                    .anchor = r.anchor};
        if (r.packed.p != NULL && !mpi_unpack(r.packed, &c->normal))
            return fail(rq->err, INTERNAL, "StoredRecord", "A stored record cannot be unpacked");
        for (size_t i = 0; i < count; i++)
            if (owns(&persons[i], r.place)) {
                c->person = persons[i].ref;
                c->person_xad_pid = persons[i].xad_pid;
            }
    }
    return OK;
}

/* The records with a common key must still be with the persons that were locked. */
static enum status check_owners(struct mpi_feeding *w, const struct mpi_owners *owners,
                                const struct mpi_locked *locked, struct mpi_person *persons)
{
    for (size_t i = 0; i < locked->count; i++)
        if (!mpi_person_read(w->rq, &locked->rows[i], 0, &persons[i]))
            return moved(w);
    for (size_t i = 0; i < owners->count; i++)
        for (size_t j = 0; j < locked->count; j++)
            if (person_ref_eq(owners->refs[i], persons[j].ref) &&
                !owns(&persons[j], owners->places[i]))
                return moved(w);
    return OK;
}

/* Who might it be? Fills the candidates. A known record's link is not changed here, so the persons
 * that it resembles are locked only for a new one. */
static enum status gather(struct mpi_feeding *w)
{
    struct person_ref refs[PERSONS_MAX];
    struct mpi_person persons[PERSONS_MAX];
    struct mpi_owners owners;
    struct mpi_locked locked;
    size_t count = 0;

    if (w->blocks.count == 0)
        return OK;
    TRY(find_owners(w, &owners, refs, &count));
    if (count == 0)
        return OK;
    mpi_persons_queue(w->rq, refs, count, !w->known, &locked);
    TRY(db_flush(w->rq->db));
    TRY(check_owners(w, &owners, &locked, persons));
    return read_candidates(w, persons, locked.count);
}

static void match(struct mpi_feeding *w)
{
    struct mpi_subject subject = {
        .normal = w->normal,
        .member_id = w->feed->member_id,
        .xad_pid = w->xad_pid,
    };

    mpi_match(w->rq->arena, &subject, w->candidates, w->candidate_count, &w->decision);
}

static void task_open(struct mpi_feeding *w, const char *kind, struct person_ref other,
                      const struct uuid *decision, struct str reasons)
{
    struct mpi_task t = {
        .kind = kind,
        .place = w->after.place,
        .version = w->after.version,
        .person = w->hit.person,
        .other = other,
        .decision = decision,
        .detail = str_printf(w->rq->arena, "{\"reasons\":%.*s}", STR_ARG(reasons)),
    };

    mpi_task_store(w->rq, &t);
}

static struct str reasons_of(struct mpi_feeding *w)
{
    return mpi_reasons_json(w->rq->arena, w->decision.reasons, w->decision.reason_count);
}

/* Keeps what was decided; a steward looks at what the algorithm would not do alone. */
static struct uuid keep_decision(struct mpi_feeding *w)
{
    struct uuid id =
        mpi_decision_store(w->rq, &w->after, &w->decision, w->candidates, w->truncated);

    if (w->decision.outcome == MPI_REVIEW)
        task_open(w, "possible_duplicate", w->decision.person, &id, reasons_of(w));
    return id;
}

/* The XAD-PID that this feed brings for a person that has none yet, or the same one. */
static enum status check_xad(struct mpi_feeding *w, struct str known)
{
    if (w->xad_pid.n == 0 || known.n == 0 || str_eq(known, w->xad_pid))
        return OK;
    return fail(w->rq->err, INVALID, "OtherXadPid",
                "This patient already has another affinity domain identifier; merge the two with"
                " ADT^A40");
}

/* Identifiers of one message that name records of different persons are a steward's matter. */
static void check_other_identifiers(struct mpi_feeding *w)
{
    for (size_t i = 0; i < w->under_locks.count; i++) {
        const struct mpi_hit *h = &w->under_locks.hits[i];

        if (h->known == MPI_ACTIVE && !person_ref_eq(h->person, w->hit.person)) {
            task_open(w, "identifier_conflict", h->person, NULL, STR("[]"));
            return;
        }
    }
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

/* The link of a known record stays, whatever it looks like now: a steward moves it (first form). */
static void keep_link(struct mpi_feeding *w)
{
    struct mpi_decision *d = &w->decision;

    if (d->outcome == MPI_LINK)
        d->outcome = MPI_REVIEW;
    if (d->outcome == MPI_REVIEW)
        return;
    d->outcome = MPI_LINK;
    d->person = w->hit.person;
    d->reasons[0] = MPI_REASON_IDENTIFIER;
    d->reason_count = 1;
}

static enum status update_record(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    bool overlay = mpi_overlay(&w->normal_before, &w->normal);
    struct uuid decision;

    w->xad_before = w->person.xad_pid;
    TRY(check_xad(w, w->person.xad_pid));
    check_other_identifiers(w);
    if (!w->changed)
        return OK;
    drop_foreign_identifiers(w);
    mpi_record_store(rq, &w->after, w->feed->event);
    store_new_identifiers(w);
    if (w->xad_pid.n > 0 && w->person.xad_pid.n == 0) {
        mpi_xad_store(rq, w->xad_pid, w->hit.person);
        mpi_person_set_xad(rq, w->hit.person, w->xad_pid);
        w->person.xad_pid = w->xad_pid;
    }
    if (!w->search)
        return OK;
    mpi_block_keys_remove(rq, &w->before, &w->normal_before);
    mpi_block_keys_store(rq, &w->after, &w->normal, w->hit.person);
    TRY(gather(w));
    match(w);
    keep_link(w);
    decision = keep_decision(w);
    if (overlay)
        task_open(w, "overlay", (struct person_ref){0, 0}, &decision,
                  mpi_reasons_json(rq->arena, &(enum mpi_reason){MPI_REASON_OVERLAY}, 1));
    return OK;
}

static void link_new(struct mpi_feeding *w, struct place place, const char *reason,
                     const struct uuid *decision)
{
    struct mpi_link link = {
        .place = place,
        .version = 1,
        .person = w->hit.person,
        .reason = reason,
        .decided_by = STR("algorithm"),
        .decision = decision,
    };

    mpi_link_store(w->rq, &link);
}

static void person_of_its_own(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct place places[2] = {w->after.place};
    size_t count = 1;

    w->person.xad_pid = w->xad_pid;
    if (is_hub_issuing(rq)) {
        w->person.xad_pid = uuid_text(rq->arena, uuid_v4());
        w->anchor =
            mpi_anchor_store(rq, w->hit.person, row_int(&w->numbers, 0, 2), w->person.xad_pid)
                .place;
        places[count++] = w->anchor;
    } else if (w->xad_pid.n > 0)
        mpi_xad_store(rq, w->xad_pid, w->hit.person);
    mpi_person_store(rq, w->hit.person, places, count, w->person.xad_pid);
    w->person.places = arena_copy(rq->arena, places, sizeof(places));
    w->person.place_count = count;
    w->born = true;
}

static void join_person(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct place *places = ARENA_ARRAY(rq->arena, w->candidate_count + 1, struct place);
    size_t n = 0;

    for (size_t i = 0; i < w->candidate_count; i++)
        if (person_ref_eq(w->candidates[i].person, w->hit.person)) {
            w->person.xad_pid = w->candidates[i].person_xad_pid;
            places[n++] = w->candidates[i].place;
        }
    places[n++] = w->after.place;
    w->person.places = places;
    w->person.place_count = n;
    w->xad_before = w->person.xad_pid;
    mpi_person_add_place(rq, w->hit.person, w->after.place);
    if (w->xad_pid.n > 0 && w->person.xad_pid.n == 0) {
        mpi_xad_store(rq, w->xad_pid, w->hit.person);
        mpi_person_set_xad(rq, w->hit.person, w->xad_pid);
        w->person.xad_pid = w->xad_pid;
    }
}

static enum status add_record(struct mpi_feeding *w)
{
    struct request *rq = w->rq;
    struct mpi_record *r = &w->after;
    bool joins;
    struct uuid decision;

    TRY(gather(w));
    match(w);
    joins = w->decision.outcome == MPI_LINK;
    r->place = (struct place){row_int(&w->numbers, 0, 0), row_int(&w->numbers, 0, 1)};
    w->hit.person = (struct person_ref){r->place.pkey, row_int(&w->numbers, 0, 3)};
    if (joins) {
        w->hit.person = w->decision.person;
        r->place.pkey = w->hit.person.pkey;
    }
    decision = keep_decision(w);
    mpi_record_store(rq, r, w->feed->event);
    link_new(w, r->place, joins ? "demographics" : "new", &decision);
    store_new_identifiers(w);
    mpi_block_keys_store(rq, r, &w->normal, w->hit.person);
    if (joins)
        join_person(w);
    else
        person_of_its_own(w);
    return OK;
}

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
    struct identifier xad = mpi_xad_identifier(rq, w->person.xad_pid);
    struct mpi_changed_record records[2] = {
        {.place = w->after.place,
         .member_id = w->feed->member_id,
         .from = w->known ? w->hit.person : (struct person_ref){0, 0},
         .to = w->hit.person,
         .before = active_ids(rq, &w->before),
         .after = active_ids(rq, &w->after)},
        {.place = w->anchor, .anchor = true, .to = w->hit.person, .after = {&xad, 1}},
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
        .record_count = w->anchor.record_id != 0 ? 2 : 1,
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
    return w;
}

enum status mpi_feed(struct request *rq, struct mpi_feeding *w, struct mpi_fed *out)
{
    must(w->rq == rq, "a feed of another request");
    TRY(look(w));
    TRY(prepare(w));
    TRY(look_under_locks(w));
    TRY(w->known ? update_record(w) : add_record(w));
    if (w->changed)
        TRY(mpi_golden_rebuild(rq, w->hit.person, w->person.places, w->person.place_count));
    TRY(tell(w));
    *out = (struct mpi_fed){
        .place = w->after.place,
        .person = w->hit.person,
        .xad_pid = w->person.xad_pid,
        .created = !w->known,
    };
    return OK;
}
