#include "hub/net/conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hub/base/clock.h"
#include "hub/net/admission.h"
#include "hub/net/http1_write.h"

enum {
    HELD_MAX = 64 * 1024,
    TURN_READS = 16, /* of SCRATCH bytes, before the other connections' turn */
};

#define LINGER_US      (2 * US_PER_SECOND)
#define RATE_WINDOW_US (10 * US_PER_SECOND)

/* What a state's step asks for. */
enum next {
    AGAIN, /* the state has changed or there is more to do at once */
    WAIT_READ,
    WAIT_WRITE,
    WAIT_NOTHING, /* only the timer or the service goes on */
    PAUSE,        /* the others' turn, then again */
    OVER,         /* close and free */
};

static const struct net_settings *settings_of(const struct conn *c)
{
    return &c->io->server->settings;
}

static const struct net_service *service_of(const struct conn *c)
{
    return &c->io->server->service;
}

/* ---- timer and events ---- */

/* A deadline that moves away does not touch the timer: it fires early and looks again. */
static void arm_timer(struct conn *c, int64_t now)
{
    int64_t wait = c->deadline_us > now ? c->deadline_us - now : 0;
    struct timeval tv = {wait / US_PER_SECOND, wait % US_PER_SECOND};

    if (c->deadline_us == 0 || (c->timer_us != 0 && c->timer_us <= c->deadline_us))
        return;
    must(event_add(&c->timer, &tv) == 0, "a timer can be added");
    c->timer_us = c->deadline_us;
}

static void set_deadline(struct conn *c, int64_t timeout_us)
{
    int64_t now = clock_monotonic_us();

    c->deadline_us = timeout_us > 0 ? now + timeout_us : 0;
    arm_timer(c, now);
}

static void enter(struct conn *c, enum conn_state state, int64_t timeout_us)
{
    c->state = state;
    set_deadline(c, timeout_us);
}

static void watch_one(struct event *e, bool *watching, bool wanted)
{
    if (*watching == wanted)
        return;
    must((wanted ? event_add(e, NULL) : event_del(e)) == 0, "an event can be changed");
    *watching = wanted;
}

static void watch(struct conn *c, bool read, bool write)
{
    watch_one(&c->readable, &c->watching_read, read);
    watch_one(&c->writable, &c->watching_write, write);
}

static void close_socket(struct conn *c)
{
    watch(c, false, false);
    event_del(&c->timer);
    c->timer_us = c->deadline_us = 0;
    stream_close(&c->stream);
}

/* ---- the exchange ---- */

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
    c->intake = ex->wire == WIRE_HTTP ? intake_new(ex, settings_of(c)) : NULL;
    c->in_body = c->close_after = false;
}

static void end_exchange(struct conn *c, enum answer_end end, uint64_t sent)
{
    const struct net_service *service = service_of(c);
    struct exchange *ex = c->exchange;

    if (ex == NULL)
        return;
    c->exchange = NULL;
    c->intake = NULL;
    c->sender = NULL;
    c->mllp.message = NULL;
    service->finished(service->context, ex, end, sent);
    arena_dispose(&ex->arena);
    free(ex);
}

/* The request never became complete, and nothing was answered. */
static enum next give_up(struct conn *c)
{
    if (c->exchange != NULL && c->state != CONN_WRITING)
        c->exchange->reply.http_status = 0;
    end_exchange(c, ANSWER_GONE, c->sender != NULL ? c->sender->sent : 0);
    return OVER;
}

/* ---- the answer ---- */

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

static void prepare_mllp(struct conn *c)
{
    struct reply *rp = &c->exchange->reply;
    bool silent = rp->first == NULL;

    c->close_after = must_close(c);
    sender_init(c->sender, &c->exchange->arena, silent ? STR("") : STR("\x0b"), rp->first,
                rp->length, silent ? STR("") : STR("\x1c\r"), false);
}

static enum next begin_answer(struct conn *c)
{
    c->sender = ARENA_NEW(&c->exchange->arena, struct sender);
    if (c->exchange->wire == WIRE_HTTP)
        prepare_http(c);
    else
        prepare_mllp(c);
    enter(c, CONN_WRITING, settings_of(c)->write_timeout_us);
    return AGAIN;
}

/* Answers with one line of text, and closes unless the request has been read to its end. */
static enum next refuse(struct conn *c, int status, struct str why)
{
    struct reply *rp = &c->exchange->reply;
    struct str text = str_printf(rp->arena, why.n > 0 ? "%d %s: %.*s\n" : "%d %s\n", status,
                                 http1_reason(status), STR_ARG(why));

    rp->http_status = status;
    rp->close = rp->close || http1_expects_body(&c->intake->parser);
    reply_field(rp, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    reply_add(rp, text);
    return begin_answer(c);
}

/* Nothing more to say: the peer reads our last bytes, then closes. */
static enum next farewell(struct conn *c)
{
    stream_finish(&c->stream);
    if (c->peer_ended)
        return OVER;
    enter(c, CONN_LINGERING, LINGER_US);
    return AGAIN;
}

static enum next become_idle(struct conn *c)
{
    const struct net_settings *s = settings_of(c);

    enter(c, CONN_IDLE,
          c->listener->wire == WIRE_HTTP ? s->idle_timeout_us : s->mllp_idle_timeout_us);
    return c->held_size > 0 || stream_pending(&c->stream) ? AGAIN : WAIT_READ;
}

static enum next on_writing(struct conn *c)
{
    uint64_t before = c->sender->sent;
    enum sender_result r = sender_run(c->sender, &c->stream);
    uint64_t sent = c->sender->sent;

    atomic_fetch_add(&c->io->server->counters.bytes_out, sent - before);
    if (sent > before)
        set_deadline(c, settings_of(c)->write_timeout_us);
    switch (r) {
    case SENDER_DONE:
        end_exchange(c, ANSWER_SENT, sent);
        return c->close_after ? farewell(c) : become_idle(c);
    case SENDER_WANT_READ:
        return WAIT_READ;
    case SENDER_WANT_WRITE:
        return WAIT_WRITE;
    case SENDER_PAUSE:
        return PAUSE;
    case SENDER_GONE:
        return give_up(c);
    case SENDER_BROKEN: /* without close_notify: the client shall see that the end is missing */
        end_exchange(c, ANSWER_BROKEN, sent);
        return OVER;
    }
    return OVER;
}

/* ---- the request ---- */

static enum next submit(struct conn *c)
{
    const struct net_service *service = service_of(c);

    enter(c, CONN_HANDLING, 0);
    atomic_fetch_add(&c->io->server->counters.requests, 1);
    service->submit(service->context, c->exchange);
    return WAIT_READ;
}

static void begin_window(struct conn *c)
{
    c->in_body = true;
    c->rate_bytes = 0;
    set_deadline(c, RATE_WINDOW_US);
}

static enum next on_head(struct conn *c)
{
    const struct net_service *service = service_of(c);
    int status;

    status = service->accept_head(service->context, c->exchange);
    if (status != 0)
        return refuse(c, status, STR_NONE);
    if (!intake_accepted(c->intake))
        return refuse(c, c->intake->status, c->intake->fault);
    begin_window(c);
    if (!c->intake->parser.expect_continue)
        return AGAIN;
    c->sender = ARENA_NEW(&c->exchange->arena, struct sender);
    sender_init(c->sender, &c->exchange->arena, STR("HTTP/1.1 100 Continue\r\n\r\n"), NULL, 0,
                STR(""), false);
    enter(c, CONN_CONTINUE, settings_of(c)->write_timeout_us);
    return AGAIN;
}

static enum next on_continue(struct conn *c)
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
        return give_up(c);
    }
}

static enum next feed_http(struct conn *c, struct str *in)
{
    if (c->exchange == NULL) {
        begin_exchange(c);
        enter(c, CONN_READING, settings_of(c)->head_timeout_us);
    }
    switch (intake_feed(c->intake, in)) {
    case INTAKE_MORE:
        return AGAIN;
    case INTAKE_HEAD:
        return on_head(c);
    case INTAKE_READY:
        return submit(c);
    case INTAKE_REFUSED:
        return refuse(c, c->intake->status, c->intake->fault);
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
        break;
    }
    return give_up(c);
}

/* Keeps what was read ahead of its turn. `rest` may lie in what is held already. */
static void hold(struct conn *c, struct str rest)
{
    char *kept = rest.n > 0 ? malloc(rest.n) : NULL;

    must(rest.n == 0 || kept != NULL, "out of memory");
    if (rest.n > 0)
        memcpy(kept, rest.p, rest.n);
    free(c->held);
    c->held = kept;
    c->held_size = rest.n;
}

static void hold_more(struct conn *c, struct str more)
{
    c->held = realloc(c->held, c->held_size + more.n);
    must(c->held != NULL, "out of memory");
    memcpy(c->held + c->held_size, more.p, more.n);
    c->held_size += more.n;
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
        next = c->listener->wire == WIRE_HTTP ? feed_http(c, &in) : feed_mllp(c, &in);
    /* A request without a body is complete at the end of its head, with no byte left to feed. */
    if (next == AGAIN && c->state == CONN_READING && c->intake != NULL && c->in_body &&
        !http1_expects_body(&c->intake->parser))
        next = feed_http(c, &in);
    if (next != OVER && (was_held || in.n > 0))
        hold(c, in);
    return next;
}

static enum next on_reading(struct conn *c)
{
    for (int i = 0; i < TURN_READS; i++) {
        enum next next;
        size_t n;

        if (c->held_size > 0) {
            next = take_in(c, str_of(c->held, c->held_size));
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
                return give_up(c);
            case STREAM_FAILED:
                return give_up(c);
            }
            atomic_fetch_add(&c->io->server->counters.bytes_in, n);
            next = take_in(c, str_of(c->io->scratch, n));
        }
        if (next != AGAIN || !taking_in(c))
            return next;
    }
    return PAUSE;
}

/* The service works: reads ahead a little, and sees the peer go. */
static enum next on_handling(struct conn *c)
{
    while (!c->peer_ended && c->held_size < HELD_MAX) {
        size_t n;

        switch (stream_read(&c->stream, c->io->scratch, HELD_MAX - c->held_size, &n)) {
        case STREAM_DONE:
            atomic_fetch_add(&c->io->server->counters.bytes_in, n);
            hold_more(c, str_of(c->io->scratch, n));
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
            atomic_store(&c->exchange->cancelled, true);
            close_socket(c);
            c->state = CONN_ORPHANED;
            return WAIT_NOTHING;
        }
    }
    return WAIT_NOTHING;
}

/* ---- the ends of a connection ---- */

static void refused(struct conn *c, const char *reason)
{
    const struct net_service *service = service_of(c);

    service->refused(service->context, &c->peer, reason);
}

static enum next admit(struct conn *c)
{
    const char *reason = admission_ask(c);

    if (reason == NULL)
        return become_idle(c);
    refused(c, reason);
    return farewell(c);
}

/* The alert must not be lost to a reset, so the socket is not closed over unread bytes. */
static enum next handshake_failed(struct conn *c, const char *reason)
{
    atomic_fetch_add(&c->io->server->counters.handshake_failures, 1);
    if (stream_touched(&c->stream)) /* else a balancer's probe */
        refused(c, c->verdict.refusal != NULL ? c->verdict.refusal : reason);
    return farewell(c);
}

static const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason != NULL ? reason : "the peer went away during the handshake";
}

static enum next on_handshake(struct conn *c)
{
    switch (stream_handshake(&c->stream)) {
    case STREAM_DONE:
        atomic_fetch_add(&c->io->server->counters.handshakes, 1);
        return admit(c);
    case STREAM_WANT_READ:
        return WAIT_READ;
    case STREAM_WANT_WRITE:
        return WAIT_WRITE;
    case STREAM_END:
    case STREAM_FAILED:
        break;
    }
    return handshake_failed(c, tls_reason());
}

/* Reads past TLS: what comes now is for nobody. */
static enum next on_lingering(struct conn *c)
{
    for (int i = 0; i < TURN_READS; i++) {
        ssize_t n = recv(c->stream.fd, c->io->scratch, SCRATCH, 0);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? WAIT_READ : OVER;
        if (n == 0)
            return OVER;
    }
    return PAUSE;
}

static enum next on_orphaned(struct conn *c)
{
    (void)c;
    return WAIT_NOTHING;
}

static void conn_free(struct conn *c)
{
    struct net_server *s = c->io->server;

    admission_leave(c);
    close_socket(c);
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    tls_release(c->tls);
    free(c->held);
    c->magic = 0;
    atomic_fetch_sub(&c->io->open, 1);
    free(c);
    pthread_mutex_lock(&s->lock);
    atomic_fetch_sub(&s->counters.open, 1);
    pthread_cond_broadcast(&s->closed);
    pthread_mutex_unlock(&s->lock);
}

static void follow(struct conn *c, enum next next)
{
    static enum next (*const steps[CONN_STATES])(struct conn *) = {
        [CONN_HANDSHAKE] = on_handshake, [CONN_IDLE] = on_reading,      [CONN_READING] = on_reading,
        [CONN_CONTINUE] = on_continue,   [CONN_HANDLING] = on_handling, [CONN_WRITING] = on_writing,
        [CONN_LINGERING] = on_lingering, [CONN_ORPHANED] = on_orphaned,
    };

    while (next == AGAIN)
        next = steps[c->state](c);
    switch (next) {
    case WAIT_READ:
        watch(c, true, false);
        break;
    case WAIT_WRITE:
        watch(c, false, true);
        break;
    case PAUSE:
        watch(c, true, false);
        event_active(&c->readable, EV_READ, 0);
        break;
    case WAIT_NOTHING:
        watch(c, false, false);
        break;
    case AGAIN:
    case OVER:
        conn_free(c);
    }
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;

    (void)fd, (void)what;
    must(c->magic == CONN_MAGIC, "an event's argument is a connection");
    follow(c, AGAIN);
}

/* ---- timeouts ---- */

static enum next reading_expired(struct conn *c)
{
    bool http = c->listener->wire == WIRE_HTTP;
    uint64_t wanted = settings_of(c)->min_body_rate * (RATE_WINDOW_US / US_PER_SECOND);

    if (!c->in_body)
        return refuse(c, 408, STR("the head took too long"));
    if (c->rate_bytes > 0 && c->rate_bytes >= wanted) {
        begin_window(c);
        return WAIT_READ;
    }
    return http ? refuse(c, 408, STR("the body comes too slowly")) : give_up(c);
}

static enum next expired(struct conn *c)
{
    switch (c->state) {
    case CONN_HANDSHAKE:
        return handshake_failed(c, "the handshake took too long");
    case CONN_IDLE:
        return farewell(c);
    case CONN_READING:
        return reading_expired(c);
    case CONN_CONTINUE:
    case CONN_WRITING:
        return give_up(c);
    default:
        return OVER; /* lingering */
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    int64_t now = clock_monotonic_us();

    (void)fd, (void)what;
    must(c->magic == CONN_MAGIC, "a timer's argument is a connection");
    c->timer_us = 0;
    if (c->deadline_us == 0)
        return;
    if (now < c->deadline_us)
        arm_timer(c, now);
    else
        follow(c, expired(c));
}

/* ---- from the thread's inbox ---- */

void conn_reply(struct conn *c, struct exchange *ex)
{
    must(c->magic == CONN_MAGIC && c->exchange == ex, "an answer belongs to its connection");
    if (c->state == CONN_ORPHANED || atomic_load(&c->doomed)) {
        end_exchange(c, ANSWER_GONE, 0);
        conn_free(c);
        return;
    }
    follow(c, begin_answer(c));
}

void conn_drain(struct conn *c)
{
    if (c->state == CONN_IDLE && c->held_size == 0)
        follow(c, farewell(c));
    else if (c->state == CONN_HANDSHAKE)
        conn_free(c);
}

void conn_cut(struct conn *c)
{
    if (c->state == CONN_HANDLING) {
        atomic_store(&c->exchange->cancelled, true);
        close_socket(c);
        c->state = CONN_ORPHANED;
    } else if (c->state != CONN_ORPHANED) {
        if (c->state == CONN_IDLE)
            stream_finish(&c->stream);
        give_up(c);
        conn_free(c);
    }
}

/* ---- the beginning ---- */

static void set_address(struct conn *c)
{
    struct sockaddr_storage ss = {0};
    socklen_t size = sizeof(ss);
    char host[48] = "?", port[8] = "?";

    if (getpeername(c->stream.fd, (struct sockaddr *)&ss, &size) == 0)
        getnameinfo((struct sockaddr *)&ss, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(c->peer.address, sizeof(c->peer.address),
             ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void set_socket_options(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static enum next begin_handshake(struct conn *c)
{
    struct net_server *s = c->io->server;

    pthread_mutex_lock(&s->lock);
    c->tls = tls_hold(s->tls);
    pthread_mutex_unlock(&s->lock);
    c->stream.session = tls_session(c->tls, c->stream.fd, &c->verdict);
    enter(c, CONN_HANDSHAKE, s->settings.handshake_timeout_us);
    return WAIT_READ;
}

void conn_open(struct io *io, const struct listener *listener, int fd)
{
    struct conn *c = calloc(1, sizeof(*c));

    must(c != NULL, "out of memory");
    c->magic = CONN_MAGIC;
    c->io = io;
    c->listener = listener;
    c->stream.fd = fd;
    c->peer.connection = atomic_fetch_add(&io->server->connections, 1) + 1;
    atomic_init(&c->doomed, false);
    event_assign(&c->readable, io->base, fd, EV_READ | EV_PERSIST, on_ready, c);
    event_assign(&c->writable, io->base, fd, EV_WRITE | EV_PERSIST, on_ready, c);
    event_assign(&c->timer, io->base, -1, 0, on_timer, c);
    c->next = io->conns;
    c->link = &io->conns;
    if (c->next != NULL)
        c->next->link = &c->next;
    io->conns = c;
    set_address(c);
    set_socket_options(fd);
    mllp_init(&c->mllp, io->server->settings.max_mllp_message);
    if (atomic_load(&io->server->draining))
        conn_free(c);
    else
        follow(c, listener->tls ? begin_handshake(c) : admit(c));
}
