#include "hub/audit/record.h"

#include <string.h>
#include <unistd.h>

#include "hub/base/json_text.h"
#include "tests/support/suite.h"

static const struct audit_context context = {
    .transaction = "ITI-18",
    .kind = {"110112", 'E'},
    .request = {{0x01, 0x92, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}},
    .at_us = INT64_C(1795359845123456),
    .member_id = 7,
    .member = {"st-mary", 7},
    .role = {"system", 6},
    .purpose = {"TREAT", 5},
    .sender = {"EHR|WARD", 8},
};

static void a_record_is_the_documented_bytes(void)
{
    struct audit_decision denied = {.rule = "patient-deny",
                                    .reason = "171.202(e)",
                                    .policy = {{[15] = 9}},
                                    .version = 2,
                                    .count = 3};
    struct arena a;
    struct audit_list list = {0};
    struct audit_row *row;

    arena_init(&a);
    row = audit_add(&a, &list);
    row->pkey = INT64_MIN / 2;
    row->person_id = 12;
    row->patient = STR("123^^^&1.2.3&ISO");
    audit_object_add(&a, row, "query", STR("urn:uuid:1"), STR("\"<a>\""));
    audit_object_add(&a, row, "document", STR("1.2.9"), STR_NONE);
    row->objects->next->home = STR("urn:oid:1.9");
    row->verbatim = STR("<85>1");
    row->decisions = &denied;
    CHECK_STR(
        audit_record_write(&a, &context, row, (struct uuid){{0xff}}, AUDIT_DETAIL_MAX),
        str_printf(
            &a,
            "{\"v\":3,\"id\":\"ff000000-0000-0000-0000-000000000000\","
            "\"at\":\"2026-11-22T15:04:05.123456Z\","
            "\"request\":\"01920304-0506-7708-890a-0b0c0d0e0f10\",\"transaction\":\"ITI-18\","
            "\"event\":\"110112\",\"action\":\"E\",\"outcome\":0,"
            "\"member\":{\"id\":7,\"name\":\"st-mary\"},\"user\":\"\",\"role\":\"system\","
            "\"purpose\":\"TREAT\",\"peer\":\"\",\"endpoint\":\"\","
            "\"person\":{\"pkey\":\"-4611686018427387904\",\"id\":\"12\"},"
            "\"patient\":\"123^^^&1.2.3&ISO\",\"description\":\"\","
            "\"objects\":[{\"kind\":\"query\",\"id\":\"urn:uuid:1\",\"detail\":\"\\\"<a>\\\"\","
            "\"home\":\"\"},"
            "{\"kind\":\"document\",\"id\":\"1.2.9\",\"detail\":\"\",\"home\":\"urn:oid:1.9\"}],"
            "\"side\":\"responder\",\"partner\":\"\",\"user_name\":\"\",\"organization\":\"\","
            "\"role_system\":\"\",\"purpose_system\":\"\",\"assertion\":\"\",\"sender\":\"EHR|"
            "WARD\","
            "\"process\":%d,\"fingerprint\":\"\",\"verbatim\":\"PDg1PjE=\","
            "\"decisions\":[{\"effect\":\"deny\",\"rule\":\"patient-deny\",\"overrode\":\"\","
            "\"policy\":\"00000000-0000-0000-0000-000000000009\",\"version\":2,"
            "\"reason\":\"171.202(e)\",\"obligations\":\"\",\"count\":3}]}",
            (int)getpid()));
    arena_dispose(&a);
}

static void decisions_alike_about_one_person_are_one(void)
{
    struct audit_decision d = {.person_id = 1, .rule = "patient-deny", .version = 1};
    struct audit_list list = {0};
    struct arena a;

    arena_init(&a);
    audit_decided(&a, &list, &d);
    audit_decided(&a, &list, &d);
    d.person_id = 2;
    audit_decided(&a, &list, &d);
    CU_ASSERT_PTR_NOT_NULL_FATAL(list.decisions);
    CU_ASSERT_EQUAL(list.decisions->count, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(list.decisions->next);
    CU_ASSERT_EQUAL(list.decisions->next->count, 2);
    CU_ASSERT_PTR_NULL(list.decisions->next->next);
    arena_dispose(&a);
}

static void a_rows_own_action_goes_before_the_transactions(void)
{
    struct audit_row merge = {.action = 'D'}, plain = {0};

    CU_ASSERT_EQUAL(audit_row_kind(&context, &merge).action, 'D');
    CU_ASSERT_EQUAL(audit_row_kind(&context, &plain).action, 'E');
}

static void a_row_of_another_transaction_takes_its_kind_from_the_table(void)
{
    struct audit_row fetched = {.transaction = "ITI-39", .initiator = true};

    CU_ASSERT_STRING_EQUAL(audit_row_transaction(&context, &fetched), "ITI-39");
    CU_ASSERT_STRING_EQUAL(audit_row_kind(&context, &fetched).event_id, "110107");
    CU_ASSERT_EQUAL(audit_row_kind(&context, &fetched).action, 'C');
}

static void a_long_detail_is_cut_between_characters_and_says_so(void)
{
    struct arena a;
    struct audit_list list = {0};
    struct audit_row *row;
    struct str record;
    char *detail;

    arena_init(&a);
    row = audit_add(&a, &list);
    detail = arena_alloc(&a, AUDIT_DETAIL_MAX + 10);
    memset(detail, 'x', AUDIT_DETAIL_MAX + 10);
    memcpy(detail + AUDIT_DETAIL_MAX - 1, "\xe2\x82\xac", 3); /* a euro sign across the cut */
    audit_object_add(&a, row, "query", STR("1"), str_of(detail, AUDIT_DETAIL_MAX + 10));
    record = audit_record_write(&a, &context, row, (struct uuid){{0}}, AUDIT_DETAIL_MAX);
    CU_ASSERT(str_find_str(record, STR("xxx... (65546 bytes in all)\",\"home\":")) > 0);
    CU_ASSERT(utf8_valid(record));
    arena_dispose(&a);
}

static void a_long_id_is_cut_as_well(void)
{
    struct arena a;
    struct audit_list list = {0};
    struct audit_row *row;
    char id[AUDIT_ID_MAX + 1];

    arena_init(&a);
    memset(id, '7', sizeof(id));
    row = audit_add(&a, &list);
    audit_object_add(&a, row, "submission_set", str_of(id, sizeof(id)), STR_NONE);
    CU_ASSERT(
        str_find_str(audit_record_write(&a, &context, row, (struct uuid){{0}}, AUDIT_DETAIL_MAX),
                     STR("777... (1025 bytes in all)\",\"detail\":\"\",")) > 0);
    arena_dispose(&a);
}

static void requests_without_a_patient_spread_by_their_id(void)
{
    struct uuid one = {{0}}, other = {{1}};

    /* SHA-256 of 16 zero bytes begins 374708fff7719dd5 */
    CU_ASSERT_EQUAL(audit_request_pkey(one), INT64_C(0x374708fff7719dd5));
    CU_ASSERT_NOT_EQUAL(audit_request_pkey(one), audit_request_pkey(other));
}

SUITE(test_record, CASE(a_record_is_the_documented_bytes),
      CASE(decisions_alike_about_one_person_are_one),
      CASE(a_rows_own_action_goes_before_the_transactions),
      CASE(a_row_of_another_transaction_takes_its_kind_from_the_table),
      CASE(a_long_detail_is_cut_between_characters_and_says_so), CASE(a_long_id_is_cut_as_well),
      CASE(requests_without_a_patient_spread_by_their_id));
