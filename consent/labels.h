/* Sensitivity labels: what a document's metadata say about how delicate it is.
 *
 * A value set is a list of codes with the labels that they give (SUD, ETH, PSY, ...) and the least
 * confidentiality that goes with them. Applied to a document's coded attributes, all value sets of
 * the domain together (the book) give its labels: first its confidentiality (U L M N R V of HL7 v3
 * Confidentiality), then the sensitivity labels, sorted, each once.
 *
 * The confidentiality is a high-water mark: the highest of what the source wrote and what the
 * value sets ask for; no rule lowers it. A document without any is N; a code that is none of HL7's
 * counts as R and is a label itself, as are the sensitivity codes that a source wrote. A label
 * brings those that contain it (ETHUD: ETH and SUD), so that a rule about SUD meets it.
 *
 * Pure: no database, no clock. A book never changes once made; any thread may read it. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

/* The attributes of a document entry that carry codes. X(name, word of the files) */
#define LABEL_FIELDS(X)                                                                            \
    X(ANY, "any")                                                                                  \
    X(CLASS, "class")                                                                              \
    X(TYPE, "type")                                                                                \
    X(FORMAT, "format")                                                                            \
    X(FACILITY, "facility")                                                                        \
    X(PRACTICE, "practice")                                                                        \
    X(EVENT, "event")                                                                              \
    X(CONFIDENTIALITY, "confidentiality")
#define X(name, word) LABEL_##name,
enum label_field { LABEL_FIELDS(X) LABEL_FIELD_COUNT };
#undef X

struct str label_field_word(enum label_field field);
bool label_field_parse(struct str word, enum label_field *out);

/* A code of a document; or of a value set, where the field may be ANY, an empty system stands for
 * every system, and a prefix for all codes that begin so. */
struct label_code {
    enum label_field field;
    struct str system, code; /* system as code_system gives it */
    bool prefix;
};

struct label_texts {
    struct str *v;
    size_t n;
};

struct label_set {
    struct str name;
    struct label_texts labels;  /* that its codes give */
    struct str confidentiality; /* the least that its codes ask for; empty: none */
    struct label_code *codes;
    size_t code_count;
};

enum {
    LABEL_SETS_MAX = 256,
    LABEL_CODES_MAX = 200000, /* of one value set */
    LABEL_CODE_MAX = 256,     /* bytes of a code or a system */
};

struct label_book;

/* Compiles the value sets, which the book borrows, into memory of the arena. At most
 * LABEL_SETS_MAX. The version is that of table epoch, row labels. */
struct label_book *label_book_make(struct arena *a, const struct label_set *sets, size_t count,
                                   int64_t version);
int64_t label_book_version(const struct label_book *book);

/* The labels of a document with these codes. The strings borrow from the codes, from literals and
 * from the arena, never from the book. */
struct label_texts label_book_apply(const struct label_book *book, struct arena *a,
                                    const struct label_code *codes, size_t count);

/* Rank of a confidentiality code, U 0 to V 5; -1 for what is none. */
int label_confidentiality_rank(struct str code);
/* Is it a label that a value set may give: 1 to 64 letters, digits, '-', '.' or '_', and none of
 * the six of confidentiality? */
bool label_valid(struct str label);
