/* A year of changing policies, agreements, defaults, relations, emergencies and value sets:
 * whatever was decided then is decided again with --as-of. $CAUSEWAY_REPLAY_REQUESTS says how many
 * requests (6,000), $CAUSEWAY_REPLAY_SEED which year. */
#include <inttypes.h>

#include "consent/consent_store.h"
#include "consent/label_store.h"
#include "consent/people_store.h"
#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_consent"
#define BY       STR("replay")

#define DAY_US (INT64_C(86400) * US_PER_SECOND)

enum { MEMBERS = 4, PEOPLE = 60, CHANGES_A_STEP = 4, PEOPLE_A_STEP = 5, REQUESTS_A_READ = 20 };

/* --- chance ---------------------------------------------------------------------------------- */

/* SplitMix64. */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(draw(seed) % n);
}

#define PICK(seed, table) ((table)[below((seed), sizeof(table) / sizeof((table)[0]))])

static uint64_t number_given(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* --- the year -------------------------------------------------------------------------------- */

static const struct str users[] = {STR("a<ann@north>"), STR("b<bob@south>"), STR("c<cy@west>")};
static const struct str purposes[] = {STR("TREAT"), STR("HRESCH"), STR("CLINTRCH"), STR("BTG")};
static const struct str roles[] = {STR("nurse"), STR("physician"), STR("clerk")};
static const struct str classes[] = {STR("34133-9"), STR("11488-4"), STR("18842-5")};
static const struct str events[] = {STR("F10.20"), STR("B20"), STR("J45")};
static const struct str labels[] = {STR("SUD"), STR("HIV")};

static const char *const rules[] = {
    "{\"effect\":\"deny\",\"when\":[{\"is\":\"class\",\"any\":[[\"11488-4\",\"\"]]}]}",
    "{\"effect\":\"deny\",\"when\":[{\"is\":\"label\",\"any\":[[\"SUD\",\"\"]]}],"
    "\"overridable\":true}",
    "{\"effect\":\"deny\",\"overridable\":true}",
    "{\"effect\":\"deny\",\"when\":[{\"is\":\"purpose\",\"any\":[[\"HRESCH\","
    "\"2.16.840.1.113883.5.8\"]]}]}",
    "{\"effect\":\"permit\",\"when\":[{\"is\":\"label\",\"any\":[[\"SUD\",\"\"],[\"HIV\",\"\"]]}],"
    "\"obligations\":[\"no-redisclosure\"]}",
    "{\"effect\":\"permit\",\"except\":[{\"effect\":\"deny\",\"when\":[{\"is\":\"role\","
    "\"any\":[[\"clerk\",\"\"]]}]}]}",
    "{\"effect\":\"permit\",\"when\":[{\"is\":\"relation\",\"any\":[[\"CARETEAM\",\"\"]]}],"
    "\"obligations\":[\"read-only\",\"no-onward\"]}",
};

struct year {
    struct bench t;
    uint64_t seed;
    int64_t begin_us, now_us;
    struct member members[MEMBERS];
    struct person_ref refs[PEOPLE + 1]; /* a person is one of them, or two neighbours */
    struct uuid policies[2 * PEOPLE], relations[PEOPLE];
    size_t policy_count, relation_count;
};

static struct person person_at(struct year *y, size_t i)
{
    return (struct person){.ref = y->refs[i],
                           .constituents = &y->refs[i],
                           .constituent_count = 1 + i % 3 / 2};
}

static struct consent_change change_of(struct year *y, const struct person *p)
{
    return (struct consent_change){p->constituents, p->constituent_count, y->now_us, BY};
}

static void change_policy(struct year *y, struct arena *a)
{
    struct person p = person_at(y, below(&y->seed, PEOPLE));
    struct consent_change change = change_of(y, &p);
    struct consent_policy policy = {
        .id = uuid_v7(),
        .effect = below(&y->seed, 2) ? CONSENT_PERMIT : CONSENT_DENY,
        .member_id = (int64_t)below(&y->seed, MEMBERS + 1),
        .valid_from_us = below(&y->seed, 3) ? INT64_MIN : y->now_us + 3 * DAY_US,
        .valid_until_us = below(&y->seed, 3) ? INT64_MAX : y->now_us + 40 * DAY_US,
    };

    if (below(&y->seed, 3) > 0) {
        struct consent_rule *rule = ARENA_NEW(a, struct consent_rule);

        CU_ASSERT_EQUAL_FATAL(consent_rule_read(a, str_from(PICK(&y->seed, rules)), rule,
                                                &y->t.err),
                              OK);
        policy.rules = rule;
        policy.effect = rule->effect;
    }
    consent_store_add(y->t.db, a, &change, &policy);
    y->policies[y->policy_count++ % (2 * PEOPLE)] = policy.id;
}

/* Of whoever has it: others have nothing to end. */
static void revoke(struct year *y, struct arena *a)
{
    size_t known = y->policy_count < 2 * PEOPLE ? y->policy_count : 2 * PEOPLE;

    for (size_t i = 0; known > 0 && i < PEOPLE; i += 2) {
        struct person p = person_at(y, i);
        struct consent_change change = change_of(y, &p);

        consent_store_end(y->t.db, a, &change, y->policies[below(&y->seed, known)], NULL);
    }
}

static void change_default(struct year *y, struct arena *a)
{
    struct domain_change change = {y->now_us, BY};
    enum consent_effect effect = below(&y->seed, 2) ? CONSENT_PERMIT : CONSENT_DENY;
    struct rows *ended = ARENA_NEW(a, struct rows);

    switch (below(&y->seed, 4)) {
    case 0:
        consent_domain_default(y->t.db, &change, STR(""), effect);
        break;
    case 1:
        consent_domain_default(y->t.db, &change, PICK(&y->seed, labels), effect);
        break;
    case 2:
        consent_domain_duty(y->t.db, a, &change, PICK(&y->seed, labels),
                            (unsigned)below(&y->seed, 1u << CONSENT_OBLIGATION_COUNT), ended);
        break;
    default:
        consent_domain_default_end(y->t.db, &change, PICK(&y->seed, labels), ended);
    }
}

static void change_agreement(struct year *y, struct arena *a)
{
    static const struct str names[] = {STR("one"), STR("two"), STR("three")};
    struct domain_change change = {y->now_us, BY};
    int64_t *parties = ARENA_ARRAY(a, 2, int64_t);
    struct coded *purpose = ARENA_NEW(a, struct coded), *class = ARENA_NEW(a, struct coded);
    struct consent_agreement g = {.name = PICK(&y->seed, names),
                                  .parties = parties,
                                  .purposes = purpose,
                                  .purpose_count = below(&y->seed, 2),
                                  .classes = class,
                                  .class_count = below(&y->seed, 2),
                                  .valid_from_us = INT64_MIN,
                                  .valid_until_us = INT64_MAX};

    if (below(&y->seed, 4) == 0) {
        consent_domain_agreement_end(y->t.db, &change, g.name, ARENA_NEW(a, struct rows));
        return;
    }
    *purpose = (struct coded){.code = PICK(&y->seed, purposes)};
    *class = (struct coded){.code = PICK(&y->seed, classes)};
    parties[0] = 1 + (int64_t)below(&y->seed, MEMBERS);
    parties[1] = 1 + parties[0] % MEMBERS;
    g.party_count = below(&y->seed, 2) ? 2 : 0;
    consent_domain_agree(y->t.db, a, &change, &g, STR(""));
}

static void change_relation(struct year *y, struct arena *a)
{
    struct person p = person_at(y, below(&y->seed, PEOPLE));
    struct consent_change change = change_of(y, &p);
    struct consent_relation r = {.id = uuid_v7(),
                                 .user = PICK(&y->seed, users),
                                 .kind = (enum consent_relation_kind)below(&y->seed, 3),
                                 .by_minority = below(&y->seed, 2) == 0,
                                 .birth = 20100000 + (int32_t)below(&y->seed, 9) * 10000 + 615,
                                 .valid_from_us = INT64_MIN,
                                 .valid_until_us = INT64_MAX};

    r.by_minority = r.by_minority && r.kind == CONSENT_PROXY;
    if (y->relation_count > 0 && below(&y->seed, 2) == 0) {
        struct uuid old = y->relations[below(&y->seed, y->relation_count)];

        if (below(&y->seed, 2))
            people_relation_end(y->t.db, a, &change, old, ARENA_NEW(a, struct rows));
        else
            people_relation_take_back(y->t.db, a, &change, old, ARENA_NEW(a, struct rows));
        return;
    }
    if (y->relation_count == PEOPLE)
        return;
    people_relation_add(y->t.db, a, &change, &r, STR("paper"));
    y->relations[y->relation_count++] = r.id;
}

static void change_terms(struct year *y, struct arena *a)
{
    struct domain_change change = {y->now_us, BY};
    struct rows *ended = ARENA_NEW(a, struct rows);

    if (below(&y->seed, 2))
        people_age_set(y->t.db, &change, STR("majority"), STR(""), 12 + (int)below(&y->seed, 9),
                       ended);
    else
        people_terms_set(y->t.db, &change, STR("BTG"), (int)below(&y->seed, 3) * 60, 24, ended);
}

/* Nobody's lives longer than a day: what opened an emergency is remembered for so long. */
static struct str assertion_of(struct arena *a, int64_t at_us)
{
    return str_printf(a, "of day %" PRId64, at_us / DAY_US);
}

/* What a gate writes when the glass breaks. */
static void open_emergency(struct year *y, struct arena *a)
{
    static const struct statement OPEN = {
        "test_replay_emergency",
        "INSERT INTO break_glass (pkey, person_id, emergency_id, member_id, user_id, assertion,\n"
        "       purpose, opened_at, until_at, review_due_at)\n"
        "VALUES ($1, $2, $3, $4, $5, $6, 'BTG', $7, $8, $8)"};
    struct person p = person_at(y, below(&y->seed, PEOPLE));

    for (size_t i = 0; i < p.constituent_count; i++)
        db_queue(y->t.db, &OPEN, NULL, DB_INT8(p.constituents[i].pkey),
                 DB_INT8(p.constituents[i].person_id), DB_UUID(uuid_v7()),
                 DB_INT8(1 + (int64_t)below(&y->seed, MEMBERS)), DB_TEXT(PICK(&y->seed, users)),
                 DB_TEXT(assertion_of(a, y->now_us)), DB_TIME(y->now_us),
                 DB_TIME(y->now_us + DAY_US / 4));
}

static void change_value_set(struct year *y, struct arena *a)
{
    struct label_change change = {y->now_us, BY};
    struct str *label = ARENA_NEW(a, struct str);
    struct label_code *code = ARENA_NEW(a, struct label_code);
    struct label_set set = {.labels = {label, 1}, .codes = code, .code_count = 1};

    *label = PICK(&y->seed, labels);
    *code = (struct label_code){.field = LABEL_EVENT, .code = PICK(&y->seed, events)};
    set.name = code->code;
    if (below(&y->seed, 3) == 0)
        label_store_end(y->t.db, &change, set.name, ARENA_NEW(a, struct rows));
    else
        label_store_put(y->t.db, a, &change, &set, STR("test"));
}

static void change_something(struct year *y, struct arena *a)
{
    static void (*const changes[])(struct year *, struct arena *) = {
        change_policy,  change_policy,    change_policy,    revoke,
        change_default, change_agreement, change_agreement, change_relation,
        change_terms,   open_emergency,   change_value_set};

    PICK(&y->seed, changes)(y, a);
}

/* --- a request ------------------------------------------------------------------------------- */

struct document {
    struct coded class_code, event;
    struct label_texts labels;
};

static bool says(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    const struct document *d = about;

    if (what == CONSENT_LABEL && i < d->labels.n)
        *out = (struct coded){.code = d->labels.v[i]};
    else if (what == CONSENT_CLASS && i == 0)
        *out = d->class_code;
    else if (what == CONSENT_EVENT && i == 0)
        *out = d->event;
    else
        return false;
    return true;
}

static bool says_no_time(const void *about, enum consent_attribute what, int64_t *from_us,
                         int64_t *until_us)
{
    (void)about, (void)what, (void)from_us, (void)until_us;
    return false;
}

/* The same for the same seed: only what the hub knew may make a difference. */
static struct consent_decision decide(struct year *y, struct arena *a, uint64_t seed,
                                      const struct person *person, int64_t at_us,
                                      const struct consent_policies *policies,
                                      const struct label_book *book)
{
    static const struct consent_reader reader = {says, says_no_time};
    bool has_user = below(&seed, 4) > 0;
    struct principal asker = {
        .member = &y->members[below(&seed, MEMBERS)],
        .user = has_user ? PICK(&seed, users) : STR_NONE,
        .assertion = has_user ? assertion_of(a, at_us) : STR_NONE,
        .reason = below(&seed, 2) ? STR("unconscious") : STR_NONE,
        .role = {.code = has_user ? PICK(&seed, roles) : STR("system")},
        .purpose = {.code = PICK(&seed, purposes)},
    };
    struct document document = {.class_code = {.code = PICK(&seed, classes)},
                                .event = {.code = PICK(&seed, events)}};
    struct label_code code = {.field = LABEL_EVENT, .code = document.event.code};
    struct consent_object object = {
        .person = person,
        .source_member = 1 + (int64_t)below(&seed, MEMBERS),
        .kind = (enum consent_kind)(below(&seed, 3) ? CONSENT_ENTRY : below(&seed, 4)),
        .reader = &reader,
        .about = &document,
    };

    document.labels = label_book_apply(book, a, &code, 1);
    return consent_decide(&asker, &object, at_us, policies);
}

/* What was decided, by value. */
struct decided {
    uint64_t seed;
    int64_t at_us;
    size_t person;
    struct consent_decision first[REQUESTS_A_READ];
};

static bool same(const struct consent_decision *x, const struct consent_decision *y)
{
    return x->effect == y->effect && strcmp(x->rule, y->rule) == 0 &&
           (x->overrode == NULL) == (y->overrode == NULL) && uuid_eq(x->policy, y->policy) &&
           x->policy_version == y->policy_version && x->overridable == y->overridable &&
           x->obligations == y->obligations && (x->emergency == NULL) == (y->emergency == NULL);
}

/* As a request reads, or as --as-of does. */
static void read_then(struct year *y, struct arena *a, const struct person *person,
                      int64_t as_of_us, struct consent_policies *policies, struct label_book **book)
{
    consent_store_queue(y->t.db, a, person->constituents, person->constituent_count, as_of_us,
                        policies);
    CU_ASSERT_EQUAL_FATAL(db_flush(y->t.db), OK);
    CU_ASSERT_EQUAL_FATAL(consent_store_read(y->t.db, a, policies, &y->t.err), OK);
    CU_ASSERT_EQUAL_FATAL(label_book_as_of(y->t.db, a, as_of_us, book), OK);
}

/* Memory for one step, and the connection on it. */
static void begin_step(struct year *y, struct arena *a)
{
    arena_init(a);
    db_attach(y->t.db, a, &y->t.err, clock_monotonic_us() + 600 * US_PER_SECOND);
    db_begin(y->t.db, READ_COMMITTED);
}

static void end_step(struct year *y, struct arena *a)
{
    CU_ASSERT_EQUAL_FATAL(db_commit(y->t.db), OK);
    bench_again(&y->t, y->t.db);
    arena_dispose(a);
}

static void live_a_step(struct year *y, struct decided *out)
{
    struct arena a;

    begin_step(y, &a);
    for (int i = 0; i < CHANGES_A_STEP; i++) {
        change_something(y, &a);
        CU_ASSERT_EQUAL_FATAL(db_flush(y->t.db), OK);
        y->now_us += 1 + (int64_t)below(&y->seed, DAY_US / 100);
    }
    for (int i = 0; i < PEOPLE_A_STEP; i++) {
        struct decided *d = &out[i];
        struct consent_policies policies;
        struct label_book *book;
        struct person person;

        *d = (struct decided){draw(&y->seed), y->now_us, below(&y->seed, PEOPLE), {{0}}};
        person = person_at(y, d->person);
        read_then(y, &a, &person, 0, &policies, &book);
        for (uint64_t j = 0; j < REQUESTS_A_READ; j++)
            d->first[j] = decide(y, &a, d->seed + j, &person, d->at_us, &policies, book);
        y->now_us += 1 + (int64_t)below(&y->seed, DAY_US / 100);
    }
    end_step(y, &a);
}

static size_t replay(struct year *y, const struct decided *d, size_t *by_effect)
{
    struct person person = person_at(y, d->person);
    struct consent_policies policies;
    struct label_book *book;
    struct arena a;
    size_t wrong = 0;

    begin_step(y, &a);
    read_then(y, &a, &person, d->at_us, &policies, &book);
    for (uint64_t j = 0; j < REQUESTS_A_READ; j++) {
        struct consent_decision again =
            decide(y, &a, d->seed + j, &person, d->at_us, &policies, book);

        by_effect[again.effect == CONSENT_PERMIT]++;
        if (same(&again, &d->first[j]))
            continue;
        if (wrong++ == 0)
            fprintf(stderr, "at %s: %s by %s, and %s by %s when replayed\n",
                    clock_iso(&a, d->at_us).p,
                    d->first[j].effect == CONSENT_PERMIT ? "permit" : "deny", d->first[j].rule,
                    again.effect == CONSENT_PERMIT ? "permit" : "deny", again.rule);
    }
    end_step(y, &a);
    return wrong;
}

/* --- the case -------------------------------------------------------------------------------- */

/* The year is one to come: what migrations set holds before it. */
static bool begin_year(struct year *y)
{
    static const struct statement EPOCHS = {"test_replay_epochs",
                                            "INSERT INTO consent_epoch (pkey, person_id, epoch)\n"
                                            "SELECT n, n, 1\n"
                                            "  FROM generate_series(1, $1) AS n (n)\n"
                                            "ON CONFLICT DO NOTHING"};
    static const struct str names[MEMBERS] = {STR("north"), STR("south"), STR("west"), STR("east")};

    *y = (struct year){.seed = number_given("CAUSEWAY_REPLAY_SEED", 7)};
    if (!bench_open(&y->t, DATABASE))
        return false;
    y->begin_us = y->now_us = clock_now_us() + DAY_US;
    for (int i = 0; i < MEMBERS; i++)
        y->members[i] = (struct member){.id = i + 1, .name = names[i], .organization = names[i]};
    for (int i = 0; i <= PEOPLE; i++)
        y->refs[i] = (struct person_ref){i + 1, i + 1};
    bench_again(&y->t, y->t.db);
    db_queue(y->t.db, &EPOCHS, NULL, DB_INT8(PEOPLE + 1));
    CU_ASSERT_EQUAL_FATAL(db_flush(y->t.db), OK);
    return true;
}

static void what_was_decided_is_decided_again(void)
{
    uint64_t requests = number_given("CAUSEWAY_REPLAY_REQUESTS", 6000);
    size_t steps = requests / (PEOPLE_A_STEP * REQUESTS_A_READ), wrong = 0, by_effect[2] = {0};
    struct decided *all;
    struct year *y = malloc(sizeof(*y));

    must(y != NULL && steps > 0, "memory, and 100 requests at least");
    if (!begin_year(y)) {
        free(y);
        return;
    }
    all = calloc(steps * PEOPLE_A_STEP, sizeof(*all));
    must(all != NULL, "memory");
    for (size_t i = 0; i < steps; i++) {
        y->now_us = y->begin_us + (int64_t)(i * 365) * DAY_US / (int64_t)steps;
        live_a_step(y, all + i * PEOPLE_A_STEP);
    }
    for (size_t i = 0; i < steps * PEOPLE_A_STEP; i++)
        wrong += replay(y, &all[i], by_effect);
    printf("%zu requests replayed, %zu denied, %zu permitted, %zu otherwise than then\n",
           by_effect[0] + by_effect[1], by_effect[0], by_effect[1], wrong);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(by_effect[0] > requests / 20 && by_effect[1] > requests / 20);
    free(all);
    bench_close(&y->t);
    free(y);
}

SUITE(test_replay, CASE(what_was_decided_is_decided_again));
