/* The audit log in a real database: with its effect or not at all, append-only, encrypted. */
#include "hub/audit/audit.h"

#include <string.h>

#include "hub/audit/search.h"
#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_audit"
#define PLAIN    "123^^^&1.2.3&ISO"

static const unsigned char master_key[32] = "a master key for tests, 32 byte";

static bool set_up(struct bench *t)
{
    if (!bench_open(t, DATABASE))
        return false;
    audit_init(master_key);
    return true;
}

static struct audit_context context_at(int64_t at_us)
{
    return (struct audit_context){
        .transaction = "ITI-18",
        .kind = {"110112", 'E'},
        .request = uuid_v7(),
        .at_us = at_us,
        .member_id = 7,
        .member = STR("st-mary"),
    };
}

/* One row of a person, queued. */
static void queue_row(struct bench *t, const struct audit_context *c, int64_t person,
                      struct str patient)
{
    struct audit_list list = {0};
    struct audit_row *row = audit_add(&t->arena, &list);

    row->pkey = person * 1000;
    row->person_id = person;
    row->patient = patient;
    audit_object_add(&t->arena, row, "query", STR("urn:uuid:1"), STR("what was asked"));
    CU_ASSERT_EQUAL_FATAL(audit_queue(t->db, &t->arena, c, &list, &t->err), OK);
}

static void write_row(struct bench *t, const struct audit_context *c, int64_t person,
                      struct str patient)
{
    bench_again(t, t->db);
    db_begin(t->db, READ_COMMITTED);
    queue_row(t, c, person, patient);
    CU_ASSERT_EQUAL_FATAL(db_commit(t->db), OK);
}

static struct audit_filter any(void)
{
    return (struct audit_filter){.from_us = INT64_MIN, .to_us = INT64_MAX, .limit = 100};
}

static struct audit_found search(struct bench *t, const struct audit_filter *f)
{
    struct audit_found found;

    bench_again(t, t->db);
    CU_ASSERT_EQUAL_FATAL(audit_search(t->db, &t->arena, f, &found), OK);
    return found;
}

static struct audit_found of_request(struct bench *t, struct uuid request)
{
    struct audit_filter f = any();

    f.by_request = true;
    f.request = request;
    return search(t, &f);
}

/* Rows of the three tables, as one number each that would show a difference. */
static int64_t rows_of(struct bench *t, struct db *owner)
{
    return bench_number(t, owner,
                        "SELECT (SELECT count(*) FROM audit_event) * 1000000"
                        " + (SELECT count(*) FROM audit_search) * 1000"
                        " + (SELECT count(*) FROM audit_pending)");
}

static void rows_come_with_their_effect_or_not_at_all(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct bench t;
    struct db *owner;
    int64_t before;

    if (!set_up(&t))
        return;
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    before = rows_of(&t, owner);
    bench_again(&t, t.db);
    db_begin(t.db, READ_COMMITTED);
    queue_row(&t, &c, 1, STR(PLAIN));
    CU_ASSERT_EQUAL(db_flush(t.db), OK);
    db_rollback(t.db);
    CU_ASSERT_EQUAL(rows_of(&t, owner), before);
    write_row(&t, &c, 1, STR(PLAIN));
    CU_ASSERT_EQUAL(rows_of(&t, owner), before + 1001001);
    db_close(owner);
    bench_close(&t);
}

static void a_row_costs_no_flush_of_its_own(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct bench t;
    uint64_t before;

    if (!set_up(&t))
        return;
    before = db_flushes(t.db);
    db_begin(t.db, READ_COMMITTED);
    for (int i = 0; i < 20; i++)
        queue_row(&t, &c, 1, STR(PLAIN));
    CU_ASSERT_EQUAL(db_commit(t.db), OK);
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 1);
    bench_close(&t);
}

static void the_hub_can_add_to_the_log_but_not_change_it(void)
{
    static const char *const forbidden[] = {
        "UPDATE audit_event SET record = ''",
        "UPDATE audit_search SET patient = NULL",
        "UPDATE audit_pending SET leaf_hash = ''",
        "DELETE FROM audit_event",
        "DELETE FROM audit_search",
        "DELETE FROM audit_pending",
        "TRUNCATE audit_event",
        "TRUNCATE audit_search",
        "DROP TABLE audit_event",
        "ALTER TABLE audit_event DETACH PARTITION audit_event_2026_11",
    };
    struct bench t;

    if (!set_up(&t))
        return;
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        bench_again(&t, t.db);
        db_queue0(t.db, bench_statement(&t, forbidden[i]), NULL);
        CU_ASSERT_EQUAL(db_flush(t.db), INTERNAL);
        CU_ASSERT(t.err.first != NULL && str_find_str(t.err.first->text, STR("42501")) >= 0);
    }
    bench_close(&t);
}

static void what_is_written_is_read_back_and_nothing_lies_there_in_the_clear(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct audit_found found;
    struct bench t;
    struct db *owner;

    if (!set_up(&t))
        return;
    write_row(&t, &c, 2, STR(PLAIN));
    found = of_request(&t, c.request);
    CU_ASSERT_EQUAL_FATAL(found.count, 1);
    CU_ASSERT_EQUAL(found.items[0].at_us, c.at_us);
    CU_ASSERT_EQUAL(found.items[0].person_id, 2);
    CU_ASSERT_EQUAL(found.items[0].member_id, 7);
    CHECK_STR(found.items[0].patient, STR(PLAIN));
    CU_ASSERT(str_find_str(found.items[0].record, STR("\"detail\":\"what was asked\"")) > 0);
    CU_ASSERT(str_find_str(found.items[0].record, STR("\"name\":\"st-mary\"")) > 0);
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    CU_ASSERT_EQUAL(bench_number(&t, owner,
                                 "SELECT count(*) FROM audit_event"
                                 " WHERE position('asked' IN encode(record, 'escape')) > 0"),
                    0);
    CU_ASSERT_EQUAL(bench_number(&t, owner,
                                 "SELECT count(*) FROM audit_event"
                                 " WHERE leaf_hash <> sha256('\\x00'::bytea || record)"),
                    0);
    db_close(owner);
    bench_close(&t);
}

static void a_record_that_the_owner_altered_is_not_believed(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct audit_found found;
    struct bench t;
    struct db *owner;

    if (!set_up(&t))
        return;
    write_row(&t, &c, 31, STR_NONE);
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    CU_ASSERT_EQUAL(bench_run(&t, owner,
                              "UPDATE audit_event"
                              " SET record = set_byte(record, 9, get_byte(record, 9) # 1)"
                              " WHERE pkey = 31000"),
                    OK);
    found = of_request(&t, c.request);
    CU_ASSERT_EQUAL_FATAL(found.count, 1);
    CU_ASSERT_PTR_NULL(found.items[0].record.p);
    db_close(owner);
    bench_close(&t);
}

static void erasing_the_search_row_leaves_the_leaf(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct bench t;
    struct db *owner;

    if (!set_up(&t))
        return;
    write_row(&t, &c, 32, STR(PLAIN));
    owner = bench_connect(&t, DATABASE, "causeway_owner");
    CU_ASSERT_EQUAL(bench_run(&t, owner, "DELETE FROM audit_search WHERE pkey = 32000"), OK);
    CU_ASSERT_EQUAL(of_request(&t, c.request).count, 0);
    CU_ASSERT_EQUAL(bench_number(&t, owner, "SELECT count(*) FROM audit_event WHERE pkey = 32000"),
                    1);
    db_close(owner);
    bench_close(&t);
}

static void a_patient_is_found_under_any_identifier_of_the_same_person(void)
{
    struct audit_context c = context_at(clock_now_us());
    struct audit_filter f = any();
    struct bench t;

    if (!set_up(&t))
        return;
    write_row(&t, &c, 40, STR("A40^^^&1.2.3&ISO"));
    write_row(&t, &c, 40, STR("XAD40^^^&1.2.9&ISO"));
    write_row(&t, &c, 41, STR("A4^^^&1.2.3&ISO"));
    write_row(&t, &c, 0, STR("A40^^^&1.2.3&ISO")); /* where the person was not known */
    f.patient = STR("A40^^^&1.2.3&ISO");
    CU_ASSERT_EQUAL(search(&t, &f).count, 3);
    CU_ASSERT_EQUAL(search(&t, &f).person_id, 40);
    f.patient = STR("XAD40");
    CU_ASSERT_EQUAL(search(&t, &f).count, 2);
    f.patient = STR("A4");
    CU_ASSERT_EQUAL(search(&t, &f).count, 1);
    f.patient = STR("A40^^^&1.2.4&ISO");
    CU_ASSERT_EQUAL(search(&t, &f).count, 0);
    f.patient = STR("%");
    CU_ASSERT_EQUAL(search(&t, &f).count, 0);
    bench_close(&t);
}

static void persons_that_only_the_index_knows_of_are_found_too(void)
{
    struct audit_context c = context_at(clock_now_us());
    int64_t pkeys[] = {43000, 44000}, ids[] = {43, 45};
    struct audit_filter f = any();
    struct bench t;

    if (!set_up(&t))
        return;
    write_row(&t, &c, 42, STR("A42^^^&1.2.3&ISO"));
    write_row(&t, &c, 43, STR("A43^^^&1.2.3&ISO")); /* merged into 42 */
    write_row(&t, &c, 44, STR("A44^^^&1.2.3&ISO")); /* shares a place with 45 */
    f.patient = STR("A42^^^&1.2.3&ISO");
    CU_ASSERT_EQUAL(search(&t, &f).count, 1);
    f.pkeys = pkeys;
    f.person_ids = ids;
    f.person_count = 2;
    CU_ASSERT_EQUAL(search(&t, &f).count, 2);
    bench_close(&t);
}

static void every_condition_narrows(void)
{
    int64_t now = clock_now_us();
    struct audit_context c = context_at(now);
    struct audit_filter f = any();
    struct bench t;

    if (!set_up(&t))
        return;
    c.transaction = "TEST-1";
    c.member_id = 77;
    write_row(&t, &c, 50, STR("A50^^^&1.2.3&ISO"));
    f.transaction = STR("TEST-1");
    CU_ASSERT_EQUAL(search(&t, &f).count, 1);
    f.member_id = 77;
    CU_ASSERT_EQUAL(search(&t, &f).count, 1);
    f.member_id = 78;
    CU_ASSERT_EQUAL(search(&t, &f).count, 0);
    f.member_id = 0;
    f.from_us = now;
    f.to_us = now + 1;
    CU_ASSERT_EQUAL(search(&t, &f).count, 1);
    f.to_us = now;
    CU_ASSERT_EQUAL(search(&t, &f).count, 0);
    f.to_us = INT64_MAX;
    f.from_us = now + 1;
    CU_ASSERT_EQUAL(search(&t, &f).count, 0);
    bench_close(&t);
}

static void pages_visit_every_row_once_newest_first(void)
{
    int64_t now = clock_now_us();
    struct audit_filter f = any();
    struct audit_found found;
    struct bench t;
    size_t seen = 0;
    int64_t last = INT64_MAX;

    if (!set_up(&t))
        return;
    for (int i = 0; i < 7; i++) {
        struct audit_context c = context_at(now + i / 3); /* several of one microsecond */

        c.transaction = "TEST-2";
        write_row(&t, &c, 60 + i % 2, STR("A60^^^&1.2.3&ISO"));
    }
    f.transaction = STR("TEST-2");
    f.limit = 2;
    do {
        found = search(&t, &f);
        for (size_t i = 0; i < found.count; i++) {
            CU_ASSERT(found.items[i].at_us <= last);
            last = found.items[i].at_us;
        }
        seen += found.count;
        f.before = true;
        f.before_us = found.items[found.count - 1].at_us;
        f.before_id = found.items[found.count - 1].id;
        f.patient = seen > 3 ? STR("A60") : STR_NONE; /* both statements page alike */
    } while (found.more);
    CU_ASSERT_EQUAL(seen, 7);
    bench_close(&t);
}

static void a_time_without_a_partition_stops_the_effect(void)
{
    struct audit_context c = context_at(clock_now_us() + 400 * 86400 * US_PER_SECOND);
    struct bench t;

    if (!set_up(&t))
        return;
    db_begin(t.db, READ_COMMITTED);
    queue_row(&t, &c, 1, STR(PLAIN));
    CU_ASSERT_NOT_EQUAL(db_commit(t.db), OK);
    bench_close(&t);
}

/* Its own words are in the record; the column is indexed, and an index refuses long values: a row
 * that a caller's text could make unwritable would be an attempt without a trace. */
static void an_identifier_of_any_length_leaves_its_row(void)
{
    struct audit_context c = context_at(clock_now_us());
    char *id;
    struct bench t;

    if (!set_up(&t))
        return;
    id = arena_alloc(&t.arena, 60000);
    for (size_t i = 0; i < 60000; i++)
        id[i] = (char)('!' + randombytes_uniform(90));
    memcpy(id + 399, "\xc3\xa9", 2); /* where it is cut */
    write_row(&t, &c, 5, str_of(id, 60000));
    CU_ASSERT_EQUAL(of_request(&t, c.request).count, 1);
    bench_close(&t);
}

/* A query by thousands of patients' ids: who asked what is in the log whole, and once. */
static void what_the_rows_of_a_request_repeat_is_whole_in_the_first_alone(void)
{
    enum { ROWS = 1000, DETAIL = 60000 };
    struct audit_context c = context_at(clock_now_us());
    struct audit_list list = {0};
    struct audit_filter all = any();
    struct audit_found found;
    struct bench t;
    char *asked;
    size_t bytes = 0, whole = 0;

    if (!set_up(&t))
        return;
    bench_again(&t, t.db);
    asked = memset(arena_alloc(&t.arena, DETAIL), 'x', DETAIL);
    for (int64_t i = 0; i < ROWS; i++) {
        struct audit_row *row = audit_add(&t.arena, &list);

        row->pkey = row->person_id = 700000 + i;
        audit_object_add(&t.arena, row, "query", STR("urn:uuid:1"), str_of(asked, DETAIL));
    }
    db_begin(t.db, READ_COMMITTED);
    CU_ASSERT_EQUAL_FATAL(audit_queue(t.db, &t.arena, &c, &list, &t.err), OK);
    CU_ASSERT_EQUAL_FATAL(db_commit(t.db), OK);
    all.by_request = true;
    all.request = c.request;
    all.limit = ROWS;
    found = search(&t, &all);
    CU_ASSERT_EQUAL_FATAL(found.count, ROWS);
    for (size_t i = 0; i < found.count; i++) {
        bytes += found.items[i].record.n;
        whole += found.items[i].record.n > DETAIL;
    }
    CU_ASSERT_EQUAL(whole, 1);
    CU_ASSERT(bytes < DETAIL + ROWS * 1200);
    bench_close(&t);
}

SUITE(test_audit, CASE(an_identifier_of_any_length_leaves_its_row),
      CASE(rows_come_with_their_effect_or_not_at_all), CASE(a_row_costs_no_flush_of_its_own),
      CASE(the_hub_can_add_to_the_log_but_not_change_it),
      CASE(what_is_written_is_read_back_and_nothing_lies_there_in_the_clear),
      CASE(a_record_that_the_owner_altered_is_not_believed),
      CASE(erasing_the_search_row_leaves_the_leaf),
      CASE(a_patient_is_found_under_any_identifier_of_the_same_person),
      CASE(persons_that_only_the_index_knows_of_are_found_too), CASE(every_condition_narrows),
      CASE(pages_visit_every_row_once_newest_first),
      CASE(a_time_without_a_partition_stops_the_effect),
      CASE(what_the_rows_of_a_request_repeat_is_whole_in_the_first_alone));
