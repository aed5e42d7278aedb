#include <stdlib.h>
#include <string.h>

#include "hub/data/csv.h"
#include "mpi/batch/metrics.h"

enum { LOOKED_AT = 200, PAIRS_COLUMNS = 64 };

/* Records by their identifiers. */
struct known {
    const struct dataset *d;
    uint32_t *slots; /* record + 1; a power of two of them */
    size_t mask;
};

static uint64_t hash_of(struct str s)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return h ^ h >> 32;
}

static void known_make(struct known *k, const struct dataset *d)
{
    char number[24];

    k->d = d;
    for (k->mask = 15; k->mask < 2 * d->count; k->mask = 2 * k->mask + 1)
        ;
    k->slots = calloc(k->mask + 1, sizeof(*k->slots));
    must(k->slots != NULL, "memory for identifiers");
    for (size_t i = 0; i < d->count; i++) {
        size_t at = hash_of(str_from(dataset_id(d, i, number))) & k->mask;

        while (k->slots[at] != 0)
            at = (at + 1) & k->mask;
        k->slots[at] = (uint32_t)i + 1;
    }
}

/* Records called so, of `file` when it is not -1; up to `most`. */
static size_t known_find(const struct known *k, struct str id, int file, uint32_t *out, size_t most)
{
    char number[24];
    size_t n = 0;

    for (size_t at = hash_of(id) & k->mask; k->slots[at] != 0 && n < most;
         at = (at + 1) & k->mask) {
        uint32_t record = k->slots[at] - 1;

        if ((file < 0 || dataset_row(k->d, record)->file == file) &&
            str_eq(str_from(dataset_id(k->d, record, number)), id))
            out[n++] = record;
    }
    return n;
}

/* 0, 0.2, no, false, non-match: what a column of labels says of other people's records. */
static bool says_no(struct str value)
{
    static const char *const words[] = {"no",        "n",         "false",    "f",
                                        "no_match",  "non-match", "no match", "nonmatch",
                                        "non_match", "distinct"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_nocase(value, str_from(words[i])))
            return true;
    return value.n > 0 && value.p[0] == '0' &&
           (value.n == 1 || (value.p[1] == '.' && (value.n == 2 || value.p[2] < '5')));
}

static ptrdiff_t label_column(const struct csv_file *f)
{
    static const char *const words[] = {"score", "label", "match", "truth", "same"};

    for (size_t i = 0; i < f->columns; i++)
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            if (f->header[i].n >= strlen(words[k]) && strcasestr(f->header[i].p, words[k]) != NULL)
                return (ptrdiff_t)i;
    return -1;
}

/* The two columns whose values are identifiers most often, in the order of the file. */
static bool find_sides(const struct known *k, struct csv_rows rows, size_t columns, size_t side[2])
{
    struct str fields[PAIRS_COLUMNS];
    size_t hits[PAIRS_COLUMNS] = {0}, count, best = 0, second;
    uint32_t record;

    columns = columns < PAIRS_COLUMNS ? columns : PAIRS_COLUMNS;
    for (int row = 0; row < LOOKED_AT && csv_row(&rows, fields, PAIRS_COLUMNS, &count) == CSV_ROW;
         row++)
        for (size_t i = 0; i < columns && i < count; i++)
            hits[i] += known_find(k, fields[i], -1, &record, 1);
    for (size_t i = 1; i < columns; i++)
        if (hits[i] > hits[best])
            best = i;
    second = best == 0 ? 1 : 0;
    for (size_t i = 0; i < columns; i++)
        if (i != best && hits[i] > hits[second])
            second = i;
    side[0] = best < second ? best : second;
    side[1] = best < second ? second : best;
    return columns > 1 && hits[side[0]] > 0 && hits[side[1]] > 0;
}

static void add_pair(struct truth *t, struct growing *pairs, uint32_t a, uint32_t b)
{
    uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;

    if (a != b && truth_counts(t, a, b))
        memcpy(growing_add(pairs, 1), &pair, sizeof(pair));
}

/* Between files the left identifier is of the first and the right one of another. */
static void add_row(struct truth *t, const struct known *k, struct growing *pairs, struct str left,
                    struct str right)
{
    uint32_t a[8], b[8];
    size_t as = known_find(k, left, t->between ? 0 : -1, a, 8);
    size_t bs = known_find(k, right, -1, b, 8);

    for (size_t i = 0; i < as; i++)
        for (size_t j = 0; j < bs; j++)
            add_pair(t, pairs, a[i], b[j]);
}

static int pair_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* Sorts the pairs, drops repetitions, and numbers the groups that they make. */
static void keep_pairs(struct truth *t, struct growing *pairs)
{
    uint64_t *list = malloc((pairs->count + 1) * sizeof(*list));
    size_t n = pairs->count, records = t->d->count;

    t->entity = malloc((records + 1) * sizeof(*t->entity));
    must(list != NULL && t->entity != NULL, "memory for the truth");
    for (size_t i = 0; i < records; i++)
        t->entity[i] = (uint32_t)i;
    if (n > 0)
        memcpy(list, pairs->items, n * sizeof(*list));
    qsort(list, n, sizeof(*list), pair_compare);
    for (size_t i = 0; i < n; i++) {
        if (t->listed_count > 0 && list[i] == list[t->listed_count - 1])
            continue;
        list[t->listed_count++] = list[i];
        t->entity[root_of(t->entity, (uint32_t)(list[i] >> 32))] =
            root_of(t->entity, (uint32_t)list[i]);
    }
    for (size_t i = 0; i < records; i++)
        t->entity[i] = root_of(t->entity, (uint32_t)i);
    for (size_t i = 0; i < records; i++)
        t->entity[i]++; /* 0 is of nobody */
    t->listed = list;
    t->total = t->listed_count;
}

static void read_pairs(struct truth *t, const struct known *k, struct csv_file *f,
                       struct growing *pairs, struct errors *err)
{
    struct csv_chunk chunk = {.number = 0};
    struct str fields[PAIRS_COLUMNS];
    ptrdiff_t label = label_column(f);
    size_t side[2] = {0, 1}, count;

    while (csv_chunk_next(f, &chunk, err)) {
        if (chunk.number == 0) {
            struct csv_rows copy = chunk.rows; /* taking quotes out in place would spoil it */

            copy.p = malloc((size_t)(chunk.rows.end - chunk.rows.p) + 1);
            must(copy.p != NULL, "memory for a list of pairs");
            memcpy(copy.p, chunk.rows.p, (size_t)(chunk.rows.end - chunk.rows.p));
            copy.end = copy.p + (chunk.rows.end - chunk.rows.p);
            if (!find_sides(k, copy, f->columns, side))
                fail(err, INVALID, "truth", "%s: no two columns hold identifiers of the records",
                     f->path);
            free(copy.p);
        }
        while (csv_row(&chunk.rows, fields, PAIRS_COLUMNS, &count) == CSV_ROW)
            if (side[1] < count && (label < 0 || (size_t)label >= count || label >= PAIRS_COLUMNS ||
                                    !says_no(fields[label])))
                add_row(t, k, pairs, fields[side[0]], fields[side[1]]);
    }
    csv_chunk_dispose(&chunk);
}

enum status truth_from_pairs(struct truth *t, const struct dataset *d, bool between,
                             const char *path, struct arena *a, struct errors *err)
{
    struct known known;
    struct growing pairs;
    struct csv_file f;

    *t = (struct truth){.d = d, .between = between};
    TRY(csv_open(&f, a, path, err));
    known_make(&known, d);
    growing_init(&pairs, sizeof(uint64_t));
    read_pairs(t, &known, &f, &pairs, err);
    csv_close(&f);
    keep_pairs(t, &pairs);
    growing_dispose(&pairs);
    free(known.slots);
    return err->status;
}
