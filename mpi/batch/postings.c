#include "mpi/batch/postings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "hub/command/progress.h"

enum {
    BLOCK_ENTRIES = 510,
    RANGE = 4096,           /* records that a thread takes at once */
    BUCKET_ENTRIES = 16384, /* wanted in a bucket */
    BUCKET_BITS_MAX = 12,
    KEYS_GUESS = 3, /* of one rule a record */
    CROWD_MIN = 12,
    PAIRS_A_RULE = 4,       /* comparisons a record that one rule may cost, */
    PAIRS_ALWAYS = 4000000, /* or so many in all */
    PAIRS_MANY = 5000000,   /* of all rules: then one shared key is not enough */
};

/* Entries of one bucket as one thread found them, in a list of blocks: (key << 32 | record). */
struct block {
    uint64_t next; /* its index + 1 in the thread's pool; 0: none */
    uint64_t count;
    uint64_t entries[BLOCK_ENTRIES];
};

struct making {
    struct postings *p;
    const struct dataset *d;
    int threads, bits;
    size_t buckets; /* of all rules */
    _Atomic size_t next_range, next_bucket;
    struct maker *makers;
    struct progress progress;
};

/* What one thread uses. */
struct maker {
    struct growing pool;    /* struct block */
    uint64_t *heads;        /* of each bucket: index + 1 in pool */
    struct growing members; /* groups found */
    uint64_t *sorted, *spare;
    size_t sorted_cap;
    uint64_t left_out, pairs;
};

/* --- keys into buckets */

static size_t bucket_of(const struct making *m, const struct mpi_block *b)
{
    return ((size_t)b->rule << m->bits) + (size_t)(b->key >> (64 - m->bits));
}

static void put_entry(struct maker *k, size_t bucket, uint64_t entry)
{
    struct block *b =
        k->heads[bucket] ? (struct block *)k->pool.items + k->heads[bucket] - 1 : NULL;

    if (b == NULL || b->count == BLOCK_ENTRIES) {
        uint64_t next = k->heads[bucket];

        b = growing_add(&k->pool, 1);
        k->heads[bucket] = k->pool.count;
        b->next = next;
        b->count = 0;
    }
    b->entries[b->count++] = entry;
}

static size_t keys_of(const struct making *m, size_t record, unsigned rules, struct mpi_block *keys)
{
    struct mpi_view v = mpi_view_of(dataset_coded(m->d, record));

    return mpi_blocks(&m->d->dict, &v, rules, keys);
}

static void fill_buckets(void *context, int i)
{
    struct making *m = context;
    struct maker *k = &m->makers[i];
    struct mpi_block keys[MPI_BLOCKS_MAX];
    size_t from;

    while ((from = atomic_fetch_add(&m->next_range, RANGE)) < m->d->count) {
        size_t to = from + RANGE < m->d->count ? from + RANGE : m->d->count;

        for (size_t record = from; record < to; record++) {
            size_t n = keys_of(m, record, MPI_BLOCKS_ALL, keys);

            for (size_t j = 0; j < n; j++)
                put_entry(k, bucket_of(m, &keys[j]), keys[j].key << 32 | record);
        }
        progress_add(&m->progress, to - from);
    }
}

/* --- a bucket, sorted */

static void sort_entries(uint64_t *a, uint64_t *spare, size_t n)
{
    uint64_t *from = a, *to = spare;

    for (int shift = 0; shift < 64; shift += 8) {
        size_t at[256] = {0}, sum = 0;

        for (size_t i = 0; i < n; i++)
            at[from[i] >> shift & 255]++;
        if (at[from[0] >> shift & 255] == n)
            continue; /* the same byte everywhere */
        for (int byte = 0; byte < 256; byte++) {
            size_t count = at[byte];

            at[byte] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[at[from[i] >> shift & 255]++] = from[i];
        uint64_t *kept = from;
        from = to;
        to = kept;
    }
    if (from != a)
        memcpy(a, from, n * sizeof(*a));
}

static void room_for(struct maker *k, size_t n)
{
    if (n <= k->sorted_cap)
        return;
    k->sorted_cap = n + n / 2;
    free(k->sorted);
    free(k->spare);
    k->sorted = malloc(k->sorted_cap * sizeof(uint64_t));
    k->spare = malloc(k->sorted_cap * sizeof(uint64_t));
    must(k->sorted != NULL && k->spare != NULL, "memory for a bucket");
}

/* All threads' entries of the bucket into k->sorted; returns how many. */
static size_t load_bucket(const struct making *m, struct maker *k, size_t bucket)
{
    size_t n = 0, at = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (int t = 0; t < m->threads; t++) {
            const struct block *pool = m->makers[t].pool.items;

            for (uint64_t i = m->makers[t].heads[bucket]; i != 0; i = pool[i - 1].next) {
                if (pass == 1)
                    memcpy(k->sorted + at, pool[i - 1].entries,
                           pool[i - 1].count * sizeof(uint64_t));
                at += pool[i - 1].count;
            }
        }
        if (pass == 0) {
            n = at;
            at = 0;
            room_for(k, n);
        }
    }
    if (n > 1)
        sort_entries(k->sorted, k->spare, n);
    return n;
}

/* Entries from `from` on that have its key. */
static size_t run_length(const uint64_t *sorted, size_t from, size_t n)
{
    size_t to = from + 1;

    while (to < n && sorted[to] >> 32 == sorted[from] >> 32)
        to++;
    return to - from;
}

/* --- how many make a crowd */

struct survey {
    uint64_t pairs[32]; /* of groups of 2^i to 2^(i+1) - 1 records */
};

/* The largest crowd, a power of two or 400, below which the rule's pairs stay within its budget. */
static uint32_t crowd_for(const struct survey *s, uint64_t scale, size_t records)
{
    uint64_t sum = 0, budget = (uint64_t)PAIRS_A_RULE * records;
    int i = 0;

    if (budget < PAIRS_ALWAYS)
        budget = PAIRS_ALWAYS;
    for (; i < 32 && (2u << i) <= MPI_BLOCK_CROWDED; i++) {
        sum += s->pairs[i] * scale;
        if (sum > budget && (1u << i) >= CROWD_MIN)
            return 1u << i;
    }
    return MPI_BLOCK_CROWDED;
}

static void survey_bucket(const struct making *m, struct maker *k, size_t bucket, struct survey *s)
{
    size_t n = load_bucket(m, k, bucket);

    for (size_t i = 0, run; i < n; i += run) {
        run = run_length(k->sorted, i, n);
        s->pairs[31 - __builtin_clz((unsigned)run)] += run * (run - 1) / 2;
    }
}

/* A sixteenth of each rule's buckets tells enough. */
static void choose_crowds(struct making *m)
{
    size_t each = (size_t)1 << m->bits, step = each >= 16 ? 16 : 1;

    for (int rule = 0; rule < MPI_BLOCK_RULE_COUNT; rule++) {
        struct survey s = {{0}};

        for (size_t i = 0; i < each; i += step)
            survey_bucket(m, &m->makers[0], ((size_t)rule << m->bits) + i, &s);
        m->p->crowd[rule] = crowd_for(&s, step, m->d->count);
    }
}

/* --- groups */

static void put_group(struct maker *k, const uint64_t *entries, size_t n)
{
    uint32_t *to = growing_add(&k->members, n);

    k->pairs += n * (n - 1) / 2;
    for (size_t i = 0; i < n; i++)
        to[i] = (uint32_t)entries[i];
    to[n - 1] |= POSTINGS_LAST;
}

/* The narrower form of the key that an entry stands for. */
static uint64_t finer(const struct making *m, uint64_t entry, size_t bucket)
{
    struct mpi_block keys[MPI_BLOCKS_MAX];
    size_t n = keys_of(m, (uint32_t)entry, 1u << (bucket >> m->bits), keys);

    for (size_t i = 0; i < n; i++)
        if (bucket_of(m, &keys[i]) == bucket && (keys[i].key & UINT32_MAX) == entry >> 32)
            return keys[i].fine;
    return 0;
}

/* A crowded key: its groups are those of its narrower form. */
static void refine(const struct making *m, struct maker *k, const uint64_t *entries, size_t n,
                   size_t bucket)
{
    uint64_t *list = malloc(2 * n * sizeof(*list));

    must(list != NULL, "memory for a crowded key");
    for (size_t i = 0; i < n; i++)
        list[i] = finer(m, entries[i], bucket) << 32 | (entries[i] & UINT32_MAX);
    sort_entries(list, list + n, n);
    for (size_t i = 0, run; i < n; i += run) {
        run = run_length(list, i, n);
        if (run > MPI_BLOCK_CROWDED)
            k->left_out++;
        else if (run > 1)
            put_group(k, list + i, run);
    }
    free(list);
}

static void make_groups(void *context, int i)
{
    struct making *m = context;
    struct maker *k = &m->makers[i];
    size_t bucket;

    while ((bucket = atomic_fetch_add(&m->next_bucket, 1)) < m->buckets) {
        size_t n = load_bucket(m, k, bucket), crowd = m->p->crowd[bucket >> m->bits];

        for (size_t at = 0, run; at < n; at += run) {
            run = run_length(k->sorted, at, n);
            if (run > crowd)
                refine(m, k, k->sorted + at, run, bucket);
            else if (run > 1)
                put_group(k, k->sorted + at, run);
        }
        progress_add(&m->progress, 1);
    }
}

/* --- the index by record */

static void gather(struct making *m)
{
    struct postings *p = m->p;
    uint64_t pairs = 0;

    for (int t = 0; t < m->threads; t++) {
        struct growing *from = &m->makers[t].members;

        if (from->count > 0)
            memcpy(growing_add(&p->members, from->count), from->items,
                   from->count * sizeof(uint32_t));
        growing_dispose(from);
        p->left_out += m->makers[t].left_out;
        pairs += m->makers[t].pairs;
    }
    p->least = pairs > PAIRS_MANY ? 2 : 1;
    must(p->members.count < UINT32_MAX, "fewer than four thousand million postings");
}

static void index_by_record(struct postings *p, size_t records)
{
    const uint32_t *members = p->members.items;

    p->first = calloc(records + 2, sizeof(*p->first));
    p->slots = malloc((p->members.count + 1) * sizeof(*p->slots));
    must(p->first != NULL && p->slots != NULL, "memory for the index of candidates");
    for (size_t i = 0; i < p->members.count; i++)
        p->first[(members[i] & ~POSTINGS_LAST) + 2]++;
    for (size_t i = 2; i < records + 2; i++)
        p->first[i] += p->first[i - 1];
    for (size_t i = 0; i < p->members.count; i++)
        p->slots[p->first[(members[i] & ~POSTINGS_LAST) + 1]++] = (uint32_t)i;
}

static int bits_for(size_t records)
{
    int bits = 1;

    while (bits < BUCKET_BITS_MAX && (size_t)BUCKET_ENTRIES << bits < (size_t)KEYS_GUESS * records)
        bits++;
    return bits;
}

static void makers_make(struct making *m)
{
    m->makers = calloc((size_t)m->threads, sizeof(*m->makers));
    must(m->makers != NULL, "memory for the threads");
    for (int t = 0; t < m->threads; t++) {
        growing_init(&m->makers[t].pool, sizeof(struct block));
        growing_init(&m->makers[t].members, sizeof(uint32_t));
        m->makers[t].heads = calloc(m->buckets, sizeof(uint64_t));
        must(m->makers[t].heads != NULL, "memory for the buckets");
    }
}

static void makers_end(struct making *m)
{
    for (int t = 0; t < m->threads; t++) {
        growing_dispose(&m->makers[t].pool);
        free(m->makers[t].heads);
        free(m->makers[t].sorted);
        free(m->makers[t].spare);
    }
}

void postings_make(struct postings *p, const struct dataset *d, int threads)
{
    struct making m = {.p = p, .d = d, .threads = threads, .bits = bits_for(d->count)};

    *p = (struct postings){.left_out = 0};
    growing_init(&p->members, sizeof(uint32_t));
    m.buckets = (size_t)MPI_BLOCK_RULE_COUNT << m.bits;
    makers_make(&m);
    m.progress = progress_begin_of("keys", d->count);
    crew_run(threads, fill_buckets, &m);
    choose_crowds(&m);
    m.progress = progress_begin_of("candidates", m.buckets);
    crew_run(threads, make_groups, &m);
    progress_end(&m.progress);
    makers_end(&m);
    gather(&m);
    free(m.makers);
    index_by_record(p, d->count);
}

void postings_dispose(struct postings *p)
{
    growing_dispose(&p->members);
    free(p->slots);
    free(p->first);
}

/* --- candidates of one record */

static int number_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Most lists are short, and runs of them ascend already. */
static void sort_numbers(uint32_t *list, size_t n)
{
    if (n > 64) {
        qsort(list, n, sizeof(*list), number_compare);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint32_t x = list[i];
        size_t k = i;

        for (; k > 0 && list[k - 1] > x; k--)
            list[k] = list[k - 1];
        list[k] = x;
    }
}

static void candidates_add(struct candidates *c, uint32_t record)
{
    if (c->count == c->cap) {
        c->cap = c->cap * 2 + 1024;
        c->list = realloc(c->list, c->cap * sizeof(*c->list));
        must(c->list != NULL, "memory for candidates");
    }
    c->list[c->count++] = record;
}

void postings_candidates(const struct postings *p, uint32_t record, struct candidates *c)
{
    const uint32_t *members = p->members.items;
    size_t kept = 0;

    c->count = 0;
    for (uint64_t s = p->first[record]; s < p->first[record + 1]; s++)
        for (uint32_t i = p->slots[s]; (members[i] & POSTINGS_LAST) == 0; i++)
            candidates_add(c, members[i + 1] & ~POSTINGS_LAST);
    if (c->count == 0)
        return;
    sort_numbers(c->list, c->count);
    for (size_t i = 0, run; i < c->count; i += run) {
        for (run = 1; i + run < c->count && c->list[i + run] == c->list[i]; run++)
            ;
        if (run >= p->least)
            c->list[kept++] = c->list[i];
    }
    c->count = kept;
}
