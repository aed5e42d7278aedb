/* What comparing one pair of records stands on: how alike two values of the dictionary are, and the
 * best level found so far. Internal to mpi/core/compare*.c. */
#pragma once

#include "mpi/core/compare.h"

/* How two different names resemble each other. */
enum likeness { UNLIKE, ALIKE, CLOSE, NICKNAME };

struct pairing {
    const struct mpi_dict *dict;
    struct mpi_memo *memo;
    const struct mpi_view *a, *b;
    struct mpi_vector *out;
};

/* Of two names, which are not the same. */
enum likeness mpi_likeness(const struct pairing *p, uint32_t a, uint32_t b);
/* At most one edit apart, in four letters or more. */
bool mpi_one_edit(struct str x, struct str y);

/* How parts of an address, or names of a mother, agree. */
enum { SAME = 2, NEAR = 1, APART = 0, NOT_KNOWN = -1 };
static inline int mpi_equal_or_not(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 ? NOT_KNOWN : a == b ? SAME : APART;
}
/* Equal, with a typing error, different, or unknown on a side. */
int mpi_part_likeness(const struct pairing *p, uint32_t a, uint32_t b);

/* A level and the rarity of what agrees; better is a lower level, then a rarer value. */
struct found {
    uint8_t level;
    float rarity;
};

void mpi_found_better(struct found *best, int level, float rarity);
void mpi_found_set(const struct pairing *p, enum mpi_comparison c, struct found f);

static inline float mpi_rarity(const struct pairing *p, uint32_t id, enum mpi_frequency f)
{
    return p->dict->values[id].rarity[mpi_rarity_slot(f)];
}

static inline const uint32_t *items(const struct mpi_view *v, enum mpi_section s)
{
    return v->at[s];
}

void mpi_compare_given(const struct pairing *p);
void mpi_compare_family(const struct pairing *p);
void mpi_compare_other(const struct pairing *p);
void mpi_compare_mothers(const struct pairing *p);
