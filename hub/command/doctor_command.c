#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "hub/command/cli_print.h"
#include "hub/command/commands.h"
#include "hub/command/doctor.h"

static const char *const level_names[] = {
    [DOCTOR_FINE] = "fine",
    [DOCTOR_SKIPPED] = "skipped",
    [DOCTOR_WARNING] = "warning",
    [DOCTOR_PROBLEM] = "problem",
};

void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
{
    struct doctor_finding *f = ARENA_NEW(d->args.arena, struct doctor_finding);
    va_list ap;

    va_start(ap, fmt);
    *f = (struct doctor_finding){
        .check = d->check,
        .level = level,
        .text = str_vprintf(d->args.arena, fmt, ap),
        .advice = advice,
    };
    va_end(ap);
    if (d->last == NULL)
        d->first = f;
    else
        d->last->next = f;
    d->last = f;
}

void doctor_say_failures(struct doctor *d, const char *advice)
{
    for (const struct failure *f = d->args.err->first; f != NULL; f = f->next)
        doctor_say(d, DOCTOR_PROBLEM, advice, "%.*s", STR_ARG(str_trim(f->text)));
    errors_init(d->args.err, d->args.arena);
}

bool doctor_flush(struct doctor *d)
{
    if (db_flush(d->db) == OK)
        return true;
    doctor_say_failures(d, "see the database's log");
    db_rollback(d->db);
    return false;
}

void doctor_say_expiry(struct doctor *d, struct str what, int64_t at_us, const char *advice)
{
    struct str at = clock_iso(d->args.arena, at_us);
    int64_t days = (at_us - d->now_us) / US_PER_DAY;

    if (at_us < d->now_us)
        doctor_say(d, DOCTOR_PROBLEM, advice, "%.*s expired on %.10s", STR_ARG(what), at.p);
    else if (days < 60)
        doctor_say(d, days < 7 ? DOCTOR_PROBLEM : DOCTOR_WARNING, advice,
                   "%.*s expires %s%lld days, on %.10s", STR_ARG(what),
                   days < 30 ? "within " : "in ", (long long)days + (days < 30), at.p);
    else
        doctor_say(d, DOCTOR_FINE, NULL, "%.*s is valid until %.10s", STR_ARG(what), at.p);
}

static void configuration(struct doctor *d)
{
    d->configured = cli_config(&d->args, &d->config) == OK;
    if (d->configured)
        doctor_say(d, DOCTOR_FINE, NULL, "%s", d->args.config_file);
    else
        doctor_say_failures(d, "`causeway serve --help-config` prints every key and its range");
}

/* What a check stands on; without it, it is skipped. */
enum needs { NOTHING, CONFIGURATION, DATABASE, TABLES };

static const struct check {
    const char *name;
    enum needs needs;
    void (*examine)(struct doctor *d);
} checks[] = {
    {"configuration", NOTHING, configuration},
    {"hub certificate", CONFIGURATION, doctor_certificate},
    {"trusted CAs", CONFIGURATION, doctor_authorities},
    {"revocation lists", CONFIGURATION, doctor_revocation},
    {"master key", CONFIGURATION, doctor_master_key},
    {"document store", CONFIGURATION, doctor_store},
    {"descriptors", CONFIGURATION, doctor_descriptors},
    {"database", CONFIGURATION, doctor_connection},
    {"durability", DATABASE, doctor_durability},
    {"clock", DATABASE, doctor_clock},
    {"migrations", DATABASE, doctor_migrations},
    {"privileges", TABLES, doctor_privileges},
    {"audit partitions", TABLES, doctor_partitions},
    {"audit log", TABLES, doctor_audit_log},
    {"audit key", TABLES, doctor_audit_key},
    {"members", TABLES, doctor_members},
    {"XAD-PID source", TABLES, doctor_xad_source},
};

static const char *missing(const struct doctor *d, enum needs needs)
{
    if (needs >= CONFIGURATION && !d->configured)
        return "the configuration";
    if (needs >= DATABASE && d->db == NULL)
        return "the database";
    if (needs >= TABLES && !d->migrated)
        return "the tables";
    return NULL;
}

static void examine(struct doctor *d)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        const char *without = missing(d, checks[i].needs);

        d->check = checks[i].name;
        if (without != NULL)
            doctor_say(d, DOCTOR_SKIPPED, NULL, "not examined without %s", without);
        else
            checks[i].examine(d);
    }
    db_close(d->db);
}

static void print_text(const struct doctor *d, size_t warnings, size_t problems)
{
    const char *before = "";

    for (const struct doctor_finding *f = d->first; f != NULL; f = f->next) {
        printf("%-8s  %-17s %.*s\n", level_names[f->level],
               strcmp(before, f->check) != 0 ? f->check : "", STR_ARG(f->text));
        if (f->advice != NULL)
            printf("%-8s  %-17s -> %s\n", "", "", f->advice);
        before = f->check;
    }
    printf("%zu problem%s, %zu warning%s\n", problems, problems == 1 ? "" : "s", warnings,
           warnings == 1 ? "" : "s");
}

static void print_json(const struct doctor *d, size_t warnings, size_t problems)
{
    struct strbuf b = strbuf_on(d->args.arena, 2048);

    strbuf_lit(&b, "{");
    cli_json_int(&b, "problems", (int64_t)problems);
    cli_json_int(&b, "warnings", (int64_t)warnings);
    cli_json_key(&b, "findings");
    strbuf_lit(&b, "[");
    for (const struct doctor_finding *f = d->first; f != NULL; f = f->next) {
        cli_json_comma(&b);
        strbuf_lit(&b, "{");
        cli_json_text(&b, "check", str_from(f->check));
        cli_json_text(&b, "level", str_from(level_names[f->level]));
        cli_json_text(&b, "text", f->text);
        cli_json_text(&b, "advice", f->advice != NULL ? str_from(f->advice) : STR(""));
        strbuf_lit(&b, "}");
    }
    strbuf_lit(&b, "]}\n");
    fwrite(b.p, 1, b.n, stdout);
}

static int report(const struct doctor *d)
{
    size_t counts[DOCTOR_PROBLEM + 1] = {0};

    for (const struct doctor_finding *f = d->first; f != NULL; f = f->next)
        counts[f->level]++;
    (d->args.json ? print_json : print_text)(d, counts[DOCTOR_WARNING], counts[DOCTOR_PROBLEM]);
    return counts[DOCTOR_PROBLEM] > 0 ? 1 : 0;
}

/* --- --make-key ---------------------------------------------------------------------------- */

enum { MASTER_KEY = 32 };

static enum status key_write(int fd, const char *path, struct errors *err)
{
    unsigned char key[MASTER_KEY];
    ssize_t n;

    randombytes_buf(key, sizeof(key));
    n = write(fd, key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    if (n != (ssize_t)sizeof(key) || fsync(fd) != 0)
        return fail(err, UPSTREAM, "master_key", "%s: %s", path, strerror(errno));
    return OK;
}

static enum status key_make(const char *path, struct errors *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum status status;

    if (fd < 0 && errno == EEXIST)
        return fail(err, INVALID, "master_key",
                    "%s: exists; with another key nothing that is stored could be read", path);
    if (fd < 0)
        return fail(err, UPSTREAM, "master_key", "%s: %s", path, strerror(errno));
    status = key_write(fd, path, err);
    close(fd);
    if (status != OK)
        unlink(path);
    return status;
}

static int make_key(struct cli_args *args, const char *path)
{
    must(sodium_init() >= 0, "libsodium");
    if (key_make(path, args->err) != OK)
        return cli_fail(args);
    if (args->json)
        return puts("{\"made\":true}") == EOF ? 2 : 0;
    printf(
        "Made %s. Set master_key to it, give it to the service's user (chown), and keep a copy in\n"
        "a safe place: without it no document and no audit record can be read.\n",
        path);
    return 0;
}

static const struct cli_option options[] = {
    {"make-key", "FILE", "make a new master key in FILE, and do nothing else"},
    {NULL, NULL, NULL},
};
static const struct cli cli = {
    "causeway doctor [--make-key FILE]",
    "Examines what the hub needs: configuration, certificates, keys, document store, database and\n"
    "its durability, migrations, privileges, members. For each problem it says what to do.\n"
    "Exit status 0: no problem (there may be warnings); 1: a problem; 2: wrong usage.\n"
    "Run it as the service's user, so that it meets the same permissions:\n"
    "\n"
    "  sudo -u causeway causeway doctor\n"
    "  causeway doctor --make-key /etc/causeway/master.key",
    options,
};

static int run(int argc, char **argv)
{
    struct doctor d = {.now_us = clock_now_us()};
    int status = cli_parse(&cli, argc, argv, &d.args);
    const char *key;

    if (status >= 0)
        return status;
    if (d.args.positional_count > 0)
        return cli_usage(&cli, "no argument is expected");
    key = cli_value(&d.args, "make-key");
    if (key != NULL)
        return make_key(&d.args, key);
    examine(&d);
    return report(&d);
}

const struct command doctor_command = {"doctor", "examine what the hub needs, and say what to do",
                                       run};
