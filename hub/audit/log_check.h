/* Is this log whole and unaltered? Offline: over an exported file, with nothing but the public key
 * and, if one was kept, an earlier checkpoint. Pure: lines go in, findings come out.
 *
 * The file is text, a line a thing, words separated by one space, bytes in base64, times in
 * microseconds since 1970:
 *
 *     causeway-log v1
 *     origin NAME FIRST                    a tree of the log begins; FIRST: number of its first
 * leaf tree HEIGHT HASH                     2^HEIGHT leaves that this file leaves out warrant LEAF
 * PKEY AT ID KEY RECORD   the record that allows an erasure, with its key leaf N PKEY AT ID HASH
 * STATE BYTES   STATE is one of whole       BYTES are the record as it was sealed erased=ID   so
 * are these, but nobody can read them: the warrant's id lost        so are these, but their key is
 * gone or does not open them archived    the record lies in the archive of its month; BYTES are -
 *          other       of another month than this archive; BYTES are -
 *          gone        the record is not there at all; BYTES are -
 *          origin      BYTES are the last checkpoint of the tree before
 *     search JSON                          in an archive: the row that the leaf above is found by
 *     checkpoint NOTE                      signed when the tree had just the leaves so far
 *     stray PKEY AT ID                     a record that no leaf names
 *     end                                  the file is whole
 *
 * A record's bytes are encrypted: they prove what was written without showing it. */
#pragma once

#include "hub/audit/note.h"
#include "hub/base/err.h"

#define LOG_MAGIC_LINE "causeway-log v1"

enum {
    LOG_LINE_MAX = 1 << 26, /* bytes of one line */
    LOG_FINDINGS_MAX = 200, /* of which the words are kept */
};

/* How far a clock may step back between two leaves: requests end in another order than they began.
 */
#define LOG_CLOCK_SLACK_US (600 * INT64_C(1000000))

struct log_finding {
    const char *kind; /* "edited", "missing", "reordered", ... : one word */
    struct str text;  /* what and where, for people */
    bool tampering;   /* else it only wants to be known */
    struct log_finding *next;
};

struct log_verdict {
    struct log_finding *first, *last; /* in the order of the log */
    size_t tampering, notices;
    uint64_t leaves, records, erased, archived, left_out, checkpoints, signed_leaves;
    bool old_found; /* the kept checkpoint's root is the log's */
};

struct log_check;

/* old: a checkpoint that somebody kept, a signed note; STR_NONE without. Memory from a; all slices
 * given are borrowed until the end. */
struct log_check *log_check_new(struct arena *a, const struct note_key *key, struct str old);
/* One line without its newline. INVALID: not such a file. */
enum status log_check_line(struct log_check *c, struct str line, struct errors *err) MUST_CHECK;
/* After the last line. INVALID: the file breaks off. */
enum status log_check_end(struct log_check *c, struct log_verdict *out,
                          struct errors *err) MUST_CHECK;
