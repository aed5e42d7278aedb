#include "hub/principal.h"

/* One who is refused is named too, by the directory in force: the audit row says who it was. */
enum status principal_build(struct request *rq)
{
    const struct member *m = member_by_id(rq->members, rq->exchange->peer->member_id);

    rq->principal = (struct principal){
        .member = m,
        .role = STR("system"),
        .purpose = STR("TREAT"),
    };
    if (m == NULL || m->suspended)
        return fail(rq->err, DENIED, "suspended",
                    "This member is not, or no longer, admitted; ask the operator of the hub");
    return OK;
}
