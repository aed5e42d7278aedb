/* What people are called, where they live, and how clerks err: read from the test data
 * ($CAUSEWAY_DATA/mpi: name counts, streets, the error models of pseudopeople), or, where it is
 * absent, small tables of the tool's own. Read-only once loaded. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"
#include "tests/tools/population/random.h"

/* Words with weights: drawn in constant time (Vose's alias method). */
struct weighted {
    const char **words;
    uint32_t *alias, *limit; /* of 2^32 - 1: below it the word, else its alias */
    size_t count;
};

/* One spelling for another. `where`: A anywhere, S at the start, M in the middle, E at the end. */
struct spelling {
    char where;
    const char *from, *to;
};

struct nicknames {
    const char *name; /* lower case */
    const char **nicks;
    size_t count;
};

struct tables {
    struct weighted male, female, family, streets;
    struct nicknames *nicknames; /* sorted by name */
    size_t nickname_count;
    struct spelling *phonetic, *ocr;
    size_t phonetic_count, ocr_count;
    const char *keys[128]; /* the neighbours of a key, or NULL */
};

/* `data` is the folder mpi of the test data; NULL: the tool's own tables. */
void tables_load(struct tables *t, struct arena *a, const char *data);

const char *weighted_draw(const struct weighted *w, struct random *r);
/* Another name for the person, in the capitals of the first, or NULL. */
const struct nicknames *tables_nicknames(const struct tables *t, const char *name);
