#include "gateway/xca_answer.h"

#include <string.h>

#include "hub/base/oid.h"
#include "hub/mtom.h"
#include "xds/response.h"
#include "xds/rim_write.h"

#define NS_QUERY "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
#define NS_XDSB  "urn:ihe:iti:xds-b:2007"

enum { TOLD_MAX = 1000, WORDS_MAX = 500, CODE_MAX = 80, DOCUMENTS_MAX = 1000, UNIQUE_ID_MAX = 256 };

static struct str named(struct arena *a, const struct partner *p)
{
    return str_printf(a, "community %.*s (urn:oid:%.*s)", STR_ARG(p->name), STR_ARG(p->home));
}

/* A home that is missing has a code of its own (3.38.4.1.3); one that is another's is no better. */
static enum status wrong_home(struct arena *a, const struct partner *p, struct str said,
                              const char *where, struct errors *err)
{
    if (said.n == 0)
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSMissingHomeCommunityId",
                       "%.*s: %s of its answer names no home community; the answer is not used",
                       STR_ARG(named(a, p)), where);
    return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSMissingHomeCommunityId",
                   "%.*s: %s of its answer is credited to another home community, %.*s; the answer "
                   "is not used",
                   STR_ARG(named(a, p)), where, STR_ARG(str_slice(said, 0, 80)));
}

/* --- errors that it tells ----------------------------------------------------------------------
 */

/* Codes are the profile's words; anything else is told in the context. */
static const char *code_of(struct arena *a, struct str code)
{
    for (size_t i = 0; i < code.n; i++)
        if ((code.p[i] < 'A' || code.p[i] > 'Z') && (code.p[i] < 'a' || code.p[i] > 'z') &&
            code.p[i] != '-')
            return "XDSRegistryError";
    return code.n > 0 && code.n <= CODE_MAX ? str_c(a, code) : "XDSRegistryError";
}

/* Not known there is no error of the whole (3.38.4.1.3). */
static bool is_ignored(struct str code)
{
    return str_eq(code, STR("XDSUnknownPatientId"));
}

static void tell(struct arena *a, const struct partner *p, const xmlNode *e, struct str location,
                 struct errors *told)
{
    struct str code = str_trim(xml_attr(e, "errorCode"));
    struct str words = str_slice(str_trim(xml_attr(e, "codeContext")), 0, WORDS_MAX);

    if (told->count >= TOLD_MAX || is_ignored(code))
        return;
    words = str_printf(a, "%.*s: %.*s", STR_ARG(named(a, p)), STR_ARG(words.n > 0 ? words : code));
    if (str_ends(str_trim(xml_attr(e, "severity")), STR("Warning")))
        warn_at(told, location, code_of(a, code), "%.*s", STR_ARG(words));
    else
        fail_at(told, location, UPSTREAM, code_of(a, code), "%.*s", STR_ARG(words));
}

/* TF-3 4.2.4: of an ITI-38 answer the location is the home; one that is another's is refused. What
 * is no home at all (older gateways name a line of their source) is let pass. */
static bool claims_other_home(const struct partner *p, struct str location)
{
    struct str oid = oid_strip_urn(location);

    return oid_valid(oid) && oid.n != location.n && !partner_is_home(p, location);
}

static enum status read_query_errors(struct arena *a, const struct partner *p, const xmlNode *body,
                                     struct errors *told, struct errors *err)
{
    const xmlNode *list = xml_child(body, XDS_RS_NS, "RegistryErrorList");

    XML_EACH(e, list, XDS_RS_NS, "RegistryError")
    {
        struct str location = str_trim(xml_attr(e, "location"));

        if (claims_other_home(p, location))
            return wrong_home(a, p, location, "an error", err);
        tell(a, p, e, partner_home_urn(a, p), told);
    }
    return OK;
}

/* A failure without an error, or an unknown status, is an error of ours to tell. */
static void check_status(struct arena *a, const struct partner *p, struct str status,
                         struct errors *told)
{
    if (str_eq(status, STR(XDS_SUCCESS)) || str_eq(status, STR(XDS_PARTIAL_SUCCESS)))
        return;
    if (str_eq(status, STR(XDS_FAILURE)) && told->first != NULL)
        return;
    if (str_eq(status, STR(XDS_FAILURE)))
        return; /* of an error that is ignored */
    fail_at(told, partner_home_urn(a, p), UPSTREAM, "XDSRegistryError",
            "%.*s: its answer has the status '%.*s'", STR_ARG(named(a, p)),
            STR_ARG(str_slice(status, 0, 80)));
}

/* --- objects -----------------------------------------------------------------------------------
 */

static bool is_object(const xmlNode *n)
{
    return xml_is(n, XDS_RIM_NS, "ExtrinsicObject") || xml_is(n, XDS_RIM_NS, "RegistryPackage") ||
           xml_is(n, XDS_RIM_NS, "Association") || xml_is(n, XDS_RIM_NS, "ObjectRef");
}

/* 3.38.4.1.3: on ExtrinsicObject, RegistryPackage and ObjectRef; on an Association where it has
 * one. */
static enum status check_homes(struct arena *a, const struct partner *p, const xmlNode *list,
                               struct errors *err)
{
    XML_EACH(n, list, NULL, NULL)
    {
        struct str home = str_trim(xml_attr(n, "home"));

        if (!is_object(n) || (home.n == 0 && xml_is(n, XDS_RIM_NS, "Association")))
            continue;
        if (!partner_is_home(p, home))
            return wrong_home(a, p, home, "an element", err);
    }
    return OK;
}

/* The ids of objects that something is wrong with. */
static struct pair_index ids_of(struct arena *a, const struct errors *faults)
{
    struct pair_index ids = pair_index_on(a, faults->count);

    for (const struct failure *f = faults->first; f != NULL; f = f->next)
        if (!f->warning)
            (void)pair_index_put_text(&ids, f->location, 0);
    return ids;
}

/* The ends of an association; what they are is found among the other objects, or is not known. */
static bool read_ends(struct xds_object *o)
{
    struct xds_association *link = xds_association(o);

    return link == NULL || (uuid_parse_urn(xds_text(o, "sourceObject"), &link->from.uuid) &&
                            uuid_parse_urn(xds_text(o, "targetObject"), &link->to.uuid));
}

/* Its uniqueId becomes a key of the database. */
static bool adopt(struct arena *a, const struct partner *p, struct xds_object *o)
{
    if (!uuid_parse_urn(o->id, &o->uuid) || !read_ends(o) ||
        xds_text(o, "uniqueId").n > UNIQUE_ID_MAX)
        return false;
    o->logical = o->uuid;
    (void)!uuid_parse_urn(o->lid, &o->logical);
    o->home = partner_home_urn(a, p);
    o->source_member = p->member_id;
    if (o->version == 0)
        o->version = 1;
    return true;
}

static void leave_out(struct arena *a, const struct partner *p, size_t count,
                      const struct errors *faults, struct errors *told)
{
    struct str first = faults->first != NULL
                           ? str_slice(faults->first->text, 0, WORDS_MAX)
                           : STR("an id is no urn:uuid:, or a uniqueId is too long");

    fail_at(told, partner_home_urn(a, p), UPSTREAM, "XDSRegistryError",
            "%.*s: %zu objects of its answer cannot be read and are left out: %.*s",
            STR_ARG(named(a, p)), count, STR_ARG(first));
}

static void read_objects(struct arena *a, const struct partner *p, xmlNode *list,
                         struct xca_found *out)
{
    struct xds_submission read;
    struct pair_index faulty;
    struct errors faults;
    size_t bad = 0;
    enum status s;

    errors_init(&faults, a);
    s = xds_rim_read(a, list, &read, &faults);
    faulty = ids_of(a, &faults);
    out->v = ARENA_ARRAY(a, read.objects.n, struct xds_object *);
    for (size_t i = 0; i < read.objects.n; i++) {
        struct xds_object *o = read.objects.v[i];

        if (pair_index_find_text(&faulty, o->id) == PAIR_NONE && adopt(a, p, o))
            out->v[out->n++] = o;
        else
            bad++;
    }
    if (bad > 0 || (s != OK && read.objects.n == 0))
        leave_out(a, p, bad, &faults, &out->told);
}

enum status xca_found_read(struct arena *a, const struct partner *p, xmlNode *body,
                           struct xca_found *out, struct errors *err)
{
    xmlNode *list;

    *out = (struct xca_found){0};
    errors_init(&out->told, a);
    if (body == NULL)
        return OK;
    if (!xml_is(body, NS_QUERY, "AdhocQueryResponse"))
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSUnavailableCommunity",
                       "%.*s: its answer is no AdhocQueryResponse", STR_ARG(named(a, p)));
    TRY(read_query_errors(a, p, body, &out->told, err));
    list = xml_child(body, XDS_RIM_NS, "RegistryObjectList");
    TRY(check_homes(a, p, list, err));
    check_status(a, p, str_trim(xml_attr(body, "status")), &out->told);
    if (list != NULL)
        read_objects(a, p, list, out);
    return OK;
}

/* --- documents ---------------------------------------------------------------------------------
 */

static struct str field(struct arena *a, const xmlNode *n, const char *name)
{
    return str_trim(xml_text_of(a, n, NS_XDSB, name));
}

static enum status read_document(struct arena *a, const struct partner *p,
                                 const struct partner_answer *answer, const xmlNode *n,
                                 struct xca_document *d, struct errors *err)
{
    struct str home = field(a, n, "HomeCommunityId");
    const xmlNode *content = xml_child(n, NS_XDSB, "Document");
    struct mtom_binary binary;
    struct errors mine;

    errors_init(&mine, a);
    if (!partner_is_home(p, home))
        return wrong_home(a, p, home, "a document", err);
    *d = (struct xca_document){
        .repository = field(a, n, "RepositoryUniqueId"),
        .unique_id = field(a, n, "DocumentUniqueId"),
        .mime_type = field(a, n, "mimeType"),
        .new_repository = field(a, n, "NewRepositoryUniqueId"),
        .new_unique_id = field(a, n, "NewDocumentUniqueId"),
    };
    if (content == NULL || d->mime_type.n == 0 ||
        mtom_binary_read(a, answer->parts, content, "XDSRepositoryError", &binary, &mine) != OK)
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSRepositoryError",
                       "%.*s: a document of its answer cannot be read%s%.*s", STR_ARG(named(a, p)),
                       mine.first ? ": " : "", STR_ARG(mine.first ? mine.first->text : STR("")));
    d->part = binary.part;
    d->bytes = binary.bytes;
    return OK;
}

static bool parts_words(char c)
{
    return strchr(" \t\r\n,;", c) != NULL;
}

/* The next of the words of a location; empty: there is none. */
static struct str next_word(struct str *rest)
{
    size_t from = 0, to;
    struct str word;

    while (from < rest->n && parts_words(rest->p[from]))
        from++;
    for (to = from; to < rest->n && !parts_words(rest->p[to]);)
        to++;
    word = str_slice(*rest, from, to);
    *rest = str_slice(*rest, to, rest->n);
    return word;
}

size_t xca_location_find(const struct pair_index *unique_ids, struct str location)
{
    struct str rest = location, word;
    size_t at = pair_index_find_text(unique_ids, location);

    while (at == PAIR_NONE && (word = next_word(&rest)).n > 0)
        at = pair_index_find_text(unique_ids, word);
    return at;
}

/* The home that stands in it is the one that was asked: of an error, too. */
static enum status read_retrieve_errors(struct arena *a, const struct partner *p,
                                        const xmlNode *response, struct errors *told,
                                        struct errors *err)
{
    const xmlNode *list = xml_child(response, XDS_RS_NS, "RegistryErrorList");

    XML_EACH(e, list, XDS_RS_NS, "RegistryError")
    {
        struct str location = str_trim(xml_attr(e, "location")), rest = location, word;

        while ((word = next_word(&rest)).n > 0)
            if (claims_other_home(p, word))
                return wrong_home(a, p, word, "an error", err);
        tell(a, p, e, location, told);
    }
    return OK;
}

enum status xca_documents_read(struct arena *a, const struct partner *p,
                               const struct partner_answer *answer, struct xca_documents *out,
                               struct errors *err)
{
    const xmlNode *body = answer->body, *response;
    size_t n;

    *out = (struct xca_documents){0};
    errors_init(&out->told, a);
    if (body == NULL)
        return OK;
    if (!xml_is(body, NS_XDSB, "RetrieveDocumentSetResponse"))
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSUnavailableCommunity",
                       "%.*s: its answer is no RetrieveDocumentSetResponse", STR_ARG(named(a, p)));
    n = xml_count(body, NS_XDSB, "DocumentResponse");
    if (n > DOCUMENTS_MAX)
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSRepositoryError",
                       "%.*s: its answer has %zu documents", STR_ARG(named(a, p)), n);
    response = xml_child(body, XDS_RS_NS, "RegistryResponse");
    TRY(read_retrieve_errors(a, p, response, &out->told, err));
    out->v = ARENA_ARRAY(a, n, struct xca_document);
    XML_EACH(e, body, NS_XDSB, "DocumentResponse")
    TRY(read_document(a, p, answer, e, &out->v[out->n++], err));
    return OK;
}

/* --- ITI-80 ------------------------------------------------------------------------------------
 */

enum status xca_provided_read(struct arena *a, const struct partner *p, const xmlNode *body,
                              struct errors *err)
{
    struct str status = body != NULL ? xml_attr(body, "status") : STR_NONE;
    struct errors told;

    errors_init(&told, a);
    if (body == NULL || !xml_is(body, XDS_RS_NS, "RegistryResponse"))
        return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSUnavailableCommunity",
                       "%.*s: its answer is no RegistryResponse", STR_ARG(named(a, p)));
    TRY(read_query_errors(a, p, body, &told, err));
    for (const struct failure *f = told.first; f != NULL; f = f->next) {
        if (f->warning)
            warn_at(err, f->location, f->code, "%.*s", STR_ARG(f->text));
        else
            fail_at(err, f->location, UPSTREAM, f->code, "%.*s", STR_ARG(f->text));
    }
    if (str_eq(status, STR(XDS_SUCCESS)) && err->status == OK)
        return OK;
    if (err->status != OK)
        return err->status;
    return fail_at(err, partner_home_urn(a, p), UPSTREAM, "XDSRepositoryError",
                   "%.*s: it does not take what is provided; the patient may be unknown there",
                   STR_ARG(named(a, p)));
}
