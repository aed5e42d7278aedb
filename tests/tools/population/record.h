/* What a clerk wrote down about a resident: the truth of an era, with errors. */
#pragma once

#include "tests/tools/population/people.h"

/* X(field, missing, misspelt): the columns, and how often (per mille) each is left out or wrong. */
#define RECORD_FIELDS(X)                                                                           \
    X(given, 5, 35)                                                                                \
    X(middle, 250, 25)                                                                             \
    X(family, 3, 35)                                                                               \
    X(maiden, 600, 25)                                                                             \
    X(suffix, 300, 0)                                                                              \
    X(dob, 10, 15)                                                                                 \
    X(sex, 5, 4)                                                                                   \
    X(house_number, 30, 20)                                                                        \
    X(street, 30, 60)                                                                              \
    X(unit, 250, 10)                                                                               \
    X(city, 25, 25)                                                                                \
    X(state, 25, 5)                                                                                \
    X(postcode, 40, 20)                                                                            \
    X(phone, 150, 20)                                                                              \
    X(email, 350, 15)                                                                              \
    X(ssn, 300, 20)                                                                                \
    X(mother_given, 500, 30)                                                                       \
    X(birth_order, 300, 10)

enum record_field {
#define X(field, missing, misspelt) RECORD_##field,
    RECORD_FIELDS(X)
#undef X
        RECORD_FIELD_COUNT
};

enum { RECORD_VALUE = 80 };

struct record {
    uint64_t entity, household;
    int resident, number; /* which of the household, which record of theirs */
    char field[RECORD_FIELD_COUNT][RECORD_VALUE]; /* dob YYYY-MM-DD */
};

/* `errors` multiplies all rates: 0 none, 1 as in the table. */
void record_make(struct record *rec, const struct household *h, const struct tables *t,
                 uint64_t seed, uint64_t household, int resident, int number, double errors);

const char *record_field_name(enum record_field f);
