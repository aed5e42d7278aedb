#include "xds/response.h"

#include <string.h>

#include "hub/soap.h"

#define SEVERITY "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:"

/* Codes of TF-3 Table 4.2.4.1-2 that do not begin with XDS. */
static const char *const other_codes[] = {"UnresolvedReferenceException", "InvalidDocumentContent",
                                          "DocumentQueued", NULL};

/* What failed below the profile has no code of its own in it. */
static const char *profile_code(const char *code)
{
    if (strncmp(code, "XDS", 3) == 0)
        return code;
    for (size_t i = 0; other_codes[i]; i++)
        if (strcmp(code, other_codes[i]) == 0)
            return code;
    return "XDSRegistryError";
}

static struct str severity(bool warning)
{
    return warning ? STR(SEVERITY "Warning") : STR(SEVERITY "Error");
}

static void write_error(struct xml_writer *w, const struct failure *f)
{
    xml_begin(w, "rs:RegistryError");
    xml_attribute(w, "errorCode", str_from(profile_code(f->code)));
    xml_attribute(w, "codeContext", f->text);
    xml_attribute(w, "severity", severity(f->warning));
    if (f->location.n > 0)
        xml_attribute(w, "location", f->location);
    xml_end(w, "rs:RegistryError");
}

void xds_error_list_write(struct xml_writer *w, const struct errors *errors)
{
    bool only_warnings = true;

    if (errors->first == NULL)
        return;
    for (const struct failure *f = errors->first; f; f = f->next)
        only_warnings = only_warnings && f->warning;
    xml_begin(w, "rs:RegistryErrorList");
    xml_attribute(w, "highestSeverity", severity(only_warnings));
    for (const struct failure *f = errors->first; f; f = f->next)
        write_error(w, f);
    xml_end(w, "rs:RegistryErrorList");
}

void xds_registry_response_write(struct xml_writer *w, const char *status,
                                 const struct errors *errors)
{
    xml_begin(w, "rs:RegistryResponse");
    xml_attribute(w, "xmlns:rs", STR(XDS_RS_NS));
    xml_attribute(w, "status", str_from(status));
    xds_error_list_write(w, errors);
    xml_end(w, "rs:RegistryResponse");
}

static enum status respond(struct request *rq, struct reply *rp, const char *status)
{
    struct soap_answer answer;
    struct xml_writer *w = soap_answer_begin(rq, &answer, NULL);

    xds_registry_response_write(w, status, rq->err);
    return soap_answer_end(&answer, rp);
}

enum status xds_registry_response(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_SUCCESS);
}

enum status xds_registry_failure(struct request *rq, struct reply *rp)
{
    return respond(rq, rp, XDS_FAILURE);
}
