#include "hub/command/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/command/cli_print.h"
#include "tests/support/suite.h"

static const struct cli_option options[] = {
    {"cert", "FILE", "a certificate"},
    {"direct", NULL, "trust it"},
    {NULL, NULL, NULL},
};
static const struct cli cli = {"causeway try NAME [--cert FILE]...", "Tries.", options};

/* Parses the words with standard output and error kept away from the test's own. */
static int parse(struct cli_args *args, int argc, const char **argv)
{
    FILE *quiet = fopen("/dev/null", "w");
    FILE *out = stdout, *err = stderr;
    int status;

    stdout = quiet;
    stderr = quiet;
    status = cli_parse(&cli, argc, (char **)argv, args);
    stdout = out;
    stderr = err;
    fclose(quiet);
    return status;
}
#define PARSE(args, ...)                                                                           \
    parse((args), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                   \
          (const char *[]){__VA_ARGS__})

static void options_and_words_may_be_mixed(void)
{
    struct cli_args args;
    const char *certs[1];

    CU_ASSERT_EQUAL(PARSE(&args, "try", "--cert", "a.pem", "st-mary", "--direct", "--cert=b=c.pem"),
                    -1);
    CU_ASSERT_EQUAL(args.positional_count, 1);
    CHECK_STR(str_from(args.positional[0]), STR("st-mary"));
    CHECK_STR(str_from(cli_value(&args, "cert")), STR("b=c.pem"));
    CU_ASSERT_EQUAL(cli_values(&args, "cert", certs, 1), 2);
    CHECK_STR(str_from(certs[0]), STR("a.pem"));
    CU_ASSERT_PTR_NOT_NULL(cli_value(&args, "direct"));
    CU_ASSERT_FALSE(args.json);
}

static void what_is_not_given_is_null(void)
{
    struct cli_args args;

    CU_ASSERT_EQUAL(PARSE(&args, "try"), -1);
    CU_ASSERT_PTR_NULL(cli_value(&args, "cert"));
    CU_ASSERT_PTR_NULL(cli_value(&args, "direct"));
    CU_ASSERT_EQUAL(cli_values(&args, "cert", NULL, 0), 0);
}

static void wrong_usage_is_2_and_help_is_0(void)
{
    struct cli_args args;

    CU_ASSERT_EQUAL(PARSE(&args, "try", "--nonsense"), 2);
    CU_ASSERT_EQUAL(PARSE(&args, "try", "-x"), 2);
    CU_ASSERT_EQUAL(PARSE(&args, "try", "--cert"), 2);
    CU_ASSERT_EQUAL(PARSE(&args, "try", "--direct=yes"), 2);
    CU_ASSERT_EQUAL(PARSE(&args, "try", "a", "--help", "--nonsense"), 0);
    CU_ASSERT_EQUAL(PARSE(&args, "try", "-h"), 0);
}

static void two_dashes_end_the_options(void)
{
    struct cli_args args;

    CU_ASSERT_EQUAL(PARSE(&args, "try", "--json", "--", "--direct", "-"), -1);
    CU_ASSERT(args.json);
    CU_ASSERT_EQUAL(args.positional_count, 2);
    CHECK_STR(str_from(args.positional[0]), STR("--direct"));
    CU_ASSERT_PTR_NULL(cli_value(&args, "direct"));
}

static void the_option_beats_the_environment_beats_the_default(void)
{
    struct cli_args args;

    unsetenv("CAUSEWAY_CONFIG");
    CU_ASSERT_EQUAL(PARSE(&args, "try"), -1);
    CHECK_STR(str_from(args.config_file), STR("/etc/causeway/causeway.conf"));
    setenv("CAUSEWAY_CONFIG", "mine.conf", 1);
    CU_ASSERT_EQUAL(PARSE(&args, "try"), -1);
    CHECK_STR(str_from(args.config_file), STR("mine.conf"));
    CU_ASSERT_EQUAL(PARSE(&args, "try", "--config", "theirs.conf"), -1);
    CHECK_STR(str_from(args.config_file), STR("theirs.conf"));
    unsetenv("CAUSEWAY_CONFIG");
}

static void too_many_arguments_are_refused(void)
{
    const char *argv[100] = {"try"};
    struct cli_args args;

    for (int i = 1; i < 100; i++)
        argv[i] = "word";
    CU_ASSERT_EQUAL(parse(&args, 65, argv), -1);
    CU_ASSERT_EQUAL(parse(&args, 66, argv), 2);
    for (int i = 1; i < 100; i++)
        argv[i] = "--direct";
    CU_ASSERT_EQUAL(parse(&args, 66, argv), 2);
}

static void a_table_aligns_and_shows_no_control_characters(void)
{
    struct cli_args args;
    struct cli_table t;
    struct strbuf out;

    CU_ASSERT_EQUAL(PARSE(&args, "try"), -1);
    t = cli_table_on(args.arena, 2);
    cli_table_row(&t, STR("NAME"), STR("STATE"));
    cli_table_row(&t, STR("gr\xc3\xbc\xc3\x9f"), STR("a\x1b[2J\xc2\x9b"));
    for (int i = 0; i < 40; i++)
        cli_table_row(&t, STR("longest"), STR_NONE);
    out = strbuf_on(args.arena, 64);
    cli_table_write(&t, &out);
    CU_ASSERT(str_starts(strbuf_str(&out), STR("NAME     STATE\n"
                                               "gr\xc3\xbc\xc3\x9f     a?[2J?\n"
                                               "longest  \n")));
}

static void json_commas_come_by_themselves(void)
{
    struct cli_args args;
    struct strbuf out;

    CU_ASSERT_EQUAL(PARSE(&args, "try"), -1);
    out = strbuf_on(args.arena, 64);
    strbuf_lit(&out, "{");
    cli_json_text(&out, "a", STR("\"{"));
    cli_json_int(&out, "b", -1);
    cli_json_bool(&out, "c", true);
    cli_json_key(&out, "d");
    strbuf_lit(&out, "[");
    cli_json_comma(&out);
    strbuf_lit(&out, "1");
    cli_json_comma(&out);
    strbuf_lit(&out, "2]}");
    CHECK_STR(strbuf_str(&out), STR("{\"a\":\"\\\"{\",\"b\":-1,\"c\":true,\"d\":[1,2]}"));
}

SUITE(test_cli, CASE(options_and_words_may_be_mixed), CASE(what_is_not_given_is_null),
      CASE(wrong_usage_is_2_and_help_is_0), CASE(two_dashes_end_the_options),
      CASE(the_option_beats_the_environment_beats_the_default),
      CASE(too_many_arguments_are_refused), CASE(a_table_aligns_and_shows_no_control_characters),
      CASE(json_commas_come_by_themselves));
