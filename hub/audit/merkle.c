#include "hub/audit/merkle.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "hub/base/err.h"

static EVP_MD *sha256; /* fetched once: a fetch takes locks in OpenSSL 3.0 */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL, "SHA-256 in OpenSSL");
}

static struct merkle_hash hash(unsigned char prefix, struct str first, struct str second)
{
    struct merkle_hash out;
    EVP_MD_CTX *c;

    pthread_once(&fetched, fetch);
    c = EVP_MD_CTX_new();
    must(c != NULL && EVP_DigestInit_ex2(c, sha256, NULL) == 1 &&
             EVP_DigestUpdate(c, &prefix, 1) == 1 && EVP_DigestUpdate(c, first.p, first.n) == 1 &&
             EVP_DigestUpdate(c, second.p, second.n) == 1 &&
             EVP_DigestFinal_ex(c, out.b, NULL) == 1,
         "SHA-256");
    EVP_MD_CTX_free(c);
    return out;
}

struct merkle_hash merkle_leaf(struct str bytes)
{
    return hash(0x00, bytes, STR(""));
}

struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right)
{
    return hash(0x01, str_of(left->b, MERKLE_HASH), str_of(right->b, MERKLE_HASH));
}

bool merkle_eq(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->b, b->b, MERKLE_HASH) == 0;
}

/* --- the growing edge ---------------------------------------------------------------------- */

size_t merkle_frontier_count(uint64_t size)
{
    return (size_t)__builtin_popcountll(size);
}

bool merkle_add_subtree(struct merkle_frontier *f, unsigned height, const struct merkle_hash *root,
                        const struct merkle_watch *watch)
{
    size_t count = merkle_frontier_count(f->size);
    struct merkle_hash h = *root;
    uint64_t width;

    if (height >= MERKLE_HEIGHT_MAX)
        return false;
    width = UINT64_C(1) << height;
    if (f->size % width != 0 || f->size + width >= UINT64_C(1) << MERKLE_HEIGHT_MAX)
        return false;
    for (uint64_t rest = f->size >> height;; rest >>= 1, height++) {
        if (watch != NULL)
            watch->complete(watch->context, height, rest, &h);
        if ((rest & 1) == 0)
            break;
        h = merkle_node(&f->roots[--count], &h);
    }
    f->roots[count] = h;
    f->size += width;
    return true;
}

void merkle_add(struct merkle_frontier *f, const struct merkle_hash *leaf,
                const struct merkle_watch *watch)
{
    must(merkle_add_subtree(f, 0, leaf, watch), "a log below 2^62 leaves");
}

static struct merkle_hash empty_root(void)
{
    struct merkle_hash h;

    must(EVP_Digest("", 0, h.b, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
    return h;
}

struct merkle_hash merkle_root(const struct merkle_frontier *f)
{
    size_t count = merkle_frontier_count(f->size);
    struct merkle_hash h;

    if (count == 0)
        return empty_root();
    h = f->roots[--count];
    while (count > 0)
        h = merkle_node(&f->roots[--count], &h);
    return h;
}

/* --- which ranges a proof is made of ------------------------------------------------------- */

/* The largest power of two below n, where RFC 6962 splits n > 1 leaves. */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static void plan_add(struct merkle_plan *p, uint64_t start, uint64_t end)
{
    must(p->count < MERKLE_PROOF_MAX, "a proof of a tree below 2^62 leaves");
    p->ranges[p->count++] = (struct merkle_range){start, end};
}

/* The walks go from the root down, and proofs from the leaf up. */
static void plan_reverse(struct merkle_plan *p)
{
    for (size_t i = 0; i < p->count / 2; i++) {
        struct merkle_range r = p->ranges[i];

        p->ranges[i] = p->ranges[p->count - 1 - i];
        p->ranges[p->count - 1 - i] = r;
    }
}

void merkle_plan_frontier(uint64_t size, struct merkle_plan *out)
{
    uint64_t start = 0;

    out->count = 0;
    for (uint64_t bit = UINT64_C(1) << MERKLE_HEIGHT_MAX; bit > 0; bit >>= 1)
        if (size & bit) {
            plan_add(out, start, start + bit);
            start += bit;
        }
}

void merkle_plan_inclusion(uint64_t index, uint64_t size, struct merkle_plan *out)
{
    uint64_t start = 0, end = size;

    must(index < size, "a leaf of the tree");
    out->count = 0;
    while (end - start > 1) {
        uint64_t middle = start + split(end - start);

        if (index < middle) {
            plan_add(out, middle, end);
            end = middle;
        } else {
            plan_add(out, start, middle);
            start = middle;
        }
    }
    plan_reverse(out);
}

void merkle_plan_consistency(uint64_t old, uint64_t size, struct merkle_plan *out)
{
    uint64_t start = 0, end = size;

    must(old > 0 && old <= size, "an earlier size of the tree");
    out->count = 0;
    while (old != end) {
        uint64_t middle = start + split(end - start);

        if (old <= middle) {
            plan_add(out, middle, end);
            end = middle;
        } else {
            plan_add(out, start, middle);
            start = middle;
        }
    }
    if (start > 0) /* else its root is what the verifier holds */
        plan_add(out, start, end);
    plan_reverse(out);
}

/* --- checks -------------------------------------------------------------------------------- */

static bool valid_subtree(struct merkle_range r)
{
    uint64_t length = r.end - r.start;

    if (r.start >= r.end || r.end >= UINT64_C(1) << MERKLE_HEIGHT_MAX)
        return false;
    return length == 1 || r.start % (split(length) * 2) == 0;
}

bool merkle_verify_subtree_inclusion(uint64_t index, struct merkle_range subtree,
                                     const struct merkle_hash *leaf,
                                     const struct merkle_proof *proof,
                                     const struct merkle_hash *root)
{
    struct merkle_hash h = *leaf;
    uint64_t node, last;

    if (!valid_subtree(subtree) || index < subtree.start || index >= subtree.end)
        return false;
    node = index - subtree.start;
    last = subtree.end - subtree.start - 1;
    for (size_t i = 0; i < proof->count; i++, node >>= 1, last >>= 1) {
        if (last == 0)
            return false;
        if ((node & 1) == 0 && node != last) {
            h = merkle_node(&h, &proof->hashes[i]);
            continue;
        }
        h = merkle_node(&proof->hashes[i], &h);
        while ((node & 1) == 0 && node != 0) {
            node >>= 1;
            last >>= 1;
        }
    }
    return last == 0 && merkle_eq(&h, root);
}

bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_proof *proof, const struct merkle_hash *root)
{
    return merkle_verify_subtree_inclusion(index, (struct merkle_range){0, size}, leaf, proof,
                                           root);
}

/* First and last node of the subtree and last node of the tree, at one height. */
struct climb {
    uint64_t first, last, end;
};

static void climb(struct climb *c)
{
    c->first >>= 1;
    c->last >>= 1;
    c->end >>= 1;
}

bool merkle_verify_subtree_consistency(struct merkle_range subtree, uint64_t size,
                                       const struct merkle_hash *subtree_root,
                                       const struct merkle_proof *proof,
                                       const struct merkle_hash *root)
{
    struct climb c = {subtree.start, subtree.end - 1, size - 1};
    struct merkle_hash old, now = empty_root();
    size_t i = 0;

    if (subtree.start == subtree.end)
        return subtree.end <= size && proof->count == 0 && merkle_eq(subtree_root, &now);
    if (!valid_subtree(subtree) || subtree.end > size || size >= UINT64_C(1) << MERKLE_HEIGHT_MAX)
        return false;
    while (c.first != c.last && (c.last == c.end || (c.last & 1) != 0))
        climb(&c);
    if (c.first != c.last && proof->count == 0)
        return false;
    old = now = c.first == c.last ? *subtree_root : proof->hashes[i++];
    for (; i < proof->count; i++, climb(&c)) {
        if (c.end == 0)
            return false;
        if ((c.last & 1) == 0 && c.last != c.end) {
            now = merkle_node(&now, &proof->hashes[i]);
            continue;
        }
        if (c.first < c.last)
            old = merkle_node(&proof->hashes[i], &old);
        now = merkle_node(&proof->hashes[i], &now);
        while ((c.last & 1) == 0 && c.last != 0)
            climb(&c);
    }
    return c.end == 0 && merkle_eq(&old, subtree_root) && merkle_eq(&now, root);
}

bool merkle_verify_consistency(uint64_t old_size, uint64_t new_size,
                               const struct merkle_hash *old_root, const struct merkle_proof *proof,
                               const struct merkle_hash *new_root)
{
    return old_size > 0 && merkle_verify_subtree_consistency((struct merkle_range){0, old_size},
                                                             new_size, old_root, proof, new_root);
}
