#include "hub/net/conn_priv.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/net/octet_count.h"

enum {
    HELD_MAX = 64 * 1024,
    TURN_READS = 16, /* of SCRATCH bytes, before the other connections' turn */
};

#define RATE_WINDOW_US (10 * US_PER_SECOND) /* unless the settings say otherwise */

static void begin_exchange(struct conn *c)
{
    struct exchange *ex = calloc(1, sizeof(*ex));

    must(ex != NULL, "out of memory");
    ex->magic = EXCHANGE_MAGIC;
    arena_init(&ex->arena);
    ex->id = uuid_v7();
    ex->wire = c->listener->wire;
    ex->peer = &c->peer;
    ex->listener = c->listener->number;
    ex->received_us = clock_monotonic_us();
    ex->conn = c;
    atomic_init(&ex->cancelled, false);
    reply_init(&ex->reply, &ex->arena);
    c->exchange = ex;
    c->intake = ex->wire == WIRE_HTTP ? intake_new(ex, conn_settings(c), &c->memory) : NULL;
    c->in_body = c->close_after = false;
}

static enum next submit(struct conn *c)
{
    const struct net_service *service = conn_service(c);

    conn_enter(c, CONN_HANDLING, 0);
    atomic_fetch_add(&c->io->server->counters.requests, 1);
    service->submit(service->context, c->exchange);
    return WAIT_READ;
}

static int64_t rate_window_us(const struct conn *c)
{
    int64_t set = conn_settings(c)->rate_window_us;

    return set > 0 ? set : RATE_WINDOW_US;
}

static void begin_window(struct conn *c)
{
    c->in_body = true;
    c->rate_bytes = 0;
    conn_set_deadline(c, rate_window_us(c));
}

static enum next refuse_intake(struct conn *c)
{
    if (c->intake->status == 503) {
        reply_field(&c->exchange->reply, STR("Retry-After"), STR("1"));
        c->exchange->reply.close = true;
    }
    return conn_refuse(c, c->intake->status, c->intake->fault);
}

static enum next on_head(struct conn *c)
{
    const struct net_service *service = conn_service(c);
    int status;

    status = service->accept_head(service->context, c->exchange);
    if (status != 0)
        return conn_refuse(c, status, STR_NONE);
    if (!intake_accepted(c->intake))
        return refuse_intake(c);
    begin_window(c);
    if (!c->intake->parser.expect_continue)
        return AGAIN;
    c->sender = ARENA_NEW(&c->exchange->arena, struct sender);
    sender_init(c->sender, &c->exchange->arena, STR("HTTP/1.1 100 Continue\r\n\r\n"), NULL, 0,
                STR(""), false);
    conn_enter(c, CONN_CONTINUE, conn_settings(c)->write_timeout_us);
    return AGAIN;
}

enum next conn_on_continue(struct conn *c)
{
    switch (sender_run(c->sender, &c->stream)) {
    case SENDER_DONE:
        c->sender = NULL;
        c->state = CONN_READING;
        begin_window(c);
        return AGAIN;
    case SENDER_WANT_READ:
        return WAIT_READ;
    case SENDER_WANT_WRITE:
        return WAIT_WRITE;
    default:
        return conn_give_up(c);
    }
}

static enum next feed_http(struct conn *c, struct str *in)
{
    if (c->exchange == NULL) {
        begin_exchange(c);
        conn_enter(c, CONN_READING, conn_settings(c)->head_timeout_us);
    }
    switch (intake_feed(c->intake, in)) {
    case INTAKE_MORE:
        return AGAIN;
    case INTAKE_HEAD:
        return on_head(c);
    case INTAKE_READY:
        return submit(c);
    case INTAKE_REFUSED:
        return refuse_intake(c);
    }
    return OVER;
}

static enum next feed_mllp(struct conn *c, struct str *in)
{
    switch (mllp_feed(&c->mllp, in)) {
    case MLLP_MORE:
        return AGAIN;
    case MLLP_BEGIN:
        begin_exchange(c);
        mllp_begin(&c->mllp, &c->exchange->arena);
        c->state = CONN_READING;
        begin_window(c);
        return AGAIN;
    case MLLP_MESSAGE:
        c->exchange->body.bytes = mllp_message(&c->mllp);
        return submit(c);
    case MLLP_TOO_LARGE:
    case MLLP_BUSY:
        break;
    }
    return conn_give_up(c);
}

/* What is missing of the frame that began in an earlier read. AGAIN when it is whole now. */
static enum next finish_frame(struct conn *c, struct str *in)
{
    size_t most = conn_settings(c)->max_syslog_message;

    while (in->n > 0) {
        struct str rest = gather_str(c->frames), message;
        size_t whole = octet_count_frame(rest, most);
        size_t missing = whole == 0 ? 1 : whole - rest.n;
        struct str taken = str_slice(*in, 0, missing);

        if (octet_count_next(&rest, most, &message) == OCTET_FAULT || !gather_add(c->frames, taken))
            return conn_give_up(c);
        *in = str_slice(*in, taken.n, in->n);
        if (whole > 0 && taken.n == missing)
            return AGAIN;
    }
    return WAIT_READ;
}

/* All frames that this read holds whole. */
static struct str take_frames(struct conn *c, struct str *in)
{
    size_t most = conn_settings(c)->max_syslog_message;
    struct str all = *in, message;

    while (octet_count_next(in, most, &message) == OCTET_MESSAGE)
        ;
    return str_slice(all, 0, all.n - in->n);
}

/* An exchange is what one read brought to its end: many small messages, or one large one. */
static enum next feed_syslog(struct conn *c, struct str *in)
{
    struct str rest, message, frames;

    if (c->exchange == NULL) {
        begin_exchange(c);
        c->frames = gather_new(&c->exchange->arena, &c->memory.body);
        c->state = CONN_READING;
        begin_window(c);
    } else if (finish_frame(c, in) != AGAIN) {
        return c->exchange == NULL ? OVER : AGAIN;
    }
    frames = take_frames(c, in);
    if (!gather_add(c->frames, frames))
        return conn_give_up(c);
    if (c->frames->n > 0) {
        c->exchange->body.bytes = gather_str(c->frames);
        return submit(c);
    }
    rest = *in;
    if (octet_count_next(&rest, conn_settings(c)->max_syslog_message, &message) == OCTET_FAULT ||
        !gather_add(c->frames, *in))
        return conn_give_up(c);
    *in = STR("");
    return AGAIN;
}

static enum next feed(struct conn *c, struct str *in)
{
    switch (c->listener->wire) {
    case WIRE_HTTP:
        return feed_http(c, in);
    case WIRE_MLLP:
        return feed_mllp(c, in);
    case WIRE_SYSLOG:
        return feed_syslog(c, in);
    }
    return OVER;
}

static struct str held(const struct conn *c)
{
    return str_of(c->held + c->held_from, c->held_size);
}

/* Keeps what was read ahead of its turn, behind what is held already. Where there is no memory for
 * it, it is dropped, and the present answer is the last: what has no answer, the peer sends again.
 */
static bool hold_more(struct conn *c, struct str more)
{
    char *all;

    if (!holding_set(&c->ahead, c->held_size + more.n)) {
        c->close_after = true;
        return false;
    }
    all = malloc(c->held_size + more.n);
    must(all != NULL, "out of memory");
    if (c->held_size > 0)
        memcpy(all, held(c).p, c->held_size);
    memcpy(all + c->held_size, more.p, more.n);
    free(c->held);
    c->held = all;
    c->held_from = 0;
    c->held_size += more.n;
    return true;
}

/* All but `rest` of what is held has been used. */
static void hold_rest(struct conn *c, struct str rest)
{
    c->held_from += c->held_size - rest.n;
    c->held_size = rest.n;
    if (rest.n > 0)
        return;
    free(c->held);
    c->held = NULL;
    holding_release(&c->ahead);
}

static bool taking_in(const struct conn *c)
{
    return c->state == CONN_IDLE || c->state == CONN_READING;
}

/* Gives the bytes to the parser until they are used up or it is someone else's turn. */
static enum next take_in(struct conn *c, struct str in)
{
    enum next next = AGAIN;
    bool was_held = c->held_size > 0;

    c->rate_bytes += in.n;
    while (next == AGAIN && in.n > 0 && taking_in(c))
        next = feed(c, &in);
    /* A request without a body is complete at the end of its head, with no byte left to feed. */
    if (next == AGAIN && c->state == CONN_READING && c->intake != NULL && c->in_body &&
        !http1_expects_body(&c->intake->parser))
        next = feed_http(c, &in);
    if (was_held)
        hold_rest(c, in);
    else if (in.n > 0 && !c->close_after)
        (void)hold_more(c, in);
    return next;
}

enum next conn_on_reading(struct conn *c)
{
    for (int i = 0; i < TURN_READS; i++) {
        enum next next;
        size_t n;

        if (c->held_size > 0) {
            next = take_in(c, held(c));
        } else {
            switch (stream_read(&c->stream, c->io->scratch, SCRATCH, &n)) {
            case STREAM_DONE:
                break;
            case STREAM_WANT_READ:
                return WAIT_READ;
            case STREAM_WANT_WRITE:
                return WAIT_WRITE;
            case STREAM_END:
                c->peer_ended = true;
                stream_finish(&c->stream);
                return conn_give_up(c);
            case STREAM_FAILED:
                return conn_give_up(c);
            }
            atomic_fetch_add(&c->io->server->counters.bytes_in, n);
            next = take_in(c, str_of(c->io->scratch, n));
        }
        if (next != AGAIN || !taking_in(c))
            return next;
    }
    return PAUSE;
}

/* The service works: reads ahead a little, and sees the peer go. What a syslog sender has still to
 * say waits in the socket: it gets no answer, so it must feel that it is too fast, and what it sent
 * before it went is stored all the same. */
enum next conn_on_handling(struct conn *c)
{
    if (c->listener->wire == WIRE_SYSLOG)
        return WAIT_NOTHING;
    while (!c->peer_ended && c->held_size < HELD_MAX) {
        size_t n;

        switch (stream_read(&c->stream, c->io->scratch, HELD_MAX - c->held_size, &n)) {
        case STREAM_DONE:
            atomic_fetch_add(&c->io->server->counters.bytes_in, n);
            if (!hold_more(c, str_of(c->io->scratch, n)))
                return WAIT_NOTHING;
            break;
        case STREAM_WANT_READ:
            return WAIT_READ;
        case STREAM_WANT_WRITE:
            return WAIT_WRITE;
        case STREAM_END: /* half-closed, perhaps: the answer is tried, but work may stop */
            c->peer_ended = true;
            atomic_store(&c->exchange->cancelled, true);
            break;
        case STREAM_FAILED:
            return conn_orphan(c);
        }
    }
    return WAIT_NOTHING;
}

enum next conn_reading_expired(struct conn *c)
{
    bool http = c->listener->wire == WIRE_HTTP;
    uint64_t window = (uint64_t)rate_window_us(c);
    uint64_t wanted = conn_settings(c)->min_body_rate * window / US_PER_SECOND;

    if (!c->in_body)
        return conn_refuse(c, 408, STR("the head took too long"));
    if (c->rate_bytes > 0 && c->rate_bytes >= wanted) {
        begin_window(c);
        return WAIT_READ;
    }
    return http ? conn_refuse(c, 408, STR("the body comes too slowly")) : conn_give_up(c);
}
