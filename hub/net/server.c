#include "hub/net/server.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "hub/base/clock.h"
#include "hub/net/conn.h"
#include "hub/net/listener.h"

enum { PEER_SHARE = 4 }; /* one peer may hold one part in so many of the memory */

struct net_server *net_server_new(const struct net_settings *settings,
                                  const struct net_service *service)
{
    struct net_server *s = calloc(1, sizeof(*s));
    pthread_condattr_t monotonic;

    must(s != NULL && settings->io_threads > 0, "a server has memory and threads");
    s->settings = *settings;
    s->service = *service;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->closed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->quota = quota_new(settings->max_connections_per_peer, settings->max_memory / PEER_SHARE);
    s->guard = guard_new(&settings->handshakes_per_address);
    budget_init(&s->memory, settings->max_memory);
    s->ios = calloc((size_t)settings->io_threads, sizeof(*s->ios));
    must(s->ios != NULL, "out of memory");
    for (int i = 0; i < settings->io_threads; i++)
        s->ios[i] = io_new(s);
    return s;
}

int net_listen(struct net_server *s, const char *address, enum wire wire, bool tls,
               struct errors *err)
{
    int number = s->listener_count;
    struct listener *l = &s->listeners[number];

    must(!s->started && number < LISTENERS_MAX, "listeners are few, and made before the start");
    *l = (struct listener){.server = s, .number = number, .wire = wire, .tls = tls, .fd = -1};
    if (tls && s->tls == NULL) {
        (void)fail(err, INVALID, "listen", "%s: TLS is not set up (net_tls_reload)", address);
        return -1;
    }
    if (listener_open(l, address, err) != OK)
        return -1;
    s->listener_count++;
    return number;
}

int net_listener_port(const struct net_server *s, int listener)
{
    return s->listeners[listener].port;
}

void net_start(struct net_server *s)
{
    s->started = true;
    for (int i = 0; i < s->listener_count; i++)
        listener_start(&s->listeners[i], s->ios[0]);
    for (int i = 0; i < s->settings.io_threads; i++)
        io_start(s->ios[i], i);
}

void net_reply(struct exchange *ex)
{
    must(ex->magic == EXCHANGE_MAGIC, "an answer has its exchange");
    io_reply(ex->conn->io, ex);
}

/* Each thread gets a task of its own, with its own reference to `tls`. */
static void post_to_all(struct net_server *s, void (*run)(struct io *, struct task *),
                        struct tls *tls)
{
    for (int i = 0; i < s->settings.io_threads; i++) {
        struct task *t = task_new(run);

        t->tls = tls != NULL ? tls_hold(tls) : NULL;
        io_post(s->ios[i], t);
    }
}

static void cut_revoked(struct io *io, struct task *task)
{
    for (struct conn *c = io->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->stream.session != NULL && tls_revoked(task->tls, c->stream.session))
            conn_cut(c);
    }
    tls_release(task->tls);
}

enum status net_tls_reload(struct net_server *s, const struct net_tls_settings *tls,
                           struct errors *err)
{
    struct tls *made = tls_new(tls, err);
    struct tls *old;

    if (made == NULL)
        return err->status;
    pthread_mutex_lock(&s->lock);
    old = s->tls;
    s->tls = made;
    if (s->started)
        post_to_all(s, cut_revoked, made);
    pthread_mutex_unlock(&s->lock);
    tls_release(old);
    return OK;
}

static void cut_doomed(struct io *io, struct task *task)
{
    (void)task;
    for (struct conn *c = io->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (atomic_load(&c->doomed))
            conn_cut(c);
    }
}

void net_close_peers(struct net_server *s, bool (*match)(void *context, const struct peer *p),
                     void *context)
{
    pthread_mutex_lock(&s->lock);
    s->close_calls++;
    for (struct conn *c = s->registered; c != NULL; c = c->registered_next)
        if (match(context, &c->peer))
            atomic_store(&c->doomed, true);
    pthread_mutex_unlock(&s->lock);
    post_to_all(s, cut_doomed, NULL);
}

static void drain_thread(struct io *io, struct task *task)
{
    struct net_server *s = io->server;

    (void)task;
    if (io == s->ios[0])
        for (int i = 0; i < s->listener_count; i++)
            listener_close(&s->listeners[i]);
    for (struct conn *c = io->conns, *next; c != NULL; c = next) {
        next = c->next;
        conn_drain(c);
    }
}

static void cut_thread(struct io *io, struct task *task)
{
    struct net_server *s = io->server;

    (void)task;
    for (struct conn *c = io->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (c->state != CONN_LINGERING) {
            pthread_mutex_lock(&s->lock);
            s->cut = true;
            pthread_mutex_unlock(&s->lock);
        }
        conn_cut(c);
    }
}

/* False when the time was over first. The lock is held. */
static bool wait_until_closed(struct net_server *s, int64_t until_us)
{
    struct timespec until = {until_us / US_PER_SECOND, until_us % US_PER_SECOND * 1000};

    while (atomic_load(&s->counters.open) > 0)
        if (pthread_cond_timedwait(&s->closed, &s->lock, &until) == ETIMEDOUT)
            return atomic_load(&s->counters.open) == 0;
    return true;
}

bool net_drain(struct net_server *s, int64_t timeout_us)
{
    bool cut;

    atomic_store(&s->draining, true);
    if (!s->started)
        return true;
    post_to_all(s, drain_thread, NULL);
    pthread_mutex_lock(&s->lock);
    if (!wait_until_closed(s, clock_monotonic_us() + timeout_us)) {
        post_to_all(s, cut_thread, NULL);
        wait_until_closed(s, clock_monotonic_us() + US_PER_SECOND);
    }
    cut = s->cut || atomic_load(&s->counters.open) > 0;
    pthread_mutex_unlock(&s->lock);
    return !cut;
}

void net_server_free(struct net_server *s)
{
    if (s->started)
        for (int i = 0; i < s->settings.io_threads; i++)
            io_stop(s->ios[i]);
    for (int i = 0; i < s->listener_count; i++)
        listener_close(&s->listeners[i]);
    for (int i = 0; i < s->settings.io_threads; i++)
        io_free(s->ios[i]);
    free(s->ios);
    must(budget_untouched(&s->memory), "who has gone holds no memory");
    quota_free(s->quota);
    guard_free(s->guard);
    tls_release(s->tls);
    pthread_cond_destroy(&s->closed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct net_figures net_figures(const struct net_server *s)
{
    const struct counters *c = &s->counters;
    int open = atomic_load(&c->open);

    return (struct net_figures){
        .accepted = atomic_load(&c->accepted),
        .turned_away = atomic_load(&c->turned_away),
        .handshakes = atomic_load(&c->handshakes),
        .handshake_failures = atomic_load(&c->handshake_failures),
        .open = open > 0 ? (uint64_t)open : 0,
        .requests = atomic_load(&c->requests),
        .bytes_in = atomic_load(&c->bytes_in),
        .bytes_out = atomic_load(&c->bytes_out),
    };
}
