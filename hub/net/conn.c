#include "hub/net/conn_priv.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "hub/base/clock.h"
#include "hub/net/admission.h"

enum {
    DISCARDS_A_TURN = 16,
    UNSENT_MAX = 512 * 1024, /* that the kernel keeps: more would hide whether the peer reads */
};

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

void conn_set_deadline(struct conn *c, int64_t timeout_us)
{
    int64_t now = clock_monotonic_us();

    c->deadline_us = timeout_us > 0 ? now + timeout_us : 0;
    arm_timer(c, now);
}

void conn_enter(struct conn *c, enum conn_state state, int64_t timeout_us)
{
    c->state = state;
    conn_set_deadline(c, timeout_us);
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

enum next conn_orphan(struct conn *c)
{
    atomic_store(&c->exchange->cancelled, true);
    close_socket(c);
    c->state = CONN_ORPHANED;
    return WAIT_NOTHING;
}

/* ---- handshake and admission ---- */

static void leave_guard(struct conn *c)
{
    if (c->guard_slot >= 0)
        guard_leave(c->io->server->guard, c->guard_slot);
    c->guard_slot = -1;
}

static void refused(struct conn *c, const char *reason)
{
    const struct net_service *service = conn_service(c);

    service->refused(service->context, &c->peer, reason);
}

static enum next admit(struct conn *c)
{
    const char *reason = admission_ask(c);

    if (reason == NULL)
        return conn_become_idle(c);
    refused(c, reason);
    return conn_farewell(c);
}

/* The alert must not be lost to a reset, so the socket is not closed over unread bytes. */
static enum next handshake_failed(struct conn *c, const char *reason)
{
    leave_guard(c);
    atomic_fetch_add(&c->io->server->counters.handshake_failures, 1);
    memcpy(c->peer.fingerprint, c->verdict.fingerprint, sizeof(c->peer.fingerprint));
    if (stream_touched(&c->stream)) /* else a balancer's probe */
        refused(c, c->verdict.refusal != NULL ? c->verdict.refusal : reason);
    return conn_farewell(c);
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
        leave_guard(c);
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
    for (int i = 0; i < DISCARDS_A_TURN; i++) {
        ssize_t n = recv(c->stream.fd, c->io->scratch, SCRATCH, 0);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? WAIT_READ : OVER;
        if (n == 0)
            return OVER;
    }
    return PAUSE;
}

/* The service or the timer goes on. */
static enum next on_waiting(struct conn *c)
{
    (void)c;
    return WAIT_NOTHING;
}

static void conn_free(struct conn *c)
{
    struct net_server *s = c->io->server;

    holding_release(&c->ahead);
    leave_guard(c);
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
        [CONN_HANDSHAKE] = on_handshake,    [CONN_IDLE] = conn_on_reading,
        [CONN_READING] = conn_on_reading,   [CONN_CONTINUE] = conn_on_continue,
        [CONN_HANDLING] = conn_on_handling, [CONN_WRITING] = conn_on_writing,
        [CONN_LINGERING] = on_lingering,    [CONN_ORPHANED] = on_waiting,
        [CONN_RESTING] = on_waiting,        [CONN_HOLDING] = on_waiting,
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

static enum next expired(struct conn *c)
{
    switch (c->state) {
    case CONN_HANDSHAKE:
        return handshake_failed(c, "the handshake took too long");
    case CONN_IDLE:
        return conn_farewell(c);
    case CONN_RESTING:
        return conn_become_idle(c);
    case CONN_HOLDING:
        return conn_begin_answer(c);
    case CONN_READING:
        return conn_reading_expired(c);
    case CONN_CONTINUE:
    case CONN_WRITING:
        return conn_give_up(c);
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
        conn_end_exchange(c, ANSWER_GONE, 0);
        conn_free(c);
        return;
    }
    follow(c, conn_hold_answer(c));
}

void conn_drain(struct conn *c)
{
    if (c->state == CONN_RESTING || (c->state == CONN_IDLE && c->held_size == 0))
        follow(c, conn_farewell(c));
    else if (c->state == CONN_HANDSHAKE)
        conn_free(c);
}

bool conn_is_lent(const struct conn *c)
{
    return c->state == CONN_HANDLING || c->state == CONN_ORPHANED;
}

void conn_cut(struct conn *c)
{
    if (c->state == CONN_HANDLING) {
        conn_orphan(c);
    } else if (c->state != CONN_ORPHANED) {
        if (c->state == CONN_IDLE || c->state == CONN_RESTING)
            stream_finish(&c->stream);
        conn_give_up(c);
        conn_free(c);
    }
}

/* ---- the beginning ---- */

void peer_address(const struct sockaddr_storage *from, char out[64])
{
    char host[48] = "?", port[8] = "?";

    getnameinfo((const struct sockaddr *)from, sizeof(*from), host, sizeof(host), port,
                sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(out, 64, from->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void set_address(struct conn *c)
{
    struct sockaddr_storage ss = {0};
    socklen_t size = sizeof(ss);

    getpeername(c->stream.fd, (struct sockaddr *)&ss, &size);
    peer_address(&ss, c->peer.address);
}

static void set_socket_options(int fd)
{
    int one = 1, unsent = UNSENT_MAX;

    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
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
    conn_enter(c, CONN_HANDSHAKE, s->settings.handshake_timeout_us);
    return WAIT_READ;
}

void conn_open(struct io *io, const struct listener *listener, int fd, int guard_slot)
{
    struct conn *c = calloc(1, sizeof(*c));

    must(c != NULL, "out of memory");
    c->magic = CONN_MAGIC;
    c->io = io;
    c->listener = listener;
    c->stream.fd = fd;
    c->guard_slot = guard_slot;
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
    c->mllp.memory = &c->memory.body;
    if (atomic_load(&io->server->draining))
        conn_free(c);
    else
        follow(c, listener->tls ? begin_handshake(c) : admit(c));
}
