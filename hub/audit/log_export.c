#include "hub/audit/log_export.h"

#include "hub/audit/log_check.h"
#include "hub/audit/record_cipher.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"

enum { BATCH = 500, STRAYS_MAX = 100 };

/* across places: leaf by leaf, each with its record, wherever that lies. */
static const struct statement BATCH_OF = {
    "log_export_batch",
    "SELECT l.leaf, l.pkey, l.at, l.id, l.leaf_hash, e.record, s.record_key, x.warrant_id,"
    " x.warrant_pkey, x.warrant_at, m.month IS NOT NULL,"
    " CASE WHEN $3 THEN to_jsonb(s)::text END"
    " FROM audit_leaf l"
    " LEFT JOIN audit_event e ON e.pkey = l.pkey AND e.at = l.at AND e.id = l.id"
    " LEFT JOIN audit_search s ON s.pkey = l.pkey AND s.at = l.at AND s.id = l.id"
    " LEFT JOIN audit_erasure x ON x.pkey = l.pkey AND x.at = l.at AND x.id = l.id"
    " LEFT JOIN audit_archive m ON NOT m.online"
    "  AND m.month = date_trunc('month', l.at AT TIME ZONE 'UTC')::date"
    " WHERE l.leaf >= $1 AND l.leaf < $2"
    " ORDER BY l.leaf",
};
/* across places: a warrant is found by its id. */
static const struct statement WARRANT = {
    "log_export_warrant",
    "SELECT e.record, s.record_key, l.leaf"
    " FROM audit_event e"
    " JOIN audit_search s ON s.pkey = e.pkey AND s.at = e.at AND s.id = e.id"
    " LEFT JOIN audit_leaf l ON l.id = e.id"
    " WHERE e.pkey = $1 AND e.at = $2 AND e.id = $3",
};
static const struct statement CHECKPOINTS = {
    "log_export_checkpoints",
    "SELECT size, note"
    " FROM audit_checkpoint"
    " WHERE origin_id = $1 AND size > $2 AND size <= $3"
    " ORDER BY size",
};
static const struct statement ORIGINS = {
    "log_export_origins",
    "SELECT o.origin_id, o.name, o.first_leaf, o.parent,"
    " coalesce((SELECT min(n.first_leaf) FROM audit_origin n WHERE n.origin_id > o.origin_id),"
    "  o.first_leaf + (SELECT h.size FROM audit_head h))"
    " FROM audit_origin o"
    " ORDER BY o.origin_id",
};
/* across places: every record is asked for its leaf. */
static const struct statement STRAYS = {
    "log_export_strays",
    "SELECT e.pkey, e.at, e.id"
    " FROM audit_event e"
    " WHERE NOT EXISTS (SELECT FROM audit_leaf l"
    "   WHERE l.id = e.id AND l.pkey = e.pkey AND l.at = e.at)"
    "  AND NOT EXISTS (SELECT FROM audit_pending p"
    "   WHERE p.pkey = e.pkey AND p.at = e.at AND p.id = e.id)"
    " LIMIT $1",
};

struct origin {
    struct audit_tree tree;
    int64_t end; /* audit_leaf.leaf behind its last */
};

struct exporting {
    struct log_export *e;
    struct arena arena; /* of one batch */
    struct arena keep;  /* of the whole */
    struct errors *err;
    struct uuid *warrants; /* already written */
    size_t warrant_count, warrant_room;
};

static void attach(struct exporting *x)
{
    arena_reset(&x->arena);
    db_attach(x->e->db, &x->arena, x->err, 0);
}

static struct str b64(struct exporting *x, struct str bytes)
{
    return note_base64(&x->arena, bytes);
}

/* --- what stands outside ------------------------------------------------------------------- */

/* Leaves [from, to) of the tree as complete subtrees, each as large as its place allows. */
static void plan_subtrees(uint64_t from, uint64_t to, struct merkle_plan *out)
{
    out->count = 0;
    while (from < to && out->count < MERKLE_PROOF_MAX) {
        uint64_t width = from == 0 ? UINT64_C(1) << (MERKLE_HEIGHT_MAX - 1) : from & -from;

        while (width > to - from)
            width >>= 1;
        out->ranges[out->count++] = (struct merkle_range){from, from + width};
        from += width;
    }
}

static enum status write_subtrees(struct exporting *x, const struct audit_tree *tree, uint64_t from,
                                  uint64_t to)
{
    struct merkle_plan plan;
    struct merkle_proof hashes;

    while (from < to) {
        attach(x);
        plan_subtrees(from, to, &plan);
        TRY(audit_tree_hashes(x->e->db, &x->arena, tree, &plan, &hashes, x->err));
        for (size_t i = 0; i < plan.count; i++)
            fprintf(x->e->to, "tree %d %.*s\n",
                    __builtin_ctzll(plan.ranges[i].end - plan.ranges[i].start),
                    STR_ARG(b64(x, str_of(hashes.hashes[i].b, MERKLE_HASH))));
        from = plan.ranges[plan.count - 1].end;
    }
    return OK;
}

/* --- leaves -------------------------------------------------------------------------------- */

static bool warrant_written(struct exporting *x, struct uuid id)
{
    for (size_t i = 0; i < x->warrant_count; i++)
        if (uuid_eq(x->warrants[i], id))
            return true;
    return false;
}

static void warrant_remember(struct exporting *x, struct uuid id)
{
    if (x->warrant_count == x->warrant_room) {
        struct uuid *more = ARENA_ARRAY(&x->keep, x->warrant_room * 2 + 16, struct uuid);

        if (x->warrant_count > 0)
            memcpy(more, x->warrants, x->warrant_count * sizeof(*more));
        x->warrants = more;
        x->warrant_room = x->warrant_room * 2 + 16;
    }
    x->warrants[x->warrant_count++] = id;
}

/* The record that allows an erasure, with its own key: who verifies may read that one. */
static enum status write_warrant(struct exporting *x, const struct audit_position *at)
{
    unsigned char key[32];
    struct rows r;
    struct str leaf = STR("-1");

    if (warrant_written(x, at->id))
        return OK;
    warrant_remember(x, at->id);
    db_queue(x->e->db, &WARRANT, &r, DB_INT8(at->pkey), DB_TIME(at->at_us), DB_UUID(at->id));
    TRY(db_flush(x->e->db));
    if (r.count == 0 || !record_key_open(at->id, row_bytea(&r, 0, 1), key))
        return OK; /* without it the erasure stands unexplained, and is told as such */
    if (!row_null(&r, 0, 2))
        leaf = str_printf(&x->arena, "%lld", (long long)row_int(&r, 0, 2));
    fprintf(x->e->to, "warrant %.*s %lld %lld %.*s %.*s %.*s\n", STR_ARG(leaf), (long long)at->pkey,
            (long long)at->at_us, STR_ARG(uuid_text(&x->arena, at->id)),
            STR_ARG(b64(x, str_of(key, sizeof(key)))), STR_ARG(b64(x, row_bytea(&r, 0, 0))));
    return OK;
}

static enum status write_warrants(struct exporting *x, const struct rows *r)
{
    for (int i = 0; i < r->count; i++)
        if (!row_null(r, i, 7))
            TRY(write_warrant(x, &(struct audit_position){.pkey = row_int(r, i, 8),
                                                          .at_us = row_time(r, i, 9),
                                                          .id = row_uuid(r, i, 7)}));
    return OK;
}

static bool opens(struct exporting *x, const struct audit_position *at, const struct rows *r, int i)
{
    struct sealed_record sealed = {.record = row_bytea(r, i, 5), .key = row_bytea(r, i, 6)};
    struct str plain;

    record_leaf_hash(sealed.record, sealed.leaf_hash); /* the verifier compares it, not we */
    return sealed.key.p != NULL && record_unseal(&x->arena, at, &sealed, &plain);
}

static struct str state_of(struct exporting *x, const struct audit_position *at,
                           const struct rows *r, int i)
{
    if (x->e->archive && (at->at_us < x->e->month_from_us || at->at_us >= x->e->month_end_us))
        return STR("other");
    if (row_null(r, i, 5))
        return row_bool(r, i, 10) ? STR("archived") : STR("gone");
    if (opens(x, at, r, i))
        return STR("whole");
    if (!row_null(r, i, 7) && row_null(r, i, 6))
        return str_printf(&x->arena, "erased=%.*s",
                          STR_ARG(uuid_text(&x->arena, row_uuid(r, i, 7))));
    return STR("lost");
}

static void write_leaf(struct exporting *x, const struct origin *o, const struct rows *r, int i)
{
    struct audit_position at = {row_int(r, i, 1), row_time(r, i, 2), row_uuid(r, i, 3)};
    int64_t leaf = row_int(r, i, 0);
    bool first = leaf == o->tree.first_leaf && o->tree.parent.p != NULL;
    struct str state = first ? STR("origin") : state_of(x, &at, r, i), bytes = STR("-");

    if (first) {
        bytes = b64(x, o->tree.parent);
    } else if (!row_null(r, i, 5) && !str_eq(state, STR("other"))) {
        bytes = b64(x, row_bytea(r, i, 5));
        x->e->records++;
    }
    fprintf(x->e->to, "leaf %lld %lld %lld %.*s %.*s %.*s %.*s\n", (long long)leaf,
            (long long)at.pkey, (long long)at.at_us, STR_ARG(uuid_text(&x->arena, at.id)),
            STR_ARG(b64(x, row_bytea(r, i, 4))), STR_ARG(state), STR_ARG(bytes));
    if (x->e->archive && !row_null(r, i, 11) && bytes.n > 1)
        fprintf(x->e->to, "search %.*s\n", STR_ARG(b64(x, row_text(r, i, 11))));
}

static void write_checkpoint(struct exporting *x, const struct rows *r, int i)
{
    fprintf(x->e->to, "checkpoint %.*s\n", STR_ARG(b64(x, row_text(r, i, 1))));
}

static enum status write_batch(struct exporting *x, const struct origin *o, int64_t from,
                               int64_t end)
{
    int64_t first = o->tree.first_leaf;
    struct rows leaves, checkpoints;
    int next = 0;

    attach(x);
    db_queue(x->e->db, &BATCH_OF, &leaves, DB_INT8(from), DB_INT8(end), DB_BOOL(x->e->archive));
    db_queue(x->e->db, &CHECKPOINTS, &checkpoints, DB_INT4(o->tree.origin_id),
             DB_INT8(from - first), DB_INT8(end - first));
    TRY(db_flush(x->e->db));
    TRY(write_warrants(x, &leaves));
    for (int i = 0; i < leaves.count; i++) {
        int64_t leaf = row_int(&leaves, i, 0);

        for (; next < checkpoints.count && row_int(&checkpoints, next, 0) <= leaf - first; next++)
            write_checkpoint(x, &checkpoints, next);
        write_leaf(x, o, &leaves, i);
    }
    for (; next < checkpoints.count; next++)
        write_checkpoint(x, &checkpoints, next);
    if (x->e->progress != NULL)
        x->e->progress(x->e->context, end);
    return OK;
}

/* --- trees --------------------------------------------------------------------------------- */

/* In an archive: up to the last checkpoint, and that. */
static enum status write_right(struct exporting *x, const struct origin *o, int64_t end)
{
    struct signed_checkpoint last;
    uint64_t from = (uint64_t)(end - o->tree.first_leaf);

    attach(x);
    TRY(audit_checkpoint_last(x->e->db, &x->keep, &o->tree, &last, x->err));
    if (last.head.size <= from)
        return OK;
    last.note = str_dup(&x->keep, last.note);
    TRY(write_subtrees(x, &o->tree, from, last.head.size));
    fprintf(x->e->to, "checkpoint %.*s\n", STR_ARG(note_base64(&x->keep, last.note)));
    return OK;
}

static enum status write_tree(struct exporting *x, const struct origin *o)
{
    int64_t from = x->e->from > o->tree.first_leaf ? x->e->from : o->tree.first_leaf;
    int64_t end = x->e->end >= 0 && x->e->end < o->end ? x->e->end : o->end;

    if (end <= from)
        return OK;
    fprintf(x->e->to, "origin %.*s %lld\n", STR_ARG(o->tree.origin), (long long)o->tree.first_leaf);
    TRY(write_subtrees(x, &o->tree, 0, (uint64_t)(from - o->tree.first_leaf)));
    for (int64_t at = from; at < end; at += BATCH)
        TRY(write_batch(x, o, at, at + BATCH < end ? at + BATCH : end));
    return end < o->end ? write_right(x, o, end) : OK;
}

static enum status read_origins(struct exporting *x, struct origin **out, int *count)
{
    struct rows r;

    attach(x);
    db_queue0(x->e->db, &ORIGINS, &r);
    TRY(db_flush(x->e->db));
    *count = r.count;
    *out = ARENA_ARRAY(&x->keep, (size_t)r.count + 1, struct origin);
    for (int i = 0; i < r.count; i++) {
        struct str parent = row_text(&r, i, 3);

        (*out)[i].tree = (struct audit_tree){
            .origin_id = row_int(&r, i, 0),
            .origin = str_dup(&x->keep, row_text(&r, i, 1)),
            .first_leaf = row_int(&r, i, 2),
            .parent = parent.p != NULL ? str_dup(&x->keep, parent) : STR_NONE,
        };
        (*out)[i].end = row_int(&r, i, 4);
    }
    return OK;
}

static enum status write_strays(struct exporting *x)
{
    struct rows r;

    attach(x);
    db_queue(x->e->db, &STRAYS, &r, DB_INT4(STRAYS_MAX));
    TRY(db_flush(x->e->db));
    for (int i = 0; i < r.count; i++)
        fprintf(x->e->to, "stray %lld %lld %.*s\n", (long long)row_int(&r, i, 0),
                (long long)row_time(&r, i, 1), STR_ARG(uuid_text(&x->arena, row_uuid(&r, i, 2))));
    return OK;
}

static enum status write_all(struct exporting *x)
{
    struct origin *origins;
    int count;

    TRY(read_origins(x, &origins, &count));
    fputs(LOG_MAGIC_LINE "\n", x->e->to);
    for (int i = 0; i < count; i++)
        TRY(write_tree(x, &origins[i]));
    if (x->e->strays)
        TRY(write_strays(x));
    fputs("end\n", x->e->to);
    if (fflush(x->e->to) != 0 || ferror(x->e->to))
        return fail(x->err, UPSTREAM, "export", "the log could not be written");
    return OK;
}

enum status log_export_write(struct log_export *e, struct errors *err)
{
    struct exporting x = {.e = e, .err = err};
    enum status status;

    arena_init(&x.arena);
    arena_init(&x.keep);
    e->records = 0;
    status = write_all(&x);
    db_attach(e->db, err->arena, err, 0);
    arena_dispose(&x.arena);
    arena_dispose(&x.keep);
    return status;
}
