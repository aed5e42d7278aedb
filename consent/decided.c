#include "consent/decided.h"

#include "consent/explain.h"

struct str consent_obligations_text(struct arena *a, unsigned obligations)
{
    struct strbuf b = strbuf_on(a, 32);

    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (obligations & 1u << o)
            strbuf_addf(&b, "%s%s", b.n > 0 ? " " : "",
                        consent_obligation_word((enum consent_obligation)o));
    return strbuf_str(&b);
}

void consent_decided(struct request *rq, const struct person *person,
                     const struct consent_decision *d)
{
    bool permits = d->effect == CONSENT_PERMIT;

    audit_decided(rq->arena, &rq->audit,
                  &(struct audit_decision){
                      .pkey = person->ref.pkey,
                      .person_id = person->ref.person_id,
                      .permits = permits,
                      .rule = d->rule,
                      .overrode = d->overrode,
                      .reason = permits ? "" : consent_reason_class(d->rule),
                      .policy = d->policy,
                      .version = d->policy_version,
                      .obligations = d->obligations != 0
                                         ? consent_obligations_text(rq->arena, d->obligations)
                                         : STR(""),
                  });
}
