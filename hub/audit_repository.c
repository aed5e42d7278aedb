#include "hub/audit_repository.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "hub/audit/dicom_read.h"
#include "hub/audit/syslog.h"
#include "hub/base/hash.h"
#include "hub/base/hex.h"
#include "hub/net/octet_count.h"

enum { SHA256 = 32 };

/* A message with what was found out about it. */
struct received {
    const struct syslog_receipt *receipt;
    struct syslog_message syslog;
    struct audit_report report;
    bool is_syslog, is_report;
    unsigned char sha256[SHA256];
    int64_t skey;
    struct uuid id;    /* of its first row */
    struct uuid first; /* of the first receipt of these bytes: `id`, unless it came before */
    size_t order;
};

/* --- reading --------------------------------------------------------------------------------- */

static void read_one(struct arena *a, struct received *r)
{
    struct str bytes = r->receipt->bytes, digest;
    unsigned size = SHA256;

    must(EVP_Digest(bytes.p, bytes.n, r->sha256, &size, EVP_sha256(), NULL) == 1, "SHA-256");
    digest = str_of(r->sha256, SHA256);
    for (int i = 0; i < 8; i++)
        r->skey = (int64_t)((uint64_t)r->skey << 8 | (unsigned char)digest.p[i]);
    r->id = r->first = uuid_v7();
    r->is_syslog = syslog_read(bytes, &r->syslog);
    r->is_report = r->is_syslog && audit_report_read(a, r->syslog.text, &r->report);
}

/* --- have they come before? ------------------------------------------------------------------ */

/* Two batches claim what they share in one order. */
static int by_hash(const void *a, const void *b)
{
    const struct received *one = a, *other = b;
    int order = memcmp(one->sha256, other->sha256, SHA256);

    return order != 0 ? order : one->order < other->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
    const struct received *one = a, *other = b;

    return one->order < other->order ? -1 : 1;
}

static void claim_queue(struct db *db, struct arena *a, const struct received *all, size_t n,
                        struct rows *out)
{
    static const struct statement CLAIM = {
        "syslog_claim",
        "INSERT INTO syslog_message (skey, sha256, first_id, first_at)"
        " SELECT skey, sha256, first_id, now()"
        " FROM unnest($1::bigint[], $2::bytea[], $3::uuid[]) AS t (skey, sha256, first_id)"
        " ON CONFLICT (skey, sha256) DO NOTHING",
    };
    static const struct statement FIRST = {
        "syslog_first",
        "SELECT sha256, first_id"
        " FROM syslog_message"
        " WHERE (skey, sha256) IN"
        "  (SELECT t.skey, t.sha256"
        "   FROM unnest($1::bigint[], $2::bytea[]) AS t (skey, sha256))",
    };
    int64_t *keys = ARENA_ARRAY(a, n, int64_t);
    struct str *hashes = ARENA_ARRAY(a, n, struct str);
    struct uuid *ids = ARENA_ARRAY(a, n, struct uuid);

    for (size_t i = 0; i < n; i++) {
        keys[i] = all[i].skey;
        hashes[i] = str_of(all[i].sha256, SHA256);
        ids[i] = all[i].id;
    }
    db_queue(db, &CLAIM, NULL, DB_INT8S(keys, n), DB_BYTEAS(hashes, n), DB_UUIDS(ids, n));
    db_queue(db, &FIRST, out, DB_INT8S(keys, n), DB_BYTEAS(hashes, n));
}

static int hash_against(const void *key, const void *element)
{
    const struct received *r = element;

    return memcmp(key, r->sha256, SHA256);
}

/* `all` is sorted by hash: a hash's copies stand side by side. */
static void firsts_read(const struct rows *rows, struct received *all, size_t n)
{
    for (int i = 0; i < rows->count; i++) {
        struct str hash = row_bytea(rows, i, 0);
        struct received *r = bsearch(hash.p, all, n, sizeof(*all), hash_against);

        while (r != NULL && r > all && memcmp(r[-1].sha256, hash.p, SHA256) == 0)
            r--;
        for (; r != NULL && r < all + n && memcmp(r->sha256, hash.p, SHA256) == 0; r++)
            r->first = row_uuid(rows, i, 1);
    }
}

/* --- rows ------------------------------------------------------------------------------------ */

static struct str or_none(struct str s)
{
    return s.n > 0 ? s : STR("-");
}

static struct str sender_words(struct arena *a, const struct syslog_message *m)
{
    return str_printf(a, "%.*s %.*s %.*s %.*s", STR_ARG(or_none(m->host)),
                      STR_ARG(or_none(m->application)), STR_ARG(or_none(m->process)),
                      STR_ARG(or_none(m->message_id)));
}

static const char *trouble_of(const struct received *r)
{
    if (!r->is_syslog)
        return "No RFC 5424 message";
    if (r->is_report)
        return NULL;
    return r->receipt->cut ? "Cut off by UDP" : "Its text is no AuditMessage that can be read";
}

static void describe(struct arena *a, struct audit_row *row, const struct received *r)
{
    const char *trouble = trouble_of(r);

    row->description = str_from(trouble);
    audit_object_add(a, row, "syslog", hex_encode(a, r->sha256, SHA256),
                     r->is_syslog ? sender_words(a, &r->syslog) : STR_NONE);
    if (!r->is_report)
        return;
    row->action = r->report.action;
    row->outcome = (enum audit_outcome)r->report.outcome;
    row->user = r->report.user;
    row->role = r->report.role;
    row->purpose = r->report.purpose;
    audit_object_add(a, row, "reported", r->report.type,
                     str_printf(a, "%.*s at %.*s", STR_ARG(r->report.event),
                                STR_ARG(r->report.at)));
}

/* One row a patient: the bytes are in the first, unless they came before. */
static void add_rows(struct arena *a, struct audit_list *rows, const struct received *r)
{
    size_t n = r->report.patient_count;
    bool again = !uuid_eq(r->first, r->id);

    n = n == 0 ? 1 : n > AUDIT_REPORT_PATIENTS_MAX ? AUDIT_REPORT_PATIENTS_MAX : n;
    for (size_t i = 0; i < n; i++) {
        struct audit_row *row = audit_add(a, rows);

        if (r->report.patient_count > 0)
            row->patient = r->report.patients[i];
        describe(a, row, r);
        if (i == 0)
            row->id = r->id;
        if (i == 0 && !again)
            row->verbatim = r->receipt->bytes;
        if (again)
            audit_object_add(a, row, "replay_of", uuid_text(a, r->first), STR_NONE);
        else if (i > 0)
            audit_object_add(a, row, "receipt", uuid_text(a, r->id), STR_NONE);
    }
    metric_add(METRIC_syslog_received_total, 1);
    metric_add(METRIC_syslog_replays_total, again);
    metric_add(METRIC_syslog_unreadable_total, !r->is_syslog);
}

enum status audit_repository_take(struct db *db, struct arena *a,
                                  const struct syslog_receipt *receipts, size_t count,
                                  struct audit_list *rows)
{
    struct received *all = ARENA_ARRAY(a, count, struct received);
    struct rows firsts;

    for (size_t i = 0; i < count; i++) {
        all[i].receipt = &receipts[i];
        all[i].order = i;
        read_one(a, &all[i]);
    }
    qsort(all, count, sizeof(*all), by_hash);
    claim_queue(db, a, all, count, &firsts);
    TRY(db_flush(db));
    firsts_read(&firsts, all, count);
    qsort(all, count, sizeof(*all), by_order);
    for (size_t i = 0; i < count; i++)
        add_rows(a, rows, &all[i]);
    return OK;
}

/* --- syslog over TLS ------------------------------------------------------------------------- */

static size_t count_frames(struct str frames, size_t most)
{
    struct str message;
    size_t n = 0;

    while (octet_count_next(&frames, most, &message) == OCTET_MESSAGE)
        n++;
    return n;
}

static enum status receive(struct request *rq, struct reply *rp)
{
    struct str frames = rq->exchange->body.bytes;
    size_t most = (size_t)rq->config->max_syslog_kb * 1024, n = count_frames(frames, most);
    struct syslog_receipt *receipts = ARENA_ARRAY(rq->arena, n, struct syslog_receipt);

    (void)rp;
    for (size_t i = 0; i < n; i++)
        must(octet_count_next(&frames, most, &receipts[i].bytes) == OCTET_MESSAGE,
             "counted frames");
    return audit_repository_take(rq->db, rq->arena, receipts, n, &rq->audit);
}

static const struct transaction transactions[] = {
    {.name = "ITI-20",
     .isolation = READ_COMMITTED,
     .audit = {"110107", 'C'},
     .handle = receive,
     .door = DISCLOSES_NOTHING("it takes audit records and answers nothing")},
    {.name = NULL},
};

static enum status open_frames(struct request *rq)
{
    rq->transaction = &transactions[0];
    rq->principal.purpose = (struct coded){STR_NONE, STR_NONE}; /* it tells; it asks for nothing */
    return OK;
}

/* Nothing can be said to the sender but that it was not taken. */
static void render_failure(struct request *rq, enum status status, struct reply *rp)
{
    (void)rq, (void)status;
    rp->close = true;
}

static const struct protocol protocol = {
    .name = "syslog",
    .open = open_frames,
    .render_failure = render_failure,
};

static const struct route routes[] = {
    {.wire = WIRE_SYSLOG, .protocol = &protocol, .transactions = transactions},
    {.protocol = NULL},
};

/* What hub/audit_forward.h sends on. */
static void forwarding(door_visitor *visit, void *to)
{
    static const struct door door = SHOWS_STAFF("audit records, to the operator's repositories");
    const struct door_place place = {.kind = "carrier", .name = "ITI-20", .door = &door};

    visit(to, &place);
}

const struct hub_module audit_repository_module = {
    .name = "audit_repository",
    .routes = routes,
    .doors = forwarding,
};
