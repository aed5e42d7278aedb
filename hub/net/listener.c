#include "hub/net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "hub/net/conn.h"

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64 };

/* HOST:PORT or [IPV6]:PORT */
static bool split_address(const char *address, char host[256], char port[16])
{
    struct str s = str_from(address);
    const char *colon = s.n > 0 ? strrchr(address, ':') : NULL;
    struct str name;

    if (colon == NULL)
        return false;
    name = str_of(address, (size_t)(colon - address));
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = str_slice(name, 1, name.n - 1);
    else if (str_find(name, ':') >= 0)
        return false;
    if (name.n == 0 || name.n > 255 || strlen(colon + 1) > 15 || colon[1] == '\0')
        return false;
    snprintf(host, 256, "%.*s", STR_ARG(name));
    snprintf(port, 16, "%s", colon + 1);
    return true;
}

static int bind_and_listen(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t size = sizeof(ss);
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;

    getsockname(fd, (struct sockaddr *)&ss, &size);
    memcpy(&in6, &ss, sizeof(in6));
    memcpy(&in4, &ss, sizeof(in4));
    return ntohs(ss.ss_family == AF_INET6 ? in6.sin6_port : in4.sin_port);
}

enum status listener_open(struct listener *l, const char *address, struct errors *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char host[256], port[16];
    int problem;

    if (!split_address(address, host, port))
        return fail(err, INVALID, "listen", "'%s' is not HOST:PORT or [IPV6]:PORT", address);
    problem = getaddrinfo(host, port, &hints, &found);
    if (problem != 0)
        return fail(err, INVALID, "listen", "%s: %s", address, gai_strerror(problem));
    l->fd = bind_and_listen(found);
    freeaddrinfo(found);
    if (l->fd < 0)
        return fail(err, UPSTREAM, "listen", "%s: %s", address, strerror(errno));
    l->port = port_of(l->fd);
    return OK;
}

static struct io *least_busy(struct net_server *s)
{
    struct io *least = s->ios[0];

    for (int i = 1; i < s->settings.io_threads; i++)
        if (atomic_load(&s->ios[i]->open) < atomic_load(&least->open))
            least = s->ios[i];
    return least;
}

static void open_there(struct io *io, struct task *task)
{
    conn_open(io, &io->server->listeners[task->listener], task->fd, task->guard_slot);
}

/* Too many handshakes of one address: no byte of TLS for it, and word of it now and then. */
static bool guarded(struct listener *l, const struct sockaddr_storage *from, int *slot)
{
    struct net_server *s = l->server;
    struct peer peer = {0};
    enum guard_word word;

    *slot = -1;
    if (!l->tls)
        return true;
    word = guard_enter(s->guard, from, clock_monotonic_us(), slot);
    if (word == GUARD_ADMITTED)
        return true;
    atomic_fetch_add(&s->counters.turned_away, 1);
    if (word == GUARD_REFUSED) {
        peer_address(from, peer.address);
        s->service.refused(s->service.context, &peer, "too many handshakes of this address");
    }
    return false;
}

static void hand_over(struct listener *l, struct io *here, int fd, int slot)
{
    struct net_server *s = l->server;
    struct io *io = least_busy(s);
    struct task *task;

    if (atomic_load(&s->counters.open) >= s->settings.max_connections) {
        if (slot >= 0)
            guard_leave(s->guard, slot);
        close(fd);
        return;
    }
    atomic_fetch_add(&s->counters.accepted, 1);
    atomic_fetch_add(&s->counters.open, 1);
    atomic_fetch_add(&io->open, 1);
    if (io == here) {
        conn_open(io, l, fd, slot);
        return;
    }
    task = task_new(open_there);
    task->fd = fd;
    task->listener = l->number;
    task->guard_slot = slot;
    io_post(io, task);
}

/* Out of descriptors: the connections wait in the backlog while we do. */
static void rest(struct listener *l)
{
    struct timeval a_while = {.tv_usec = 100000};

    log_warn("accept_failed", "port=%d reason=%s", l->port, strerror(errno));
    event_del(l->ready);
    event_add(l->retry, &a_while);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof(from);
        int taken = accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int slot;

        if (taken >= 0) {
            if (guarded(l, &from, &slot))
                hand_over(l, l->server->ios[0], taken, slot);
            else
                close(taken);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            rest(l);
        else if (errno == ECONNABORTED || errno == EINTR)
            continue;
        return;
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)fd, (void)what;
    event_add(l->ready, NULL);
}

void listener_start(struct listener *l, struct io *io)
{
    l->ready = event_new(io->base, l->fd, EV_READ | EV_PERSIST, on_connection, l);
    l->retry = event_new(io->base, -1, 0, on_retry, l);
    must(l->ready != NULL && l->retry != NULL, "out of memory");
    must(event_add(l->ready, NULL) == 0, "an event can be added");
}

void listener_close(struct listener *l)
{
    if (l->ready != NULL) {
        event_free(l->ready);
        event_free(l->retry);
    }
    if (l->fd >= 0)
        close(l->fd);
    l->ready = l->retry = NULL;
    l->fd = -1;
}
