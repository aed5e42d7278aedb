/* A record as it is compared: a short run of 32-bit words whose values are numbers of a dictionary.
 * Some 80 bytes a record, so that ten millions fit in memory and comparing two is comparing
 * numbers. The same for the batch linker (one dictionary for all) and the live index (one for a
 * subject and its candidates), so both come to the same decision. Pure, any thread. */
#pragma once

#include "mpi/core/dict.h"
#include "mpi/core/traits.h"

/* X(section, words): lists, in this order, after the head. */
#define MPI_SECTIONS(X)                                                                            \
    X(GIVEN, 1)  /* value, MPI_CODED_PART on words of compounds */                                 \
    X(FAMILY, 1) /* likewise */                                                                    \
    X(OTHER, 1)                                                                                    \
    X(DATE, 1)    /* YYYYMMDD, no dictionary */                                                    \
    X(ADDRESS, 6) /* number, street, unit, city, state, postcode */                                \
    X(PHONE, 2)   /* high and low word of the number */                                            \
    X(EMAIL, 1)                                                                                    \
    X(SSN, 1)                                                                                      \
    X(ID, 2)     /* type, value */                                                                 \
    X(MOTHER, 2) /* given, family; one of them may be 0 */                                         \
    X(PLACE, 1)                                                                                    \
    X(WORK, 1)

enum mpi_section {
#define X(name, words) MPI_SECTION_##name,
    MPI_SECTIONS(X)
#undef X
        MPI_SECTION_COUNT
};

enum {
    MPI_ADDRESS_NUMBER,
    MPI_ADDRESS_STREET,
    MPI_ADDRESS_UNIT,
    MPI_ADDRESS_CITY,
    MPI_ADDRESS_STATE,
    MPI_ADDRESS_POSTCODE,
    MPI_ADDRESS_WORDS
};

#define MPI_CODED_PART     0x80000000u /* of a compound name */
#define MPI_CODED_ID(word) ((word) & ~MPI_CODED_PART)

enum { MPI_CODED_HEAD = 4, MPI_CODED_MAX = MPI_CODED_HEAD + 160 };

/* Writes the record's words, at most MPI_CODED_MAX, adds its values to the dictionary, and returns
 * how many. Values beyond a list's cap fall out, the last first. */
size_t mpi_encode(struct mpi_dict *d, const struct mpi_traits *t, uint32_t *out);

/* The lists of a coded record, borrowed. */
struct mpi_view {
    uint8_t count[MPI_SECTION_COUNT]; /* items, not words */
    char sex;                         /* M, F, O or 0 */
    uint8_t suffix, birth_order;      /* 0: none */
    bool newborn, multiple;
    const uint32_t *at[MPI_SECTION_COUNT];
};
struct mpi_view mpi_view_of(const uint32_t *coded);

/* Of the content alone: equal records have equal hashes in every dictionary. */
uint64_t mpi_coded_hash(const struct mpi_dict *d, const struct mpi_view *v);
