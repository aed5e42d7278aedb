#include "xds/register.h"

#include "hub/soap.h"
#include "xds/response.h"
#include "xds/submit.h"

static enum status submit(struct request *rq, struct reply *rp, enum xds_rules rules)
{
    struct xds_submission *s;

    TRY(xds_submission_read(rq, rq->message.soap->body, rules, &s));
    TRY(xds_submit(rq, s));
    return xds_registry_response(rq, rp);
}

enum status xds_register(struct request *rq, struct reply *rp)
{
    return submit(rq, rp, XDS_REGISTER);
}

enum status xds_register_on_demand(struct request *rq, struct reply *rp)
{
    return submit(rq, rp, XDS_REGISTER_ON_DEMAND);
}

enum status xds_update(struct request *rq, struct reply *rp)
{
    return submit(rq, rp, XDS_UPDATE);
}

enum status xds_update_restricted(struct request *rq, struct reply *rp)
{
    return submit(rq, rp, XDS_RESTRICTED_UPDATE);
}
