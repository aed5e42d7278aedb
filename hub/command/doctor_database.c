#include <sys/stat.h>
#include <unistd.h>

#include "hub/audit/audit.h"
#include "hub/audit/partition.h"
#include "hub/audit/seal_status.h"
#include "hub/audit/search.h"
#include "hub/command/doctor.h"
#include "hub/data/migrate.h"
#include "hub/hub.h"

static const struct statement SERVER = {
    "doctor_server",
    "SELECT current_setting('server_version_num')::integer,"
    " current_setting('server_version'),"
    " pg_is_in_recovery(),"
    " current_setting('max_connections')::integer,"
    " current_setting('superuser_reserved_connections')::integer",
};
static const struct statement SETTINGS = {
    "doctor_settings",
    "SELECT name, setting"
    " FROM pg_settings"
    " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level',"
    "  'data_checksums')"
    " ORDER BY name",
};
static const struct statement STANDBYS = {
    "doctor_standbys",
    "SELECT count(*), current_setting('synchronous_standby_names')"
    " FROM pg_stat_replication",
};
static const struct statement PRIVILEGES = {
    "doctor_privileges",
    "SELECT c.relname,"
    " pg_has_role(c.relowner, 'MEMBER'),"
    " has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'),"
    " has_table_privilege(c.oid, 'INSERT')"
    " FROM pg_class c"
    " WHERE c.oid IN ('audit_event'::regclass, 'audit_search'::regclass,"
    "  'audit_pending'::regclass)"
    " ORDER BY c.relname",
};
static const struct statement WHO = {
    "doctor_who",
    "SELECT r.rolname, r.rolsuper"
    " FROM pg_roles r"
    " WHERE r.rolname = current_user",
};
static const struct statement NOW = {"doctor_now", "SELECT clock_timestamp()"};

enum { OLDEST_SERVER = 150000, SPARE_CONNECTIONS = 10 };

void doctor_connection(struct doctor *d)
{
    struct rows r;
    int64_t room, wanted = d->config.workers + SPARE_CONNECTIONS;

    d->db = db_open(d->config.database, "causeway doctor", d->args.err);
    if (d->db == NULL) {
        doctor_say_failures(d, "is the server running, and does `database` name host, dbname and "
                               "user? deploy/roles.sql makes the roles");
        return;
    }
    db_attach(d->db, d->args.arena, d->args.err, 0);
    db_queue0(d->db, &SERVER, &r);
    if (!doctor_flush(d))
        return;
    if (row_int(&r, 0, 0) < OLDEST_SERVER)
        doctor_say(d, DOCTOR_PROBLEM, "upgrade to PostgreSQL 15 or later", "the server is %.*s",
                   STR_ARG(row_text(&r, 0, 1)));
    if (row_bool(&r, 0, 2))
        doctor_say(d, DOCTOR_PROBLEM,
                   "add target_session_attrs=read-write and all servers to `database`",
                   "connected to a standby, which cannot be written to");
    room = row_int(&r, 0, 3) - row_int(&r, 0, 4);
    if (room < wanted)
        doctor_say(d, DOCTOR_WARNING,
                   "raise max_connections of PostgreSQL, or lower `workers`; each hub counts",
                   "%lld connections for this hub's %lld", (long long)room, (long long)wanted);
    doctor_say(d, DOCTOR_FINE, NULL, "connected; PostgreSQL %.*s", STR_ARG(row_text(&r, 0, 1)));
}

/* What a setting must be, so that what is acknowledged is not lost. */
static const struct durability {
    const char *name, *bad, *worse; /* values that are wrong */
    enum doctor_level level;
    const char *advice;
} durability[] = {
    {"data_checksums", "off", NULL, DOCTOR_WARNING,
     "stop the server and run pg_checksums --enable: a bad disk is noticed then"},
    {"fsync", "off", NULL, DOCTOR_PROBLEM,
     "set fsync = on: a crash could lose or corrupt anything"},
    {"full_page_writes", "off", NULL, DOCTOR_PROBLEM,
     "set full_page_writes = on: a crash could corrupt pages"},
    {"synchronous_commit", "off", "local", DOCTOR_PROBLEM,
     "set synchronous_commit = on: acknowledged effects could be lost"},
    {"wal_level", "minimal", NULL, DOCTOR_WARNING,
     "set wal_level = replica: backups and standbys need it"},
};

static void setting(struct doctor *d, struct str name, struct str value)
{
    for (size_t i = 0; i < sizeof(durability) / sizeof(durability[0]); i++) {
        const struct durability *s = &durability[i];

        if (str_eq(name, str_from(s->name)) &&
            (str_eq(value, str_from(s->bad)) ||
             (s->worse != NULL && str_eq(value, str_from(s->worse)))))
            doctor_say(d, s->level, s->advice, "%.*s = %.*s", STR_ARG(name), STR_ARG(value));
    }
}

void doctor_durability(struct doctor *d)
{
    const struct doctor_finding *before = d->last;
    struct rows settings, standbys;
    int64_t count;

    db_queue0(d->db, &SETTINGS, &settings);
    db_queue0(d->db, &STANDBYS, &standbys);
    if (!doctor_flush(d))
        return;
    for (int i = 0; i < settings.count; i++)
        setting(d, row_text(&settings, i, 0), row_text(&settings, i, 1));
    count = row_int(&standbys, 0, 0);
    if (count > 0 && row_text(&standbys, 0, 1).n == 0)
        doctor_say(d, DOCTOR_PROBLEM,
                   "set synchronous_standby_names: a failover could lose what was acknowledged",
                   "%lld standbys, none of them synchronous", (long long)count);
    if (d->last == before)
        doctor_say(d, DOCTOR_FINE, NULL, "commits are durable%s",
                   count > 0 ? ", on a standby too" : " (one server, no standby)");
}

void doctor_clock(struct doctor *d)
{
    int64_t before = clock_now_us(), after, skew;
    struct rows r;

    db_queue0(d->db, &NOW, &r);
    if (!doctor_flush(d))
        return;
    after = clock_now_us();
    skew = row_time(&r, 0, 0) - (before + (after - before) / 2);
    if (skew < 0)
        skew = -skew;
    if (skew > US_PER_SECOND + (after - before))
        doctor_say(
            d, skew > 60 * US_PER_SECOND ? DOCTOR_PROBLEM : DOCTOR_WARNING,
            "run NTP (chrony) on both machines: audit records and certificates need the time",
            "this machine and the database differ by %lld.%lld s",
            (long long)(skew / US_PER_SECOND), (long long)(skew / 100000 % 10));
    else
        doctor_say(d, DOCTOR_FINE, NULL, "agrees with the database's");
}

void doctor_migrations(struct doctor *d)
{
    d->migrated = migrate_check(d->db, d->args.arena, d->config.migrations, d->args.err) == OK;
    if (d->migrated)
        doctor_say(d, DOCTOR_FINE, NULL, "all applied");
    else
        doctor_say_failures(d, "`causeway migrate --database CONNINFO`, as the role that owns the "
                               "tables");
}

void doctor_privileges(struct doctor *d)
{
    static const char advice[] =
        "let the hub connect as causeway_hub, and migrate as causeway_owner (deploy/roles.sql)";
    const struct doctor_finding *before = d->last;
    struct rows who, r;

    db_queue0(d->db, &WHO, &who);
    db_queue0(d->db, &PRIVILEGES, &r);
    if (!doctor_flush(d))
        return;
    if (row_bool(&who, 0, 1))
        doctor_say(d, DOCTOR_PROBLEM, advice, "role %.*s is a superuser",
                   STR_ARG(row_text(&who, 0, 0)));
    for (int i = 0; i < r.count && d->last == before; i++) {
        struct str table = row_text(&r, i, 0);

        if (row_bool(&r, i, 1))
            doctor_say(d, DOCTOR_PROBLEM, advice, "role %.*s owns %.*s",
                       STR_ARG(row_text(&who, 0, 0)), STR_ARG(table));
        else if (row_bool(&r, i, 2))
            doctor_say(d, DOCTOR_PROBLEM,
                       "REVOKE UPDATE, DELETE, TRUNCATE on it: the log is append-only",
                       "role %.*s may change %.*s", STR_ARG(row_text(&who, 0, 0)), STR_ARG(table));
        else if (!row_bool(&r, i, 3))
            doctor_say(d, DOCTOR_PROBLEM, advice, "role %.*s may not insert into %.*s",
                       STR_ARG(row_text(&who, 0, 0)), STR_ARG(table));
    }
    if (d->last == before)
        doctor_say(d, DOCTOR_FINE, NULL, "role %.*s may add to the audit log, not change it",
                   STR_ARG(row_text(&who, 0, 0)));
}

void doctor_partitions(struct doctor *d)
{
    static const char advice[] = "run `causeway migrate`; a running hub makes them by itself";
    struct str until;
    int64_t end;

    if (audit_partitions_end(d->db, &end) != OK) {
        doctor_say_failures(d, advice);
        return;
    }
    until = clock_iso(d->args.arena, end);
    if (end <= d->now_us)
        doctor_say(d, DOCTOR_PROBLEM, advice, "none for today: nothing can be served");
    else if (end - d->now_us < AUDIT_PARTITION_WARN_US)
        doctor_say(d, DOCTOR_WARNING, advice, "they end on %.10s", until.p);
    else
        doctor_say(d, DOCTOR_FINE, NULL, "made up to %.10s", until.p);
}

/* Reads the newest record, and shows nothing of it: is the key the one that wrote the log? */
void doctor_audit_key(struct doctor *d)
{
    struct audit_filter newest = {.from_us = INT64_MIN, .to_us = INT64_MAX, .limit = 1};
    const unsigned char *master_key;
    struct audit_found found;

    if (hub_master_key(&d->config, &master_key, d->args.err) != OK) {
        errors_init(d->args.err, d->args.arena);
        doctor_say(d, DOCTOR_SKIPPED, NULL, "not examined without the master key");
        return;
    }
    audit_init(master_key);
    if (audit_search(d->db, d->args.arena, &newest, &found) != OK) {
        doctor_say_failures(d, "see the database's log");
        return;
    }
    if (found.count > 0 && found.items[0].record.p == NULL)
        doctor_say(
            d, DOCTOR_PROBLEM,
            "restore the master key that this database was begun with; documents need it too",
            "the newest audit record cannot be read with this master key");
    else
        doctor_say(d, DOCTOR_FINE, NULL, "%s",
                   found.count > 0 ? "reads the newest record" : "the audit log is empty");
}

static void idps_examine(struct doctor *d, const struct member *m)
{
    for (size_t i = 0; i < m->idp_count; i++) {
        const struct member_idp *idp = &m->idps[i];
        int64_t last = INT64_MIN;

        for (size_t k = 0; k < idp->key_count; k++)
            if (idp->keys[k].key != NULL && idp->keys[k].not_after_us > last)
                last = idp->keys[k].not_after_us;
        if (last < d->now_us + 60 * US_PER_DAY)
            doctor_say_expiry(d,
                              str_printf(d->args.arena,
                                         "the last key of %.*s's identity provider "
                                         "%.*s",
                                         STR_ARG(m->name), STR_ARG(idp->issuer)),
                              last, "`causeway member idp rotate` brings a new one");
    }
    if (m->xua == XUA_REQUIRED && m->idp_count == 0)
        doctor_say(d, DOCTOR_WARNING, "`causeway member idp add`",
                   "%.*s must name a person, and has no identity provider", STR_ARG(m->name));
}

static void member_examine(struct doctor *d, const struct member *m)
{
    struct arena *a = d->args.arena;
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < m->cert_count; i++)
        if (m->certs[i].not_after_us > last)
            last = m->certs[i].not_after_us;
    if (m->suspended)
        return;
    if (m->cert_count == 0)
        doctor_say(d, DOCTOR_WARNING, "`causeway member cert add`, or suspend it",
                   "%.*s has no certificate, so it cannot connect", STR_ARG(m->name));
    else if (last < d->now_us + 60 * US_PER_DAY)
        doctor_say_expiry(d, str_printf(a, "the last certificate of %.*s", STR_ARG(m->name)), last,
                          "ask the member for a new one, and `causeway member cert add` it");
    idps_examine(d, m);
}

void doctor_members(struct doctor *d)
{
    const struct doctor_finding *before = d->last;
    struct member_directory *members;

    if (member_directory_read(d->db, &members) != OK) {
        doctor_say_failures(d, "see the database's log");
        return;
    }
    for (size_t i = 0; i < members->count; i++)
        member_examine(d, &members->members[i]);
    if (members->count == 0)
        doctor_say(d, DOCTOR_WARNING, "`causeway member add --help`", "nobody is enrolled yet");
    else if (d->last == before)
        doctor_say(d, DOCTOR_FINE, NULL, "%zu, with valid certificates", members->count);
    member_directory_release(members);
}

void doctor_xad_source(struct doctor *d)
{
    struct str source = str_from(d->config.xad_source);
    struct member_directory *members;
    const struct member *m;

    if (str_eq(source, STR("hub"))) {
        doctor_say(d, DOCTOR_FINE, NULL, "the hub itself");
        return;
    }
    if (member_directory_read(d->db, &members) != OK) {
        doctor_say_failures(d, "see the database's log");
        return;
    }
    m = member_by_name(members, source);
    if (m == NULL)
        doctor_say(d, DOCTOR_PROBLEM, "enrol it, or set xad_source = hub",
                   "xad_source names %s, which is no member", d->config.xad_source);
    else if (m->suspended)
        doctor_say(d, DOCTOR_WARNING, "`causeway member resume`",
                   "%s is suspended, so no XAD-PIDs come", d->config.xad_source);
    else if (!member_owns_authority(m, str_from(d->config.xad_authority)))
        doctor_say(d, DOCTOR_PROBLEM,
                   "`causeway member authority add` it: the source must feed xad_authority",
                   "%s does not feed %s", d->config.xad_source, d->config.xad_authority);
    else
        doctor_say(d, DOCTOR_FINE, NULL, "%s", d->config.xad_source);
    member_directory_release(members);
}

/* Who serves must not be able to sign: the key belongs to another user. */
static void doctor_checkpoint_key(struct doctor *d)
{
    struct stat st;

    if (geteuid() != 0 && stat(d->config.checkpoint_key, &st) == 0 && st.st_uid == geteuid())
        doctor_say(d, DOCTOR_WARNING,
                   "run `causeway audit seal` as a user of its own (causeway-seal.service)",
                   "this user can read the key that signs the log's checkpoints");
}

void doctor_audit_log(struct doctor *d)
{
    static const char advice[] = "start it: systemctl enable --now causeway-seal; before the first "
                                 "time, `causeway audit key`";
    struct seal_status s;
    struct str lag;
    struct rows r;

    seal_status_queue(d->db, &r);
    if (!doctor_flush(d))
        return;
    seal_status_read(&r, &s);
    lag = seal_status_warning(d->args.arena, &s);
    doctor_checkpoint_key(d);
    if (lag.n > 0)
        doctor_say(d, DOCTOR_WARNING, advice, "%.*s: the sealer does not run", STR_ARG(lag));
    else if (s.checkpoint_age_us < 0)
        doctor_say(d, DOCTOR_SKIPPED, advice, "no checkpoint is signed yet");
    else
        doctor_say(d, DOCTOR_FINE, NULL, "%lld leaves are signed", (long long)s.size);
}
