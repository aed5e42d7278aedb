/* hex, base64, keys, uuid, oid, clock and JSON text: the small formats of base. */
#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/base/hash.h"
#include "hub/base/hex.h"
#include "hub/base/json_text.h"
#include "hub/base/oid.h"
#include "hub/base/uuid.h"
#include "tests/support/suite.h"

static void base64_is_read_and_refused_where_it_is_not_canonical(void)
{
    static const struct {
        struct str plain, coded;
    } good[] = {{STR(""), STR("")},
                {STR("f"), STR("Zg==")},
                {STR("fo"), STR("Zm8=")},
                {STR("foo"), STR("Zm9v")},
                {STR("foob"), STR("Zm9vYg==")}};
    static const struct str bad[] = {STR("Zg="),   STR("Zg"),    STR("Zh=="), STR("Z"),
                                     STR("Zm9=v"), STR("Zm9v="), STR("Zm-_")};
    struct arena a;
    struct str out;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT(base64_decode(&a, good[i].coded, &out));
        CHECK_STR(base64_encode(&a, out), good[i].coded);
        CHECK_STR(out, good[i].plain);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_FALSE(base64_decode(&a, bad[i], &out));
    CU_ASSERT(base64_decode(&a, STR(" Zm\r\n9v "), &out) && str_eq(out, STR("foo")));
    arena_dispose(&a);
}

static void a_uuid_reads_back_and_version_7_sorts_by_time(void)
{
    struct arena a;
    struct uuid first, second, read;

    arena_init(&a);
    clock_set_for_tests(1000 * US_PER_SECOND);
    first = uuid_v7();
    clock_set_for_tests(1001 * US_PER_SECOND);
    second = uuid_v7();
    clock_set_for_tests(0);
    CU_ASSERT(str_compare(uuid_text(&a, first), uuid_text(&a, second)) < 0);
    CU_ASSERT(uuid_parse_urn(uuid_urn(&a, first), &read) && uuid_eq(first, read));
    CU_ASSERT_FALSE(uuid_parse(STR("not-a-uuid"), &read));
    CU_ASSERT_FALSE(uuid_parse(STR("00000000x0000-0000-0000-000000000000"), &read));
    arena_dispose(&a);
}

static void ids_of_one_millisecond_sort_as_they_were_made(void)
{
    struct uuid before = uuid_v7(), next;

    clock_set_for_tests(clock_now_us());
    for (int i = 0; i < 5000; i++, before = next) {
        next = uuid_v7();
        CU_ASSERT(memcmp(before.b, next.b, sizeof(next.b)) < 0 && next.b[6] >> 4 == 7);
    }
    clock_set_for_tests(0);
}

static void oids_have_real_arcs(void)
{
    static const struct str good[] = {STR("1.2"), STR("2.999.1"), STR("1.3.6.1.4.1.21367")};
    static const struct str bad[] = {STR(""),      STR("1"),     STR("3.1"),  STR("1.40.1"),
                                     STR("1.2."),  STR(".1.2"),  STR("1..2"), STR("1.02.3"),
                                     STR("1.2.a"), STR("1.2.3 ")};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CU_ASSERT(oid_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_FALSE(oid_valid(bad[i]));
    CHECK_STR(oid_strip_urn(STR("urn:oid:1.2.3")), STR("1.2.3"));
}

/* ITU-T X.667: f81d4fae-7dec-11d0-a765-00a0c91e6bf6
 * is 2.25.329800735698586629295641978511506172918. */
static void a_uuid_is_an_oid(void)
{
    struct arena a;
    struct uuid u;

    arena_init(&a);
    CU_ASSERT(uuid_parse(STR("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), &u));
    CHECK_STR(oid_of_uuid(&a, u), STR("2.25.329800735698586629295641978511506172918"));
    CHECK_STR(oid_of_uuid(&a, (struct uuid){{0}}), STR("2.25.0"));
    CU_ASSERT(oid_valid(oid_of_uuid(&a, uuid_v4())));
    arena_dispose(&a);
}

static void a_dtm_covers_what_its_precision_leaves_open(void)
{
    static const struct {
        struct str text;
        int64_t from_s, seconds;
    } good[] = {{STR("1970"), 0, 365 * 86400},
                {STR("197002"), 31 * 86400, 28 * 86400},
                {STR("19700102"), 86400, 86400},
                {STR("1970010203"), 86400 + 3 * 3600, 3600},
                {STR("19700102030405"), 86400 + 3 * 3600 + 4 * 60 + 5, 1},
                {STR("197001020304+0100"), 86400 + 2 * 3600 + 4 * 60, 60}};
    static const struct str bad[] = {STR(""),
                                     STR("197"),
                                     STR("1970013"),
                                     STR("19701301"),
                                     STR("19700230"),
                                     STR("1970-01-02"),
                                     STR("19700102030460"),
                                     STR("19700102030405."),
                                     STR("19700102030405+1")};
    int64_t from, to;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT(clock_parse_dtm(good[i].text, &from, &to));
        CU_ASSERT_EQUAL(from, good[i].from_s * US_PER_SECOND);
        CU_ASSERT_EQUAL(to - from, good[i].seconds * US_PER_SECOND);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_FALSE(clock_parse_dtm(bad[i], &from, &to));
}

static void iso_times_read_back(void)
{
    struct arena a;
    int64_t us;

    arena_init(&a);
    CU_ASSERT(clock_parse_iso(STR("2026-11-22T15:04:05.123456Z"), &us));
    CHECK_STR(clock_iso(&a, us), STR("2026-11-22T15:04:05.123456Z"));
    CHECK_STR(clock_dtm(&a, us), STR("20261122150405"));
    CU_ASSERT(clock_parse_iso(STR("2026-11-22T16:04:05+01:00"), &us));
    CHECK_STR(clock_iso(&a, us), STR("2026-11-22T15:04:05.000000Z"));
    CU_ASSERT_FALSE(clock_parse_iso(STR("2026-11-22T15:04:05"), &us));
    arena_dispose(&a);
}

static void json_text_always_parses(void)
{
    struct arena a;
    struct strbuf b;

    arena_init(&a);
    b = strbuf_on(&a, 0);
    json_text_add(&b, STR("a\"\\\n\x01\xff\xc3\xa9"));
    CHECK_STR(strbuf_str(&b), STR("\"a\\\"\\\\\\n\\u0001\\ufffd\xc3\xa9\""));
    arena_dispose(&a);
}

/* FIPS 180-2, B.1: SHA-256("abc") begins with ba7816bf 8f01cfea. */
static void a_key_is_the_head_of_the_hash_of_all_parts(void)
{
    const struct str parts[] = {STR("a"), STR(""), STR("bc")};

    CU_ASSERT_EQUAL((uint64_t)hash_key(parts, 3), UINT64_C(0xba7816bf8f01cfea));
    CU_ASSERT_EQUAL((uint64_t)hash_key(NULL, 0), UINT64_C(0xe3b0c44298fc1c14));
}

SUITE(test_text, CASE(a_key_is_the_head_of_the_hash_of_all_parts),
      CASE(base64_is_read_and_refused_where_it_is_not_canonical),
      CASE(a_uuid_reads_back_and_version_7_sorts_by_time),
      CASE(ids_of_one_millisecond_sort_as_they_were_made), CASE(oids_have_real_arcs),
      CASE(a_uuid_is_an_oid), CASE(a_dtm_covers_what_its_precision_leaves_open),
      CASE(iso_times_read_back), CASE(json_text_always_parses));
