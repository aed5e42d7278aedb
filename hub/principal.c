#include "hub/principal.h"

/* A connection lives longer than the handshake that named its member: its certificate may have been
 * removed or have expired since. Connections are cut for the first a moment later (hub/keeper.c);
 * a request of that moment must not be served either. */
static bool certificate_holds(const struct request *rq, const struct member *m)
{
    const struct peer *peer = rq->exchange->peer;

    return member_by_cert(rq->members, peer->fingerprint, peer->chain_valid, rq->now_us) == m;
}

static struct principal machine_of(const struct member *m)
{
    return (struct principal){
        .member = m,
        .role.code = STR("system"),
        .purpose.code = STR("TREAT"),
    };
}

/* One who is refused is named too, by the directory in force: the audit row says who it was. */
enum status principal_build(struct request *rq)
{
    const struct member *m = member_by_id(rq->members, rq->exchange->peer->member_id);

    rq->principal = machine_of(m);
    if (m == NULL || m->suspended)
        return fail(rq->err, DENIED, "suspended",
                    "This member is not, or no longer, admitted; ask the operator of the hub");
    if (!certificate_holds(rq, m))
        return fail(rq->err, DENIED, "certificate",
                    "This connection's certificate has expired or is no longer registered; connect"
                    " with the one that is");
    return OK;
}

enum status principal_of_addressee(struct request *rq, int64_t member_id)
{
    const struct member *m = member_by_id(rq->members, member_id);

    rq->principal = machine_of(m);
    if (m != NULL && !m->suspended)
        return OK;
    return fail(rq->err, DENIED, "suspended", "This member is not, or no longer, admitted");
}
