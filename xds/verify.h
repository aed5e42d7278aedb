/* `causeway xds verify`: does the repository hold what the registry says, and nothing else?
 *
 * Each stored document is read, decrypted and hashed; each object of the store must be one; each
 * document entry of this repository must have its document, with the hash and the size that it
 * says. Runs beside the hub: what a submission under way has written is no orphan. */
#pragma once

#include "hub/data/db.h"
#include "xds/blob.h"

/* X(name, words) */
#define VERIFY_FAULTS(X)                                                                           \
    X(missing, "the object is not in the store")                                                   \
    X(truncated, "the object is shorter than it was")                                              \
    X(altered, "the object is not what was written")                                               \
    X(locked, "no key at hand opens the document's key")                                           \
    X(wrong_hash, "the document is not the one whose hash is on record")                           \
    X(unreadable, "the store cannot read the object")                                              \
    X(orphan, "no document is known to lie in this object")                                        \
    X(unstored, "the document entry names this repository, which has no such document")            \
    X(mismatch, "hash or size of the document entry are not those of the document")

enum verify_fault {
#define X(name, words) VERIFY_##name,
    VERIFY_FAULTS(X)
#undef X
        VERIFY_FAULT_COUNT
};

struct verify_finding {
    enum verify_fault fault;
    struct uuid blob;  /* zero for `unstored` */
    struct uuid entry; /* zero for `orphan` */
    int64_t pkey;
};

struct verification {
    struct db *db;
    struct errors *err;
    struct blobs *blobs;
    struct str repository; /* repositoryUniqueId */
    int64_t orphans_us;    /* objects younger than that may be somebody's yet */
    void (*found)(void *context, const struct verify_finding *f);
    void (*advanced)(void *context, uint64_t done); /* documents and entries looked at */
    void *context;
    /* What it comes to. */
    uint64_t documents, bytes, objects, entries, findings[VERIFY_FAULT_COUNT];
};

enum status xds_verify(struct verification *v) MUST_CHECK;
uint64_t xds_verify_findings(const struct verification *v); /* of all kinds */
