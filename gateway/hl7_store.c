#include "gateway/hl7_store.h"

#include <sodium.h>
#include <string.h>

#include "hub/base/hash.h"
#include "hub/base/json_text.h"
#include "hub/base/log.h"
#include "hub/seal.h"

static const struct seal_key *store_key;

void hl7_store_init(const unsigned char master_key[32])
{
    store_key = seal_key_new(master_key, "hl7v2msg");
}

/* Hash of member|MSH-3|MSH-4|MSH-10|. */
static int64_t message_key(const struct request *rq, const struct hl7_message *m)
{
    struct str text =
        str_printf(rq->arena, "%lld|%.*s|%.*s|%.*s|", (long long)rq->principal.member->id,
                   STR_ARG(m->application), STR_ARG(m->facility), STR_ARG(m->control_id));

    return hash_key(&text, 1);
}

static struct str digest_of(struct request *rq, const struct hl7_message *m)
{
    unsigned char *digest = arena_alloc(rq->arena, crypto_hash_sha256_BYTES);

    crypto_hash_sha256(digest, (const unsigned char *)m->raw.p, m->raw.n);
    return str_of(digest, crypto_hash_sha256_BYTES);
}

void hl7_seen_queue(struct request *rq, const struct hl7_message *m, struct hl7_seen *seen)
{
    static const struct statement SAME = {
        "hl7_same",
        "SELECT attempt, answer, received_at, message_id, ack"
        "  FROM hl7_message"
        " WHERE mkey = $1"
        "   AND sha256 = $2"
        " ORDER BY attempt DESC"
        " LIMIT 1",
    };
    static const struct statement REUSED = {
        "hl7_reused",
        "SELECT 1"
        "  FROM hl7_message"
        " WHERE mkey = $1"
        "   AND sha256 <> $2"
        "   AND received_at > $3"
        " LIMIT 1",
    };
    int64_t key = message_key(rq, m);
    struct str digest = digest_of(rq, m);
    int64_t since = rq->now_us - rq->config->resend_hours * 3600 * US_PER_SECOND;

    *seen = (struct hl7_seen){0};
    db_queue(rq->db, &SAME, &seen->same, DB_INT8(key), DB_BYTEA(digest));
    db_queue(rq->db, &REUSED, &seen->reused, DB_INT8(key), DB_BYTEA(digest), DB_TIME(since));
}

enum status hl7_seen_read(struct request *rq, struct hl7_seen *seen)
{
    const struct rows *same = &seen->same;
    int64_t since = rq->now_us - rq->config->resend_hours * 3600 * US_PER_SECOND;

    seen->attempt = 1;
    seen->id_reused = seen->reused.count > 0;
    if (same->count == 0)
        return OK;
    seen->attempt = (int)row_int(same, 0, 0) + 1;
    seen->answered = str_eq(row_text(same, 0, 1), STR("AA")) && row_time(same, 0, 2) > since;
    if (seen->answered &&
        !seal_open(rq->arena, store_key, row_uuid(same, 0, 3), row_bytea(same, 0, 4), &seen->ack))
        return fail(rq->err, INTERNAL, "207", "A stored acknowledgement cannot be opened");
    return OK;
}

/* A header that was never read, or could not be decoded, has no text that a column takes. */
static struct str or_empty(struct str s)
{
    bool fits = s.p != NULL && utf8_valid(s) && memchr(s.p, '\0', s.n) == NULL;

    return fits ? s : STR("");
}

static struct str type_of(struct request *rq, const struct hl7_message *m)
{
    if (m->event.p == NULL && m->code.p != NULL && str_starts(m->code, STR("PRPA_")))
        return m->code; /* an interaction of v3 */
    return str_printf(rq->arena, "%.*s^%.*s", STR_ARG(or_empty(m->code)),
                      STR_ARG(or_empty(m->event)));
}

void hl7_keep(struct request *rq, const struct hl7_message *m, const struct hl7_seen *seen,
              struct str ack)
{
    static const struct statement INSERT = {
        "hl7_keep",
        "INSERT INTO hl7_message (mkey, sha256, attempt, message_id, member_id, application,"
        "       facility, control_id, type, received_at, answer, message, ack)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'AA', $11, $12)",
    };

    if (seen->id_reused) {
        metric_add(METRIC_hl7_control_id_reused_total, 1);
        log_warn("hl7_control_id_reused", "application=%.*s", STR_ARG(m->application));
    }
    db_queue(rq->db, &INSERT, NULL, DB_INT8(message_key(rq, m)), DB_BYTEA(digest_of(rq, m)),
             DB_INT4(seen->attempt), DB_UUID(rq->id), DB_INT8(rq->principal.member->id),
             DB_TEXT(m->application), DB_TEXT(m->facility), DB_TEXT(m->control_id),
             DB_TEXT(type_of(rq, m)), DB_TIME(rq->now_us),
             DB_BYTEA(seal(rq->arena, store_key, rq->id, m->raw)),
             DB_BYTEA(seal(rq->arena, store_key, rq->id, ack)));
}

void hl7_keep_refused(struct request *rq, const struct hl7_message *m, const char *answer,
                      struct str ack)
{
    static const struct statement INSERT = {
        "hl7_keep_refused",
        "INSERT INTO hl7_message (mkey, sha256, attempt, message_id, member_id, application,"
        "       facility, control_id, type, received_at, answer, message, ack)"
        "SELECT $1, $2, coalesce(max(attempt), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12"
        "  FROM hl7_message"
        " WHERE mkey = $1"
        "   AND sha256 = $2",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(message_key(rq, m)), DB_BYTEA(digest_of(rq, m)),
             DB_UUID(rq->id), DB_INT8(rq->principal.member->id), DB_TEXT(or_empty(m->application)),
             DB_TEXT(or_empty(m->facility)), DB_TEXT(or_empty(m->control_id)),
             DB_TEXT(type_of(rq, m)), DB_TIME(rq->now_us), DB_TEXT(str_from(answer)),
             DB_BYTEA(seal(rq->arena, store_key, rq->id, m->raw)),
             DB_BYTEA(seal(rq->arena, store_key, rq->id, ack)));
}
