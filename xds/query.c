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

/* The query as it came: an audit record keeps it whole. The copy declares what the Envelope did,
 * so that it can be read by itself. */
static struct str query_text(struct request *rq, xmlNode *request)
{
    xmlNode *copy = request != NULL ? xmlDocCopyNode(request, request->doc, 1) : NULL;
    xmlBuffer *buffer = xmlBufferCreate();
    struct str text = STR_NONE;

    if (copy != NULL && buffer != NULL && xmlNodeDump(buffer, request->doc, copy, 0, 0) >= 0)
        text =
            str_dup(rq->arena, str_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)));
    xmlBufferFree(buffer);
    xmlFreeNode(copy);
    return text;
}

static struct str patient_shown(struct request *rq, const struct person *p)
{
    struct identifier id = {str_from(rq->config->xad_authority), p->xad_pid};

    return identifier_cx(rq->arena, id);
}

/* A row with the query in it. */
static struct audit_row *add_row(struct request *rq, struct str patient, struct person_ref person)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->objects = rq->about;
    row->patient = patient;
    row->pkey = person.pkey;
    row->person_id = person.person_id;
    return row;
}

static void note_withheld(struct request *rq, struct audit_row *row, size_t count)
{
    if (count > 0)
        row->description = str_printf(rq->arena, "withheld by consent: %zu", count);
}

/* How much of what was found of a person is not shown. */
static size_t withheld_of(const struct person *p, const struct xds_candidates *found,
                          const struct xds_visible *seen)
{
    size_t n = 0;

    for (size_t i = 0; i < found->n; i++)
        n += found->v[i].person == p && !found->v[i].witness;
    for (size_t i = 0; i < xds_visible_count(seen); i++)
        n -= xds_visible_person(seen, i) == p;
    return n;
}

/* One row a patient: the one that the query names, else each of whom something was found, shown or
 * withheld; a query that reached nobody has a row of its own. */
static void audit_query(struct request *rq, const struct xds_candidates *found,
                        const struct xds_visible *seen)
{
    size_t people = rq->patient.n > 0 ? 0 : found->people.count;

    for (size_t i = 0; i < people; i++) {
        const struct person *p = &found->people.people[i];
        struct audit_row *row = add_row(rq, patient_shown(rq, p), p->ref);

        note_withheld(rq, row, withheld_of(p, found, seen));
    }
    if (people == 0)
        note_withheld(rq, add_row(rq, rq->patient, rq->person), xds_visible_withheld(seen));
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
    xds_error_list_write(w, XDS_AT_REGISTRY, rq->err);
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

static enum status read_query(struct request *rq, struct xds_query *q)
{
    xmlNode *request = rq->message.soap->body;
    enum status s = xds_query_read(rq->arena, request, q, rq->err);

    request_about(rq, "query", q->id, query_text(rq, request));
    return s;
}

enum status xds_query(struct request *rq, struct reply *rp)
{
    const struct xds_visible *seen;
    struct xds_candidates found;
    struct xds_query q;

    TRY(read_query(rq, &q));
    TRY(q.type->find(rq, &q, &found));
    TRY(xds_gate(rq, &found, &seen));
    TRY(check_limits(rq, &q, seen));
    audit_query(rq, &found, seen);
    return write_response(rq, &q, seen, rp);
}

enum status xds_query_failure(struct request *rq, struct reply *rp)
{
    struct soap_answer answer;

    return end_response(begin_response(rq, &answer, XDS_FAILURE), &answer, rp);
}
