/* What is compared, and the levels of agreement, best first. The table is everything: the model's
 * file, training, explanations and the default weights come from it.
 *
 * A comparison looks at fields together that depend on each other. Level 0 is "missing" and weighs
 * nothing. m and u are the default model's probabilities of the level among pairs of one person
 * and of two, both sides known: of US and European registries, errors and moves included. tf is
 * how far the rarity of the value that agrees changes the weight (0: not at all, 1: wholly). */
#pragma once

/*   L(comparison, level, "name", m, u, tf) */
#define MPI_GIVEN_LEVELS(L)                                                                        \
    L(GIVEN, EXACT, "exact", .80, .0080, 1)                                                        \
    L(GIVEN, NICKNAME, "nickname", .03, .0030, .5)                                                 \
    L(GIVEN, PART, "part of a compound", .02, .0030, 1)                                            \
    L(GIVEN, CLOSE, "typing error", .06, .0050, .5)                                                \
    L(GIVEN, CROSS, "in another name field", .02, .0040, 1)                                        \
    L(GIVEN, INITIAL, "initial", .02, .0400, 0)                                                    \
    L(GIVEN, ALIKE, "sounds alike", .02, .0250, 0)                                                 \
    L(GIVEN, DIFFER, "differs", .03, .9120, 0)

#define MPI_FAMILY_LEVELS(L)                                                                       \
    L(FAMILY, EXACT, "exact", .84, .0010, 1)                                                       \
    L(FAMILY, PART, "part of a compound", .02, .0010, 1)                                           \
    L(FAMILY, CLOSE, "typing error", .06, .0020, .5)                                               \
    L(FAMILY, CROSS, "in another name field", .03, .0020, 1)                                       \
    L(FAMILY, ALIKE, "sounds alike", .01, .0150, 0)                                                \
    L(FAMILY, DIFFER, "differs", .04, .9790, 0)

#define MPI_OTHER_LEVELS(L)                                                                        \
    L(OTHER, EXACT, "exact", .70, .0150, 1)                                                        \
    L(OTHER, CLOSE, "typing error or nickname", .06, .0080, 0)                                     \
    L(OTHER, INITIAL, "initial", .14, .0800, 0)                                                    \
    L(OTHER, DIFFER, "differs", .10, .8970, 0)

#define MPI_DOB_LEVELS(L)                                                                          \
    L(DOB, EXACT, "exact", .91, .00004, 0)                                                         \
    L(DOB, ONE, "one digit, or day and month swapped", .035, .0010, 0)                             \
    L(DOB, PARTS, "two of day, month, year", .015, .0050, 0)                                       \
    L(DOB, YEAR, "as far as it is known", .015, .0020, 0)                                          \
    L(DOB, TWO, "two digits", .010, .0150, 0)                                                      \
    L(DOB, SAME_YEAR, "year", .005, .0100, 0)                                                      \
    L(DOB, DIFFER, "differs", .010, .96696, 0)

#define MPI_SEX_LEVELS(L)                                                                          \
    L(SEX, EXACT, "exact", .985, .50, 0)                                                           \
    L(SEX, DIFFER, "differs", .015, .50, 0)

#define MPI_STREET_LEVELS(L)                                                                       \
    L(STREET, EXACT, "number and street", .55, .00005, 0)                                          \
    L(STREET, CLOSE, "number and street, typing error", .08, .00002, 0)                            \
    L(STREET, NAME, "street", .05, .0010, 0)                                                       \
    L(STREET, NUMBER, "number", .03, .0080, 0)                                                     \
    L(STREET, ALIKE, "street, typing error", .01, .0020, 0)                                        \
    L(STREET, DIFFER, "differs", .28, .98893, 0)

#define MPI_LOCALITY_LEVELS(L)                                                                     \
    L(LOCALITY, EXACT, "postcode and city", .60, .0040, 0)                                         \
    L(LOCALITY, POSTCODE, "postcode", .10, .0020, 0)                                               \
    L(LOCALITY, CITY, "city", .10, .0300, 1)                                                       \
    L(LOCALITY, CLOSE, "typing error in city or postcode", .06, .0060, 0)                          \
    L(LOCALITY, AREA, "postcode's area", .04, .0200, 0)                                            \
    L(LOCALITY, DIFFER, "differs", .10, .9380, 0)

#define MPI_PHONE_LEVELS(L)                                                                        \
    L(PHONE, EXACT, "exact", .60, .00001, 0)                                                       \
    L(PHONE, LINE, "last seven digits", .03, .000005, 0)                                           \
    L(PHONE, CLOSE, "one digit", .02, .00002, 0)                                                   \
    L(PHONE, DIFFER, "differs", .35, .999965, 0)

#define MPI_EMAIL_LEVELS(L)                                                                        \
    L(EMAIL, EXACT, "exact", .70, .000005, 0)                                                      \
    L(EMAIL, LOCAL, "before the @", .05, .00005, 0)                                                \
    L(EMAIL, CLOSE, "typing error", .05, .00005, 0)                                                \
    L(EMAIL, DIFFER, "differs", .20, .999895, 0)

#define MPI_SSN_LEVELS(L)                                                                          \
    L(SSN, EXACT, "exact", .92, .000001, 0)                                                        \
    L(SSN, CLOSE, "one digit", .04, .00001, 0)                                                     \
    L(SSN, LAST_FOUR, "last four digits", .01, .0001, 0)                                           \
    L(SSN, DIFFER, "differs", .03, .999889, 0)

#define MPI_ID_LEVELS(L)                                                                           \
    L(ID, EXACT, "exact", .80, .000001, 0)                                                         \
    L(ID, CLOSE, "one character", .04, .00002, 0)                                                  \
    L(ID, DIFFER, "differs", .16, .999979, 0)

#define MPI_MOTHER_LEVELS(L)                                                                       \
    L(MOTHER, EXACT, "exact", .75, .0005, 0)                                                       \
    L(MOTHER, CLOSE, "one name, or a typing error", .15, .0100, 0)                                 \
    L(MOTHER, DIFFER, "differs", .10, .9895, 0)

#define MPI_ORDER_LEVELS(L)                                                                        \
    L(ORDER, EXACT, "exact", .97, .60, 0)                                                          \
    L(ORDER, DIFFER, "differs", .03, .40, 0)

#define MPI_PLACE_LEVELS(L)                                                                        \
    L(PLACE, EXACT, "exact", .75, .0300, 1)                                                        \
    L(PLACE, CLOSE, "part, or a typing error", .10, .0200, 0)                                      \
    L(PLACE, DIFFER, "differs", .15, .9500, 0)

#define MPI_WORK_LEVELS(L)                                                                         \
    L(WORK, EXACT, "exact", .70, .0500, 1)                                                         \
    L(WORK, CLOSE, "part, or a typing error", .10, .0300, 0)                                       \
    L(WORK, DIFFER, "differs", .20, .9200, 0)

/*   X(comparison, "key in the model", MPI_FREQUENCY_ of the tf adjustment or -1) */
#define MPI_COMPARISONS(X)                                                                         \
    X(GIVEN, "given", MPI_FREQUENCY_GIVEN)                                                         \
    X(FAMILY, "family", MPI_FREQUENCY_FAMILY)                                                      \
    X(OTHER, "other_name", MPI_FREQUENCY_GIVEN)                                                    \
    X(DOB, "birth_date", -1)                                                                       \
    X(SEX, "sex", -1)                                                                              \
    X(STREET, "street", -1)                                                                        \
    X(LOCALITY, "locality", MPI_FREQUENCY_CITY)                                                    \
    X(PHONE, "phone", -1)                                                                          \
    X(EMAIL, "email", -1)                                                                          \
    X(SSN, "ssn", -1)                                                                              \
    X(ID, "id", -1)                                                                                \
    X(MOTHER, "mother", -1)                                                                        \
    X(ORDER, "birth_order", -1)                                                                    \
    X(PLACE, "birthplace", MPI_FREQUENCY_BIRTHPLACE)                                               \
    X(WORK, "occupation", MPI_FREQUENCY_OCCUPATION)

enum mpi_comparison {
#define X(name, key, frequency) MPI_COMPARE_##name,
    MPI_COMPARISONS(X)
#undef X
        MPI_COMPARISON_COUNT
};

enum { MPI_LEVELS_MAX = 9, MPI_LEVEL_MISSING = 0 }; /* MISSING counted */

#define MPI_LEVEL_ENUM(comparison, level, text, m, u, tf) MPI_##comparison##_##level,
#define X(name, key, frequency)                                                                    \
    enum mpi_##name##_level{MPI_##name##_MISSING,                                                  \
                            MPI_##name##_LEVELS(MPI_LEVEL_ENUM) MPI_##name##_LEVEL_COUNT};
MPI_COMPARISONS(X)
#undef X

struct mpi_level {
    const char *text;
    double m, u; /* of the default model */
    double tf;
};

struct mpi_comparison_table {
    const char *key;
    int frequency; /* enum mpi_frequency, -1: none */
    int count;     /* of levels, MISSING among them */
    struct mpi_level levels[MPI_LEVELS_MAX];
};

extern const struct mpi_comparison_table MPI_COMPARISON_TABLES[MPI_COMPARISON_COUNT];
