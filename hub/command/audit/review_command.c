/* `causeway audit review breakglass`: emergency accesses wait here until somebody has looked at
 * them. What they are is read from the log: by their purpose of use, or by their event. One that
 * broke the glass is a task of table break_glass, with a due time of its own; what else its user
 * did with this patient in its time is part of it. */
#include <string.h>

#include "hub/audit/rules.h"
#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/show.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/cli_print.h"

#define DUE_US (RULE_REVIEW_HOURS * 3600 * US_PER_SECOND)

static const struct statement REVIEWS = {
    "review_of",
    "SELECT q.n, v.reviewed_at, v.by_user, v.finding, v.note"
    " FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[])"
    "  WITH ORDINALITY AS q (pkey, at, id, n)"
    " CROSS JOIN LATERAL ("
    "  SELECT w.reviewed_at, w.by_user, w.finding, w.note"
    "  FROM audit_review w"
    "  WHERE w.pkey = q.pkey AND w.at = q.at AND w.id = q.id"
    "  ORDER BY w.seq DESC"
    "  LIMIT 1) AS v",
};
static const struct statement TASKS = {
    "review_tasks",
    "SELECT q.n, b.emergency_id = s.id, b.review_due_at, b.escalated_at IS NOT NULL"
    " FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[])"
    "  WITH ORDINALITY AS q (pkey, at, id, n)"
    " JOIN audit_search s ON s.pkey = q.pkey AND s.at = q.at AND s.id = q.id"
    " JOIN break_glass b ON b.pkey = s.pkey AND b.person_id = s.person_id"
    "  AND (b.emergency_id = s.id"
    "       OR b.user_id = s.user_id AND b.opened_at <= s.at AND b.until_at > s.at)"
    " ORDER BY q.n, b.emergency_id = s.id",
};
static const struct statement DONE = {
    "review_task_done",
    "UPDATE break_glass"
    " SET reviewed_at = coalesce(reviewed_at, $4)"
    " WHERE pkey = $1 AND person_id = $2 AND emergency_id = $3",
};
static const struct statement ADD = {
    "review_add",
    "INSERT INTO audit_review (pkey, at, id, seq, reviewed_at, by_user, finding, note)"
    " SELECT $1, $2, $3, coalesce(max(seq), 0) + 1, $4, $5, $6, $7"
    " FROM audit_review"
    " WHERE pkey = $1 AND at = $2 AND id = $3",
};

struct review {
    bool done, escalated;
    bool of_another; /* it was done in an emergency that has its own place in the queue */
    int64_t due_us;
    struct str by, finding, note;
};

static enum status reviews_read(struct operation *o, const struct audit_found *found,
                                struct review *reviews)
{
    struct arena *a = o->args.arena;
    int64_t *pkeys = ARENA_ARRAY(a, found->count + 1, int64_t);
    int64_t *ats = ARENA_ARRAY(a, found->count + 1, int64_t);
    struct uuid *ids = ARENA_ARRAY(a, found->count + 1, struct uuid);
    struct rows r, tasks;

    for (size_t i = 0; i < found->count; i++) {
        reviews[i].due_us = found->items[i].at_us + DUE_US;
        pkeys[i] = found->items[i].pkey;
        ats[i] = found->items[i].at_us;
        ids[i] = found->items[i].id;
    }
    db_queue(o->db, &REVIEWS, &r, DB_INT8S(pkeys, found->count), DB_TIMES(ats, found->count),
             DB_UUIDS(ids, found->count));
    db_queue(o->db, &TASKS, &tasks, DB_INT8S(pkeys, found->count), DB_TIMES(ats, found->count),
             DB_UUIDS(ids, found->count));
    TRY(db_flush(o->db));
    for (int i = 0; i < r.count; i++) {
        struct review *v = &reviews[row_int(&r, i, 0) - 1];

        v->done = true;
        v->by = row_text(&r, i, 2);
        v->finding = row_text(&r, i, 3);
        v->note = row_text(&r, i, 4);
    }
    for (int i = 0; i < tasks.count; i++) {
        struct review *v = &reviews[row_int(&tasks, i, 0) - 1];

        v->of_another = !row_bool(&tasks, i, 1);
        if (!v->of_another) {
            v->due_us = row_time(&tasks, i, 2);
            v->escalated = row_bool(&tasks, i, 3);
        }
    }
    return OK;
}

static bool waits(const struct review *v)
{
    return !v->done && !v->of_another;
}

static struct str state_of(struct operation *o, const struct review *v)
{
    int64_t due = v->due_us;

    if (v->of_another)
        return STR("part of an emergency");
    if (v->done)
        return str_printf(o->args.arena, "%.*s (%.*s)", STR_ARG(v->finding), STR_ARG(v->by));
    if (o->now_us > due)
        return str_printf(o->args.arena, "OVERDUE since %.16s%s", clock_iso(o->args.arena, due).p,
                          v->escalated ? ", escalated" : "");
    return str_printf(o->args.arena, "due by %.16s", clock_iso(o->args.arena, due).p);
}

static void queue_json(struct operation *o, struct strbuf *out, const struct audit_entry *e,
                       const struct review *v)
{
    struct arena *a = o->args.arena;

    strbuf_lit(out, "{");
    cli_json_text(out, "access", audit_entry_name(a, e));
    cli_json_text(out, "due", clock_iso(a, v->due_us));
    cli_json_bool(out, "overdue", waits(v) && o->now_us > v->due_us);
    cli_json_bool(out, "escalated", v->escalated);
    cli_json_text(out, "finding", v->finding);
    cli_json_text(out, "by", v->by);
    cli_json_text(out, "note", v->note);
    cli_json_key(out, "record");
    strbuf_add(out, e->record.p != NULL ? e->record : STR("null"));
    strbuf_lit(out, "}\n");
}

static void queue_table(struct operation *o, struct strbuf *out, const struct audit_found *found,
                        const struct review *reviews, bool all)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 4);

    cli_table_row(&t, STR("ACCESS"), STR("WHO"), STR("PATIENT"), STR("REVIEW"));
    for (size_t i = 0; i < found->count; i++)
        if (all || waits(&reviews[i]))
            cli_table_row(&t, audit_entry_name(a, &found->items[i]),
                          audit_entry_who(a, &found->items[i]), found->items[i].patient,
                          state_of(o, &reviews[i]));
    if (t.rows == 1)
        strbuf_lit(out, "No emergency access waits for its review.\n");
    else
        cli_table_write(&t, out);
}

static enum status work_queue(struct operation *o, struct strbuf *out)
{
    bool all = cli_value(&o->args, "all") != NULL;
    struct audit_filter f;
    struct audit_found found;
    struct review *reviews;

    TRY(audit_asked(o, &f));
    f.emergency = true;
    TRY(audit_search(o->db, o->args.arena, &f, &found));
    reviews = ARENA_ARRAY(o->args.arena, found.count + 1, struct review);
    TRY(reviews_read(o, &found, reviews));
    audit_look(o, STR("audit review breakglass"), &f, &found);
    if (!o->args.json)
        queue_table(o, out, &found, reviews, all);
    for (size_t i = 0; o->args.json && i < found.count; i++)
        if (all || waits(&reviews[i]))
            queue_json(o, out, &found.items[i], &reviews[i]);
    if (found.more && !o->args.json)
        strbuf_addf(out, "There are older ones: --before %.*s\n",
                    STR_ARG(audit_entry_name(o->args.arena, &found.items[found.count - 1])));
    return OK;
}

static enum status work_close(struct operation *o, struct strbuf *out)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    const char *finding = cli_value(&o->args, "finding"), *note = cli_value(&o->args, "note");
    struct audit_position at;
    struct audit_found found;

    if (finding == NULL ||
        (strcmp(finding, "justified") != 0 && strcmp(finding, "unjustified") != 0))
        return fail(o->args.err, INVALID, "usage", "--finding justified or --finding unjustified");
    if (note == NULL || *note == '\0')
        return fail(o->args.err, INVALID, "usage", "--note TEXT: say what was found");
    TRY(audit_record_named(o, o->args.positional[0], &at));
    TRY(audit_search_records(o->db, o->args.arena, &at, 1, &found));
    if (found.count == 0 || !audit_entry_emergency(&found.items[0]))
        return fail(o->args.err, INVALID, "review", "%s is no emergency access",
                    o->args.positional[0]);
    db_queue(o->db, &ADD, NULL, DB_INT8(at.pkey), DB_TIME(at.at_us), DB_UUID(at.id),
             DB_TIME(o->now_us), DB_TEXT(operator_name(o->args.arena)), DB_TEXT(str_from(finding)),
             DB_TEXT(str_from(note)));
    db_queue(o->db, &DONE, NULL, DB_INT8(at.pkey), DB_INT8(found.items[0].person_id),
             DB_UUID(at.id), DB_TIME(o->now_us));
    TRY(db_flush(o->db));
    row->patient = found.items[0].patient;
    row->pkey = found.items[0].person_id != 0 ? found.items[0].pkey : 0;
    row->person_id = found.items[0].person_id;
    row->description = str_from(note);
    audit_object_add(o->args.arena, row, "review", str_from(o->args.positional[0]),
                     str_from(finding));
    strbuf_addf(out, "Reviewed: %s.\n", finding);
    return OK;
}

static const struct cli_option queue_options[] = {
    {"all", NULL, "those that were reviewed too"},
    {"member", "NAME", "of this member"},
    {"user", "ID", "of this user"},
    {"from", "T", "since then; the last 30 days unless given"},
    {"to", "T", "until just before then"},
    {"limit", "N", "accesses at a time, up to 1000; default 50"},
    {"before", "TIME/ID", "go on where an earlier list stopped"},
    {NULL, NULL, NULL},
};
static const struct cli_option close_options[] = {
    {"finding", "WORD", "justified or unjustified"},
    {"note", "TEXT", "what was found"},
    {NULL, NULL, NULL},
};

static const struct operation_kind queue = {
    .cli = {"causeway audit review breakglass [--all] [--member NAME] [--user ID] [--from T] "
            "[--to T] [--limit N] [--before TIME/ID]",
            "Emergency accesses that nobody has reviewed yet, newest first: a task for each that\n"
            "broke the glass (`causeway consent emergency`), due when the domain says, and others\n"
            "of an emergency's purpose, due within 72 hours. What is overdue escalates: it raises\n"
            "an alert (`causeway audit watch`). Audited.\n"
            "\n"
            "  causeway audit review breakglass\n"
            "  causeway audit review close TIME/ID --finding justified --note 'unconscious, ED'",
            queue_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit review breakglass",
    .work = work_queue,
};
static const struct operation_kind close_kind = {
    .cli = {"causeway audit review close TIME/ID --finding justified|unjustified --note TEXT",
            "Says what a review of an emergency access found. A later finding stands above an\n"
            "earlier one; both stay.",
            close_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit review close",
    .work = work_close,
};

const struct cli_verb audit_review_verbs[] = {
    {"breakglass", "emergency accesses that wait", operation_run, &queue},
    {"close", "what a review found", operation_run, &close_kind},
    {NULL, NULL, NULL, NULL},
};
