#include "mpi/task_command.h"

#include <string.h>

#include "hub/command/cli_print.h"
#include "mpi/identity.h"
#include "mpi/named.h"
#include "mpi/task.h"

static struct str age(struct arena *a, int64_t us)
{
    int64_t minutes = us / (60 * US_PER_SECOND);

    if (minutes >= 2 * 24 * 60)
        return str_printf(a, "%lld d", (long long)(minutes / (24 * 60)));
    if (minutes >= 2 * 60)
        return str_printf(a, "%lld h", (long long)(minutes / 60));
    return str_printf(a, "%lld min", (long long)minutes);
}

/* ["a", "b"] as a, b. */
static struct str reasons_text(struct arena *a, struct str json)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < json.n; i++)
        if (strchr("[]\"", json.p[i]) == NULL)
            strbuf_addc(&b, json.p[i]);
    return strbuf_str(&b);
}

static struct str other_name(struct arena *a, const struct mpi_task_row *t)
{
    if (t->other.record_id != 0)
        return mpi_record_name(a, t->other);
    return t->other_person.person_id != 0 ? mpi_person_name(a, t->other_person) : STR_NONE;
}

static void json_task(struct operation *o, const struct mpi_task_row *t, struct strbuf *out)
{
    struct arena *a = o->args.arena;

    cli_json_comma(out);
    strbuf_addc(out, '{');
    cli_json_text(out, "task", uuid_text(a, t->id));
    cli_json_text(out, "kind", t->kind);
    cli_json_text(out, "state", t->state);
    cli_json_text(out, "opened_at", clock_iso(a, t->opened_at_us));
    cli_json_int(out, "age_seconds", (o->now_us - t->opened_at_us) / US_PER_SECOND);
    cli_json_text(out, "record", mpi_record_name(a, t->place));
    cli_json_int(out, "version", t->version);
    cli_json_text(out, "other", other_name(a, t));
    cli_json_text(out, "assigned_to", t->assigned_to);
    cli_json_text(out, "decision", t->has_decision ? uuid_text(a, t->decision) : STR_NONE);
    cli_json_text(out, "closed_by", t->closed_by);
    cli_json_text(out, "resolution", t->resolution);
    cli_json_key(out, "reasons");
    strbuf_add(out, t->reasons.n > 0 ? t->reasons : STR("[]"));
    strbuf_addc(out, '}');
}

static void print_tasks(struct operation *o, const struct mpi_task_row *tasks, size_t count,
                        struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct cli_table table = cli_table_on(a, 7);

    if (o->args.json) {
        strbuf_lit(out, "{\"tasks\":[");
        for (size_t i = 0; i < count; i++)
            json_task(o, &tasks[i], out);
        strbuf_lit(out, "]}\n");
        return;
    }
    cli_table_row(&table, STR("TASK"), STR("KIND"), STR("AGE"), STR("RECORD"), STR("OTHER"),
                  STR("ASSIGNED"), STR("WHY"));
    for (size_t i = 0; i < count; i++)
        cli_table_row(&table, uuid_text(a, tasks[i].id), tasks[i].kind,
                      age(a, o->now_us - tasks[i].opened_at_us), mpi_record_name(a, tasks[i].place),
                      other_name(a, &tasks[i]), tasks[i].assigned_to,
                      reasons_text(a, tasks[i].reasons));
    cli_table_write(&table, out);
}

static struct str value_of(const struct operation *o, const char *option)
{
    const char *value = cli_value(&o->args, option);

    return value != NULL ? str_from(value) : STR_NONE;
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_task_row *tasks;
    struct rows rows;

    mpi_tasks_queue(rq, value_of(o, "kind"), value_of(o, "assigned-to"), &rows);
    TRY(db_flush(rq->db));
    tasks = ARENA_ARRAY(rq->arena, (size_t)rows.count, struct mpi_task_row);
    for (int row = 0; row < rows.count; row++)
        tasks[row] = mpi_task_read(&rows, row);
    print_tasks(o, tasks, (size_t)rows.count, out);
    return OK;
}

/* The task of the first argument, and the audit row about its patient. */
static enum status find(struct operation *o, struct request *rq, struct mpi_task_row *out)
{
    struct audit_row *row;
    struct rows rows;
    struct uuid id;

    if (!uuid_parse(str_from(o->args.positional[0]), &id))
        return fail(rq->err, INVALID, "usage",
                    "'%s' is not a task's id, as `causeway mpi task list`"
                    " prints it",
                    o->args.positional[0]);
    mpi_task_find_queue(rq, id, &rows);
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, NOT_FOUND, "task", "there is no task %s", o->args.positional[0]);
    *out = mpi_task_read(&rows, 0);
    row = audit_add(o->args.arena, &o->audit);
    row->patient = mpi_record_name(o->args.arena, out->place);
    row->pkey = out->person.pkey;
    row->person_id = out->person.person_id;
    audit_object_add(o->args.arena, row, "task", uuid_text(o->args.arena, id), out->kind);
    return OK;
}

static enum status print_again(struct operation *o, struct request *rq, struct uuid id,
                               struct strbuf *out)
{
    struct mpi_task_row t;
    struct rows rows;

    mpi_task_find_queue(rq, id, &rows);
    TRY(db_flush(rq->db));
    t = mpi_task_read(&rows, 0);
    print_tasks(o, &t, 1, out);
    return OK;
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_task_row t;

    TRY(find(o, rq, &t));
    print_tasks(o, &t, 1, out);
    if (!o->args.json && t.has_decision)
        strbuf_addf(out, "\nThe evidence: causeway mpi explain %.*s\n",
                    STR_ARG(uuid_text(rq->arena, t.decision)));
    return OK;
}

static enum status check_open(struct request *rq, const struct mpi_task_row *t)
{
    if (!str_eq(t->state, STR("closed")))
        return OK;
    return fail(rq->err, INVALID, "closed", "%.*s closed this task at %.*s: %.*s",
                STR_ARG(t->closed_by), STR_ARG(clock_iso(rq->arena, t->closed_at_us)),
                STR_ARG(t->resolution));
}

static enum status work_assign(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_task_row t;

    TRY(find(o, rq, &t));
    TRY(check_open(rq, &t));
    mpi_task_assign(rq, &t,
                    o->args.positional_count > 1 ? str_from(o->args.positional[1]) : STR_NONE);
    return print_again(o, rq, t.id, out);
}

/* --- what the steward found ------------------------------------------------------------------ */

static enum status need_other(struct request *rq, const struct mpi_task_row *t)
{
    if (t->other.record_id != 0)
        return OK;
    return fail(rq->err, INVALID, "usage",
                "this task names no second record; use causeway mpi"
                " link, unlink or no-link, then --dismiss or --corrected");
}

static enum status resolve_same(struct operation *o, struct request *rq,
                                const struct mpi_word *word, const struct mpi_task_row *t)
{
    struct place places[] = {t->place, t->other};
    struct mpi_owners owners;
    struct mpi_stewarded m;

    TRY(need_other(rq, t));
    mpi_owners_queue(rq, places, 2, &owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    if (person_ref_eq(owners.refs[0], owners.refs[1])) {
        mpi_task_close(rq, t, operator_name(o->args.arena), STR("linked"));
        return OK;
    }
    TRY(mpi_steward_merge(rq, word, owners.refs[1], owners.refs[0], &m));
    /* By the merge that settled it: who takes that back finds the task open again. */
    mpi_task_close(rq, t, operator_name(o->args.arena), uuid_text(rq->arena, m.log));
    return OK;
}

static enum status resolve_different(struct operation *o, struct request *rq,
                                     const struct mpi_word *word, const struct mpi_task_row *t)
{
    TRY(need_other(rq, t));
    TRY(mpi_keep_apart(rq, word, t->place, t->other));
    mpi_task_close(rq, t, operator_name(o->args.arena), STR("kept_apart"));
    return OK;
}

static enum status resolve_dismiss(struct operation *o, struct request *rq,
                                   const struct mpi_word *word, const struct mpi_task_row *t)
{
    (void)word;
    mpi_task_close(rq, t, operator_name(o->args.arena), STR("dismissed"));
    return OK;
}

static enum status resolve_corrected(struct operation *o, struct request *rq,
                                     const struct mpi_word *word, const struct mpi_task_row *t)
{
    (void)word;
    mpi_task_close(rq, t, operator_name(o->args.arena), STR("corrected"));
    return OK;
}

static const struct resolution {
    const char *option;
    enum status (*resolve)(struct operation *o, struct request *rq, const struct mpi_word *word,
                           const struct mpi_task_row *t);
} RESOLUTIONS[] = {
    {"same", resolve_same},
    {"different", resolve_different},
    {"dismiss", resolve_dismiss},
    {"corrected", resolve_corrected},
};

static enum status work_resolve(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct str why = value_of(o, "why");
    struct mpi_word word = {operator_name(o->args.arena), why.p != NULL ? why : STR("")};
    const struct resolution *chosen = NULL;
    struct mpi_task_row t;

    for (size_t i = 0; i < sizeof(RESOLUTIONS) / sizeof(RESOLUTIONS[0]); i++) {
        if (cli_value(&o->args, RESOLUTIONS[i].option) == NULL)
            continue;
        if (chosen != NULL)
            return fail(rq->err, INVALID, "usage", "say one of --%s and --%s", chosen->option,
                        RESOLUTIONS[i].option);
        chosen = &RESOLUTIONS[i];
    }
    if (chosen == NULL)
        return fail(rq->err, INVALID, "usage",
                    "say what was found: --same, --different, --dismiss or --corrected");
    TRY(find(o, rq, &t));
    TRY(check_open(rq, &t));
    TRY(chosen->resolve(o, rq, &word, &t));
    return print_again(o, rq, t.id, out);
}

static const struct cli_option list_options[] = {
    {"kind", "KIND", "possible_duplicate, overlay, identifier_conflict or torn_association"},
    {"assigned-to", "NAME", "only those of this steward"},
    {NULL, NULL, NULL},
};
static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option resolve_options[] = {
    {"same", NULL, "one person: the record's person becomes part of the other's"},
    {"different", NULL, "two people: the records are kept apart for good"},
    {"dismiss", NULL, "nothing to do; it may come up again"},
    {"corrected", NULL, "set right by other means, at the source or here"},
    {"why", "TEXT", "the reason, for the record"},
    {NULL, NULL, NULL},
};

#define TASK_KIND(few, many, act, name)                                                            \
    .least = (few), .most = (many), .transaction = "PATIENT", .audit = {"110110", (act)},          \
    .endpoint = (name)

static const struct operation_kind kind_list = {
    .cli = {"causeway mpi task list [--kind KIND] [--assigned-to NAME]",
            "Lists the open tasks, the oldest first, at most 200.", list_options},
    TASK_KIND(0, 0, 'R', "causeway mpi task list"),
    .work = work_list,
};
static const struct operation_kind kind_show = {
    .cli = {"causeway mpi task show TASK", "Shows one task.", no_options},
    TASK_KIND(1, 1, 'R', "causeway mpi task show"),
    .work = work_show,
};
static const struct operation_kind kind_assign = {
    .cli = {"causeway mpi task assign TASK [NAME]",
            "Gives the task to a steward; without a name, to nobody.", no_options},
    TASK_KIND(1, 2, 'U', "causeway mpi task assign"),
    .work = work_assign,
};
static const struct operation_kind kind_resolve = {
    .cli = {"causeway mpi task resolve TASK --same|--different|--dismiss|--corrected [--why TEXT]",
            "Closes the task with what the steward found. --same and --different are a human's\n"
            "word: no feed overrides them.",
            resolve_options},
    TASK_KIND(1, 1, 'U', "causeway mpi task resolve"),
    .work = work_resolve,
};

static const struct cli_verb verbs[] = {
    {"list", "open tasks, the oldest first", operation_run, &kind_list},
    {"show", "one task", operation_run, &kind_show},
    {"assign", "give a task to a steward", operation_run, &kind_assign},
    {"resolve", "close a task with what was found", operation_run, &kind_resolve},
    {NULL, NULL, NULL, NULL},
};

int mpi_task_command(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("mpi task",
                        "What the algorithm would not decide alone: possible duplicates, overlays\n"
                        "(a record that stopped resembling its own past), conflicting identifiers.",
                        verbs, argc, argv);
}
