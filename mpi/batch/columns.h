/* What the columns of a file mean: --columns given=first_name,family=surname,... and the rows that
 * are read by it.
 *
 * A role may be given several times: several values of one person (a second telephone), or several
 * names for one thing in files that call it differently. Parts of names and of addresses that are
 * given equally often belong together, the first with the first; a part given once belongs to all.
 * Headers are found exactly, else without regard to case, else by their letters and digits alone,
 * so that blanks and underscores make no difference. Pure. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "mpi/core/input.h"

/* X(role, words) */
#define COLUMN_ROLES(X)                                                                            \
    X(given, "given name")                                                                         \
    X(middle, "middle name or initial")                                                            \
    X(family, "family name")                                                                       \
    X(maiden, "family name at birth, former names")                                                \
    X(suffix, "Jr, Sr, III")                                                                       \
    X(name, "whole name")                                                                          \
    X(dob, "date of birth, in any common form")                                                    \
    X(dob_year, "year of birth")                                                                   \
    X(dob_month, "month of birth")                                                                 \
    X(dob_day, "day of birth")                                                                     \
    X(sex, "sex")                                                                                  \
    X(house_number, "house number")                                                                \
    X(street, "street, with or without the house number")                                          \
    X(unit, "apartment, floor")                                                                    \
    X(city, "city")                                                                                \
    X(state, "state or province")                                                                  \
    X(postcode, "postcode")                                                                        \
    X(address, "whole address")                                                                    \
    X(country, "country")                                                                          \
    X(phone, "telephone")                                                                          \
    X(email, "e-mail address")                                                                     \
    X(ssn, "social security or other national number")                                             \
    X(id, "another identifier; the first one names the record in what is written")                 \
    X(mother_given, "mother's given name")                                                         \
    X(mother_family, "mother's family name")                                                       \
    X(birth_order, "order in a multiple birth")                                                    \
    X(birthplace, "place of birth")                                                                \
    X(occupation, "occupation")                                                                    \
    X(ignore, "nothing: the column is passed over")

enum column_role {
#define X(role, words) COLUMN_##role,
    COLUMN_ROLES(X)
#undef X
        COLUMN_ROLE_COUNT
};

enum { COLUMNS_MAX = 128 };

/* --columns, as it was given. */
struct columns {
    struct {
        enum column_role role;
        char side; /* 'a' or 'b' where rows hold two records, else 0 */
        struct str header;
    } list[COLUMNS_MAX];
    size_t count;
};

/* ROLE=HEADER,...; with `sides` a.ROLE=HEADER,b.ROLE=HEADER. A comma that no role follows is part
 * of the header before it. */
enum status columns_parse(const char *text, bool sides, struct columns *out,
                          struct errors *err) MUST_CHECK;

/* A role and where it stands in a file: its `nth` column of that role. */
struct column_place {
    enum column_role role;
    size_t column, nth;
};

/* The columns of one file (or of one side of it). */
struct column_map {
    struct column_place list[COLUMNS_MAX];
    size_t count;
    size_t times[COLUMN_ROLE_COUNT]; /* columns of each role */
    size_t least;                    /* columns that a row must have for all of them */
};

/* The column called so, or -1. */
ptrdiff_t column_find(const struct str *header, size_t count, struct str name);

/* The columns of `side` that this file has. `seen` (of c->count) marks those found, so that the
 * caller can tell which no file has. */
void column_map_make(const struct columns *c, char side, const struct str *header, size_t count,
                     struct column_map *out, bool *seen);

/* "no column 'x'; there are: a, b, c" */
enum status column_missing(struct errors *err, const char *path, struct str name,
                           const struct str *header, size_t count);

/* What the row says of one record: NA, NaT, null and the like say nothing. Borrows the fields. ids
 * are taken only with `ids`, typed by their order among the columns. */
void column_input(const struct column_map *m, const struct str *fields, size_t count, bool ids,
                  struct mpi_input *out);

/* The field, empty when it stands for a missing value. */
struct str column_value(struct str field);
