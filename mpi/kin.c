#include "mpi/kin.h"

#include "mpi/core/address.h"
#include "mpi/core/date.h"
#include "mpi/core/name.h"
#include "mpi/record.h"

static const struct statement FIND = {
    "mpi_kin_find",
    "SELECT q.n, g.demographics"
    " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS q (pkey, person_id, n)"
    " JOIN mpi_golden g ON g.pkey = q.pkey AND g.person_id = q.person_id",
};

/* The postcode says more than a city's name, which is written in many ways. */
static struct str address_of(struct arena *a, const struct mpi_input_address *in)
{
    struct mpi_place_name place;

    mpi_address_read(a, in, &place);
    if (place.street.n == 0 || place.number.n == 0)
        return STR_NONE;
    return str_printf(a, "%.*s/%.*s/%.*s/%.*s", STR_ARG(place.number), STR_ARG(place.street),
                      STR_ARG(place.unit),
                      STR_ARG(place.postcode.n > 0 ? place.postcode : place.city));
}

struct audit_identity mpi_kin_of(struct arena *a, struct str family, struct str given,
                                 struct str birth_date, struct str street, struct str city,
                                 struct str postcode)
{
    struct mpi_input_name name = {.family = family, .given = given};
    struct mpi_input_address address = {.street = street, .city = city, .postcode = postcode};
    struct mpi_person_name read;

    mpi_name_read(a, &name, &read);
    return (struct audit_identity){
        .family = read.family,
        .given = read.given,
        .birth_date = mpi_date_read(birth_date, MPI_DATE_MDY),
        .address = address_of(a, &address),
    };
}

static struct audit_identity identity_of(struct arena *a, const struct mpi_demographics *d)
{
    const struct mpi_name *name = mpi_demographics_name(d);
    struct mpi_address none = {0};
    const struct mpi_address *at = d->address_count > 0 ? &d->addresses[0] : &none;

    return mpi_kin_of(a, name != NULL ? name->family : STR_NONE,
                      name != NULL ? name->given : STR_NONE, d->birth_date, at->street, at->city,
                      at->postcode);
}

enum status mpi_kin_find(struct request *rq, const struct person_ref *persons, size_t count,
                         struct audit_identity *out)
{
    int64_t *pkeys = ARENA_ARRAY(rq->arena, count + 1, int64_t);
    int64_t *ids = ARENA_ARRAY(rq->arena, count + 1, int64_t);
    struct mpi_demographics d;
    struct rows r;

    for (size_t i = 0; i < count; i++) {
        pkeys[i] = persons[i].pkey;
        ids[i] = persons[i].person_id;
        out[i] = (struct audit_identity){0};
    }
    db_queue(rq->db, &FIND, &r, DB_INT8S(pkeys, count), DB_INT8S(ids, count));
    TRY(db_flush(rq->db));
    for (int i = 0; i < r.count; i++) {
        TRY(mpi_demographics_parse(rq->arena, row_json(&r, i, 1), &d, rq->err));
        out[row_int(&r, i, 0) - 1] = identity_of(rq->arena, &d);
    }
    return OK;
}
