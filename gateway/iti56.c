#include "gateway/iti56.h"

#include "gateway/correlation.h"
#include "gateway/hl7v3.h"
#include "gateway/pdq.h"
#include "hub/base/oid.h"
#include "hub/soap.h"

#define NS_XCPD "urn:ihe:iti:xcpd:2009"

struct locations {
    struct identifier asked;
    struct mpi_hit hit;
    struct partners partners;
    struct correlations known;
    bool may_see;
};

static enum status read_question(struct request *rq, struct locations *l)
{
    const xmlNode *body = rq->message.soap->body;
    struct hl7v3_ii id;

    if (!rq->config->health_data_locator)
        return fail(rq->err, DENIED, "NotHealthDataLocator",
                    "This community is no health data locator: it tells of itself alone (ITI-55)");
    if (!xml_is(body, NS_XCPD, "PatientLocationQueryRequest"))
        return fail(rq->err, INVALID, "Body", "A PatientLocationQueryRequest is wanted");
    id = hl7v3_ii_read(xml_child(body, NS_XCPD, "RequestedPatientId"));
    l->asked = (struct identifier){oid_strip_urn(id.root), id.extension};
    request_about(rq, "query", request_id(rq), xml_copy_text(rq->arena, body));
    rq->about->home = str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id);
    if (!str_eq(l->asked.authority, str_from(rq->config->xad_authority)) || l->asked.id.n == 0)
        return fail(rq->err, INVALID, "RequestedPatientId",
                    "Patients of this community are asked for by identifiers of %s",
                    rq->config->xad_authority);
    rq->patient = identifier_cx(rq->arena, l->asked);
    return OK;
}

/* Whom the asker may not see here has no locations: as somebody whom nobody knows. */
static enum status decide(struct request *rq, struct locations *l)
{
    struct consent_policies policies;
    struct identity_seen seen = {0};
    struct mpi_found found;

    rq->person = l->hit.person;
    TRY(mpi_find_people(rq, &l->hit.person, 1, &found));
    if (found.count != 1)
        return OK;
    TRY(pdq_policies(rq, &found, &policies));
    identity_gate_person(rq, &found.people[0], &policies, &seen);
    l->may_see = seen.record_count > 0;
    return OK;
}

static enum status look_up(struct request *rq, struct locations *l)
{
    struct mpi_lookup lookup;

    mpi_lookup_queue(rq, &l->asked, 1, &lookup);
    partners_queue(rq, &l->partners);
    TRY(db_flush(rq->db));
    partners_read(rq, &l->partners);
    TRY(mpi_lookup_read(rq, &lookup));
    l->hit = lookup.hits[0];
    if (l->hit.known != MPI_ACTIVE)
        return OK;
    TRY(decide(rq, l));
    if (!l->may_see)
        return OK;
    correlations_queue(rq, l->hit.person, &l->known);
    TRY(db_flush(rq->db));
    correlations_read(rq, &l->known);
    return OK;
}

static void write_id(struct xml_writer *w, const char *name, struct identifier id)
{
    hl7v3_ii_write(w, name, (struct hl7v3_ii){id.authority, id.id});
}

static void write_location(struct request *rq, struct xml_writer *w, const struct locations *l,
                           const struct correlation *c)
{
    const struct partner *p = partner_by_id(&l->partners, c->community);

    if (c->patient.id.n == 0 || p == NULL || p->member_id == rq->principal.member->id)
        return;
    xml_begin(w, "xcpd:PatientLocationResponse");
    xml_leaf(w, "xcpd:HomeCommunityId", partner_home_urn(rq->arena, p));
    write_id(w, "xcpd:CorrespondingPatientId", c->patient);
    write_id(w, "xcpd:RequestedPatientId", l->asked);
    xml_end(w, "xcpd:PatientLocationResponse");
}

/* An empty list where it is known nowhere: the schema has no other word for that. */
static enum status answer(struct request *rq, const struct locations *l, struct reply *rp)
{
    struct soap_answer soap;
    struct xml_writer *w = soap_answer_begin(rq, &soap, NULL);

    xml_begin(w, "xcpd:PatientLocationQueryResponse");
    xml_attribute(w, "xmlns:xcpd", STR(NS_XCPD));
    for (size_t i = 0; i < l->known.n; i++)
        write_location(rq, w, l, &l->known.v[i]);
    xml_end(w, "xcpd:PatientLocationQueryResponse");
    return soap_answer_end(&soap, rp);
}

static void audit(struct request *rq, const struct locations *l)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->objects = rq->about;
    if (!l->may_see)
        return;
    row->patient = rq->patient;
    row->pkey = l->hit.person.pkey;
    row->person_id = l->hit.person.person_id;
}

enum status iti56_locate(struct request *rq, struct reply *rp)
{
    struct locations *l = ARENA_NEW(rq->arena, struct locations);

    TRY(read_question(rq, l));
    TRY(look_up(rq, l));
    audit(rq, l);
    return answer(rq, l, rp);
}
