/* The load client: keep-alive connections over mutual TLS, each a thread that sends a prepared
 * request and reads the answer, again and again. Prints one JSON object. It knows HTTP framing and
 * nothing of our encoders, so that the hub and nginx are driven by the same hands.
 *
 * A request file holds the raw bytes of one HTTP request, or of one HL7 v2 message with --mllp.
 * Every run of MARKER in it is replaced by a number that no other request of the run has, so that
 * unique ids stay unique. With --pace requests start at their times, and latency counts from there:
 * what waits for the one before it has waited. A stream holds many framed messages, each of which
 * is sent once. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

#define MARKER "7777777777777777"

enum { MARKER_LENGTH = 16, LATENCIES_MAX = 1 << 20, BUFFER = 1 << 18 };

enum mode { REQUESTS, HANDSHAKES, IDLE };

static struct {
    const char *host, *from; /* from: an address of ours, or NULL */
    int port, connections;
    double seconds;
    uint64_t count; /* requests of the whole run; 0: until the time is over */
    enum mode mode;
    const char *cert, *key, *ca, *expect;
    struct str *requests;
    size_t request_count, request_room;
    bool literal; /* no markers: the file may be huge */
    bool mllp, stream;
    bool flood;  /* whatever is answered, and however it ends: go on */
    double pace; /* requests a second of all connections together; 0: as fast as answered */
} opt = {.connections = 16, .seconds = 5};

static SSL_CTX *tls;
static atomic_uint_fast64_t sequence, left;
static uint64_t first_number;
static int64_t deadline_us;

struct client {
    pthread_t thread;
    int fd;
    SSL *ssl;
    char *buffer;
    int number;
    int64_t turn_us;
    uint64_t done, failed, bytes;
    uint32_t *latencies_us;
    size_t latency_count;
    char first_error[256];
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(2);
}

static void note_error(struct client *c, const char *what)
{
    c->failed++;
    if (c->first_error[0] == '\0')
        snprintf(c->first_error, sizeof(c->first_error), "%s", what);
}

static bool client_open(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int on = 1;

    if (inet_pton(AF_INET, opt.host, &to.sin_addr) != 1)
        die(opt.host);
    if (opt.from != NULL && inet_pton(AF_INET, opt.from, &from.sin_addr) != 1)
        die(opt.from);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        (opt.from != NULL && bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0) ||
        connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->ssl = SSL_new(tls);
    return c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1;
}

static void client_close(struct client *c)
{
    if (c->ssl != NULL) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        c->ssl = NULL;
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static bool send_all(struct client *c, const char *p, size_t n)
{
    while (n > 0) {
        int sent = SSL_write(c->ssl, p, n > (1 << 20) ? 1 << 20 : (int)n);

        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Bytes of the body still to come after a complete head, or -1 while there is none. */
static int64_t body_left(const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4), *field;

    if (end == NULL)
        return -1;
    field = memmem(p, (size_t)(end - p), "Content-Length: ", 16);
    return (field ? strtoll(field + 16, NULL, 10) : 0) - (p + n - (end + 4));
}

/* Reads one answer. The first bytes stay in the buffer, the rest is counted and dropped. */
static bool read_answer(struct client *c)
{
    size_t n = 0;
    int64_t remaining = -1;
    int got;

    while (remaining < 0) {
        got = SSL_read(c->ssl, c->buffer + n, (int)(BUFFER - n));
        if (got <= 0)
            return false;
        n += (size_t)got;
        remaining = body_left(c->buffer, n);
        if (remaining < 0 && n == BUFFER)
            return false;
    }
    c->bytes += n + (uint64_t)remaining;
    if (!opt.flood && memcmp(c->buffer, "HTTP/1.1 200", 12) != 0)
        return false;
    if (opt.expect != NULL) { /* what is expected stands near the start */
        while (remaining > 0 && n < 16384 &&
               (got = SSL_read(c->ssl, c->buffer + n, (int)(BUFFER - n))) > 0)
            n += (size_t)got, remaining -= got;
        if (memmem(c->buffer, n, opt.expect, strlen(opt.expect)) == NULL)
            return false;
    }
    while (remaining > 0) {
        got = SSL_read(c->ssl, c->buffer, BUFFER);
        if (got <= 0)
            return false;
        remaining -= got;
    }
    return true;
}

/* One framed message; what is expected stands in its first bytes. */
static bool read_frame(struct client *c)
{
    size_t n = 0;
    int got;

    while (n < 2 || memcmp(c->buffer + n - 2, "\x1c\r", 2) != 0) {
        if (n == BUFFER || (got = SSL_read(c->ssl, c->buffer + n, (int)(BUFFER - n))) <= 0)
            return false;
        n += (size_t)got;
    }
    c->buffer[n] = '\0';
    c->bytes += n;
    return opt.expect == NULL || memmem(c->buffer, n, opt.expect, strlen(opt.expect)) != NULL;
}

static void number_request(char *p, size_t n, uint64_t number)
{
    char digits[MARKER_LENGTH + 1];
    char *at = p;

    snprintf(digits, sizeof(digits), "%016llu", (unsigned long long)number);
    while ((at = memmem(at, n - (size_t)(at - p), MARKER, MARKER_LENGTH)) != NULL) {
        memcpy(at, digits, MARKER_LENGTH);
        at += MARKER_LENGTH;
    }
}

/* Connections take turns; each has its own times. */
static void wait_for_turn(struct client *c)
{
    int64_t step = (int64_t)(US_PER_SECOND * opt.connections / opt.pace);
    int64_t now = clock_monotonic_us();

    c->turn_us = c->turn_us == 0 ? now + step * c->number / opt.connections : c->turn_us + step;
    if (c->turn_us > now)
        usleep((useconds_t)(c->turn_us - now));
}

static bool one_request(struct client *c, char *scratch)
{
    uint64_t number = atomic_fetch_add(&sequence, 1);
    struct str request = opt.requests[number % opt.request_count];
    const char *bytes = request.p;
    int64_t started;

    if (opt.pace > 0)
        wait_for_turn(c);
    if (opt.stream && number >= opt.request_count)
        return false;

    if (!opt.literal) {
        memcpy(scratch, request.p, request.n);
        number_request(scratch, request.n, first_number + number);
        bytes = scratch;
    }
    started = opt.pace > 0 ? c->turn_us : clock_monotonic_us();
    if (!send_all(c, bytes, request.n) || !(opt.mllp ? read_frame(c) : read_answer(c))) {
        note_error(c, c->buffer);
        return false;
    }
    if (c->latency_count < LATENCIES_MAX)
        c->latencies_us[c->latency_count++] = (uint32_t)(clock_monotonic_us() - started);
    c->done++;
    return true;
}

static bool more(void)
{
    if (opt.count > 0)
        return atomic_fetch_sub(&left, 1) - 1 < UINT64_MAX / 2;
    return clock_monotonic_us() < deadline_us;
}

static void run_requests(struct client *c)
{
    size_t largest = 0;
    char *scratch;

    for (size_t i = 0; i < opt.request_count; i++)
        largest = opt.requests[i].n > largest ? opt.requests[i].n : largest;
    scratch = opt.literal ? NULL : malloc(largest);
    do {
        if (!client_open(c))
            note_error(c, "connect");
        else
            while (more() && one_request(c, scratch))
                ;
        client_close(c);
    } while (opt.flood && more());
    free(scratch);
}

static void run_handshakes(struct client *c)
{
    while (more()) {
        int64_t started = clock_monotonic_us();
        char byte;

        if (!client_open(c)) {
            note_error(c, "handshake");
            client_close(c);
            if (!opt.flood)
                return;
            continue;
        }
        /* The server's last word: with TLS 1.3 only this proves that it took our certificate. */
        if (!send_all(c, opt.requests[0].p, opt.requests[0].n) || SSL_read(c->ssl, &byte, 1) != 1)
            note_error(c, "no answer after the handshake");
        else
            c->done++;
        client_close(c);
        if (c->latency_count < LATENCIES_MAX)
            c->latencies_us[c->latency_count++] = (uint32_t)(clock_monotonic_us() - started);
    }
}

static void *run_client(void *p)
{
    struct client *c = p;

    c->fd = -1;
    c->buffer = calloc(1, BUFFER + 1);
    c->latencies_us = malloc(LATENCIES_MAX * sizeof(*c->latencies_us));
    if (c->buffer == NULL || c->latencies_us == NULL)
        die("memory");
    if (opt.mode == HANDSHAKES)
        run_handshakes(c);
    else
        run_requests(c);
    return NULL;
}

/* Opens the connections, sends one request on each, says so, and holds them until stdin closes. */
static int run_idle(void)
{
    struct client *all = calloc((size_t)opt.connections, sizeof(*all));
    char *buffer = calloc(1, BUFFER + 1);
    int opened = 0;

    while (opened < opt.connections) {
        struct client *c = &all[opened];

        c->buffer = buffer;
        if (!client_open(c) || !send_all(c, opt.requests[0].p, opt.requests[0].n) ||
            !read_answer(c))
            break;
        opened++;
    }
    printf("{\"open\": %d}\n", opened);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    for (int i = 0; i < opened; i++)
        client_close(&all[i]);
    free(all);
    free(buffer);
    return opened == opt.connections ? 0 : 1;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double percentile(const uint32_t *sorted, size_t n, double p)
{
    return n == 0 ? 0 : sorted[(size_t)((double)(n - 1) * p)] / 1000.0;
}

static int report(struct client *clients, double seconds)
{
    uint64_t done = 0, failed = 0, bytes = 0;
    size_t n = 0, at = 0;
    const char *error = "";
    uint32_t *all;

    for (int i = 0; i < opt.connections; i++) {
        done += clients[i].done;
        failed += clients[i].failed;
        bytes += clients[i].bytes;
        n += clients[i].latency_count;
        if (clients[i].first_error[0] != '\0')
            error = clients[i].first_error;
    }
    all = malloc((n + 1) * sizeof(*all));
    for (int i = 0; i < opt.connections; i++) {
        memcpy(all + at, clients[i].latencies_us, clients[i].latency_count * sizeof(*all));
        at += clients[i].latency_count;
    }
    qsort(all, n, sizeof(*all), by_value);
    printf("{\"done\": %llu, \"failed\": %llu, \"seconds\": %.3f, \"per_second\": %.2f, "
           "\"bytes\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (unsigned long long)done, (unsigned long long)failed, seconds, (double)done / seconds,
           (unsigned long long)bytes, percentile(all, n, 0.50), percentile(all, n, 0.99));
    if (failed > 0)
        fprintf(stderr, "load: first failure: %.256s\n", error);
    free(all);
    return failed > 0 ? 1 : 0;
}

static int run_load(void)
{
    struct client *clients = calloc((size_t)opt.connections, sizeof(*clients));
    int64_t started = clock_monotonic_us();
    int status;

    deadline_us = started + (int64_t)(opt.seconds * US_PER_SECOND);
    atomic_store(&left, opt.count);
    first_number = (uint64_t)clock_now_us(); /* 16 digits until the year 2286 */
    for (int i = 0; i < opt.connections; i++) {
        clients[i].number = i;
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
            die("thread");
    }
    for (int i = 0; i < opt.connections; i++)
        pthread_join(clients[i].thread, NULL);
    status = report(clients, (double)(clock_monotonic_us() - started) / US_PER_SECOND);
    free(clients);
    return status;
}

static struct str map_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *p;

    if (fd < 0 || fstat(fd, &st) != 0)
        die(path);
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        die(path);
    close(fd);
    return str_of(p, (size_t)st.st_size);
}

static void add_request(struct str request)
{
    if (opt.request_count == opt.request_room) {
        opt.request_room = opt.request_room > 0 ? 2 * opt.request_room : 64;
        opt.requests = realloc(opt.requests, opt.request_room * sizeof(*opt.requests));
        if (opt.requests == NULL)
            die("memory");
    }
    opt.requests[opt.request_count++] = request;
}

/* Each frame, its VT, FS and CR included. */
static void add_stream(const char *path)
{
    struct str rest = map_file(path);

    opt.stream = opt.literal = opt.mllp = true;
    while (rest.n > 0) {
        const char *end = memmem(rest.p, rest.n, "\x1c\r", 2);

        if (end == NULL)
            break;
        add_request(str_slice(rest, 0, (size_t)(end - rest.p) + 2));
        rest = str_slice(rest, (size_t)(end - rest.p) + 2, rest.n);
    }
}

static void set_up_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, opt.cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, opt.key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(tls, opt.ca, NULL) != 1)
        die("TLS settings");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
}

static int usage(int status)
{
    fputs("usage: bench_load --connect HOST:PORT --cert FILE --key FILE --ca FILE\n"
          "                  --request FILE... [--connections N] [--seconds S | --count N]\n"
          "                  [--expect TEXT] [--literal] [--handshakes | --idle] [--mllp]\n"
          "                  [--flood] [--pace PER_SECOND] [--from ADDRESS]\n"
          "       bench_load ... --stream FILE [--skip N]: framed messages, each sent once\n",
          status == 0 ? stdout : stderr);
    return status;
}

static void set_address(char *address)
{
    char *colon = strrchr(address, ':');

    if (colon == NULL)
        exit(usage(2));
    *colon = '\0';
    opt.host = address;
    opt.port = atoi(colon + 1);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"connect", 1, NULL, 'a'}, {"cert", 1, NULL, 'c'},    {"key", 1, NULL, 'k'},
        {"ca", 1, NULL, 'A'},      {"request", 1, NULL, 'r'}, {"connections", 1, NULL, 'n'},
        {"seconds", 1, NULL, 's'}, {"count", 1, NULL, 'N'},   {"expect", 1, NULL, 'e'},
        {"literal", 0, NULL, 'l'}, {"idle", 0, NULL, 'i'},    {"handshakes", 0, NULL, 'H'},
        {"mllp", 0, NULL, 'm'},    {"stream", 1, NULL, 'S'},  {"skip", 1, NULL, 'K'},
        {"flood", 0, NULL, 'f'},   {"pace", 1, NULL, 'p'},    {"from", 1, NULL, 'F'},
        {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0},
    };
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'a':
            set_address(optarg);
            break;
        case 'c':
            opt.cert = optarg;
            break;
        case 'k':
            opt.key = optarg;
            break;
        case 'A':
            opt.ca = optarg;
            break;
        case 'r':
            add_request(map_file(optarg));
            break;
        case 'm':
            opt.mllp = true;
            break;
        case 'S':
            add_stream(optarg);
            break;
        case 'K':
            atomic_store(&sequence, strtoull(optarg, NULL, 10));
            break;
        case 'n':
            opt.connections = atoi(optarg);
            break;
        case 's':
            opt.seconds = atof(optarg);
            break;
        case 'N':
            opt.count = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            opt.expect = optarg;
            break;
        case 'l':
            opt.literal = true;
            break;
        case 'f':
            opt.flood = true;
            break;
        case 'F':
            opt.from = optarg;
            break;
        case 'p':
            opt.pace = atof(optarg);
            break;
        case 'i':
            opt.mode = IDLE;
            break;
        case 'H':
            opt.mode = HANDSHAKES;
            break;
        default:
            return usage(o == 'h' ? 0 : 2);
        }
    }
    if (!opt.host || !opt.cert || !opt.key || !opt.ca || opt.request_count == 0)
        return usage(2);
    set_up_tls();
    return opt.mode == IDLE ? run_idle() : run_load();
}
