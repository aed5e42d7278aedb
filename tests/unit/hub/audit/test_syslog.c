#include "hub/audit/syslog.h"

#include "hub/audit/dicom_read.h"
#include "tests/support/suite.h"

static void the_header_is_the_one_that_iti_20_wants(void)
{
    struct arena a;

    arena_init(&a);
    CHECK_STR(syslog_write(&a, STR("2026-11-22T15:04:05.123456Z"), STR("hub.example"), 4711,
                           STR("<AuditMessage/>")),
              STR("<85>1 2026-11-22T15:04:05.123456Z hub.example causeway 4711 IHE+RFC-3881 - "
                  "<AuditMessage/>"));
    arena_dispose(&a);
}

static void any_message_of_rfc_5424_is_read(void)
{
    static const struct {
        struct str bytes, host, message_id, data, text;
        int priority;
    } good[] = {
        {STR("<85>1 2026-11-22T15:04:05Z h a 7 IHE+RFC-3881 - <x/>"), STR("h"), STR("IHE+RFC-3881"),
         STR(""), STR("<x/>"), 85},
        {STR("<0>1 - - - - - -"), STR(""), STR(""), STR(""), STR(""), 0},
        {STR("<191>1 - h - - M [e@1 k=\"a\\\"]b\"][f] t x"), STR("h"), STR("M"),
         STR("[e@1 k=\"a\\\"]b\"][f]"), STR("t x"), 191},
        {STR("<84>1 - h a - M - \xef\xbb\xbf<x/>"), STR("h"), STR("M"), STR(""), STR("<x/>"), 84},
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct syslog_message m;

        CU_ASSERT_FATAL(syslog_read(good[i].bytes, &m));
        CU_ASSERT_EQUAL(m.priority, good[i].priority);
        CHECK_STR(m.host, good[i].host);
        CHECK_STR(m.message_id, good[i].message_id);
        CHECK_STR(m.structured_data, good[i].data);
        CHECK_STR(m.text, good[i].text);
    }
}

static void what_udp_cut_off_is_read_as_far_as_it_goes(void)
{
    struct syslog_message m;

    CU_ASSERT(syslog_read(STR("<85>1 - h a 7 M - <Audit"), &m));
    CHECK_STR(m.text, STR("<Audit"));
    CU_ASSERT(syslog_read(STR("<85>1 - h a 7 M [x k=\"v"), &m));
    CHECK_STR(m.message_id, STR("M"));
    CU_ASSERT(syslog_read(STR("<85>1 - h a 7 M"), &m));
}

static void other_headers_are_no_rfc_5424(void)
{
    static const struct str bad[] = {
        STR(""),
        STR("<13>Nov 22 10:00:00 host su: hello"), /* RFC 3164 */
        STR("<192>1 - - - - - -"),
        STR("<>1 - - - - - -"),
        STR("<1>2 - - - - - -"),
        STR("85>1 - - - - - -"),
        STR("<85>1 - h\x01 a 7 M - x"),
        STR("<85>1 - h a 7 M x"),
        STR("<85>1 - h a 7 a-message-id-of-more-than-thirty-two-letters - x"),
        STR("5 hello"),
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct syslog_message m;

        CU_ASSERT_FALSE(syslog_read(bad[i], &m));
    }
}

#define EVENT                                                                                      \
    "<EventIdentification EventActionCode='R' EventDateTime='2026-11-22T10:00:00Z'"                \
    " EventOutcomeIndicator='8'><EventID csd-code='110106'/><EventTypeCode csd-code='ITI-43'/>"    \
    "</EventIdentification>"
#define NODE                                                                                       \
    "<ActiveParticipant UserID='https://repository' UserIsRequestor='true'"                        \
    " NetworkAccessPointID='10.0.0.1'><RoleIDCode csd-code='110153'/></ActiveParticipant>"
#define PERSON                                                                                     \
    "<ActiveParticipant UserID='house' UserName='jd&lt;house@idp&gt;' UserIsRequestor='true'>"     \
    "<RoleIDCode csd-code='HCP'/></ActiveParticipant>"
#define PATIENT                                                                                    \
    "<ParticipantObjectIdentification ParticipantObjectID='7^^^&amp;1.2&amp;ISO'"                  \
    " ParticipantObjectTypeCode='1' ParticipantObjectTypeCodeRole='1'/>"

static void a_report_names_event_person_and_patients(void)
{
    struct audit_report r;
    struct arena a;

    arena_init(&a);
    CU_ASSERT_FATAL(audit_report_read(
        &a, STR("<AuditMessage>" EVENT NODE PERSON PATIENT PATIENT "</AuditMessage>"), &r));
    CHECK_STR(r.event, STR("110106"));
    CHECK_STR(r.type, STR("ITI-43"));
    CU_ASSERT_EQUAL(r.action, 'R');
    CU_ASSERT_EQUAL(r.outcome, 8);
    CHECK_STR(r.user, STR("jd<house@idp>"));
    CHECK_STR(r.role, STR("HCP"));
    CU_ASSERT_EQUAL(r.patient_count, 2);
    CHECK_STR(r.patients[1], STR("7^^^&1.2&ISO"));
    arena_dispose(&a);
}

static void without_a_person_the_node_asked(void)
{
    struct audit_report r;
    struct arena a;

    arena_init(&a);
    CU_ASSERT(audit_report_read(&a, STR("<AuditMessage>" EVENT NODE "</AuditMessage>"), &r));
    CHECK_STR(r.user, STR("https://repository"));
    CU_ASSERT_EQUAL(r.role.n, 0);
    CU_ASSERT_FALSE(audit_report_read(&a, STR("<AuditMessage>" EVENT), &r));
    CU_ASSERT_FALSE(audit_report_read(&a, STR("<Other/>"), &r));
    arena_dispose(&a);
}

SUITE(test_syslog, CASE(the_header_is_the_one_that_iti_20_wants),
      CASE(any_message_of_rfc_5424_is_read), CASE(what_udp_cut_off_is_read_as_far_as_it_goes),
      CASE(other_headers_are_no_rfc_5424), CASE(a_report_names_event_person_and_patients),
      CASE(without_a_person_the_node_asked));
