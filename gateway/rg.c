#include "gateway/rg.h"

#include "hub/base/oid.h"
#include "hub/data/xml.h"
#include "hub/soap.h"
#include "xds/query.h"
#include "xds/repository.h"
#include "xds/response.h"
#include "xds/retrieval.h"

#define NS_XDR "urn:ihe:iti:xdr:2014"

static struct str home_urn(struct request *rq)
{
    return str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id);
}

static bool is_ours(const struct request *rq, struct str home)
{
    return str_eq(oid_strip_urn(home), str_from(rq->config->home_community_id));
}

static enum status unknown_community(struct request *rq, struct str home)
{
    return fail(rq->err, INVALID, "XDSUnknownCommunity", "This community is urn:oid:%s, not %.*s",
                rq->config->home_community_id, STR_ARG(str_slice(home, 0, 120)));
}

/* --- ITI-38 ------------------------------------------------------------------------------------
 */

/* What is asked by objects, not by a patient, has to say whose objects (3.38.4.1.2.1). */
static enum status check_home(struct request *rq, const struct xds_query *q)
{
    struct str home = rq->about->home;

    if (home.n > 0)
        return is_ours(rq, home) ? OK : unknown_community(rq, home);
    if (xds_query_argument_of(q, XDS_VALUE_PATIENT) != NULL)
        return OK;
    return fail(rq->err, INVALID, "XDSMissingHomeCommunityId",
                "%s needs the home attribute of rim:AdhocQuery", q->type->name);
}

/* Communities know patients by the identifier that this one told them, and by no other. */
static enum status check_domain(struct request *rq, const struct xds_query *q)
{
    const struct xds_argument *patient = xds_query_argument_of(q, XDS_VALUE_PATIENT);
    struct identifier id;

    for (size_t i = 0; patient != NULL && i < patient->n; i++)
        for (size_t k = 0; k < patient->groups[i].n; k++)
            if (!identifier_parse_cx(patient->groups[i].v[k], &id) ||
                !str_eq(id.authority, str_from(rq->config->xad_authority)))
                return fail(rq->err, INVALID, "XDSUnknownPatientId",
                            "Patients of this community are asked for by identifiers of %s",
                            rq->config->xad_authority);
    return OK;
}

static enum status query(struct request *rq, struct reply *rp)
{
    const struct xds_visible *seen;
    struct soap_answer answer;
    struct xml_writer *w;
    struct xds_query q;

    TRY(xds_query_open(rq, &q));
    TRY(check_home(rq, &q));
    TRY(check_domain(rq, &q));
    TRY(xds_query_run(rq, &q, &seen));
    w = xds_query_response_begin(rq, &answer, XDS_SUCCESS, xds_visible_obligations(seen));
    xds_query_response_write(rq, w, &q, seen);
    return xds_query_response_end(w, &answer, rp);
}

/* Each error says which community it comes from (3.38.4.1.3). */
static void place_errors(struct request *rq)
{
    for (struct failure *f = rq->err->first; f != NULL; f = f->next)
        f->location = home_urn(rq);
}

static enum status query_failure(struct request *rq, struct reply *rp)
{
    place_errors(rq);
    return xds_query_failure(rq, rp);
}

/* --- ITI-39 ------------------------------------------------------------------------------------
 */

static enum status check_homes(struct request *rq, const struct xds_retrieval *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].home.n == 0)
            return fail_at(rq->err, r->v[i].unique_id, INVALID, "XDSMissingHomeCommunityId",
                           "Each DocumentRequest needs a HomeCommunityId; that of %.*s has none",
                           STR_ARG(str_slice(r->v[i].unique_id, 0, 120)));
    return OK;
}

static enum status retrieve(struct request *rq, struct reply *rp)
{
    struct xds_retrieval r = {0};

    TRY(xds_retrieval_read(rq, &r));
    TRY(check_homes(rq, &r));
    for (size_t i = 0; i < r.n; i++)
        xds_retrieval_at_home(rq, &r.v[i], home_urn(rq));
    TRY(xds_retrieval_find(rq, &r));
    return xds_retrieval_answer(rq, &r, rp);
}

/* What ITI-43 says of the location, plus the home community id (3.39.4.1.3). */
static enum status retrieve_failure(struct request *rq, struct reply *rp)
{
    struct str home = home_urn(rq);

    for (struct failure *f = rq->err->first; f != NULL; f = f->next)
        f->location = f->location.n == 0
                          ? home
                          : str_printf(rq->arena, "%.*s %.*s", STR_ARG(f->location), STR_ARG(home));
    return xds_retrieve_failure(rq, rp);
}

/* --- ITI-80 ------------------------------------------------------------------------------------
 */

/* XCDR: the header block homeCommunityBlock names the community that is provided to. */
static struct str home_of_header(struct request *rq)
{
    const xmlNode *block = xml_child(rq->message.soap->header, NS_XDR, "homeCommunityBlock");

    if (block == NULL)
        return STR_NONE;
    return str_trim(xml_text_of(rq->arena, block, NS_XDR, "homeCommunityId"));
}

static enum status provide(struct request *rq, struct reply *rp)
{
    struct str home = home_of_header(rq);

    if (home.n > 0 && !is_ours(rq, home))
        return unknown_community(rq, home);
    return xds_provide(rq, rp);
}

static enum status provide_failure(struct request *rq, struct reply *rp)
{
    place_errors(rq);
    return xds_provide_failure(rq, rp);
}

/* --- the table ---------------------------------------------------------------------------------
 */

const struct transaction rg_query_transactions[] = {
    {
        .name = "ITI-38",
        .action = "urn:ihe:iti:2007:CrossGatewayQuery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = query,
        .render_failure = query_failure,
        .door = DISCLOSES("metadata, to another community"),
    },
    {.name = NULL},
};

const struct transaction rg_retrieve_transactions[] = {
    {
        .name = "ITI-39",
        .action = "urn:ihe:iti:2007:CrossGatewayRetrieve",
        .isolation = REPEATABLE_READ,
        .mtom = true,
        .audit = {"110106", 'R'},
        .handle = retrieve,
        .render_failure = retrieve_failure,
        .door = DISCLOSES("documents, to another community"),
    },
    {.name = NULL},
};

const struct transaction rg_provide_transactions[] = {
    {
        .name = "ITI-80",
        .action = "urn:ihe:iti:2015:CrossGatewayDocumentProvide",
        .isolation = READ_COMMITTED,
        .mtom = true,
        .audit = {"110107", 'C'},
        .handle = provide,
        .render_failure = provide_failure,
        .door = DISCLOSES_NOTHING("it takes documents; the answer says whether it did"),
    },
    {.name = NULL},
};
