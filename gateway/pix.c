#include "gateway/pix.h"

#include "hub/audit/event.h"

static enum status find_person(struct request *rq, struct person_ref ref, struct person *out)
{
    struct mpi_people people;

    mpi_people_queue(rq, &ref, 1, &people);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    *out = people.people[0];
    return OK;
}

enum status pix_identifiers(struct request *rq, struct person_ref ref, struct identity_visible *out)
{
    struct person person;
    struct mpi_identifiers found;
    struct consent_policies policies;

    *out = (struct identity_visible){0};
    TRY(find_person(rq, ref, &person));
    if (person.ref.person_id == 0)
        return OK;
    rq->person = person.ref;
    mpi_identifiers_queue(rq, &person, &found);
    consent_queue(rq, person.constituents, person.constituent_count, &policies);
    TRY(db_flush(rq->db));
    TRY(mpi_identifiers_read(rq, &found));
    TRY(consent_read(rq, &policies));
    identity_gate(rq, &person, &found, &policies, out);
    return OK;
}

static bool wanted(const struct pix_query *q, struct identifier id)
{
    if (identifier_eq(id, q->id))
        return false; /* the queried identifier is never echoed */
    for (size_t i = 0; i < q->domain_count; i++)
        if (str_eq(q->domains[i], id.authority))
            return true;
    return q->domain_count == 0;
}

static void select_wanted(const struct pix_query *q, struct identity_visible *v)
{
    size_t kept = 0;

    for (size_t i = 0; i < v->count; i++)
        if (wanted(q, v->items[i].id))
            v->items[kept++] = v->items[i];
    v->count = kept;
}

enum status pix_ask(struct request *rq, const struct pix_query *q, struct pix_answer *out)
{
    struct mpi_lookup lookup;

    *out = (struct pix_answer){0};
    mpi_lookup_queue(rq, &q->id, 1, &lookup);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &lookup));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return OK;
    TRY(pix_identifiers(rq, lookup.hits[0].person, &out->seen));
    out->known = identity_visible_has(&out->seen, q->id);
    select_wanted(q, &out->seen);
    return OK;
}

/* In front of what stands there, which other rows and a failure share. */
static struct audit_object *with_patient(struct request *rq, struct audit_object *rest,
                                         struct identifier id)
{
    struct audit_object *o = ARENA_NEW(rq->arena, struct audit_object);

    *o = (struct audit_object){.kind = "patient", .id = identifier_cx(rq->arena, id), .next = rest};
    return o;
}

/* The patient as asked for, and by each identifier that was told (3.9.5.1, 3.45.5.1: 1..n). */
void pix_audit(struct request *rq, const struct identity_visible *v)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->patient = rq->patient;
    row->pkey = rq->person.pkey;
    row->person_id = rq->person.person_id;
    if (v->withheld > 0)
        row->description =
            str_printf(rq->arena, AUDIT_WITHHELD ": %zu identifiers of other members", v->withheld);
    row->objects = rq->about;
    for (size_t i = 0; i < v->count; i++)
        row->objects = with_patient(rq, row->objects, v->items[i].id);
}
