#include "hub/principal.h"

enum status principal_build(struct request *rq)
{
    const struct member *m = member_by_id(rq->members, rq->exchange->peer->member_id);

    if (m == NULL || m->suspended)
        return fail(rq->err, DENIED, "suspended",
                    "This member is not, or no longer, admitted; ask the operator of the hub");
    rq->principal = (struct principal){
        .member = m,
        .role = STR("system"),
        .purpose = STR("TREAT"),
    };
    return OK;
}
