#include "mpi/no_link.h"

#include "hub/person_rows.h"

void mpi_apart_queue(struct request *rq, const struct place *places, size_t count,
                     struct mpi_apart *out)
{
    static const struct statement FIND = {
        "mpi_no_links",
        "SELECT pkey, record_id, other_pkey, other_record"
        "  FROM mpi_no_link"
        " WHERE (pkey, record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND until IS NULL",
    };
    struct pairs at = pairs_of_places(rq->arena, places, count);

    *out = (struct mpi_apart){0};
    db_queue(rq->db, &FIND, &out->rows, at.pkeys, at.numbers);
}

void mpi_apart_read(struct request *rq, struct mpi_apart *out)
{
    const struct rows *rows = &out->rows;

    out->count = (size_t)rows->count;
    out->pairs = ARENA_ARRAY(rq->arena, out->count, struct mpi_pair);
    for (int row = 0; row < rows->count; row++)
        out->pairs[row] = (struct mpi_pair){{row_int(rows, row, 0), row_int(rows, row, 1)},
                                            {row_int(rows, row, 2), row_int(rows, row, 3)}};
}

bool mpi_apart_has(const struct mpi_apart *apart, struct place one, struct place other)
{
    for (size_t i = 0; i < apart->count; i++)
        if (place_eq(apart->pairs[i].one, one) && place_eq(apart->pairs[i].other, other))
            return true;
    return false;
}

static void store_half(struct request *rq, struct place one, struct place other, struct str by,
                       struct str why)
{
    static const struct statement INSERT = {
        "mpi_no_link_insert",
        "INSERT INTO mpi_no_link (pkey, record_id, other_pkey, other_record, since, decided_by,"
        "       why)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8(one.pkey), DB_INT8(one.record_id), DB_INT8(other.pkey),
             DB_INT8(other.record_id), DB_TIME(rq->now_us), DB_TEXT(by), DB_TEXT(why));
}

void mpi_apart_store(struct request *rq, struct place one, struct place other, struct str by,
                     struct str why)
{
    store_half(rq, one, other, by, why);
    store_half(rq, other, one, by, why);
}

static void end_half(struct request *rq, struct place one, struct place other)
{
    static const struct statement END = {
        "mpi_no_link_end",
        "UPDATE mpi_no_link"
        "   SET until = $5"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND other_pkey = $3"
        "   AND other_record = $4"
        "   AND until IS NULL",
    };

    db_queue(rq->db, &END, NULL, DB_INT8(one.pkey), DB_INT8(one.record_id), DB_INT8(other.pkey),
             DB_INT8(other.record_id), DB_TIME(rq->now_us));
}

void mpi_apart_end(struct request *rq, struct place one, struct place other)
{
    end_half(rq, one, other);
    end_half(rq, other, one);
}
