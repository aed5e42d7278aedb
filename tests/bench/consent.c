/* The consent engine by itself.
 *
 *     bench_consent decide RULES SECONDS     decisions a second of one core, of processor time
 *     bench_consent memory CONNINFO PERSONS  reads the policies of persons 1 to PERSONS from the
 *                                            database into an empty cache; what that takes
 *
 * `memory` wants the rows of tests/bench/consent.sql. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "consent/policy_cache.h"
#include "hub/base/clock.h"

enum { RULES_MAX = 500, CANDIDATES = 200, BATCH = 50 };

static const struct str labels[] = {STR("SUD"), STR("HIV"), STR("MH"), STR("N")};
static const struct str classes[] = {STR("34133-9"), STR("11488-4"), STR("18842-5")};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_consent: %s\n", what);
    exit(2);
}

static double processor_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- decisions -------------------------------------------------------------------------------- */

struct document {
    struct coded class_code, label;
    int64_t created_us;
};

static bool document_value(const void *about, enum consent_attribute what, size_t i,
                           struct coded *out)
{
    const struct document *d = about;

    if (i > 0 || (what != CONSENT_CLASS && what != CONSENT_LABEL))
        return false;
    *out = what == CONSENT_CLASS ? d->class_code : d->label;
    return true;
}

static bool document_interval(const void *about, enum consent_attribute what, int64_t *from_us,
                              int64_t *until_us)
{
    const struct document *d = about;

    *from_us = d->created_us;
    *until_us = d->created_us + 1;
    return what == CONSENT_CREATED;
}

/* No two exceptions alike; of each a label, a class and a time, so that most look at the object. */
static const struct consent_rule *rules_of(struct arena *a, size_t count)
{
    struct consent_rule *root = ARENA_NEW(a, struct consent_rule);
    struct consent_rule *exceptions = ARENA_ARRAY(a, count - 1, struct consent_rule);

    for (size_t i = 0; i + 1 < count; i++) {
        struct consent_condition *c = ARENA_ARRAY(a, 3, struct consent_condition);
        struct coded *values = ARENA_ARRAY(a, 2, struct coded);

        values[0] = (struct coded){labels[i % 3], STR("")};
        values[1] = (struct coded){classes[i % 3], STR("2.16.840.1.113883.6.1")};
        c[0] = (struct consent_condition){.what = CONSENT_LABEL, .values = &values[0], .count = 1};
        c[1] = (struct consent_condition){.what = CONSENT_CLASS, .values = &values[1], .count = 1};
        c[2] = (struct consent_condition){.what = CONSENT_CREATED,
                                          .from_us = (int64_t)i * 1000,
                                          .until_us = (int64_t)i * 1000 + 500};
        exceptions[i] =
            (struct consent_rule){.effect = CONSENT_DENY, .conditions = c, .condition_count = 3};
    }
    *root = (struct consent_rule){.effect = CONSENT_PERMIT,
                                  .exceptions = exceptions,
                                  .exception_count = count - 1};
    return root;
}

static void decide(size_t rules, double seconds)
{
    static const struct member asker = {.id = 1, .name = STR("north")};
    static const struct consent_agreement region = {.valid_from_us = INT64_MIN,
                                                    .valid_until_us = INT64_MAX};
    static const struct consent_domain domain = {.standard = {CONSENT_PERMIT, 1},
                                                 .agreements = &region,
                                                 .agreement_count = 1};
    static const struct consent_reader reader = {document_value, document_interval};
    struct document documents[CANDIDATES];
    struct person_ref ref = {1, 1};
    struct person person = {.ref = ref, .constituents = &ref, .constituent_count = 1};
    struct principal principal = {.member = &asker,
                                  .purpose = {STR("TREAT"), STR("2.16.840.1.113883.5.8")}};
    uint64_t decided = 0, permitted = 0;
    struct arena a;
    double begun;

    arena_init(&a);
    for (size_t i = 0; i < CANDIDATES; i++)
        documents[i] = (struct document){{classes[i % 3], STR("2.16.840.1.113883.6.1")},
                                         {labels[i % 4], STR("")},
                                         (int64_t)(i * 7 % 40) * 1000};
    struct consent_policy policy = {.person = ref,
                                    .version = 1,
                                    .effect = CONSENT_PERMIT,
                                    .valid_from_us = INT64_MIN,
                                    .valid_until_us = INT64_MAX,
                                    .rules = rules_of(&a, rules)};
    struct consent_policies policies = {.readable = true,
                                        .domain = &domain,
                                        .persons = &ref,
                                        .person_count = 1,
                                        .items = &policy,
                                        .count = 1};

    begun = processor_seconds();
    while (processor_seconds() - begun < seconds) {
        struct arena query; /* each query settles its asker anew */

        arena_init(&query);
        consent_focus(&query, &principal, 1, &policies);
        for (size_t i = 0; i < CANDIDATES; i++) {
            struct consent_object object = {.person = &person,
                                            .source_member = 2,
                                            .kind = CONSENT_ENTRY,
                                            .reader = &reader,
                                            .about = &documents[i]};

            permitted += consent_decide(&principal, &object, 1, &policies).effect == CONSENT_PERMIT;
        }
        decided += CANDIDATES;
        arena_dispose(&query);
    }
    if (permitted == 0 || (rules > 1 && permitted == decided))
        die("the rules decide nothing");
    printf("{\"per_second\": %.0f}\n", (double)decided / (processor_seconds() - begun));
    arena_dispose(&a);
}

/* --- memory ----------------------------------------------------------------------------------- */

static long resident_kb(void)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");

    if (f == NULL)
        die("no /proc");
    while (fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "VmRSS: %ld kB", &kb) == 1)
            break;
    fclose(f);
    return kb;
}

/* A snapshot as a disclosing request has it: what it reads is kept. */
static void read_batch(struct db *db, int64_t first, int64_t last)
{
    static const struct transaction disclosing = {.isolation = REPEATABLE_READ};
    struct person_ref persons[BATCH];
    struct consent_policies policies;
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    db_attach(db, &a, &err, clock_monotonic_us() + 60 * US_PER_SECOND);
    struct request rq = {.magic = REQUEST_MAGIC,
                         .arena = &a,
                         .err = &err,
                         .db = db,
                         .transaction = &disclosing,
                         .now_us = clock_now_us()};
    for (int64_t n = first; n < last; n++)
        persons[n - first] = (struct person_ref){n, n};
    db_begin(db, REPEATABLE_READ);
    consent_queue(&rq, persons, (size_t)(last - first), &policies);
    if (db_flush(db) != OK || consent_read(&rq, &policies) != OK || policies.count == 0)
        die(err.first != NULL ? str_dup(&a, err.first->text).p : "no policies came");
    db_rollback(db);
    arena_dispose(&a);
}

static void memory(const char *conninfo, int64_t persons)
{
    struct keep_size size;
    struct arena a;
    struct errors err;
    struct db *db;
    long before;

    arena_init(&a);
    errors_init(&err, &a);
    consent_cache_init((size_t)1 << 40);
    db = db_open(conninfo, "bench_consent", &err);
    if (db == NULL)
        die("the database does not answer");
    before = resident_kb();
    int64_t begun = clock_monotonic_us();

    for (int64_t n = 1; n <= persons; n += BATCH)
        read_batch(db, n, n + BATCH <= persons ? n + BATCH : persons + 1);
    size = consent_cache_measure();
    printf("{\"persons\": %zu, \"cache_mb\": %.1f, \"resident_mb\": %.1f, \"seconds\": %.1f}\n",
           size.count, (double)size.bytes / 1e6, (double)(resident_kb() - before) / 1e3,
           (double)(clock_monotonic_us() - begun) / 1e6);
    db_close(db);
    arena_dispose(&a);
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        die("libsodium");
    if (argc == 4 && strcmp(argv[1], "decide") == 0 && atoi(argv[2]) > 0 &&
        atoi(argv[2]) <= RULES_MAX)
        decide((size_t)atoi(argv[2]), atof(argv[3]));
    else if (argc == 4 && strcmp(argv[1], "memory") == 0)
        memory(argv[2], atoll(argv[3]));
    else
        die("decide RULES SECONDS, or memory CONNINFO PERSONS");
    return 0;
}
