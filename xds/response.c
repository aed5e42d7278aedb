#include "xds/response.h"

#include <string.h>

#include "hub/soap.h"

#define SEVERITY "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:"

/* Codes of TF-3 Table 4.2.4.1-2 that do not begin with XDS. */
static const char *const other_codes[] = {
    "UnresolvedReferenceException", "InvalidDocumentContent",    "DocumentQueued",
    "ReferencesExistException",     "UnmodifiableMetadataError", NULL};

/* Codes of what failed below the profile, which has none of its own for it. */
static const struct {
    const char *error, *busy, *away;
} general_codes[] = {
    [XDS_AT_REGISTRY] = {"XDSRegistryError", "XDSRegistryBusy", "XDSRegistryError"},
    [XDS_AT_PROVIDE] = {"XDSRepositoryError", "XDSRepositoryBusy", "XDSRegistryNotAvailable"},
    [XDS_AT_RETRIEVE] = {"XDSRepositoryError", "XDSRepositoryBusy", "XDSRepositoryError"},
};

static const char *general_code(enum xds_door door, enum status status)
{
    if (status == BUSY || status == TIMED_OUT || status == CONFLICT)
        return general_codes[door].busy;
    return status == UPSTREAM ? general_codes[door].away : general_codes[door].error;
}

static const char *profile_code(const char *code, const char *otherwise)
{
    if (strncmp(code, "XDS", 3) == 0)
        return code;
    for (size_t i = 0; other_codes[i]; i++)
        if (strcmp(code, other_codes[i]) == 0)
            return code;
    return otherwise;
}

static struct str severity(bool warning)
{
    return warning ? STR(SEVERITY "Warning") : STR(SEVERITY "Error");
}

static void write_error(struct xml_writer *w, const struct failure *f, const char *otherwise)
{
    xml_begin(w, "rs:RegistryError");
    xml_attribute(w, "errorCode", str_from(profile_code(f->code, otherwise)));
    xml_attribute(w, "codeContext", f->text);
    xml_attribute(w, "severity", severity(f->warning));
    if (f->location.n > 0)
        xml_attribute(w, "location", f->location);
    xml_end(w, "rs:RegistryError");
}

void xds_error_list_write(struct xml_writer *w, enum xds_door door, const struct errors *errors)
{
    bool only_warnings = true;

    if (errors->first == NULL)
        return;
    for (const struct failure *f = errors->first; f; f = f->next)
        only_warnings = only_warnings && f->warning;
    xml_begin(w, "rs:RegistryErrorList");
    xml_attribute(w, "highestSeverity", severity(only_warnings));
    for (const struct failure *f = errors->first; f; f = f->next)
        write_error(w, f, general_code(door, errors->status));
    xml_end(w, "rs:RegistryErrorList");
}

void xds_registry_response_write(struct xml_writer *w, const char *status, enum xds_door door,
                                 const struct errors *errors)
{
    xml_begin(w, "rs:RegistryResponse");
    xml_attribute(w, "xmlns:rs", STR(XDS_RS_NS));
    xml_attribute(w, "status", str_from(status));
    xds_error_list_write(w, door, errors);
    xml_end(w, "rs:RegistryResponse");
}

static enum status respond(struct request *rq, struct reply *rp, const char *status,
                           enum xds_door door)
{
    struct soap_answer answer;
    struct xml_writer *w = soap_answer_begin(rq, &answer, NULL);

    xds_registry_response_write(w, status, door, rq->err);
    return soap_answer_end(&answer, rp);
}

enum status xds_registry_response(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_SUCCESS, XDS_AT_REGISTRY);
}

enum status xds_registry_failure(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_FAILURE, XDS_AT_REGISTRY);
}

enum status xds_provide_failure(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_FAILURE, XDS_AT_PROVIDE);
}

enum status xds_removal_failure(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_FAILURE, XDS_AT_RETRIEVE);
}
