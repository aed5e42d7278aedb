/* The sealer: numbers what was committed, grows the tree, signs checkpoints.
 *
 * Each step is whole by itself, so a crash between any two loses nothing and repeats nothing:
 * sealing is one transaction under audit_head's row lock, which lets two sealers take turns and
 * never fork the tree; signing looks at what is committed. What it signed last the sealer keeps in
 * a file of its own beside the key (KEY.last): before it signs again it proves that the database
 * still contains it. A database that was restored from an older backup, or altered, is therefore
 * refused, until an operator begins a new origin. One thread, one connection (causeway_seal). */
#pragma once

#include "hub/audit/log_key.h"
#include "hub/audit/tree.h"

enum { SEAL_BATCH = 20000 };

struct sealer {
    struct db *db;
    const struct log_key *key;
    const char *last_file; /* KEY.last */
};

/* Moves one batch of pending rows, oldest first, into the tree; *moved tells how many: less than
 * SEAL_BATCH means that none were left. Begins the first origin, named after the key, when there
 * is none. Attach the db before. */
enum status sealer_seal(struct sealer *s, struct arena *a, size_t *moved,
                        struct errors *err) MUST_CHECK;

/* Signs and publishes the tree as it is, unless that is signed already; *signed_now tells. DENIED:
 * the tree does not contain what was signed before. */
enum status sealer_sign(struct sealer *s, struct arena *a, struct signed_checkpoint *out,
                        bool *signed_now, struct errors *err) MUST_CHECK;

/* Thins out old checkpoints (sql/0022_audit_log.sql). */
enum status sealer_thin(struct sealer *s, struct arena *a, struct errors *err) MUST_CHECK;

/* After a restore: begins a new tree, whose first leaf is the note of the last checkpoint of the
 * tree before that members hold. NAME is its origin. DENIED: the note is not this key's, or older
 * than what this sealer signed last. */
enum status sealer_begin(struct sealer *s, struct arena *a, struct str note, struct str name,
                         struct errors *err) MUST_CHECK;
