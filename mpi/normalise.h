/* Normalisation: demographics -> the fields that are compared, and their packed form.
 *
 * Pure and without state; any thread. Text is decomposed (NFKD), stripped of marks, upper-cased
 * and freed of punctuation, so that Müller-Lüdenscheidt, MULLER LUDENSCHEIDT and müller
 * lüdenscheidt are one. What is missing, malformed or a placeholder (BABY BOY, 1900-01-01,
 * 999-99-9999) becomes empty: it speaks neither for nor against a match. */
#pragma once

#include "mpi/record.h"

/* X(field): order is the packed form's; new fields go to the end, with a new version. */
#define MPI_NORMAL_FIELDS(X)                                                                       \
    X(family) /* letters, digits and single spaces */                                              \
    X(given)                                                                                       \
    X(middle)                                                                                      \
    X(suffix)     /* JR, SR, II, III, ... */                                                       \
    X(birth_date) /* YYYYMMDD */                                                                   \
    X(sex)        /* M, F or O */                                                                  \
    X(ssn)        /* nine digits */                                                                \
    X(street)                                                                                      \
    X(postcode)                                                                                    \
    X(phone)       /* the last ten digits */                                                       \
    X(birth_order) /* of a multiple birth */

struct mpi_normal {
#define X(field) struct str field;
    MPI_NORMAL_FIELDS(X)
#undef X
    bool placeholder_name; /* the name given was one: nothing may be concluded from the others */
};

enum { MPI_PACKED_VERSION = 1 };

struct mpi_normal mpi_normalise(struct arena *a, const struct mpi_demographics *d);

/* One name, street or the like; at most 200 characters are kept. */
struct str mpi_normalise_text(struct arena *a, struct str s);

/* Version byte, a byte of flags, then each field as its length in a byte and its bytes. */
struct str mpi_pack(struct arena *a, const struct mpi_normal *n);
/* Borrows from `packed`. False when it is not one. */
bool mpi_unpack(struct str packed, struct mpi_normal *out);
