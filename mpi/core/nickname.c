#include "mpi/core/nickname.h"

#include <pthread.h>
#include <stdlib.h>

enum { NAMES_MAX = 4096, LINES_MAX = 6 };

static const char *const TABLE[] = {
#define ALIKE(names) names,
#include "mpi/core/nicknames.def"
#undef ALIKE
};

/* A name and the lines that it stands in, from 1; sorted by name. */
struct entry {
    struct str name;
    uint16_t lines[LINES_MAX];
};

static struct entry entries[NAMES_MAX];
static size_t entry_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = str_compare(x->name, y->name);

    return order != 0 ? order : x->lines[0] - y->lines[0];
}

/* One entry a name and line, sorted; then those of one name become one. */
static void merge_equal(void)
{
    size_t used = 0;

    for (size_t i = 0; i < entry_count; i++) {
        struct entry *last = used > 0 ? &entries[used - 1] : NULL;
        size_t line = 0;

        if (last == NULL || !str_eq(last->name, entries[i].name)) {
            entries[used++] = entries[i];
            continue;
        }
        while (line < LINES_MAX && last->lines[line] != 0)
            line++;
        if (line < LINES_MAX)
            last->lines[line] = entries[i].lines[0];
    }
    entry_count = used;
}

static void build(void)
{
    for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
        struct str rest = str_from(TABLE[i]);

        while (rest.p != NULL && entry_count < NAMES_MAX) {
            struct entry *e = &entries[entry_count++];

            e->name = str_cut(&rest, ' ');
            e->lines[0] = (uint16_t)(i + 1);
        }
    }
    qsort(entries, entry_count, sizeof(entries[0]), by_name);
    merge_equal();
}

uint16_t mpi_nickname_find(struct str given)
{
    size_t from = 0, to;

    (void)pthread_once(&once, build);
    to = entry_count;
    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = str_compare(entries[middle].name, given);

        if (order == 0)
            return (uint16_t)(middle + 1);
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return 0;
}

bool mpi_nickname_same(uint16_t a, uint16_t b)
{
    if (a == 0 || b == 0 || a > entry_count || b > entry_count)
        return false;
    for (size_t i = 0; i < LINES_MAX && entries[a - 1].lines[i] != 0; i++)
        for (size_t j = 0; j < LINES_MAX && entries[b - 1].lines[j] != 0; j++)
            if (entries[a - 1].lines[i] == entries[b - 1].lines[j])
                return true;
    return false;
}
