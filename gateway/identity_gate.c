#include "gateway/identity_gate.h"

static bool may_see(const struct request *rq, const struct person *person,
                    const struct mpi_identifier *id, const struct consent_policies *policies)
{
    struct consent_object object = {.person = person, .source_member = id->member_id};

    if (id->member_id == 0 || id->member_id == rq->principal.member->id)
        return true;
    return consent_decide(&rq->principal, &object, rq->now_us, policies).effect == CONSENT_PERMIT;
}

void identity_gate(struct request *rq, const struct person *person,
                   const struct mpi_identifiers *found, const struct consent_policies *policies,
                   struct identity_visible *out)
{
    *out = (struct identity_visible){
        .items = ARENA_ARRAY(rq->arena, found->count, struct mpi_identifier),
    };
    for (size_t i = 0; i < found->count; i++) {
        if (!found->items[i].active ||
            !member_knows_domain(rq->principal.member, found->items[i].id.authority))
            continue;
        if (may_see(rq, person, &found->items[i], policies))
            out->items[out->count++] = found->items[i];
        else
            out->withheld++;
    }
    metric_add(METRIC_consent_denials_total, out->withheld);
}

bool identity_visible_has(const struct identity_visible *v, struct identifier id)
{
    for (size_t i = 0; i < v->count; i++)
        if (identifier_eq(v->items[i].id, id))
            return true;
    return false;
}
