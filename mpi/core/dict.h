/* The values of many records, each once: a value is compared by its number, and what is costly to
 * know of it (how it sounds, how rare it is) is worked out when it is first seen.
 *
 * A dictionary belongs to who made it; adding to it is for one thread at a time, reading is for
 * any number while nobody adds. Numbers depend on the order of adding: nothing that is kept or
 * decided may depend on them. */
#pragma once

#include "hub/base/str.h"

enum mpi_class {
    MPI_CLASS_NAME, /* of people: given, family, other, the mother's */
    MPI_CLASS_STREET,
    MPI_CLASS_PLACE, /* cities and birthplaces */
    MPI_CLASS_POSTCODE,
    MPI_CLASS_EMAIL,
    MPI_CLASS_WORK, /* occupations */
    MPI_CLASS_CODE, /* house numbers, units, states, identifiers and their types: as they are */
};

/* What a value's frequency was counted as; also the tables of a model. */
#define MPI_FREQUENCIES(X)                                                                         \
    X(GIVEN, "given", MPI_CLASS_NAME)                                                              \
    X(FAMILY, "family", MPI_CLASS_NAME)                                                            \
    X(CITY, "city", MPI_CLASS_PLACE)                                                               \
    X(BIRTHPLACE, "birthplace", MPI_CLASS_PLACE)                                                   \
    X(POSTCODE, "postcode", MPI_CLASS_POSTCODE)                                                    \
    X(OCCUPATION, "occupation", MPI_CLASS_WORK)

enum mpi_frequency {
#define X(name, key, class) MPI_FREQUENCY_##name,
    MPI_FREQUENCIES(X)
#undef X
        MPI_FREQUENCY_COUNT
};

struct mpi_value {
    uint32_t at, hash, sound;
    uint32_t letters; /* which bytes it is made of, by their last five bits */
    uint16_t nickname;
    uint8_t n, class;
    float rarity[2]; /* log2 of its frequency, at most 0: as given and as family name, as city and
                        as birthplace; the first for others */
};

/* Numbers are below it: the topmost bit of a coded word is a mark. */
enum { MPI_CODED_IDS = 0x7FFFFFFF };

struct mpi_model;

struct mpi_dict {
    const struct mpi_model *model; /* whose frequencies values get as they are added */
    struct mpi_value *values;      /* [0] is no value */
    uint32_t count, cap;
    char *text;
    size_t text_n, text_cap;
    uint32_t *slots; /* a power of two of them; 0: free */
    uint32_t slot_count;
};

void mpi_dict_init(struct mpi_dict *d, const struct mpi_model *model, size_t expected);
void mpi_dict_dispose(struct mpi_dict *d);

/* The number of the value, 0 for an empty one; at most 255 bytes count. */
uint32_t mpi_dict_add(struct mpi_dict *d, enum mpi_class class, struct str value);
/* Another model: its frequencies, for all values. */
void mpi_dict_set_model(struct mpi_dict *d, const struct mpi_model *model);

static inline struct str mpi_dict_text(const struct mpi_dict *d, uint32_t id)
{
    return (struct str){d->text + d->values[id].at, d->values[id].n};
}

/* Which of mpi_value.rarity a frequency is. */
static inline int mpi_rarity_slot(enum mpi_frequency f)
{
    return f == MPI_FREQUENCY_FAMILY || f == MPI_FREQUENCY_BIRTHPLACE;
}
