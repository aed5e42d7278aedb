#include "xds/find.h"

#include "hub/base/hints.h"
#include "hub/principal.h"
#include "xds/kept.h"
#include "xds/rows.h"

static const struct statement FIND_IDS = {
    "xds_find_ids",
    "SELECT entry_uuid, kind, pkey, record_id\n"
    "  FROM uid_entry\n"
    " WHERE ukey = ANY($1)\n"
    "   AND id = ANY($2)",
};

/* Nearly always: what is asked for lies at one place. */
static const struct statement FIND_DOCUMENTS_AT = {
    "xds_find_documents_at",
    "SELECT " XDS_DOCUMENT_COLUMNS XDS_ROW_VERSION "\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = ANY($3)",
};
static const struct statement FIND_VERSIONS_AT = {
    "xds_find_document_versions_at",
    "SELECT entry_uuid" XDS_ROW_VERSION "\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = ANY($3)",
};

/* By triples: three arrays side by side would try every combination, and a thousand documents of a
 * thousand patients have a thousand million. */
static const struct statement FIND_DOCUMENTS = {
    "xds_find_documents_by_uuid",
    "SELECT " XDS_DOCUMENT_COLUMNS XDS_ROW_VERSION "\n"
    "  FROM xds_document_entry\n"
    " WHERE (pkey, record_id, entry_uuid) IN (\n"
    "       SELECT place, record, entry\n"
    "         FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) AS w (place, record, entry))",
};

/* An id as uid_claim and uid_entry spell it: entryUUIDs lose urn:uuid: and capitals. */
static struct str uid_text(struct arena *a, struct str id)
{
    struct uuid u;

    return uuid_parse_urn(id, &u) ? uuid_text(a, u) : id;
}

void xds_uid_lookup_queue(struct request *rq, const struct str *ids, size_t count,
                          struct xds_uid_lookup *lookup)
{
    int64_t *keys = ARENA_ARRAY(rq->arena, count, int64_t);
    struct str *texts = ARENA_ARRAY(rq->arena, count, struct str);

    *lookup = (struct xds_uid_lookup){.count = count, .keys = keys};
    for (size_t i = 0; i < count; i++) {
        texts[i] = uid_text(rq->arena, ids[i]);
        keys[i] = xds_uid_key(texts[i]);
    }
    db_queue(rq->db, &FIND_IDS, &lookup->rows, DB_INT8S(keys, count), DB_TEXTS(texts, count));
}

void xds_uid_lookup_read(struct request *rq, struct xds_uid_lookup *lookup)
{
    const struct rows *rows = &lookup->rows;

    lookup->hits = ARENA_ARRAY(rq->arena, (size_t)rows->count, struct xds_uid_hit);
    for (int i = 0; i < rows->count; i++) {
        struct xds_uid_hit *hit = &lookup->hits[lookup->n++];

        hit->uuid = row_uuid(rows, i, 0);
        must(xds_kind_parse(row_text(rows, i, 1), &hit->kind), "a kind that there is not");
        hit->place = (struct place){row_int(rows, i, 2), row_int(rows, i, 3)};
    }
}

struct place xds_find_nowhere(void)
{
    struct uuid random = uuid_v4();
    struct place p;

    memcpy(&p.pkey, random.b, sizeof(p.pkey));
    memcpy(&p.record_id, random.b + sizeof(p.pkey), sizeof(p.record_id));
    return p;
}

/* The places of the documents among the hits: each once, for most are the same. */
static size_t distinct_places(struct request *rq, const struct xds_uid_lookup *lookup,
                              struct place **out, struct pair_index *numbers)
{
    struct place *places = ARENA_ARRAY(rq->arena, lookup->n, struct place);
    size_t n = 0;

    *numbers = pair_index_on(rq->arena, 0);
    for (size_t i = 0; i < lookup->n; i++) {
        struct place place = lookup->hits[i].place;

        if (lookup->hits[i].kind == XDS_DOCUMENT &&
            pair_index_put(numbers, place.pkey, place.record_id, n) == n)
            places[n++] = place;
    }
    *out = places;
    return n;
}

void xds_find_rows_queue(struct request *rq, const int64_t *pkeys, const int64_t *records,
                         const struct uuid *uuids, size_t count, struct rows *rows)
{
    db_queue(rq->db, &FIND_DOCUMENTS, rows, DB_INT8S(pkeys, count), DB_INT8S(records, count),
             DB_UUIDS(uuids, count));
}

/* What is read of the documents of a look-up, between queueing and reading. */
struct reading {
    bool versions_do; /* the rows are versions alone: what they hold may be in memory */
    struct place *places;
    struct pair_index numbers; /* of the places */
    struct mpi_owners owners;
    struct rows documents;
};

static void queue_documents(struct request *rq, const struct xds_uid_lookup *lookup,
                            size_t place_count, struct reading *r)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, lookup->n, int64_t);
    int64_t *records = ARENA_ARRAY(rq->arena, lookup->n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(rq->arena, lookup->n, struct uuid);

    for (size_t i = 0; i < lookup->n; i++) {
        pkeys[i] = lookup->hits[i].place.pkey;
        records[i] = lookup->hits[i].place.record_id;
        uuids[i] = lookup->hits[i].uuid;
    }
    r->versions_do = r->versions_do && xds_kept_for(rq, xds_kept_entry(r->places->pkey, uuids[0]));
    if (place_count == 1)
        db_queue(rq->db, r->versions_do ? &FIND_VERSIONS_AT : &FIND_DOCUMENTS_AT, &r->documents,
                 DB_INT8(r->places->pkey), DB_INT8(r->places->record_id),
                 DB_UUIDS(uuids, lookup->n));
    else
        xds_find_rows_queue(rq, pkeys, records, uuids, lookup->n, &r->documents);
}

/* Policies of everyone at the places where the documents lie, which is where their owners lie,
 * nearly always. */
static void queue_policies_at(struct request *rq, const struct place *places, size_t count,
                              struct xds_candidates *found)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++)
        pkeys[i] = places[i].pkey;
    consent_queue_places(rq, pkeys, count, &found->policies);
}

const struct person *xds_find_person(const struct xds_candidates *found, struct person_ref ref)
{
    return ref.person_id == 0 ? NULL : mpi_people_find(&found->people, ref);
}

/* All constituents of the people found. */
static size_t constituents(struct request *rq, const struct mpi_people *people,
                           struct person_ref **out)
{
    struct person_ref *all;
    size_t n = 0;

    for (size_t i = 0; i < people->count; i++)
        n += people->people[i].constituent_count;
    *out = all = ARENA_ARRAY(rq->arena, n, struct person_ref);
    for (size_t i = 0; i < people->count; i++)
        for (size_t j = 0; j < people->people[i].constituent_count; j++)
            *all++ = people->people[i].constituents[j];
    return n;
}

void xds_policies_queue(struct request *rq, struct xds_candidates *found)
{
    struct person_ref *all;
    size_t n = constituents(rq, &found->people, &all);

    consent_queue(rq, all, n, &found->policies);
}

enum status xds_policies_read(struct request *rq, struct xds_candidates *found)
{
    return consent_read(rq, &found->policies);
}

static bool nobody_merged(const struct mpi_people *people)
{
    for (size_t i = 0; i < people->count; i++)
        if (!person_is_alone(&people->people[i]))
            return false;
    return true;
}

/* The owners, each once, with what came of them with their records. False when of one nothing
 * did: that one lies at another place. */
static bool distinct_owners(struct request *rq, const struct mpi_owners *lists, size_t list_count,
                            struct mpi_people *people)
{
    struct person_ref *refs;
    size_t n = 0, known = 0;

    for (size_t i = 0; i < list_count; i++)
        n += lists[i].count;
    refs = ARENA_ARRAY(rq->arena, n, struct person_ref);
    *people = (struct mpi_people){.people = ARENA_ARRAY(rq->arena, n, struct person),
                                  .refs = refs,
                                  .by_ref = pair_index_on(rq->arena, 0)};
    for (size_t i = 0; i < list_count; i++)
        for (size_t j = 0; j < lists[i].count; j++) {
            struct person_ref ref = lists[i].refs[j];
            size_t at = people->count;

            if (ref.person_id == 0)
                continue;
            at = pair_index_put(&people->by_ref, ref.pkey, ref.person_id, at);
            if (at == people->count)
                refs[people->count++] = ref;
            if (people->people[at].ref.person_id == 0 && lists[i].people[j].ref.person_id != 0) {
                people->people[at] = lists[i].people[j];
                known++;
            }
        }
    return known == people->count;
}

/* Queues the policies of these persons, unless those at their places have been. Nobody's are read
 * too: who asks about nothing takes as long as who asks about what is hidden. */
static bool policies_needed(struct request *rq, const struct person_ref *persons, size_t n,
                            struct xds_candidates *found)
{
    if (found->policies.reading != NULL && consent_covers(&found->policies, persons, n))
        return false;
    consent_queue(rq, persons, n, &found->policies);
    return true;
}

/* Reads the people whose references found->people has, with their policies. A person that others
 * were merged into needs theirs too, which are known only then. */
static enum status read_people(struct request *rq, struct xds_candidates *found)
{
    struct mpi_people *people = &found->people;
    struct person_ref *all;
    size_t n;

    mpi_people_queue(rq, people->refs, people->count, people);
    (void)policies_needed(rq, people->refs, people->count, found);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, people));
    n = constituents(rq, people, &all);
    if (!nobody_merged(people) && policies_needed(rq, all, n, found))
        TRY(db_flush(rq->db));
    return xds_policies_read(rq, found);
}

enum status xds_find_people(struct request *rq, const struct person_ref *refs, size_t n,
                            struct xds_candidates *found)
{
    found->people = (struct mpi_people){.count = n, .refs = refs};
    return read_people(rq, found);
}

enum status xds_find_owners(struct request *rq, const struct mpi_owners *lists, size_t count,
                            struct xds_candidates *found)
{
    struct person_ref *all;
    size_t n;

    if (!distinct_owners(rq, lists, count, &found->people))
        return read_people(rq, found);
    n = constituents(rq, &found->people, &all);
    if (policies_needed(rq, all, n, found))
        TRY(db_flush(rq->db));
    return xds_policies_read(rq, found);
}

/* --- documents by id ---------------------------------------------------------------------------
 */

static void queue_found(struct request *rq, const struct xds_uid_lookup *lookup,
                        const struct xds_beside *beside, struct reading *r,
                        struct xds_candidates *found)
{
    size_t n = distinct_places(rq, lookup, &r->places, &r->numbers);

    if (n == 0) {
        r->places = ARENA_NEW(rq->arena, struct place);
        r->places[n++] = xds_find_nowhere();
    }
    queue_documents(rq, lookup, n, r);
    queue_policies_at(rq, r->places, n, found);
    mpi_owners_queue(rq, r->places, n, &r->owners);
    if (beside)
        beside->queue(rq, lookup, beside->context);
}

static enum status read_found(struct request *rq, struct reading *r, struct xds_candidates *found)
{
    TRY(mpi_owners_read(rq, &r->owners));
    TRY(xds_find_owners(rq, &r->owners, 1, found));
    for (int i = 0; i < r->documents.count; i++) {
        struct xds_object *o = xds_rows_read(rq->arena, XDS_DOCUMENT, &r->documents, i);
        size_t at = pair_index_find(&r->numbers, o->place.pkey, o->place.record_id);
        xds_candidates_add(rq, found, o,
                           at == PAIR_NONE ? NULL : xds_find_person(found, r->owners.refs[at]),
                           false);
    }
    return OK;
}

/* --- the same where they were last, in the flush of the look-up --------------------------------
 */

/* Where the document of a uniqueId was when this caller was shown it, and whose it was. */
struct told {
    struct xds_uid_hit hit;
    struct person_ref owner;
};

_Static_assert(sizeof(struct told) <= HINT_BYTES, "a document is no hint");

static struct hints shown;

enum { REMEMBERED = 10 /* documents of an answer */ };

void xds_find_remember(struct request *rq, const struct xds_visible *seen)
{
    uint64_t caller = principal_hash(rq);
    size_t n = xds_visible_count(seen);

    for (size_t i = 0; i < n && i < REMEMBERED; i++) {
        struct xds_object *o = (struct xds_object *)xds_visible_object(seen, i);
        const struct person *owner = xds_visible_person(seen, i);
        const struct told told = {{o->uuid, XDS_DOCUMENT, o->place}, owner->ref};

        if (o->kind == XDS_DOCUMENT && person_is_alone(owner))
            hints_put(&shown, hints_key(caller, (uint64_t)xds_uid_key(xds_document(o)->unique_id)),
                      &told, sizeof(told));
    }
}

struct guess {
    bool made;
    uint64_t key;
    struct told told;
    struct mpi_people owner;
    struct reading document;
};

static void queue_guess(struct request *rq, const struct xds_uid_lookup *lookup,
                        const struct xds_beside *beside, struct guess *g,
                        struct xds_candidates *found)
{
    struct xds_uid_lookup guessed = {.n = 1, .hits = &g->told.hit};

    if (lookup->count != 1)
        return;
    g->key = hints_key(principal_hash(rq), (uint64_t)lookup->keys[0]);
    g->made = hints_get(&shown, g->key, &g->told, sizeof(g->told));
    if (!g->made)
        return;
    g->document = (struct reading){.versions_do = true, .places = &g->told.hit.place};
    queue_documents(rq, &guessed, 1, &g->document);
    mpi_people_queue(rq, &g->told.owner, 1, &g->owner);
    consent_queue(rq, &g->told.owner, 1, &found->policies);
    if (beside)
        beside->queue(rq, &guessed, beside->context);
}

static bool is_still_there(const struct xds_uid_lookup *lookup, const struct xds_uid_hit *hit)
{
    return lookup->n == 1 && lookup->hits[0].kind == XDS_DOCUMENT &&
           uuid_eq(lookup->hits[0].uuid, hit->uuid) && place_eq(lookup->hits[0].place, hit->place);
}

/* A person's list of places says whose a record is (sql/0003_mpi.sql). */
static bool owns(const struct person *p, struct place place)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (place_eq(p->places[i], place))
            return person_is_alone(p);
    return false;
}

/* NULL: it is not in memory. */
static struct xds_object *read_document(struct request *rq, const struct reading *r, int row)
{
    if (!r->versions_do)
        return xds_rows_read(rq->arena, XDS_DOCUMENT, &r->documents, row);
    return xds_kept_take(rq, r->places->pkey, row_uuid(&r->documents, row, 0),
                         row_version(&r->documents, row));
}

/* Is it still there, alone, and shown to the caller? What is not is read in another flush, as if
 * nobody had guessed. What has been hidden since has been read by then and decided upon, unlike
 * what was taken away: once, as the hint goes, and for a caller who was shown it. */
static enum status read_guess(struct request *rq, const struct xds_uid_lookup *lookup,
                              struct guess *g, struct xds_candidates *found, bool *holds)
{
    struct xds_object *o = NULL;

    TRY(mpi_people_read(rq, &g->owner));
    *holds = is_still_there(lookup, &g->told.hit) && g->document.documents.count == 1 &&
             owns(&g->owner.people[0], g->told.hit.place);
    if (*holds) {
        found->people = g->owner;
        TRY(xds_policies_read(rq, found));
        o = read_document(rq, &g->document, 0);
    }
    if (o != NULL)
        xds_candidates_add(rq, found, o, &g->owner.people[0], false);
    *holds = o != NULL && xds_gate_permits(rq, found, &found->v[0]);
    if (!*holds) {
        hints_drop(&shown, g->key);
        *found = (struct xds_candidates){0};
    }
    return OK;
}

/* Who was shown a document before will be again. */
static void keep(struct request *rq, const struct guess *g, const struct reading *r)
{
    if (!r->versions_do)
        xds_kept_put(rq, xds_kept_entry(g->told.hit.place.pkey, g->told.hit.uuid), &r->documents);
}

enum status xds_find_documents_by_id(struct request *rq, const struct str *ids, size_t count,
                                     const struct xds_beside *beside, struct xds_candidates *found)
{
    struct guess *guess = ARENA_NEW(rq->arena, struct guess);
    struct xds_uid_lookup lookup;
    struct reading reading = {.versions_do = false};
    bool holds = false;

    *found = (struct xds_candidates){0};
    xds_uid_lookup_queue(rq, ids, count, &lookup);
    queue_guess(rq, &lookup, beside, guess, found);
    TRY(db_flush(rq->db));
    xds_uid_lookup_read(rq, &lookup);
    if (guess->made)
        TRY(read_guess(rq, &lookup, guess, found, &holds));
    if (!holds) {
        queue_found(rq, &lookup, beside, &reading, found);
        TRY(db_flush(rq->db));
        TRY(read_found(rq, &reading, found));
    }
    if (guess->made)
        keep(rq, guess, holds ? &guess->document : &reading);
    return OK;
}
