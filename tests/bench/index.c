/* Fills the index with a population at the speed of COPY: each person of it once, as the hub would
 * have stored it after a feed, a record, an anchor and an XAD-PID each. Reads the rows of
 * tests/tools/population --format copy on standard input, and says how many persons it made.
 *
 *     bench_index CONNINFO XAD_AUTHORITY AUTHORITY MEMBER_ID PERSONS
 *
 * Rows of a person that is loaded already are left out. bench_feed gets what the reference SQL
 * needs of the first ones: their keys and packed fields. */
#include <endian.h>
#include <libpq-fe.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/base/uuid.h"
#include "mpi/core/text.h"
#include "mpi/golden.h"
#include "mpi/keys.h"
#include "mpi/search_keys.h"
#include "mpi/subject.h"

enum { SAMPLE = 20000, LINE_MAX_BYTES = 65536, COLUMNS_MAX = 32, BUFFER = 1 << 16 };

/* A COPY in binary form, on a connection of its own. */
struct copy {
    const char *sql;
    PGconn *conn;
    char buffer[BUFFER];
    size_t n;
};

enum { RECORD, PERSON, LINK, IDENTIFIER, XAD, BLOCK, GOLDEN, SEARCH, FEED, COPIES };

static struct copy copies[COPIES] = {
    [RECORD] = {.sql =
                    "mpi_record (pkey, record_id, version, member_id, anchor, event, at, request,"
                    " authorities, identifiers, states, demographics, packed, said_at)"},
    [PERSON] = {.sql = "mpi_person (pkey, person_id, place_pkeys, place_records, xad_pid,"
                       " constituent_pkeys, constituent_ids, created_at, changed_at)"},
    [LINK] = {.sql = "mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason,"
                     " decided_by)"},
    [IDENTIFIER] = {.sql = "mpi_identifier (ikey, authority, id, pkey, record_id, person_pkey,"
                           " person_id, member_id, state)"},
    [XAD] = {.sql = "mpi_xad (ikey, xad_pid, person_pkey, person_id, status, issued_at)"},
    [BLOCK] = {.sql = "mpi_block_key (bkey, fine, pkey, record_id, version, rule, member_id,"
                      " packed, person_pkey, person_id)"},
    [GOLDEN] = {.sql = "mpi_golden (pkey, person_id, demographics, sources, built_at)"},
    [SEARCH] = {.sql = "mpi_search (skey, sort, pkey, record_id)"},
    [FEED] = {.sql = "bench_feed (n, keys, fines, packed, demographics)"},
};

static const char *conninfo;
static int64_t now_us, member;
static struct uuid request;

static _Noreturn void die(const char *what, PGconn *conn)
{
    fprintf(stderr, "bench_index: %s: %s\n", what, conn != NULL ? PQerrorMessage(conn) : "");
    exit(2);
}

static PGconn *connect_to(void)
{
    PGconn *conn = PQconnectdb(conninfo);

    if (PQstatus(conn) != CONNECTION_OK)
        die("connect", conn);
    return conn;
}

static void run(PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die(sql, conn);
    PQclear(r);
}

/* --- binary COPY ----------------------------------------------------------------------------- */

static void flush(struct copy *c)
{
    if (c->n > 0 && PQputCopyData(c->conn, c->buffer, (int)c->n) != 1)
        die(c->sql, c->conn);
    c->n = 0;
}

static void put(struct copy *c, const void *p, size_t n)
{
    if (c->n + n > BUFFER)
        flush(c);
    memcpy(c->buffer + c->n, p, n);
    c->n += n;
}

static void put16(struct copy *c, int value)
{
    uint16_t v = htobe16((uint16_t)value);

    put(c, &v, sizeof(v));
}

static void put32(struct copy *c, int64_t value)
{
    uint32_t v = htobe32((uint32_t)value);

    put(c, &v, sizeof(v));
}

static void row(struct copy *c, int columns)
{
    put16(c, columns);
}

static void int8(struct copy *c, int64_t value)
{
    uint64_t v = htobe64((uint64_t)value);

    put32(c, 8);
    put(c, &v, sizeof(v));
}

static void int4(struct copy *c, int64_t value)
{
    put32(c, 4);
    put32(c, value);
}

static void int2(struct copy *c, int value)
{
    put32(c, 2);
    put16(c, value);
}

static void text(struct copy *c, struct str s)
{
    put32(c, s.p != NULL ? (int64_t)s.n : -1);
    put(c, s.p, s.p != NULL ? s.n : 0);
}

static void json(struct copy *c, struct str s)
{
    put32(c, s.p != NULL ? (int64_t)s.n + 1 : -1);
    if (s.p != NULL) {
        put(c, "\1", 1);
        put(c, s.p, s.n);
    }
}

static void boolean(struct copy *c, bool value)
{
    put32(c, 1);
    put(c, value ? "\1" : "", 1);
}

/* Microseconds since 2000. */
static void instant(struct copy *c)
{
    int8(c, now_us - INT64_C(946684800000000));
}

static void array(struct copy *c, size_t bytes, int oid, size_t count)
{
    put32(c, (int64_t)(20 + bytes));
    put32(c, 1);
    put32(c, 0);
    put32(c, oid);
    put32(c, (int64_t)count);
    put32(c, 1);
}

static void int8s(struct copy *c, const int64_t *values, size_t count)
{
    array(c, 12 * count, 20, count);
    for (size_t i = 0; i < count; i++)
        int8(c, values[i]);
}

static void text1(struct copy *c, struct str s)
{
    array(c, 4 + s.n, 25, 1);
    text(c, s);
}

static void begin_copies(void)
{
    for (int i = 0; i < COPIES; i++) {
        char sql[512];

        copies[i].conn = connect_to();
        run(copies[i].conn, "BEGIN");
        snprintf(sql, sizeof(sql), "COPY %s FROM STDIN (FORMAT binary)", copies[i].sql);
        PQclear(PQexec(copies[i].conn, sql));
        put(&copies[i], "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    }
}

static void end_copies(void)
{
    for (int i = 0; i < COPIES; i++) {
        PGresult *r;

        put16(&copies[i], -1);
        flush(&copies[i]);
        if (PQputCopyEnd(copies[i].conn, NULL) != 1)
            die(copies[i].sql, copies[i].conn);
        r = PQgetResult(copies[i].conn);
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            die(copies[i].sql, copies[i].conn);
        PQclear(r);
        PQclear(PQgetResult(copies[i].conn));
        run(copies[i].conn, "COMMIT");
        PQfinish(copies[i].conn);
    }
}

/* --- a row of the population ----------------------------------------------------------------- */

struct person_row {
    struct str id, entity;
    struct mpi_name name[2];
    struct mpi_address address;
    struct mpi_telecom telecoms[2];
    struct mpi_demographics d;
};

static struct str column(struct str *rest)
{
    struct str s = str_cut(rest, '\t');

    return str_eq(s, STR("\\N")) ? STR("") : s;
}

/* 1963-10-04 as 19631004. */
static struct str digits(struct arena *a, struct str s)
{
    struct strbuf b = strbuf_on(a, 8);

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= '0' && s.p[i] <= '9')
            strbuf_addc(&b, s.p[i]);
    return strbuf_str(&b);
}

/* id entity given middle family maiden suffix dob sex house_number street unit city state postcode
 * phone email ssn mother_given birth_order */
static void read_row(struct arena *a, struct str line, struct person_row *p)
{
    struct str c[COLUMNS_MAX];
    int n = 0;

    while (line.p != NULL && n < COLUMNS_MAX)
        c[n++] = column(&line);
    if (n != 20)
        die("a row without 20 columns", NULL);
    *p = (struct person_row){
        .id = c[0],
        .entity = c[1],
        .name = {{.given = c[2], .middle = c[3], .family = c[4], .suffix = c[6], .type = STR("L")},
                 {.family = c[5], .type = STR("M")}},
        .address = {.street = str_printf(a, "%.*s %.*s", STR_ARG(c[9]), STR_ARG(c[10])),
                    .other = c[11],
                    .city = c[12],
                    .state = c[13],
                    .postcode = c[14]},
        .telecoms = {{.value = c[15]}, {.value = c[16]}},
        .d = {.names_given = true,
              .addresses_given = true,
              .telecoms_given = true,
              .names = p->name,
              .name_count = c[5].n > 0 ? 2 : 1,
              .addresses = &p->address,
              .address_count = 1,
              .telecoms = p->telecoms,
              .telecom_count = 2,
              .birth_date = digits(a, c[7]),
              .sex = c[8],
              .ssn = c[17],
              .mother_given = c[18],
              .birth_order = c[19]},
    };
}

/* --- its rows in the index ------------------------------------------------------------------- */

struct loading {
    struct arena *arena;
    struct str xad_authority, authority;
    int64_t number; /* of the person: place and person_id; its record is 2n - 1, its anchor 2n */
    struct str xad, json, packed;
    struct mpi_block keys[MPI_BLOCKS_MAX];
    size_t key_count;
};

static void put_record(struct loading *w, bool anchor, struct identifier id)
{
    struct copy *c = &copies[RECORD];

    row(c, 14);
    int8(c, w->number);
    int8(c, 2 * w->number - !anchor);
    int4(c, 1);
    int8(c, anchor ? 0 : member);
    boolean(c, anchor);
    text(c, anchor ? STR("anchor") : STR("A04"));
    instant(c);
    put32(c, 16);
    put(c, request.b, 16);
    text1(c, id.authority);
    text1(c, id.id);
    array(c, 6, 21, 1);
    int2(c, 1);
    json(c, anchor ? STR_NONE : w->json);
    text(c, anchor ? STR_NONE : w->packed);
    instant(c);
}

static void put_link(struct loading *w, bool anchor)
{
    struct copy *c = &copies[LINK];

    row(c, 8);
    int8(c, w->number);
    int8(c, 2 * w->number - !anchor);
    int4(c, 1);
    int8(c, w->number);
    int8(c, w->number);
    instant(c);
    text(c, anchor ? STR("anchor") : STR("new"));
    text(c, STR("algorithm"));
}

static void put_identifier(struct loading *w, bool anchor, struct identifier id)
{
    struct copy *c = &copies[IDENTIFIER];

    row(c, 9);
    int8(c, mpi_identifier_key(id));
    text(c, id.authority);
    text(c, id.id);
    int8(c, w->number);
    int8(c, 2 * w->number - !anchor);
    int8(c, w->number);
    int8(c, w->number);
    int8(c, anchor ? 0 : member);
    int2(c, 1);
}

static void put_person(struct loading *w)
{
    struct copy *c = &copies[PERSON];
    int64_t places[] = {w->number, w->number};
    int64_t records[] = {2 * w->number - 1, 2 * w->number};

    row(c, 9);
    int8(c, w->number);
    int8(c, w->number);
    int8s(c, places, 2);
    int8s(c, records, 2);
    text(c, w->xad);
    int8s(c, &w->number, 1);
    int8s(c, &w->number, 1);
    instant(c);
    instant(c);
}

static void put_xad(struct loading *w)
{
    struct copy *c = &copies[XAD];

    row(c, 6);
    int8(c, mpi_identifier_key((struct identifier){w->xad_authority, w->xad}));
    text(c, w->xad);
    int8(c, w->number);
    int8(c, w->number);
    text(c, STR("active"));
    instant(c);
}

static void put_keys(struct loading *w)
{
    struct copy *c = &copies[BLOCK];

    for (size_t i = 0; i < w->key_count; i++) {
        row(c, 10);
        int8(c, (int64_t)w->keys[i].key);
        int8(c, (int64_t)w->keys[i].fine);
        int8(c, w->number);
        int8(c, 2 * w->number - 1);
        int4(c, 1);
        int2(c, w->keys[i].rule);
        int8(c, member);
        text(c, w->packed);
        int8(c, w->number);
        int8(c, w->number);
    }
}

static void put_golden(struct loading *w, const struct mpi_demographics *d)
{
    struct copy *c = &copies[GOLDEN];
    struct mpi_golden_source source = {{w->number, 2 * w->number - 1}, 0, now_us, *d};
    struct mpi_golden golden;

    mpi_golden_build(w->arena, &source, 1, &golden);
    row(c, 5);
    int8(c, w->number);
    int8(c, w->number);
    json(c, mpi_demographics_json(w->arena, &golden.demographics));
    json(c, golden.sources);
    instant(c);
}

/* By the beginning of the family name, and by birth date, as mpi_search_store has them. */
static void put_search(struct loading *w, const struct mpi_demographics *d)
{
    struct arena *a = w->arena;
    struct copy *c = &copies[SEARCH];

    for (size_t i = 0; i < d->name_count; i++) {
        struct str family = mpi_text_fold(a, d->names[i].family);
        struct str given = mpi_text_fold(a, d->names[i].given);
        struct str sort = str_printf(a, "%.*s|%.*s|%.*s|%.*s|", STR_ARG(family), STR_ARG(given),
                                     STR_ARG(d->birth_date), STR_ARG(d->sex));
        const struct str values[] = {mpi_search_beginning(a, family), d->birth_date};

        for (int rule = 0; rule < 2; rule++) {
            if (values[rule].n == 0)
                continue;
            row(c, 4);
            int8(c, mpi_search_key(rule == 0 ? MPI_SEARCH_FAMILY : MPI_SEARCH_DATE, values[rule]));
            text(c, sort);
            int8(c, w->number);
            int8(c, 2 * w->number - 1);
        }
    }
}

static void put_sample(struct loading *w)
{
    struct copy *c = &copies[FEED];
    int64_t keys[MPI_BLOCKS_MAX], fines[MPI_BLOCKS_MAX];

    for (size_t i = 0; i < w->key_count; i++) {
        keys[i] = (int64_t)w->keys[i].key;
        fines[i] = (int64_t)w->keys[i].fine;
    }
    row(c, 5);
    int4(c, w->number);
    int8s(c, keys, w->key_count);
    int8s(c, fines, w->key_count);
    text(c, w->packed);
    json(c, w->json);
}

static void load(struct loading *w, const struct person_row *p)
{
    struct mpi_coding *coding = mpi_coding_new(w->arena, mpi_model_builtin());
    struct identifier local = {w->authority, p->id}, xad;

    w->number++;
    w->xad = uuid_text(w->arena, uuid_v4());
    w->json = mpi_demographics_json(w->arena, &p->d);
    w->packed = mpi_packed_of(w->arena, &p->d);
    w->key_count = mpi_keys(coding, mpi_code(coding, w->packed), w->keys);
    xad = (struct identifier){w->xad_authority, w->xad};
    put_record(w, false, local);
    put_record(w, true, xad);
    put_link(w, false);
    put_link(w, true);
    put_identifier(w, false, local);
    put_identifier(w, true, xad);
    put_person(w);
    put_xad(w);
    put_keys(w);
    put_golden(w, &p->d);
    put_search(w, &p->d);
    if (w->number <= SAMPLE)
        put_sample(w);
}

/* --- before and after ------------------------------------------------------------------------ */

/* The keys of the index are put on once all rows are there. */
static void prepare(void)
{
    PGconn *conn = connect_to();

    run(conn, "ALTER TABLE mpi_block_key DROP CONSTRAINT mpi_block_key_pkey");
    run(conn, "DROP TABLE IF EXISTS bench_feed");
    run(conn, "CREATE TABLE bench_feed (n int PRIMARY KEY, keys bigint[], fines bigint[],"
              " packed bytea, demographics jsonb)");
    run(conn, "GRANT SELECT ON bench_feed TO causeway_hub");
    PQfinish(conn);
}

static void finish(int64_t persons)
{
    PGconn *conn = connect_to();
    char sql[256];

    run(conn, "SET maintenance_work_mem = '1GB'");
    run(conn, "ALTER TABLE mpi_block_key ADD PRIMARY KEY (bkey, fine, pkey, record_id)");
    run(conn, "INSERT INTO mpi_block_crowded (bkey, since)"
              " SELECT bkey, now() FROM mpi_block_key GROUP BY bkey HAVING count(*) > 400"
              " ON CONFLICT DO NOTHING");
    snprintf(sql, sizeof(sql),
             "SELECT setval('mpi_pkey_seq', %lld), setval('mpi_record_seq', %lld),"
             " setval('mpi_person_seq', %lld)",
             (long long)persons + 1, 2 * (long long)persons + 1, (long long)persons + 1);
    run(conn, sql);
    run(conn, "VACUUM ANALYZE");
    PQfinish(conn);
}

/* Persons are numbered: E0, E1, ... */
static bool seen_before(struct str entity, unsigned char **seen, size_t *room)
{
    uint64_t n;

    if (!str_to_u64(str_slice(entity, 1, entity.n), &n))
        die("an entity without a number", NULL);
    while (n >= *room) {
        size_t more = *room > 0 ? 2 * *room : 1 << 20;

        *seen = realloc(*seen, more);
        if (*seen == NULL)
            die("memory", NULL);
        memset(*seen + *room, 0, more - *room);
        *room = more;
    }
    return (*seen)[n]++ > 0;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    unsigned char *seen = NULL;
    size_t room = 0;
    struct arena arena;
    struct loading w = {.arena = &arena};

    if (argc != 6 || sodium_init() < 0)
        return 2;
    conninfo = argv[1];
    w.xad_authority = str_from(argv[2]);
    w.authority = str_from(argv[3]);
    member = atoll(argv[4]);
    now_us = clock_now_us();
    request = uuid_v7();
    arena_init(&arena);
    prepare();
    begin_copies();
    while (w.number < atoll(argv[5]) && fgets(line, sizeof(line), stdin) != NULL) {
        struct person_row p;

        arena_reset(&arena);
        read_row(&arena, str_trim(str_from(line)), &p);
        if (!seen_before(p.entity, &seen, &room))
            load(&w, &p);
    }
    end_copies();
    finish(w.number);
    printf("%lld\n", (long long)w.number);
    free(seen);
    arena_dispose(&arena);
    return 0;
}
