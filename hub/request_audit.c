#include "hub/request_audit.h"

#include "hub/emergency.h"
#include "hub/hub.h"

/* Our URL as it was called; of an HL7 v2 message whom it addressed. */
static struct str endpoint_of(const struct request *rq)
{
    if (rq->exchange->wire != WIRE_HTTP)
        return rq->addressee.n > 1 ? rq->addressee : rq->hub->endpoint;
    return str_printf(rq->arena, "%.*s%.*s", STR_ARG(rq->hub->endpoint),
                      STR_ARG(rq->exchange->head.path));
}

static struct audit_context audit_context_of(struct request *rq)
{
    const struct peer *peer = rq->exchange->peer;
    const struct member *m = rq->principal.member;
    const struct principal *p = &rq->principal;

    return (struct audit_context){
        .transaction = rq->transaction ? rq->transaction->name : "?",
        .kind = rq->transaction ? rq->transaction->audit : (struct audit_kind){"110113", 'E'},
        .request = rq->id,
        .at_us = rq->now_us,
        .member_id = m ? m->id : 0,
        .member = m ? m->name : STR_NONE,
        .user = p->user.n > 0 ? p->user : rq->claimed_user,
        .role = rq->principal.role.code,
        .purpose = rq->principal.purpose.code,
        .peer = str_printf(rq->arena, "%s %s", peer->address, peer->subject),
        .endpoint = endpoint_of(rq),
        .user_name = p->user_name,
        .organization = p->organization,
        .role_system = p->role.system,
        .purpose_system = p->purpose.system,
        .assertion = p->assertion,
        .sender = rq->sender,
        .fingerprint = peer->fingerprint,
    };
}

enum status request_audit_make(struct request *rq, struct audit_ready *ready)
{
    struct audit_context c = audit_context_of(rq);

    emergencies_tell(rq);
    return audit_ready_make(rq->arena, &c, &rq->audit, ready, rq->err);
}

void request_audit_failure(struct request *rq, enum status status)
{
    struct audit_row *row;

    rq->audit = (struct audit_list){.decisions = rq->audit.decisions};
    rq->emergencies = NULL;
    row = audit_add(rq->arena, &rq->audit);
    row->outcome = status == INTERNAL || status == UPSTREAM ? AUDIT_MAJOR : AUDIT_SERIOUS;
    row->patient = rq->patient;
    row->pkey = rq->person.pkey;
    row->person_id = rq->person.person_id;
    row->objects = rq->about;
    if (rq->err->first != NULL)
        row->description =
            str_printf(rq->arena, "%s: %.*s", rq->err->first->code, STR_ARG(rq->err->first->text));
}
