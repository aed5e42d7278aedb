#include "hub/xua.h"

#include <openssl/sha.h>
#include <string.h>

#include "hub/hub.h"
#include "hub/soap.h"

const struct transaction xua_transaction = {.name = "ITI-40", .audit = {"110114", 'E'}};

/* --- the assertion ------------------------------------------------------------------------ */

/* What an audience may call the hub, where its identity provider has not agreed on other words. */
static size_t audiences_of(const struct request *rq, struct str out[6])
{
    const struct config *c = rq->config;
    struct arena *a = rq->arena;
    size_t n = 0;

    out[n++] = str_from(c->home_community_id);
    out[n++] = str_printf(a, "urn:oid:%s", c->home_community_id);
    out[n++] = str_from(c->xad_authority);
    out[n++] = str_printf(a, "urn:oid:%s", c->xad_authority);
    out[n++] = rq->hub->endpoint;
    out[n++] =
        str_printf(a, "%.*s%.*s", STR_ARG(rq->hub->endpoint), STR_ARG(rq->exchange->head.path));
    return n;
}

/* With one of the issuer's keys, of those that are in their time. */
static enum status verify(struct request *rq, const struct member_idp *idp, xmlNode *node,
                          struct errors *err)
{
    struct dsig what = {.node = node, .enveloped = true};
    struct errors last;

    what.signature = xml_child(node, NS_DSIG, "Signature");
    what.id = dsig_id(node, "ID");
    if (what.signature == NULL || xml_next(what.signature, NS_DSIG, "Signature") != NULL ||
        what.id == NULL)
        return fail(err, INVALID, "wsse:InvalidSecurity",
                    "the assertion must have an ID and one signature of its own");
    errors_init(&last, rq->arena);
    for (size_t i = 0; i < idp->key_count; i++) {
        what.key = idp->keys[i].key;
        if (what.key == NULL || rq->now_us < idp->keys[i].not_before_us ||
            rq->now_us > idp->keys[i].not_after_us)
            continue;
        errors_init(&last, rq->arena);
        if (dsig_verify(rq->arena, &what, &last) == OK)
            return OK;
    }
    if (last.first == NULL)
        return fail(err, DENIED, "wsse:FailedAuthentication",
                    "the assertion's issuer has no key that is in its time; the operator of the "
                    "hub registers a new one");
    return fail(err, INVALID, last.first->code, "%.*s", STR_ARG(last.first->text));
}

static enum status read_verified(struct request *rq, const struct wsse *w,
                                 const struct member_idp *idp, struct assertion *out,
                                 struct errors *err)
{
    struct str audiences[6];
    struct assertion_context c = {
        .now_us = rq->now_us,
        .idp = idp,
        .audiences = audiences,
        .audience_count = audiences_of(rq, audiences),
        .peer_key = rq->exchange->peer->key,
        .wsse = w,
    };

    TRY(assertion_read(rq->arena, w->assertion, idp->purpose_forms, out, err));
    return assertion_check(rq->arena, out, &c, err);
}

/* The mark of its use: 3.40's replay is of the same message, or of the same assertion. */
static void note_use(struct request *rq, const struct member_idp *idp, const struct assertion *s)
{
    const struct str parts[] = {
        str_printf(rq->arena, "%lld", (long long)rq->principal.member->id),
        s->issuer,
        s->id,
        idp->one_time ? STR("") : rq->message.soap->message_id,
    };
    struct strbuf b = strbuf_on(rq->arena, 256);
    struct assertion_use *use = &rq->use;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        strbuf_add(&b, parts[i]);
        strbuf_addc(&b, '\0');
    }
    SHA256((const unsigned char *)b.p, b.n, use->digest);
    use->akey = 0;
    for (int i = 0; i < 8; i++)
        use->akey = (int64_t)((uint64_t)use->akey << 8 | use->digest[i]);
    use->expires_us = s->not_on_or_after_us + idp->skew_us;
    use->is_due = !use->is_kept;
}

enum status xua_prove(struct request *rq, const xmlNode *header, struct assertion *out,
                      struct errors *err)
{
    const struct member *m = rq->principal.member;
    const struct member_idp *idp;
    struct wsse w;

    *out = (struct assertion){0};
    TRY(wsse_read(header, &w, err));
    if (w.assertion == NULL)
        return OK;
    TRY(assertion_bounded(w.assertion, err));
    rq->claimed_user = assertion_user(rq->arena, w.assertion);
    if (m->xua == XUA_SYSTEM_ONLY)
        return fail(err, DENIED, "wsse:FailedAuthentication",
                    "this member's machines ask for themselves: no assertion is taken from them");
    idp = member_idp_by_issuer(m, assertion_issuer(rq->arena, w.assertion));
    if (idp == NULL)
        return fail(err, DENIED, "wsse:FailedAuthentication",
                    "the assertion's issuer is none that is registered for this member");
    TRY(dsig_ids_unique(rq->arena, header, err));
    TRY(verify(rq, idp, w.assertion, err));
    TRY(read_verified(rq, &w, idp, out, err));
    note_use(rq, idp, out);
    return OK;
}

/* --- its use ------------------------------------------------------------------------------ */

static const struct statement USE = {
    "xua_use",
    "INSERT INTO assertion_use (akey, digest, expires_at)\n"
    "VALUES ($1, $2, $3)\n"
    "ON CONFLICT DO NOTHING",
};
/* across places: what has expired, wherever it lies. */
static const struct statement PRUNE = {
    "xua_use_prune",
    "DELETE FROM assertion_use\n"
    " WHERE expires_at < now() - interval '10 minutes'",
};

void xua_use_queue(struct request *rq, struct rows *mark)
{
    const struct assertion_use *use = &rq->use;

    if (use->is_due)
        db_queue(rq->db, &USE, mark, DB_INT8(use->akey),
                 DB_BYTEA(str_of(use->digest, sizeof(use->digest))), DB_TIME(use->expires_us));
}

enum status xua_use_check(struct request *rq, const struct rows *mark)
{
    if (!rq->use.is_due || mark->affected == 1)
        return OK;
    rq->transaction = &xua_transaction;
    return fail(rq->err, DENIED, "wsse:FailedAuthentication",
                "this assertion has come before with this message, or is good for one message");
}

enum status xua_use_prune(struct db *db)
{
    db_queue0(db, &PRUNE, NULL);
    return db_flush(db);
}
