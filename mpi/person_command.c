#include "mpi/person_command.h"

#include <jansson.h>
#include <string.h>

#include "hub/command/cli_print.h"
#include "mpi/named.h"
#include "mpi/record.h"
#include "mpi/store.h"

/* Each query gives its rows as one JSON array, which --json prints as it is; the tables for people
 * come from columns beside it. */
struct section {
    const char *key;
    const struct statement *statement;
    size_t columns; /* of text, headings first in `headings` */
    const char *headings[6];
};

#define DEMOGRAPHICS "DEMOGRAPHICS" /* the heading of what has a national identifier in it */

/* --- what is shown of a national identifier -------------------------------------------------- */

static bool in_clear(const struct operation *o)
{
    return cli_value(&o->args, "clear") != NULL;
}

/* Demographics as JSON. */
static struct str masked_json(struct operation *o, struct str json)
{
    struct arena *a = o->args.arena;
    json_t *root, *ssn;
    char *text;

    if (in_clear(o) || json.n == 0)
        return json;
    root = json_loadb(json.p, json.n, 0, NULL);
    ssn = json_object_get(root, "ssn");
    if (json_is_string(ssn)) {
        struct str shown =
            mpi_number_masked(a, str_of(json_string_value(ssn), json_string_length(ssn)));

        json_string_setn(ssn, shown.p, shown.n);
    }
    text = json_dumps(root, JSON_COMPACT);
    must(text != NULL, "demographics that are no JSON");
    json = str_dup(a, str_from(text));
    free(text);
    json_decref(root);
    return json;
}

/* Whoever asks for all of it leaves a trace. */
static void audit_clear(struct operation *o)
{
    if (in_clear(o))
        audit_object_add(o->args.arena, o->audit.last, "field", STR("ssn"), STR("shown in clear"));
}

/* --- person ---------------------------------------------------------------------------------- */

static const struct statement GOLDEN = {
    "mpi_show_golden",
    "SELECT demographics, sources"
    "  FROM mpi_golden"
    " WHERE pkey = $1"
    "   AND person_id = $2",
};
/* across places: a person's records may lie at several */
static const struct statement RECORDS = {
    "mpi_show_records",
    "SELECT DISTINCT ON (r.pkey, r.record_id)"
    "       'R' || r.pkey || '.' || r.record_id AS record,"
    "       CASE WHEN r.anchor THEN 'the hub' ELSE coalesce(m.name, r.member_id::text) END"
    "       AS source,"
    "       array_to_string(r.identifiers, ' ') AS identifiers,"
    "       l.reason || ' by ' || l.decided_by AS link, l.since::timestamptz(0)::text AS since"
    "  FROM mpi_record r"
    "  JOIN mpi_link l ON l.pkey = r.pkey AND l.record_id = r.record_id AND l.until IS NULL"
    "  LEFT JOIN member m ON m.member_id = r.member_id"
    " WHERE (r.pkey, r.record_id) IN ("
    "       SELECT unnest(p.place_pkeys), unnest(p.place_records)"
    "         FROM mpi_person p"
    "        WHERE p.pkey = $1"
    "          AND p.person_id = $2)"
    " ORDER BY r.pkey, r.record_id, r.version DESC",
};
/* across places: a merge lies with the person that received records */
static const struct statement MERGES = {
    "mpi_show_merges",
    "SELECT merge_id::text AS merge, kind,"
    "       'P' || pkey || '.' || person_id AS into, 'P' || other_pkey || '.' || other_id AS from,"
    "       at::timestamptz(0)::text || ' by ' || decided_by AS at,"
    "       coalesce('taken back ' || undone_at::timestamptz(0)::text || ' by ' || undone_by, '')"
    "       AS undone"
    "  FROM mpi_merge_log"
    " WHERE (pkey = $1 AND person_id = $2)"
    "    OR (other_pkey = $1 AND other_id = $2)"
    " ORDER BY merge_id",
};
/* across places: pairs lie with either record */
static const struct statement NO_LINKS = {
    "mpi_show_no_links",
    "SELECT 'R' || n.pkey || '.' || n.record_id AS record,"
    "       'R' || n.other_pkey || '.' || n.other_record AS apart_from,"
    "       n.since::timestamptz(0)::text || ' by ' || n.decided_by AS since, n.why"
    "  FROM mpi_no_link n"
    " WHERE n.until IS NULL"
    "   AND (n.pkey, n.record_id) IN ("
    "       SELECT unnest(p.place_pkeys), unnest(p.place_records)"
    "         FROM mpi_person p"
    "        WHERE p.pkey = $1"
    "          AND p.person_id = $2)"
    " ORDER BY n.pkey, n.record_id",
};

static const struct section PERSON_SECTIONS[] = {
    {"records", &RECORDS, 5, {"RECORD", "SOURCE", "IDENTIFIERS", "LINKED", "SINCE"}},
    {"merges", &MERGES, 6, {"MERGE", "KIND", "INTO", "FROM", "WHEN", "TAKEN BACK"}},
    {"kept_apart", &NO_LINKS, 4, {"RECORD", "KEPT APART FROM", "SINCE", "WHY"}},
};

/* --- record ---------------------------------------------------------------------------------- */

static const struct statement VERSIONS = {
    "mpi_show_versions",
    "SELECT version::text AS version, event, at::timestamptz(0)::text AS at,"
    "       array_to_string(identifiers, ' ') AS identifiers,"
    "       coalesce(demographics::text, '') AS demographics"
    "  FROM mpi_record"
    " WHERE pkey = $1"
    "   AND record_id = $2"
    " ORDER BY version",
};
static const struct statement LINKS = {
    "mpi_show_links",
    "SELECT version::text AS version, 'P' || person_pkey || '.' || person_id AS person,"
    "       reason || ' by ' || decided_by AS reason, since::timestamptz(0)::text AS since,"
    "       coalesce(until::timestamptz(0)::text, 'now') AS until"
    "  FROM mpi_link"
    " WHERE pkey = $1"
    "   AND record_id = $2"
    " ORDER BY version",
};
static const struct statement DECISIONS = {
    "mpi_show_decisions",
    "SELECT decision_id::text AS decision, version::text AS version, outcome,"
    "       array_to_string(reasons, ', ') AS reasons, at::timestamptz(0)::text AS at,"
    "       jsonb_array_length(candidates)::text AS candidates"
    "  FROM mpi_decision"
    " WHERE pkey = $1"
    "   AND record_id = $2"
    " ORDER BY decision_id",
};

static const struct section RECORD_SECTIONS[] = {
    {"versions", &VERSIONS, 5, {"VERSION", "EVENT", "RECEIVED", "IDENTIFIERS", DEMOGRAPHICS}},
    {"links", &LINKS, 5, {"LINK", "PERSON", "BECAUSE", "SINCE", "UNTIL"}},
    {"decisions",
     &DECISIONS,
     6,
     {"DECISION", "VERSION", "OUTCOME", "BECAUSE", "WHEN", "CANDIDATES"}},
};

enum { SECTIONS = 3 };

/* --- printing -------------------------------------------------------------------------------- */

static struct str cell(struct operation *o, const struct section *s, const struct rows *rows,
                       int row, size_t column)
{
    struct str text = row_text(rows, row, (int)column);

    return strcmp(s->headings[column], DEMOGRAPHICS) == 0 ? masked_json(o, text) : text;
}

static void print_table(struct operation *o, const struct section *s, const struct rows *rows,
                        struct strbuf *out)
{
    struct cli_table table = cli_table_on(o->args.arena, s->columns);
    struct str cells[6];

    if (rows->count == 0)
        return;
    for (size_t i = 0; i < s->columns; i++)
        cells[i] = str_from(s->headings[i]);
    cli_table_add(&table, cells);
    for (int row = 0; row < rows->count; row++) {
        for (size_t i = 0; i < s->columns; i++)
            cells[i] = cell(o, s, rows, row, i);
        cli_table_add(&table, cells);
    }
    strbuf_addc(out, '\n');
    cli_table_write(&table, out);
}

/* The keys of the JSON are the headings in small letters. */
static void print_json(struct operation *o, const struct section *s, const struct rows *rows,
                       struct strbuf *out)
{
    cli_json_key(out, s->key);
    strbuf_addc(out, '[');
    for (int row = 0; row < rows->count; row++) {
        cli_json_comma(out);
        strbuf_addc(out, '{');
        for (size_t i = 0; i < s->columns; i++) {
            struct str key = str_lower(o->args.arena, str_from(s->headings[i]));
            char name[32] = "";

            for (size_t j = 0; j < key.n && j < sizeof(name) - 1; j++)
                name[j] = (char)(key.p[j] == ' ' ? '_' : key.p[j]);
            cli_json_text(out, str_c(o->args.arena, str_from(name)), cell(o, s, rows, row, i));
        }
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, ']');
}

static enum status sections(struct operation *o, const struct section list[SECTIONS], int64_t pkey,
                            int64_t id, struct strbuf *out)
{
    struct rows rows[SECTIONS];

    for (int i = 0; i < SECTIONS; i++)
        db_queue(o->db, list[i].statement, &rows[i], DB_INT8(pkey), DB_INT8(id));
    TRY(db_flush(o->db));
    for (int i = 0; i < SECTIONS; i++)
        if (o->args.json)
            print_json(o, &list[i], &rows[i], out);
        else
            print_table(o, &list[i], &rows[i], out);
    return OK;
}

/* A list or a single value of the golden record, as people read it. */
static void golden_line(struct cli_table *t, const char *what, struct str value)
{
    if (str_trim(value).n > 0)
        cli_table_row(t, str_from(what), str_trim(value));
}

static void print_golden(struct arena *a, const struct mpi_demographics *d, struct strbuf *out)
{
    struct cli_table t = cli_table_on(a, 2);

    for (size_t i = 0; i < d->name_count; i++)
        golden_line(&t, i == 0 ? "name" : "also",
                    str_printf(a, "%.*s, %.*s %.*s %.*s", STR_ARG(d->names[i].family),
                               STR_ARG(d->names[i].given), STR_ARG(d->names[i].middle),
                               STR_ARG(d->names[i].suffix)));
    golden_line(&t, "birth date", d->birth_date);
    golden_line(&t, "sex", d->sex);
    golden_line(&t, "ssn", d->ssn);
    for (size_t i = 0; i < d->address_count; i++)
        golden_line(&t, "address",
                    str_printf(a, "%.*s, %.*s %.*s %.*s", STR_ARG(d->addresses[i].street),
                               STR_ARG(d->addresses[i].city), STR_ARG(d->addresses[i].state),
                               STR_ARG(d->addresses[i].postcode)));
    for (size_t i = 0; i < d->telecom_count; i++)
        golden_line(&t, "telecom", d->telecoms[i].value);
    cli_table_write(&t, out);
}

static enum status golden(struct operation *o, struct person_ref ref, struct strbuf *out)
{
    struct mpi_demographics d;
    struct rows rows;
    struct str json;

    db_queue(o->db, &GOLDEN, &rows, DB_INT8(ref.pkey), DB_INT8(ref.person_id));
    TRY(db_flush(o->db));
    if (rows.count == 0)
        return OK;
    json = masked_json(o, row_json(&rows, 0, 0));
    if (o->args.json) {
        cli_json_key(out, "golden");
        strbuf_add(out, json);
        cli_json_key(out, "sources");
        strbuf_add(out, row_json(&rows, 0, 1));
        return OK;
    }
    TRY(mpi_demographics_parse(o->args.arena, json, &d, o->args.err));
    print_golden(o->args.arena, &d, out);
    return OK;
}

/* NOT_FOUND when there is no such person; one that was merged away is shown as that. */
static enum status person_row(struct request *rq, struct person_ref ref, struct mpi_person *out)
{
    struct mpi_locked row;

    *out = (struct mpi_person){0};
    mpi_persons_queue(rq, &ref, 1, false, &row);
    TRY(db_flush(rq->db));
    if (mpi_person_read(rq, &row.rows[0], 0, out) || out->merged)
        return OK;
    return fail(rq->err, NOT_FOUND, "person", "there is no person %.*s",
                STR_ARG(mpi_person_name(rq->arena, ref)));
}

static void print_head(struct operation *o, const struct mpi_person *p, struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct str into = p->merged ? mpi_person_name(a, p->into) : STR_NONE;

    if (o->args.json) {
        strbuf_addc(out, '{');
        cli_json_text(out, "person", mpi_person_name(a, p->ref));
        cli_json_text(out, "xad_pid", p->xad_pid);
        cli_json_text(out, "merged_into", into);
        return;
    }
    strbuf_addf(out, "%.*s%s%.*s%s%.*s\n", STR_ARG(mpi_person_name(a, p->ref)),
                p->xad_pid.n > 0 ? ", XAD-PID " : "", STR_ARG(p->xad_pid),
                p->merged ? ", part of " : "", STR_ARG(into));
}

static enum status work_person(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct person_ref ref;
    struct mpi_person p;

    TRY(mpi_named_person(o, rq, o->args.positional[0], &ref));
    audit_clear(o);
    TRY(person_row(rq, ref, &p));
    print_head(o, &p, out);
    TRY(golden(o, ref, out));
    TRY(sections(o, PERSON_SECTIONS, ref.pkey, ref.person_id, out));
    if (o->args.json)
        strbuf_lit(out, "}\n");
    return OK;
}

static enum status work_record(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct place place;

    TRY(mpi_named_record(o, rq, o->args.positional[0], &place));
    audit_clear(o);
    if (o->args.json) {
        strbuf_addc(out, '{');
        cli_json_text(out, "record", mpi_record_name(o->args.arena, place));
    } else
        strbuf_addf(out, "%.*s\n", STR_ARG(mpi_record_name(o->args.arena, place)));
    TRY(sections(o, RECORD_SECTIONS, place.pkey, place.record_id, out));
    if (o->args.json)
        strbuf_lit(out, "}\n");
    return OK;
}

static const struct cli_option options[] = {
    {"clear", NULL, "show the national identifier whole; the audit says that it was"},
    {NULL, NULL, NULL},
};

const struct operation_kind mpi_kind_person = {
    .cli = {"causeway mpi person PERSON [--clear]",
            "Shows what is believed of a person and where each value is from (--json), its\n"
            "records and how they came to be linked, its merges, and what it is kept apart from.\n"
            "A person is P12.34, an XAD-PID or an identifier as 'ID^^^&OID&ISO'.",
            options},
    .least = 1,
    .most = 1,
    .transaction = "PATIENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway mpi person",
    .work = work_person,
};
const struct operation_kind mpi_kind_record = {
    .cli = {"causeway mpi record RECORD [--clear]",
            "Shows all versions of a record, the persons that it was linked to and why, and what\n"
            "was decided about it. A record is R12.35 or an identifier as 'ID^^^&OID&ISO'.",
            options},
    .least = 1,
    .most = 1,
    .transaction = "PATIENT",
    .audit = {"110110", 'R'},
    .endpoint = "causeway mpi record",
    .work = work_record,
};
