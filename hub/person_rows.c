#include "hub/person_rows.h"

struct pairs pairs_of_places(struct arena *a, const struct place *places, size_t count)
{
    int64_t *pkeys = ARENA_ARRAY(a, count, int64_t), *records = ARENA_ARRAY(a, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        pkeys[i] = places[i].pkey;
        records[i] = places[i].record_id;
    }
    return (struct pairs){DB_INT8S(pkeys, count), DB_INT8S(records, count)};
}

struct pairs pairs_of_persons(struct arena *a, const struct person_ref *persons, size_t count)
{
    int64_t *pkeys = ARENA_ARRAY(a, count, int64_t), *ids = ARENA_ARRAY(a, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        pkeys[i] = persons[i].pkey;
        ids[i] = persons[i].person_id;
    }
    return (struct pairs){DB_INT8S(pkeys, count), DB_INT8S(ids, count)};
}

static size_t row_pairs(struct arena *a, const struct rows *rows, int row, int column,
                        int64_t **pkeys, int64_t **numbers)
{
    size_t count = row_ints(a, rows, row, column, pkeys);

    must(row_ints(a, rows, row, column + 1, numbers) == count, "lists of two lengths");
    return count;
}

struct place *row_places(struct arena *a, const struct rows *rows, int row, int column,
                         size_t *count)
{
    int64_t *pkeys, *records;
    struct place *places;

    *count = row_pairs(a, rows, row, column, &pkeys, &records);
    places = ARENA_ARRAY(a, *count, struct place);
    for (size_t i = 0; i < *count; i++)
        places[i] = (struct place){pkeys[i], records[i]};
    return places;
}

struct person_ref *row_persons(struct arena *a, const struct rows *rows, int row, int column,
                               size_t *count)
{
    int64_t *pkeys, *ids;
    struct person_ref *persons;

    *count = row_pairs(a, rows, row, column, &pkeys, &ids);
    persons = ARENA_ARRAY(a, *count, struct person_ref);
    for (size_t i = 0; i < *count; i++)
        persons[i] = (struct person_ref){pkeys[i], ids[i]};
    return persons;
}
