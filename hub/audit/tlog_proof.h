/* The proof of one record (C2SP tlog-proof), read and verified offline. Its extra data is ours:
 * "PKEY AT ID RECORD [KEY]", the record's place, its sealed bytes and, where it may be read, its
 * own key. Pure; any thread; slices borrow the text. */
#pragma once

#include "hub/audit/note.h"
#include "hub/audit/record_cipher.h"
#include "hub/base/err.h"

enum { TLOG_PROOF_MAX = 1 << 26 };

struct tlog_proof {
    struct audit_position at;
    uint64_t index;
    struct str record, key; /* the sealed bytes; key is STR_NONE where it is not given */
    struct merkle_proof hashes;
    struct note note;
    struct checkpoint head;
    struct str plain; /* after verification: what the record says; STR_NONE without its key */
};

/* INVALID: not such a proof. */
enum status tlog_proof_read(struct arena *a, struct str text, struct tlog_proof *out,
                            struct errors *err) MUST_CHECK;
/* False, with the reason in err: it proves nothing. */
bool tlog_proof_verify(struct arena *a, struct tlog_proof *proof, const struct note_key *key,
                       struct errors *err);
