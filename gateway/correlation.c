#include "gateway/correlation.h"

#include <sodium.h>

#include "xds/rows.h"

static int64_t hash_of(struct str authority, struct str id)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state s;
    uint64_t key = 0;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const unsigned char *)authority.p, authority.n);
    crypto_hash_sha256_update(&s, (const unsigned char *)"|", 1);
    crypto_hash_sha256_update(&s, (const unsigned char *)id.p, id.n);
    crypto_hash_sha256_final(&s, digest);
    for (int i = 0; i < 8; i++)
        key = key << 8 | digest[i];
    return (int64_t)key;
}

/* --- persons -----------------------------------------------------------------------------------
 */

static const struct statement FIND_CORRELATIONS = {
    "gw_correlations_find",
    "SELECT community_id, authority, patient_id, expires_at, used_at\n"
    "  FROM community_correlation\n"
    " WHERE pkey = $1\n"
    "   AND person_id = $2\n"
    "   AND expires_at > $3",
};

void correlations_queue(struct request *rq, struct person_ref person, struct correlations *out)
{
    *out = (struct correlations){0};
    db_queue(rq->db, &FIND_CORRELATIONS, &out->rows, DB_INT8(person.pkey),
             DB_INT8(person.person_id), DB_TIME(rq->now_us));
}

static struct str column(struct request *rq, const struct rows *r, int row, int number)
{
    return row_null(r, row, number) ? STR_NONE : str_dup(rq->arena, row_text(r, row, number));
}

void correlations_read(struct request *rq, struct correlations *out)
{
    const struct rows *r = &out->rows;

    out->v = ARENA_ARRAY(rq->arena, (size_t)r->count, struct correlation);
    for (int i = 0; i < r->count; i++)
        out->v[out->n++] = (struct correlation){
            .community = row_int(r, i, 0),
            .patient = {column(rq, r, i, 1), column(rq, r, i, 2)},
            .expires_us = row_time(r, i, 3),
            .used_us = row_time(r, i, 4),
        };
}

const struct correlation *correlation_of(const struct correlations *all, int64_t community)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].community == community)
            return &all->v[i];
    return NULL;
}

static const struct statement NOTE_USE = {
    "gw_correlations_used",
    "UPDATE community_correlation\n"
    "   SET used_at = $3\n"
    " WHERE pkey = $1\n"
    "   AND person_id = $2",
};

void correlations_used(struct request *rq, struct person_ref person,
                       const struct correlations *known)
{
    bool stale = false;

    if (rq->config->rediscovery_purpose[0] == '\0')
        return;
    for (size_t i = 0; i < known->n; i++)
        stale = stale || known->v[i].used_us < rq->now_us - US_PER_DAY;
    if (stale)
        db_queue(rq->db, &NOTE_USE, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id),
                 DB_TIME(rq->now_us));
}

static const struct statement KEEP_CORRELATION = {
    "gw_correlation_keep",
    "INSERT INTO community_correlation AS c\n"
    "       (pkey, person_id, community_id, authority, patient_id, asked_at, expires_at, used_at)\n"
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $6)\n"
    "    ON CONFLICT (pkey, person_id, community_id) DO UPDATE\n"
    "   SET authority = excluded.authority, patient_id = excluded.patient_id,\n"
    "       asked_at = excluded.asked_at, expires_at = excluded.expires_at,\n"
    "       used_at = CASE WHEN $8 THEN excluded.used_at ELSE c.used_at END,\n"
    "       again_at = '-infinity'",
};

static const struct statement KEEP_PATIENT = {
    "gw_community_patient_keep",
    "INSERT INTO community_patient\n"
    "       (ikey, community_id, authority, patient_id, pkey, person_id, expires_at)\n"
    "VALUES ($1, $2, $3, $4, $5, $6, $7)\n"
    "    ON CONFLICT (ikey, community_id, authority, patient_id) DO UPDATE\n"
    "   SET pkey = excluded.pkey, person_id = excluded.person_id,\n"
    "       expires_at = excluded.expires_at",
};

void correlation_keep(struct request *rq, struct person_ref person, const struct correlation *c,
                      bool used)
{
    struct identifier p = c->patient;

    db_queue(rq->db, &KEEP_CORRELATION, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id),
             DB_INT8(c->community), DB_TEXT(p.authority), DB_TEXT(p.id), DB_TIME(rq->now_us),
             DB_TIME(c->expires_us), DB_BOOL(used));
    if (p.id.p != NULL)
        db_queue(rq->db, &KEEP_PATIENT, NULL, DB_INT8(hash_of(p.authority, p.id)),
                 DB_INT8(c->community), DB_TEXT(p.authority), DB_TEXT(p.id), DB_INT8(person.pkey),
                 DB_INT8(person.person_id), DB_TIME(c->expires_us));
}

static const struct statement FIND_OWNERS = {
    "gw_community_patient_find",
    "SELECT authority, patient_id, pkey, person_id\n"
    "  FROM community_patient\n"
    " WHERE ikey = ANY($1)\n"
    "   AND community_id = $2\n"
    "   AND expires_at > $3",
};

void correlation_owners_queue(struct request *rq, int64_t community, const struct identifier *ids,
                              size_t count, struct correlation_owners *out)
{
    int64_t *keys = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++)
        keys[i] = hash_of(ids[i].authority, ids[i].id);
    db_queue(rq->db, &FIND_OWNERS, &out->rows, DB_INT8S(keys, count), DB_INT8(community),
             DB_TIME(rq->now_us));
}

static struct str name_of(struct request *rq, struct str authority, struct str id)
{
    return str_printf(rq->arena, "%.*s|%.*s", STR_ARG(authority), STR_ARG(id));
}

void correlation_owners_read(struct request *rq, struct correlation_owners *out)
{
    const struct rows *r = &out->rows;

    out->by_id = pair_index_on(rq->arena, (size_t)r->count);
    for (int i = 0; i < r->count; i++)
        (void)pair_index_put_text(&out->by_id, name_of(rq, row_text(r, i, 0), row_text(r, i, 1)),
                                  (size_t)i);
}

bool correlation_owner(struct request *rq, const struct correlation_owners *all,
                       struct identifier id, struct person_ref *out)
{
    size_t at = pair_index_find_text(&all->by_id, name_of(rq, id.authority, id.id));

    if (at == PAIR_NONE)
        return false;
    *out = (struct person_ref){row_int(&all->rows, (int)at, 2), row_int(&all->rows, (int)at, 3)};
    return true;
}

/* --- documents ---------------------------------------------------------------------------------
 */

/* The uniqueIds of one answer are each there once: the statement touches no row twice. What was
 * seen a moment ago, and is as it was, is not written again. */
static const struct statement KEEP_DOCUMENTS = {
    "gw_community_document_keep",
    "INSERT INTO community_document AS d\n"
    "       (ukey, community_id, unique_id, pkey, person_id, entry, seen_at)\n"
    "SELECT n.ukey, n.community_id, n.unique_id, n.pkey, n.person_id, n.entry, $7\n"
    "  FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], "
    "$6::text[])\n"
    "       AS n (ukey, community_id, unique_id, pkey, person_id, entry)\n"
    "    ON CONFLICT (ukey, community_id, unique_id) DO UPDATE\n"
    "   SET pkey = excluded.pkey, person_id = excluded.person_id, entry = excluded.entry,\n"
    "       seen_at = excluded.seen_at\n"
    " WHERE (d.pkey, d.person_id, d.entry)\n"
    "       IS DISTINCT FROM (excluded.pkey, excluded.person_id, excluded.entry)\n"
    "    OR d.seen_at < excluded.seen_at - interval '1 hour'",
};

void known_documents_keep(struct request *rq, const struct known_document *v, size_t count)
{
    int64_t *keys = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *communities = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *places = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *persons = ARENA_ARRAY(rq->arena, count, int64_t);
    struct str *ids = ARENA_ARRAY(rq->arena, count, struct str);
    struct str *entries = ARENA_ARRAY(rq->arena, count, struct str);

    for (size_t i = 0; i < count; i++) {
        keys[i] = xds_uid_key(v[i].unique_id);
        communities[i] = v[i].community;
        places[i] = v[i].person.pkey;
        persons[i] = v[i].person.person_id;
        ids[i] = v[i].unique_id;
        entries[i] = v[i].entry;
    }
    if (count > 0)
        db_queue(rq->db, &KEEP_DOCUMENTS, NULL, DB_INT8S(keys, count), DB_INT8S(communities, count),
                 DB_TEXTS(ids, count), DB_INT8S(places, count), DB_INT8S(persons, count),
                 DB_TEXTS(entries, count), DB_TIME(rq->now_us));
}

static const struct statement FIND_DOCUMENTS = {
    "gw_community_document_find",
    "SELECT unique_id, community_id, pkey, person_id, entry\n"
    "  FROM community_document\n"
    " WHERE ukey = ANY($1)\n"
    "   AND seen_at > $2",
};

void known_documents_queue(struct request *rq, const struct str *unique_ids, size_t count,
                           int64_t since_us, struct rows *rows)
{
    int64_t *keys = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++)
        keys[i] = xds_uid_key(unique_ids[i]);
    db_queue(rq->db, &FIND_DOCUMENTS, rows, DB_INT8S(keys, count), DB_TIME(since_us));
}

struct known_document known_document_read(struct request *rq, const struct rows *rows, int row)
{
    return (struct known_document){
        .unique_id = column(rq, rows, row, 0),
        .community = row_int(rows, row, 1),
        .person = {row_int(rows, row, 2), row_int(rows, row, 3)},
        .entry = column(rq, rows, row, 4),
    };
}
