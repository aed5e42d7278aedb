#include "xds/response.h"

#include <string.h>

#include "consent/rule.h"
#include "hub/soap.h"
#include "xds/rim_write.h"

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

static void write_slot(struct xml_writer *w, const char *name, unsigned obligations,
                       const struct str *words)
{
    xml_begin(w, "rim:Slot");
    xml_attribute(w, "name", str_from(name));
    xml_begin(w, "rim:ValueList");
    for (int o = 0; o < CONSENT_OBLIGATION_COUNT; o++)
        if (obligations & 1u << o)
            xml_leaf(w, "rim:Value",
                     words != NULL ? *words
                                   : str_from(consent_obligation_word((enum consent_obligation)o)));
    xml_end(w, "rim:ValueList");
    xml_end(w, "rim:Slot");
}

void xds_obligations_write(struct xml_writer *w, unsigned obligations)
{
    static const struct str notice =
        STR("42 CFR part 2 prohibits unauthorized use or disclosure of these records.");

    if (obligations == 0)
        return;
    xml_begin(w, "rs:ResponseSlotList");
    xml_attribute(w, "xmlns:rim", STR(XDS_RIM_NS));
    write_slot(w, "urn:causeway:obligations", obligations, NULL);
    if (obligations & CONSENT_OBLIGATION(NO_REDISCLOSURE))
        write_slot(w, "urn:causeway:notice", CONSENT_OBLIGATION(NO_REDISCLOSURE), &notice);
    xml_end(w, "rs:ResponseSlotList");
}

void xds_registry_response_write(struct xml_writer *w, const char *status, enum xds_door door,
                                 unsigned obligations, const struct errors *errors)
{
    xml_begin(w, "rs:RegistryResponse");
    xml_attribute(w, "xmlns:rs", STR(XDS_RS_NS));
    xml_attribute(w, "status", str_from(status));
    xds_obligations_write(w, obligations);
    xds_error_list_write(w, door, errors);
    xml_end(w, "rs:RegistryResponse");
}

static enum status respond(struct request *rq, struct reply *rp, const char *status,
                           enum xds_door door)
{
    struct soap_answer answer;
    struct xml_writer *w = soap_answer_begin(rq, &answer, NULL);

    xds_registry_response_write(w, status, door, 0, rq->err);
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
