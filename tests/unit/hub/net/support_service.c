#include "tests/unit/hub/net/support_service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"

enum { CERTIFICATES = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct service_record record;
static struct exchange *queue;
static bool suspended, ending;
static unsigned char certificates[CERTIFICATES][32]; /* as they came */
static int certificate_count;
static pthread_t worker;

/* ---- sources ---- */

struct pattern {
    struct byte_source source;
    uint64_t left, fails_at;
};

static enum status pattern_read(struct byte_source *s, void *to, size_t size, size_t *n)
{
    struct pattern *p = (struct pattern *)s;

    if (p->left <= p->fails_at)
        return UPSTREAM;
    *n = p->left - p->fails_at < size ? (size_t)(p->left - p->fails_at) : size;
    if (*n > 5000)
        *n = 5000;
    memset(to, 'x', *n);
    p->left -= *n;
    return OK;
}

static enum status pattern_read_to_end(struct byte_source *s, void *to, size_t size, size_t *n)
{
    *n = 0;
    return ((struct pattern *)s)->left > 0 ? pattern_read(s, to, size, n) : OK;
}

static struct byte_source *pattern(struct arena *a, uint64_t size, uint64_t fails_at, bool known)
{
    struct pattern *p = ARENA_NEW(a, struct pattern);

    p->source.read = fails_at > 0 ? pattern_read : pattern_read_to_end;
    p->source.length = known ? size : LENGTH_UNKNOWN;
    p->left = size;
    p->fails_at = fails_at;
    return &p->source;
}

/* ---- handlers ---- */

static uint64_t wanted_size(const struct exchange *ex)
{
    uint64_t n = 0;

    str_to_u64(ex->head.query, &n);
    return n;
}

static void echo(struct exchange *ex)
{
    struct strbuf b = strbuf_on(&ex->arena, 64);

    for (const struct part *p = ex->body.parts; p != NULL; p = p->next)
        strbuf_addf(&b, "%llu%s ", (unsigned long long)p->size, p == ex->body.root ? "*" : "");
    reply_add(&ex->reply, ex->body.parts != NULL ? strbuf_str(&b) : ex->body.bytes);
}

static void big(struct exchange *ex)
{
    uint64_t n = wanted_size(ex);
    char *p = arena_alloc(&ex->arena, n + 1);

    memset(p, 'x', n);
    reply_add(&ex->reply, STR("head "));
    reply_add(&ex->reply, str_of(p, n));
    reply_add(&ex->reply, STR(" tail"));
}

static void source(struct exchange *ex)
{
    reply_add(&ex->reply, STR("head "));
    reply_add_source(&ex->reply, pattern(&ex->arena, wanted_size(ex), 0, true));
    reply_add(&ex->reply, STR(" tail"));
}

static void unknown(struct exchange *ex)
{
    reply_add_source(&ex->reply, pattern(&ex->arena, wanted_size(ex), 0, false));
    reply_add(&ex->reply, STR(" tail"));
}

static void broken(struct exchange *ex)
{
    uint64_t n = wanted_size(ex);

    reply_add_source(&ex->reply, pattern(&ex->arena, n, n / 2, true));
}

static void slow(struct exchange *ex)
{
    int64_t until = clock_monotonic_us() + 3 * US_PER_SECOND;

    while (clock_monotonic_us() < until && !atomic_load(&ex->cancelled))
        usleep(5000);
    if (atomic_load(&ex->cancelled)) {
        pthread_mutex_lock(&lock);
        record.cancelled++;
        pthread_mutex_unlock(&lock);
    }
    reply_add(&ex->reply, STR("slow"));
}

static void rest(struct exchange *ex)
{
    ex->rest_us = 3 * US_PER_SECOND;
    reply_add(&ex->reply, STR("rest"));
}

static const struct route {
    const char *path;
    void (*handle)(struct exchange *ex);
} routes[] = {
    {"/echo", echo},     {"/big", big},   {"/source", source}, {"/unknown", unknown},
    {"/broken", broken}, {"/slow", slow}, {"/rest", rest},
};

static void handle(struct exchange *ex)
{
    const struct route *r = ex->route;

    if (ex->wire == WIRE_HTTP) {
        r->handle(ex);
        return;
    }
    reply_add(&ex->reply, STR("ACK "));
    reply_add(&ex->reply, ex->body.bytes);
}

static void *work(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    while (!ending || queue != NULL) {
        struct exchange *ex = queue;

        if (ex == NULL) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        queue = ex->next;
        pthread_mutex_unlock(&lock);
        handle(ex);
        net_reply(ex);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* ---- the callbacks ---- */

/* 7, 8, ...: a certificate is a member. The lock is held. */
static int64_t member_of(const struct peer *peer)
{
    int n = 0;

    while (n < certificate_count && memcmp(certificates[n], peer->fingerprint, 32) != 0)
        n++;
    if (n == certificate_count && n < CERTIFICATES)
        memcpy(certificates[certificate_count++], peer->fingerprint, 32);
    return 7 + n;
}

static bool admit(void *context, struct peer *peer)
{
    bool yes;

    (void)context;
    pthread_mutex_lock(&lock);
    record.asked++;
    yes = !suspended;
    peer->member_id = member_of(peer);
    record.last_peer = *peer;
    pthread_mutex_unlock(&lock);
    return yes;
}

static void refused(void *context, const struct peer *peer, const char *reason)
{
    (void)context, (void)peer;
    pthread_mutex_lock(&lock);
    record.refused++;
    snprintf(record.last_refusal, sizeof(record.last_refusal), "%s", reason);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int accept_head(void *context, struct exchange *ex)
{
    (void)context;
    ex->max_body = 1 << 20;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (str_eq(ex->head.path, str_from(routes[i].path)))
            ex->route = &routes[i];
    if (str_eq(ex->head.method, STR("DELETE"))) {
        reply_field(&ex->reply, STR("Allow"), STR("GET, POST"));
        return 405;
    }
    return ex->route != NULL ? 0 : 404;
}

static void submit(void *context, struct exchange *ex)
{
    struct exchange **end = &queue;

    (void)context;
    pthread_mutex_lock(&lock);
    while (*end != NULL)
        end = &(*end)->next;
    ex->next = NULL;
    *end = ex;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void finished(void *context, struct exchange *ex, enum answer_end end, uint64_t bytes)
{
    (void)context, (void)bytes;
    pthread_mutex_lock(&lock);
    record.finished++;
    record.sent += end == ANSWER_SENT;
    record.gone += end == ANSWER_GONE;
    record.broken += end == ANSWER_BROKEN;
    record.last_status = ex->reply.http_status;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

struct net_service service_begin(void)
{
    record = (struct service_record){0};
    suspended = ending = false;
    certificate_count = 0;
    pthread_create(&worker, NULL, work, NULL);
    return (struct net_service){NULL, admit, refused, accept_head, submit, finished};
}

void service_end(void)
{
    pthread_mutex_lock(&lock);
    ending = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(worker, NULL);
}

struct service_record service_record(void)
{
    struct service_record r;

    pthread_mutex_lock(&lock);
    r = record;
    pthread_mutex_unlock(&lock);
    return r;
}

void service_suspend(bool all)
{
    pthread_mutex_lock(&lock);
    suspended = all;
    pthread_mutex_unlock(&lock);
}

struct service_record service_await(int wanted)
{
    for (int i = 0; i < 12000 && service_record().finished < wanted; i++)
        usleep(5000);
    return service_record();
}
