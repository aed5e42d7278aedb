#include "hub/outbox.h"

#include "hub/base/hash.h"
#include "hub/seal.h"

static const struct seal_key *payload_key;

void outbox_init(const unsigned char master_key[32])
{
    payload_key = seal_key_new(master_key, "huboutbx");
}

bool outbox_open_payload(struct arena *a, struct uuid id, struct str sealed, struct str *plain)
{
    return seal_open(a, payload_key, id, sealed, plain);
}

/* Hash of kind|member|address|. */
static int64_t lane_key(struct arena *a, const struct outbox_destination *to)
{
    struct str text =
        str_printf(a, "%s|%lld|%.*s|", to->kind, (long long)to->member_id, STR_ARG(to->address));

    return hash_key(&text, 1);
}

void outbox_put(struct request *rq, const struct outbox_destination *to, const char *what,
                struct str payload)
{
    static const struct statement LANE = {
        "outbox_lane_insert",
        "INSERT INTO outbox_lane (dkey, kind, member_id, address)"
        " VALUES ($1, $2, $3, $4)"
        "     ON CONFLICT (dkey) DO NOTHING",
    };
    static const struct statement MESSAGE = {
        "outbox_message_insert",
        "INSERT INTO outbox_message (dkey, sequence, message_id, what, queued_at, request, payload)"
        " VALUES ($1, nextval('outbox_seq'), $2, $3, $4, $5, $6)",
    };
    int64_t key = lane_key(rq->arena, to);
    struct uuid id = uuid_v7();

    db_queue(rq->db, &LANE, NULL, DB_INT8(key), DB_TEXT(str_from(to->kind)), DB_INT8(to->member_id),
             DB_TEXT(to->address));
    db_queue(rq->db, &MESSAGE, NULL, DB_INT8(key), DB_UUID(id), DB_TEXT(str_from(what)),
             DB_TIME(rq->now_us), DB_UUID(rq->id),
             DB_BYTEA(seal(rq->arena, payload_key, id, payload)));
}

enum status outbox_is_full(struct request *rq, const struct outbox_destination *to, bool *full)
{
    static const struct statement KEPT = {
        "outbox_kept",
        "SELECT count(*), coalesce(sum(octet_length(payload)), 0)::bigint"
        "  FROM (SELECT payload"
        "          FROM outbox_message"
        "         WHERE dkey = $1"
        "         LIMIT $2) AS m",
    };
    struct rows rows;

    db_queue(rq->db, &KEPT, &rows, DB_INT8(lane_key(rq->arena, to)),
             DB_INT8(rq->config->outbox_kept));
    TRY(db_flush(rq->db));
    *full = row_int(&rows, 0, 0) >= rq->config->outbox_kept ||
            row_int(&rows, 0, 1) >> 20 >= rq->config->outbox_kept_mb;
    return OK;
}
