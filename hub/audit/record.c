#include "hub/audit/record.h"

#include <inttypes.h>
#include <unistd.h>

#include "hub/audit/transaction.h"
#include "hub/base/hash.h"
#include "hub/base/hex.h"
#include "hub/base/json_text.h"

static void add_text(struct strbuf *b, const char *key, struct str value)
{
    strbuf_lit(b, ",\"");
    strbuf_add(b, str_from(key));
    strbuf_lit(b, "\":");
    json_text_add(b, value);
}

/* Where to cut so that no character is: a UTF-8 sequence has at most three bytes to go on. */
static size_t cut_point(struct str s, size_t most)
{
    size_t n = most;

    while (n > most - 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void add_cut(struct strbuf *b, const char *key, struct str value, size_t most)
{
    struct str kept = value;

    if (value.n > most) {
        kept = str_slice(value, 0, cut_point(value, most));
        kept = str_printf(b->arena, "%.*s... (%zu bytes in all)", STR_ARG(kept), value.n);
    }
    add_text(b, key, kept);
}

static void add_objects(struct strbuf *b, const struct audit_object *o, size_t detail_max)
{
    strbuf_lit(b, ",\"objects\":[");
    for (const char *comma = ""; o != NULL; o = o->next, comma = ",") {
        strbuf_add(b, str_from(comma));
        strbuf_lit(b, "{\"kind\":");
        json_text_add(b, str_from(o->kind));
        add_cut(b, "id", o->id, AUDIT_ID_MAX);
        add_cut(b, "detail", o->detail, detail_max);
        add_cut(b, "home", o->home, AUDIT_ID_MAX);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

const char *audit_row_transaction(const struct audit_context *context, const struct audit_row *row)
{
    return row->transaction != NULL ? row->transaction : context->transaction;
}

/* A transaction of the row's own that the table lacks is a mistake in the program. */
struct audit_kind audit_row_kind(const struct audit_context *context, const struct audit_row *row)
{
    struct audit_kind kind = context->kind;

    if (row->transaction != NULL) {
        const struct audit_transaction *t =
            audit_transaction_find(str_from(row->transaction), row->initiator);

        must(t != NULL, "a transaction of hub/audit/transaction.c");
        kind = t->kind;
    }
    if (row->action != 0)
        kind.action = row->action;
    return kind;
}

/* What version 2 added: keys are only ever added at the end. */
static void add_second_version(struct strbuf *b, const struct audit_context *c,
                               const struct audit_row *row)
{
    bool initiator = c->initiator || row->initiator;

    add_text(b, "side", initiator ? STR("initiator") : STR("responder"));
    add_text(b, "partner", row->partner);
    add_text(b, "user_name", c->user_name);
    add_text(b, "organization", c->organization);
    add_text(b, "role_system", c->role_system);
    add_text(b, "purpose_system", c->purpose_system);
    add_text(b, "assertion", c->assertion);
    add_cut(b, "sender", c->sender, AUDIT_ID_MAX);
    strbuf_addf(b, ",\"process\":%d", (int)getpid());
    add_text(b, "fingerprint",
             c->fingerprint != NULL ? hex_encode(b->arena, c->fingerprint, 32) : STR_NONE);
    add_text(b, "verbatim", base64_encode(b->arena, row->verbatim));
}

static void add_decision(struct strbuf *b, const struct audit_decision *d)
{
    static const struct uuid NONE = {{0}};

    strbuf_addf(b, "{\"effect\":\"%s\",\"rule\":\"%s\",\"overrode\":\"%s\"",
                d->permits ? "permit" : "deny", d->rule, d->overrode != NULL ? d->overrode : "");
    add_text(b, "policy", uuid_eq(d->policy, NONE) ? STR("") : uuid_text(b->arena, d->policy));
    strbuf_addf(b, ",\"version\":%" PRId64, d->version);
    add_text(b, "reason", str_from(d->reason != NULL ? d->reason : ""));
    add_text(b, "obligations", d->obligations);
    strbuf_addf(b, ",\"count\":%zu}", d->count);
}

/* What version 3 added. */
static void add_third_version(struct strbuf *b, const struct audit_row *row)
{
    const char *comma = "";

    strbuf_lit(b, ",\"decisions\":[");
    for (const struct audit_decision *d = row->decisions; d != NULL; d = d->next, comma = ",") {
        strbuf_add(b, str_from(comma));
        add_decision(b, d);
    }
    strbuf_addc(b, ']');
}

struct str audit_record_write(struct arena *a, const struct audit_context *context,
                              const struct audit_row *row, struct uuid id, size_t detail_max)
{
    struct strbuf b = strbuf_on(a, 1024);
    char event_id[UUID_TEXT + 1], request_id[UUID_TEXT + 1];

    const struct audit_kind kind = audit_row_kind(context, row);

    uuid_write(id, event_id);
    uuid_write(context->request, request_id);
    strbuf_addf(&b, "{\"v\":3,\"id\":\"%s\"", event_id);
    add_text(&b, "at", clock_iso(a, context->at_us));
    strbuf_addf(&b, ",\"request\":\"%s\"", request_id);
    add_text(&b, "transaction", str_from(audit_row_transaction(context, row)));
    add_text(&b, "event", str_from(kind.event_id));
    strbuf_addf(&b, ",\"action\":\"%c\",\"outcome\":%d", kind.action, (int)row->outcome);
    strbuf_addf(&b, ",\"member\":{\"id\":%" PRId64, context->member_id);
    add_text(&b, "name", context->member);
    strbuf_addc(&b, '}');
    add_text(&b, "user", row->user.n > 0 ? row->user : context->user);
    add_text(&b, "role", row->role.n > 0 ? row->role : context->role);
    add_text(&b, "purpose", row->purpose.n > 0 ? row->purpose : context->purpose);
    add_text(&b, "peer", context->peer);
    add_text(&b, "endpoint", context->endpoint);
    strbuf_addf(&b, ",\"person\":{\"pkey\":\"%" PRId64 "\",\"id\":\"%" PRId64 "\"}", row->pkey,
                row->person_id);
    add_text(&b, "patient", row->patient);
    add_text(&b, "description", row->description);
    add_objects(&b, row->objects, detail_max);
    add_second_version(&b, context, row);
    add_third_version(&b, row);
    strbuf_addc(&b, '}');
    return strbuf_str(&b);
}

int64_t audit_request_pkey(struct uuid request)
{
    const struct str bytes = str_of(request.b, sizeof(request.b));

    return hash_key(&bytes, 1);
}
