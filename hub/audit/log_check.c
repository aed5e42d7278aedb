#include "hub/audit/log_check.h"

#include <jansson.h>
#include <stdlib.h>

#include "hub/audit/record_cipher.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"

/* What allows an erasure: proven when the leaf that it claims to be has its hash. */
struct warrant {
    struct uuid id;
    int64_t leaf; /* -1: not sealed yet */
    struct merkle_hash hash;
    bool readable; /* it opens, and `plain` is what it says */
    struct str plain;
    struct warrant *next;
};

struct log_check {
    struct arena *arena;
    struct arena scratch; /* of one line */
    const struct note_key *key;
    struct log_verdict verdict;
    bool begun, ended, has_old;
    struct checkpoint old;
    /* The tree under way. */
    bool in_tree, broken; /* broken: leaves are missing, so roots say nothing more */
    struct str origin;
    int64_t first;
    struct merkle_frontier edge;
    bool mismatch;    /* told once a tree */
    uint64_t trusted; /* leaves under the last checkpoint that agreed */
    bool any_checkpoint;
    bool old_judged;
    bool parent_missing;      /* a later tree must begin with its parent's checkpoint */
    struct checkpoint before; /* the tree before: how it ended; size 0: none */
    int64_t latest_us;
    struct warrant *warrants;
};

static void tell(struct log_check *c, bool tampering, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void tell(struct log_check *c, bool tampering, const char *kind, const char *fmt, ...)
{
    struct log_verdict *v = &c->verdict;
    struct log_finding *f;
    va_list ap;

    if (v->tampering + v->notices < LOG_FINDINGS_MAX) {
        f = ARENA_NEW(c->arena, struct log_finding);
        va_start(ap, fmt);
        *f = (struct log_finding){.kind = kind,
                                  .text = str_vprintf(c->arena, fmt, ap),
                                  .tampering = tampering};
        va_end(ap);
        if (v->last == NULL)
            v->first = f;
        else
            v->last->next = f;
        v->last = f;
    }
    *(tampering ? &v->tampering : &v->notices) += 1;
}

struct log_check *log_check_new(struct arena *a, const struct note_key *key, struct str old)
{
    struct log_check *c = ARENA_NEW(a, struct log_check);
    struct note note;

    c->arena = a;
    c->key = key;
    arena_init(&c->scratch);
    arena_defer(a, (void (*)(void *))arena_dispose, &c->scratch);
    if (old.p == NULL)
        return c;
    if (!note_parse(a, old, &note) || !checkpoint_parse(a, note.text, &c->old))
        tell(c, true, "checkpoint", "the checkpoint that was kept is not one");
    else if (note_verify(&note, key, NULL) != NOTE_GOOD)
        tell(c, true, "key", "the checkpoint that was kept is not signed by the key given");
    else
        c->has_old = c->old.size > 0; /* an empty log is contained in every log */
    return c;
}

/* --- reading words ------------------------------------------------------------------------- */

static enum status malformed(const struct log_check *c, const char *what, struct errors *err)
{
    return fail(err, INVALID, "export", "not an exported log: %s after leaf %lld", what,
                (long long)(c->first + (int64_t)c->edge.size) - 1);
}

static bool position(struct str *rest, struct audit_position *out)
{
    return str_to_i64(str_cut(rest, ' '), &out->pkey) &&
           str_to_i64(str_cut(rest, ' '), &out->at_us) && uuid_parse(str_cut(rest, ' '), &out->id);
}

static struct str when(struct log_check *c, int64_t us)
{
    return str_slice(clock_iso(&c->scratch, us), 0, sizeof("2026-11-22T15:04:05") - 1);
}

static int64_t next_leaf(const struct log_check *c)
{
    return c->first + (int64_t)c->edge.size;
}

/* --- roots --------------------------------------------------------------------------------- */

static void judge_root(struct log_check *c, const struct checkpoint *signed_state,
                       const char *whose)
{
    struct merkle_hash root = merkle_root(&c->edge);

    if (merkle_eq(&root, &signed_state->root)) {
        c->trusted = c->edge.size;
        return;
    }
    if (!c->mismatch)
        tell(c, true, "altered",
             "%s has another root for %llu leaves than this log: among the leaves %lld to %lld "
             "something was edited, removed, inserted or put in another order",
             whose, (unsigned long long)signed_state->size,
             (long long)(c->first + (int64_t)c->trusted), (long long)next_leaf(c) - 1);
    c->mismatch = true;
}

/* The kept checkpoint speaks as soon as the tree has its size. */
static void judge_old(struct log_check *c)
{
    bool mismatch = c->mismatch;

    if (!c->has_old || c->old_judged || c->broken || c->edge.size != c->old.size ||
        !str_eq(c->origin, c->old.origin))
        return;
    c->old_judged = true;
    judge_root(c, &c->old, "the checkpoint that was kept");
    c->verdict.old_found = c->mismatch == mismatch;
}

/* --- lines --------------------------------------------------------------------------------- */

static void close_tree(struct log_check *c)
{
    uint64_t unsigned_leaves = c->edge.size - c->trusted;

    if (!c->in_tree)
        return;
    if (!c->any_checkpoint && c->edge.size > 0)
        tell(c, true, "key", "no checkpoint of %.*s is signed by the key given",
             STR_ARG(c->origin));
    else if (!c->mismatch && !c->broken && unsigned_leaves > 0)
        tell(c, false, "unsigned", "the last %llu leaves of %.*s are not under a checkpoint yet",
             (unsigned long long)unsigned_leaves, STR_ARG(c->origin));
    c->verdict.signed_leaves += c->trusted;
    c->before = (struct checkpoint){.origin = c->origin, .size = c->edge.size};
    c->in_tree = false;
}

static enum status line_origin(struct log_check *c, struct str rest, struct errors *err)
{
    struct str name = str_cut(&rest, ' ');
    int64_t first;

    if (!note_key_name_valid(name) || !str_to_i64(rest, &first) || first < 0)
        return malformed(c, "a line of an origin that cannot be read", err);
    close_tree(c);
    c->parent_missing = c->before.size > 0;
    c->origin = str_dup(c->arena, name);
    c->first = first;
    c->edge = (struct merkle_frontier){0};
    c->in_tree = true;
    c->broken = c->mismatch = c->any_checkpoint = false;
    c->trusted = 0;
    return OK;
}

static enum status line_tree(struct log_check *c, struct str rest, struct errors *err)
{
    int64_t height;
    struct merkle_hash h;

    if (!c->in_tree || !str_to_i64(str_cut(&rest, ' '), &height) || height < 0 ||
        height >= MERKLE_HEIGHT_MAX || !merkle_hash_parse(&c->scratch, rest, &h) ||
        (!c->broken && !merkle_add_subtree(&c->edge, (unsigned)height, &h, NULL)))
        return malformed(c, "a subtree that cannot stand there", err);
    if (c->broken)
        c->edge.size += UINT64_C(1) << height;
    c->parent_missing = false;
    c->verdict.left_out += UINT64_C(1) << height;
    judge_old(c);
    return OK;
}

/* A later tree's first leaf: the last checkpoint of the one before, signed by the same key. */
static void judge_parent(struct log_check *c, struct str bytes)
{
    struct checkpoint parent;
    struct note note;

    c->parent_missing = false;
    if (!note_parse(c->arena, bytes, &note) || !checkpoint_parse(c->arena, note.text, &parent) ||
        note_verify(&note, c->key, NULL) != NOTE_GOOD) {
        tell(c, true, "origin", "leaf %lld begins %.*s, but with no checkpoint of this key",
             (long long)next_leaf(c), STR_ARG(c->origin));
        return;
    }
    tell(c, false, "restored",
         "the log was restored from a backup: it went on as %.*s at leaf %lld, after a checkpoint "
         "of %.*s with %llu leaves, of which %llu are there: %llu records are lost",
         STR_ARG(c->origin), (long long)next_leaf(c), STR_ARG(parent.origin),
         (unsigned long long)parent.size, (unsigned long long)c->before.size,
         (unsigned long long)(parent.size > c->before.size ? parent.size - c->before.size : 0));
    if (c->has_old && !c->old_judged && str_eq(c->old.origin, parent.origin) &&
        c->old.size <= parent.size) {
        c->old_judged = c->verdict.old_found = true;
        tell(c, false, "restored",
             "the checkpoint that was kept (%llu leaves) is older than the one that the log was "
             "restored after",
             (unsigned long long)c->old.size);
    }
}

static const struct warrant *warrant_of(const struct log_check *c, struct uuid id)
{
    const struct warrant *w = c->warrants;

    while (w != NULL && !uuid_eq(w->id, id))
        w = w->next;
    return w;
}

/* Does the warrant's record name this one among its objects? */
static bool allows(const struct warrant *w, struct arena *a, struct uuid id)
{
    json_t *record = json_loadb(w->plain.p, w->plain.n, 0, NULL), *object;
    struct str wanted = uuid_text(a, id);
    bool named = false;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i, object)
    {
        const char *kind = json_string_value(json_object_get(object, "kind"));
        const char *value = json_string_value(json_object_get(object, "id"));

        named |= kind != NULL && value != NULL && strcmp(kind, "erased") == 0 &&
                 str_eq_nocase(str_from(value), wanted);
    }
    json_decref(record);
    return named;
}

static void judge_erasure(struct log_check *c, int64_t leaf, struct uuid id, struct str by)
{
    const struct warrant *w;
    struct uuid warrant;

    c->verdict.erased++;
    w = uuid_parse(by, &warrant) ? warrant_of(c, warrant) : NULL;
    if (w == NULL || !w->readable || !allows(w, &c->scratch, id))
        tell(c, true, "erased",
             "leaf %lld: the record's key was destroyed, and no record of an erasure says so",
             (long long)leaf);
    else
        tell(c, false, "erased", "leaf %lld: erased; leaf %lld says by whom and why",
             (long long)leaf, (long long)w->leaf);
}

/* What a leaf's state means, when its bytes are there and are what was sealed. */
static void judge_state(struct log_check *c, int64_t leaf, const struct audit_position *at,
                        struct str state, struct str bytes)
{
    c->verdict.records++;
    if (str_starts(state, STR("erased=")))
        judge_erasure(c, leaf, at->id, str_slice(state, sizeof("erased=") - 1, state.n));
    else if (str_eq(state, STR("lost")))
        tell(c, true, "lost",
             "leaf %lld: the record of %.*s cannot be opened any more: its key was altered or "
             "destroyed, or it was moved",
             (long long)leaf, STR_ARG(when(c, at->at_us)));
    else if (str_eq(state, STR("origin")))
        judge_parent(c, bytes);
}

static void judge_bytes(struct log_check *c, int64_t leaf, const struct audit_position *at,
                        const struct merkle_hash *hash, struct str state, struct str bytes)
{
    struct merkle_hash is = merkle_leaf(bytes);

    if (merkle_eq(&is, hash))
        judge_state(c, leaf, at, state, bytes);
    else
        tell(c, true, "edited", "leaf %lld: the record of %.*s is not the one that was sealed",
             (long long)leaf, STR_ARG(when(c, at->at_us)));
}

static void judge_record(struct log_check *c, int64_t leaf, const struct audit_position *at,
                         const struct merkle_hash *hash, struct str state, struct str bytes)
{
    if (str_eq(state, STR("gone")))
        tell(c, true, "missing", "leaf %lld: its record of %.*s was removed", (long long)leaf,
             STR_ARG(when(c, at->at_us)));
    else if (str_eq(state, STR("archived")))
        c->verdict.archived++;
    else if (str_eq(state, STR("other")))
        c->verdict.left_out++;
    else
        judge_bytes(c, leaf, at, hash, state, bytes);
}

static void judge_warrants(struct log_check *c, int64_t leaf, const struct merkle_hash *hash)
{
    for (struct warrant *w = c->warrants; w != NULL; w = w->next)
        if (w->leaf == leaf && !merkle_eq(&w->hash, hash))
            tell(c, true, "erased",
                 "leaf %lld: the record that is said to allow an erasure is not this leaf",
                 (long long)leaf);
}

/* Records are sealed in the order of their ids, which tell the time; so are their times. */
static void judge_clock(struct log_check *c, int64_t leaf, const struct audit_position *at)
{
    int64_t made_us = 0;

    for (int i = 0; i < 6; i++) /* UUIDv7: milliseconds since 1970 in front */
        made_us = made_us << 8 | at->id.b[i];
    made_us = at->id.b[6] >> 4 == 7 ? made_us * 1000 : at->at_us;
    if (made_us < c->latest_us - LOG_CLOCK_SLACK_US ||
        at->at_us < c->latest_us - LOG_CLOCK_SLACK_US)
        tell(c, true, "clock",
             "leaf %lld: says %.*s, but stands after one of %.*s: back-dated, or the clock was "
             "turned back",
             (long long)leaf, STR_ARG(when(c, made_us < at->at_us ? made_us : at->at_us)),
             STR_ARG(when(c, c->latest_us)));
    if (at->at_us > c->latest_us)
        c->latest_us = at->at_us;
}

static void judge_order(struct log_check *c, int64_t leaf)
{
    if (leaf == next_leaf(c))
        return;
    c->broken = true;
    if (leaf < next_leaf(c)) {
        tell(c, true, "reordered", "leaf %lld stands where leaf %lld should", (long long)leaf,
             (long long)next_leaf(c));
        return;
    }
    tell(c, true, "missing", "leaves %lld to %lld are missing: removed from the log",
         (long long)next_leaf(c), (long long)leaf - 1);
    c->edge.size = (uint64_t)(leaf - c->first); /* roots are not looked at any more */
}

static void add_leaf(struct log_check *c, const struct merkle_hash *hash)
{
    c->verdict.leaves++;
    if (c->broken)
        c->edge.size++;
    else
        merkle_add(&c->edge, hash, NULL);
    judge_old(c);
}

static enum status line_leaf(struct log_check *c, struct str rest, struct errors *err)
{
    struct audit_position at;
    struct merkle_hash hash;
    struct str state, bytes;
    int64_t leaf;

    if (!c->in_tree || !str_to_i64(str_cut(&rest, ' '), &leaf) || leaf < c->first ||
        leaf - c->first >= INT64_C(1) << 60 || !position(&rest, &at) ||
        !merkle_hash_parse(&c->scratch, str_cut(&rest, ' '), &hash))
        return malformed(c, "a leaf that cannot be read", err);
    state = str_cut(&rest, ' ');
    judge_order(c, leaf);
    if (c->parent_missing && !str_eq(state, STR("origin")))
        tell(c, true, "origin", "%.*s begins without the last checkpoint of the log before it",
             STR_ARG(c->origin));
    if (!base64_decode(&c->scratch, str_eq(rest, STR("-")) ? STR("") : rest, &bytes))
        return malformed(c, "a record that cannot be read", err);
    judge_record(c, leaf, &at, &hash, state, bytes);
    c->parent_missing = false;
    judge_clock(c, leaf, &at);
    judge_warrants(c, leaf, &hash);
    add_leaf(c, &hash);
    return OK;
}

static enum status line_warrant(struct log_check *c, struct str rest, struct errors *err)
{
    struct warrant *w = ARENA_NEW(c->arena, struct warrant);
    struct audit_position at;
    struct str key, record;

    if (!str_to_i64(str_cut(&rest, ' '), &w->leaf) || !position(&rest, &at) ||
        !base64_decode(&c->scratch, str_cut(&rest, ' '), &key) || rest.p == NULL ||
        !base64_decode(&c->scratch, rest, &record))
        return malformed(c, "a warrant that cannot be read", err);
    w->id = at.id;
    w->hash = merkle_leaf(record);
    w->readable = record_open(c->arena, &at, key, record, &w->plain);
    w->next = c->warrants;
    c->warrants = w;
    return OK;
}

static enum status line_checkpoint(struct log_check *c, struct str rest, struct errors *err)
{
    struct checkpoint state;
    struct note note;
    struct str bytes;

    if (!c->in_tree || !base64_decode(&c->scratch, rest, &bytes) ||
        !note_parse(&c->scratch, bytes, &note) || !checkpoint_parse(&c->scratch, note.text, &state))
        return malformed(c, "a checkpoint that cannot be read", err);
    c->verdict.checkpoints++;
    if (note_verify(&note, c->key, NULL) != NOTE_GOOD) {
        tell(c, true, "key", "the checkpoint of %llu leaves is not signed by the key given",
             (unsigned long long)state.size);
        c->any_checkpoint = true;
        return OK;
    }
    c->any_checkpoint = true;
    if (!str_eq(state.origin, c->origin))
        tell(c, true, "origin", "a checkpoint of %.*s stands in %.*s", STR_ARG(state.origin),
             STR_ARG(c->origin));
    else if (state.size != c->edge.size)
        tell(c, true, "missing",
             "the log signed %llu leaves, but this one has %llu: its tail was removed",
             (unsigned long long)state.size, (unsigned long long)c->edge.size);
    else if (!c->broken)
        judge_root(c, &state, "a signed checkpoint");
    return OK;
}

static enum status line_stray(struct log_check *c, struct str rest, struct errors *err)
{
    struct audit_position at;

    if (!uuid_parse(str_trim(str_slice(rest, rest.n > UUID_TEXT ? rest.n - UUID_TEXT : 0, rest.n)),
                    &at.id) ||
        !str_to_i64(str_cut(&rest, ' '), &at.pkey) || !str_to_i64(str_cut(&rest, ' '), &at.at_us))
        return malformed(c, "a stray record that cannot be read", err);
    tell(c, true, "inserted",
         "record %.*s of %.*s is in the database and in no leaf: inserted behind the log's back",
         STR_ARG(uuid_text(&c->scratch, at.id)), STR_ARG(when(c, at.at_us)));
    return OK;
}

static enum status line_search(struct log_check *c, struct str rest, struct errors *err)
{
    (void)c;
    (void)rest;
    (void)err;
    return OK; /* how a record is found is no part of the log */
}

static enum status line_end(struct log_check *c, struct str rest, struct errors *err)
{
    (void)rest;
    (void)err;
    c->ended = true;
    return OK;
}

static const struct line_kind {
    struct str word;
    enum status (*read)(struct log_check *c, struct str rest, struct errors *err);
} kinds[] = {
    {{"leaf", 4}, line_leaf},
    {{"tree", 4}, line_tree},
    {{"checkpoint", 10}, line_checkpoint},
    {{"origin", 6}, line_origin},
    {{"warrant", 7}, line_warrant},
    {{"search", 6}, line_search},
    {{"stray", 5}, line_stray},
    {{"end", 3}, line_end},
};

enum status log_check_line(struct log_check *c, struct str line, struct errors *err)
{
    struct str rest = line, word;

    arena_reset(&c->scratch);
    if (!c->begun) {
        c->begun = str_eq(line, STR(LOG_MAGIC_LINE));
        return c->begun ? OK : malformed(c, "its first line is not '" LOG_MAGIC_LINE "'", err);
    }
    if (c->ended)
        return malformed(c, "it goes on behind its end", err);
    word = str_cut(&rest, ' ');
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_eq(word, kinds[i].word))
            return kinds[i].read(c, rest, err);
    return malformed(c, "a line that this program does not know", err);
}

enum status log_check_end(struct log_check *c, struct log_verdict *out, struct errors *err)
{
    if (!c->ended)
        return fail(err, INVALID, "export", "the file breaks off after leaf %lld",
                    (long long)next_leaf(c) - 1);
    close_tree(c);
    if (c->has_old && !c->old_judged)
        tell(c, true, "missing",
             "the checkpoint that was kept has %llu leaves of %.*s, and this log ends, or is left "
             "out, before: its tail was removed, or an older state was put in its place",
             (unsigned long long)c->old.size, STR_ARG(c->old.origin));
    *out = c->verdict;
    return OK;
}
