#include "hub/syslog_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/audit_repository.h"
#include "hub/base/log.h"

enum {
    BATCH = 64,
    DATAGRAM_MAX = 65535,
    RECEIVE_BUFFER = 8 << 20, /* what a burst may fill while a transaction commits */
    WAIT_MS = 250,
    DATABASE_SECONDS = 10,
    ATTEMPTS = 5,
};

struct syslog_udp {
    int fd;
    struct hub *hub;
    struct db *db;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    char *bytes; /* BATCH datagrams */
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_storage from[BATCH];
};

/* --- the socket ------------------------------------------------------------------------------ */

static bool bind_one(int fd, const struct addrinfo *a, int *port)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    int buffer = RECEIVE_BUFFER;

    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    return true;
}

static int open_socket(const char *address, int *port)
{
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    char host[256];
    int fd = -1;

    if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
        return -1;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        host[strlen(host) - 1] = '\0';
        memmove(host, host + 1, strlen(host));
    }
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !bind_one(fd, found, port)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

enum status syslog_udp_open(const char *address, struct syslog_udp **out, int *port,
                            struct errors *err)
{
    int fd = open_socket(address, port);
    struct syslog_udp *u;

    if (fd < 0)
        return fail(err, UPSTREAM, "listen", "syslog_udp_listen = %s: %s", address,
                    errno != 0 ? strerror(errno) : "not an address of the form HOST:PORT");
    u = calloc(1, sizeof(*u));
    must(u != NULL, "out of memory");
    u->fd = fd;
    *out = u;
    return OK;
}

/* --- taking ---------------------------------------------------------------------------------- */

/* Waits a little, then takes what is there, up to a batch. */
static int take(struct syslog_udp *u)
{
    struct pollfd p = {.fd = u->fd, .events = POLLIN};
    int n;

    if (poll(&p, 1, WAIT_MS) <= 0)
        return 0;
    for (int i = 0; i < BATCH; i++) {
        u->vectors[i] = (struct iovec){u->bytes + (size_t)i * DATAGRAM_MAX, DATAGRAM_MAX};
        u->headers[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &u->from[i],
                                                     .msg_namelen = sizeof(u->from[i]),
                                                     .msg_iov = &u->vectors[i],
                                                     .msg_iovlen = 1}};
    }
    n = recvmmsg(u->fd, u->headers, BATCH, MSG_DONTWAIT, NULL);
    return n > 0 ? n : 0;
}

static bool same_sender(const struct syslog_udp *u, int a, int b)
{
    return u->headers[a].msg_hdr.msg_namelen == u->headers[b].msg_hdr.msg_namelen &&
           memcmp(&u->from[a], &u->from[b], u->headers[a].msg_hdr.msg_namelen) == 0;
}

static struct str address_of(struct arena *a, const struct syslog_udp *u, int i)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getnameinfo((const struct sockaddr *)&u->from[i], u->headers[i].msg_hdr.msg_namelen, host,
                    sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return STR("unknown");
    return str_printf(a, strchr(host, ':') ? "[%s]:%s udp" : "%s:%s udp", host, port);
}

/* --- storing --------------------------------------------------------------------------------- */

/* What one sender sent: a request of its own in the log. */
static enum status store(struct syslog_udp *u, struct arena *a, int from, int to,
                         struct errors *err)
{
    struct audit_context c = {
        .transaction = "ITI-20",
        .kind = {"110107", 'C'},
        .request = uuid_v7(),
        .at_us = clock_now_us(),
        .role = STR("system"),
        .peer = address_of(a, u, from),
        .endpoint = u->hub->endpoint,
    };
    struct syslog_receipt *receipts = ARENA_ARRAY(a, (size_t)(to - from), struct syslog_receipt);
    struct audit_list rows = {0};

    for (int i = from; i < to; i++)
        receipts[i - from] = (struct syslog_receipt){
            .bytes = str_of(u->vectors[i].iov_base, u->headers[i].msg_len),
            .cut = true, /* it may be: what does not parse was, most likely */
        };
    TRY(audit_repository_take(u->db, a, receipts, (size_t)(to - from), &rows));
    return audit_queue(u->db, a, &c, &rows, err);
}

static enum status store_all(struct syslog_udp *u, struct arena *a, int n)
{
    struct errors err;
    int from = 0;

    errors_init(&err, a);
    db_attach(u->db, a, &err, clock_monotonic_us() + DATABASE_SECONDS * US_PER_SECOND);
    db_begin(u->db, READ_COMMITTED);
    for (int to = 1; to <= n; to++)
        if (to == n || !same_sender(u, from, to)) {
            TRY(store(u, a, from, to, &err));
            from = to;
        }
    return db_commit(u->db);
}

/* UDP senders hear nothing, so it is tried again while the socket's buffer holds what comes. */
static void keep(struct syslog_udp *u, int n)
{
    enum status s = INTERNAL;
    struct arena a;

    arena_init(&a);
    for (int i = 0; i < ATTEMPTS && s != OK; i++) {
        if (i > 0)
            usleep((useconds_t)(20000 << i));
        s = store_all(u, &a, n);
        if (s != OK)
            db_rollback(u->db);
        arena_reset(&a);
    }
    if (s != OK)
        log_error("syslog_udp_lost", "messages=%d status=%s", n, status_name(s));
    arena_dispose(&a);
}

static void *run(void *p)
{
    struct syslog_udp *u = p;
    int n;

    do {
        while ((n = take(u)) > 0)
            keep(u, n);
    } while (!atomic_load(&u->stopping));
    return NULL;
}

enum status syslog_udp_start(struct syslog_udp *u, struct hub *hub, struct errors *err)
{
    u->hub = hub;
    u->bytes = malloc((size_t)BATCH * DATAGRAM_MAX);
    must(u->bytes != NULL, "out of memory");
    u->db = db_open(hub->config->database, "causeway syslog udp", err);
    if (u->db == NULL)
        return err->status;
    must(pthread_create(&u->thread, NULL, run, u) == 0, "no thread for syslog over UDP");
    u->running = true;
    return OK;
}

void syslog_udp_stop(struct syslog_udp *u)
{
    if (u == NULL)
        return;
    atomic_store(&u->stopping, true);
    if (u->running)
        pthread_join(u->thread, NULL);
    db_close(u->db);
    close(u->fd);
    free(u->bytes);
    free(u);
}
