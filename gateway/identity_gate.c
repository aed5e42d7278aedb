#include "gateway/identity_gate.h"

#include "consent/decided.h"
#include "consent/emergency.h"

/* A search names nobody: it opens no emergency, or one would be opened for all whom it finds. One
 * that is under way holds for it too. */
enum breaking { OPENS, OPENS_NONE };

static bool may_see(struct request *rq, const struct person *person, int64_t member_id,
                    const struct consent_policies *policies, enum breaking breaking)
{
    struct consent_object object = {.person = person,
                                    .source_member = member_id,
                                    .kind = CONSENT_IDENTITY};
    struct consent_decision d;

    if (member_id == 0 || member_id == rq->principal.member->id)
        return true;
    d = consent_decide(&rq->principal, &object, rq->now_us, policies);
    if (d.overrode != NULL && d.emergency == NULL && breaking == OPENS_NONE) {
        d.effect = CONSENT_DENY;
        d.rule = d.overrode;
        d.overrode = NULL;
    }
    consent_decided(rq, person, &d);
    consent_break_glass(rq, person, &d, policies);
    return d.effect == CONSENT_PERMIT;
}

static void gate(struct request *rq, const struct person *person,
                 const struct mpi_identifiers *found, const struct consent_policies *policies,
                 enum breaking breaking, struct identity_visible *out)
{
    *out = (struct identity_visible){
        .items = ARENA_ARRAY(rq->arena, found->count, struct mpi_identifier),
    };
    for (size_t i = 0; i < found->count; i++) {
        if (!found->items[i].active ||
            !member_knows_domain(rq->principal.member, found->items[i].id.authority))
            continue;
        if (may_see(rq, person, found->items[i].member_id, policies, breaking))
            out->items[out->count++] = found->items[i];
        else
            out->withheld++;
    }
    metric_add(METRIC_consent_denials_total, out->withheld);
}

void identity_gate(struct request *rq, const struct person *person,
                   const struct mpi_identifiers *found, const struct consent_policies *policies,
                   struct identity_visible *out)
{
    gate(rq, person, found, policies, OPENS, out);
}

static bool is_told(const struct request *rq, const struct mpi_found_record *r)
{
    for (size_t i = 0; i < r->id_count; i++)
        if (r->active[i] && member_knows_domain(rq->principal.member, r->ids[i].authority))
            return true;
    return false;
}

static size_t identifiers_of(const struct request *rq, const struct mpi_found_person *p,
                             struct mpi_identifier *out)
{
    size_t n = 0;

    for (size_t i = 0; i < p->record_count; i++)
        for (size_t j = 0; j < p->records[i].id_count; j++) {
            const struct mpi_found_record *r = &p->records[i];
            bool xad = str_eq(r->ids[j].authority, str_from(rq->config->xad_authority));

            if (out != NULL)
                out[n] = (struct mpi_identifier){
                    .person = p->person.ref,
                    .id = r->ids[j],
                    .place = r->place,
                    .member_id = xad ? 0 : r->member_id,
                    .active = r->active[j],
                };
            n++;
        }
    return n;
}

void identity_gate_person(struct request *rq, const struct mpi_found_person *found,
                          const struct consent_policies *policies, struct identity_seen *out)
{
    struct mpi_identifiers ids = {.count = identifiers_of(rq, found, NULL)};

    ids.items = ARENA_ARRAY(rq->arena, ids.count, struct mpi_identifier);
    identifiers_of(rq, found, ids.items);
    *out = (struct identity_seen){
        .person = found->person.ref,
        .records = ARENA_ARRAY(rq->arena, found->record_count, const struct mpi_found_record *),
    };
    gate(rq, &found->person, &ids, policies, OPENS_NONE, &out->ids);
    for (size_t i = 0; i < found->record_count; i++) {
        const struct mpi_found_record *r = &found->records[i];

        if (!r->anchor && is_told(rq, r) &&
            may_see(rq, &found->person, r->member_id, policies, OPENS_NONE))
            out->records[out->record_count++] = r;
    }
}

bool identity_visible_has(const struct identity_visible *v, struct identifier id)
{
    for (size_t i = 0; i < v->count; i++)
        if (identifier_eq(v->items[i].id, id))
            return true;
    return false;
}
