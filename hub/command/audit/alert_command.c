#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/command/audit/alert.h"
#include "hub/command/audit/asked.h"
#include "hub/command/audit/look.h"
#include "hub/command/audit/show.h"
#include "hub/command/cli_print.h"

/* across places: the list is everybody's */
static const struct statement LIST = {
    "alert_list",
    "SELECT a.akey, a.rule, a.at, a.user_id, a.member_id, a.pkey, a.person_id, a.why,"
    "  coalesce(e.state, 'open'), coalesce(e.note, ''), coalesce(e.by_user, ''),"
    "  a.record_pkeys, a.record_ats, a.record_ids"
    " FROM audit_alert a"
    " LEFT JOIN LATERAL ("
    "  SELECT v.state, v.note, v.by_user"
    "  FROM audit_alert_event v"
    "  WHERE v.akey = a.akey"
    "  ORDER BY v.seq DESC"
    "  LIMIT 1) AS e ON true"
    " WHERE ($1::bigint IS NULL OR a.akey = $1)"
    " AND ($2::text IS NULL OR a.rule = $2)"
    " AND ($3::text IS NULL OR a.user_id = $3)"
    " AND ($4::text = 'all' OR coalesce(e.state, 'open') = $4"
    "  OR $4 = 'open' AND e.state = 'reopened')"
    " AND a.at >= $5"
    " AND (a.at, a.akey) < ($6, $7)"
    " ORDER BY a.at DESC, a.akey DESC"
    " LIMIT $8",
};
static const struct statement EVENT = {
    "alert_event",
    "INSERT INTO audit_alert_event (akey, seq, at, by_user, state, note)"
    " SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5"
    " FROM audit_alert_event"
    " WHERE akey = $1",
};

enum column {
    AKEY,
    RULE,
    AT,
    USER,
    MEMBER,
    PKEY,
    PERSON,
    WHY,
    STATE,
    NOTE,
    BY,
    RECORD_PKEYS,
    RECORD_ATS,
    RECORD_IDS,
};

struct asked {
    bool one;
    int64_t akey;
    struct str rule, user, state;
    int64_t from_us, before_us, before_key;
    int64_t limit;
};

static bool key_read(struct str text, int64_t *akey)
{
    char *end;

    if (text.n != 16 || strspn(text.p, "0123456789abcdef") < 16)
        return false;
    *akey = (int64_t)strtoull(text.p, &end, 16);
    return true;
}

static struct str key_text(struct arena *a, int64_t akey)
{
    return str_printf(a, "%016" PRIx64, (uint64_t)akey);
}

enum status audit_alert_named(struct operation *o, const char *text, int64_t *akey)
{
    if (key_read(str_from(text), akey))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "'%s': an alert is named by 16 digits, as `causeway audit alerts list` shows them",
                text);
}

static enum status find(struct operation *o, const struct asked *q, struct rows *r)
{
    db_queue(o->db, &LIST, r, q->one ? DB_INT8(q->akey) : DB_NULL(DB_TYPE_INT8), DB_TEXT(q->rule),
             DB_TEXT(q->user), DB_TEXT(q->state), DB_TIME(q->from_us), DB_TIME(q->before_us),
             DB_INT8(q->before_key), DB_INT8(q->limit));
    return db_flush(o->db);
}

static enum status find_one(struct operation *o, struct rows *r, int64_t *akey)
{
    struct asked q = {
        .one = true, .state = STR("all"), .from_us = INT64_MIN, .before_us = INT64_MAX, .limit = 1};

    TRY(audit_alert_named(o, o->args.positional[0], &q.akey));
    TRY(find(o, &q, r));
    *akey = q.akey;
    return r->count == 1 ? OK
                         : fail(o->args.err, NOT_FOUND, "alert", "there is no alert %s",
                                o->args.positional[0]);
}

/* --- list ----------------------------------------------------------------------------------- */

static enum status cursor_given(struct operation *o, struct asked *q)
{
    const char *text = cli_value(&o->args, "before");
    struct str rest = str_from(text), at;

    q->before_us = INT64_MAX;
    if (text == NULL)
        return OK;
    at = str_cut(&rest, '/');
    if (clock_parse_iso(at, &q->before_us) && rest.p != NULL && key_read(rest, &q->before_key))
        return OK;
    return fail(o->args.err, INVALID, "usage", "--before takes TIME/ALERT of the last line");
}

static enum status list_asked(struct operation *o, struct asked *q)
{
    const char *state = cli_value(&o->args, "state"), *from = cli_value(&o->args, "from");
    const char *limit = cli_value(&o->args, "limit");
    uint64_t n = AUDIT_ASKED_LIMIT;

    *q = (struct asked){.rule = str_from(cli_value(&o->args, "rule")),
                        .user = str_from(cli_value(&o->args, "user")),
                        .state = state != NULL ? str_from(state) : STR("open"),
                        .from_us = INT64_MIN};
    if (from != NULL && !clock_parse_iso(str_from(from), &q->from_us))
        return fail(o->args.err, INVALID, "usage", "--from %s: not a time", from);
    if (limit != NULL && (!str_to_u64(str_from(limit), &n) || n < 1 || n > AUDIT_SEARCH_MAX))
        return fail(o->args.err, INVALID, "usage", "--limit %s: a number from 1 to %d", limit,
                    AUDIT_SEARCH_MAX);
    q->limit = (int64_t)n;
    return cursor_given(o, q);
}

static struct str who(struct operation *o, const struct rows *r, int i)
{
    const struct member *m = member_by_id(o->members, row_int(r, i, MEMBER));
    struct str user = row_text(r, i, USER);

    if (user.p == NULL)
        return m != NULL ? m->name : STR("-");
    return m == NULL ? user
                     : str_printf(o->args.arena, "%.*s (%.*s)", STR_ARG(m->name), STR_ARG(user));
}

static struct str whom(struct arena *a, const struct rows *r, int i)
{
    return row_null(r, i, PERSON)
               ? STR("-")
               : str_printf(a, "P%" PRId64 ".%" PRId64, row_int(r, i, PKEY), row_int(r, i, PERSON));
}

static void one_json(struct operation *o, struct strbuf *out, const struct rows *r, int i)
{
    struct arena *a = o->args.arena;
    struct uuid *ids;
    int64_t *ats;
    size_t n = row_uuids(a, r, i, RECORD_IDS, &ids);

    row_ints(a, r, i, RECORD_ATS, &ats);
    strbuf_lit(out, "{");
    cli_json_text(out, "alert", key_text(a, row_int(r, i, AKEY)));
    cli_json_text(out, "rule", row_text(r, i, RULE));
    cli_json_text(out, "at", clock_iso(a, row_time(r, i, AT)));
    cli_json_text(out, "user", row_null(r, i, USER) ? STR("") : row_text(r, i, USER));
    cli_json_int(out, "member_id", row_int(r, i, MEMBER));
    cli_json_text(out, "person", whom(a, r, i));
    cli_json_text(out, "why", row_text(r, i, WHY));
    cli_json_text(out, "state", row_text(r, i, STATE));
    cli_json_text(out, "note", row_text(r, i, NOTE));
    cli_json_key(out, "records");
    strbuf_lit(out, "[");
    for (size_t k = 0; k < n; k++)
        strbuf_addf(out, "%s\"%.*s/%.*s\"", k > 0 ? "," : "", STR_ARG(clock_iso(a, ats[k])),
                    STR_ARG(uuid_text(a, ids[k])));
    strbuf_lit(out, "]}\n");
}

static void list_table(struct operation *o, struct strbuf *out, const struct rows *r, int64_t limit)
{
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 6);

    if (r->count == 0) {
        strbuf_lit(out, "No such alert.\n");
        return;
    }
    cli_table_row(&t, STR("ALERT"), STR("TIME (UTC)"), STR("RULE"), STR("WHO"), STR("PATIENT"),
                  STR("STATE"));
    for (int i = 0; i < r->count; i++)
        cli_table_row(&t, key_text(a, row_int(r, i, AKEY)),
                      str_printf(a, "%.19s", clock_iso(a, row_time(r, i, AT)).p),
                      row_text(r, i, RULE), who(o, r, i), whom(a, r, i), row_text(r, i, STATE));
    cli_table_write(&t, out);
    if (r->count == limit)
        strbuf_addf(out, "There may be older ones: --before %.*s/%.*s\n",
                    STR_ARG(clock_iso(a, row_time(r, r->count - 1, AT))),
                    STR_ARG(key_text(a, row_int(r, r->count - 1, AKEY))));
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct audit_filter none = {0};
    struct audit_found shown = {0};
    struct asked q;
    struct rows r;

    TRY(list_asked(o, &q));
    TRY(find(o, &q, &r));
    shown.count = (size_t)r.count;
    audit_look(o, STR("audit alerts list"), &none, &shown);
    if (!o->args.json)
        list_table(o, out, &r, q.limit);
    for (int i = 0; o->args.json && i < r.count; i++)
        one_json(o, out, &r, i);
    return OK;
}

/* --- show ----------------------------------------------------------------------------------- */

static enum status records_behind(struct operation *o, const struct rows *r,
                                  struct audit_found *found)
{
    struct arena *a = o->args.arena;
    int64_t *pkeys, *ats;
    struct uuid *ids;
    size_t n = row_ints(a, r, 0, RECORD_PKEYS, &pkeys);
    struct audit_position *at = ARENA_ARRAY(a, n + 1, struct audit_position);

    row_ints(a, r, 0, RECORD_ATS, &ats);
    row_uuids(a, r, 0, RECORD_IDS, &ids);
    for (size_t i = 0; i < n; i++)
        at[i] = (struct audit_position){pkeys[i], ats[i], ids[i]};
    return audit_search_records(o->db, a, at, n, found);
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct audit_filter none = {0};
    struct audit_found behind;
    struct rows r;
    int64_t akey;

    TRY(find_one(o, &r, &akey));
    TRY(records_behind(o, &r, &behind));
    if (!row_null(&r, 0, PERSON)) {
        behind.pkey = row_int(&r, 0, PKEY);
        behind.person_id = row_int(&r, 0, PERSON);
    }
    audit_look(o, str_printf(o->args.arena, "audit alerts show %s", o->args.positional[0]), &none,
               &behind);
    if (o->args.json) {
        one_json(o, out, &r, 0);
        audit_show_json(out, o->args.arena, &behind);
        return OK;
    }
    list_table(o, out, &r, 2);
    strbuf_addf(out, "\nWhy: %.*s.\n", STR_ARG(row_text(&r, 0, WHY)));
    if (row_text(&r, 0, NOTE).n > 0)
        strbuf_addf(out, "%.*s: %.*s\n", STR_ARG(row_text(&r, 0, STATE)),
                    STR_ARG(row_text(&r, 0, NOTE)));
    strbuf_lit(out, "\nThe records behind it:\n");
    audit_show_table(out, o->args.arena, &behind);
    return OK;
}

/* --- close, reopen -------------------------------------------------------------------------- */

static enum status change(struct operation *o, struct strbuf *out, struct str state)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    const char *note = cli_value(&o->args, "note");
    struct rows r;
    int64_t akey;

    if (note == NULL || *note == '\0')
        return fail(o->args.err, INVALID, "usage", "--note TEXT: say what was found");
    TRY(find_one(o, &r, &akey));
    db_queue(o->db, &EVENT, NULL, DB_INT8(akey), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)), DB_TEXT(state), DB_TEXT(str_from(note)));
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, row, "alert", key_text(o->args.arena, akey), state);
    row->description = str_from(note);
    strbuf_addf(out, "Alert %.*s is %.*s.\n", STR_ARG(key_text(o->args.arena, akey)),
                STR_ARG(state));
    return OK;
}

static enum status work_close(struct operation *o, struct strbuf *out)
{
    return change(o, out, STR("closed"));
}

static enum status work_reopen(struct operation *o, struct strbuf *out)
{
    return change(o, out, STR("reopened"));
}

static int run_rules(const void *context, int argc, char **argv)
{
    static const struct cli cli = {"causeway audit alerts rules",
                                   "The detection rules and their definitions.", NULL};
    struct cli_args args;
    int parsed = cli_parse(&cli, argc, argv, &args);
    struct strbuf out;

    (void)context;
    if (parsed >= 0)
        return parsed;
    out = strbuf_on(args.arena, 2048);
    for (size_t i = 0; i < AUDIT_RULE_COUNT; i++)
        if (args.json) {
            strbuf_lit(&out, "{");
            cli_json_text(&out, "rule", str_from(audit_rule_texts[i].word));
            cli_json_text(&out, "definition", str_from(audit_rule_texts[i].definition));
            strbuf_lit(&out, "}\n");
        } else {
            strbuf_addf(&out, "%s\n    %s\n", audit_rule_texts[i].word,
                        audit_rule_texts[i].definition);
        }
    printf("%.*s", STR_ARG(strbuf_str(&out)));
    return 0;
}

/* --- help ----------------------------------------------------------------------------------- */

static const struct cli_option list_options[] = {
    {"state", "WORD", "open (the default), closed, explained, all"},
    {"rule", "NAME", "of this rule (`causeway audit alerts rules`)"},
    {"user", "ID", "about this user"},
    {"from", "T", "since then"},
    {"limit", "N", "at a time, up to 1000; default 50"},
    {"before", "TIME/ALERT", "go on where an earlier list stopped"},
    {NULL, NULL, NULL},
};
static const struct cli_option note_options[] = {
    {"note", "TEXT", "what was found"},
    {NULL, NULL, NULL},
};

static const struct operation_kind list = {
    .cli = {"causeway audit alerts list [--state WORD] [--rule NAME] [--user ID] [--from T] "
            "[--limit N] [--before TIME/ALERT]",
            "What `causeway audit watch` found, newest first; the open ones unless told otherwise.",
            list_options},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit alerts list",
    .work = work_list,
};
static const struct operation_kind show = {
    .cli = {"causeway audit alerts show ALERT",
            "One alert: why it was raised, and the records behind it.", NULL},
    .least = 1,
    .most = 1,
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit alerts show",
    .work = work_show,
};
static const struct operation_kind close_kind = {
    .cli = {"causeway audit alerts close ALERT --note TEXT",
            "Closes an alert with what was found. The alert and its history stay.\n"
            "\n"
            "  causeway audit alerts close 9f3c01d2a4b5e677 --note 'consulted on the ward round'",
            note_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit alerts close",
    .work = work_close,
};
static const struct operation_kind reopen = {
    .cli = {"causeway audit alerts reopen ALERT --note TEXT", "Opens a closed alert again.",
            note_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit alerts reopen",
    .work = work_reopen,
};

const struct cli_verb audit_alert_verbs[] = {
    {"list", "what was found", operation_run, &list},
    {"show", "one, with the records behind it", operation_run, &show},
    {"close", "say what was found, and close it", operation_run, &close_kind},
    {"reopen", "open it again", operation_run, &reopen},
    {"rules", "what is looked for", run_rules, NULL},
    {NULL, NULL, NULL, NULL},
};
