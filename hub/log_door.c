#include "hub/log_door.h"

#include "hub/audit/tree.h"
#include "hub/base/clock.h"
#include "hub/hub.h"
#include "hub/request.h"

/* across places: a member names a checkpoint by origin and size. */
static const struct statement SIGNED = {
    "log_door_signed",
    "SELECT c.origin_id, c.note"
    " FROM audit_checkpoint c"
    " JOIN audit_origin o ON o.origin_id = c.origin_id"
    " WHERE o.name = $1 AND c.size = $2",
};
static const struct statement COSIGNERS = {
    "log_door_cosigners",
    "SELECT name, public_key"
    " FROM member_cosigner"
    " WHERE member_id = $1",
};
static const struct statement KEEP = {
    "log_door_keep",
    "INSERT INTO audit_cosignature (origin_id, size, name, member_id, line, at)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT DO NOTHING",
};

static enum status answer(struct reply *rp, struct str text)
{
    reply_field(rp, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    reply_add(rp, text);
    return OK;
}

/* The value of the one parameter that the query has. */
static enum status parameter(struct request *rq, struct str name, struct str *out)
{
    struct str rest = rq->exchange->head.query;

    if (rest.p != NULL && str_eq(str_cut(&rest, '='), name) && rest.n > 0) {
        *out = rest;
        return OK;
    }
    return fail(rq->err, INVALID, "parameter", "the query must be %.*s=VALUE", STR_ARG(name));
}

static enum status handle_checkpoint(struct request *rq, struct reply *rp)
{
    struct signed_checkpoint last;
    struct audit_tree tree;

    TRY(audit_tree_read(rq->db, rq->arena, &tree, rq->err));
    TRY(audit_checkpoint_last(rq->db, rq->arena, &tree, &last, rq->err));
    return answer(rp, last.note);
}

static enum status handle_consistency(struct request *rq, struct reply *rp)
{
    struct str given, text;
    uint64_t old;

    TRY(parameter(rq, STR("old"), &given));
    if (!str_to_u64(given, &old))
        return fail(rq->err, INVALID, "parameter", "old must be the size of a checkpoint");
    TRY(audit_consistency_since(rq->db, rq->arena, old, &text, rq->err));
    return answer(rp, text);
}

static enum status handle_proof(struct request *rq, struct reply *rp)
{
    struct audit_proof proof;
    struct str given;
    struct uuid id;

    TRY(parameter(rq, STR("record"), &given));
    if (!uuid_parse(given, &id))
        return fail(rq->err, INVALID, "parameter", "record must be a record's id, a UUID");
    TRY(audit_proof_of(rq->db, rq->arena, id, &proof, rq->err));
    return answer(rp, proof.tlog_proof);
}

/* --- cosignatures -------------------------------------------------------------------------- */

/* The signature lines of this key, of which there should be one. */
static enum status keep_lines(struct request *rq, const struct note *note,
                              const struct note_key *key, int64_t origin_id,
                              const struct checkpoint *c, size_t *kept)
{
    int64_t time_s = 0;

    switch (note_verify(note, key, &time_s)) {
    case NOTE_UNSIGNED:
        return OK;
    case NOTE_FORGED:
        return fail(rq->err, INVALID, "cosignature", "the cosignature of %.*s does not verify",
                    STR_ARG(key->name));
    case NOTE_GOOD:
        break;
    }
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct note_signature *s = &note->signatures[i];

        if (s->id != key->id || !str_eq(s->name, key->name))
            continue;
        db_queue(rq->db, &KEEP, NULL, DB_INT4(origin_id), DB_INT8((int64_t)c->size),
                 DB_TEXT(key->name), DB_INT8(rq->principal.member->id), DB_TEXT(s->line),
                 DB_TIME(time_s < INT64_MAX / US_PER_SECOND ? time_s * US_PER_SECOND : rq->now_us));
        ++*kept;
        break;
    }
    return OK;
}

static enum status check_ours(struct request *rq, const struct note *note, const struct rows *r)
{
    struct note ours;

    if (r->count > 0 && note_parse(rq->arena, row_text(r, 0, 1), &ours) &&
        str_eq(ours.text, note->text))
        return OK;
    return fail(rq->err, NOT_FOUND, "cosignature", "this log has not signed such a checkpoint");
}

static enum status handle_cosignature(struct request *rq, struct reply *rp)
{
    struct rows ours, keys;
    struct checkpoint c;
    struct note note;
    size_t kept = 0;

    if (!note_parse(rq->arena, rq->exchange->body.bytes, &note) ||
        !checkpoint_parse(rq->arena, note.text, &c))
        return fail(rq->err, INVALID, "cosignature", "the body must be a cosigned checkpoint");
    db_queue(rq->db, &SIGNED, &ours, DB_TEXT(c.origin), DB_INT8((int64_t)c.size));
    db_queue(rq->db, &COSIGNERS, &keys, DB_INT8(rq->principal.member->id));
    TRY(db_flush(rq->db));
    TRY(check_ours(rq, &note, &ours));
    for (int i = 0; i < keys.count; i++) {
        struct note_key key = note_key_of(row_text(&keys, i, 0), NOTE_COSIGNER,
                                          (const unsigned char *)row_bytea(&keys, i, 1).p);

        TRY(keep_lines(rq, &note, &key, row_int(&ours, 0, 0), &c, &kept));
    }
    if (kept == 0)
        return fail(rq->err, DENIED, "cosignature",
                    "no cosignature by a key that is registered for this member");
    TRY(db_flush(rq->db));
    return answer(rp, str_printf(rq->arena, "%zu kept\n", kept));
}

/* --- the doors ----------------------------------------------------------------------------- */

static enum status open_door(struct request *rq)
{
    rq->transaction = rq->route->transactions;
    rq->principal.purpose = (struct coded){STR_NONE, STR_NONE}; /* nobody's data is asked for */
    return OK;
}

static void render_failure(struct request *rq, enum status status, struct reply *rp)
{
    static const struct {
        enum status status;
        int http;
    } codes[] = {{INVALID, 400}, {DENIED, 403}, {NOT_FOUND, 404}, {BUSY, 503}};
    const struct failure *f = rq->err->first;

    rp->http_status = 500;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].status == status)
            rp->http_status = codes[i].http;
    answer(rp, str_printf(rq->arena, "%s: %.*s (request %.*s)\n", f->code, STR_ARG(f->text),
                          STR_ARG(request_id(rq))));
}

static const struct protocol protocol = {
    .name = "log",
    .open = open_door,
    .render_failure = render_failure,
};

#define DOOR(name_, handle_)                                                                       \
    static const struct transaction name_[] = {                                                    \
        {.name = "LOG",                                                                            \
         .isolation = REPEATABLE_READ,                                                             \
         .audit = {"110101", 'R'},                                                                 \
         .handle = (handle_),                                                                      \
         .door = DISCLOSES_NOTHING("hashes and signatures of the audit log")},                     \
        {.name = NULL},                                                                            \
    }

DOOR(checkpoint, handle_checkpoint);
DOOR(consistency, handle_consistency);
DOOR(proof, handle_proof);
DOOR(cosignature, handle_cosignature);

static const struct route routes[] = {
    {WIRE_HTTP, false, "GET", "/log/checkpoint", &protocol, checkpoint, NULL, FOR_BOTH},
    {WIRE_HTTP, false, "GET", "/log/consistency", &protocol, consistency, NULL, FOR_BOTH},
    {WIRE_HTTP, false, "GET", "/log/proof", &protocol, proof, NULL, FOR_BOTH},
    {WIRE_HTTP, false, "POST", "/log/cosignature", &protocol, cosignature, NULL, FOR_BOTH},
    {.protocol = NULL},
};

const struct hub_module log_door_module = {.name = "log", .routes = routes};
