#include "gateway/sender.h"

#include "gateway/hl7.h"

enum status sender_check(struct request *rq)
{
    const struct hl7_message *m = rq->message.hl7;

    if (member_owns_application(rq->members, rq->principal.member, m->application, m->facility))
        return OK;
    return fail_at(rq->err, STR("MSH^1^3"), DENIED, "207",
                   "MSH-3 and MSH-4 are not registered for the member of this connection's"
                   " certificate");
}
