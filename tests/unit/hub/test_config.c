#include "hub/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/suite.h"

#define REQUIRED                                                                                   \
    "home_community_id = 1.2.3\nxad_authority = 1.2.4\nrepository_unique_id = 1.2.5\n"             \
    "database = dbname=x\ntls_certificate = c\ntls_key = k\nmaster_key = m\n"

static enum status read_text(struct arena *a, struct errors *err, const char *text,
                             struct config *out)
{
    char path[] = "/tmp/causeway-config-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    enum status s;

    fputs(text, f);
    fclose(f);
    errors_init(err, a);
    s = config_read(a, path, out, err);
    unlink(path);
    return s;
}

static void what_is_not_given_has_its_default(void)
{
    struct arena a;
    struct errors err;
    struct config c;

    arena_init(&a);
    CU_ASSERT_EQUAL(read_text(&a, &err, "# words\n[region]\n" REQUIRED "workers = 3\n", &c), OK);
    CHECK_STR(str_from(c.home_community_id), STR("1.2.3"));
    CHECK_STR(str_from(c.listen), STR("0.0.0.0:8443"));
    CU_ASSERT_EQUAL(c.workers, 3);
    CU_ASSERT_EQUAL(c.idle_seconds, 300);
    CU_ASSERT_FALSE(c.tls_dhe);
    arena_dispose(&a);
}

static void every_mistake_is_told_with_its_line(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {REQUIRED "wrokers = 3\n", ":8: no such key: wrokers"},
        {REQUIRED "workers = 0\n", ":8: workers = 0: a number from 1 to 256"},
        {REQUIRED "workers = 3x\n", "workers = 3x"},
        {REQUIRED "tls_dhe = yes\n", "on or off"},
        {REQUIRED "workers\n", "not 'key = value'"},
        {REQUIRED "workers = 3\nworkers = 4\n", ":9: workers is given twice"},
        {"", "home_community_id is required"},
        {REQUIRED "max_memory_mb = 79\n", "max_memory_mb = 79: a member may use a quarter of it"},
        {REQUIRED "max_memory_mb = 80\nmax_message_kb = 10241\n", "set it to 81 or more"},
    };
    struct arena a;
    struct errors err;
    struct config c;

    arena_init(&a);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CU_ASSERT_EQUAL(read_text(&a, &err, cases[i].text, &c), INVALID);
        CU_ASSERT_FATAL(err.first != NULL);
        if (str_find_str(err.first->text, str_from(cases[i].says)) < 0)
            CHECK_STR(err.first->text, str_from(cases[i].says));
    }
    arena_dispose(&a);
}

static void all_mistakes_are_told_at_once(void)
{
    struct arena a;
    struct errors err;
    struct config c;

    arena_init(&a);
    CU_ASSERT_EQUAL(read_text(&a, &err, "one = 1\ntwo = 2\n", &c), INVALID);
    CU_ASSERT_EQUAL(err.count, 2 + 7);
    arena_dispose(&a);
}

static void the_manual_reads_as_a_configuration(void)
{
    struct arena a;
    struct errors err;
    struct config c;
    struct str manual;

    arena_init(&a);
    manual = config_manual(&a);
    CU_ASSERT(str_find_str(manual, STR("#workers = 16\n")) > 0);
    CU_ASSERT_EQUAL(read_text(&a, &err, manual.p, &c), INVALID);
    CU_ASSERT_EQUAL(err.count, 7); /* the required ones, which are empty there */
    arena_dispose(&a);
}

static void configurations_are_told_apart_and_by_who_has_the_key(void)
{
    static const unsigned char key[32] = {1}, other_key[32] = {2};
    static const char *const texts[] = {REQUIRED, REQUIRED "workers = 3\n",
                                        REQUIRED "tls_dhe = on\n", REQUIRED "store_dir = /x\n"};
    struct arena a;
    struct errors err;
    struct config c;
    struct str digests[4];

    arena_init(&a);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(read_text(&a, &err, texts[i], &c), OK);
        digests[i] = config_digest(&a, &c, key);
        CU_ASSERT_EQUAL(digests[i].n, 16);
        CHECK_STR(config_digest(&a, &c, key), digests[i]);
        CU_ASSERT_FALSE(str_eq(config_digest(&a, &c, other_key), digests[i]));
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_FALSE(str_eq(digests[k], digests[i]));
    }
    arena_dispose(&a);
}

SUITE(test_config, CASE(what_is_not_given_has_its_default),
      CASE(every_mistake_is_told_with_its_line), CASE(all_mistakes_are_told_at_once),
      CASE(the_manual_reads_as_a_configuration),
      CASE(configurations_are_told_apart_and_by_who_has_the_key));
