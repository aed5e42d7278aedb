#include "xds/claim.h"

#include <stdlib.h>

#include "xds/find.h"
#include "xds/rows.h"

static const struct statement CLAIM = {
    "xds_claim_ids",
    "INSERT INTO uid_claim (ukey, id, kind, entry_uuid, hash, size, claimed_at, request)\n"
    "SELECT c.ukey, c.id, c.kind, c.entry_uuid, c.hash, c.size, $7, $8\n"
    "  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])\n"
    "    AS c (ukey, id, kind, entry_uuid, hash, size)\n"
    " ORDER BY c.ukey, c.id COLLATE \"C\"\n"
    "ON CONFLICT (ukey, id) DO NOTHING",
};

static const struct statement WINNERS = {
    "xds_claim_winners",
    "SELECT id, kind, request, hash, size\n"
    "  FROM uid_claim\n"
    " WHERE ukey = ANY($1)\n"
    "   AND id = ANY($2)",
};

static const struct statement ENTER = {
    "xds_enter_ids",
    "INSERT INTO uid_entry (ukey, id, entry_uuid, kind, pkey, record_id)\n"
    "SELECT e.ukey, e.id, e.entry_uuid, e.kind, e.pkey, e.record_id\n"
    "  FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[])\n"
    "    AS e (ukey, id, entry_uuid, kind, pkey, record_id)",
};

static int compare_claims(const void *a, const void *b)
{
    const struct xds_claim *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return str_compare(x->id, y->id);
}

static void add_claim(struct xds_claims *c, const struct xds_object *o, struct str id, bool is_uuid)
{
    c->v[c->n++] = (struct xds_claim){id, xds_uid_key(id), o, is_uuid};
}

static void list_claims(struct request *rq, const struct xds_objects *objects, struct xds_claims *c)
{
    *c = (struct xds_claims){.v = ARENA_ARRAY(rq->arena, 2 * objects->n, struct xds_claim)};
    for (size_t i = 0; i < objects->n; i++) {
        const struct xds_object *o = objects->v[i];
        struct str unique = xds_text(o, "uniqueId");

        add_claim(c, o, uuid_text(rq->arena, o->uuid), true);
        if (unique.n > 0)
            add_claim(c, o, unique, false);
    }
    qsort(c->v, c->n, sizeof(*c->v), compare_claims);
}

/* The columns of the claims, as the arrays that PostgreSQL takes. */
struct columns {
    int64_t *keys, *pkeys, *records;
    struct str *ids, *kinds, *hashes, *sizes;
    struct uuid *uuids;
};

static struct columns columns_of(struct request *rq, const struct xds_claims *c)
{
    struct arena *a = rq->arena;
    struct columns k = {
        ARENA_ARRAY(a, c->n, int64_t),    ARENA_ARRAY(a, c->n, int64_t),
        ARENA_ARRAY(a, c->n, int64_t),    ARENA_ARRAY(a, c->n, struct str),
        ARENA_ARRAY(a, c->n, struct str), ARENA_ARRAY(a, c->n, struct str),
        ARENA_ARRAY(a, c->n, struct str), ARENA_ARRAY(a, c->n, struct uuid),
    };

    for (size_t i = 0; i < c->n; i++) {
        const struct xds_object *o = c->v[i].object;
        bool bytes = o->kind == XDS_DOCUMENT && !c->v[i].is_uuid;
        struct str hash = bytes ? xds_text(o, "hash") : STR_NONE;

        k.keys[i] = c->v[i].key;
        k.ids[i] = c->v[i].id;
        k.kinds[i] = xds_kind_name(o->kind);
        k.uuids[i] = o->uuid;
        k.hashes[i] = hash.p ? str_lower(a, hash) : STR_NONE;
        k.sizes[i] = bytes ? xds_text(o, "size") : STR_NONE;
        k.pkeys[i] = o->place.pkey;
        k.records[i] = o->place.record_id;
    }
    return k;
}

void xds_claims_queue(struct request *rq, const struct xds_objects *objects, struct xds_claims *c)
{
    struct columns k;

    list_claims(rq, objects, c);
    k = columns_of(rq, c);
    db_queue(rq->db, &CLAIM, NULL, DB_INT8S(k.keys, c->n), DB_TEXTS(k.ids, c->n),
             DB_TEXTS(k.kinds, c->n), DB_UUIDS(k.uuids, c->n), DB_TEXTS(k.hashes, c->n),
             DB_TEXTS(k.sizes, c->n), DB_TIME(rq->now_us), DB_UUID(rq->id));
    db_queue(rq->db, &WINNERS, &c->winners, DB_INT8S(k.keys, c->n), DB_TEXTS(k.ids, c->n));
}

static const struct xds_claim *find_claim(const struct xds_claims *c, struct str id)
{
    struct xds_claim wanted = {.id = id, .key = xds_uid_key(id)};

    return bsearch(&wanted, c->v, c->n, sizeof(*c->v), compare_claims);
}

/* Sizes are compared as numbers: 0747 is 747. */
static bool same_size(struct str a, struct str b)
{
    uint64_t x, y;

    return str_to_u64(a, &x) && str_to_u64(b, &y) && x == y;
}

/* An on-demand entry's uniqueId is that of no other, and bytes that nobody knows are not the same
 * (limited metadata may leave the hash out). */
static bool is_other_kind(const struct xds_object *o, struct str hash, struct str new_hash)
{
    return xds_on_demand(xds_document((struct xds_object *)(uintptr_t)o)) ||
           (hash.n == 0 && new_hash.n > 0);
}

/* The uniqueId of a document that another entry has already: the same bytes, or refused. */
static void check_bytes(struct request *rq, const struct xds_claim *claim, struct str hash,
                        struct str size)
{
    const struct xds_object *o = claim->object;
    struct str new_hash = xds_text(o, "hash"), new_size = xds_text(o, "size");
    struct xds_document was = {.hash = hash, .size = size};

    if (is_other_kind(o, hash, new_hash))
        fail_at(rq->err, o->id, INVALID, "XDSDuplicateUniqueIdInRegistry",
                "uniqueId %.*s of %.*s is already that of a registered document of another type",
                STR_ARG(claim->id), STR_ARG(str_slice(o->id, 0, 120)));
    else if (xds_delayed(&was))
        return; /* its bytes are not made yet */
    else if (hash.p && new_hash.p && !str_eq_nocase(hash, new_hash))
        fail_at(rq->err, o->id, INVALID, "XDSNonIdenticalHash",
                "uniqueId %.*s is registered with another hash than %.*s", STR_ARG(claim->id),
                STR_ARG(new_hash));
    else if (size.p && new_size.p && !same_size(size, new_size))
        fail_at(rq->err, o->id, INVALID, "XDSNonIdenticalSize",
                "uniqueId %.*s is registered with another size than %.*s", STR_ARG(claim->id),
                STR_ARG(new_size));
}

static void check_unique_id(struct request *rq, const struct xds_claim *claim,
                            const struct rows *rows, int row)
{
    struct str kind = row_text(rows, row, 1);

    if (claim->object->kind == XDS_DOCUMENT && str_eq(kind, xds_kind_name(XDS_DOCUMENT)))
        check_bytes(rq, claim, row_text(rows, row, 3), row_text(rows, row, 4));
    else
        fail_at(rq->err, claim->object->id, INVALID, "XDSDuplicateUniqueIdInRegistry",
                "uniqueId %.*s of the %s is already that of a registered %.*s", STR_ARG(claim->id),
                xds_models[claim->object->kind].label, STR_ARG(kind));
}

/* UniqueIds first: a resent submission fails by its SubmissionSet's. */
enum status xds_claims_check(struct request *rq, const struct xds_claims *c)
{
    for (int is_uuid = 0; is_uuid < 2; is_uuid++)
        for (int row = 0; row < c->winners.count; row++) {
            const struct xds_claim *claim = find_claim(c, row_text(&c->winners, row, 0));

            if (claim == NULL || claim->is_uuid != is_uuid || (claim->object->update && !is_uuid) ||
                uuid_eq(row_uuid(&c->winners, row, 2), rq->id))
                continue;
            if (is_uuid)
                fail_at(rq->err, claim->object->id, INVALID, "XDSRegistryMetadataError",
                        "entryUUID %.*s is registered already", STR_ARG(claim->object->id));
            else
                check_unique_id(rq, claim, &c->winners, row);
        }
    return rq->err->status;
}

void xds_claims_enter(struct request *rq, const struct xds_claims *c)
{
    struct columns k = columns_of(rq, c);

    db_queue(rq->db, &ENTER, NULL, DB_INT8S(k.keys, c->n), DB_TEXTS(k.ids, c->n),
             DB_UUIDS(k.uuids, c->n), DB_TEXTS(k.kinds, c->n), DB_INT8S(k.pkeys, c->n),
             DB_INT8S(k.records, c->n));
}
