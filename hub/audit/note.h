/* Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature): text and the
 * lines that sign it. Ed25519 alone.
 *
 *     oid/1.2.3/audit                                   origin
 *     20852163                                          size
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=      root
 *
 *     — oid/1.2.3/audit Az3grlgtzPICa5OS8npVmf1...      key name, base64(key id || signature)
 *
 * A public key is written NAME+KEYID+BASE64 (a "vkey"): its id in hexadecimal, then its type and
 * its 32 bytes. Pure; any thread; slices borrow the bytes that were read. */
#pragma once

#include "hub/audit/merkle.h"
#include "hub/base/arena.h"

enum {
    NOTE_MAX = 1 << 16,       /* bytes of a note: what is longer is none */
    NOTE_SIGNATURES_MAX = 64, /* C2SP: at least 16 */
    NOTE_PUBLIC_KEY = 32,
    NOTE_SECRET_KEY = 64, /* libsodium's form: seed, then public key */
};

/* The signature type byte. */
enum note_key_type {
    NOTE_LOG = 0x01,      /* a log signs its checkpoint's text */
    NOTE_COSIGNER = 0x04, /* a witness signs text and time */
};

struct note_key {
    struct str name;
    enum note_key_type type;
    unsigned char public_key[NOTE_PUBLIC_KEY];
    uint32_t id;
};

struct note_signature {
    struct str name;
    uint32_t id;
    struct str bytes; /* decoded, after the id */
    struct str line;  /* from its em dash to before the newline */
};

struct note {
    struct str text; /* with its last newline */
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t signature_count;
};

struct checkpoint {
    struct str origin;
    uint64_t size;
    struct merkle_hash root;
};

/* A name is not empty and holds no white space and no plus. */
bool note_key_name_valid(struct str name);
struct note_key note_key_of(struct str name, enum note_key_type type,
                            const unsigned char public_key[NOTE_PUBLIC_KEY]);
bool note_key_parse(struct arena *a, struct str vkey, struct note_key *out);
struct str note_key_text(struct arena *a, const struct note_key *key);

/* False: not a signed note. */
bool note_parse(struct arena *a, struct str bytes, struct note *out);

enum note_verdict {
    NOTE_GOOD,
    NOTE_FORGED,   /* a signature of this key that does not verify */
    NOTE_UNSIGNED, /* none by this key */
};

/* *time_s is when a cosigner signed, by its own clock; may be NULL. */
enum note_verdict note_verify(const struct note *note, const struct note_key *key, int64_t *time_s);

/* The whole note: text, an empty line, the signature. The text ends in a newline. */
struct str note_sign(struct arena *a, struct str text, struct str name,
                     const unsigned char secret[NOTE_SECRET_KEY]);
/* A cosigner's line for the text, without its newline. */
struct str note_cosign(struct arena *a, struct str text, struct str name, int64_t time_s,
                       const unsigned char secret[NOTE_SECRET_KEY]);

struct str checkpoint_write(struct arena *a, const struct checkpoint *c);
/* The first three lines of a note's text; lines after them are let pass, as C2SP asks. */
bool checkpoint_parse(struct arena *a, struct str text, struct checkpoint *out);

struct str note_base64(struct arena *a, struct str bytes);
/* Exactly a hash. */
bool merkle_hash_parse(struct arena *a, struct str base64, struct merkle_hash *out);
