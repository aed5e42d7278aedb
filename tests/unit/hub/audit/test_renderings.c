/* Records as DICOM PS3.15 A.5 XML and as FHIR AuditEvent: every row of the table of transactions
 * against the schema, and the shape of each kind of object. */
#include <jansson.h>
#include <libxml/xmlschemas.h>

#include "hub/audit/balp.h"
#include "hub/audit/record.h"
#include "hub/base/hex.h"
#include "hub/data/xml.h"
#include "tests/support/suite.h"

static const struct audit_source source = {{"1.2.3.4", 7}, {"region", 6}};
static const unsigned char fingerprint[32] = {0xab, 0xcd};

struct bench {
    struct arena arena;
    struct audit_context context;
    struct audit_list rows;
    struct audit_event event;
};

static struct audit_row *set_up(struct bench *t, const char *transaction, bool initiator)
{
    const struct audit_transaction *row = audit_transaction_find(str_from(transaction), initiator);
    struct audit_row *r;

    arena_init(&t->arena);
    t->rows = (struct audit_list){0};
    t->context = (struct audit_context){
        .transaction = transaction,
        .kind = row->kind,
        .at_us = INT64_C(1795359845123456),
        .member_id = 7,
        .member = STR("st-mary"),
        .user = STR("jd<house@https://idp.example/>"),
        .user_name = STR("Dr \"House\" & <co>"),
        .role = STR("HCP"),
        .role_system = STR("2.16.756.5.30.1.127.3.10.6"),
        .purpose = STR("TREAT"),
        .peer = STR("192.0.2.7:40112 CN=ehr.st-mary.example"),
        .endpoint = STR("https://hub.example:8443/xds/registry"),
        .initiator = initiator,
        .fingerprint = fingerprint,
    };
    r = audit_add(&t->arena, &t->rows);
    r->patient = STR("123^^^&1.2.3&ISO");
    return r;
}

static struct str record_of(struct bench *t)
{
    return audit_record_write(&t->arena, &t->context, t->rows.first, (struct uuid){{1}},
                              AUDIT_DETAIL_MAX);
}

static struct str dicom_of(struct bench *t)
{
    CU_ASSERT_FATAL(audit_event_read(&t->arena, record_of(t), &t->event));
    return audit_dicom_write(&t->arena, &t->event, &source);
}

static xmlNode *dicom_tree(struct bench *t)
{
    struct errors err;
    xmlNode *root = NULL;

    errors_init(&err, &t->arena);
    CU_ASSERT_FATAL(xml_parse(&t->arena, dicom_of(t), &XML_LIMITS, &err, &root) == OK);
    return root;
}

static void add_objects(struct bench *t, struct audit_row *row)
{
    static const char *const kinds[] = {"query",   "document", "submission_set", "object",
                                        "message", "member",   "alert"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        audit_object_add(&t->arena, row, kinds[i],
                         strcmp(kinds[i], "alert") == 0 ? STR("110137 User Security Attributes"
                                                              " Changed")
                                                        : STR("1.2.3^4"),
                         STR("<detail/> \"&\x01"));
    row->objects->home = STR("urn:oid:1.9");
}

/* --- the schema ------------------------------------------------------------------------------ */

static bool is_valid(xmlSchemaValidCtxt *v, struct str xml)
{
    xmlDoc *doc = xmlReadMemory(xml.p, (int)xml.n, NULL, NULL, XML_PARSE_NONET);
    bool valid = doc != NULL && xmlSchemaValidateDoc(v, doc) == 0;

    xmlFreeDoc(doc);
    return valid;
}

static void each_row_renders_by_the_schema_with_every_object(void)
{
    const char *path = test_data("ihe/audit-samples/dicom2017c.xsd");
    xmlSchemaParserCtxt *p;
    xmlSchemaValidCtxt *v;
    xmlSchema *schema;

    if (path == NULL)
        return;
    p = xmlSchemaNewParserCtxt(path);
    schema = xmlSchemaParse(p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(schema);
    v = xmlSchemaNewValidCtxt(schema);
    for (const struct audit_transaction *row = audit_transactions; row->name != NULL; row++) {
        static const enum audit_outcome outcomes[] = {AUDIT_SUCCESS, AUDIT_MINOR, AUDIT_SERIOUS,
                                                      AUDIT_MAJOR};

        for (int i = 0; i < 8; i++) {
            struct bench t;
            struct audit_row *r = set_up(&t, row->name, row->initiator);

            r->outcome = outcomes[i % 4];
            r->description = i % 2 ? STR("why <it> failed") : STR_NONE;
            if (i < 4)
                add_objects(&t, r);
            else
                r->patient = t.context.user = t.context.peer = t.context.endpoint = STR_NONE;
            if (!is_valid(v, dicom_of(&t)))
                printf("%s, initiator %d, case %d\n", row->name, row->initiator, i);
            CU_ASSERT(is_valid(v, dicom_of(&t)));
            arena_dispose(&t.arena);
        }
    }
    xmlSchemaFreeValidCtxt(v);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(p);
}

/* --- shapes ---------------------------------------------------------------------------------- */

static const xmlNode *object_of(const xmlNode *root, const char *role)
{
    XML_EACH(o, root, NULL, "ParticipantObjectIdentification")
    if (str_eq(xml_attr(o, "ParticipantObjectTypeCodeRole"), str_from(role)))
        return o;
    return NULL;
}

static struct str detail_of(struct arena *a, const xmlNode *object, const char *type)
{
    struct str out = STR_NONE;

    XML_EACH(d, object, NULL, "ParticipantObjectDetail")
    if (str_eq(xml_attr(d, "type"), str_from(type)))
        CU_ASSERT(base64_decode(a, xml_attr(d, "value"), &out));
    return out;
}

static const xmlNode *participant_of(const xmlNode *root, const char *role)
{
    XML_EACH(p, root, NULL, "ActiveParticipant")
    if (str_eq(xml_attr(xml_child(p, NULL, "RoleIDCode"), "csd-code"), str_from(role)))
        return p;
    return NULL;
}

static void a_stored_query_names_both_ends_the_person_and_the_query(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-18", false);
    const xmlNode *root, *event, *query, *from, *to, *person;
    struct str text;

    audit_object_add(&t.arena, row, "query", STR("urn:uuid:14d4debf"), STR("<AdhocQueryRequest/>"));
    row->objects->home = STR("urn:oid:1.9");
    root = dicom_tree(&t);
    event = xml_child(root, NULL, "EventIdentification");
    CHECK_STR(xml_attr(xml_child(event, NULL, "EventTypeCode"), "csd-code"), STR("ITI-18"));
    CHECK_STR(xml_attr(xml_child(event, NULL, "PurposeOfUse"), "csd-code"), STR("TREAT"));
    from = participant_of(root, "110153");
    to = participant_of(root, "110152");
    person = participant_of(root, "HCP");
    CHECK_STR(xml_attr(from, "UserID"), STR("http://www.w3.org/2005/08/addressing/anonymous"));
    CHECK_STR(xml_attr(from, "NetworkAccessPointID"), STR("192.0.2.7"));
    CHECK_STR(xml_attr(from, "UserIsRequestor"), STR("true"));
    CHECK_STR(xml_attr(to, "UserID"), STR("https://hub.example:8443/xds/registry"));
    CHECK_STR(xml_attr(to, "NetworkAccessPointID"), STR("hub.example"));
    CU_ASSERT(xml_attr(to, "AlternativeUserID").n > 0);
    CHECK_STR(xml_attr(person, "UserID"), STR("house"));
    CHECK_STR(xml_attr(person, "UserName"), STR("jd<house@https://idp.example/>"));
    CU_ASSERT_PTR_NULL(xml_attr(person, "NetworkAccessPointID").p);
    query = object_of(root, "24");
    CHECK_STR(xml_attr(query, "ParticipantObjectID"), STR("urn:uuid:14d4debf"));
    CU_ASSERT(base64_decode(&t.arena, xml_text_of(&t.arena, query, NULL, "ParticipantObjectQuery"),
                            &text));
    CHECK_STR(text, STR("<AdhocQueryRequest/>"));
    CHECK_STR(detail_of(&t.arena, query, "QueryEncoding"), STR("UTF-8"));
    CHECK_STR(detail_of(&t.arena, query, "urn:ihe:iti:xca:2010:homeCommunityId"),
              STR("urn:oid:1.9"));
    arena_dispose(&t.arena);
}

static void documents_flow_from_the_repository_whichever_side_records(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-39", true);
    const xmlNode *root, *document;

    row->partner = STR("https://other.example/xca/rg/retrieve");
    audit_object_add(&t.arena, row, "document", STR("1.2.9"), STR("1.7"));
    row->objects->home = STR("urn:oid:1.9");
    root = dicom_tree(&t);
    CHECK_STR(xml_attr(participant_of(root, "110153"), "UserID"),
              STR("https://other.example/xca/rg/retrieve"));
    CHECK_STR(xml_attr(participant_of(root, "110153"), "UserIsRequestor"), STR("false"));
    CHECK_STR(xml_attr(participant_of(root, "110152"), "UserIsRequestor"), STR("true"));
    CHECK_STR(xml_attr(xml_child(xml_child(root, NULL, "EventIdentification"), NULL, "EventID"),
                       "csd-code"),
              STR("110107"));
    document = object_of(root, "3");
    CHECK_STR(detail_of(&t.arena, document, "Repository Unique Id"), STR("1.7"));
    CHECK_STR(detail_of(&t.arena, document, "ihe:homeCommunityID"), STR("urn:oid:1.9"));
    arena_dispose(&t.arena);
}

static void a_feeds_patient_carries_the_id_of_its_message(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-8", false);
    const xmlNode *root;

    t.context.sender = STR("EHR|WARD");
    t.context.endpoint = STR("HUB|REGION");
    audit_object_add(&t.arena, row, "message", STR("MSG7"), STR("EHR|WARD"));
    root = dicom_tree(&t);
    CHECK_STR(xml_attr(object_of(root, "1"), "ParticipantObjectID"), STR("123^^^&1.2.3&ISO"));
    CHECK_STR(detail_of(&t.arena, object_of(root, "1"), "MSH-10"), STR("MSG7"));
    CHECK_STR(xml_attr(participant_of(root, "110153"), "UserID"), STR("EHR|WARD"));
    CHECK_STR(xml_attr(participant_of(root, "110152"), "UserID"), STR("HUB|REGION"));
    arena_dispose(&t.arena);
}

static void who_asks_another_community_for_people_names_no_patient(void)
{
    struct bench t;

    set_up(&t, "ITI-55", true);
    CU_ASSERT_PTR_NULL(object_of(dicom_tree(&t), "1"));
    arena_dispose(&t.arena);
}

static void what_was_removed_is_gone_for_good(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-86", false);

    audit_object_add(&t.arena, row, "document", STR("1.2.9"), STR("1.7"));
    CHECK_STR(xml_attr(object_of(dicom_tree(&t), "3"), "ParticipantObjectDataLifeCycle"),
              STR("14"));
    arena_dispose(&t.arena);
}

static void a_refused_node_is_named_with_its_certificate(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-19", false);
    const xmlNode *root;

    row->patient = t.context.user = STR_NONE;
    row->description = STR("Node authentication failed: expired");
    root = dicom_tree(&t);
    CHECK_STR(xml_attr(xml_child(xml_child(root, NULL, "EventIdentification"), NULL,
                                 "EventTypeCode"),
                       "csd-code"),
              STR("110126"));
    CHECK_STR(xml_attr(object_of(root, "13"), "ParticipantObjectID"), STR("192.0.2.7:40112"));
    CHECK_STR(detail_of(&t.arena, object_of(root, "13"), "Alert Description"), row->description);
    CU_ASSERT(
        str_starts(detail_of(&t.arena, object_of(root, "13"), "Certificate SHA-256 Fingerprint"),
                   STR("abcd")));
    arena_dispose(&t.arena);
}

static void an_alert_gives_the_event_its_type(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "CONFIG", false);
    struct audit_code type;

    audit_object_add(&t.arena, row, "alert", STR("110137 User Security Attributes Changed"),
                     STR_NONE);
    dicom_of(&t);
    type = audit_event_type(&t.event);
    CHECK_STR(type.code, STR("110137"));
    CHECK_STR(type.words, STR("User Security Attributes Changed"));
    CHECK_STR(type.system, STR("DCM"));
    arena_dispose(&t.arena);
}

static void a_record_of_the_first_version_still_renders(void)
{
    struct arena a;
    struct audit_event e;

    arena_init(&a);
    CU_ASSERT(audit_event_read(
        &a,
        STR("{\"v\":1,\"id\":\"x\",\"at\":\"2026-11-22T15:04:05Z\",\"transaction\":\"ITI-18\","
            "\"event\":\"110112\",\"action\":\"E\",\"outcome\":0,\"objects\":[]}"),
        &e));
    CU_ASSERT(audit_dicom_write(&a, &e, &source).n > 0);
    CU_ASSERT_FALSE(audit_event_read(&a, STR("{\"v\":"), &e));
    CU_ASSERT_FALSE(audit_event_read(&a, STR("[]"), &e));
    arena_dispose(&a);
}

/* --- for who asked --------------------------------------------------------------------------- */

static void who_asked_reads_nothing_of_what_was_withheld(void)
{
    static const struct {
        const char *description, *left;
        bool patient, found, found_by_patient;
    } table[] = {
        {"", "", true, true, true},
        {"XDSUnknownPatientId: no", "XDSUnknownPatientId: no", true, true, true},
        {AUDIT_WITHHELD ": 3", "", true, true, true},
        {"slow; " AUDIT_WITHHELD " from other communities: 1", "slow", true, true, true},
        {"XDSDocumentUniqueIdError: " AUDIT_NOTHING_OF_THEM, "XDSDocumentUniqueIdError", false,
         true, false},
        {AUDIT_NOTHING_BESIDE ": 1", "", false, false, false},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        for (int by_patient = 0; by_patient < 2; by_patient++) {
            struct audit_object document = {.kind = "document"};
            struct audit_object patient = {.kind = "patient", .next = &document};
            struct audit_object decision = {.kind = "decision", .next = &patient};
            struct audit_event e = {.patient = STR("1"),
                                    .description = str_from(table[i].description),
                                    .objects = &decision};

            CU_ASSERT_EQUAL(audit_event_for_asker(&e, by_patient),
                            by_patient ? table[i].found_by_patient : table[i].found);
            CHECK_STR(e.description, str_from(table[i].left));
            CU_ASSERT_EQUAL(e.patient.n > 0, table[i].patient);
            CU_ASSERT_PTR_EQUAL(e.objects, table[i].patient ? &patient : &document);
        }
}

/* --- FHIR ------------------------------------------------------------------------------------ */

static const char *text_at(const json_t *o, const char *a, const char *b, const char *c)
{
    o = json_object_get(o, a);
    o = b != NULL ? json_object_get(o, b) : o;
    o = c != NULL ? json_object_get(o, c) : o;
    return json_is_string(o) ? json_string_value(o) : "";
}

static json_t *balp_of(struct bench *t)
{
    struct strbuf b = strbuf_on(&t->arena, 4096);
    json_error_t why;
    json_t *o;

    CU_ASSERT_FATAL(audit_event_read(&t->arena, record_of(t), &t->event));
    audit_balp_write(&b, &t->event, &source);
    o = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, &why);
    if (o == NULL)
        printf("%s at %d: %.*s\n", why.text, why.position, (int)b.n, b.p);
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    return o;
}

static void each_row_is_an_audit_event_with_both_agents(void)
{
    for (const struct audit_transaction *row = audit_transactions; row->name != NULL; row++)
        for (int bare = 0; bare < 2; bare++) {
            struct bench t;
            struct audit_row *r = set_up(&t, row->name, row->initiator);
            const json_t *agents;
            json_t *o;

            if (bare)
                r->patient = t.context.user = t.context.peer = t.context.endpoint = STR_NONE;
            else
                add_objects(&t, r);
            o = balp_of(&t);
            CU_ASSERT_STRING_EQUAL(text_at(o, "resourceType", NULL, NULL), "AuditEvent");
            agents = json_object_get(o, "agent");
            CU_ASSERT_EQUAL(json_array_size(agents), bare ? 2 : 3);
            for (size_t i = 0; i < 2; i++) {
                CU_ASSERT(text_at(json_array_get(agents, i), "who", "identifier", "value")[0] != 0);
                CU_ASSERT(text_at(json_array_get(agents, i), "network", "address", NULL)[0] != 0);
            }
            json_decref(o);
            arena_dispose(&t.arena);
        }
}

static void a_patients_query_has_the_entities_of_balp(void)
{
    struct bench t;
    struct audit_row *row = set_up(&t, "ITI-18", false);
    const json_t *entities;
    json_t *o;

    audit_object_add(&t.arena, row, "query", STR("urn:uuid:14d4debf"), STR("<Q/>"));
    o = balp_of(&t);
    entities = json_object_get(o, "entity");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(entities, 0), "type", "code", NULL),
                           "XrequestId");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(entities, 1), "what", "identifier", "value"),
                           "123");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(entities, 1), "what", "identifier", "system"),
                           "urn:oid:1.2.3");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(entities, 2), "query", NULL, NULL), "PFEvPg==");
    json_decref(o);
    arena_dispose(&t.arena);
}

static void a_person_by_an_assertion_is_named_by_its_issuer_subject_and_id(void)
{
    struct bench t;
    const json_t *user, *codings;
    json_t *o;

    set_up(&t, "ITI-18", false);
    t.context.assertion = STR("_d87f8adf-711a-4545-bf77-ff8517b498e4");
    o = balp_of(&t);
    user = json_array_get(json_object_get(o, "agent"), 2);
    codings = json_object_get(json_object_get(user, "type"), "coding");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(codings, 0), "code", NULL, NULL), "IRCP");
    CU_ASSERT_STRING_EQUAL(text_at(json_array_get(codings, 1), "code", NULL, NULL),
                           "UserSamlAgent");
    CU_ASSERT_STRING_EQUAL(text_at(user, "who", "identifier", "system"), "https://idp.example/");
    CU_ASSERT_STRING_EQUAL(text_at(user, "who", "identifier", "value"), "house");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(user, "policy"), 0)),
                           "_d87f8adf-711a-4545-bf77-ff8517b498e4");
    json_decref(o);
    arena_dispose(&t.arena);
}

SUITE(test_renderings, CASE(each_row_renders_by_the_schema_with_every_object),
      CASE(a_stored_query_names_both_ends_the_person_and_the_query),
      CASE(documents_flow_from_the_repository_whichever_side_records),
      CASE(a_feeds_patient_carries_the_id_of_its_message),
      CASE(who_asks_another_community_for_people_names_no_patient),
      CASE(what_was_removed_is_gone_for_good), CASE(a_refused_node_is_named_with_its_certificate),
      CASE(an_alert_gives_the_event_its_type), CASE(a_record_of_the_first_version_still_renders),
      CASE(each_row_is_an_audit_event_with_both_agents),
      CASE(a_patients_query_has_the_entities_of_balp),
      CASE(a_person_by_an_assertion_is_named_by_its_issuer_subject_and_id),
      CASE(who_asked_reads_nothing_of_what_was_withheld));
