/* Block keys: hashed properties that records of one person are likely to share. Who shares one is
 * a candidate. Pure, any thread; the keys depend on values only, not on a dictionary's numbers.
 *
 * A key that too many records share is not dropped: it is refined. `fine` is the same property
 * narrowed by a second one (the rule says by which), so an index keeps both and looks under
 * (key) first and, where that is crowded, under (key, fine). */
#pragma once

#include "mpi/core/coded.h"

/* X(name, live, words): live rules are those of the index in the database; all are the batch
 * linker's. Numbers are stored: new rules go to the end. */
#define MPI_BLOCK_RULES(X)                                                                         \
    X(IDENTIFIER, true, "an identifier")                                                           \
    X(PHONE, true, "last seven digits of a telephone")                                             \
    X(EMAIL, true, "e-mail")                                                                       \
    X(DATE_INITIAL, true, "day, month and year in any order, and an initial of the name")          \
    X(NAMES_YEAR, true, "sounds of two names in any order, and the year of birth")                 \
    X(NAMES, true, "sounds of two names in any order")                                             \
    X(NAME_POSTCODE, true, "sound of a name, and the postcode")                                    \
    X(HOUSE, true, "house number, street, and an initial of the name")                             \
    X(FAMILY_DAY, false, "family name but for one letter, initial, and day and month")             \
    X(NAME_CITY, false, "sounds of a name, an initial, and the city")                              \
    X(NAME_PLACE, false, "sound of a name, and the birthplace")                                    \
    X(NAME_WORK, false, "sound of a name, the initial of another, and the occupation")             \
    X(DATE, false, "date of birth")                                                                \
    X(STREET, false, "house number and street, or street and postcode")                            \
    X(WHERE_WORK, false, "postcode or birthplace, and occupation and year of birth")

enum mpi_block_rule {
#define X(name, live, words) MPI_BLOCK_##name,
    MPI_BLOCK_RULES(X)
#undef X
        MPI_BLOCK_RULE_COUNT
};

struct mpi_block {
    uint64_t key, fine;
    uint8_t rule; /* enum mpi_block_rule */
};

enum {
    MPI_BLOCKS_MAX = 96,
    MPI_BLOCK_CROWDED = 400, /* records of one key: look under (key, fine) instead */
};

/* A set of rules, bit by bit. */
#define MPI_BLOCK(name) (1u << MPI_BLOCK_##name)
#define MPI_BLOCKS_ALL  ((1u << MPI_BLOCK_RULE_COUNT) - 1)
unsigned mpi_blocks_live(void);

/* Keys of these rules, each once; returns their number. */
size_t mpi_blocks(const struct mpi_dict *d, const struct mpi_view *v, unsigned rules,
                  struct mpi_block out[MPI_BLOCKS_MAX]);
