#include "hub/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Upper bounds of the request histogram, microseconds; one more bucket takes the rest. */
static const int64_t bounds[] = {1000,   2500,   5000,    10000,   25000,   50000,
                                 100000, 250000, 1000000, 2500000, 10000000};
static const char *const bound_names[] = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                                          "0.1",   "0.25",   "1",     "2.5",  "10"};

enum { BUCKETS = sizeof(bounds) / sizeof(bounds[0]), SERIES_MAX = 64, NAME_MAX_LENGTH = 32 };

/* One (transaction, outcome): names are copied, so that the table owns them. */
struct series {
    char transaction[NAME_MAX_LENGTH], outcome[NAME_MAX_LENGTH];
    uint64_t buckets[BUCKETS + 1], count, duration_us, flushes, flushes_most;
};

static const struct {
    const char *name, *help;
} counter_table[METRIC_COUNT] = {
#define X(name, help) {#name, help},
    METRIC_COUNTERS(X)
#undef X
};

static _Atomic uint64_t counters[METRIC_COUNT];
static pthread_mutex_t series_lock = PTHREAD_MUTEX_INITIALIZER;
static struct series series[SERIES_MAX];
static size_t series_count;

static _Thread_local bool holds;
static _Thread_local uint64_t held[METRIC_COUNT];

void metrics_hold(void)
{
    holds = true;
    memset(held, 0, sizeof(held));
}

void metrics_release(bool counts)
{
    holds = false;
    for (int m = 0; m < METRIC_COUNT && counts; m++)
        if (held[m] > 0)
            metric_add((enum metric)m, held[m]);
}

void metric_add(enum metric m, uint64_t n)
{
    if (holds) {
        held[m] += n;
        return;
    }
    atomic_fetch_add_explicit(&counters[m], n, memory_order_relaxed);
}

/* Both names come from tables of ours, never from a client, so the series are few. */
static struct series *find_series(const char *transaction, const char *outcome)
{
    struct series *s;

    for (size_t i = 0; i < series_count; i++)
        if (strcmp(series[i].transaction, transaction) == 0 &&
            strcmp(series[i].outcome, outcome) == 0)
            return &series[i];
    if (series_count == SERIES_MAX)
        return NULL;
    s = &series[series_count++];
    strncpy(s->transaction, transaction, NAME_MAX_LENGTH - 1);
    strncpy(s->outcome, outcome, NAME_MAX_LENGTH - 1);
    return s;
}

void metric_request(const char *transaction, const char *outcome, int64_t duration_us,
                    uint64_t flushes)
{
    struct series *s;
    size_t bucket = 0;

    while (bucket < BUCKETS && duration_us > bounds[bucket])
        bucket++;
    pthread_mutex_lock(&series_lock);
    s = find_series(transaction, outcome);
    if (s != NULL) {
        s->buckets[bucket]++;
        s->count++;
        s->duration_us += (uint64_t)duration_us;
        s->flushes += flushes;
        if (flushes > s->flushes_most)
            s->flushes_most = flushes;
    }
    pthread_mutex_unlock(&series_lock);
}

static void write_histogram(struct strbuf *b, const struct series *s)
{
    uint64_t below = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        below += s->buckets[i];
        strbuf_addf(b,
                    "causeway_request_seconds_bucket{transaction=\"%s\",outcome=\"%s\",le=\"%s\"} "
                    "%" PRIu64 "\n",
                    s->transaction, s->outcome, bound_names[i], below);
    }
    strbuf_addf(b,
                "causeway_request_seconds_bucket{transaction=\"%s\",outcome=\"%s\",le=\"+Inf\"} "
                "%" PRIu64 "\n",
                s->transaction, s->outcome, s->count);
    strbuf_addf(b, "causeway_request_seconds_sum{transaction=\"%s\",outcome=\"%s\"} %.6f\n",
                s->transaction, s->outcome, (double)s->duration_us / 1e6);
    strbuf_addf(b,
                "causeway_request_seconds_count{transaction=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
                s->transaction, s->outcome, s->count);
}

static void write_family(struct strbuf *b, const char *name, const char *type, const char *help)
{
    strbuf_addf(b, "# HELP causeway_%s %s\n# TYPE causeway_%s %s\n", name, help, name, type);
}

static void write_flushes(struct strbuf *b, const char *name, const struct series *s,
                          uint64_t value)
{
    strbuf_addf(b, "causeway_%s{transaction=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", name,
                s->transaction, s->outcome, value);
}

static void write_requests(struct strbuf *b)
{
    write_family(b, "request_seconds", "histogram", "Seconds from the first byte to the answer");
    for (size_t i = 0; i < series_count; i++)
        write_histogram(b, &series[i]);
    write_family(b, "request_flushes_total", "counter", "Round trips to the database");
    for (size_t i = 0; i < series_count; i++)
        write_flushes(b, "request_flushes_total", &series[i], series[i].flushes);
    write_family(b, "request_flushes_most", "gauge", "Most round trips that one request took");
    for (size_t i = 0; i < series_count; i++)
        write_flushes(b, "request_flushes_most", &series[i], series[i].flushes_most);
}

void metrics_write(struct strbuf *b)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        write_family(b, counter_table[i].name, "counter", counter_table[i].help);
        strbuf_addf(b, "causeway_%s %" PRIu64 "\n", counter_table[i].name,
                    (uint64_t)atomic_load(&counters[i]));
    }
    pthread_mutex_lock(&series_lock);
    write_requests(b);
    pthread_mutex_unlock(&series_lock);
}
