#include "hub/net/conn_priv.h"

#include <stdlib.h>

#include "hub/base/clock.h"
#include "hub/net/http1_write.h"

#define LINGER_US (2 * US_PER_SECOND)

enum { SEVERAL_RECORDS = 32 * 1024 /* bytes of an answer */ };

void conn_end_exchange(struct conn *c, enum answer_end end, uint64_t sent)
{
    const struct net_service *service = conn_service(c);
    struct exchange *ex = c->exchange;

    if (ex == NULL)
        return;
    c->exchange = NULL;
    c->rest_us = ex->rest_us;
    c->intake = NULL;
    c->sender = NULL;
    c->mllp.message = NULL;
    c->frames = NULL;
    service->finished(service->context, ex, end, sent);
    arena_dispose(&ex->arena);
    holding_release(&c->memory.head);
    holding_release(&c->memory.body);
    free(ex);
}

enum next conn_give_up(struct conn *c)
{
    if (c->exchange != NULL && c->state != CONN_WRITING)
        c->exchange->reply.http_status = 0;
    conn_end_exchange(c, ANSWER_GONE, c->sender != NULL ? c->sender->sent : 0);
    return OVER;
}

static bool must_close(const struct conn *c)
{
    return c->exchange->reply.close || c->close_after || c->peer_ended ||
           atomic_load(&c->io->server->draining);
}

static void prepare_http(struct conn *c)
{
    struct exchange *ex = c->exchange;
    struct reply *rp = &ex->reply;
    enum http1_framing framing = http1_framing_of(rp, c->intake->parser.minor_version);
    struct strbuf head = strbuf_on(&ex->arena, 512);
    bool head_only = framing == HTTP1_NO_BODY || str_eq(ex->head.method, STR("HEAD"));

    c->close_after = must_close(c) || !c->intake->parser.keep_alive || framing == HTTP1_TO_CLOSE;
    http1_write_head(&head, rp, framing, c->close_after);
    sender_init(c->sender, &ex->arena, strbuf_str(&head), head_only ? NULL : rp->first, rp->length,
                framing == HTTP1_CHUNKED && !head_only ? STR("0\r\n\r\n") : STR(""),
                framing == HTTP1_CHUNKED);
}

/* Nothing is said; and what was read ahead is still taken before a connection ends. */
static void prepare_silence(struct conn *c)
{
    struct reply *rp = &c->exchange->reply;

    c->close_after =
        rp->close || c->close_after || (atomic_load(&c->io->server->draining) && c->held_size == 0);
    sender_init(c->sender, &c->exchange->arena, STR(""), NULL, 0, STR(""), false);
}

static void prepare_mllp(struct conn *c)
{
    struct reply *rp = &c->exchange->reply;
    bool silent = rp->first == NULL;

    c->close_after = must_close(c);
    sender_init(c->sender, &c->exchange->arena, silent ? STR("") : STR("\x0b"), rp->first,
                rp->length, silent ? STR("") : STR("\x1c\r"), false);
}

enum next conn_begin_answer(struct conn *c)
{
    c->sender = ARENA_NEW(&c->exchange->arena, struct sender);
    if (c->exchange->wire == WIRE_HTTP)
        prepare_http(c);
    else if (c->exchange->wire == WIRE_SYSLOG)
        prepare_silence(c);
    else
        prepare_mllp(c);
    conn_enter(c, CONN_WRITING, conn_settings(c)->write_timeout_us);
    return AGAIN;
}

enum next conn_hold_answer(struct conn *c)
{
    int64_t left = c->exchange->not_before_us - clock_monotonic_us();

    if (c->exchange->not_before_us == 0 || left <= 0)
        return conn_begin_answer(c);
    conn_enter(c, CONN_HOLDING, left);
    return WAIT_NOTHING;
}

enum next conn_refuse(struct conn *c, int status, struct str why)
{
    struct reply *rp = &c->exchange->reply;
    struct str text = str_printf(rp->arena, why.n > 0 ? "%d %s: %.*s\n" : "%d %s\n", status,
                                 http1_reason(status), STR_ARG(why));

    rp->http_status = status;
    rp->close = rp->close || http1_expects_body(&c->intake->parser);
    reply_field(rp, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    reply_add(rp, text);
    return conn_begin_answer(c);
}

enum next conn_farewell(struct conn *c)
{
    stream_finish(&c->stream);
    if (c->peer_ended)
        return OVER;
    conn_enter(c, CONN_LINGERING, LINGER_US);
    return AGAIN;
}

enum next conn_become_idle(struct conn *c)
{
    const struct net_settings *s = conn_settings(c);

    if (c->rest_us > 0) {
        conn_enter(c, CONN_RESTING, c->rest_us);
        c->rest_us = 0;
        return WAIT_NOTHING;
    }
    conn_enter(c, CONN_IDLE,
               c->listener->wire == WIRE_HTTP ? s->idle_timeout_us : s->mllp_idle_timeout_us);
    /* Nothing was read of a syslog connection meanwhile, and TLS may hold its end already. */
    if (c->listener->wire == WIRE_SYSLOG)
        return PAUSE;
    /* A pipelined request waits for the other connections' turn: its peer may have sent thousands.
     */
    return c->held_size > 0 || stream_pending(&c->stream) ? PAUSE : WAIT_READ;
}

enum next conn_on_writing(struct conn *c)
{
    bool gather = c->exchange->reply.length > SEVERAL_RECORDS;
    uint64_t before = c->sender->sent, sent;
    enum sender_result r;

    if (gather)
        stream_gather(&c->stream, true);
    r = sender_run(c->sender, &c->stream);
    if (gather)
        stream_gather(&c->stream, false);
    sent = c->sender->sent;

    atomic_fetch_add(&c->io->server->counters.bytes_out, sent - before);
    if (sent > before)
        conn_set_deadline(c, conn_settings(c)->write_timeout_us);
    switch (r) {
    case SENDER_DONE:
        conn_end_exchange(c, ANSWER_SENT, sent);
        return c->close_after ? conn_farewell(c) : conn_become_idle(c);
    case SENDER_WANT_READ:
        return WAIT_READ;
    case SENDER_WANT_WRITE:
        return WAIT_WRITE;
    case SENDER_PAUSE:
        return PAUSE;
    case SENDER_GONE:
        return conn_give_up(c);
    case SENDER_BROKEN: /* without close_notify: the client shall see that the end is missing */
        conn_end_exchange(c, ANSWER_BROKEN, sent);
        return OVER;
    }
    return OVER;
}
