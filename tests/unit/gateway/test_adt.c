/* gateway/adt and gateway/patient_id: whose identifiers count, and what a PID says. */
#include "gateway/adt.h"

#include <dirent.h>
#include <stdio.h>

#include "gateway/patient_id.h"
#include "tests/unit/gateway/bench.h"

#define MSH(event) "MSH|^~\\&|APP|NORTH|HUB|REGION|20260101||ADT^" event "|1|P|2.5\n"

static void only_identifiers_of_the_members_own_authority_are_taken(void)
{
    static const struct {
        const char *cx;
        enum patient_id_kind kind;
        const char *authority;
    } CASES[] = {
        {"1^^^&" NORTH_OID "&ISO", PATIENT_ID_OWN, NORTH_OID},
        {"1^^^NS&" NORTH_OID "&ISO^MR", PATIENT_ID_OWN, NORTH_OID},
        {"1^^^&urn:oid:" NORTH_OID "&ISO", PATIENT_ID_OWN, NORTH_OID},
        {"1^^^NORTH", PATIENT_ID_OWN, NORTH_OID},
        {"1", PATIENT_ID_OWN, NORTH_OID},
        {"1^^^SOUTH", PATIENT_ID_UNKNOWN, NULL}, /* a namespace is a source's own word */
        {"1^^^&1.2.3.4&ISO", PATIENT_ID_UNKNOWN, NULL},
        {"1^^^north.example&north.example&DNS", PATIENT_ID_UNKNOWN, NULL},
        {"1^^^&" SOUTH_OID "&ISO", PATIENT_ID_FOREIGN, SOUTH_OID},
        {"1^^^&" XAD_OID "&ISO", PATIENT_ID_FOREIGN, XAD_OID},
        {"1^^^&" NORTH_OID "&ISO^AN", PATIENT_ID_NONE, NULL},
        {"1^^^&" NORTH_OID "&ISO^VN", PATIENT_ID_NONE, NULL},
        {"219091234^^^&" NORTH_OID "&ISO^SS", PATIENT_ID_NONE, NULL},
        {"^^^&" NORTH_OID "&ISO", PATIENT_ID_NONE, NULL},
        {"\"\"^^^&" NORTH_OID "&ISO", PATIENT_ID_NONE, NULL},
    };
    struct bench t;

    bench_open(&t, "hub", MSH("A01"));
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct identifier id = {STR_NONE, STR_NONE};
        enum patient_id_kind kind = patient_id_read(&t.rq, &t.m, str_from(CASES[i].cx), &id);

        CU_ASSERT_EQUAL(kind, CASES[i].kind);
        if (CASES[i].authority != NULL)
            CHECK_STR(id.authority, str_from(CASES[i].authority));
    }
    bench_close(&t);
}

static void an_xad_pid_counts_from_the_member_that_feeds_them(void)
{
    struct bench t;
    struct identifier id;

    bench_open(&t, "north", MSH("A01"));
    CU_ASSERT_EQUAL(patient_id_read(&t.rq, &t.m, STR("X^^^&" XAD_OID "&ISO"), &id), PATIENT_ID_XAD);
    t.rq.principal.member = &t.members[1];
    CU_ASSERT_EQUAL(patient_id_read(&t.rq, &t.m, STR("X^^^&" XAD_OID "&ISO"), &id),
                    PATIENT_ID_FOREIGN);
    bench_close(&t);
}

static void a_pid_becomes_demographics(void)
{
    struct bench t;
    struct mpi_feed f;
    const struct mpi_name *name;

    bench_open(&t, "hub",
               MSH("A01") "PID|||9^^^&1.2.9&ISO~17^^^NORTH^MR~88^^^NORTH^AN||"
                          "^BEA^^^^^A~WASH\\T\\TON&van&x^MARY^ROSE^II^Dr.^^L||19771208|F|||"
                          "100 JORIE BLVD&JORIE^APT 5^CHICAGO^IL^60523^US^H||"
                          "(012)000-1^PRN^PH~^NET^Internet^m@example.org|^WPN^PH^^^312^5550100|"
                          "||||219-09-1234|||||Y|2");
    CU_ASSERT_EQUAL_FATAL(adt_read_patient(&t.rq, &t.m, &f), OK);
    CU_ASSERT_EQUAL(f.id_count, 1);
    CHECK_STR(f.ids[0].id, STR("17"));
    CHECK_STR(t.rq.patient, STR("17^^^&" NORTH_OID "&ISO"));
    name = mpi_demographics_name(&f.demographics);
    CHECK_STR(name->family, STR("WASH&TON"));
    CHECK_STR(name->suffix, STR("II"));
    CHECK_STR(f.demographics.addresses[0].street, STR("100 JORIE BLVD"));
    CU_ASSERT_EQUAL(f.demographics.telecom_count, 3);
    CHECK_STR(f.demographics.telecoms[1].value, STR("m@example.org"));
    CHECK_STR(f.demographics.telecoms[2].value, STR("3125550100"));
    CHECK_STR(f.demographics.ssn, STR("219-09-1234"));
    CHECK_STR(f.demographics.birth_order, STR("2"));
    bench_close(&t);
}

static void absent_deleted_and_empty_values_are_three_things(void)
{
    struct bench t;
    struct mpi_feed f;

    bench_open(&t, "hub", MSH("A08") "PID|||17^^^NORTH||^^^^^^L|||\"\"|||\"\"");
    CU_ASSERT_EQUAL_FATAL(adt_read_patient(&t.rq, &t.m, &f), OK);
    CU_ASSERT_FALSE(f.demographics.names_given);
    CU_ASSERT_PTR_NULL(f.demographics.birth_date.p);
    CU_ASSERT_PTR_NOT_NULL(f.demographics.sex.p);
    CU_ASSERT_EQUAL(f.demographics.sex.n, 0);
    CU_ASSERT_TRUE(f.demographics.addresses_given);
    CU_ASSERT_EQUAL(f.demographics.address_count, 0);
    CU_ASSERT_FALSE(f.demographics.telecoms_given);
    bench_close(&t);
}

static void what_is_wrong_with_a_feed_is_named(void)
{
    static const struct {
        const char *text, *code, *location;
    } CASES[] = {
        {MSH("A01") "EVN|A01", "100", "PID"},
        {MSH("A01") "PID|||", "101", "PID^1^3"},
        {MSH("A01") "PID|||88^^^NORTH^AN", "101", "PID^1^3"},
        {MSH("A01") "PID|||1^^^&1.2.3&ISO", "204", "PID^1^3"},
        {MSH("A01") "PID|||1^^^NORTH||A^B||19801332", "102", "PID^1^7"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench t;
        struct mpi_feed f;

        bench_open(&t, "hub", CASES[i].text);
        CU_ASSERT_EQUAL(adt_read_patient(&t.rq, &t.m, &f), INVALID);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t.err.first);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, CASES[i].code);
        CHECK_STR(t.err.first->location, str_from(CASES[i].location));
        bench_close(&t);
    }
}

static void merges_come_in_groups_and_pairs_of_one_authority(void)
{
    struct bench t;
    struct adt_merge *merges;
    size_t count;

    bench_open(&t, "north",
               MSH("A40^ADT_A39") "PID|||1^^^NORTH~X1^^^&" XAD_OID "&ISO\nPD1|\n"
                                  "MRG|2^^^NORTH~X2^^^&" XAD_OID "&ISO\nPV1||O\n"
                                  "PID|||3^^^NORTH\nMRG|4^^^NORTH");
    CU_ASSERT_EQUAL_FATAL(adt_read_merges(&t.rq, &t.m, &merges, &count), OK);
    CU_ASSERT_EQUAL_FATAL(count, 3);
    CU_ASSERT_TRUE(merges[0].xad);
    CHECK_STR(merges[0].surviving.id, STR("X1"));
    CHECK_STR(merges[0].subsumed.id, STR("X2"));
    CU_ASSERT_FALSE(merges[1].xad);
    CHECK_STR(merges[1].subsumed.id, STR("2"));
    CHECK_STR(merges[2].surviving.id, STR("3"));
    CHECK_STR(merges[2].subsumed.id, STR("4"));
    bench_close(&t);
}

static void a_merge_without_its_other_half_is_refused(void)
{
    static const struct {
        const char *text, *code;
    } CASES[] = {
        {MSH("A40") "PID|||1^^^NORTH", "100"},
        {MSH("A40") "MRG|2^^^NORTH", "100"},
        {MSH("A40") "EVN|A40", "100"},
        {MSH("A40") "PID|||1^^^NORTH\nMRG|", "101"},
        {MSH("A40") "PID|||1^^^NORTH\nMRG|2^^^&" SOUTH_OID "&ISO", "204"},
        {MSH("A40") "PID|||1^^^NORTH\nMRG|X^^^&" XAD_OID "&ISO", "204"},
        {MSH("A40") "PID|||1^^^NORTH\nPID|||3^^^NORTH\nMRG|2^^^NORTH", "100"},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench t;
        struct adt_merge *merges;
        size_t count;

        bench_open(&t, "hub", CASES[i].text);
        CU_ASSERT_EQUAL(adt_read_merges(&t.rq, &t.m, &merges, &count), INVALID);
        CU_ASSERT_PTR_NOT_NULL_FATAL(t.err.first);
        CU_ASSERT_STRING_EQUAL(t.err.first->code, CASES[i].code);
        bench_close(&t);
    }
}

static void read_file(const char *folder, const char *file, char *bytes, size_t size)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    f = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    bytes[fread(bytes, 1, size - 1, f)] = '\0';
    fclose(f);
}

/* In hospitals' real ADT messages PID is read, whatever the version; the authorities there are
 * nobody's here, and that alone is held against them. */
static void real_patients_are_read(void)
{
    const char *folder = test_data("hl7v2/fhir-converter-hl7v2/data/SampleData/Hl7v2");
    DIR *d = folder ? opendir(folder) : NULL;
    struct dirent *e;
    size_t seen = 0;

    while (d != NULL && (e = readdir(d)) != NULL) {
        static char bytes[1 << 18];
        struct bench t;
        struct mpi_feed f;

        if (strncmp(e->d_name, "ADT-A0", 6) != 0)
            continue;
        read_file(folder, e->d_name, bytes, sizeof(bytes));
        bench_open(&t, "hub", bytes);
        if (adt_read_patient(&t.rq, &t.m, &f) != OK)
            CHECK_STR(t.err.first->location, STR("PID^1^3"));
        seen++;
        bench_close(&t);
    }
    if (d != NULL) {
        CU_ASSERT_TRUE(seen >= 16);
        closedir(d);
    }
}

SUITE(test_adt, CASE(only_identifiers_of_the_members_own_authority_are_taken),
      CASE(an_xad_pid_counts_from_the_member_that_feeds_them), CASE(a_pid_becomes_demographics),
      CASE(absent_deleted_and_empty_values_are_three_things),
      CASE(what_is_wrong_with_a_feed_is_named),
      CASE(merges_come_in_groups_and_pairs_of_one_authority),
      CASE(a_merge_without_its_other_half_is_refused), CASE(real_patients_are_read));
