/* The handler of ITI-18, and its answer. */
#include "xds/query.h"

#include <libxml/tree.h>
#include <string.h>

#include "hub/audit/event.h"
#include "hub/soap.h"
#include "xds/find.h"
#include "xds/response.h"
#include "xds/rim_write.h"

/* What may not be answered, judged by what would be shown: never a silent cut. */
static enum status check_count(struct request *rq, const struct xds_visible *seen)
{
    if (xds_visible_count(seen) <= (size_t)rq->config->max_results)
        return OK;
    return fail(rq->err, INVALID, "XDSTooManyResults",
                "this query has more than %lld results; narrow it",
                (long long)rq->config->max_results);
}

/* Whole objects of one patient only, but for ITI-51 (3.18.4.1.3). Associations are nobody's. */
static enum status check_patient(struct request *rq, const struct xds_query *q,
                                 const struct xds_visible *seen)
{
    const struct person *first = NULL;

    if (!q->leaf_class || strcmp(q->type->transaction, "ITI-18") != 0)
        return OK;
    for (size_t i = 0; i < xds_visible_count(seen); i++) {
        const struct person *p = xds_visible_person(seen, i);

        if (xds_visible_object(seen, i)->kind == XDS_ASSOCIATION)
            continue;
        first = first ? first : p;
        if (!person_ref_eq(first->ref, p->ref))
            return fail(rq->err, INVALID, "XDSResultNotSinglePatient",
                        "%s finds objects of several patients, %.*s for one: ask for ObjectRefs",
                        q->type->name, STR_ARG(xds_visible_object(seen, i)->id));
    }
    return OK;
}

/* --- audit -------------------------------------------------------------------------------------
 */

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

/* What was found, and what of it is shown. */
struct answer {
    const struct xds_candidates *found;
    const bool *meant; /* of found: what would be shown if nothing were hidden */
    const struct xds_visible *seen;
};

/* How much of a person, or of all, was meant, and is shown. */
struct told {
    size_t meant, shown;
};

static size_t withheld(struct told told)
{
    return told.meant > told.shown ? told.meant - told.shown : 0;
}

/* One for each of found->people, and one for all, which is the last. */
static struct told *tell(struct request *rq, const struct answer *answer)
{
    const struct mpi_people *people = &answer->found->people;
    struct told *told = ARENA_ARRAY(rq->arena, people->count + 1, struct told);

    for (size_t i = 0; i < answer->found->n; i++) {
        const struct person *p = answer->found->v[i].person;

        told[people->count].meant += answer->meant[i];
        if (p != NULL)
            told[p - people->people].meant += answer->meant[i];
    }
    told[people->count].shown = xds_visible_count(answer->seen);
    for (size_t i = 0; i < xds_visible_count(answer->seen); i++)
        told[xds_visible_person(answer->seen, i) - people->people].shown++;
    return told;
}

static void note_withheld(struct request *rq, struct audit_row *row, const char *words,
                          size_t count)
{
    if (count > 0)
        row->description = str_printf(rq->arena, "%s: %zu", words, count);
}

/* One row a patient: the one that the query names, else each of whom something was found, shown or
 * withheld; a query that reached nobody has a row of its own. */
static void audit_query(struct request *rq, const struct answer *answer)
{
    const struct mpi_people *people = &answer->found->people;
    size_t n = rq->patient.n > 0 ? 0 : people->count;
    const struct told *told = tell(rq, answer);
    bool beside = xds_visible_count(answer->seen) > 0; /* a row that the asker may read */

    for (size_t i = 0; i < n; i++) {
        const struct person *p = &people->people[i];
        struct audit_row *row = add_row(rq, patient_shown(rq, p), p->ref);

        if (told[i].shown > 0)
            note_withheld(rq, row, AUDIT_WITHHELD, withheld(told[i]));
        else
            note_withheld(rq, row, beside ? AUDIT_NOTHING_BESIDE : AUDIT_NOTHING_OF_THEM,
                          withheld(told[i]));
        beside = true;
    }
    if (n == 0)
        note_withheld(rq, add_row(rq, rq->patient, rq->person), AUDIT_WITHHELD,
                      withheld(told[people->count]));
}

/* --- answer ------------------------------------------------------------------------------------
 */

struct xml_writer *xds_query_response_begin(struct request *rq, struct soap_answer *answer,
                                            const char *status, unsigned obligations)
{
    struct xml_writer *w = soap_answer_begin(rq, answer, NULL);

    xml_begin(w, "query:AdhocQueryResponse");
    xml_attribute(w, "xmlns:query", STR("urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"));
    xml_attribute(w, "xmlns:rs", STR(XDS_RS_NS));
    xml_attribute(w, "xmlns:rim", STR(XDS_RIM_NS));
    xml_attribute(w, "status", str_from(status));
    xds_obligations_write(w, obligations);
    xds_error_list_write(w, XDS_AT_REGISTRY, rq->err);
    xml_begin(w, "rim:RegistryObjectList");
    return w;
}

enum status xds_query_response_end(struct xml_writer *w, struct soap_answer *answer,
                                   struct reply *rp)
{
    xml_end(w, "rim:RegistryObjectList");
    xml_end(w, "query:AdhocQueryResponse");
    return soap_answer_end(answer, rp);
}

enum { LEAF_BYTES = 6000, REF_BYTES = 120 }; /* most objects, written */

void xds_query_response_write(struct request *rq, struct xml_writer *w, const struct xds_query *q,
                              const struct xds_visible *seen)
{
    struct xds_face face = {STR_NONE,
                            str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id)};

    strbuf_reserve(w->out, xds_visible_count(seen) * (q->leaf_class ? LEAF_BYTES : REF_BYTES));
    for (size_t i = 0; i < xds_visible_count(seen); i++) {
        if (!q->leaf_class) {
            xds_rim_write_ref(w, xds_visible_object(seen, i), &face);
            continue;
        }
        face.patient_id = patient_shown(rq, xds_visible_person(seen, i));
        xds_rim_write(w, rq->arena, xds_visible_object(seen, i), &face);
    }
}

static enum status write_response(struct request *rq, const struct xds_query *q,
                                  const struct xds_visible *seen, struct reply *rp)
{
    struct soap_answer answer;
    struct xml_writer *w =
        xds_query_response_begin(rq, &answer, XDS_SUCCESS, xds_visible_obligations(seen));

    xds_query_response_write(rq, w, q, seen);
    return xds_query_response_end(w, &answer, rp);
}

/* Communities ask what members ask (3.38.4.1.2). */
static bool is_of(const struct xds_query *q, const char *transaction)
{
    const char *asked = strcmp(transaction, "ITI-38") == 0 ? "ITI-18" : transaction;

    return strcmp(q->type->transaction, asked) == 0;
}

/* Each kind belongs to one transaction; ITI-51 wants the operator's permission. */
static enum status check_transaction(struct request *rq, const struct xds_query *q)
{
    if (!is_of(q, rq->transaction->name))
        return fail(rq->err, INVALID, "XDSUnknownStoredQuery", "%s (%.*s) is no query of %s",
                    q->type->name, STR_ARG(str_slice(q->id, 0, 120)), rq->transaction->name);
    if (strcmp(q->type->transaction, "ITI-51") == 0 && !rq->principal.member->multi_patient)
        return fail(rq->err, DENIED, "XDSRegistryError",
                    "%.*s has no permission to ask about several patients at once",
                    STR_ARG(rq->principal.member->name));
    return OK;
}

enum status xds_query_open(struct request *rq, struct xds_query *q)
{
    xmlNode *request = rq->message.soap->body;
    enum status s = xds_query_read(rq->arena, request, q, rq->err);

    request_about(rq, "query", q->id, xml_copy_text(rq->arena, request));
    XML_EACH(query, request, XDS_RIM_NS, "AdhocQuery")
    rq->about->home = xml_attr(query, "home");
    return s == OK ? check_transaction(rq, q) : s;
}

static const struct xds_visible *choose(struct request *rq, const struct xds_query *q,
                                        const struct xds_visible *seen)
{
    size_t n;
    const struct xds_candidate *all = xds_visible_all(seen, &n);

    return xds_visible_choose(rq, seen, xds_query_select(rq->arena, q, all, n));
}

enum status xds_query_run(struct request *rq, const struct xds_query *q,
                          const struct xds_visible **out)
{
    const struct xds_visible *seen;
    struct xds_candidates found;

    TRY(q->type->find(rq, q, &found));
    TRY(xds_gate(rq, &found, &seen));
    xds_query_show_times(rq, &found, seen);
    seen = choose(rq, q, seen);
    TRY(check_count(rq, seen));
    TRY(check_patient(rq, q, seen));
    audit_query(rq,
                &(struct answer){&found, xds_query_select(rq->arena, q, found.v, found.n), seen});
    if (q->leaf_class)
        xds_find_remember(rq, seen);
    *out = seen;
    return OK;
}

enum status xds_query(struct request *rq, struct reply *rp)
{
    const struct xds_visible *seen;
    struct xds_query q;

    TRY(xds_query_open(rq, &q));
    TRY(xds_query_run(rq, &q, &seen));
    return write_response(rq, &q, seen, rp);
}

enum status xds_query_failure(struct request *rq, struct reply *rp)
{
    struct soap_answer answer;

    return xds_query_response_end(xds_query_response_begin(rq, &answer, XDS_FAILURE, 0), &answer,
                                  rp);
}
