/* The room's doors. */
#include "xds/module.h"

#include "hub/soap.h"
#include "hub/soap_async.h"
#include "xds/kept.h"
#include "xds/query.h"
#include "xds/register.h"
#include "xds/relabel.h"
#include "xds/remove.h"
#include "xds/repository.h"
#include "xds/response.h"

static const struct transaction registry[] = {
    {
        .name = "ITI-18",
        .action = "urn:ihe:iti:2007:RegistryStoredQuery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = xds_query,
        .render_failure = xds_query_failure,
        .door = DISCLOSES("metadata of documents, submission sets, folders and associations"),
    },
    {
        .name = "ITI-51",
        .action = "urn:ihe:iti:2009:MultiPatientStoredQuery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = xds_query,
        .render_failure = xds_query_failure,
        .door = DISCLOSES("metadata of several patients' documents and folders"),
    },
    {
        .name = "ITI-42",
        .action = "urn:ihe:iti:2007:RegisterDocumentSet-b",
        .isolation = READ_COMMITTED,
        .audit = {"110107", 'C'},
        .handle = xds_register,
        .render_failure = xds_registry_failure,
        .door = DISCLOSES_NOTHING("it takes metadata; the answer says whether it did"),
    },
    {
        .name = "ITI-61",
        .action = "urn:ihe:iti:2010:RegisterOnDemandDocumentEntry",
        .isolation = READ_COMMITTED,
        .audit = {"110107", 'C'},
        .handle = xds_register_on_demand,
        .render_failure = xds_registry_failure,
        .door = DISCLOSES_NOTHING("it takes metadata; the answer says whether it did"),
    },
    {
        .name = "ITI-57",
        .action = "urn:ihe:iti:2010:UpdateDocumentSet",
        .isolation = READ_COMMITTED,
        .audit = {"110107", 'U'},
        .handle = xds_update,
        .render_failure = xds_registry_failure,
        .door = DISCLOSES_NOTHING("it takes metadata; the answer says whether it did"),
    },
    {
        .name = "ITI-92",
        .action = "urn:ihe:iti:2018:RestrictedUpdateDocumentSet",
        .isolation = READ_COMMITTED,
        .audit = {"110107", 'U'},
        .handle = xds_update_restricted,
        .render_failure = xds_registry_failure,
        .door = DISCLOSES_NOTHING("it takes metadata; the answer says whether it did"),
    },
    {
        .name = "ITI-62",
        .action = "urn:ihe:iti:2010:DeleteDocumentSet",
        .isolation = READ_COMMITTED,
        .audit = {"110110", 'D'},
        .handle = xds_remove_metadata,
        .render_failure = xds_registry_failure,
        .door = DISCLOSES_NOTHING(
            "it removes what the sender published; the answer says whether it did"),
    },
    {.name = NULL},
};

static const struct transaction repository[] = {
    {
        .name = "ITI-41",
        .action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b",
        .isolation = READ_COMMITTED,
        .mtom = true,
        .audit = {"110107", 'C'},
        .handle = xds_provide,
        .render_failure = xds_provide_failure,
        .door = DISCLOSES_NOTHING("it takes documents; the answer says whether it did"),
    },
    {
        .name = "ITI-43",
        .action = "urn:ihe:iti:2007:RetrieveDocumentSet",
        .isolation = REPEATABLE_READ,
        .recalls = true,
        .mtom = true,
        .audit = {"110106", 'R'},
        .handle = xds_retrieve,
        .render_failure = xds_retrieve_failure,
        .door = DISCLOSES("documents"),
    },
    {
        .name = "ITI-86",
        .action = "urn:ihe:iti:2017:RemoveDocuments",
        .isolation = READ_COMMITTED,
        .audit = {"110110", 'D'},
        .handle = xds_remove_documents,
        .render_failure = xds_removal_failure,
        .door = DISCLOSES_NOTHING(
            "it removes what the sender published; the answer says whether it did"),
    },
    {.name = NULL},
};

static const struct route routes[] = {
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xds/registry",
        .protocol = &soap_protocol,
        .transactions = registry,
    },
    {
        .wire = WIRE_HTTP,
        .method = "POST",
        .path = "/xds/repository",
        .protocol = &soap_protocol,
        .transactions = repository,
        .sink = &xds_part_sink,
    },
    {.protocol = NULL},
};

static enum status begin(const struct config *config, struct errors *err)
{
    xds_kept_open(config);
    return xds_repository_open(config, err);
}

const struct hub_module xds_module = {
    .name = "xds",
    .routes = routes,
    .carriers = soap_carriers,
    .init = begin,
    .doors = xds_query_doors,
    .tend = xds_relabel,
    .stop = xds_repository_close,
};
