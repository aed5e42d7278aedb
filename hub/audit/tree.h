/* The Merkle tree as it lies in the database: hashes of ranges of leaves, and the proofs made of
 * them. A proof reads at most some hundred rows of audit_leaf and audit_node, in one flush,
 * whatever the size of the log. */
#pragma once

#include "hub/audit/note.h"
#include "hub/data/db.h"

enum { AUDIT_FANOUT_BITS = 8 }; /* audit_node keeps the subtrees of 2^8, 2^16, ... leaves */

/* One tree of the log (audit_origin), and how far it has grown. */
struct audit_tree {
    int64_t origin_id;
    struct str origin;
    int64_t first_leaf; /* audit_leaf.leaf of its leaf 0 */
    struct str parent;  /* the note that is its leaf 0; STR_NONE in the first tree */
    struct merkle_frontier edge;
};

/* The tree that grows. NOT_FOUND: no sealer has run yet. */
enum status audit_tree_read(struct db *db, struct arena *a, struct audit_tree *out,
                            struct errors *err) MUST_CHECK;

/* Hashes of the ranges, which lie within the tree. UPSTREAM when rows are missing. */
enum status audit_tree_hashes(struct db *db, struct arena *a, const struct audit_tree *tree,
                              const struct merkle_plan *plan, struct merkle_proof *out,
                              struct errors *err) MUST_CHECK;

/* A signed checkpoint of the tree. */
struct signed_checkpoint {
    struct checkpoint head;
    struct str note; /* with the cosignatures that members gave */
    int64_t at_us;
};

/* The newest of this tree. NOT_FOUND: nothing is signed yet. */
enum status audit_checkpoint_last(struct db *db, struct arena *a, const struct audit_tree *tree,
                                  struct signed_checkpoint *out, struct errors *err) MUST_CHECK;

/* The proof that a record is in the log, as C2SP tlog-proof has it: index, hashes, checkpoint. */
struct audit_proof {
    int64_t leaf;          /* of the whole log */
    struct str tlog_proof; /* text, offline verifiable with the record's bytes and the public key */
};

/* Proves record `id` against the last checkpoint. NOT_FOUND: no such record; BUSY: not sealed or
 * not signed yet, which takes a second or so. Three flushes. Any transaction, or none. */
enum status audit_proof_of(struct db *db, struct arena *a, struct uuid id, struct audit_proof *out,
                           struct errors *err) MUST_CHECK;

/* C2SP tlog-witness: "old N", the proof's lines, an empty line, the last checkpoint's note. */
enum status audit_consistency_since(struct db *db, struct arena *a, uint64_t old_size,
                                    struct str *out, struct errors *err) MUST_CHECK;
