#include "hub/audit/tree.h"

static const struct statement HEAD = {
    "audit_tree_head",
    "SELECT o.origin_id, o.name, o.first_leaf, o.parent, h.size, h.frontier"
    " FROM audit_head h"
    " JOIN audit_origin o ON o.origin_id = h.origin_id",
};
static const struct statement ORIGIN_OF = {
    "audit_tree_origin_of",
    "SELECT origin_id, name, first_leaf, parent"
    " FROM audit_origin"
    " WHERE first_leaf <= $1"
    " ORDER BY first_leaf DESC"
    " LIMIT 1",
};
static const struct statement LEAVES = {
    "audit_tree_leaves",
    "SELECT leaf_hash"
    " FROM audit_leaf"
    " WHERE leaf >= $1 AND leaf < $2"
    " ORDER BY leaf",
};
static const struct statement NODES = {
    "audit_tree_nodes",
    "SELECT hash"
    " FROM audit_node"
    " WHERE origin_id = $1 AND level = $2 AND node >= $3 AND node < $4"
    " ORDER BY node",
};
/* across places: sizes of one tree are spread; the newest is one index row of each place. */
static const struct statement LAST = {
    "audit_checkpoint_last",
    "SELECT size, root, note, at"
    " FROM audit_checkpoint"
    " WHERE origin_id = $1"
    " ORDER BY size DESC"
    " LIMIT 1",
};
static const struct statement COSIGNATURES = {
    "audit_cosignatures",
    "SELECT line"
    " FROM audit_cosignature"
    " WHERE origin_id = $1 AND size = $2"
    " ORDER BY name",
};
/* across places: an auditor names a record, not its place or number. */
static const struct statement LEAF_OF = {
    "audit_leaf_of",
    "SELECT leaf"
    " FROM audit_leaf"
    " WHERE id = $1",
};
/* across places: as above. */
static const struct statement PENDING_OF = {
    "audit_pending_of",
    "SELECT count(*)"
    " FROM audit_pending"
    " WHERE id = $1",
};

static void tree_of(struct arena *a, const struct rows *r, struct audit_tree *out)
{
    struct str parent = row_text(r, 0, 3);

    *out = (struct audit_tree){
        .origin_id = row_int(r, 0, 0),
        .origin = str_dup(a, row_text(r, 0, 1)),
        .first_leaf = row_int(r, 0, 2),
        .parent = parent.p != NULL ? str_dup(a, parent) : STR_NONE,
    };
}

enum status audit_tree_read(struct db *db, struct arena *a, struct audit_tree *out,
                            struct errors *err)
{
    struct rows r;
    struct str frontier;

    db_queue0(db, &HEAD, &r);
    TRY(db_flush(db));
    if (r.count == 0)
        return fail(err, NOT_FOUND, "audit_log",
                    "nothing is sealed yet: `causeway audit seal` must run");
    tree_of(a, &r, out);
    out->edge.size = (uint64_t)row_int(&r, 0, 4);
    frontier = row_bytea(&r, 0, 5);
    if (frontier.n != merkle_frontier_count(out->edge.size) * MERKLE_HASH)
        return fail(err, INTERNAL, "audit_log", "audit_head does not fit its own size: altered?");
    memcpy(out->edge.roots, frontier.p, frontier.n);
    return OK;
}

/* --- hashes of ranges ---------------------------------------------------------------------- */

/* A complete subtree, and the rows that its root is made of: those of the next lower level. */
struct piece {
    unsigned height;
    struct rows rows;
};

struct pieces {
    struct piece *items;
    size_t count, range_ends[MERKLE_PROOF_MAX];
};

enum { LEVEL_MASK = AUDIT_FANOUT_BITS - 1 };

static void piece_queue(struct db *db, const struct audit_tree *tree, uint64_t start,
                        unsigned height, struct piece *out)
{
    unsigned below = height & LEVEL_MASK, level = height / AUDIT_FANOUT_BITS;
    int64_t from = (int64_t)(start >> (height - below)), to = from + (INT64_C(1) << below);

    out->height = height;
    if (level == 0)
        db_queue(db, &LEAVES, &out->rows, DB_INT8(tree->first_leaf + from),
                 DB_INT8(tree->first_leaf + to));
    else
        db_queue(db, &NODES, &out->rows, DB_INT4(tree->origin_id), DB_INT4((int)level),
                 DB_INT8(from), DB_INT8(to));
}

/* A range of a proof starts where a subtree of its length does: it is split as a tree of its own.
 */
static void range_queue(struct db *db, const struct audit_tree *tree, struct merkle_range range,
                        struct pieces *out)
{
    struct merkle_plan parts;

    merkle_plan_frontier(range.end - range.start, &parts);
    for (size_t i = 0; i < parts.count; i++) {
        struct merkle_range p = parts.ranges[i];

        piece_queue(db, tree, range.start + p.start, (unsigned)__builtin_ctzll(p.end - p.start),
                    &out->items[out->count++]);
    }
}

static bool piece_hash(const struct piece *p, struct merkle_hash *out)
{
    struct merkle_frontier f = {0};

    if (p->rows.count != 1 << (p->height & LEVEL_MASK))
        return false;
    for (int i = 0; i < p->rows.count; i++) {
        struct str bytes = row_bytea(&p->rows, i, 0);
        struct merkle_hash h;

        if (bytes.n != MERKLE_HASH)
            return false;
        memcpy(h.b, bytes.p, MERKLE_HASH);
        merkle_add(&f, &h, NULL);
    }
    *out = merkle_root(&f);
    return true;
}

static bool range_hash(const struct piece *first, const struct piece *end, struct merkle_hash *out)
{
    struct merkle_frontier f = {0};

    for (; first < end; first++) {
        struct merkle_hash h;

        if (!piece_hash(first, &h) || !merkle_add_subtree(&f, first->height, &h, NULL))
            return false;
    }
    *out = merkle_root(&f);
    return true;
}

enum status audit_tree_hashes(struct db *db, struct arena *a, const struct audit_tree *tree,
                              const struct merkle_plan *plan, struct merkle_proof *out,
                              struct errors *err)
{
    struct pieces pieces = {0};
    size_t room = 0, from = 0;

    for (size_t i = 0; i < plan->count; i++)
        room += merkle_frontier_count(plan->ranges[i].end - plan->ranges[i].start);
    pieces.items = ARENA_ARRAY(a, room, struct piece);
    for (size_t i = 0; i < plan->count; i++) {
        range_queue(db, tree, plan->ranges[i], &pieces);
        pieces.range_ends[i] = pieces.count;
    }
    TRY(db_flush(db));
    out->count = plan->count;
    for (size_t i = 0; i < plan->count; from = pieces.range_ends[i++])
        if (!range_hash(pieces.items + from, pieces.items + pieces.range_ends[i], &out->hashes[i]))
            return fail(err, UPSTREAM, "audit_log",
                        "leaves %lld to %lld of the log are not whole: rows of audit_leaf or "
                        "audit_node are missing",
                        (long long)tree->first_leaf + (long long)plan->ranges[i].start,
                        (long long)tree->first_leaf + (long long)plan->ranges[i].end - 1);
    return OK;
}

/* --- checkpoints and proofs ---------------------------------------------------------------- */

enum status audit_checkpoint_last(struct db *db, struct arena *a, const struct audit_tree *tree,
                                  struct signed_checkpoint *out, struct errors *err)
{
    struct rows last, more;
    struct strbuf note = strbuf_on(a, 512);

    db_queue(db, &LAST, &last, DB_INT4(tree->origin_id));
    TRY(db_flush(db));
    if (last.count == 0)
        return fail(err, NOT_FOUND, "audit_log", "no checkpoint of %.*s is signed yet",
                    STR_ARG(tree->origin));
    db_queue(db, &COSIGNATURES, &more, DB_INT4(tree->origin_id), DB_INT8(row_int(&last, 0, 0)));
    TRY(db_flush(db));
    out->head.origin = tree->origin;
    out->head.size = (uint64_t)row_int(&last, 0, 0);
    memcpy(out->head.root.b, row_bytea(&last, 0, 1).p, MERKLE_HASH);
    out->at_us = row_time(&last, 0, 3);
    strbuf_add(&note, row_text(&last, 0, 2));
    for (int i = 0; i < more.count; i++) {
        strbuf_add(&note, row_text(&more, i, 0));
        strbuf_addc(&note, '\n');
    }
    out->note = strbuf_str(&note);
    return OK;
}

static void hashes_write(struct arena *a, struct strbuf *out, const struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count; i++) {
        strbuf_add(out, note_base64(a, str_of(proof->hashes[i].b, MERKLE_HASH)));
        strbuf_addc(out, '\n');
    }
    strbuf_addc(out, '\n');
}

static enum status leaf_of(struct db *db, struct arena *a, struct uuid id, int64_t *leaf,
                           struct audit_tree *tree, struct errors *err)
{
    struct rows found, pending, origin;

    db_queue(db, &LEAF_OF, &found, DB_UUID(id));
    db_queue(db, &PENDING_OF, &pending, DB_UUID(id));
    TRY(db_flush(db));
    if (found.count == 0 && row_int(&pending, 0, 0) > 0)
        return fail(err, BUSY, "audit_log", "record %.*s waits to be sealed",
                    STR_ARG(uuid_text(a, id)));
    if (found.count == 0)
        return fail(err, NOT_FOUND, "audit_log", "the log has no record %.*s",
                    STR_ARG(uuid_text(a, id)));
    *leaf = row_int(&found, 0, 0);
    db_queue(db, &ORIGIN_OF, &origin, DB_INT8(*leaf));
    TRY(db_flush(db));
    if (origin.count == 0)
        return fail(err, INTERNAL, "audit_log", "leaf %lld is of no origin", (long long)*leaf);
    tree_of(a, &origin, tree);
    return OK;
}

enum status audit_proof_of(struct db *db, struct arena *a, struct uuid id, struct audit_proof *out,
                           struct errors *err)
{
    struct signed_checkpoint last;
    struct merkle_plan plan;
    struct merkle_proof proof;
    struct audit_tree tree;
    struct strbuf text;
    uint64_t index;

    TRY(leaf_of(db, a, id, &out->leaf, &tree, err));
    TRY(audit_checkpoint_last(db, a, &tree, &last, err));
    index = (uint64_t)(out->leaf - tree.first_leaf);
    if (index >= last.head.size)
        return fail(err, BUSY, "audit_log", "leaf %lld is not under a checkpoint yet",
                    (long long)out->leaf);
    merkle_plan_inclusion(index, last.head.size, &plan);
    TRY(audit_tree_hashes(db, a, &tree, &plan, &proof, err));
    text = strbuf_on(a, 4096);
    strbuf_addf(&text, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)index);
    hashes_write(a, &text, &proof);
    strbuf_add(&text, last.note);
    out->tlog_proof = strbuf_str(&text);
    return OK;
}

enum status audit_consistency_since(struct db *db, struct arena *a, uint64_t old_size,
                                    struct str *out, struct errors *err)
{
    struct signed_checkpoint last;
    struct merkle_plan plan = {.count = 0};
    struct merkle_proof proof;
    struct audit_tree tree;
    struct strbuf text;

    TRY(audit_tree_read(db, a, &tree, err));
    TRY(audit_checkpoint_last(db, a, &tree, &last, err));
    if (old_size > last.head.size)
        return fail(err, INVALID, "audit_log", "the last checkpoint has %llu leaves, not %llu",
                    (unsigned long long)last.head.size, (unsigned long long)old_size);
    if (old_size > 0)
        merkle_plan_consistency(old_size, last.head.size, &plan);
    TRY(audit_tree_hashes(db, a, &tree, &plan, &proof, err));
    text = strbuf_on(a, 4096);
    strbuf_addf(&text, "old %llu\n", (unsigned long long)old_size);
    hashes_write(a, &text, &proof);
    strbuf_add(&text, last.note);
    *out = strbuf_str(&text);
    return OK;
}
