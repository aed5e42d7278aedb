/* Searches of the audit log one after the other, as `causeway audit search` makes them: a page
 * of 50. Prints one JSON object. The records are those of tests/bench/audit_records.sql.
 *
 *     bench_audit_search CONNINFO KIND RECORDS SECONDS
 *
 * KIND: patient, user, document, request, failure, member, time, or mix: each in turn. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/audit/audit.h"
#include "hub/audit/search.h"
#include "hub/base/hash.h"

enum { SAMPLES_MAX = 1 << 20 };

static uint64_t records;

static uint64_t any(uint64_t below)
{
    uint64_t n;

    randombytes_buf(&n, sizeof(n));
    return n % below;
}

static void by_patient(struct arena *a, struct audit_filter *f)
{
    f->patient = str_printf(a, "P%" PRIu64 "^^^&1.2.840.114350&ISO", any(records / 50 + 1));
}

static void by_user(struct arena *a, struct audit_filter *f)
{
    f->user = str_printf(a, "dr%" PRIu64, any(2500) * 2);
}

static void by_document(struct arena *a, struct audit_filter *f)
{
    f->document = str_printf(a, "1.2.3.%" PRIu64, any(records / 4) * 4);
}

static void by_request(struct arena *a, struct audit_filter *f)
{
    (void)a;
    f->by_request = true;
    randombytes_buf(&f->request, sizeof(f->request));
}

static void by_failure(struct arena *a, struct audit_filter *f)
{
    (void)a;
    f->failed = true;
    f->to_us = clock_now_us() - (int64_t)any(300) * 86400 * US_PER_SECOND;
}

static void by_member(struct arena *a, struct audit_filter *f)
{
    (void)a;
    f->member_id = (int64_t)any(40) + 1;
    f->to_us = clock_now_us() - (int64_t)any(300) * 86400 * US_PER_SECOND;
}

static void by_time(struct arena *a, struct audit_filter *f)
{
    (void)a;
    f->to_us = clock_now_us() - (int64_t)any(300) * 86400 * US_PER_SECOND;
}

static const struct {
    const char *name;
    void (*ask)(struct arena *a, struct audit_filter *f);
} kinds[] = {
    {"patient", by_patient}, {"user", by_user},       {"document", by_document},
    {"request", by_request}, {"failure", by_failure}, {"member", by_member},
    {"time", by_time},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static int kind_named(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return i;
    return -1;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const unsigned char key[32];
    static int64_t took[SAMPLES_MAX];
    struct audit_found found;
    struct errors err;
    struct arena a;
    struct db *db;
    size_t n = 0, shown = 0;
    int64_t begun, until;
    int kind;

    if (argc != 5 || sodium_init() < 0)
        return 2;
    arena_init(&a);
    errors_init(&err, &a);
    audit_init(key);
    kind = kind_named(argv[2]);
    records = strtoull(argv[3], NULL, 10);
    db = db_open(argv[1], "bench audit_search", &err);
    begun = clock_monotonic_us();
    until = begun + (int64_t)(strtod(argv[4], NULL) * 1e6);
    while (db != NULL && n < SAMPLES_MAX && clock_monotonic_us() < until) {
        struct audit_filter f = {.from_us = INT64_MIN, .to_us = INT64_MAX, .limit = 50};
        int64_t from = clock_monotonic_us();

        db_attach(db, &a, &err, 0);
        kinds[kind >= 0 ? (size_t)kind : n % KINDS].ask(&a, &f);
        if (audit_search(db, &a, &f, &found) != OK)
            break;
        took[n++] = clock_monotonic_us() - from;
        shown += found.count;
        arena_reset(&a);
    }
    if (db == NULL || err.first != NULL || n == 0) {
        fprintf(stderr, "bench_audit_search: %.*s\n", err.first ? (int)err.first->text.n : 0,
                err.first ? err.first->text.p : "");
        return 1;
    }
    qsort(took, n, sizeof(took[0]), compare);
    printf("{\"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"rows\": %.1f}\n",
           (double)n * 1e6 / (double)(clock_monotonic_us() - begun), (double)took[n / 2] / 1000,
           (double)took[n * 99 / 100] / 1000, (double)shown / (double)n);
    return 0;
}
