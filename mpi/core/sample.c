#include "mpi/core/sample.h"

#include <stdlib.h>

#include "hub/base/err.h"

enum { CROWD = 60 }; /* of a larger key only neighbours in the order are paired */

static void *room(size_t count, size_t size)
{
    void *p = calloc(count + 1, size);

    must(p != NULL, "memory for training");
    return p;
}

static uint64_t scramble(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

struct hashed {
    uint64_t hash;
    uint32_t record;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    return x->hash == y->hash ? 0 : x->hash < y->hash ? -1 : 1;
}

uint32_t *mpi_sample_order(const struct mpi_corpus *c)
{
    struct hashed *all = room(c->count, sizeof(*all));
    uint32_t *order = room(c->count, sizeof(*order));

    for (size_t i = 0; i < c->count; i++) {
        struct mpi_view v = mpi_view_of(c->words + c->at[i]);

        all[i] = (struct hashed){mpi_coded_hash(c->dict, &v), (uint32_t)i};
    }
    qsort(all, c->count, sizeof(*all), by_hash);
    for (size_t i = 0; i < c->count; i++)
        order[i] = all[i].record;
    free(all);
    return order;
}

static struct mpi_pairs all_pairs(const struct mpi_corpus *c, const uint32_t *order)
{
    struct mpi_pairs p = {room(c->count * (c->count - 1) / 2, sizeof(struct mpi_pair)), 0, 1};

    for (size_t i = 0; i < c->count; i++)
        for (size_t j = i + 1; j < c->count; j++)
            p.list[p.count++] = (struct mpi_pair){order[i], order[j]};
    return p;
}

struct mpi_pairs mpi_sample_random(const struct mpi_corpus *c, const uint32_t *order, uint64_t seed,
                                   size_t cap)
{
    double possible = (double)c->count * ((double)c->count - 1) / 2;
    struct mpi_pairs p;

    if (possible <= (double)cap)
        return all_pairs(c, order);
    p = (struct mpi_pairs){room(cap, sizeof(struct mpi_pair)), 0, (double)cap / possible};
    for (uint64_t i = 0; p.count < cap; i++) {
        uint64_t a = scramble(seed + 2 * i) % c->count, b = scramble(seed + 2 * i + 1) % c->count;

        if (a != b)
            p.list[p.count++] = (struct mpi_pair){order[a], order[b]};
    }
    return p;
}

/* Records under a key; rank is their place in the order. */
struct entry {
    uint64_t key;
    uint32_t rank;
};

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

struct entries {
    struct entry *list;
    size_t count, cap;
};

/* Entries of the keys that `one_in` chooses. */
static struct entries gather(const struct mpi_corpus *c, const uint32_t *order,
                             enum mpi_block_rule rule, uint64_t seed, uint64_t one_in)
{
    struct entries e = {room(c->count, sizeof(struct entry)), 0, c->count};
    struct mpi_block blocks[MPI_BLOCKS_MAX];

    for (size_t i = 0; i < c->count; i++) {
        struct mpi_view v = mpi_view_of(c->words + c->at[order[i]]);
        size_t n = mpi_blocks(c->dict, &v, 1u << rule, blocks);

        for (size_t k = 0; k < n; k++) {
            if (scramble(blocks[k].key ^ seed) % one_in != 0)
                continue;
            if (e.count == e.cap) {
                e.cap = e.cap * 2 + 16;
                e.list = realloc(e.list, e.cap * sizeof(*e.list));
                must(e.list != NULL, "memory for training");
            }
            e.list[e.count++] = (struct entry){blocks[k].key, (uint32_t)i};
        }
    }
    qsort(e.list, e.count, sizeof(*e.list), by_key);
    return e;
}

static size_t group_end(const struct entries *e, size_t from)
{
    size_t to = from + 1;

    while (to < e->count && e->list[to].key == e->list[from].key)
        to++;
    return to;
}

/* Pairs of a group that are taken: all, or each record with those that follow it closely. */
static size_t group_pairs(size_t n)
{
    return n <= CROWD ? n * (n - 1) / 2 : n * (CROWD - 1) / 2;
}

static void pair_up(const struct entries *e, size_t from, size_t to, const uint32_t *order,
                    struct mpi_pairs *p)
{
    size_t n = to - from, reach = n <= CROWD ? n : (CROWD - 1) / 2 + 1;

    for (size_t i = from; i < to; i++)
        for (size_t j = i + 1; j < to && j < i + reach; j++)
            p->list[p->count++] = (struct mpi_pair){order[e->list[i].rank], order[e->list[j].rank]};
}

struct mpi_pairs mpi_sample_block(const struct mpi_corpus *c, const uint32_t *order,
                                  enum mpi_block_rule rule, uint64_t seed, size_t cap)
{
    uint64_t one_in = 1 + c->count / 200000;
    struct entries e = gather(c, order, rule, seed, one_in);
    double wanted = 0, possible = 0;
    uint64_t thin = 1;
    struct mpi_pairs p = {0};

    for (size_t i = 0, to; i < e.count; i = to) {
        to = group_end(&e, i);
        wanted += (double)group_pairs(to - i);
        possible += (double)(to - i) * (double)(to - i - 1) / 2;
    }
    thin = (uint64_t)(wanted / (double)cap) + 1;
    p.list = room((size_t)(wanted / 1) + 1, sizeof(struct mpi_pair));
    for (size_t i = 0, to; i < e.count; i = to) {
        to = group_end(&e, i);
        if (scramble(e.list[i].key + seed) % thin == 0)
            pair_up(&e, i, to, order, &p);
    }
    p.taken = possible > 0 ? (double)p.count / possible / (double)one_in : 0;
    free(e.list);
    return p;
}
