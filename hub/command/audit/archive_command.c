/* `causeway audit archive` and `restore`: whole months of the log leave the database for a file and
 * come back. Nothing is dropped that was not written, read back and verified before. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/audit/log_export.h"
#include "hub/audit/log_file.h"
#include "hub/audit/log_key.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"
#include "hub/command/audit/log_verbs.h"
#include "hub/command/cli_print.h"

/* across places: a month is all of its places. */
static const struct statement MONTHS = {
    "audit_archive_months",
    "SELECT extract(epoch FROM m AT TIME ZONE 'UTC')::bigint * 1000000,"
    " extract(epoch FROM (m + interval '1 month') AT TIME ZONE 'UTC')::bigint * 1000000,"
    " to_char(m, 'YYYY-MM')"
    " FROM (SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS m"
    "  FROM pg_inherits i"
    "  JOIN pg_class c ON c.oid = i.inhrelid"
    "  WHERE i.inhparent = 'audit_event'::regclass) AS months"
    " WHERE m + interval '1 month' <= $1 AT TIME ZONE 'UTC'"
    "  AND m + interval '1 month' <= now() AT TIME ZONE 'UTC'"
    " ORDER BY m",
};
/* across places: as above. */
static const struct statement STRETCH = {
    "audit_archive_stretch",
    "SELECT (SELECT count(*) FROM audit_event e WHERE e.at >= $1 AND e.at < $2),"
    " count(*), min(l.leaf), max(l.leaf)"
    " FROM audit_leaf l"
    " JOIN audit_event e ON e.pkey = l.pkey AND e.at = l.at AND e.id = l.id"
    " WHERE e.at >= $1 AND e.at < $2",
};
static const struct statement DROP = {
    "audit_archive_drop",
    "SELECT audit_drop_month($1)",
};
static const struct statement KEEP = {
    "audit_archive_keep",
    "INSERT INTO audit_archive (month, file, sha256, records, first_leaf, last_leaf, archived,"
    "  keep_until, online)"
    " VALUES (($1 AT TIME ZONE 'UTC')::date, $2, $3, $4, $5, $6, now(),"
    "  (($1 AT TIME ZONE 'UTC') + make_interval(years => $7, months => 1))::date, false)"
    " ON CONFLICT (month)"
    " DO UPDATE SET file = excluded.file, sha256 = excluded.sha256, archived = excluded.archived,"
    "  keep_until = excluded.keep_until, online = false",
};
static const struct statement LIST = {
    "audit_archive_list",
    "SELECT to_char(month, 'YYYY-MM'), file, sha256, records, keep_until::text, online,"
    " keep_until <= now()"
    " FROM audit_archive"
    " ORDER BY month",
};
static const struct statement OF_FILE = {
    "audit_archive_of_file",
    "SELECT extract(epoch FROM month::timestamp AT TIME ZONE 'UTC')::bigint * 1000000,"
    " to_char(month, 'YYYY-MM'), records"
    " FROM audit_archive"
    " WHERE sha256 = $1 AND NOT online",
};
static const struct statement MAKE_MONTH = {
    "audit_archive_make_month",
    "SELECT audit_make_partition('audit_event', $1), audit_make_partition('audit_search', $1)",
};
static const struct statement ADD_EVENT = {
    "audit_archive_add_event",
    "INSERT INTO audit_event (pkey, at, id, leaf_hash, record)"
    " VALUES ($1, $2, $3, $4, $5)",
};
static const struct statement ADD_SEARCH = {
    "audit_archive_add_search",
    "SELECT audit_restore_search($1)",
};
static const struct statement ONLINE = {
    "audit_archive_online",
    "UPDATE audit_archive"
    " SET online = true"
    " WHERE sha256 = $1",
};

enum { DIGEST = crypto_hash_sha256_BYTES };

struct month {
    int64_t from_us, end_us;
    struct str name; /* 2026-01 */
    int64_t records, first_leaf, last_leaf;
    const char *file;
    unsigned char digest[DIGEST];
};

static void tell(struct operation *o, const char *what, struct str month, struct str file)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->description = str_printf(o->args.arena, "%s %.*s", what, STR_ARG(month));
    audit_object_add(o->args.arena, row, "archive", file, STR(""));
}

/* Reads the file back as anybody could, with the public key alone. */
static enum status check_file(struct operation *o, const char *file, unsigned char digest[DIGEST])
{
    struct log_verdict verdict;
    struct note_key key;

    TRY(log_key_public(o->args.arena, cli_value(&o->args, "key"), &key, o->args.err));
    TRY(log_file_check(o->args.arena, file, &key, STR_NONE, &verdict, digest, o->args.err));
    if (verdict.tampering == 0)
        return OK;
    return fail(o->args.err, DENIED, "archive",
                "%s does not verify: %.*s. Nothing was taken out of the database or put in", file,
                STR_ARG(verdict.first->text));
}

/* --- archive ------------------------------------------------------------------------------- */

static enum status write_month(struct operation *o, struct month *m)
{
    struct log_export e = {.db = o->db,
                           .to = fopen(m->file, "wx"),
                           .from = m->first_leaf,
                           .end = m->last_leaf + 1,
                           .month_from_us = m->from_us,
                           .month_end_us = m->end_us,
                           .archive = true};
    enum status status;

    if (e.to == NULL)
        return fail(o->args.err, UPSTREAM, "archive", "%s: %s", m->file, strerror(errno));
    status = log_export_write(&e, o->args.err);
    if ((fsync(fileno(e.to)) != 0 || fclose(e.to) != 0) && status == OK)
        return fail(o->args.err, UPSTREAM, "archive", "%s: %s", m->file, strerror(errno));
    if (status == OK && (int64_t)e.records != m->records)
        return fail(o->args.err, CONFLICT, "archive", "%s has %llu records, the month %lld",
                    m->file, (unsigned long long)e.records, (long long)m->records);
    return status;
}

static enum status take_out(struct operation *o, const struct operation_kind *kind, struct month *m)
{
    struct audit_context context = operation_context(o, kind);

    o->audit = (struct audit_list){0};
    tell(o, "archived", m->name, str_from(m->file));
    db_begin(o->db, READ_COMMITTED);
    db_queue(o->db, &DROP, NULL, DB_TIME(m->from_us));
    db_queue(o->db, &KEEP, NULL, DB_TIME(m->from_us), DB_TEXT(str_from(m->file)),
             DB_BYTEA(str_of(m->digest, DIGEST)), DB_INT8(m->records), DB_INT8(m->first_leaf),
             DB_INT8(m->last_leaf), DB_INT4((int)o->config.audit_retention_years));
    TRY(audit_queue(o->db, o->args.arena, &context, &o->audit, o->args.err));
    return db_commit(o->db);
}

static enum status archive_month(struct operation *o, struct month *m, struct strbuf *out)
{
    struct rows r;

    db_queue(o->db, &STRETCH, &r, DB_TIME(m->from_us), DB_TIME(m->end_us));
    TRY(db_flush(o->db));
    m->records = row_int(&r, 0, 0);
    m->first_leaf = row_int(&r, 0, 2);
    m->last_leaf = row_int(&r, 0, 3);
    if (m->records == 0)
        return OK; /* an empty month costs nothing */
    if (row_int(&r, 0, 1) != m->records)
        return fail(o->args.err, CONFLICT, "archive",
                    "%.*s: %lld of %lld records are not sealed; is `causeway audit seal` running?",
                    STR_ARG(m->name), (long long)(m->records - row_int(&r, 0, 1)),
                    (long long)m->records);
    m->file = str_printf(o->args.arena, "%s/causeway-audit-%.*s.log", cli_value(&o->args, "to"),
                         STR_ARG(m->name))
                  .p;
    TRY(write_month(o, m));
    TRY(check_file(o, m->file, m->digest));
    TRY(take_out(o, &audit_archive_kind, m));
    strbuf_addf(out, "%.*s: %lld records in %s\n", STR_ARG(m->name), (long long)m->records,
                m->file);
    return OK;
}

static enum status then_archive(struct operation *o, struct strbuf *out)
{
    struct str before = str_from(cli_value(&o->args, "before"));
    struct rows r;
    struct month *months;
    int64_t before_us;

    if (cli_value(&o->args, "list") != NULL)
        return OK;
    if (!clock_parse_iso(str_printf(o->args.arena, "%.*s-01", STR_ARG(before)), &before_us))
        return fail(o->args.err, INVALID, "usage", "--before takes a month, as 2026-01");
    db_queue(o->db, &MONTHS, &r, DB_TIME(before_us));
    TRY(db_flush(o->db));
    months = ARENA_ARRAY(o->args.arena, (size_t)r.count + 1, struct month);
    for (int i = 0; i < r.count; i++)
        months[i] = (struct month){.from_us = row_int(&r, i, 0),
                                   .end_us = row_int(&r, i, 1),
                                   .name = str_dup(o->args.arena, row_text(&r, i, 2))};
    for (int i = 0, n = r.count; i < n; i++)
        TRY(archive_month(o, &months[i], out));
    if (out->n == 0)
        strbuf_lit(out, "There is no such month with records in the database.\n");
    return OK;
}

static enum status list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 5);
    struct rows r;

    db_queue0(o->db, &LIST, &r);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("MONTH"), STR("RECORDS"), STR("KEEP UNTIL"), STR("SHA-256"), STR("FILE"));
    for (int i = 0; i < r.count; i++)
        cli_table_row(&t, row_text(&r, i, 0),
                      str_printf(o->args.arena, "%lld%s", (long long)row_int(&r, i, 3),
                                 row_bool(&r, i, 5) ? " (restored)" : ""),
                      str_printf(o->args.arena, "%.*s%s", STR_ARG(row_text(&r, i, 4)),
                                 row_bool(&r, i, 6) ? " (over)" : ""),
                      hex_encode(o->args.arena, row_bytea(&r, i, 2).p, DIGEST), row_text(&r, i, 1));
    cli_table_write(&t, out);
    return OK;
}

static enum status work_archive(struct operation *o, struct strbuf *out)
{
    if (cli_value(&o->args, "list") != NULL)
        return list(o, out);
    if (cli_value(&o->args, "before") == NULL || cli_value(&o->args, "to") == NULL ||
        cli_value(&o->args, "key") == NULL)
        return fail(o->args.err, INVALID, "usage", "--before, --to and --key are needed");
    return OK;
}

static const struct cli_option archive_options[] = {
    {"before", "MONTH", "the months before this one, as 2026-01; never the current one"},
    {"to", "FOLDER", "where causeway-audit-MONTH.log is written"},
    {"key", "PUB", "the log's public key: each file is read back and verified with it"},
    {"list", NULL, "show what was archived, and how long each file must be kept"},
    {"database", "CONNINFO", "the owner's connection, as for `causeway migrate`"},
    {NULL, NULL, NULL},
};
const struct operation_kind audit_archive_kind = {
    .cli =
        {"causeway audit archive --before MONTH --to FOLDER --key PUB --database CONNINFO | "
         "--list",
         "Moves whole months of audit records out of the database into files, one a month. Each\n"
         "is written, read back and verified before its month is dropped; the leaves' hashes\n"
         "stay, so that the log goes on to verify. A file is what `causeway audit verify\n"
         "--export` reads, and `causeway audit restore` puts it back. Keep it for\n"
         "audit_retention_years of the configuration: --list says until when. It holds the\n"
         "records' keys, wrapped under the hub's master key.\n"
         "\n"
         "  causeway audit archive --before 2024-01 --to /srv/audit --key checkpoint.key.pub \\\n"
         "    --database 'dbname=causeway user=causeway_owner'",
         archive_options},
    .transaction = "CONFIG",
    .audit = {"110129", 'U'},
    .endpoint = "causeway audit archive",
    .as_owner = true,
    .work = work_archive,
    .then = then_archive,
};

/* --- restore ------------------------------------------------------------------------------- */

/* "leaf N PKEY AT ID HASH STATE BYTES": the file has been verified. */
static enum status put_leaf(struct operation *o, struct arena *a, struct str rest)
{
    struct str hash, state, record, leaf_hash;
    int64_t pkey, at_us;
    struct uuid id;

    str_cut(&rest, ' ');
    if (!str_to_i64(str_cut(&rest, ' '), &pkey) || !str_to_i64(str_cut(&rest, ' '), &at_us) ||
        !uuid_parse(str_cut(&rest, ' '), &id))
        return fail(o->args.err, INVALID, "archive", "a leaf that cannot be read");
    hash = str_cut(&rest, ' ');
    state = str_cut(&rest, ' ');
    if (str_eq(state, STR("other")) || str_eq(state, STR("origin")))
        return OK;
    if (!base64_decode(a, hash, &leaf_hash) || !base64_decode(a, rest, &record))
        return fail(o->args.err, INVALID, "archive", "a record that cannot be read");
    db_queue(o->db, &ADD_EVENT, NULL, DB_INT8(pkey), DB_TIME(at_us), DB_UUID(id),
             DB_BYTEA(leaf_hash), DB_BYTEA(record));
    return db_flush(o->db);
}

static enum status put_line(void *context, struct arena *a, struct str line)
{
    struct operation *o = context;
    struct str rest = line, word = str_cut(&rest, ' '), row;

    if (str_eq(word, STR("leaf")))
        return put_leaf(o, a, rest);
    if (!str_eq(word, STR("search")))
        return OK;
    if (!base64_decode(a, rest, &row))
        return fail(o->args.err, INVALID, "archive", "a row that cannot be read");
    db_queue(o->db, &ADD_SEARCH, NULL, DB_JSONB(row));
    return db_flush(o->db);
}

static enum status work_restore(struct operation *o, struct strbuf *out)
{
    const char *file = o->args.positional[0];
    unsigned char digest[DIGEST];
    struct str name;
    struct rows r;

    if (cli_value(&o->args, "key") == NULL)
        return fail(o->args.err, INVALID, "usage", "--key is needed");
    TRY(check_file(o, file, digest));
    db_queue(o->db, &OF_FILE, &r, DB_BYTEA(str_of(digest, DIGEST)));
    TRY(db_flush(o->db));
    if (r.count == 0)
        return fail(o->args.err, NOT_FOUND, "archive",
                    "%s is not a file that `causeway audit archive` wrote, or its month is in the "
                    "database",
                    file);
    name = str_dup(o->args.arena, row_text(&r, 0, 1));
    db_queue(o->db, &MAKE_MONTH, NULL, DB_TIME(row_int(&r, 0, 0)));
    db_queue(o->db, &ONLINE, NULL, DB_BYTEA(str_of(digest, DIGEST)));
    TRY(db_flush(o->db));
    TRY(log_file_lines(file, put_line, o, NULL, o->args.err));
    tell(o, "restored", name, str_from(file));
    strbuf_addf(out, "%.*s: %lld records are in the database again\n", STR_ARG(name),
                (long long)row_int(&r, 0, 2));
    return OK;
}

static const struct cli_option restore_options[] = {
    {"key", "PUB", "the log's public key: the file is verified first"},
    {"database", "CONNINFO", "the owner's connection, as for `causeway migrate`"},
    {NULL, NULL, NULL},
};
const struct operation_kind audit_restore_kind = {
    .cli = {"causeway audit restore FILE --key PUB --database CONNINFO",
            "Puts an archived month back, after it was verified: it is searched and verified like\n"
            "any other. What was erased in the meantime stays erased.",
            restore_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110129", 'U'},
    .endpoint = "causeway audit restore",
    .as_owner = true,
    .work = work_restore,
};
