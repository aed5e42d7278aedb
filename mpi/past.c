#include "mpi/past.h"

#include "hub/base/clock.h"
#include "hub/person_rows.h"
#include "mpi/identity.h"

static enum status unknown(struct request *rq, struct identifier id, int64_t at_us)
{
    return fail(rq->err, NOT_FOUND, "patient", "%.*s: no member had fed this identifier by %.*s",
                STR_ARG(identifier_cx(rq->arena, id)), STR_ARG(clock_iso(rq->arena, at_us)));
}

static enum status record_of(struct request *rq, struct identifier id, int64_t at_us,
                             struct place *out)
{
    struct mpi_lookup lookup;

    mpi_lookup_queue(rq, &id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    *out = lookup.hits[0].place;
    return lookup.hits[0].known == MPI_UNKNOWN ? unknown(rq, id, at_us) : OK;
}

static enum status owner_of(struct request *rq, struct identifier id, struct place record,
                            int64_t at_us, struct person_ref *out)
{
    static const struct statement LINK = {
        "mpi_past_link",
        "SELECT person_pkey, person_id"
        "  FROM mpi_link"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND since <= $3"
        "   AND (until IS NULL OR until > $3)",
    };
    struct rows rows;

    db_queue(rq->db, &LINK, &rows, DB_INT8(record.pkey), DB_INT8(record.record_id), DB_TIME(at_us));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return unknown(rq, id, at_us);
    *out = (struct person_ref){row_int(&rows, 0, 0), row_int(&rows, 0, 1)};
    return OK;
}

/* The row as it was before the first change behind the instant, or as it is where nothing changed
 * it since. A feed may have given it records in between: their links say when. */
static enum status person_then(struct request *rq, struct person_ref ref, int64_t at_us,
                               struct mpi_past *out)
{
    /* across places: the log of a merge lies with the person that received records */
    static const struct statement PERSON = {
        "mpi_past_person",
        "WITH changes AS ("
        " SELECT at, before->'persons' AS images"
        "   FROM mpi_merge_log"
        "  WHERE at > $3"
        "    AND ((pkey = $1 AND person_id = $2) OR (other_pkey = $1 AND other_id = $2))"
        "  UNION ALL"
        " SELECT undone_at, coalesce(undone_before, '[null]')"
        "   FROM mpi_merge_log"
        "  WHERE undone_at > $3"
        "    AND kind <> 'unlink'"
        "    AND ((pkey = $1 AND person_id = $2) OR (other_pkey = $1 AND other_id = $2))),"
        " images AS ("
        " SELECT c.at, i.image"
        "   FROM changes AS c, jsonb_array_elements(c.images) AS i (image)"
        "  WHERE i.image = 'null'"
        "     OR ((i.image->>'pkey')::bigint = $1 AND (i.image->>'person_id')::bigint = $2)"
        "  UNION ALL"
        " SELECT 'infinity', to_jsonb(p)"
        "   FROM mpi_person AS p"
        "  WHERE p.pkey = $1"
        "    AND p.person_id = $2)"
        " SELECT p.place_pkeys, p.place_records, p.constituent_pkeys, p.constituent_ids, p.xad_pid,"
        "        EXISTS (SELECT FROM images AS lost"
        "                 WHERE lost.image = 'null'"
        "                   AND lost.at <= images.at)"
        "   FROM images, jsonb_populate_record(NULL::mpi_person, images.image) AS p"
        "  WHERE images.image <> 'null'"
        "  ORDER BY images.at"
        "  LIMIT 1",
    };
    struct rows rows;

    db_queue(rq->db, &PERSON, &rows, DB_INT8(ref.pkey), DB_INT8(ref.person_id), DB_TIME(at_us));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, CONFLICT, "patient", "a merge got in between; run the command again");
    out->person = (struct person){.ref = ref, .xad_pid = row_text(&rows, 0, 4)};
    out->person.places = row_places(rq->arena, &rows, 0, 0, &out->person.place_count);
    out->person.constituents = row_persons(rq->arena, &rows, 0, 2, &out->person.constituent_count);
    out->unsure = row_bool(&rows, 0, 5);
    return OK;
}

/* Records that a feed gave the person since were not there. */
static enum status places_then(struct request *rq, int64_t at_us, struct person *p)
{
    static const struct statement LINKS = {
        "mpi_past_places",
        "SELECT pkey, record_id"
        "  FROM mpi_link"
        " WHERE (pkey, record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND person_pkey = $3"
        "   AND person_id = $4"
        "   AND since <= $5"
        "   AND (until IS NULL OR until > $5)",
    };
    struct pairs of = pairs_of_places(rq->arena, p->places, p->place_count);
    struct rows rows;

    db_queue(rq->db, &LINKS, &rows, of.pkeys, of.numbers, DB_INT8(p->ref.pkey),
             DB_INT8(p->ref.person_id), DB_TIME(at_us));
    TRY(db_flush(rq->db));
    p->place_count = (size_t)rows.count;
    for (int i = 0; i < rows.count; i++)
        p->places[i] = (struct place){row_int(&rows, i, 0), row_int(&rows, i, 1)};
    return OK;
}

enum status mpi_person_at(struct request *rq, struct identifier id, int64_t at_us,
                          struct mpi_past *out)
{
    struct place record = {0, 0};
    struct person_ref ref = {0, 0};

    *out = (struct mpi_past){.unsure = false};
    TRY(record_of(rq, id, at_us, &record));
    TRY(owner_of(rq, id, record, at_us, &ref));
    TRY(person_then(rq, ref, at_us, out));
    return places_then(rq, at_us, &out->person);
}
