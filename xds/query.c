/* The handler of ITI-18, and its answer. */
#include "xds/query.h"

#include <libxml/tree.h>
#include <string.h>

#include "hub/soap.h"
#include "xds/response.h"
#include "xds/rim_write.h"

static bool same_person(const struct person *a, const struct person *b)
{
    return person_ref_eq(a->ref, b->ref);
}

/* What may not be answered, judged by what would be shown: never a silent cut, and whole objects
 * of one patient only (3.18.4.1.3). */
static enum status check_limits(struct request *rq, const struct xds_query *q,
                                const struct xds_visible *seen)
{
    size_t n = xds_visible_count(seen);

    if (n > (size_t)rq->config->max_results)
        return fail(rq->err, INVALID, "XDSTooManyResults",
                    "this query has more than %lld results; narrow it",
                    (long long)rq->config->max_results);
    for (size_t i = 1; q->leaf_class && i < n; i++)
        if (!same_person(xds_visible_person(seen, 0), xds_visible_person(seen, i)))
            return fail(rq->err, INVALID, "XDSResultNotSinglePatient",
                        "these documents are of several patients: ask for ObjectRefs");
    return OK;
}

/* --- audit -------------------------------------------------------------------------------------
 */

/* The query as it came: an audit record keeps it whole. */
static struct str query_text(struct request *rq, xmlNode *request)
{
    xmlBuffer *buffer = xmlBufferCreate();
    struct str text = STR_NONE;

    if (buffer != NULL && xmlNodeDump(buffer, request->doc, request, 0, 0) >= 0)
        text =
            str_dup(rq->arena, str_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)));
    xmlBufferFree(buffer);
    return text;
}

static struct str patient_shown(struct request *rq, const struct person *p)
{
    struct identifier id = {str_from(rq->config->xad_authority), p->xad_pid};

    return identifier_cx(rq->arena, id);
}

static struct audit_row *add_row(struct request *rq, const struct xds_query *q, struct str text)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    audit_object_add(rq->arena, row, "query", str_from(q->type->id), text);
    return row;
}

/* One row a patient: the one that the query names, else each whose objects are shown; a query that
 * reached nobody has a row of its own. */
static void audit_query(struct request *rq, const struct xds_query *q,
                        const struct xds_visible *seen)
{
    struct str text = query_text(rq, rq->message.soap->body);
    size_t n = rq->patient.n > 0 ? 0 : xds_visible_count(seen);
    struct audit_row *row;

    for (size_t i = 0; i < n; i++) {
        const struct person *p = xds_visible_person(seen, i);
        size_t j = 0;

        while (j < i && !same_person(p, xds_visible_person(seen, j)))
            j++;
        if (j < i)
            continue;
        row = add_row(rq, q, text);
        row->pkey = p->ref.pkey;
        row->person_id = p->ref.person_id;
        row->patient = patient_shown(rq, p);
    }
    if (n > 0)
        return;
    row = add_row(rq, q, text);
    row->patient = rq->patient;
    row->pkey = rq->person.pkey;
    row->person_id = rq->person.person_id;
    if (xds_visible_withheld(seen) > 0)
        row->description =
            str_printf(rq->arena, "withheld by consent: %zu", xds_visible_withheld(seen));
}

/* --- answer ------------------------------------------------------------------------------------
 */

static struct xml_writer *begin_response(struct request *rq, struct soap_answer *answer,
                                         const char *status)
{
    struct xml_writer *w = soap_answer_begin(rq, answer, NULL);

    xml_begin(w, "query:AdhocQueryResponse");
    xml_attribute(w, "xmlns:query", STR("urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"));
    xml_attribute(w, "xmlns:rs", STR(XDS_RS_NS));
    xml_attribute(w, "xmlns:rim", STR(XDS_RIM_NS));
    xml_attribute(w, "status", str_from(status));
    xds_error_list_write(w, rq->err);
    xml_begin(w, "rim:RegistryObjectList");
    return w;
}

static enum status end_response(struct xml_writer *w, struct soap_answer *answer, struct reply *rp)
{
    xml_end(w, "rim:RegistryObjectList");
    xml_end(w, "query:AdhocQueryResponse");
    return soap_answer_end(answer, rp);
}

static enum status write_response(struct request *rq, const struct xds_query *q,
                                  const struct xds_visible *seen, struct reply *rp)
{
    struct soap_answer answer;
    struct xml_writer *w = begin_response(rq, &answer, XDS_SUCCESS);
    struct xds_face face = {STR_NONE,
                            str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id)};

    for (size_t i = 0; i < xds_visible_count(seen); i++) {
        if (!q->leaf_class) {
            xds_rim_write_ref(w, xds_visible_object(seen, i), &face);
            continue;
        }
        face.patient_id = patient_shown(rq, xds_visible_person(seen, i));
        xds_rim_write(w, rq->arena, xds_visible_object(seen, i), &face);
    }
    return end_response(w, &answer, rp);
}

enum status xds_query(struct request *rq, struct reply *rp)
{
    const struct xds_visible *seen;
    struct xds_candidates found;
    struct xds_query q;

    TRY(xds_query_read(rq->arena, rq->message.soap->body, &q, rq->err));
    TRY(q.type->find(rq, &q, &found));
    TRY(xds_gate(rq, &found, &seen));
    TRY(check_limits(rq, &q, seen));
    audit_query(rq, &q, seen);
    return write_response(rq, &q, seen, rp);
}

enum status xds_query_failure(struct request *rq, struct reply *rp)
{
    struct soap_answer answer;

    return end_response(begin_response(rq, &answer, XDS_FAILURE), &answer, rp);
}
