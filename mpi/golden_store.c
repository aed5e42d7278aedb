#include "mpi/golden_store.h"

static int trust_of(const struct request *rq, int64_t member_id)
{
    const struct member *m = rq->members != NULL ? member_by_id(rq->members, member_id) : NULL;

    return mpi_golden_trust(str_from(rq->config->golden_trust), m != NULL ? m->name : STR(""));
}

static enum status sources_read(struct request *rq, const struct mpi_record *records, size_t count,
                                struct mpi_golden_source *out, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct mpi_record *r = &records[i];
        struct mpi_golden_source *s = &out[*n];

        if (r->demographics.p == NULL)
            continue;
        *s = (struct mpi_golden_source){
            .place = r->place,
            .trust = trust_of(rq, r->member_id),
            .said_at_us = r->said_at_us,
        };
        TRY(mpi_demographics_parse(rq->arena, r->demographics, &s->demographics, rq->err));
        (*n)++;
    }
    return OK;
}

void mpi_golden_remove(struct request *rq, struct person_ref person)
{
    static const struct statement DELETE = {
        "mpi_golden_delete",
        "DELETE FROM mpi_golden"
        " WHERE pkey = $1"
        "   AND person_id = $2",
    };

    db_queue(rq->db, &DELETE, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id));
}

enum status mpi_golden_store(struct request *rq, struct person_ref person,
                             const struct mpi_record *records, size_t count)
{
    static const struct statement PUT = {
        "mpi_golden_put",
        "INSERT INTO mpi_golden (pkey, person_id, demographics, sources, built_at)"
        " VALUES ($1, $2, $3, $4, $5)"
        "     ON CONFLICT (pkey, person_id) DO UPDATE"
        "    SET demographics = EXCLUDED.demographics,"
        "        sources = EXCLUDED.sources,"
        "        built_at = EXCLUDED.built_at",
    };
    struct mpi_golden_source *sources = ARENA_ARRAY(rq->arena, count, struct mpi_golden_source);
    struct mpi_golden golden;
    size_t n;

    TRY(sources_read(rq, records, count, sources, &n));
    mpi_golden_build(rq->arena, sources, n, &golden);
    db_queue(rq->db, &PUT, NULL, DB_INT8(person.pkey), DB_INT8(person.person_id),
             DB_JSONB(mpi_demographics_json(rq->arena, &golden.demographics)),
             DB_JSONB(golden.sources), DB_TIME(rq->now_us));
    return OK;
}
