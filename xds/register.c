#include "xds/register.h"

#include "hub/soap.h"
#include "xds/response.h"
#include "xds/submit.h"

enum status xds_register(struct request *rq, struct reply *rp)
{
    struct xds_submission *s;

    TRY(xds_submission_read(rq, rq->message.soap->body, &s));
    TRY(xds_submit(rq, s));
    return xds_registry_response(rq, rp);
}
