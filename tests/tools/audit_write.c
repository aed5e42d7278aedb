/* Writes audit records as the hub does, at any time in the past: for the synthetic year of
 * tests/detection. A record is a line of standard input, its fields parted by tabs:
 *
 *     at (microseconds since 1970), member id, member, user, role, purpose, transaction, outcome,
 *     place, person, patient (CX), description
 *
 *     audit_write CONNINFO MASTER-KEY-FILE < records */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/audit/audit.h"
#include "hub/audit/transaction.h"

enum { FIELDS = 12, BATCH = 500 };

struct line {
    struct str f[FIELDS];
};

static bool line_read(struct str text, struct line *l)
{
    size_t n = 0;

    while (text.p != NULL && n < FIELDS)
        l->f[n++] = str_cut(&text, '\t');
    return n == FIELDS && text.p == NULL;
}

static int64_t number(struct arena *a, struct str s)
{
    return strtoll(str_c(a, s), NULL, 10);
}

static enum status line_queue(struct db *db, struct arena *a, const struct line *l,
                              struct errors *err)
{
    const struct audit_transaction *t = audit_transaction_find(l->f[6], false);
    struct audit_context c = {
        .request = uuid_v7(),
        .at_us = number(a, l->f[0]),
        .member_id = number(a, l->f[1]),
        .member = l->f[2],
        .user = l->f[3],
        .role = l->f[4],
        .purpose = l->f[5],
        .peer = STR("192.0.2.1 CN=synthetic"),
    };
    struct audit_list rows = {0};
    struct audit_row *row = audit_add(a, &rows);

    if (t == NULL)
        return fail(err, INVALID, "line", "no transaction '%.*s'", STR_ARG(l->f[6]));
    c.transaction = t->name;
    c.kind = t->kind;
    row->outcome = (enum audit_outcome)number(a, l->f[7]);
    row->pkey = number(a, l->f[8]);
    row->person_id = number(a, l->f[9]);
    row->patient = l->f[10];
    row->description = l->f[11];
    return audit_queue(db, a, &c, &rows, err);
}

static enum status batch_write(struct db *db, struct arena *a, struct errors *err, bool *more)
{
    char *text = NULL;
    size_t room = 0, n;
    ssize_t got = 0;
    struct line l;

    db_begin(db, READ_COMMITTED);
    for (n = 0; n < BATCH && (got = getline(&text, &room, stdin)) > 0; n++) {
        if (!line_read(str_dup(a, str_of(text, (size_t)got - (text[got - 1] == '\n'))), &l)) {
            free(text);
            return fail(err, INVALID, "line", "a line that has not %d fields", FIELDS);
        }
        if (line_queue(db, a, &l, err) != OK)
            break;
    }
    free(text);
    *more = n == BATCH;
    return err->status != OK ? err->status : db_commit(db);
}

static bool key_read(const char *path, unsigned char key[32])
{
    FILE *f = fopen(path, "rb");
    bool whole = f != NULL && fread(key, 1, 32, f) == 32;

    if (f != NULL)
        fclose(f);
    return whole;
}

int main(int argc, char **argv)
{
    unsigned char key[32];
    struct arena a;
    struct errors err;
    struct db *db;
    bool more = true;

    arena_init(&a);
    errors_init(&err, &a);
    if (argc != 3 || sodium_init() < 0 || !key_read(argv[2], key)) {
        fputs("usage: audit_write CONNINFO MASTER-KEY-FILE < records\n", stderr);
        return 2;
    }
    audit_init(key);
    db = db_open(argv[1], "audit_write", &err);
    for (; db != NULL && more && err.first == NULL; arena_reset(&a)) {
        errors_init(&err, &a);
        db_attach(db, &a, &err, 0);
        if (batch_write(db, &a, &err, &more) != OK)
            break;
    }
    if (err.first != NULL)
        fprintf(stderr, "audit_write: %.*s\n", STR_ARG(err.first->text));
    return db == NULL || err.first != NULL;
}
