#include "gateway/mllp_send.h"

#include "gateway/hl7.h"
#include "hub/base/hex.h"
#include "hub/net/mllp.h"
#include "hub/outbox_connect.h"

enum { ANSWER_MAX = 64 * 1024, CHUNK = 4096 };

struct str mllp_control_id(struct arena *a, struct uuid id)
{
    return hex_encode(a, id.b + 6, 10);
}

static enum status send_frame(struct outbox_delivery *d, int64_t deadline_us, struct errors *err)
{
    struct strbuf b = strbuf_on(d->arena, d->bytes.n + 3);

    strbuf_addc(&b, 0x0B);
    strbuf_add(&b, d->bytes);
    strbuf_lit(&b, "\x1C\r");
    return dial_write(*d->connection, strbuf_str(&b), deadline_us, err);
}

static enum status read_frame(struct outbox_delivery *d, int64_t deadline_us, struct str *answer,
                              struct errors *err)
{
    struct mllp frame;
    char *chunk = arena_alloc(d->arena, CHUNK);

    mllp_init(&frame, ANSWER_MAX);
    for (;;) {
        struct str in = {chunk, 0};
        enum mllp_event e;

        TRY(dial_read(*d->connection, chunk, CHUNK, deadline_us, &in.n, err));
        while ((e = mllp_feed(&frame, &in)) == MLLP_BEGIN)
            mllp_begin(&frame, d->arena);
        if (e == MLLP_MESSAGE) {
            *answer = mllp_message(&frame);
            return OK;
        }
        if (e != MLLP_MORE)
            return fail(err, UPSTREAM, "answer", "its answer is too large");
    }
}

static enum outbox_verdict read_verdict(struct outbox_delivery *d, struct str answer,
                                        struct errors *err)
{
    struct hl7_message m;
    const struct hl7_segment *msa;
    struct str code, id;

    if (hl7_parse(d->arena, answer, STR("UNICODE UTF-8"), &m, err) != OK)
        return outbox_trouble(d, OUTBOX_RETRY, STR("its answer is not an HL7 message"));
    msa = hl7_segment(&m, "MSA", 0);
    code = hl7_text(d->arena, &m, hl7_field(&m, msa, 1));
    id = hl7_text(d->arena, &m, hl7_field(&m, msa, 2));
    if (!str_eq(id, mllp_control_id(d->arena, d->item->id)))
        return outbox_trouble(d, OUTBOX_RETRY, STR("its answer is to another message"));
    if (str_eq(code, STR("AA")) || str_eq(code, STR("CA")))
        return OUTBOX_DELIVERED;
    if (str_eq(code, STR("AE")) || str_eq(code, STR("CE")))
        return outbox_trouble(d, OUTBOX_REFUSED,
                              str_printf(d->arena, "refused: %.*s", STR_ARG(code)));
    return outbox_trouble(d, OUTBOX_RETRY, str_printf(d->arena, "answered %.*s", STR_ARG(code)));
}

enum outbox_verdict mllp_deliver(struct outbox_delivery *d)
{
    int64_t limit_us = d->config->outbox_ack_seconds * US_PER_SECOND;
    struct errors err;
    struct str answer;
    enum status s;

    errors_init(&err, d->arena);
    s = outbox_connect(d, d->item->to.address, clock_monotonic_us() + limit_us, &err);
    if (s == OK)
        s = send_frame(d, clock_monotonic_us() + limit_us, &err);
    if (s == OK)
        s = read_frame(d, clock_monotonic_us() + limit_us, &answer, &err);
    if (s != OK)
        return outbox_trouble(d, OUTBOX_RETRY,
                              err.last != NULL ? err.last->text : STR("not delivered"));
    return read_verdict(d, answer, &err);
}
