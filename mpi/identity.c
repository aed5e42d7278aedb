#include "mpi/identity.h"

#include <stdlib.h>

#include "hub/person_rows.h"
#include "mpi/keys.h"

/* Two arrays side by side would try every combination, and a thousand people at a thousand places
 * have a million. So what is few at a place is looked up by the place alone, and sorted out here;
 * what may be many, by pairs. */

enum { STATE_ACTIVE = 1 }; /* mpi_identifier.state */

void mpi_lookup_queue(struct request *rq, const struct identifier *ids, size_t count,
                      struct mpi_lookup *lookup)
{
    static const struct statement FIND = {
        "mpi_lookup",
        "SELECT authority, id, pkey, record_id, person_pkey, person_id, state"
        "  FROM mpi_identifier"
        " WHERE ikey = ANY($1)",
    };
    int64_t *keys = ARENA_ARRAY(rq->arena, count, int64_t);

    *lookup = (struct mpi_lookup){.count = count, .ids = ids, .keys = keys};
    for (size_t i = 0; i < count; i++)
        keys[i] = mpi_identifier_key(ids[i]);
    db_queue(rq->db, &FIND, &lookup->rows, DB_INT8S(keys, count));
}

static struct mpi_hit hit_read(const struct rows *rows, int row)
{
    return (struct mpi_hit){
        .known = row_int(rows, row, 6) == STATE_ACTIVE ? MPI_ACTIVE : MPI_SUBSUMED,
        .place = {row_int(rows, row, 2), row_int(rows, row, 3)},
        .person = {row_int(rows, row, 4), row_int(rows, row, 5)},
    };
}

enum status mpi_lookup_read(struct request *rq, struct mpi_lookup *lookup)
{
    const struct rows *rows = &lookup->rows;

    lookup->hits = ARENA_ARRAY(rq->arena, lookup->count, struct mpi_hit);
    for (int row = 0; row < rows->count; row++) {
        struct identifier found = {row_text(rows, row, 0), row_text(rows, row, 1)};

        for (size_t i = 0; i < lookup->count; i++)
            if (identifier_eq(found, lookup->ids[i]))
                lookup->hits[i] = hit_read(rows, row);
    }
    return OK;
}

void mpi_people_queue(struct request *rq, const struct person_ref *refs, size_t count,
                      struct mpi_people *people)
{
    static const struct statement FIND = {
        "mpi_people",
        "SELECT pkey, person_id, place_pkeys, place_records, xad_pid, constituent_pkeys,"
        "       constituent_ids"
        "  FROM mpi_person"
        " WHERE pkey = ANY($1)"
        "   AND merged_id IS NULL",
    };
    *people = (struct mpi_people){.count = count, .refs = refs};
    db_queue(rq->db, &FIND, &people->rows, pairs_of_persons(rq->arena, refs, count).pkeys);
}

static struct person person_read(struct request *rq, const struct rows *rows, int row)
{
    struct person p = {
        .ref = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .xad_pid = row_text(rows, row, 4),
    };

    p.places = row_places(rq->arena, rows, row, 2, &p.place_count);
    p.constituents = row_persons(rq->arena, rows, row, 5, &p.constituent_count);
    return p;
}

/* Repeated references name one person. */
enum status mpi_people_read(struct request *rq, struct mpi_people *people)
{
    struct pair_index rows = pair_index_on(rq->arena, (size_t)people->rows.count);

    for (int row = 0; row < people->rows.count; row++)
        (void)pair_index_put(&rows, row_int(&people->rows, row, 0), row_int(&people->rows, row, 1),
                             (size_t)row);
    people->people = ARENA_ARRAY(rq->arena, people->count, struct person);
    people->by_ref = pair_index_on(rq->arena, people->count);
    for (size_t i = 0; i < people->count; i++) {
        struct person_ref ref = people->refs[i];
        size_t row = pair_index_find(&rows, ref.pkey, ref.person_id), first;

        if (row == PAIR_NONE)
            continue;
        first = pair_index_put(&people->by_ref, ref.pkey, ref.person_id, i);
        people->people[i] =
            first < i ? people->people[first] : person_read(rq, &people->rows, (int)row);
    }
    return OK;
}

const struct person *mpi_people_find(const struct mpi_people *people, struct person_ref ref)
{
    size_t i = pair_index_find(&people->by_ref, ref.pkey, ref.person_id);

    return i == PAIR_NONE ? NULL : &people->people[i];
}

void mpi_owners_queue(struct request *rq, const struct place *places, size_t count,
                      struct mpi_owners *owners)
{
    /* All that is at these places, which is little more than what is asked for; and the persons
     * that lie there too, which is nearly always. */
    static const struct statement FIND = {
        "mpi_owners",
        "SELECT p.pkey, p.person_id, p.place_pkeys, p.place_records, p.xad_pid,"
        "       p.constituent_pkeys, p.constituent_ids,"
        "       l.pkey, l.record_id, l.person_pkey, l.person_id"
        "  FROM mpi_link AS l"
        "  LEFT JOIN mpi_person AS p"
        "    ON p.pkey = l.pkey"
        "   AND p.person_id = l.person_id"
        "   AND l.person_pkey = l.pkey"
        "   AND p.merged_id IS NULL"
        " WHERE l.pkey = ANY($1)"
        "   AND l.until IS NULL",
    };
    int64_t *pkeys = ARENA_ARRAY(rq->arena, count, int64_t);

    *owners = (struct mpi_owners){.count = count, .places = places};
    for (size_t i = 0; i < count; i++)
        pkeys[i] = places[i].pkey;
    db_queue(rq->db, &FIND, &owners->rows, DB_INT8S(pkeys, count));
}

/* A place that was asked for, and where its answer goes. */
struct asked {
    struct place place;
    size_t at;
};

static int by_place(const void *a, const void *b)
{
    const struct asked *x = a, *y = b;

    return place_order(x->place, y->place);
}

/* `asked` is sorted; a place may be asked for twice. */
static void owner_read(struct request *rq, struct mpi_owners *owners, const struct asked *asked,
                       int row)
{
    const struct rows *rows = &owners->rows;
    struct asked key = {.place = {row_int(rows, row, 7), row_int(rows, row, 8)}};
    const struct asked *end = asked + owners->count;
    const struct asked *first = bsearch(&key, asked, owners->count, sizeof(*asked), by_place);
    struct person found = {0};

    if (first == NULL)
        return;
    while (first > asked && place_eq(first[-1].place, key.place))
        first--;
    if (!row_null(rows, row, 0))
        found = person_read(rq, rows, row);
    for (; first < end && place_eq(first->place, key.place); first++) {
        owners->refs[first->at] =
            (struct person_ref){row_int(rows, row, 9), row_int(rows, row, 10)};
        owners->people[first->at] = found;
    }
}

enum status mpi_owners_read(struct request *rq, struct mpi_owners *owners)
{
    struct asked *asked = ARENA_ARRAY(rq->arena, owners->count, struct asked);

    owners->refs = ARENA_ARRAY(rq->arena, owners->count, struct person_ref);
    owners->people = ARENA_ARRAY(rq->arena, owners->count, struct person);
    for (size_t i = 0; i < owners->count; i++)
        asked[i] = (struct asked){owners->places[i], i};
    if (owners->count > 1)
        qsort(asked, owners->count, sizeof(*asked), by_place);
    for (int row = 0; owners->count > 0 && row < owners->rows.count; row++)
        owner_read(rq, owners, asked, row);
    return OK;
}

void mpi_identifiers_queue(struct request *rq, const struct person *person,
                           struct mpi_identifiers *out)
{
    static const struct statement FIND = {
        "mpi_identifiers",
        "SELECT DISTINCT ON (pkey, record_id)"
        "       pkey, record_id, member_id, authorities, identifiers, states"
        "  FROM mpi_record"
        " WHERE (pkey, record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        " ORDER BY pkey, record_id, version DESC",
    };
    struct pairs at = pairs_of_places(rq->arena, person->places, person->place_count);

    *out = (struct mpi_identifiers){.person = person};
    db_queue(rq->db, &FIND, &out->rows, at.pkeys, at.numbers);
}

static size_t identifiers_of_record(struct request *rq, const struct rows *rows, int row,
                                    const struct person *person, struct mpi_identifier *out)
{
    struct str *authorities, *ids;
    int64_t *states;
    size_t count = row_texts(rq->arena, rows, row, 3, &authorities);

    must(row_texts(rq->arena, rows, row, 4, &ids) == count &&
             row_ints(rq->arena, rows, row, 5, &states) == count,
         "mpi_record lists of two lengths");
    for (size_t i = 0; out != NULL && i < count; i++)
        out[i] = (struct mpi_identifier){
            .person = person->ref,
            .id = {authorities[i], ids[i]},
            .place = {row_int(rows, row, 0), row_int(rows, row, 1)},
            .member_id = str_eq(authorities[i], str_from(rq->config->xad_authority))
                             ? 0
                             : row_int(rows, row, 2),
            .active = states[i] == STATE_ACTIVE,
        };
    return count;
}

enum status mpi_identifiers_read(struct request *rq, struct mpi_identifiers *out)
{
    size_t total = 0;

    for (int row = 0; row < out->rows.count; row++)
        total += identifiers_of_record(rq, &out->rows, row, out->person, NULL);
    out->items = ARENA_ARRAY(rq->arena, total, struct mpi_identifier);
    for (int row = 0; row < out->rows.count; row++)
        out->count +=
            identifiers_of_record(rq, &out->rows, row, out->person, out->items + out->count);
    return OK;
}

void mpi_lock_queue(struct request *rq, struct identifier id)
{
    int64_t key = mpi_identifier_key(id);

    mpi_lock_keys(rq, &key, 1);
}
