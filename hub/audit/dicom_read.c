#include "hub/audit/dicom_read.h"

#include "hub/audit/audit.h"
#include "hub/data/xml.h"

/* An audit message is small; its objects may be many. */
static const struct xml_limits LIMITS = {
    .max_bytes = 4 << 20,
    .max_depth = 20,
    .max_elements = 20000,
    .max_attributes = 20,
    .max_start_tag = 1 << 20, /* values of details are attributes, and may hold whole messages */
};

/* DICOM's csd-code; RFC 3881, which older sources send, calls it code. */
static struct str code_of(const xmlNode *n)
{
    struct str code;

    if (n == NULL)
        return STR_NONE;
    code = xml_attr(n, "csd-code");
    return str_trim(code.p != NULL ? code : xml_attr(n, "code"));
}

static int outcome_of(struct str s)
{
    uint64_t n;

    return str_to_u64(str_trim(s), &n) && (n == 4 || n == 8 || n == 12) ? (int)n : AUDIT_SUCCESS;
}

static void read_event(const xmlNode *event, struct audit_report *out)
{
    struct str action;

    if (event == NULL)
        return;
    action = str_trim(xml_attr(event, "EventActionCode"));
    out->event = code_of(xml_child(event, NULL, "EventID"));
    out->type = code_of(xml_child(event, NULL, "EventTypeCode"));
    out->purpose = code_of(xml_child(event, NULL, "PurposeOfUse"));
    out->at = str_trim(xml_attr(event, "EventDateTime"));
    out->outcome = outcome_of(xml_attr(event, "EventOutcomeIndicator"));
    if (action.n == 1 && strchr("CRUDE", action.p[0]) != NULL)
        out->action = action.p[0];
}

/* How surely a participant is the person who asked: people have no network and no node's role. */
static int likeness(const xmlNode *participant, struct str role)
{
    bool node =
        str_eq(role, STR("110153")) || str_eq(role, STR("110152")) || str_eq(role, STR("110150"));

    if (!xml_true(str_trim(xml_attr(participant, "UserIsRequestor"))))
        return 0;
    return 1 + (node ? 0 : 2) + (xml_attr(participant, "NetworkAccessPointID").n == 0);
}

static void read_people(const xmlNode *root, struct audit_report *out)
{
    int best = 0;

    XML_EACH(p, root, NULL, "ActiveParticipant")
    {
        struct str role = code_of(xml_child(p, NULL, "RoleIDCode"));
        struct str name = str_trim(xml_attr(p, "UserName"));
        int fit = likeness(p, role);

        if (fit <= best)
            continue;
        best = fit;
        out->role = fit > 2 ? role : STR_NONE;
        /* alias<user@issuer> says more than the id (3.40.4.2) */
        out->user = fit > 2 && str_find(name, '<') >= 0 ? name : str_trim(xml_attr(p, "UserID"));
    }
}

static bool is_patient(const xmlNode *object)
{
    return str_eq(str_trim(xml_attr(object, "ParticipantObjectTypeCode")), STR("1")) &&
           str_eq(str_trim(xml_attr(object, "ParticipantObjectTypeCodeRole")), STR("1"));
}

static void read_patients(const xmlNode *root, struct audit_report *out)
{
    XML_EACH(o, root, NULL, "ParticipantObjectIdentification")
    {
        struct str id = str_trim(xml_attr(o, "ParticipantObjectID"));

        if (!is_patient(o) || id.n == 0)
            continue;
        if (out->patient_count < AUDIT_REPORT_PATIENTS_MAX)
            out->patients[out->patient_count] = id;
        out->patient_count++;
    }
}

bool audit_report_read(struct arena *a, struct str xml, struct audit_report *out)
{
    struct errors err;
    xmlNode *root;

    *out = (struct audit_report){0};
    errors_init(&err, a);
    if (xml_parse(a, xml, &LIMITS, &err, &root) != OK || !xml_is(root, NULL, "AuditMessage"))
        return false;
    read_event(xml_child(root, NULL, "EventIdentification"), out);
    read_people(root, out);
    read_patients(root, out);
    return true;
}
