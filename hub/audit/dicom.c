#include "hub/audit/dicom.h"

#include "hub/base/hex.h"
#include "hub/data/xml_write.h"

#define ACT_REASON STR("2.16.840.1.113883.5.8") /* HL7 v3 ActReason: TREAT and its kin */

static void add_code(struct xml_writer *w, const char *element, const struct audit_code *code)
{
    xml_begin(w, element);
    xml_attribute(w, "csd-code", code->code);
    xml_attribute(w, "codeSystemName", code->system);
    xml_attribute(w, "originalText", code->words);
    xml_end(w, element);
}

static void add_dcm(struct xml_writer *w, const char *element, const char *code, const char *words)
{
    add_code(w, element, &(struct audit_code){str_from(code), STR("DCM"), str_from(words)});
}

static void add_detail(struct xml_writer *w, const char *type, struct str value)
{
    if (value.n == 0)
        return;
    xml_begin(w, "ParticipantObjectDetail");
    xml_attribute(w, "type", str_from(type));
    xml_attribute(w, "value", base64_encode(w->out->arena, value));
    xml_end(w, "ParticipantObjectDetail");
}

/* --- the event ------------------------------------------------------------------------------- */

static void add_event(struct xml_writer *w, const struct audit_event *e)
{
    struct audit_code type = audit_event_type(e);

    xml_begin(w, "EventIdentification");
    xml_attribute(w, "EventActionCode", e->action);
    xml_attribute(w, "EventDateTime", e->at);
    xml_attribute(w, "EventOutcomeIndicator", str_printf(w->out->arena, "%d", e->outcome));
    add_dcm(w, "EventID", str_c(w->out->arena, e->event), audit_event_words(e->event));
    add_code(w, "EventTypeCode", &type);
    if (e->description.n > 0)
        xml_leaf(w, "EventOutcomeDescription", e->description);
    if (e->purpose.n > 0)
        add_code(w, "PurposeOfUse",
                 &(struct audit_code){e->purpose,
                                      e->purpose_system.n ? e->purpose_system : ACT_REASON,
                                      e->purpose});
    xml_end(w, "EventIdentification");
}

/* --- who took part --------------------------------------------------------------------------- */

static void add_party(struct xml_writer *w, const struct audit_party *p, const char *role,
                      const char *words)
{
    xml_begin(w, "ActiveParticipant");
    xml_attribute(w, "UserID", p->id);
    if (p->process.n > 0)
        xml_attribute(w, "AlternativeUserID", p->process);
    xml_attribute(w, "UserIsRequestor", p->requestor ? STR("true") : STR("false"));
    if (p->network.n > 0) {
        xml_attribute(w, "NetworkAccessPointID", p->network);
        xml_attribute(w, "NetworkAccessPointTypeCode", p->network_is_address ? STR("2") : STR("1"));
    }
    add_dcm(w, "RoleIDCode", role, words);
    xml_end(w, "ActiveParticipant");
}

/* The person: UserName is alias<user@issuer> (3.40.4.2); no network, people are no nodes. */
static void add_person(struct xml_writer *w, const struct audit_event *e)
{
    xml_begin(w, "ActiveParticipant");
    xml_attribute(w, "UserID", audit_event_person(e));
    if (e->user_name.n > 0)
        xml_attribute(w, "AlternativeUserID", e->user_name);
    xml_attribute(w, "UserName", e->user);
    xml_attribute(w, "UserIsRequestor", STR("true"));
    if (e->role.n > 0)
        add_code(w, "RoleIDCode",
                 &(struct audit_code){e->role, e->role_system.n ? e->role_system : STR("Causeway"),
                                      e->role});
    xml_end(w, "ActiveParticipant");
}

/* The application, and who launched it (A.5.3.1). */
static void add_activity(struct xml_writer *w, const struct audit_party *asker,
                         const struct audit_party *answerer)
{
    struct audit_party launcher = *asker;

    launcher.id = STR("service manager");
    add_party(w, answerer, "110150", "Application");
    add_party(w, &launcher, "110151", "Application Launcher");
}

static void add_participants(struct xml_writer *w, const struct audit_event *e, struct str hub)
{
    bool reversed = e->row != NULL && (e->row->flags & AUDIT_FROM_RESPONDER) != 0;
    struct audit_party asker, answerer;

    audit_event_parties(w->out->arena, e, hub, &asker, &answerer);
    if (str_eq(e->event, STR("110100")) && !audit_event_has_person(e)) {
        add_activity(w, &asker, &answerer);
        return;
    }
    add_party(w, reversed ? &answerer : &asker, "110153", "Source Role ID");
    if (audit_event_has_person(e))
        add_person(w, e);
    add_party(w, reversed ? &asker : &answerer, "110152", "Destination Role ID");
}

static void add_source(struct xml_writer *w, const struct audit_source *source)
{
    xml_begin(w, "AuditSourceIdentification");
    if (source->site.n > 0)
        xml_attribute(w, "AuditEnterpriseSiteID", source->site);
    xml_attribute(w, "AuditSourceID", source->id);
    add_dcm(w, "AuditSourceTypeCode", "4", "Application Server process or thread");
    xml_end(w, "AuditSourceIdentification");
}

/* --- what it was about ----------------------------------------------------------------------- */

static void begin_object(struct xml_writer *w, struct str id, const char *type, const char *role,
                         const char *life)
{
    xml_begin(w, "ParticipantObjectIdentification");
    if (id.n > 0)
        xml_attribute(w, "ParticipantObjectID", id);
    xml_attribute(w, "ParticipantObjectTypeCode", str_from(type));
    xml_attribute(w, "ParticipantObjectTypeCodeRole", str_from(role));
    if (life != NULL)
        xml_attribute(w, "ParticipantObjectDataLifeCycle", str_from(life));
}

static void add_patient(struct xml_writer *w, const struct audit_event *e)
{
    if (e->patient.n == 0 || (e->row != NULL && (e->row->flags & AUDIT_NO_PATIENT) != 0))
        return;
    begin_object(w, e->patient, "1", "1", NULL);
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){STR("2"), STR("RFC-3881"), STR("Patient Number")});
    if (e->row != NULL && e->row->message != NULL)
        add_detail(w, e->row->message, audit_event_message(e));
    xml_end(w, "ParticipantObjectIdentification");
}

/* A further identifier of the patient, which an answer told. */
static void add_told_patient(struct xml_writer *w, const struct audit_event *e,
                             const struct audit_object *o)
{
    struct audit_event told = *e;

    told.patient = o->id;
    add_patient(w, &told);
}

static bool is_stored_query(const struct audit_event *e)
{
    static const char *const kinds[] = {"ITI-18", "ITI-38", "ITI-51", "ITI-63"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_eq(e->transaction, str_from(kinds[i])))
            return true;
    return false;
}

static void add_query(struct xml_writer *w, const struct audit_event *e,
                      const struct audit_object *o)
{
    struct audit_code type = audit_event_type(e);

    begin_object(w, o->id, "2", "24", NULL);
    add_code(w, "ParticipantObjectIDTypeCode", &type);
    xml_leaf(w, "ParticipantObjectQuery", base64_encode(w->out->arena, o->detail));
    add_detail(w, "MSH-10", audit_event_message(e));
    if (is_stored_query(e)) {
        add_detail(w, "QueryEncoding", STR("UTF-8"));
        add_detail(w, "urn:ihe:iti:xca:2010:homeCommunityId", o->home);
    } else {
        add_detail(w, "ihe:homeCommunityID", o->home);
    }
    xml_end(w, "ParticipantObjectIdentification");
}

static const char *life_of(const struct audit_event *e)
{
    return e->row != NULL && (e->row->flags & AUDIT_ERASES) != 0 ? "14" : NULL;
}

static void add_document(struct xml_writer *w, const struct audit_event *e,
                         const struct audit_object *o)
{
    begin_object(w, o->id, "2", "3", life_of(e));
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){STR("9"), STR("RFC-3881"), STR("Report Number")});
    add_detail(w, "Repository Unique Id", o->detail);
    add_detail(w, "ihe:homeCommunityID", o->home);
    xml_end(w, "ParticipantObjectIdentification");
}

static void add_submission_set(struct xml_writer *w, const struct audit_event *e,
                               const struct audit_object *o)
{
    begin_object(w, o->id, "2", "20", life_of(e));
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){STR("urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"),
                                  STR("IHE XDS Metadata"),
                                  STR("submission set classificationNode")});
    add_detail(w, "ihe:homeCommunityID", o->home);
    xml_end(w, "ParticipantObjectIdentification");
}

/* A registry object by its entryUUID (ITI-62). */
static void add_registry_object(struct xml_writer *w, const struct audit_event *e,
                                const struct audit_object *o)
{
    begin_object(w, o->id, "2", "20", life_of(e));
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){STR("urn:uuid"), STR("IHE XDS Metadata"), STR("entryUUID")});
    xml_end(w, "ParticipantObjectIdentification");
}

static void add_log_used(struct xml_writer *w, const struct audit_event *e)
{
    if (!str_eq(e->event, STR("110101")))
        return;
    begin_object(w, e->endpoint.n > 0 ? e->endpoint : STR("urn:causeway:audit"), "2", "13", NULL);
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){STR("12"), STR("RFC-3881"), STR("URI")});
    xml_leaf(w, "ParticipantObjectName", STR("Security Audit Log"));
    xml_end(w, "ParticipantObjectIdentification");
}

/* Who or what an alert is about: the node, with the certificate that it showed. */
static void add_alert(struct xml_writer *w, const struct audit_event *e)
{
    struct str rest = e->peer;

    if (!str_eq(e->event, STR("110113")))
        return;
    begin_object(w, e->peer.n > 0 ? str_cut(&rest, ' ') : STR("unknown"), "2", "13", NULL);
    add_dcm(w, "ParticipantObjectIDTypeCode", "110182", "Node ID");
    add_detail(w, "Alert Description", e->description);
    add_detail(w, "Certificate SHA-256 Fingerprint", e->fingerprint);
    xml_end(w, "ParticipantObjectIdentification");
}

/* What has no place in DICOM's words: members, tasks, consents. */
static void add_other(struct xml_writer *w, const struct audit_event *e,
                      const struct audit_object *o)
{
    (void)e;
    begin_object(w, o->id, "2", "13", NULL);
    add_code(w, "ParticipantObjectIDTypeCode",
             &(struct audit_code){str_from(o->kind), STR("Causeway"), str_from(o->kind)});
    add_detail(w, "detail", o->detail);
    xml_end(w, "ParticipantObjectIdentification");
}

static void add_nothing(struct xml_writer *w, const struct audit_event *e,
                        const struct audit_object *o)
{
    (void)w, (void)e, (void)o;
}

static const struct {
    const char *kind; /* NULL: any other */
    void (*add)(struct xml_writer *w, const struct audit_event *e, const struct audit_object *o);
} object_writers[] = {
    {"patient", add_told_patient},
    {"query", add_query},
    {"document", add_document},
    {"submission_set", add_submission_set},
    {"object", add_registry_object},
    {"message", add_nothing}, /* a detail of the patient */
    {"alert", add_nothing},   /* the event's type */
    {NULL, add_other},
};

static void add_object(struct xml_writer *w, const struct audit_event *e,
                       const struct audit_object *o)
{
    size_t i = 0;

    while (object_writers[i].kind != NULL && strcmp(object_writers[i].kind, o->kind) != 0)
        i++;
    object_writers[i].add(w, e, o);
}

struct str audit_dicom_write(struct arena *a, const struct audit_event *e,
                             const struct audit_source *source)
{
    struct strbuf b = strbuf_on(a, 4096);
    struct xml_writer w = xml_writer_on(&b);

    strbuf_lit(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    xml_begin(&w, "AuditMessage");
    add_event(&w, e);
    add_participants(&w, e, source->id);
    add_source(&w, source);
    add_patient(&w, e);
    add_log_used(&w, e);
    add_alert(&w, e);
    for (const struct audit_object *o = e->objects; o != NULL; o = o->next)
        add_object(&w, e, o);
    xml_end(&w, "AuditMessage");
    return strbuf_str(&b);
}
