#include "hub/audit/sealer.h"

#include <stdlib.h>

#include "hub/base/clock.h"

/* The lock; who holds it alone may add leaves. */
static const struct statement LOCK = {
    "seal_lock",
    "SELECT size"
    " FROM audit_head"
    " WHERE one = true"
    " FOR UPDATE",
};
/* across places: the queue is emptied from all of them. By ctid, because nobody updates a row, and
 * the primary key's order is not the queue's. */
static const struct statement TAKE = {
    "seal_take",
    "DELETE FROM audit_pending"
    " WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit_pending ORDER BY id LIMIT $1))"
    " RETURNING pkey, at, id, leaf_hash",
};
static const struct statement ADD_LEAVES = {
    "seal_add_leaves",
    "INSERT INTO audit_leaf (leaf, pkey, at, id, leaf_hash)"
    " SELECT $1 + n - 1, pkey, at, id, leaf_hash"
    " FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS u (pkey, at, id, leaf_hash, n)",
};
static const struct statement ADD_NODES = {
    "seal_add_nodes",
    "INSERT INTO audit_node (origin_id, level, node, hash)"
    " SELECT $1, level, node, hash"
    " FROM unnest($2, $3, $4) AS u (level, node, hash)",
};
static const struct statement ADVANCE = {
    "seal_advance",
    "UPDATE audit_head"
    " SET origin_id = $1, size = $2, frontier = $3, sealed = now()"
    " WHERE one = true",
};
static const struct statement BEGIN_ORIGIN = {
    "seal_begin_origin",
    "INSERT INTO audit_origin (origin_id, name, first_leaf, parent, begun)"
    " VALUES ($1, $2, $3, $4, now())",
};
static const struct statement PUBLISH = {
    "seal_publish",
    "INSERT INTO audit_checkpoint (origin_id, size, root, note, at)"
    " VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT DO NOTHING",
};
static const struct statement SIGNED = {
    "seal_signed",
    "SELECT note, at"
    " FROM audit_checkpoint"
    " WHERE origin_id = $1 AND size = $2",
};
/* across places: old checkpoints of all sizes. */
static const struct statement THIN = {
    "seal_thin",
    "DELETE FROM audit_checkpoint c"
    " WHERE at < now() - interval '2 days' AND at > now() - interval '9 days'"
    "  AND EXISTS (SELECT FROM audit_checkpoint later"
    "   WHERE later.origin_id = c.origin_id AND later.size > c.size"
    "    AND later.at < date_trunc('hour', c.at) + interval '1 hour')"
    "  AND NOT EXISTS (SELECT FROM audit_cosignature s"
    "   WHERE s.origin_id = c.origin_id AND s.size = c.size)",
};

/* --- sealing ------------------------------------------------------------------------------- */

/* What one batch adds, column by column. */
struct batch {
    size_t count, node_count;
    int64_t *pkeys, *ats, *levels, *nodes;
    struct uuid *ids;
    struct str *hashes, *node_hashes;
    struct arena *arena;
};

struct taken {
    struct uuid id;
    int row;
};

/* RETURNING keeps no order; the log's is that of the records' ids, which sort by time. */
static int by_id(const void *a, const void *b)
{
    return uuid_compare(((const struct taken *)a)->id, ((const struct taken *)b)->id);
}

static void batch_read(struct batch *b, const struct rows *r)
{
    struct taken *order = ARENA_ARRAY(b->arena, (size_t)r->count + 1, struct taken);

    b->count = (size_t)r->count;
    b->pkeys = ARENA_ARRAY(b->arena, b->count + 1, int64_t);
    b->ats = ARENA_ARRAY(b->arena, b->count + 1, int64_t);
    b->ids = ARENA_ARRAY(b->arena, b->count + 1, struct uuid);
    b->hashes = ARENA_ARRAY(b->arena, b->count + 1, struct str);
    for (int i = 0; i < r->count; i++)
        order[i] = (struct taken){row_uuid(r, i, 2), i};
    qsort(order, b->count, sizeof(*order), by_id);
    for (size_t i = 0; i < b->count; i++) {
        b->pkeys[i] = row_int(r, order[i].row, 0);
        b->ats[i] = row_time(r, order[i].row, 1);
        b->ids[i] = order[i].id;
        b->hashes[i] = row_bytea(r, order[i].row, 3);
    }
}

static void keep_node(void *context, unsigned height, uint64_t number,
                      const struct merkle_hash *root)
{
    struct batch *b = context;

    if (height == 0 || height % AUDIT_FANOUT_BITS != 0)
        return;
    b->levels[b->node_count] = height / AUDIT_FANOUT_BITS;
    b->nodes[b->node_count] = (int64_t)number;
    b->node_hashes[b->node_count++] =
        str_of(arena_copy(b->arena, root->b, MERKLE_HASH), MERKLE_HASH);
}

static enum status grow(struct batch *b, struct merkle_frontier *edge, struct errors *err)
{
    struct merkle_watch watch = {keep_node, b};
    size_t room = b->count / 128 + 16; /* a node for each 256 leaves, and those above */

    b->levels = ARENA_ARRAY(b->arena, room, int64_t);
    b->nodes = ARENA_ARRAY(b->arena, room, int64_t);
    b->node_hashes = ARENA_ARRAY(b->arena, room, struct str);
    for (size_t i = 0; i < b->count; i++) {
        struct merkle_hash h;

        if (b->hashes[i].n != MERKLE_HASH)
            return fail(err, INTERNAL, "audit_log", "a leaf hash of %zu bytes", b->hashes[i].n);
        memcpy(h.b, b->hashes[i].p, MERKLE_HASH);
        merkle_add(edge, &h, &watch);
    }
    return OK;
}

static void batch_queue(struct db *db, const struct batch *b, const struct audit_tree *tree,
                        int64_t first)
{
    db_queue(db, &ADD_LEAVES, NULL, DB_INT8(first), DB_INT8S(b->pkeys, b->count),
             DB_TIMES(b->ats, b->count), DB_UUIDS(b->ids, b->count),
             DB_BYTEAS(b->hashes, b->count));
    if (b->node_count > 0)
        db_queue(db, &ADD_NODES, NULL, DB_INT4(tree->origin_id), DB_INT4S(b->levels, b->node_count),
                 DB_INT8S(b->nodes, b->node_count), DB_BYTEAS(b->node_hashes, b->node_count));
}

static void advance_queue(struct db *db, const struct audit_tree *tree)
{
    db_queue(db, &ADVANCE, NULL, DB_INT4(tree->origin_id), DB_INT8((int64_t)tree->edge.size),
             DB_BYTEA(
                 str_of(tree->edge.roots, merkle_frontier_count(tree->edge.size) * MERKLE_HASH)));
}

/* The tree under the lock; the first origin begins when there is none. */
static enum status tree_locked(struct sealer *s, struct arena *a, struct audit_tree *tree,
                               struct errors *err)
{
    struct errors none;
    enum status status;

    errors_init(&none, a);
    status = audit_tree_read(s->db, a, tree, &none);
    if (status == OK)
        return OK;
    if (status != NOT_FOUND)
        return fail(err, status, "audit_log", "%.*s",
                    STR_ARG(none.first != NULL ? none.first->text : STR("the log's head")));
    *tree = (struct audit_tree){.origin_id = 1, .origin = s->key->public.name};
    db_queue(s->db, &BEGIN_ORIGIN, NULL, DB_INT4(1), DB_TEXT(tree->origin), DB_INT8(0),
             DB_NULL(DB_TYPE_TEXT));
    advance_queue(s->db, tree);
    return OK;
}

enum status sealer_seal(struct sealer *s, struct arena *a, size_t *moved, struct errors *err)
{
    struct rows taken;
    struct batch batch = {.arena = a};
    struct audit_tree tree;
    int64_t first;

    db_begin(s->db, READ_COMMITTED);
    db_queue0(s->db, &LOCK, NULL);
    TRY(db_flush(s->db));
    TRY(tree_locked(s, a, &tree, err));
    db_queue(s->db, &TAKE, &taken, DB_INT8(SEAL_BATCH));
    TRY(db_flush(s->db));
    *moved = (size_t)taken.count;
    if (taken.count > 0) {
        batch_read(&batch, &taken);
        first = tree.first_leaf + (int64_t)tree.edge.size;
        TRY(grow(&batch, &tree.edge, err));
        batch_queue(s->db, &batch, &tree, first);
        advance_queue(s->db, &tree);
    }
    return db_commit(s->db);
}

/* --- signing ------------------------------------------------------------------------------- */

/* A note of this key, and the checkpoint that it is. */
static bool own_note(struct sealer *s, struct arena *a, struct str bytes, struct checkpoint *out)
{
    struct note note;

    return note_parse(a, bytes, &note) && checkpoint_parse(a, note.text, out) &&
           note_verify(&note, &s->key->public, NULL) == NOTE_GOOD;
}

/* What this sealer signed last: its own memory, else what the database says. Size 0: nothing. */
static enum status last_signed(struct sealer *s, struct arena *a, const struct audit_tree *tree,
                               struct checkpoint *out, struct errors *err)
{
    struct errors none;
    struct signed_checkpoint last;
    struct str bytes;
    enum status status;

    errors_init(&none, a);
    *out = (struct checkpoint){.size = 0};
    status = log_file_read(a, s->last_file, NOTE_MAX, &bytes, &none);
    if (status == NOT_FOUND) {
        status = audit_checkpoint_last(s->db, a, tree, &last, &none);
        if (status == NOT_FOUND)
            return OK;
        bytes = last.note;
    }
    if (status != OK)
        return fail(err, status, "audit_log", "what was signed last cannot be read (%s)",
                    s->last_file);
    if (!own_note(s, a, bytes, out))
        return fail(err, DENIED, "audit_log",
                    "the last checkpoint is not signed by this key: key or checkpoint was swapped");
    return OK;
}

static enum status gone_back(const struct checkpoint *old, const struct audit_tree *tree,
                             struct errors *err)
{
    return fail(
        err, DENIED, "audit_log",
        "the log in the database does not contain what this sealer signed before: %.*s with "
        "%llu leaves; it has %.*s with %llu. Was the database restored from a backup, or "
        "altered? Look into it before anything else; after a restore begin a new origin "
        "(`causeway audit seal --help`)",
        STR_ARG(old->origin), (unsigned long long)old->size, STR_ARG(tree->origin),
        (unsigned long long)tree->edge.size);
}

/* A later tree goes on from what was signed in the one before. */
static enum status follows_parent(struct sealer *s, struct arena *a, const struct checkpoint *old,
                                  const struct audit_tree *tree, struct errors *err)
{
    struct checkpoint parent;

    if (tree->parent.p == NULL || !own_note(s, a, tree->parent, &parent) ||
        !str_eq(parent.origin, old->origin) || parent.size < old->size)
        return gone_back(old, tree, err);
    return OK;
}

static enum status contains(struct sealer *s, struct arena *a, const struct checkpoint *old,
                            const struct audit_tree *tree, struct errors *err)
{
    struct merkle_hash root = merkle_root(&tree->edge);
    struct merkle_plan plan;
    struct merkle_proof proof;

    if (old->size == 0)
        return OK;
    if (!str_eq(old->origin, tree->origin))
        return follows_parent(s, a, old, tree, err);
    if (old->size > tree->edge.size)
        return gone_back(old, tree, err);
    merkle_plan_consistency(old->size, tree->edge.size, &plan);
    TRY(audit_tree_hashes(s->db, a, tree, &plan, &proof, err));
    return merkle_verify_consistency(old->size, tree->edge.size, &old->root, &proof, &root)
               ? OK
               : gone_back(old, tree, err);
}

static bool same(const struct checkpoint *a, const struct checkpoint *b)
{
    return a->size == b->size && str_eq(a->origin, b->origin) && merkle_eq(&a->root, &b->root);
}

enum status sealer_sign(struct sealer *s, struct arena *a, struct signed_checkpoint *out,
                        bool *signed_now, struct errors *err)
{
    struct audit_tree tree;
    struct checkpoint old;
    struct rows known;

    *signed_now = false;
    TRY(audit_tree_read(s->db, a, &tree, err));
    out->head = (struct checkpoint){tree.origin, tree.edge.size, merkle_root(&tree.edge)};
    db_queue(s->db, &SIGNED, &known, DB_INT4(tree.origin_id), DB_INT8((int64_t)tree.edge.size));
    TRY(last_signed(s, a, &tree, &old, err));
    TRY(db_flush(s->db));
    if (known.count > 0 && same(&old, &out->head)) {
        out->note = row_text(&known, 0, 0);
        out->at_us = row_time(&known, 0, 1);
        return OK;
    }
    TRY(contains(s, a, &old, &tree, err));
    out->note = note_sign(a, checkpoint_write(a, &out->head), s->key->public.name, s->key->secret);
    out->at_us = clock_now_us();
    TRY(log_file_write(a, s->last_file, out->note, 0600, err));
    db_queue(s->db, &PUBLISH, NULL, DB_INT4(tree.origin_id), DB_INT8((int64_t)tree.edge.size),
             DB_BYTEA(str_of(out->head.root.b, MERKLE_HASH)), DB_TEXT(out->note),
             DB_TIME(out->at_us));
    *signed_now = true;
    return db_flush(s->db);
}

enum status sealer_thin(struct sealer *s, struct arena *a, struct errors *err)
{
    (void)a;
    (void)err;
    db_queue0(s->db, &THIN, NULL);
    return db_flush(s->db);
}

/* --- a new origin -------------------------------------------------------------------------- */

static enum status check_parent(struct sealer *s, struct arena *a, struct str bytes,
                                const struct audit_tree *tree, struct errors *err)
{
    struct checkpoint parent, old;

    if (!own_note(s, a, bytes, &parent))
        return fail(err, DENIED, "audit_log", "the checkpoint is not signed by this sealer's key");
    TRY(last_signed(s, a, tree, &old, err));
    if (str_eq(old.origin, parent.origin) && parent.size < old.size)
        return fail(
            err, DENIED, "audit_log",
            "the checkpoint has %llu leaves, but this sealer has signed one with %llu (%s): "
            "begin with that",
            (unsigned long long)parent.size, (unsigned long long)old.size, s->last_file);
    return OK;
}

enum status sealer_begin(struct sealer *s, struct arena *a, struct str note, struct str name,
                         struct errors *err)
{
    struct audit_tree before, tree;
    struct merkle_hash leaf = merkle_leaf(note);
    struct str hash = str_of(leaf.b, MERKLE_HASH);
    struct uuid id = uuid_v7();
    int64_t zero = 0, now = clock_now_us();

    if (!note_key_name_valid(name))
        return fail(err, INVALID, "audit_log", "'%.*s' is no name for an origin", STR_ARG(name));
    db_begin(s->db, READ_COMMITTED);
    db_queue0(s->db, &LOCK, NULL);
    TRY(db_flush(s->db));
    TRY(audit_tree_read(s->db, a, &before, err));
    TRY(check_parent(s, a, note, &before, err));
    tree = (struct audit_tree){.origin_id = before.origin_id + 1,
                               .origin = name,
                               .first_leaf = before.first_leaf + (int64_t)before.edge.size};
    merkle_add(&tree.edge, &leaf, NULL);
    db_queue(s->db, &BEGIN_ORIGIN, NULL, DB_INT4(tree.origin_id), DB_TEXT(name),
             DB_INT8(tree.first_leaf), DB_TEXT(note));
    db_queue(s->db, &ADD_LEAVES, NULL, DB_INT8(tree.first_leaf), DB_INT8S(&zero, 1),
             DB_TIMES(&now, 1), DB_UUIDS(&id, 1), DB_BYTEAS(&hash, 1));
    advance_queue(s->db, &tree);
    return db_commit(s->db);
}
