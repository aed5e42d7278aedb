/* gateway/identity_gate: a member's own identifiers and the XAD-PID always, the others by consent.
 */
#include "gateway/identity_gate.h"

#include "tests/support/consent_region.h"
#include "tests/unit/gateway/bench.h"

static const struct person_ref REFS[] = {{1, 7}};

static struct identity_visible gate(struct bench *t, const struct consent_policies *policies)
{
    static const struct person PERSON = {.ref = {1, 7},
                                         .constituents = (struct person_ref *)REFS,
                                         .constituent_count = 1};
    static struct mpi_identifier items[] = {
        {.id = {{NORTH_OID, sizeof(NORTH_OID) - 1}, {"1", 1}}, .member_id = NORTH, .active = true},
        {.id = {{NORTH_OID, sizeof(NORTH_OID) - 1}, {"0", 1}}, .member_id = NORTH, .active = false},
        {.id = {{SOUTH_OID, sizeof(SOUTH_OID) - 1}, {"2", 1}}, .member_id = SOUTH, .active = true},
        {.id = {{XAD_OID, sizeof(XAD_OID) - 1}, {"X", 1}}, .member_id = 0, .active = true},
    };
    struct mpi_identifiers found = {.count = 4, .items = items};
    struct identity_visible v;

    identity_gate(&t->rq, &PERSON, &found, policies, &v);
    return v;
}

static void others_are_seen_only_where_consent_permits(void)
{
    struct consent_policies policies = {.readable = true,
                                        .persons = REFS,
                                        .person_count = 1,
                                        .domain = &REGION};
    struct consent_policy deny = {.person = {1, 7},
                                  .effect = CONSENT_DENY,
                                  .valid_from_us = INT64_MIN,
                                  .valid_until_us = INT64_MAX};
    struct bench t;
    struct identity_visible v;

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||QBP^Q23|1|P|2.5");
    v = gate(&t, &policies);
    CU_ASSERT_EQUAL(v.count, 3);
    CU_ASSERT_EQUAL(v.withheld, 0);
    policies.items = &deny;
    policies.count = 1;
    v = gate(&t, &policies);
    CU_ASSERT_EQUAL(v.count, 2);
    CU_ASSERT_EQUAL(v.withheld, 1);
    CU_ASSERT_FALSE(identity_visible_has(&v, (struct identifier){STR(SOUTH_OID), STR("2")}));
    CU_ASSERT_TRUE(identity_visible_has(&v, (struct identifier){STR(XAD_OID), STR("X")}));
    bench_close(&t);
}

static void what_cannot_be_read_denies_others(void)
{
    struct consent_policies unreadable = {0};
    struct bench t;

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||QBP^Q23|1|P|2.5");
    CU_ASSERT_EQUAL(gate(&t, &unreadable).count, 2);
    bench_close(&t);
}

static void a_retired_identifier_is_not_shown(void)
{
    struct consent_policies policies = {.readable = true,
                                        .persons = REFS,
                                        .person_count = 1,
                                        .domain = &REGION};
    struct bench t;
    struct identity_visible v;

    bench_open(&t, "hub", "MSH|^~\\&|A|B|C|D|2026||QBP^Q23|1|P|2.5");
    v = gate(&t, &policies);
    CU_ASSERT_FALSE(identity_visible_has(&v, (struct identifier){STR(NORTH_OID), STR("0")}));
    bench_close(&t);
}

SUITE(test_identity_gate, CASE(others_are_seen_only_where_consent_permits),
      CASE(what_cannot_be_read_denies_others), CASE(a_retired_identifier_is_not_shown));
