#include "mpi/reindex.h"

#include <stdlib.h>

#include "hub/command/progress.h"
#include "mpi/identity.h"
#include "mpi/search.h"
#include "mpi/store.h"
#include "mpi/subject.h"

enum {
    PAGE_RECORDS = 200, /* one transaction: feeds of their persons wait for it */
    PAGE_KEYS = 2000,
    ATTEMPTS = 20,
};

struct keys {
    size_t count;
    struct mpi_block items[MPI_BLOCKS_MAX];
};

/* A row of mpi_block_key. */
struct key_row {
    struct place place;
    struct mpi_block block;
    struct str packed;
};

/* What one transaction is about: these records, and rows of theirs that looked stale. */
struct page {
    struct place *places;
    size_t count;
    struct key_row *stale;
    size_t stale_count;

    struct mpi_owners owners;
    struct mpi_locked persons;
    struct mpi_coding *coding;
    uint64_t normalised;
};

static struct keys *keys_of(struct request *rq, struct mpi_coding *c, struct str packed)
{
    struct keys *k = ARENA_NEW(rq->arena, struct keys);

    if (packed.p != NULL)
        k->count = mpi_keys(c, mpi_code(c, packed), k->items);
    return k;
}

static bool has_key(const struct keys *k, const struct mpi_block *block)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->items[i].key == block->key && k->items[i].fine == block->fine)
            return true;
    return false;
}

/* --- one page, under locks ------------------------------------------------------------------- */

static enum status moved(struct request *rq)
{
    return fail(rq->err, CONFLICT, "moved", "A feed or merge changed the same patients");
}

static enum status owners_read(struct request *rq, struct page *p, struct mpi_owners *out)
{
    mpi_owners_queue(rq, p->places, p->count, out);
    TRY(db_flush(rq->db));
    return mpi_owners_read(rq, out);
}

/* Whoever changes a record, or its keys, has its person's row: nobody does until COMMIT. */
static enum status lock_persons(struct request *rq, struct page *p)
{
    struct mpi_owners again;

    TRY(owners_read(rq, p, &p->owners));
    mpi_persons_queue(rq, p->owners.refs, p->count, true, &p->persons);
    TRY(db_flush(rq->db));
    TRY(owners_read(rq, p, &again));
    for (size_t i = 0; i < p->count; i++)
        if (!person_ref_eq(p->owners.refs[i], again.refs[i]))
            return moved(rq);
    return OK;
}

static struct person_ref owner_of(const struct page *p, struct place place)
{
    for (size_t i = 0; i < p->count; i++)
        if (place_eq(p->places[i], place))
            return p->owners.refs[i];
    return (struct person_ref){0, 0};
}

/* A key has two parts, and is taken away by the first: what the record has is added after it. */
static void remove_stale(struct request *rq, const struct page *p, const struct mpi_record *r)
{
    struct mpi_block *blocks = ARENA_ARRAY(rq->arena, p->stale_count, struct mpi_block);
    size_t n = 0;

    for (size_t i = 0; i < p->stale_count; i++)
        if (place_eq(p->stale[i].place, r->place))
            blocks[n++] = p->stale[i].block;
    mpi_block_keys_remove(rq, r, blocks, n);
}

static enum status write_record(struct request *rq, struct page *p, struct mpi_record *r)
{
    struct mpi_demographics d;
    struct str packed;
    struct keys *keys;

    if (r->anchor || r->demographics.p == NULL)
        return OK;
    TRY(mpi_demographics_parse(rq->arena, r->demographics, &d, rq->err));
    packed = mpi_packed_of(rq->arena, &d);
    keys = keys_of(rq, p->coding, packed);
    if (!str_eq(packed, r->packed)) {
        p->normalised++;
        r->packed = packed;
        r->version++;
        mpi_record_store(rq, r, "reindex");
        mpi_block_keys_remove(rq, r, keys->items, keys->count);
    }
    remove_stale(rq, p, r);
    mpi_block_keys_store(rq, r, keys->items, keys->count, owner_of(p, r->place));
    mpi_search_store(rq, r->place, NULL, &d);
    return OK;
}

static enum status page_write(struct request *rq, struct page *p)
{
    struct rows rows;

    p->normalised = 0;
    db_begin(rq->db, READ_COMMITTED);
    TRY(lock_persons(rq, p));
    mpi_records_queue(rq, p->places, p->count, &rows);
    TRY(db_flush(rq->db));
    for (int row = 0; row < rows.count; row++) {
        struct mpi_record r = mpi_record_read(rq, &rows, row);

        TRY(write_record(rq, p, &r));
    }
    return db_commit(rq->db);
}

static enum status page_done(struct request *rq, struct page *p)
{
    enum status s = OK;

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        s = page_write(rq, p);
        if (s == OK)
            return OK;
        db_rollback(rq->db);
        if (s != CONFLICT)
            return s;
        errors_init(rq->err, rq->arena);
    }
    return fail(rq->err, s, "busy",
                "Feeds of the same patients kept this from being done; begin"
                " again");
}

static void page_begin(struct request *rq)
{
    arena_reset(rq->arena);
    errors_init(rq->err, rq->arena);
    db_attach(rq->db, rq->arena, rq->err, 0);
    rq->now_us = clock_now_us();
}

/* --- all records ----------------------------------------------------------------------------- */

static enum status records_after(struct request *rq, struct place at, struct page *p)
{
    /* across places: all records, in the order of the key */
    static const struct statement NEXT = {
        "mpi_reindex_records",
        "SELECT DISTINCT pkey, record_id"
        "  FROM mpi_record"
        " WHERE (pkey, record_id) > ($1, $2)"
        " ORDER BY pkey, record_id"
        " LIMIT $3",
    };
    struct rows rows;

    db_queue(rq->db, &NEXT, &rows, DB_INT8(at.pkey), DB_INT8(at.record_id), DB_INT8(PAGE_RECORDS));
    TRY(db_flush(rq->db));
    *p = (struct page){.count = (size_t)rows.count,
                       .places = ARENA_ARRAY(rq->arena, (size_t)rows.count, struct place),
                       .coding = mpi_coding_new(rq->arena, mpi_model_builtin())};
    for (int row = 0; row < rows.count; row++)
        p->places[row] = (struct place){row_int(&rows, row, 0), row_int(&rows, row, 1)};
    return OK;
}

static enum status all_records(struct request *rq, struct mpi_reindexing *r)
{
    struct place at = {INT64_MIN, INT64_MIN};
    struct page p;

    for (;;) {
        page_begin(rq);
        TRY(records_after(rq, at, &p));
        if (p.count == 0)
            return OK;
        at = p.places[p.count - 1];
        TRY(page_done(rq, &p));
        r->normalised += p.normalised;
        r->records += p.count;
        progress_at(r->progress, r->records);
    }
}

/* --- all keys -------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct key_row *x = a, *y = b;

    return place_order(x->place, y->place);
}

static enum status keys_after(struct request *rq, struct key_row *at, struct key_row **out,
                              size_t *count)
{
    /* across places: all keys, in their order */
    static const struct statement NEXT = {
        "mpi_reindex_keys",
        "SELECT bkey, fine, pkey, record_id, packed"
        "  FROM mpi_block_key"
        " WHERE (bkey, fine, pkey, record_id) > ($1, $2, $3, $4)"
        " ORDER BY bkey, fine, pkey, record_id"
        " LIMIT $5",
    };
    struct key_row *list;
    struct rows rows;

    db_queue(rq->db, &NEXT, &rows, DB_INT8((int64_t)at->block.key),
             DB_INT8((int64_t)at->block.fine), DB_INT8(at->place.pkey),
             DB_INT8(at->place.record_id), DB_INT8(PAGE_KEYS));
    TRY(db_flush(rq->db));
    *count = (size_t)rows.count;
    *out = list = ARENA_ARRAY(rq->arena, *count, struct key_row);
    for (int row = 0; row < rows.count; row++)
        list[row] = (struct key_row){
            .block = {.key = (uint64_t)row_int(&rows, row, 0),
                      .fine = (uint64_t)row_int(&rows, row, 1)},
            .place = {row_int(&rows, row, 2), row_int(&rows, row, 3)},
            .packed = row_bytea(&rows, row, 4),
        };
    if (*count > 0) {
        *at = list[*count - 1];
        qsort(list, *count, sizeof(*list), by_place);
    }
    return OK;
}

/* The rows, sorted by place, that their record would not write today. Looked at without locks:
 * what is stale for sure is found again under them, by page_write. */
static enum status find_stale(struct request *rq, struct page *p, const struct key_row *list,
                              size_t count)
{
    struct place *all = ARENA_ARRAY(rq->arena, count, struct place);
    size_t n = 0, i = 0;
    struct rows rows;

    for (size_t k = 0; k < count; k++)
        if (n == 0 || !place_eq(all[n - 1], list[k].place))
            all[n++] = list[k].place;
    mpi_records_queue(rq, all, n, &rows);
    TRY(db_flush(rq->db));
    p->places = ARENA_ARRAY(rq->arena, n, struct place);
    p->stale = ARENA_ARRAY(rq->arena, count, struct key_row);
    for (int row = 0; row < rows.count; row++) {
        struct mpi_record r = mpi_record_read(rq, &rows, row);
        struct keys *keys = keys_of(rq, p->coding, r.packed);
        size_t before = p->stale_count;

        while (i < count && place_order(list[i].place, r.place) < 0)
            i++;
        for (; i < count && place_eq(list[i].place, r.place); i++)
            if (!has_key(keys, &list[i].block) || !str_eq(list[i].packed, r.packed))
                p->stale[p->stale_count++] = list[i];
        if (p->stale_count > before)
            p->places[p->count++] = r.place;
    }
    return OK;
}

static enum status all_keys(struct request *rq, struct mpi_reindexing *r)
{
    struct key_row at = {.place = {INT64_MIN, INT64_MIN},
                         .block = {.key = (uint64_t)INT64_MIN, .fine = (uint64_t)INT64_MIN}};
    struct key_row *list;
    size_t count;

    for (;;) {
        struct page p;

        page_begin(rq);
        p = (struct page){.coding = mpi_coding_new(rq->arena, mpi_model_builtin())};
        TRY(keys_after(rq, &at, &list, &count));
        if (count == 0)
            return OK;
        TRY(find_stale(rq, &p, list, count));
        if (p.count > 0)
            TRY(page_done(rq, &p));
        r->keys += count;
        r->stale += p.stale_count;
    }
}

enum status mpi_reindex(struct request *rq, struct mpi_reindexing *r)
{
    TRY(all_records(rq, r));
    return all_keys(rq, r);
}

enum status mpi_reindex_size(struct request *rq, uint64_t *records)
{
    /* across places: the planner's estimate, of versions rather than records */
    static const struct statement SIZE = {
        "mpi_reindex_size",
        "SELECT greatest(reltuples, 0)::bigint"
        "  FROM pg_class"
        " WHERE oid = 'mpi_record'::regclass",
    };
    struct rows rows;

    db_queue0(rq->db, &SIZE, &rows);
    TRY(db_flush(rq->db));
    *records = (uint64_t)row_int(&rows, 0, 0);
    return OK;
}
