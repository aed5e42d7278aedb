#include "hub/audit/balp.h"

#include "hub/base/hex.h"
#include "hub/base/json_text.h"

#define DCM             "http://dicom.nema.org/resources/ontology/DCM"
#define ENTITY_TYPE     "http://terminology.hl7.org/CodeSystem/audit-entity-type"
#define OBJECT_ROLE     "http://terminology.hl7.org/CodeSystem/object-role"
#define PARTICIPATION   "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
#define ACT_REASON      "http://terminology.hl7.org/CodeSystem/v3-ActReason"
#define BALP_ENTITY     "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
#define USER_AGENT      "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
#define IHE_EVENT_TYPE  "urn:ihe:event-type-code"
#define INTERACTION     "http://hl7.org/fhir/restful-interaction"
#define OWN_CODE_SYSTEM "urn:causeway:audit"

/* Key and text; the comma in front of it, unless the object or array just began. */
static void add(struct strbuf *b, const char *key, struct str value)
{
    if (b->p[b->n - 1] != '{')
        strbuf_addc(b, ',');
    strbuf_addf(b, "\"%s\":", key);
    json_text_add(b, value);
}

static void begin(struct strbuf *b, const char *key, char bracket)
{
    if (b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
        strbuf_addc(b, ',');
    if (key != NULL)
        strbuf_addf(b, "\"%s\":", key);
    strbuf_addc(b, bracket);
}

static void add_coding(struct strbuf *b, const char *key, struct str system, struct str code,
                       struct str display)
{
    begin(b, key, '{');
    add(b, "system", system);
    add(b, "code", code);
    if (display.n > 0)
        add(b, "display", display);
    strbuf_addc(b, '}');
}

static void add_concept(struct strbuf *b, const char *key, struct str system, struct str code,
                        struct str display)
{
    begin(b, key, '{');
    begin(b, "coding", '[');
    add_coding(b, NULL, system, code, display);
    strbuf_lit(b, "]}");
}

/* --- the event ------------------------------------------------------------------------------- */

/* The RESTful word for an action: what BALP profiles are told apart by. */
static const char *interaction_of(const struct audit_event *e)
{
    switch (e->action.n == 1 ? e->action.p[0] : 'E') {
    case 'C':
        return "create";
    case 'R':
        return "read";
    case 'U':
        return "update";
    case 'D':
        return "delete";
    default:
        return "search";
    }
}

static void add_types(struct strbuf *b, const struct audit_event *e)
{
    struct audit_code type = audit_event_type(e);
    const char *word = interaction_of(e);

    add_coding(b, "type", STR(DCM), e->event, str_from(audit_event_words(e->event)));
    begin(b, "subtype", '[');
    add_coding(b, NULL,
               str_eq(type.system, STR("DCM"))        ? STR(DCM)
               : str_eq(type.system, STR("Causeway")) ? STR(OWN_CODE_SYSTEM)
                                                      : STR(IHE_EVENT_TYPE),
               type.code, type.words);
    if (!str_eq(type.system, STR("DCM")))
        add_coding(b, NULL, STR(INTERACTION), str_from(word), str_from(word));
    strbuf_addc(b, ']');
}

static void add_purpose(struct strbuf *b, const struct audit_event *e)
{
    struct str system = STR(ACT_REASON);

    if (e->purpose.n == 0)
        return;
    if (e->purpose_system.n > 0 && !str_eq(e->purpose_system, STR("2.16.840.1.113883.5.8")))
        system = str_printf(b->arena, "urn:oid:%.*s", STR_ARG(e->purpose_system));
    begin(b, "purposeOfUse", '[');
    add_concept(b, NULL, system, e->purpose, STR(""));
    strbuf_addc(b, ']');
}

/* --- agents ---------------------------------------------------------------------------------- */

static void add_who(struct strbuf *b, struct str system, struct str value, struct str display)
{
    begin(b, "who", '{');
    begin(b, "identifier", '{');
    if (system.n > 0)
        add(b, "system", system);
    add(b, "value", value);
    strbuf_addc(b, '}');
    if (display.n > 0)
        add(b, "display", display);
    strbuf_addc(b, '}');
}

static void add_node(struct strbuf *b, const struct audit_party *p, bool is_source,
                     struct str display)
{
    struct str network = p->network.n > 0 ? p->network : p->id;

    begin(b, NULL, '{');
    add_concept(b, "type", STR(DCM), is_source ? STR("110153") : STR("110152"),
                is_source ? STR("Source Role ID") : STR("Destination Role ID"));
    add_who(b, STR_NONE, p->id, display);
    strbuf_lit(b, ",\"requestor\":false");
    begin(b, "network", '{');
    add(b, "address", network);
    add(b, "type", p->network.n == 0 ? STR("5") : p->network_is_address ? STR("2") : STR("1"));
    strbuf_lit(b, "}}");
}

/* Whose token was a SAML assertion says so, and names it by its issuer, subject and id
 * (IHE.BasicAudit.SAMLaccessTokenUse.Minimal). */
static void add_user_type(struct strbuf *b, bool by_assertion)
{
    begin(b, "type", '{');
    begin(b, "coding", '[');
    add_coding(b, NULL, STR(PARTICIPATION), STR("IRCP"), STR("information recipient"));
    if (by_assertion)
        add_coding(b, NULL, STR(USER_AGENT), STR("UserSamlAgent"), STR_NONE);
    strbuf_lit(b, "]}");
}

static void add_user(struct strbuf *b, const struct audit_event *e)
{
    struct str token = e->assertion;

    begin(b, NULL, '{');
    add_user_type(b, token.n > 0);
    if (e->role.n > 0) {
        begin(b, "role", '[');
        add_concept(b, NULL,
                    e->role_system.n > 0
                        ? str_printf(b->arena, "urn:oid:%.*s", STR_ARG(e->role_system))
                        : STR(OWN_CODE_SYSTEM),
                    e->role, STR(""));
        strbuf_addc(b, ']');
    }
    if (token.n > 0)
        add_who(b, audit_event_issuer(e), audit_event_person(e), e->user_name);
    else
        add_who(b, STR_NONE, e->user, e->user_name);
    if (e->user_name.n > 0)
        add(b, "name", e->user_name);
    strbuf_lit(b, ",\"requestor\":true");
    if (token.n > 0) {
        begin(b, "policy", '[');
        json_text_add(b, token);
        strbuf_addc(b, ']');
    }
    add_purpose(b, e);
    strbuf_addc(b, '}');
}

static void add_agents(struct strbuf *b, const struct audit_event *e, struct str hub)
{
    bool reversed = e->row != NULL && (e->row->flags & AUDIT_FROM_RESPONDER) != 0;
    struct audit_party asker, answerer;

    audit_event_parties(b->arena, e, hub, &asker, &answerer);
    begin(b, "agent", '[');
    add_node(b, &asker, !reversed, e->initiator ? STR("") : e->member);
    add_node(b, &answerer, reversed, e->initiator ? e->member : STR(""));
    if (audit_event_has_person(e))
        add_user(b, e);
    strbuf_addc(b, ']');
}

static void add_source(struct strbuf *b, const struct audit_source *source)
{
    begin(b, "source", '{');
    if (source->site.n > 0)
        add(b, "site", source->site);
    begin(b, "observer", '{');
    begin(b, "identifier", '{');
    add(b, "value", source->id);
    strbuf_lit(b, "}}");
    begin(b, "type", '[');
    add_coding(b, NULL, STR("http://terminology.hl7.org/CodeSystem/security-source-type"), STR("4"),
               STR("Application Server"));
    strbuf_lit(b, "]}");
}

/* --- entities -------------------------------------------------------------------------------- */

static void begin_entity(struct strbuf *b, const char *type, const char *type_words,
                         const char *role, const char *role_words)
{
    begin(b, NULL, '{');
    add_coding(b, "type", STR(ENTITY_TYPE), str_from(type), str_from(type_words));
    add_coding(b, "role", STR(OBJECT_ROLE), str_from(role), str_from(role_words));
}

static void add_what(struct strbuf *b, struct str system, struct str value, const char *type)
{
    begin(b, "what", '{');
    if (type != NULL)
        add(b, "type", str_from(type));
    begin(b, "identifier", '{');
    if (system.n > 0)
        add(b, "system", system);
    add(b, "value", value);
    strbuf_lit(b, "}}");
}

/* id^^^&oid&ISO: a logical reference to the patient by identifier. */
static void add_patient(struct strbuf *b, struct str cx)
{
    struct str rest = cx, id = str_cut(&rest, '^'), oid;
    ptrdiff_t at = str_find(rest, '&');

    rest = at >= 0 ? str_slice(rest, (size_t)at + 1, rest.n) : STR("");
    oid = str_cut(&rest, '&');
    if (oid.n > 0)
        oid = str_printf(b->arena, "urn:oid:%.*s", STR_ARG(oid));
    begin_entity(b, "1", "Person", "1", "Patient");
    add_what(b, oid, id, "Patient");
    strbuf_addc(b, '}');
}

static void add_detail(struct strbuf *b, const char *type, struct str value)
{
    if (value.n == 0)
        return;
    begin(b, NULL, '{');
    add(b, "type", str_from(type));
    add(b, "valueString", value);
    strbuf_addc(b, '}');
}

static void add_details(struct strbuf *b, const char *type, struct str value, struct str home)
{
    if (value.n == 0 && home.n == 0)
        return;
    begin(b, "detail", '[');
    add_detail(b, type, value);
    add_detail(b, "ihe:homeCommunityID", home);
    strbuf_addc(b, ']');
}

static const struct object_shape {
    const char *kind, *role, *words, *detail;
} object_shapes[] = {
    {"document", "3", "Report", "Repository Unique Id"},
    {"submission_set", "20", "Job", "detail"},
    {"object", "20", "Job", "detail"},
    {"message", "21", "Job Stream", "sender"},
    {NULL, "13", "Security Resource", "detail"},
};

static void add_object(struct strbuf *b, const struct audit_object *o)
{
    const struct object_shape *shape = object_shapes;

    if (strcmp(o->kind, "patient") == 0) {
        add_patient(b, o->id);
        return;
    }
    if (strcmp(o->kind, "query") == 0) {
        begin_entity(b, "2", "System Object", "24", "Query");
        if (o->id.n > 0)
            add(b, "description", o->id);
        add(b, "query", base64_encode(b->arena, o->detail));
        strbuf_addc(b, '}');
        return;
    }
    while (shape->kind != NULL && strcmp(shape->kind, o->kind) != 0)
        shape++;
    begin_entity(b, "2", "System Object", shape->role, shape->words);
    add_what(b, STR(""), o->id, NULL);
    if (shape->kind == NULL)
        add(b, "description", str_from(o->kind));
    add_details(b, shape->detail, o->detail, o->home);
    strbuf_addc(b, '}');
}

/* A message that was received, byte for byte (ITI-20). */
static void add_verbatim(struct strbuf *b, struct str bytes)
{
    begin_entity(b, "4", "Other", "4", "Domain Resource");
    begin(b, "detail", '[');
    begin(b, NULL, '{');
    add(b, "type", STR("syslog"));
    add(b, "valueBase64Binary", base64_encode(b->arena, bytes));
    strbuf_lit(b, "}]}");
}

static void add_entities(struct strbuf *b, const struct audit_event *e)
{
    begin(b, "entity", '[');
    begin(b, NULL, '{');
    add_coding(b, "type", STR(BALP_ENTITY), STR("XrequestId"), STR("X-Request-Id"));
    add_what(b, STR(""), e->request, NULL);
    strbuf_addc(b, '}');
    if (e->patient.n > 0)
        add_patient(b, e->patient);
    for (const struct audit_object *o = e->objects; o != NULL; o = o->next)
        add_object(b, o);
    if (e->verbatim.n > 0)
        add_verbatim(b, e->verbatim);
    strbuf_addc(b, ']');
}

void audit_balp_write(struct strbuf *b, const struct audit_event *e,
                      const struct audit_source *source)
{
    strbuf_lit(b, "{");
    add(b, "resourceType", STR("AuditEvent"));
    add(b, "id", e->id);
    add_types(b, e);
    add(b, "action", e->action);
    add(b, "recorded", e->at);
    add(b, "outcome", str_printf(b->arena, "%d", e->outcome));
    if (e->description.n > 0)
        add(b, "outcomeDesc", e->description);
    add_purpose(b, e);
    add_agents(b, e, source->id);
    add_source(b, source);
    add_entities(b, e);
    strbuf_addc(b, '}');
}
