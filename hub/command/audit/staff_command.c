#include "hub/audit/rules.h"
#include "hub/command/audit/index.h"
#include "hub/command/audit/verbs.h"
#include "hub/command/cli_print.h"
#include "hub/data/csv.h"

static const struct statement ADD = {
    "staff_add",
    "INSERT INTO audit_staff (user_id, organization, role, family, given, birth_date, street, city,"
    "  postcode, hours, loaded_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    " ON CONFLICT (user_id)"
    " DO UPDATE SET organization = excluded.organization, role = excluded.role,"
    "  family = excluded.family, given = excluded.given, birth_date = excluded.birth_date,"
    "  street = excluded.street, city = excluded.city, postcode = excluded.postcode,"
    "  hours = excluded.hours, loaded_at = excluded.loaded_at",
};
static const struct statement DROP_OTHERS = {
    "staff_drop_others",
    "DELETE FROM audit_staff"
    " WHERE loaded_at <> $1",
};
static const struct statement SUMMARY = {
    "staff_summary",
    "SELECT organization, count(*), max(loaded_at)"
    " FROM audit_staff"
    " GROUP BY organization"
    " ORDER BY organization",
};
static const struct statement VIP_ADD = {
    "vip_add",
    "INSERT INTO audit_vip (patient, reason, added_at, added_by)"
    " VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (patient) DO NOTHING",
};
static const struct statement VIP_REMOVE = {
    "vip_remove",
    "DELETE FROM audit_vip"
    " WHERE patient = $1",
};
static const struct statement VIP_LIST = {
    "vip_list",
    "SELECT patient, reason, added_at, added_by"
    " FROM audit_vip"
    " ORDER BY patient",
};

/* --- staff ---------------------------------------------------------------------------------- */

#define COLUMNS(X)                                                                                 \
    X(user_id)                                                                                     \
    X(organization) X(role) X(family) X(given) X(birth_date) X(street) X(city) X(postcode) X(hours)
#define COLUMN_NAME(name)  #name,
#define COLUMN_INDEX(name) COLUMN_##name,
static const char *const column_names[] = {COLUMNS(COLUMN_NAME)};
enum { COLUMNS(COLUMN_INDEX) COLUMN_COUNT, FIELDS_MAX = 64, FLUSH_EVERY = 500 };

struct loading {
    struct operation *o;
    struct csv_file file;
    size_t at[COLUMN_COUNT]; /* where each column stands; FIELDS_MAX: nowhere */
    uint64_t people;
};

static enum status columns_find(struct loading *l)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        l->at[c] = FIELDS_MAX;
        for (size_t i = 0; i < l->file.columns && i < FIELDS_MAX; i++)
            if (str_eq_nocase(l->file.header[i], str_from(column_names[c])))
                l->at[c] = i;
    }
    if (l->at[COLUMN_user_id] < FIELDS_MAX && l->at[COLUMN_organization] < FIELDS_MAX)
        return OK;
    return fail(l->o->args.err, INVALID, "staff",
                "%s: the header must name the columns user_id and organization; --help has all",
                l->file.path);
}

/* What is queued is borrowed until the flush; the chunk's bytes last no longer than the chunk. */
static enum status person_load(struct loading *l, const struct csv_chunk *chunk,
                               const struct str *fields, size_t count)
{
    struct arena *a = l->o->args.arena;
    struct str v[COLUMN_COUNT];
    struct audit_hours hours;

    for (size_t c = 0; c < COLUMN_COUNT; c++)
        v[c] = l->at[c] < count ? str_dup(a, csv_utf8(a, fields[l->at[c]])) : STR("");
    if (v[COLUMN_user_id].n == 0 || v[COLUMN_user_id].n > 400)
        return fail(l->o->args.err, INVALID, "staff",
                    "%s, line %llu: user_id must have 1 to 400 bytes", l->file.path,
                    (unsigned long long)chunk->rows.row_line);
    if (!audit_hours_read(v[COLUMN_hours], &hours))
        return fail(l->o->args.err, INVALID, "staff",
                    "%s, line %llu: hours '%.*s': write mon-fri 07:00-19:00", l->file.path,
                    (unsigned long long)chunk->rows.row_line, STR_ARG(v[COLUMN_hours]));
    db_queue(l->o->db, &ADD, NULL, DB_TEXT(v[COLUMN_user_id]), DB_TEXT(v[COLUMN_organization]),
             DB_TEXT(v[COLUMN_role]), DB_TEXT(v[COLUMN_family]), DB_TEXT(v[COLUMN_given]),
             DB_TEXT(v[COLUMN_birth_date]), DB_TEXT(v[COLUMN_street]), DB_TEXT(v[COLUMN_city]),
             DB_TEXT(v[COLUMN_postcode]), DB_TEXT(v[COLUMN_hours]), DB_TIME(l->o->now_us));
    return ++l->people % FLUSH_EVERY == 0 ? db_flush(l->o->db) : OK;
}

static enum status chunk_load(struct loading *l, struct csv_chunk *chunk)
{
    struct str fields[FIELDS_MAX];
    enum csv_got got;
    size_t count;

    while ((got = csv_row(&chunk->rows, fields, FIELDS_MAX, &count)) == CSV_ROW)
        TRY(person_load(l, chunk, fields, count < FIELDS_MAX ? count : FIELDS_MAX));
    if (got == CSV_BROKEN)
        return fail(l->o->args.err, INVALID, "staff", "%s, line %llu: %s", l->file.path,
                    (unsigned long long)chunk->rows.row_line, chunk->rows.broken);
    return OK;
}

static enum status file_load(struct loading *l)
{
    struct csv_chunk chunk = {0};
    enum status status = columns_find(l);

    while (status == OK && csv_chunk_next(&l->file, &chunk, l->o->args.err))
        status = chunk_load(l, &chunk);
    csv_chunk_dispose(&chunk);
    return status != OK ? status : l->o->args.err->status;
}

static enum status work_load(struct operation *o, struct strbuf *out)
{
    struct loading l = {.o = o};
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    bool replace = cli_value(&o->args, "replace") != NULL;
    enum status status;

    TRY(csv_open(&l.file, o->args.arena, o->args.positional[0], o->args.err));
    status = file_load(&l);
    csv_close(&l.file);
    TRY(status);
    if (replace)
        db_queue(o->db, &DROP_OTHERS, NULL, DB_TIME(o->now_us));
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, row, "configuration", STR("audit staff"),
                     str_printf(o->args.arena, "%llu people loaded%s", (unsigned long long)l.people,
                                replace ? ", others removed" : ""));
    strbuf_addf(out, "%llu people loaded.\n", (unsigned long long)l.people);
    return OK;
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 3);
    struct rows r;

    db_queue0(o->db, &SUMMARY, &r);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("ORGANIZATION"), STR("PEOPLE"), STR("LOADED"));
    for (int i = 0; i < r.count; i++)
        cli_table_row(&t, row_text(&r, i, 0),
                      str_printf(o->args.arena, "%lld", (long long)row_int(&r, i, 1)),
                      str_printf(o->args.arena, "%.19s",
                                 clock_iso(o->args.arena, row_time(&r, i, 2)).p));
    cli_table_write(&t, out);
    return OK;
}

static const struct cli_option load_options[] = {
    {"replace", NULL, "forget everybody who is not in the file"},
    {NULL, NULL, NULL},
};

static const struct operation_kind load = {
    .cli = {"causeway audit staff load FILE [--replace]",
            "Loads a CSV file of the people who work at the members, for the detection rules: a\n"
            "header of user_id, organization, role, family, given, birth_date, street, city,\n"
            "postcode, hours, in any order. user_id is what assertions prove, whole, or the part\n"
            "between < and >, or that before @; role one of physician, nurse, pharmacist,\n"
            "therapist, clerk, billing, researcher, administrator, or another word; hours\n"
            "\"mon-fri 07:00-19:00\", empty for any time. The whole file is loaded, or nothing.",
            load_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit staff load",
    .work = work_load,
};

static const struct operation_kind show = {
    .cli = {"causeway audit staff show", "How many people of each organization are known.", NULL},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit staff show",
    .work = work_show,
};

const struct cli_verb audit_staff_verbs[] = {
    {"load", "from a CSV file", operation_run, &load},
    {"show", "how many there are", operation_run, &show},
    {NULL, NULL, NULL, NULL},
};

/* --- patients to be looked after ------------------------------------------------------------ */

static enum status vip_named(struct operation *o, struct str *cx)
{
    struct identifier id;

    if (!identifier_parse_cx(str_from(o->args.positional[0]), &id))
        return fail(o->args.err, INVALID, "usage", "%s: write the identifier as 'ID^^^&OID&ISO'",
                    o->args.positional[0]);
    *cx = identifier_cx(o->args.arena, id);
    return OK;
}

static void vip_audit(struct operation *o, struct str cx, const char *what)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->patient = cx;
    audit_object_add(o->args.arena, row, "configuration", STR("audit vip"), str_from(what));
}

static enum status work_vip_add(struct operation *o, struct strbuf *out)
{
    const char *reason = cli_value(&o->args, "reason");
    struct str cx;

    TRY(vip_named(o, &cx));
    if (reason == NULL || *reason == '\0')
        return fail(o->args.err, INVALID, "usage", "--reason TEXT: say why");
    db_queue(o->db, &VIP_ADD, NULL, DB_TEXT(cx), DB_TEXT(str_from(reason)), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)));
    TRY(db_flush(o->db));
    vip_audit(o, cx, "added");
    strbuf_lit(out, "Every access to this patient will raise an alert.\n");
    return OK;
}

static enum status work_vip_remove(struct operation *o, struct strbuf *out)
{
    struct str cx;
    struct rows r;

    TRY(vip_named(o, &cx));
    db_queue(o->db, &VIP_REMOVE, &r, DB_TEXT(cx));
    TRY(db_flush(o->db));
    if (r.affected == 0)
        return fail(o->args.err, NOT_FOUND, "vip", "the list has no such identifier");
    vip_audit(o, cx, "removed");
    strbuf_lit(out, "Removed.\n");
    return OK;
}

static enum status work_vip_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 4);
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    struct rows r;

    audit_object_add(o->args.arena, row, "query", STR("audit vip list"), STR(""));
    db_queue0(o->db, &VIP_LIST, &r);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("PATIENT"), STR("SINCE"), STR("BY"), STR("REASON"));
    for (int i = 0; i < r.count; i++)
        cli_table_row(&t, row_text(&r, i, 0),
                      str_printf(o->args.arena, "%.10s",
                                 clock_iso(o->args.arena, row_time(&r, i, 2)).p),
                      row_text(&r, i, 3), row_text(&r, i, 1));
    cli_table_write(&t, out);
    return OK;
}

static const struct cli_option vip_options[] = {
    {"reason", "TEXT", "why: a public figure, an employee, at the patient's own wish"},
    {NULL, NULL, NULL},
};

static const struct operation_kind vip_add = {
    .cli = {"causeway audit vip add CX --reason TEXT",
            "Puts a patient on the list whose every access raises an alert. Whose the identifier\n"
            "is, and who was merged into that person, is asked of the index each time.",
            vip_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit vip add",
    .work = work_vip_add,
};

static const struct operation_kind vip_remove = {
    .cli = {"causeway audit vip remove CX", "Takes a patient off the list.", NULL},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway audit vip remove",
    .work = work_vip_remove,
};

static const struct operation_kind vip_list = {
    .cli = {"causeway audit vip list", "The list, and why each is on it. Audited.", NULL},
    .transaction = "ITI-81",
    .audit = {"110101", 'R'},
    .endpoint = "causeway audit vip list",
    .work = work_vip_list,
};

const struct cli_verb audit_vip_verbs[] = {
    {"add", "look after a patient", operation_run, &vip_add},
    {"remove", "no longer", operation_run, &vip_remove},
    {"list", "all of them", operation_run, &vip_list},
    {NULL, NULL, NULL, NULL},
};
