#include "hub/command/cli.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/json_text.h"
#include "hub/base/log.h"

#define CONFIG_FILE "/etc/causeway/causeway.conf"

/* cli_only_tell's. */
static struct {
    void (*tell)(void *to, const char *path);
    void *to;
    char path[128];
} telling;

void cli_only_tell(void (*tell)(void *to, const char *path), void *to)
{
    telling.tell = tell;
    telling.to = to;
}

void cli_tell_path(const char *path)
{
    snprintf(telling.path, sizeof(telling.path), "%s", path);
}

static const struct cli_option common_options[] = {
    {"config", "FILE", "configuration; default $CAUSEWAY_CONFIG, else " CONFIG_FILE},
    {"json", NULL, "print JSON, for scripts"},
    {"help", NULL, "print this"},
    {NULL, NULL, NULL},
};

static const struct cli_option *option_in(const struct cli_option *o, struct str name)
{
    for (; o != NULL && o->name != NULL; o++)
        if (str_eq(str_from(o->name), name))
            return o;
    return NULL;
}

static const struct cli_option *option_find(const struct cli *c, struct str name)
{
    const struct cli_option *o = option_in(c->options, name);

    return o != NULL ? o : option_in(common_options, name);
}

static void print_options(const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
}

static void print_help(const struct cli *c)
{
    printf("usage: %s\n\n%s\n\nOptions:\n", c->usage, c->text);
    print_options(c->options);
    print_options(common_options);
}

/* How much of the usage names the command: the words before the first operand or option. */
static size_t command_length(const char *usage)
{
    size_t n = strcspn(usage, "-[<|ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    while (n > 0 && usage[n - 1] == ' ')
        n--;
    return n;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("causeway: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nusage: %s\n`%.*s --help` explains it.\n", c->usage,
            (int)command_length(c->usage), c->usage);
    return 2;
}

/* The arena of the process: a command allocates and ends. */
static struct arena *process_arena(void)
{
    static struct arena arena;
    static bool ready;

    if (!ready)
        arena_init(&arena);
    ready = true;
    return &arena;
}

static void args_init(struct cli_args *args)
{
    const char *from_environment = getenv("CAUSEWAY_CONFIG");

    *args = (struct cli_args){.arena = process_arena(), .config_file = CONFIG_FILE};
    if (from_environment != NULL && *from_environment != '\0')
        args->config_file = from_environment;
    args->err = ARENA_NEW(args->arena, struct errors);
    errors_init(args->err, args->arena);
}

static int positional(const struct cli *c, const char *text, struct cli_args *out)
{
    if (out->positional_count == sizeof(out->positional) / sizeof(out->positional[0]))
        return cli_usage(c, "too many arguments");
    out->positional[out->positional_count++] = text;
    return -1;
}

/* Keeps an option, or acts on one that every command has. */
static int given(const struct cli *c, const struct cli_option *o, const char *value,
                 struct cli_args *out)
{
    if (strcmp(o->name, "help") == 0) {
        print_help(c);
        return 0;
    }
    if (strcmp(o->name, "config") == 0)
        out->config_file = value;
    else if (strcmp(o->name, "json") == 0)
        out->json = true;
    if (out->given_count == sizeof(out->given) / sizeof(out->given[0]))
        return cli_usage(c, "too many options");
    out->given[out->given_count].name = o->name;
    out->given[out->given_count++].value = value;
    return -1;
}

/* --name, --name value or --name=value at argv[*i]. */
static int option(const struct cli *c, int argc, char **argv, int *i, struct cli_args *out)
{
    const char *word = argv[*i];
    struct str rest = str_from(word + 2), name = str_cut(&rest, '=');
    const struct cli_option *o = option_find(c, name);

    if (o == NULL)
        return cli_usage(c, "unknown option --%.*s", STR_ARG(name));
    if (o->value == NULL)
        return rest.p == NULL ? given(c, o, "", out) : cli_usage(c, "--%s takes no value", o->name);
    if (rest.p != NULL)
        return given(c, o, rest.p, out);
    if (*i + 1 >= argc)
        return cli_usage(c, "--%s needs a value: %s", o->name, o->value);
    return given(c, o, argv[++*i], out);
}

int cli_parse(const struct cli *c, int argc, char **argv, struct cli_args *out)
{
    bool options = true;

    args_init(out);
    if (telling.tell != NULL) {
        telling.tell(telling.to, telling.path);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        int status;

        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
            continue;
        }
        if (options && strcmp(argv[i], "-h") == 0)
            status = given(c, option_find(c, STR("help")), "", out);
        else if (options && strncmp(argv[i], "--", 2) == 0)
            status = option(c, argc, argv, &i, out);
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            status = cli_usage(c, "unknown option %s", argv[i]);
        else
            status = positional(c, argv[i], out);
        if (status >= 0)
            return status;
    }
    return -1;
}

const char *cli_value(const struct cli_args *args, const char *name)
{
    for (size_t i = args->given_count; i > 0; i--)
        if (strcmp(args->given[i - 1].name, name) == 0)
            return args->given[i - 1].value;
    return NULL;
}

size_t cli_values(const struct cli_args *args, const char *name, const char **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < args->given_count; i++) {
        if (strcmp(args->given[i].name, name) != 0)
            continue;
        if (n < max)
            out[n] = args->given[i].value;
        n++;
    }
    return n;
}

static void print_verbs(FILE *to, const char *command, const char *text,
                        const struct cli_verb *verbs)
{
    fprintf(to, "usage: causeway %s COMMAND ...\n\n%s\n\nCommands:\n", command, text);
    for (const struct cli_verb *v = verbs; v->name != NULL; v++)
        fprintf(to, "  %-18s %s\n", v->name, v->summary);
    fprintf(to, "\n`causeway %s COMMAND --help` explains each.\n", command);
}

static int tell_verbs(const char *command, const struct cli_verb *verbs)
{
    for (const struct cli_verb *v = verbs; v->name != NULL; v++) {
        char name[64], path[sizeof(telling.path)], *argv[] = {name, NULL};

        snprintf(name, sizeof(name), "%s", v->name);
        snprintf(path, sizeof(path), "%s %s", command, v->name);
        cli_tell_path(path);
        v->run(v->context, 1, argv);
    }
    return 0;
}

int cli_dispatch(const char *command, const char *text, const struct cli_verb *verbs, int argc,
                 char **argv)
{
    if (telling.tell != NULL)
        return tell_verbs(command, verbs);
    if (argc < 2) {
        print_verbs(stderr, command, text, verbs);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_verbs(stdout, command, text, verbs);
        return 0;
    }
    for (const struct cli_verb *v = verbs; v->name != NULL; v++)
        if (strcmp(argv[1], v->name) == 0)
            return v->run(v->context, argc - 1, argv + 1);
    fprintf(stderr, "causeway: there is no `causeway %s %s`\n", command, argv[1]);
    print_verbs(stderr, command, text, verbs);
    return 2;
}

enum status cli_config(struct cli_args *args, struct config *config)
{
    must(sodium_init() >= 0, "libsodium");
    /* What goes wrong is told by cli_fail; log lines would only repeat it. */
    log_set_level(LOG_ERROR + 1);
    return config_read(args->arena, args->config_file, config, args->err);
}

static struct db *connect_command(struct cli_args *args, const char *conninfo)
{
    struct db *db = conninfo != NULL ? db_open(conninfo, "causeway command", args->err) : NULL;

    if (db == NULL) {
        cli_fail(args);
        return NULL;
    }
    db_attach(db, args->arena, args->err, 0);
    return db;
}

struct db *cli_database(struct cli_args *args, struct config *config)
{
    return connect_command(args, cli_config(args, config) == OK ? config->database : NULL);
}

struct db *cli_owner_database(struct cli_args *args, struct config *config)
{
    const char *conninfo = cli_value(args, "database");

    if (conninfo == NULL)
        fail(args->err, INVALID, "usage",
             "--database is missing: the connection of the role that owns the tables");
    return connect_command(args, cli_config(args, config) == OK ? conninfo : NULL);
}

static void fail_json(const struct cli_args *args)
{
    struct strbuf b = strbuf_on(args->arena, 256);
    const char *comma = "";

    strbuf_lit(&b, "{\"error\":");
    json_text_add(&b, args->err->first != NULL ? args->err->first->text : STR("failed"));
    strbuf_lit(&b, ",\"errors\":[");
    for (const struct failure *f = args->err->first; f != NULL; f = f->next, comma = ",") {
        strbuf_add(&b, str_from(comma));
        json_text_add(&b, f->text);
    }
    printf("%.*s]}\n", STR_ARG(strbuf_str(&b)));
}

int cli_fail(const struct cli_args *args)
{
    if (args->json) {
        fail_json(args);
    } else {
        for (const struct failure *f = args->err->first; f != NULL; f = f->next)
            fprintf(stderr, "causeway: %s%.*s\n", f->warning ? "note: " : "", STR_ARG(f->text));
    }
    return args->err->status == NOT_FOUND ? 1 : 2;
}

/* As far as max + 1 bytes, by steps: a small file takes little memory. */
static void read_bytes(FILE *f, size_t max, struct strbuf *out)
{
    size_t n = 1;

    while (n > 0 && out->n <= max) {
        strbuf_reserve(out, 1 << 16);
        n = fread(out->p + out->n, 1, 1 << 16, f);
        out->n += n;
    }
}

enum status cli_read_file(const struct cli_args *args, const char *path, size_t max,
                          struct str *out)
{
    bool standard = strcmp(path, "-") == 0, failed;
    FILE *f = standard ? stdin : fopen(path, "rb");
    struct strbuf bytes = strbuf_on(args->arena, 1 << 16);

    if (f == NULL)
        return fail(args->err, NOT_FOUND, "file", "%s cannot be opened", path);
    read_bytes(f, max, &bytes);
    failed = ferror(f) != 0;
    if (!standard)
        fclose(f);
    if (failed || bytes.n > max)
        return fail(args->err, INVALID, "file", failed ? "%s cannot be read" : "%s is too large",
                    path);
    *out = strbuf_str(&bytes);
    return OK;
}
