#include "consent/emergency.h"

#include "consent/consent_store.h"
#include "consent/domain_store.h"
#include "consent/people.h"
#include "consent/purpose.h"
#include "hub/emergency.h"

static const struct statement OPEN = {
    "break_glass_open",
    "INSERT INTO break_glass (pkey, person_id, emergency_id, member_id, user_id, assertion,"
    "       purpose, opened_at, until_at, review_due_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
};

static struct str detail_of(struct request *rq, const struct consent_decision *d, int64_t until_us)
{
    struct arena *a = rq->arena;

    return str_printf(a, "%s %.*s v%lld, until %.*s: %.*s", d->overrode,
                      STR_ARG(uuid_text(a, d->policy)), (long long)d->policy_version,
                      STR_ARG(clock_iso(a, until_us)), STR_ARG(rq->principal.reason));
}

/* The end of its time box. */
static int64_t open_emergency(struct request *rq, const struct person *person,
                              const struct consent_domain *domain, struct uuid id)
{
    const struct principal *p = &rq->principal;
    struct coded purpose = consent_purpose(p->purpose);
    const struct consent_emergency_terms *t = consent_emergency_terms_of(domain, purpose);

    must(t != NULL, "an emergency has terms");
    db_queue(rq->db, &OPEN, NULL, DB_INT8(person->ref.pkey), DB_INT8(person->ref.person_id),
             DB_UUID(id), DB_INT8(p->member->id), DB_TEXT(p->user), DB_TEXT(p->assertion),
             DB_TEXT(consent_code_text(rq->arena, purpose)), DB_TIME(rq->now_us),
             DB_TIME(rq->now_us + t->box_us), DB_TIME(rq->now_us + t->review_us));
    consent_epoch_bump(rq->db, person->ref);
    return rq->now_us + t->box_us;
}

void consent_break_glass(struct request *rq, const struct person *person,
                         const struct consent_decision *d, const struct consent_policies *policies)
{
    struct emergency e = {.person = person->ref};
    int64_t until_us;

    if (d->overrode == NULL || emergency_is_noted(rq, person->ref))
        return;
    if (d->emergency != NULL) {
        e.id = d->emergency->id;
        until_us = d->emergency->until_us;
    } else {
        struct identifier xad = {str_from(rq->config->xad_authority), person->xad_pid};

        e.id = uuid_v7();
        e.patient = identifier_cx(rq->arena, xad);
        until_us = open_emergency(rq, person, policies->domain, e.id);
        metric_add(METRIC_consent_emergencies_total, 1);
    }
    e.detail = detail_of(rq, d, until_us);
    emergency_note(rq, &e);
}
