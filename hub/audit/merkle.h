/* The Merkle tree of RFC 6962 section 2.1, pure: hashes, the growing edge, proofs and their checks.
 *
 * A leaf is SHA-256(0x00 || bytes), a node SHA-256(0x01 || left || right). A tree of n leaves has
 * one shape; a proof is a list of hashes of ranges of its leaves, which the planners name and
 * hub/audit/tree.h reads. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/base/str.h"

enum {
    MERKLE_HASH = 32,
    MERKLE_HEIGHT_MAX = 62, /* sizes are below 2^62 */
    MERKLE_PROOF_MAX = 64,  /* hashes of one proof (C2SP tlog-witness: at most 63) */
};

struct merkle_hash {
    unsigned char b[MERKLE_HASH];
};

struct merkle_hash merkle_leaf(struct str bytes);
struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right);
bool merkle_eq(const struct merkle_hash *a, const struct merkle_hash *b);

/* The right edge of a tree: the roots of its complete subtrees from left to right, one for each bit
 * set in size. All zeroes is the empty tree. */
struct merkle_frontier {
    uint64_t size;
    struct merkle_hash roots[MERKLE_HEIGHT_MAX + 1];
};

/* Told of each complete subtree as it comes about, the added ones included: it has 2^height leaves
 * and is the number-th of its height from the left. */
struct merkle_watch {
    void (*complete)(void *context, unsigned height, uint64_t number,
                     const struct merkle_hash *root);
    void *context;
};

size_t merkle_frontier_count(uint64_t size); /* of roots */
/* Adds a leaf's hash. watch may be NULL. */
void merkle_add(struct merkle_frontier *f, const struct merkle_hash *leaf,
                const struct merkle_watch *watch);
/* Adds a complete subtree of 2^height leaves. False when it cannot stand there: the size is not a
 * multiple of it, or would be too large. */
bool merkle_add_subtree(struct merkle_frontier *f, unsigned height, const struct merkle_hash *root,
                        const struct merkle_watch *watch);
struct merkle_hash merkle_root(const struct merkle_frontier *f);

/* The leaves from start to just before end. */
struct merkle_range {
    uint64_t start, end;
};

struct merkle_plan {
    struct merkle_range ranges[MERKLE_PROOF_MAX]; /* in the order of the proof */
    size_t count;
};

/* The complete subtrees whose roots are the frontier of a tree of that size. */
void merkle_plan_frontier(uint64_t size, struct merkle_plan *out);
/* PATH(index, D[size]) of RFC 6962 section 2.1.1; index < size. */
void merkle_plan_inclusion(uint64_t index, uint64_t size, struct merkle_plan *out);
/* PROOF(old, D[size]) of section 2.1.2; 0 < old <= size. */
void merkle_plan_consistency(uint64_t old, uint64_t size, struct merkle_plan *out);

struct merkle_proof {
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    size_t count;
};

/* Is the leaf with this hash the index-th of the tree of that size and root? */
bool merkle_verify_inclusion(uint64_t index, uint64_t size, const struct merkle_hash *leaf,
                             const struct merkle_proof *proof, const struct merkle_hash *root);
/* Does the tree of new_root begin with all that the tree of old_root had? An old size of 0 proves
 * nothing and is refused. */
bool merkle_verify_consistency(uint64_t old_size, uint64_t new_size,
                               const struct merkle_hash *old_root, const struct merkle_proof *proof,
                               const struct merkle_hash *new_root);

/* The same of a subtree [start, end), whose start is a multiple of the power of two that its length
 * rounds up to (draft-ietf-plants-merkle-tree-certs sections 4.1 to 4.4). */
bool merkle_verify_subtree_inclusion(uint64_t index, struct merkle_range subtree,
                                     const struct merkle_hash *leaf,
                                     const struct merkle_proof *proof,
                                     const struct merkle_hash *root);
bool merkle_verify_subtree_consistency(struct merkle_range subtree, uint64_t size,
                                       const struct merkle_hash *subtree_root,
                                       const struct merkle_proof *proof,
                                       const struct merkle_hash *root);
