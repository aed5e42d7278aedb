#include "hub/fhir_query.h"

#include "hub/base/clock.h"
#include "hub/iti81.h"
#include "tests/support/suite.h"

struct bench {
    struct arena arena;
    struct errors err;
    struct fhir_query q;
    struct audit_question question;
};

static enum status ask(struct bench *t, const char *text)
{
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    t->q.n = 0;
    TRY(fhir_query_read(&t->arena, str_from(text), &t->q, &t->err));
    return iti81_question_read(&t->arena, &t->q, STR("1.2.3"), &t->question, &t->err);
}

static void parameters_are_decoded(void)
{
    struct bench t;

    ask(&t, "a%20b=c%2Bd+e&x:exact=1&flag&&=");
    CU_ASSERT_EQUAL_FATAL(t.q.n, 4);
    CHECK_STR(t.q.v[0].name, STR("a b"));
    CHECK_STR(t.q.v[0].value, STR("c+d e"));
    CHECK_STR(t.q.v[1].name, STR("x"));
    CHECK_STR(t.q.v[1].modifier, STR("exact"));
    CHECK_STR(t.q.v[2].value, STR(""));
    arena_dispose(&t.arena);
}

static void what_is_no_text_is_refused(void)
{
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "a=%0a", "a=%ff", "%c3=1"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bench t;

        CU_ASSERT_EQUAL(ask(&t, bad[i]), INVALID);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, "invalid");
        arena_dispose(&t.arena);
    }
}

static int64_t instant(const char *iso)
{
    int64_t us = 0;

    CU_ASSERT(clock_parse_iso(str_from(iso), &us));
    return us;
}

static void dates_narrow_as_their_prefixes_say(void)
{
    static const struct {
        const char *value, *from, *to;
    } good[] = {
        {"2026", "2026-01-01", "2027-01-01"},
        {"2026-11", "2026-11-01", "2026-12-01"},
        {"eq2026-11-22", "2026-11-22", "2026-11-23"},
        {"ge2026-11-22", "2026-11-22", NULL},
        {"gt2026-11-22", "2026-11-23", NULL},
        {"lt2026-11-22", NULL, "2026-11-22"},
        {"le2026-11-22", NULL, "2026-11-23"},
        {"2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z"},
    };
    static const char *const bad[] = {"",       "26",     "2026-13",          "2026/11/22",
                                      "sa2026", "ap2026", "2026-11-22T10:00", "tomorrow"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t from = INT64_MIN, to = INT64_MAX;

        CU_ASSERT(fhir_date_narrow(str_from(good[i].value), &from, &to));
        CU_ASSERT_EQUAL(from, good[i].from ? instant(good[i].from) : INT64_MIN);
        CU_ASSERT_EQUAL(to, good[i].to ? instant(good[i].to) : INT64_MAX);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t from = INT64_MIN, to = INT64_MAX;

        CU_ASSERT_FALSE(fhir_date_narrow(str_from(bad[i]), &from, &to));
    }
}

static void a_question_is_read_into_the_logs_own_terms(void)
{
    struct bench t;

    CU_ASSERT_EQUAL_FATAL(
        ask(&t, "date=ge2026-11-01&date=lt2026-12-01&patient.identifier=urn%3Aoid%3A1.2%7C7"
                "&agent.identifier=jd%3Chouse%40idp%3E&entity.identifier=1.2.9&type=DCM|110106"
                "&subtype=110120&action=R&outcome=0&source.identifier=urn:oid:1.2.3&_count=9999"),
        OK);
    CU_ASSERT_EQUAL(t.question.filter.from_us, instant("2026-11-01"));
    CU_ASSERT_EQUAL(t.question.filter.to_us, instant("2026-12-01"));
    CHECK_STR(t.question.filter.patient, STR("7^^^&1.2&ISO"));
    CHECK_STR(t.question.filter.user, STR("jd<house@idp>"));
    CHECK_STR(t.question.filter.document, STR("1.2.9"));
    CHECK_STR(t.question.type, STR("110106"));
    CHECK_STR(t.question.filter.transaction, STR("START"));
    CU_ASSERT_EQUAL(t.question.action, 'R');
    CU_ASSERT(t.question.filter.succeeded && !t.question.nothing);
    CU_ASSERT_EQUAL(t.question.count, 500);
    arena_dispose(&t.arena);
}

static void a_question_that_is_not_understood_is_refused_for_its_reason(void)
{
    static const struct {
        const char *text, *code;
    } bad[] = {
        {"", "required"},
        {"date=lt2026", "required"},
        {"date=whenever", "value"},
        {"date=2026&name=x", "not-supported"},
        {"date=2026&patient.identifier:exact=x", "not-supported"},
        {"date=2026&action=E&action=R", "not-supported"},
        {"date=2026&action=X", "value"},
        {"date=2026&outcome=1", "value"},
        {"date=2026&patient.identifier=urn:oid:x%7C7", "value"},
        {"date=2026&patient.identifier=urn:oid:1.2%7C", "value"},
        {"date=2026&_count=many", "value"},
        {"date=2026&_sort=date", "value"},
        {"date=2026&_format=xml", "value"},
        {"date=2026&_cursor=1.x", "value"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bench t;

        CU_ASSERT_EQUAL_FATAL(ask(&t, bad[i].text), INVALID);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, bad[i].code);
        arena_dispose(&t.arena);
    }
}

static void another_logs_records_are_not_here(void)
{
    struct bench t;

    CU_ASSERT_EQUAL(ask(&t, "date=2026&source.identifier=9.9"), OK);
    CU_ASSERT(t.question.nothing);
    arena_dispose(&t.arena);
}

SUITE(test_fhir_query, CASE(parameters_are_decoded), CASE(what_is_no_text_is_refused),
      CASE(dates_narrow_as_their_prefixes_say), CASE(a_question_is_read_into_the_logs_own_terms),
      CASE(a_question_that_is_not_understood_is_refused_for_its_reason),
      CASE(another_logs_records_are_not_here));
