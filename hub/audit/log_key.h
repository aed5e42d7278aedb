/* The key that signs the log's checkpoints: one line in a file that only the sealer's user can
 * read, PRIVATE+KEY+NAME+KEYID+BASE64 (type and seed, as other C2SP tools write it), and beside it
 * FILE.pub with the public key, which members and auditors are given. */
#pragma once

#include "hub/audit/note.h"
#include "hub/base/err.h"

struct log_key {
    struct note_key public;
    unsigned char *secret; /* NOTE_SECRET_KEY bytes in sodium_malloc memory, never freed */
};

/* Makes both files; neither may be there. */
enum status log_key_make(struct arena *a, const char *file, struct str name,
                         enum note_key_type type, struct note_key *out,
                         struct errors *err) MUST_CHECK;
/* Refused when it belongs to another user, or when others may read it. */
enum status log_key_read(struct arena *a, const char *file, struct log_key *out,
                         struct errors *err) MUST_CHECK;
/* FILE.pub, or the key itself where `text` is one. */
enum status log_key_public(struct arena *a, const char *text, struct note_key *out,
                           struct errors *err) MUST_CHECK;

/* A whole file of at most max bytes. */
enum status log_file_read(struct arena *a, const char *file, size_t max, struct str *out,
                          struct errors *err) MUST_CHECK;
/* Replaces it as one: a crash leaves the old bytes or the new. */
enum status log_file_write(struct arena *a, const char *file, struct str bytes, unsigned mode,
                           struct errors *err) MUST_CHECK;
