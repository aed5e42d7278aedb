#include "hub/audit/record.h"

#include <inttypes.h>

#include "hub/base/hash.h"
#include "hub/base/json_text.h"

static void add_text(struct strbuf *b, const char *key, struct str value)
{
    strbuf_addf(b, ",\"%s\":", key);
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
        strbuf_addf(b, "%s{\"kind\":", comma);
        json_text_add(b, str_from(o->kind));
        add_cut(b, "id", o->id, AUDIT_ID_MAX);
        add_cut(b, "detail", o->detail, detail_max);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

char audit_row_action(const struct audit_context *context, const struct audit_row *row)
{
    return row->action != 0 ? row->action : context->kind.action;
}

struct str audit_record_write(struct arena *a, const struct audit_context *context,
                              const struct audit_row *row, struct uuid id, size_t detail_max)
{
    struct strbuf b = strbuf_on(a, 1024);
    char event_id[UUID_TEXT + 1], request_id[UUID_TEXT + 1];

    uuid_write(id, event_id);
    uuid_write(context->request, request_id);
    strbuf_addf(&b, "{\"v\":1,\"id\":\"%s\"", event_id);
    add_text(&b, "at", clock_iso(a, context->at_us));
    strbuf_addf(&b, ",\"request\":\"%s\"", request_id);
    add_text(&b, "transaction", str_from(context->transaction));
    add_text(&b, "event", str_from(context->kind.event_id));
    strbuf_addf(&b, ",\"action\":\"%c\",\"outcome\":%d", audit_row_action(context, row),
                (int)row->outcome);
    strbuf_addf(&b, ",\"member\":{\"id\":%" PRId64, context->member_id);
    add_text(&b, "name", context->member);
    strbuf_addc(&b, '}');
    add_text(&b, "user", context->user);
    add_text(&b, "role", context->role);
    add_text(&b, "purpose", context->purpose);
    add_text(&b, "peer", context->peer);
    add_text(&b, "endpoint", context->endpoint);
    strbuf_addf(&b, ",\"person\":{\"pkey\":\"%" PRId64 "\",\"id\":\"%" PRId64 "\"}", row->pkey,
                row->person_id);
    add_text(&b, "patient", row->patient);
    add_text(&b, "description", row->description);
    add_objects(&b, row->objects, detail_max);
    strbuf_addc(&b, '}');
    return strbuf_str(&b);
}

int64_t audit_request_pkey(struct uuid request)
{
    const struct str bytes = str_of(request.b, sizeof(request.b));

    return hash_key(&bytes, 1);
}
