#include <jansson.h>
#include <string.h>

#include "hub/audit/search.h"
#include "hub/base/json_text.h"
#include "hub/command/cli_print.h"
#include "hub/command/commands.h"
#include "hub/command/operation.h"
#include "hub/request.h"

enum { LIMIT = 50, DETAIL_SHOWN = 160 };

static enum status (*resolver)(struct request *rq, struct identifier id, struct person *out);

void audit_command_set_resolver(enum status (*resolve)(struct request *rq, struct identifier id,
                                                       struct person *out))
{
    resolver = resolve;
}

static const char *const outcome_names[] = {"success", "minor", "serious", "major"}; /* / 4 */

/* --- what is asked ------------------------------------------------------------------------- */

static enum status time_given(struct operation *o, const char *option, int64_t *us)
{
    const char *text = cli_value(&o->args, option);

    if (text == NULL || clock_parse_iso(str_from(text), us))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--%s %s: not a time; write 2026-11-22 or 2026-11-22T15:04:05Z", option, text);
}

static enum status member_given(struct operation *o, int64_t *id)
{
    const char *name = cli_value(&o->args, "member");
    const struct member *m;

    if (name == NULL)
        return OK;
    m = member_by_name(o->members, str_from(name));
    if (m == NULL)
        return fail(o->args.err, NOT_FOUND, "usage",
                    "no member is called '%s'; `causeway member list` shows them", name);
    *id = m->id;
    return OK;
}

static enum status limit_given(struct operation *o, size_t *limit)
{
    const char *text = cli_value(&o->args, "limit");
    uint64_t n = LIMIT;

    if (text != NULL && (!str_to_u64(str_from(text), &n) || n < 1 || n > AUDIT_SEARCH_MAX))
        return fail(o->args.err, INVALID, "usage", "--limit %s: a number from 1 to %d", text,
                    AUDIT_SEARCH_MAX);
    *limit = (size_t)n;
    return OK;
}

/* TIME/ID of a row, so that a script can take it from the last line that it read. */
static enum status cursor_given(struct operation *o, struct audit_filter *f)
{
    struct str rest = str_from(cli_value(&o->args, "before"));
    struct str at;

    if (rest.p == NULL)
        return OK;
    at = str_cut(&rest, '/');
    f->before = true;
    if (clock_parse_iso(at, &f->before_us) && uuid_parse(rest, &f->before_id))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--before takes TIME/ID of a row, as the line under the table shows it");
}

static enum status request_given(struct operation *o, struct audit_filter *f)
{
    const char *text = cli_value(&o->args, "request");

    f->by_request = text != NULL;
    if (text == NULL || uuid_parse(str_from(text), &f->request))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--request %s: takes the request's id, a UUID, as errors and logs show it", text);
}

/* The person whom the index knows by this identifier, and all that were merged into it. */
static enum status persons_known(struct operation *o, struct identifier id, struct audit_filter *f)
{
    struct person person = {0};
    struct errors unknown;
    struct request rq = {
        .magic = REQUEST_MAGIC,
        .config = &o->config,
        .members = o->members,
        .arena = o->args.arena,
        .err = &unknown,
        .db = o->db,
        .id = uuid_v7(),
        .now_us = o->now_us,
    };
    int64_t *pkeys, *ids;
    enum status status;

    errors_init(&unknown, o->args.arena);
    status = resolver(&rq, id, &person);
    if (status == NOT_FOUND)
        return OK;
    if (status != OK)
        return fail(o->args.err, status, "patient", "%.*s", STR_ARG(unknown.first->text));
    f->pkeys = pkeys = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    f->person_ids = ids = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    f->person_count = person.constituent_count;
    for (size_t i = 0; i < f->person_count; i++) {
        pkeys[i] = person.constituents[i].pkey;
        ids[i] = person.constituents[i].person_id;
    }
    return OK;
}

static enum status patient_given(struct operation *o, struct audit_filter *f)
{
    struct identifier id;

    f->patient = str_from(cli_value(&o->args, "patient"));
    if (!identifier_parse_cx(f->patient, &id))
        return OK;
    f->patient = identifier_cx(o->args.arena, id);
    return resolver != NULL ? persons_known(o, id, f) : OK;
}

static enum status filter_given(struct operation *o, struct audit_filter *f)
{
    *f = (struct audit_filter){
        .transaction = str_from(cli_value(&o->args, "transaction")),
        .from_us = INT64_MIN,
        .to_us = INT64_MAX,
    };
    TRY(patient_given(o, f));
    TRY(member_given(o, &f->member_id));
    TRY(time_given(o, "from", &f->from_us));
    TRY(time_given(o, "to", &f->to_us));
    TRY(request_given(o, f));
    TRY(limit_given(o, &f->limit));
    return cursor_given(o, f);
}

/* --- looking is an event too --------------------------------------------------------------- */

static void audit_look(struct operation *o, const struct audit_filter *f,
                       const struct audit_found *found)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    struct strbuf asked = strbuf_on(o->args.arena, 128);

    for (size_t i = 0; i < o->args.given_count; i++)
        if (strcmp(o->args.given[i].name, "config") != 0)
            strbuf_addf(&asked, "--%s %s ", o->args.given[i].name, o->args.given[i].value);
    row->patient = f->patient;
    row->pkey = found->pkey;
    row->person_id = found->person_id;
    row->description = str_printf(o->args.arena, "%zu rows shown", found->count);
    audit_object_add(o->args.arena, row, "query", STR("audit search"),
                     str_trim(strbuf_str(&asked)));
}

/* --- what is shown ------------------------------------------------------------------------- */

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR("");
}

/* "document 1.2.3, query urn:uuid:... (detail)", and why it failed. */
static struct str what_text(struct arena *a, const json_t *record)
{
    struct strbuf b = strbuf_on(a, 128);
    struct str why = text_of(record, "description");
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i, object)
    {
        struct str detail = text_of(object, "detail");

        strbuf_addf(&b, "%s%.*s %.*s", i > 0 ? ", " : "", STR_ARG(text_of(object, "kind")),
                    STR_ARG(text_of(object, "id")));
        if (detail.n > 0 && detail.n <= DETAIL_SHOWN)
            strbuf_addf(&b, " (%.*s)", STR_ARG(detail));
    }
    if (why.n > 0)
        strbuf_addf(&b, "%s%.*s", b.n > 0 ? ": " : "", STR_ARG(why));
    return strbuf_str(&b);
}

static struct str who_text(struct arena *a, const json_t *record)
{
    struct str member = text_of(json_object_get(record, "member"), "name");
    struct str user = text_of(record, "user");

    if (member.n == 0)
        return str_dup(a, user);
    return user.n > 0 ? str_printf(a, "%.*s (%.*s)", STR_ARG(member), STR_ARG(user))
                      : str_dup(a, member);
}

static void row_table(struct cli_table *t, struct arena *a, const struct audit_entry *e)
{
    json_t *record = e->record.p != NULL ? json_loadb(e->record.p, e->record.n, 0, NULL) : NULL;
    struct str what = record != NULL ? what_text(a, record)
                                     : STR("(unreadable: altered, or under another master key)");

    cli_table_row(t, str_printf(a, "%.19s", clock_iso(a, e->at_us).p), who_text(a, record),
                  e->transaction, e->action, str_from(outcome_names[e->outcome / 4 % 4]),
                  e->patient.n > 0 ? e->patient : STR("-"), what);
    json_decref(record);
}

static struct str cursor_text(struct arena *a, const struct audit_entry *e)
{
    return str_printf(a, "%.*s/%.*s", STR_ARG(clock_iso(a, e->at_us)),
                      STR_ARG(uuid_text(a, e->id)));
}

static void print_table(struct strbuf *out, struct arena *a, const struct audit_found *found)
{
    struct cli_table t = cli_table_on(a, 7);

    if (found->count == 0) {
        strbuf_lit(out, "Nothing in the audit log matches.\n");
        return;
    }
    cli_table_row(&t, STR("TIME (UTC)"), STR("WHO"), STR("TRANSACTION"), STR("ACTION"),
                  STR("OUTCOME"), STR("PATIENT"), STR("WHAT"));
    for (size_t i = 0; i < found->count; i++)
        row_table(&t, a, &found->items[i]);
    cli_table_write(&t, out);
    if (found->more)
        strbuf_addf(out, "There are older ones: --before %.*s\n",
                    STR_ARG(cursor_text(a, &found->items[found->count - 1])));
}

/* The record as it is; what cannot be read shows what the search knows of it. */
static void print_json(struct strbuf *out, struct arena *a, const struct audit_found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct audit_entry *e = &found->items[i];

        if (e->record.p != NULL) {
            strbuf_add(out, e->record);
        } else {
            strbuf_lit(out, "{");
            cli_json_text(out, "id", uuid_text(a, e->id));
            cli_json_text(out, "at", clock_iso(a, e->at_us));
            cli_json_text(out, "request", uuid_text(a, e->request));
            cli_json_text(out, "transaction", e->transaction);
            cli_json_bool(out, "unreadable", true);
            strbuf_lit(out, "}");
        }
        strbuf_lit(out, "\n");
    }
}

static enum status work_search(struct operation *o, struct strbuf *out)
{
    struct audit_filter filter;
    struct audit_found found;

    TRY(filter_given(o, &filter));
    TRY(audit_search(o->db, o->args.arena, &filter, &found));
    audit_look(o, &filter, &found);
    (o->args.json ? print_json : print_table)(out, o->args.arena, &found);
    return OK;
}

/* --- help ---------------------------------------------------------------------------------- */

static const struct cli_option search_options[] = {
    {"patient", "CX|ID", "an identifier, 'ID^^^&OID&ISO', or the ID alone"},
    {"member", "NAME", "what this member did"},
    {"from", "T", "since then (2026-11-22 or 2026-11-22T15:04:05Z)"},
    {"to", "T", "until just before then"},
    {"transaction", "NAME", "ITI-18, ITI-41, ..., CONFIG for an operator's change, START, STOP"},
    {"request", "ID", "the id that an error or a log line shows"},
    {"limit", "N", "rows at a time, up to 1000; default 50"},
    {"before", "TIME/ID", "go on where an earlier search stopped"},
    {NULL, NULL, NULL},
};

static const struct operation_kind search = {
    .cli =
        {"causeway audit search [--patient CX|ID] [--member NAME] [--from T] [--to T] "
         "[--transaction NAME] [--request ID] [--limit N] [--before TIME/ID]",
         "Shows who saw or did what, newest first. All conditions must hold. A patient is found\n"
         "by any identifier that messages used, and what was done under another identifier of\n"
         "the same person is shown too. With --json each line is one record; to go on, give\n"
         "--before the last line's at/id. This search itself is written to the audit log.\n"
         "\n"
         "  causeway audit search --patient 'P-17^^^&1.2.3.4&ISO' --from 2026-11-01\n"
         "  causeway audit search --request 0192f3a1-7c1e-7b52-9d0a-5f0c8e1b2a34 --json",
         search_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit search",
    .work = work_search,
};

static const struct cli_verb verbs[] = {
    {"search", "who saw or did what", operation_run, &search},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("audit", "The audit log: one row for each transaction and patient.", verbs,
                        argc, argv);
}

const struct command audit_command = {"audit", "search the audit log", run};
