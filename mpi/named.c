#include "mpi/named.h"

#include "mpi/identity.h"
#include "mpi/store.h"

struct str mpi_person_name(struct arena *a, struct person_ref ref)
{
    return str_printf(a, "P%lld.%lld", (long long)ref.pkey, (long long)ref.person_id);
}

struct str mpi_record_name(struct arena *a, struct place place)
{
    return str_printf(a, "R%lld.%lld", (long long)place.pkey, (long long)place.record_id);
}

bool mpi_name_parse(struct str s, char letter, int64_t *place, int64_t *number)
{
    struct str rest = str_slice(s, 1, s.n), first = str_cut(&rest, '.');
    uint64_t a, b;

    if (s.n < 4 || (s.p[0] | 0x20) != (letter | 0x20) || rest.p == NULL || !str_to_u64(first, &a) ||
        !str_to_u64(rest, &b) || a > INT64_MAX || b > INT64_MAX)
        return false;
    *place = (int64_t)a;
    *number = (int64_t)b;
    return true;
}

static enum status hit_of(struct request *rq, struct identifier id, struct mpi_hit *out)
{
    struct mpi_lookup lookup;

    mpi_lookup_queue(rq, &id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    *out = lookup.hits[0];
    if (out->known != MPI_UNKNOWN)
        return OK;
    return fail(rq->err, NOT_FOUND, "identifier", "no member has fed %.*s",
                STR_ARG(identifier_cx(rq->arena, id)));
}

static void audit_person(struct operation *o, struct str named, struct person_ref person)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->patient = named;
    row->pkey = person.pkey;
    row->person_id = person.person_id;
}

enum status mpi_named_person(struct operation *o, struct request *rq, const char *text,
                             struct person_ref *out)
{
    struct str s = str_from(text);
    struct identifier id;
    struct mpi_hit hit;

    if (!mpi_name_parse(s, 'P', &out->pkey, &out->person_id)) {
        if (!identifier_parse_cx(s, &id))
            id = mpi_xad_identifier(rq, s);
        TRY(hit_of(rq, id, &hit));
        *out = hit.person;
        s = identifier_cx(rq->arena, id);
    }
    audit_person(o, s, *out);
    return OK;
}

enum status mpi_named_record(struct operation *o, struct request *rq, const char *text,
                             struct place *out)
{
    struct str s = str_from(text);
    struct mpi_owners owners;
    struct identifier id;
    struct mpi_hit hit;

    if (!mpi_name_parse(s, 'R', &out->pkey, &out->record_id)) {
        if (!identifier_parse_cx(s, &id))
            return fail(rq->err, INVALID, "usage",
                        "'%s' names no record: write R12.34, or an identifier as"
                        " 'ID^^^&OID&ISO', in quotes",
                        text);
        TRY(hit_of(rq, id, &hit));
        *out = hit.place;
    }
    mpi_owners_queue(rq, out, 1, &owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    if (owners.refs[0].person_id == 0)
        return fail(rq->err, NOT_FOUND, "record", "there is no record %s", text);
    audit_person(o, s, owners.refs[0]);
    return OK;
}
