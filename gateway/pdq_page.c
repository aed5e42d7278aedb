#include "gateway/pdq_page.h"

#include <sodium.h>

#include "hub/base/hash.h"
#include "hub/base/hex.h"
#include "hub/person_rows.h"

enum { POINTER = 16, EVERY = 8 };

/* Hash of member|query. */
static int64_t page_key(struct request *rq, struct str query_id)
{
    struct str text =
        str_printf(rq->arena, "%lld|%.*s", (long long)rq->principal.member->id, STR_ARG(query_id));

    return hash_key(&text, 1);
}

/* Now and then: two that meet at the same rows would have to run again. */
static void forget_expired(struct request *rq)
{
    static const struct statement EXPIRE = {
        "pdq_page_expire",
        /* across places: what expired, wherever it lies; a few at a time */
        "DELETE FROM identity_continuation"
        " WHERE (ckey, pointer) IN ("
        "       SELECT ckey, pointer"
        "         FROM identity_continuation"
        "        WHERE expires_at < $1"
        "        ORDER BY expires_at"
        "        LIMIT 20)",
    };

    if (randombytes_uniform(EVERY) == 0)
        db_queue(rq->db, &EXPIRE, NULL, DB_TIME(rq->now_us));
}

struct str pdq_page_keep(struct request *rq, const struct pdq_rest *rest)
{
    static const struct statement KEEP = {
        "pdq_page_keep",
        "INSERT INTO identity_continuation (ckey, pointer, member_id, query_id, page_size, shown,"
        "       person_pkeys, person_ids, domains, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    };
    unsigned char random[POINTER];
    struct pairs of = pairs_of_persons(rq->arena, rest->persons, rest->count);
    struct str pointer;

    randombytes_buf(random, sizeof(random));
    pointer = hex_encode(rq->arena, random, sizeof(random));
    forget_expired(rq);
    db_queue(rq->db, &KEEP, NULL, DB_INT8(page_key(rq, rest->query_id)), DB_TEXT(pointer),
             DB_INT8(rq->principal.member->id), DB_TEXT(rest->query_id),
             DB_INT4((int64_t)rest->page), DB_INT4((int64_t)rest->shown), of.pkeys, of.numbers,
             DB_TEXTS(rest->domains, rest->domain_count),
             DB_TIME(rq->now_us + rq->config->continuation_minutes * 60 * US_PER_SECOND));
    return pointer;
}

enum status pdq_page_read(struct request *rq, struct str query_id, struct pdq_place place,
                          struct pdq_rest *out)
{
    static const struct statement READ = {
        "pdq_page_read",
        "SELECT page_size, shown, person_pkeys, person_ids, domains"
        "  FROM identity_continuation"
        " WHERE ckey = $1"
        "   AND ($2::text IS NULL OR pointer = $2)"
        "   AND ($3::integer IS NULL OR shown = $3)"
        "   AND member_id = $4"
        "   AND query_id = $5"
        "   AND expires_at >= $6"
        " ORDER BY expires_at DESC, shown DESC"
        " LIMIT 1",
    };
    struct rows rows;

    db_queue(rq->db, &READ, &rows, DB_INT8(page_key(rq, query_id)),
             DB_TEXT(place.pointer.n > 0 ? place.pointer : STR_NONE),
             place.start > 0 ? DB_INT4((int64_t)place.start - 1) : DB_NULL(DB_TYPE_INT4),
             DB_INT8(rq->principal.member->id), DB_TEXT(query_id), DB_TIME(rq->now_us));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, NOT_FOUND, "UnknownPointer",
                    "There is no such continuation: it was cancelled, has expired, or is another"
                    " query's; ask again from the beginning");
    *out = (struct pdq_rest){
        .query_id = query_id,
        .page = (size_t)row_int(&rows, 0, 0),
        .shown = (size_t)row_int(&rows, 0, 1),
    };
    out->persons = row_persons(rq->arena, &rows, 0, 2, &out->count);
    out->domain_count = row_texts(rq->arena, &rows, 0, 4, &out->domains);
    return OK;
}

void pdq_page_forget(struct request *rq, struct str query_id)
{
    static const struct statement FORGET = {
        "pdq_page_forget",
        "DELETE FROM identity_continuation"
        " WHERE ckey = $1"
        "   AND member_id = $2"
        "   AND query_id = $3",
    };

    db_queue(rq->db, &FORGET, NULL, DB_INT8(page_key(rq, query_id)),
             DB_INT8(rq->principal.member->id), DB_TEXT(query_id));
}
