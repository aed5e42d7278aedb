#include "gateway/module.h"

#include "gateway/hl7_store.h"
#include "gateway/iti55.h"
#include "gateway/mllp.h"
#include "gateway/notify.h"
#include "gateway/rediscover.h"
#include "gateway/rg.h"
#include "gateway/upkeep.h"
#include "gateway/v3_doors.h"
#include "gateway/xca_query.h"
#include "gateway/xca_retrieve.h"
#include "gateway/xcdr.h"
#include "hub/hub.h"
#include "hub/soap.h"
#include "xds/repository.h"

static const struct route ROUTES[] = {
    {.wire = WIRE_MLLP, .protocol = &mllp_protocol, .transactions = mllp_transactions},
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/pix",
        .protocol = &soap_protocol,
        .transactions = v3_pix_transactions,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/pdq",
        .protocol = &soap_protocol,
        .transactions = v3_pdq_transactions,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/ig/query",
        .protocol = &soap_protocol,
        .transactions = xca_query_transactions,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/ig/retrieve",
        .protocol = &soap_protocol,
        .transactions = xca_retrieve_transactions,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/ig/provide",
        .protocol = &soap_protocol,
        .transactions = xcdr_transactions,
        .sink = &xds_part_sink,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/rg/query",
        .protocol = &soap_protocol,
        .transactions = rg_query_transactions,
        .audience = FOR_COMMUNITIES,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/rg/retrieve",
        .protocol = &soap_protocol,
        .transactions = rg_retrieve_transactions,
        .audience = FOR_COMMUNITIES,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xca/rg/provide",
        .protocol = &soap_protocol,
        .transactions = rg_provide_transactions,
        .sink = &xds_part_sink,
        .audience = FOR_COMMUNITIES,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xcpd",
        .protocol = &soap_protocol,
        .transactions = iti55_transactions,
        .audience = FOR_COMMUNITIES,
    },
    {.protocol = NULL},
};

static enum status start(const struct config *config, struct errors *err)
{
    const unsigned char *key;

    TRY(hub_master_key(config, &key, err));
    hl7_store_init(key);
    return iti55_check(config, err);
}

const struct hub_module gateway_module = {.name = "gateway",
                                          .routes = ROUTES,
                                          .carriers = notify_carriers,
                                          .tend = gateway_tend,
                                          .stop = rediscover_stop,
                                          .doors = rediscover_doors,
                                          .init = start};
