/* The member directory from a real database. */
#include "hub/member.h"

#include <string.h>

#include "hub/base/clock.h"
#include "tests/db/hub/bench.h"

#define DATABASE "causeway_test_hub"

static bool set_up(struct bench *t)
{
    static const char *const steps[] = {
        "DELETE FROM member_cert",        "DELETE FROM member_authority",
        "DELETE FROM member_application", "DELETE FROM member_idp_key",
        "DELETE FROM member_idp",         "DELETE FROM member",
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

static void identity_providers_come_with_their_own_keys(void)
{
    static const char *const steps[] = {
        "UPDATE member SET xua = 'required', purposes = '{TREAT,1.2.9|NORM}'"
        " WHERE name = 'st-mary'",
        "INSERT INTO member_idp (member_id, issuer, audiences, organizations, one_time,"
        "  purpose_forms)"
        " SELECT member_id, i.issuer, '{a,b}', '{1.2.5,1.2.6}', true, '{PurposeForUse}'"
        " FROM member, (VALUES ('urn:b'), ('Z'), ('urn:a')) AS i (issuer) WHERE name = 'st-mary'",
        "INSERT INTO member_idp_key (member_id, issuer, fingerprint, subject, not_before,"
        "  not_after, certificate)"
        " SELECT member_id, k.issuer, decode(repeat(k.byte, 32), 'hex'), '',"
        "  '2026-01-01T00:00:00Z', '2027-01-01T00:00:00Z', '\\x00'"
        " FROM member, (VALUES ('urn:a', '0a'), ('urn:a', '1a'), ('urn:b', '0b'))"
        "  AS k (issuer, byte) WHERE name = 'st-mary'",
    };
    const struct member_idp *idp;
    struct member_directory *d;
    const struct member *m;
    struct bench t;

    if (!set_up(&t))
        return;
    enrol_two(&t);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        CU_ASSERT_EQUAL_FATAL(bench_run(&t, t.db, steps[i]), OK);
    d = directory(&t);
    m = member_by_name(d, STR("st-mary"));
    CU_ASSERT(m->xua == XUA_REQUIRED && m->idp_count == 3);
    CU_ASSERT(member_may_claim(m, STR("TREAT"), STR("1.2.8")));
    CU_ASSERT(member_may_claim(m, STR("NORM"), STR("1.2.9")));
    CU_ASSERT(!member_may_claim(m, STR("NORM"), STR("1.2.8")));
    idp = member_idp_by_issuer(m, STR("urn:a"));
    CU_ASSERT_FATAL(idp != NULL && idp->key_count == 2);
    CU_ASSERT(idp->keys[0].fingerprint[0] == 0x0a && idp->keys[1].fingerprint[0] == 0x1a);
    CU_ASSERT(idp->keys[0].key == NULL); /* one zero byte is no certificate */
    CU_ASSERT(idp->one_time && idp->purpose_forms == FORM_PURPOSE_FOR_USE);
    CU_ASSERT(idp->lifetime_us == 3600 * US_PER_SECOND && idp->skew_us == 60 * US_PER_SECOND);
    CU_ASSERT(member_list_has(idp->organizations, STR("1.2.6")));
    CU_ASSERT(!member_list_has(idp->organizations, STR("1.2")));
    CU_ASSERT_EQUAL(member_idp_by_issuer(m, STR("urn:b"))->key_count, 1);
    CU_ASSERT_EQUAL(member_idp_by_issuer(m, STR("Z"))->key_count, 0);
    m = member_by_name(d, STR("lakeside"));
    CU_ASSERT(m->xua == XUA_OPTIONAL && m->idp_count == 0);
    CU_ASSERT(member_may_claim(m, STR("TREAT"), STR("")));
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
      CASE(identity_providers_come_with_their_own_keys),
      CASE(a_directory_outlives_its_request_while_it_is_held), CASE(an_authority_has_one_source),
      CASE(the_hub_cannot_delete_a_member));
