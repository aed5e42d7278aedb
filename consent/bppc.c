#include "consent/bppc.h"

#include "hub/base/oid.h"
#include "hub/data/xml.h"

#define NS       "urn:hl7-org:v3"
#define TEMPLATE "1.3.6.1.4.1.19376.1.5.3.1.2.6" /* Consent Service Event Entry */

static enum status no_consent(struct errors *err, const char *why)
{
    return fail(err, INVALID, "bppc", "no consent document: %s", why);
}

static enum status read_patients(struct arena *a, const xmlNode *document, struct bppc_header *out,
                                 struct errors *err)
{
    const xmlNode *target = xml_child(document, NS, "recordTarget"), *role;
    size_t n;

    if (xml_count(document, NS, "recordTarget") != 1)
        return no_consent(err, "it is about one patient (recordTarget)");
    role = xml_child(target, NS, "patientRole");
    n = role ? xml_count(role, NS, "id") : 0;
    if (n == 0 || n > BPPC_IDS_MAX)
        return no_consent(err, "its patient has no identifier (recordTarget/patientRole/id)");
    out->patients = ARENA_ARRAY(a, n, struct identifier);
    XML_EACH(id, role, NS, "id")
    out->patients[out->patient_count++] =
        (struct identifier){str_trim(xml_attr(id, "root")), str_trim(xml_attr(id, "extension"))};
    return OK;
}

static bool is_consent_act(const xmlNode *event)
{
    XML_EACH(t, event, NS, "templateId")
    if (str_eq(str_trim(xml_attr(t, "root")), STR(TEMPLATE)))
        return true;
    return false;
}

/* Each act acknowledges one policy. */
static enum status read_acts(struct arena *a, const xmlNode *document, struct bppc_header *out,
                             struct errors *err)
{
    size_t n = xml_count(document, NS, "documentationOf");

    if (n > BPPC_ACTS_MAX)
        return no_consent(err, "it documents too many acts");
    out->policies = ARENA_ARRAY(a, n, struct str);
    XML_EACH(of, document, NS, "documentationOf")
    {
        const xmlNode *event = xml_child(of, NS, "serviceEvent");
        const xmlNode *code = event ? xml_child(event, NS, "code") : NULL;

        if (event && code && is_consent_act(event))
            out->policies[out->policy_count++] = str_trim(xml_attr(code, "code"));
    }
    if (out->policy_count == 0)
        return no_consent(err, "it documents no consent (documentationOf/serviceEvent with "
                               "templateId " TEMPLATE " and a code)");
    return OK;
}

enum status bppc_header_read(struct arena *a, struct str document, struct bppc_header *out,
                             struct errors *err)
{
    xmlNode *root;

    *out = (struct bppc_header){0};
    if (document.n > BPPC_SIZE_MAX)
        return no_consent(err, "it is too large to be read");
    TRY(xml_parse(a, document, &XML_LIMITS, err, &root));
    if (!xml_is(root, NS, "ClinicalDocument"))
        return no_consent(err, "it is no CDA document");
    TRY(read_patients(a, root, out, err));
    return read_acts(a, root, out, err);
}

bool bppc_names_patient(const struct bppc_header *h, struct identifier id)
{
    for (size_t i = 0; i < h->patient_count; i++)
        if (h->patients[i].id.n > 0 && identifier_eq(h->patients[i], id))
            return true;
    return false;
}

bool bppc_names_policy(const struct bppc_header *h, struct str policy)
{
    for (size_t i = 0; i < h->policy_count; i++)
        if (str_eq(oid_strip_urn(h->policies[i]), oid_strip_urn(policy)))
            return true;
    return false;
}
