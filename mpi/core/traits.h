/* The traits of a record: everything of it that is compared, normalised. What is missing,
 * malformed or a placeholder is left out: it speaks neither for nor against a match.
 *
 * A trait is a kind and a value, in a list; the kinds are a table, and the packed form (what the
 * index stores beside its look-up keys) is that list, byte by byte. Pure, any thread. */
#pragma once

#include "mpi/core/input.h"

/* X(kind): in the order of the packed form; new ones go to the end, with a new version.
 *   WHOLE names are words glued together, PART names words of them (mpi/core/name.h).
 *   An address is ADDRESS followed by the parts that are known of it. */
#define MPI_TRAITS(X)                                                                              \
    X(GIVEN)                                                                                       \
    X(GIVEN_PART)                                                                                  \
    X(FAMILY)                                                                                      \
    X(FAMILY_PART)                                                                                 \
    X(OTHER_NAME) /* middle and maiden names, initials */                                          \
    X(SUFFIX)     /* enum mpi_suffix, one digit */                                                 \
    X(NEWBORN)    /* has no given name yet; empty */                                               \
    X(BIRTH_DATE) /* YYYYMMDD, mpi/core/date.h */                                                  \
    X(SEX)        /* M, F, O */                                                                    \
    X(ADDRESS)    /* empty: the parts after it belong together */                                  \
    X(NUMBER)                                                                                      \
    X(STREET)                                                                                      \
    X(UNIT)                                                                                        \
    X(CITY)                                                                                        \
    X(STATE)                                                                                       \
    X(POSTCODE)                                                                                    \
    X(PHONE) /* decimal */                                                                         \
    X(EMAIL)                                                                                       \
    X(SSN)     /* digits; four: its end */                                                         \
    X(ID_TYPE) /* of the ID after it */                                                            \
    X(ID)                                                                                          \
    X(MOTHER_GIVEN)                                                                                \
    X(MOTHER_FAMILY)                                                                               \
    X(BIRTH_ORDER)    /* digits */                                                                 \
    X(MULTIPLE_BIRTH) /* one of several; empty */                                                  \
    X(BIRTHPLACE)                                                                                  \
    X(OCCUPATION)

enum mpi_trait {
#define X(kind) MPI_TRAIT_##kind,
    MPI_TRAITS(X)
#undef X
        MPI_TRAIT_KINDS
};

enum { MPI_TRAITS_MAX = 96, MPI_TRAITS_VERSION = 1 };

struct mpi_traits {
    size_t count;
    struct {
        enum mpi_trait kind;
        struct str value;
    } list[MPI_TRAITS_MAX];
};

/* Values lie on the arena or in the input. */
void mpi_traits_read(struct arena *a, const struct mpi_input *in, struct mpi_traits *out);

/* Version byte, then each trait as its kind, its length and its bytes; a kilobyte at the most in
 * practice. Equal traits pack to equal bytes. */
struct str mpi_traits_pack(struct arena *a, const struct mpi_traits *t);
/* Borrows from `packed`. False when it is not one. */
bool mpi_traits_unpack(struct str packed, struct mpi_traits *out);
