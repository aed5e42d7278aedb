/* Who lives in a household, and what becomes of it: a pure function of seed and household number,
 * so that a population of any size needs no memory.
 *
 * Time runs in eras. Households move, women marry and change their name, telephones change. Twins
 * share birthday, parents and address; some children bear the name of a parent, with or without a
 * Jr; facilities give many people one address. */
#pragma once

#include "tests/tools/population/tables.h"

enum {
    ERAS = 4,
    HOUSEHOLD_MAX = 12,
    RECORDS_MAX = 4, /* of a person, the first in era 0 */
    NOBODY = -1,
};

struct birth {
    int year, month, day;
};

struct place_of {
    uint32_t number, unit; /* of house and apartment; 0: none */
    const char *street;
    uint32_t city; /* of all cities, 0 the largest */
    uint32_t postcode;
};

struct resident {
    uint64_t entity; /* unlike any other of the population */
    bool male;
    const char *given, *middle;
    const char *family[ERAS]; /* changes with a marriage */
    const char *second;       /* a hyphenated second family name, or NULL */
    const char *born;         /* family name at birth */
    const char *suffix;       /* "Jr", "Sr", "III" or NULL */
    struct birth birth;
    int mother, father, twin; /* residents, or NOBODY */
    int birth_order;          /* of a multiple birth, else 0 */
    uint32_t ssn;
    uint64_t mobile[ERAS]; /* 0: none */
    char email[64];        /* empty: none */
    int records;           /* 1 to RECORDS_MAX */
};

struct household {
    struct resident people[HOUSEHOLD_MAX];
    int count;
    struct place_of home[ERAS];
    uint64_t landline[ERAS]; /* 0: none */
};

enum { TODAY_YEAR = 2025 }; /* when the last era is; fixed, so that a seed says all */

/* `cities`: how many there are. */
void household_make(struct household *h, const struct tables *t, uint64_t seed, uint64_t number,
                    uint32_t cities);
/* How many records its people have; as household_make says, but at once. */
int household_records(uint64_t seed, uint64_t number);

/* "Springfield", "IL": of city i. Static buffers are not used: `out` has 64 bytes. */
void city_name(uint32_t city, char out[64]);
const char *city_state(uint32_t city);

/* Relations that a matcher might take for one person. */
enum relation {
    RELATION_NONE,
    RELATION_TWIN,
    RELATION_NAMESAKE,
    RELATION_PARENT,
    RELATION_SIBLING,
    RELATION_HOUSEHOLD
};
enum relation household_relation(const struct household *h, int a, int b);
const char *relation_name(enum relation r); /* "twin", "jr-sr", "parent-child", ... */
