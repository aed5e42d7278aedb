#include "hub/command/doors.h"

#include "hub/command/cli.h"
#include "tests/support/suite.h"

/* --- a program of one module and one command ------------------------------------------------- */

static struct transaction transactions[2];
static struct outbox_carrier carriers[2];
static struct door query_door;
static const struct protocol protocol = {.name = "try"};
static const struct route routes[] = {
    {.path = "/try", .protocol = &protocol, .transactions = transactions},
    {.protocol = NULL},
};

static void queries(door_visitor *visit, void *to)
{
    const struct door_place place = {.kind = "query", .name = "FindAll", .door = &query_door};

    visit(to, &place);
}

static const struct hub_module module = {.name = "try",
                                         .routes = routes,
                                         .carriers = carriers,
                                         .doors = queries};
static const struct hub_module *const modules[] = {&module, NULL};

static bool leaf_did_something;

static int leaf(const void *context, int argc, char **argv)
{
    static const struct cli cli = {"causeway try it", "Tries.", NULL};
    struct cli_args args;
    int done = cli_parse(&cli, argc, argv, &args);

    (void)context;
    if (done < 0)
        leaf_did_something = true;
    return done;
}

static int nested(const void *context, int argc, char **argv)
{
    static const struct cli_verb verbs[] = {{"add", "adds", leaf, NULL}, {NULL, NULL, NULL, NULL}};

    (void)context;
    return cli_dispatch("try it", "Tries.", verbs, argc, argv);
}

static int run(int argc, char **argv)
{
    static const struct cli_verb verbs[] = {
        {"look", "looks", leaf, NULL},
        {"it", "tries it", nested, NULL},
        {NULL, NULL, NULL, NULL},
    };

    return cli_dispatch("try", "Tries.", verbs, argc, argv);
}

static const struct command command = {"try", "tries", run};
static const struct command *const commands[] = {&command, NULL};

static const struct door_command all_rows[] = {
    {"try look", SHOWS_STAFF("something")},
    {"try it add", DISCLOSES_NOTHING("it adds")},
    {.path = NULL},
};

static void everything_says_what_it_discloses(void)
{
    transactions[0] = (struct transaction){.name = "ITI-99", .door = DISCLOSES("a thing")};
    carriers[0] =
        (struct outbox_carrier){.kind = "post",
                                .transaction = {.name = "ITI-98", .door = DISCLOSES("a thing")}};
    query_door = (struct door)DISCLOSES("things");
    leaf_did_something = false;
}

/* How many faults, and that the last one names this. */
static size_t faults(const struct door_command *rows, const char *named)
{
    const struct door_register all = {modules, commands, rows};
    struct arena a;
    struct strbuf out;
    size_t n;

    arena_init(&a);
    out = strbuf_on(&a, 256);
    n = doors_check(&a, &all, &out);
    CU_ASSERT(str_starts(strbuf_str(&out), str_from(named)));
    arena_dispose(&a);
    return n;
}

/* --- the cases ------------------------------------------------------------------------------- */

static void a_program_whose_operations_all_say_passes(void)
{
    everything_says_what_it_discloses();
    CU_ASSERT_EQUAL(faults(all_rows, ""), 0);
    CU_ASSERT_FALSE(leaf_did_something);
}

static void a_transaction_without_a_door_fails(void)
{
    everything_says_what_it_discloses();
    transactions[0].door = (struct door){0};
    CU_ASSERT_EQUAL(faults(all_rows, "transaction ITI-99 /try"), 1);
}

static void a_door_without_words_fails(void)
{
    everything_says_what_it_discloses();
    transactions[0].door = (struct door)DISCLOSES_NOTHING("");
    CU_ASSERT_EQUAL(faults(all_rows, "transaction ITI-99 /try"), 1);
}

static void a_carrier_without_a_door_fails(void)
{
    everything_says_what_it_discloses();
    carriers[0].transaction.door = (struct door){0};
    CU_ASSERT_EQUAL(faults(all_rows, "carrier ITI-98"), 1);
}

static void a_stored_query_without_a_door_fails(void)
{
    everything_says_what_it_discloses();
    query_door = (struct door){0};
    CU_ASSERT_EQUAL(faults(all_rows, "query FindAll"), 1);
}

static void a_command_without_a_row_fails(void)
{
    static const struct door_command rows[] = {
        {"try look", SHOWS_STAFF("something")},
        {.path = NULL},
    };

    everything_says_what_it_discloses();
    CU_ASSERT_EQUAL(faults(rows, "command try it add"), 1);
}

static void a_row_without_its_command_fails(void)
{
    static const struct door_command rows[] = {
        {"try look", SHOWS_STAFF("something")},
        {"try it add", DISCLOSES_NOTHING("it adds")},
        {"try gone", DISCLOSES_NOTHING("it was")},
        {.path = NULL},
    };

    everything_says_what_it_discloses();
    CU_ASSERT_EQUAL(faults(rows, "command try gone"), 1);
}

SUITE(test_doors, CASE(a_program_whose_operations_all_say_passes),
      CASE(a_transaction_without_a_door_fails), CASE(a_door_without_words_fails),
      CASE(a_carrier_without_a_door_fails), CASE(a_stored_query_without_a_door_fails),
      CASE(a_command_without_a_row_fails), CASE(a_row_without_its_command_fails));
