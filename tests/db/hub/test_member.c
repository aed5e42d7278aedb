/* The member directory from a real database. */
#include "hub/member.h"

#include <string.h>

#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_hub"

static bool set_up(struct bench *t)
{
    static const char *const steps[] = {
        "DELETE FROM member_cert",
        "DELETE FROM member_authority",
        "DELETE FROM member_application",
        "DELETE FROM member",
    };
    struct db *owner;

    if (!bench_open(t, DATABASE))
        return false;
    owner = bench_connect(t, DATABASE, "causeway_owner");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        CU_ASSERT_EQUAL(bench_run(t, owner, steps[i]), OK);
    db_close(owner);
    return true;
}

static struct member_directory *directory(struct bench *t)
{
    struct member_directory *d = NULL;

    bench_again(t, t->db);
    CU_ASSERT_EQUAL_FATAL(member_directory_read(t->db, &d), OK);
    return d;
}

static void enrol_two(struct bench *t)
{
    static const char *const steps[] = {
        "INSERT INTO member (name, organization, strict_adt, charset, suspended_at)"
        " VALUES ('st-mary', '1.2.3', true, '8859/1', NULL), ('lakeside', '1.2.4', false, '',"
        "  now())",
        "INSERT INTO member_authority (oid, member_id, name_space)"
        " SELECT o.oid, m.member_id, o.name_space FROM member m,"
        "  (VALUES ('1.2.3.2', ''), ('1.2.3.1', 'EPIC')) AS o (oid, name_space)"
        " WHERE m.name = 'st-mary'",
        "INSERT INTO member_application (application, facility, member_id)"
        " SELECT 'ADT', 'NORTH', member_id FROM member WHERE name = 'st-mary'",
        "INSERT INTO member_cert (fingerprint, member_id, direct, subject, issuer, not_before,"
        "  not_after, certificate)"
        " SELECT decode(repeat(f.byte, 32), 'hex'), m.member_id, f.byte = 'ab', '', '', now(),"
        "  '2027-01-01T00:00:00Z', ''"
        " FROM member m, (VALUES ('cd'), ('ab')) AS f (byte) WHERE m.name = 'st-mary'",
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        CU_ASSERT_EQUAL_FATAL(bench_run(t, t->db, steps[i]), OK);
}

static void an_empty_directory_has_an_epoch(void)
{
    struct member_directory *d;
    struct bench t;

    if (!set_up(&t))
        return;
    d = directory(&t);
    CU_ASSERT_EQUAL(d->count, 0);
    CU_ASSERT(d->epoch >= 1);
    member_directory_release(d);
    bench_close(&t);
}

static void all_of_a_member_comes_in_one_flush(void)
{
    unsigned char direct[32];
    struct member_directory *d;
    const struct member *m;
    struct bench t;
    uint64_t flushes;

    if (!set_up(&t))
        return;
    enrol_two(&t);
    flushes = db_flushes(t.db);
    d = directory(&t);
    CU_ASSERT_EQUAL(db_flushes(t.db) - flushes, 1);
    CU_ASSERT_EQUAL_FATAL(d->count, 2);
    m = member_by_name(d, STR("st-mary"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CHECK_STR(m->organization, STR("1.2.3"));
    CHECK_STR(m->charset, STR("8859/1"));
    CU_ASSERT(m->strict_adt && !m->suspended);
    CU_ASSERT_EQUAL_FATAL(m->authority_count, 2);
    CHECK_STR(member_authority_oid(d, m, STR("EPIC"), STR_NONE), STR("1.2.3.1"));
    CU_ASSERT_EQUAL_FATAL(m->application_count, 1);
    CHECK_STR(m->applications[0].facility, STR("NORTH"));
    CU_ASSERT_EQUAL_FATAL(m->cert_count, 2);
    memset(direct, 0xab, 32);
    CU_ASSERT_PTR_EQUAL(member_by_cert(d, direct, false, INT64_C(1798761600000000)), m);
    CU_ASSERT_PTR_NULL(member_by_cert(d, direct, false, INT64_C(1798761600000001)));
    memset(direct, 0xcd, 32);
    CU_ASSERT_PTR_NULL(member_by_cert(d, direct, false, 0));
    m = member_by_name(d, STR("lakeside"));
    CU_ASSERT(m != NULL && m->suspended && m->authority_count == 0 && m->cert_count == 0);
    member_directory_release(d);
    bench_close(&t);
}

static void a_directory_outlives_its_request_while_it_is_held(void)
{
    struct member_directory *d;
    struct bench t;

    if (!set_up(&t))
        return;
    enrol_two(&t);
    d = directory(&t);
    member_directory_hold(d);
    member_directory_release(d);
    bench_close(&t);
    CHECK_STR(member_by_name(d, STR("st-mary"))->name, STR("st-mary"));
    member_directory_release(d);
}

static void an_authority_has_one_source(void)
{
    struct bench t;

    if (!set_up(&t))
        return;
    enrol_two(&t);
    CU_ASSERT_EQUAL(bench_run(&t, t.db,
                              "INSERT INTO member_authority (oid, member_id)"
                              " SELECT '1.2.3.1', member_id FROM member WHERE name = 'lakeside'"),
                    CONFLICT);
    bench_close(&t);
}

static void the_hub_cannot_delete_a_member(void)
{
    struct bench t;

    if (!set_up(&t))
        return;
    CU_ASSERT_EQUAL(bench_run(&t, t.db, "DELETE FROM member"), INTERNAL);
    bench_close(&t);
}

SUITE(test_member, CASE(an_empty_directory_has_an_epoch), CASE(all_of_a_member_comes_in_one_flush),
      CASE(a_directory_outlives_its_request_while_it_is_held), CASE(an_authority_has_one_source),
      CASE(the_hub_cannot_delete_a_member));
