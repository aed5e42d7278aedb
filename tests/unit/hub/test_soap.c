/* hub/soap and hub/mtom: what is read, which fault answers what, and what an answer looks like. */
#include "hub/soap.h"

#include <string.h>

#include "hub/mtom.h"
#include "hub/net/multipart.h"
#include "tests/support/suite.h"

#define SIMPLE            "application/soap+xml; charset=UTF-8"
#define ENVELOPE          "<s:Envelope xmlns:s='" NS_SOAP "' xmlns:a='" NS_WSA "' xmlns:x='urn:x'>"
#define BLOCK(x)          ENVELOPE "<s:Header>" x "</s:Header><s:Body><x:q/></s:Body></s:Envelope>"
#define ACTION            "<a:Action s:mustUnderstand='1'>urn:do</a:Action>"
#define ID                "<a:MessageID>urn:uuid:1</a:MessageID>"
#define ADDRESS(name, to) "<a:" name "><a:Address>" to "</a:Address></a:" name ">"
#define ANONYMOUS         "http://www.w3.org/2005/08/addressing/anonymous"

static struct arena arena;
static struct errors err;

static enum status read_simple(const char *type, const char *xml, struct soap_message *m)
{
    struct body body = {.bytes = str_from(xml)};

    xml_init();
    errors_init(&err, &arena);
    return soap_read(&arena, str_from(type), &body, m, &err);
}

static void what_ihe_senders_send_is_read(void)
{
    static const struct {
        const char *type, *xml;
    } good[] = {
        {SIMPLE, BLOCK(ACTION ID)},
        {"application/soap+xml", BLOCK(ID ACTION)},
        {"application/soap+xml; action=\"urn:other\"; charset=\"utf-8\"", BLOCK(ACTION ID)},
        {"Application/SOAP+XML;charset=utf-8", BLOCK(ACTION ID ADDRESS("ReplyTo", ANONYMOUS))},
        {SIMPLE, BLOCK(ACTION ID ADDRESS("FaultTo", ANONYMOUS) "<a:To s:mustUnderstand='true'>"
                                                               "http://elsewhere</a:To>")},
        {SIMPLE, BLOCK(ACTION ID "<w:Security s:mustUnderstand='1' xmlns:w='http://docs.oasis-open"
                                 ".org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'/>")},
        {SIMPLE, BLOCK(ACTION ID "<x:other/><x:other s:mustUnderstand='0'/>")},
        {SIMPLE, BLOCK(ACTION ID "<x:o s:mustUnderstand='1' s:role='urn:another-node'/>")},
        {SIMPLE, "<?xml version='1.0' encoding='UTF-8'?>\n" BLOCK("\n " ACTION "\n " ID "\n")},
    };
    struct soap_message m;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT_EQUAL(read_simple(good[i].type, good[i].xml, &m), OK);
        CHECK_STR(m.action, STR("urn:do"));
        CHECK_STR(m.message_id, STR("urn:uuid:1"));
        CU_ASSERT(xml_is(m.body, "urn:x", "q"));
        CU_ASSERT_FALSE(m.is_mtom);
    }
    arena_dispose(&arena);
}

static void an_empty_body_is_for_the_handler_to_judge(void)
{
    struct soap_message m;

    arena_init(&arena);
    CU_ASSERT_EQUAL(read_simple(SIMPLE,
                                ENVELOPE "<s:Header>" ACTION ID "</s:Header><s:Body/></s:Envelope>",
                                &m),
                    OK);
    CU_ASSERT_PTR_NULL(m.body);
    arena_dispose(&arena);
}

#define WITH_BODY(body) ENVELOPE "<s:Header>" ACTION ID "</s:Header>" body "</s:Envelope>"

static void each_fault_has_its_code(void)
{
    static const struct {
        const char *type, *xml, *code;
    } bad[] = {
        {"", BLOCK(ACTION ID), "soap:MediaType"},
        {"text/plain", BLOCK(ACTION ID), "soap:MediaType"},
        {"text/xml", BLOCK(ACTION ID), "soap:MediaType"},
        {"application/xop+xml", BLOCK(ACTION ID), "soap:MediaType"},
        {"application/soap+xml; charset=EBCDIC", BLOCK(ACTION ID), "soap:MediaType"},
        {"application/soap+xml; charset=utf-8; charset=utf-16", BLOCK(ACTION ID), "soap:MediaType"},
        {SIMPLE, "", "XML"},
        {SIMPLE, "<a>", "XML"},
        {SIMPLE, "<!DOCTYPE a><a/>", "XML"},
        {SIMPLE, "<a/>", "soap:VersionMismatch"},
        {SIMPLE, "<Envelope/>", "soap:VersionMismatch"},
        {SIMPLE, "<s:Body xmlns:s='" NS_SOAP "'/>", "soap:VersionMismatch"},
        {SIMPLE, ENVELOPE "</s:Envelope>", "soap:Sender"},
        {SIMPLE, ENVELOPE "<s:Body/><s:Header/></s:Envelope>", "soap:Sender"},
        {SIMPLE, WITH_BODY("<s:Body/><s:Body/>"), "soap:Sender"},
        {SIMPLE, WITH_BODY("<s:Body><x:q/><x:q/></s:Body>"), "soap:Sender"},
        {SIMPLE, WITH_BODY("<s:Body>text<x:q/></s:Body>"), "soap:Sender"},
        {SIMPLE, WITH_BODY("text<s:Body/>"), "soap:Sender"},
        {SIMPLE, ENVELOPE "<s:Body/></s:Envelope>", "wsa:MessageAddressingHeaderRequired"},
        {SIMPLE, BLOCK(ID), "wsa:MessageAddressingHeaderRequired"},
        {SIMPLE, BLOCK(ACTION), "wsa:MessageAddressingHeaderRequired"},
        {SIMPLE, BLOCK(ACTION ACTION ID), "wsa:InvalidCardinality"},
        {SIMPLE, BLOCK(ACTION ID ID), "wsa:InvalidCardinality"},
        {SIMPLE, BLOCK(ACTION "<a:MessageID> </a:MessageID>"), "wsa:InvalidAddressingHeader"},
        {SIMPLE, BLOCK(ACTION ID "<a:ReplyTo/>"), "wsa:InvalidAddressingHeader"},
        {SIMPLE,
         BLOCK(ACTION ID ADDRESS("ReplyTo", "https://one/") ADDRESS("FaultTo", "https://two/")),
         "wsa:OnlyAnonymousAddressSupported"},
        {SIMPLE, BLOCK(ACTION ID ADDRESS("FaultTo", "http://10.0.0.1/")),
         "wsa:OnlyAnonymousAddressSupported"},
        {SIMPLE, BLOCK(ACTION ID "<x:o s:mustUnderstand='1'/>"), "soap:MustUnderstand"},
        {SIMPLE, BLOCK(ACTION ID "<x:o s:mustUnderstand=' true ' s:role='" NS_SOAP "/role/next'/>"),
         "soap:MustUnderstand"},
    };
    struct soap_message m;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_EQUAL(read_simple(bad[i].type, bad[i].xml, &m), INVALID);
        CHECK_STR(str_from(err.first ? err.first->code : "none"), str_from(bad[i].code));
    }
    arena_dispose(&arena);
}

/* --- MTOM --------------------------------------------------------------------------------- */

#define MTOM(parameters) "multipart/related; boundary=B; " parameters
#define MTOM_TYPE                                                                                  \
    MTOM("type=\"application/xop+xml\"; start=\"<r>\"; start-info=\"application/soap+xml\"")
#define ROOT                                                                                       \
    "Content-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n"          \
    "Content-ID: <r>\r\n\r\n"
#define INCLUDE(href) "<i:Include xmlns:i='" NS_XOP "' href='" href "'/>"
#define DOCUMENT(content)                                                                          \
    ENVELOPE "<s:Header>" ACTION ID "</s:Header><s:Body><x:q>" content                             \
             "</x:q></s:Body></s:Envelope>"

static enum status read_package(const char *type, const char *text, struct soap_message *m)
{
    static const struct multipart_limits limits = {.max_parts = 10, .max_memory = 1 << 20};
    struct multipart *p = multipart_new(&arena, str_from(type), NULL, &limits);
    struct body body = {0};

    xml_init();
    errors_init(&err, &arena);
    CU_ASSERT(multipart_feed(p, str_from(text)) && multipart_end(p));
    body.parts = multipart_parts(p);
    body.root = multipart_root(p);
    return soap_read(&arena, str_from(type), &body, m, &err);
}

static void an_mtom_package_is_read_wherever_its_root_stands(void)
{
    static const char *const good[] = {
        "--B\r\n" ROOT DOCUMENT(INCLUDE("cid:d%40x")) "\r\n--B\r\nContent-ID: <d@x>\r\n\r\nbytes"
                                                      "\r\n--B--\r\n",
        "--B\r\nContent-ID: <d@x>\r\n\r\nbytes\r\n--B\r\n" ROOT DOCUMENT(
            "\n " INCLUDE("CID:d@x") "\n") "\r\n--B--\r\n",
        "--B\r\n" ROOT DOCUMENT(" Ynl0\nZXM= ") "\r\n--B--\r\n",
    };
    struct soap_message m;
    struct mtom_binary d;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT_EQUAL_FATAL(read_package(MTOM_TYPE, good[i], &m), OK);
        CU_ASSERT(m.is_mtom);
        CU_ASSERT_EQUAL(mtom_binary_read(&arena, m.parts, m.body, "code", &d, &err), OK);
        CHECK_STR(d.part != NULL ? d.part->bytes : d.bytes, STR("bytes"));
    }
    arena_dispose(&arena);
}

static void broken_binary_content_is_refused_with_the_callers_code(void)
{
    static const char *const bad[] = {
        "not base64",
        INCLUDE("cid:nobody"),
        INCLUDE("cid:"),
        INCLUDE("cid:%4"),
        INCLUDE("http://elsewhere/"),
        INCLUDE("cid:r") "text",
        INCLUDE("cid:r") INCLUDE("cid:r"),
        "<x:other/>",
    };
    struct soap_message m;
    struct mtom_binary d;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct str text = str_printf(&arena, "--B\r\n" ROOT DOCUMENT("%s") "\r\n--B--\r\n", bad[i]);

        CU_ASSERT_EQUAL_FATAL(read_package(MTOM_TYPE, text.p, &m), OK);
        CU_ASSERT_EQUAL(mtom_binary_read(&arena, m.parts, m.body, "XDSMissingDocument", &d, &err),
                        INVALID);
        CU_ASSERT_STRING_EQUAL(err.first->code, "XDSMissingDocument");
    }
    arena_dispose(&arena);
}

static void a_package_of_another_kind_is_an_unsupported_media_type(void)
{
    static const char *const bad[] = {
        MTOM("start=\"<r>\""),
        MTOM("type=\"text/xml\"; start=\"<r>\""),
        MTOM("type=\"application/xop+xml\"; start=\"<r>\"; start-info=\"text/xml\""),
    };
    struct soap_message m;

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CU_ASSERT_EQUAL(read_package(bad[i], "--B\r\n" ROOT BLOCK(ACTION ID) "\r\n--B--\r\n", &m),
                        INVALID);
        CU_ASSERT_STRING_EQUAL(err.first->code, "soap:MediaType");
    }
    CU_ASSERT_EQUAL(read_package(MTOM_TYPE,
                                 "--B\r\nContent-ID: <r>\r\nContent-Type: application/xop+xml; "
                                 "type=\"text/xml\"\r\n\r\n" BLOCK(ACTION ID) "\r\n--B--\r\n",
                                 &m),
                    INVALID);
    arena_dispose(&arena);
}

/* --- answers ------------------------------------------------------------------------------ */

static const struct transaction SIMPLE_TRANSACTION = {.name = "T-1", .action = "urn:do"};
static const struct transaction MTOM_TRANSACTION = {.name = "T-2",
                                                    .action = "urn:do",
                                                    .mtom = true};

static struct request request_for(const struct transaction *t, struct soap_message *m)
{
    return (struct request){.arena = &arena, .err = &err, .transaction = t, .message.soap = m};
}

static struct str body_of(const struct reply *rp)
{
    struct strbuf b = strbuf_on(&arena, 256);

    for (const struct segment *s = rp->first; s != NULL; s = s->next) {
        char bytes[64];
        size_t n = 0;

        strbuf_add(&b, s->bytes);
        if (s->source != NULL && s->source->read(s->source, bytes, sizeof(bytes), &n) == OK)
            strbuf_add(&b, str_of(bytes, n));
    }
    CU_ASSERT_EQUAL(b.n, rp->length);
    return strbuf_str(&b);
}

static struct str type_of(const struct reply *rp)
{
    return rp->field_count > 0 ? rp->fields[0].value : STR_NONE;
}

static xmlNode *parse(struct str xml)
{
    xmlNode *root;
    struct errors mine;

    errors_init(&mine, &arena);
    CU_ASSERT_EQUAL(xml_parse(&arena, xml, &XML_LIMITS, &mine, &root), OK);
    return root;
}

static xmlNode *path(const xmlNode *n, const char *ns, const char *a, const char *b, const char *c)
{
    const char *const names[] = {a, b, c};
    xmlNode *found = (xmlNode *)n;

    for (int i = 0; i < 3 && found != NULL; i++)
        if (names[i] != NULL)
            found = xml_child(found, ns, names[i]);
    return found;
}

static void a_simple_answer_relates_to_its_request(void)
{
    struct soap_message m;
    struct soap_answer answer;
    struct request rq = request_for(&SIMPLE_TRANSACTION, &m);
    struct xml_writer *w;
    struct reply rp;
    xmlNode *root, *header;

    arena_init(&arena);
    CU_ASSERT_EQUAL(read_simple(SIMPLE, BLOCK(ACTION ID), &m), OK);
    reply_init(&rp, &arena);
    w = soap_answer_begin(&rq, &answer, NULL);
    xml_leaf(w, "done", STR(""));
    CU_ASSERT_EQUAL(soap_answer_end(&answer, &rp), OK);
    CU_ASSERT_EQUAL(rp.http_status, 200);
    CHECK_STR(type_of(&rp), STR("application/soap+xml; charset=UTF-8"));
    root = parse(body_of(&rp));
    header = xml_child(root, NS_SOAP, "Header");
    CHECK_STR(xml_text_of(&arena, header, NS_WSA, "Action"), STR("urn:doResponse"));
    CHECK_STR(xml_text_of(&arena, header, NS_WSA, "RelatesTo"), STR("urn:uuid:1"));
    CU_ASSERT(str_starts(xml_text_of(&arena, header, NS_WSA, "MessageID"), STR("urn:uuid:")));
    CU_ASSERT_PTR_NOT_NULL(xml_child(xml_child(root, NS_SOAP, "Body"), "", "done"));
    arena_dispose(&arena);
}

static enum status read_hello(struct byte_source *s, void *to, size_t size, size_t *n)
{
    (void)s;
    (void)size;
    memcpy(to, "hello", 5);
    *n = 5;
    return OK;
}

static void an_mtom_answer_is_read_back_by_the_parser(void)
{
    struct byte_source source = {.read = read_hello, .length = 5};
    struct soap_message m, back;
    struct soap_answer answer;
    struct request rq = request_for(&MTOM_TRANSACTION, &m);
    struct mtom_binary d;
    struct xml_writer *w;
    struct reply rp;

    arena_init(&arena);
    CU_ASSERT_EQUAL(read_simple(SIMPLE, BLOCK(ACTION ID), &m), OK);
    reply_init(&rp, &arena);
    w = soap_answer_begin(&rq, &answer, "urn:done");
    xml_begin(w, "document");
    soap_answer_attach(&answer, STR("text/plain"), &source);
    xml_end(w, "document");
    CU_ASSERT_EQUAL(soap_answer_end(&answer, &rp), OK);
    CU_ASSERT_EQUAL(read_package(str_c(&arena, type_of(&rp)), str_c(&arena, body_of(&rp)), &back),
                    OK);
    CHECK_STR(back.action, STR("urn:done"));
    CU_ASSERT_EQUAL(mtom_binary_read(&arena, back.parts, back.body, "", &d, &err), OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d.part);
    CHECK_STR(d.part->bytes, STR("hello"));
    CHECK_STR(d.part->content_type, STR("text/plain"));
    arena_dispose(&arena);
}

static xmlNode *fault_for(const char *xml, struct reply *rp, xmlNode **header)
{
    struct soap_message m;
    struct request rq = request_for(NULL, &m);
    enum status s = read_simple(SIMPLE, xml, &m);
    xmlNode *root;

    CU_ASSERT_NOT_EQUAL(s, OK);
    reply_init(rp, &arena);
    soap_render_failure(&rq, s, rp);
    root = parse(body_of(rp));
    *header = xml_child(root, NS_SOAP, "Header");
    return path(root, NS_SOAP, "Body", "Fault", NULL);
}

/* Which address is good, the member's registrations say (soap_async.h). */
static void an_address_for_the_answer_is_read(void)
{
    struct soap_message m;

    arena_init(&arena);
    CU_ASSERT_EQUAL(read_simple(SIMPLE, BLOCK(ACTION ID ADDRESS("ReplyTo", " https://one/ ")), &m),
                    OK);
    CHECK_STR(m.reply_to, STR("https://one/"));
    CU_ASSERT_FALSE(m.is_async);
    CU_ASSERT_EQUAL(read_simple(SIMPLE,
                                BLOCK(ACTION ID ADDRESS("ReplyTo", "https://one/")
                                          ADDRESS("FaultTo", "https://one/")),
                                &m),
                    OK);
    CU_ASSERT_EQUAL(read_simple(SIMPLE, BLOCK(ACTION ID ADDRESS("ReplyTo", ANONYMOUS)), &m), OK);
    CU_ASSERT_EQUAL(m.reply_to.n, 0);
    arena_dispose(&arena);
}

static void a_fault_names_code_subcode_and_request(void)
{
    struct reply rp;
    xmlNode *header, *fault, *detail;

    arena_init(&arena);
    fault = fault_for(BLOCK(ACTION ID ADDRESS("FaultTo", "http://10.0.0.1/")), &rp, &header);
    CU_ASSERT_EQUAL(rp.http_status, 400);
    CHECK_STR(xml_text_of(&arena, header, NS_WSA, "Action"), STR(NS_WSA "/fault"));
    CHECK_STR(xml_text_of(&arena, header, NS_WSA, "RelatesTo"), STR("urn:uuid:1"));
    CHECK_STR(xml_text_of(&arena, path(fault, NS_SOAP, "Code", NULL, NULL), NS_SOAP, "Value"),
              STR("soap:Sender"));
    CHECK_STR(xml_text_of(&arena, path(fault, NS_SOAP, "Code", "Subcode", NULL), NS_SOAP, "Value"),
              STR("wsa:InvalidAddressingHeader"));
    CHECK_STR(xml_text_of(&arena, path(fault, NS_SOAP, "Code", "Subcode", "Subcode"), NS_SOAP,
                          "Value"),
              STR("wsa:OnlyAnonymousAddressSupported"));
    CU_ASSERT(str_find_str(xml_text_of(&arena, path(fault, NS_SOAP, "Reason", NULL, NULL), NS_SOAP,
                                       "Text"),
                           STR("(request 00000000-")) > 0);
    detail = xml_child(fault, NS_SOAP, "Detail");
    CHECK_STR(xml_text_of(&arena, detail, NS_WSA, "ProblemHeaderQName"), STR("wsa:FaultTo"));
    arena_dispose(&arena);
}

static void what_is_not_understood_is_named_in_the_header(void)
{
    struct reply rp;
    xmlNode *header, *block;

    arena_init(&arena);
    fault_for(BLOCK(ACTION ID "<x:one s:mustUnderstand='1'/><y:two xmlns:y='urn:y' "
                              "s:mustUnderstand='1'/>"),
              &rp, &header);
    CU_ASSERT_EQUAL(rp.http_status, 500);
    CU_ASSERT_EQUAL(xml_count(header, NS_SOAP, "NotUnderstood"), 2);
    block = xml_next(xml_child(header, NS_SOAP, "NotUnderstood"), NS_SOAP, "NotUnderstood");
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CHECK_STR(xml_attr(block, "qname"), STR("block:two"));
    CHECK_STR(str_from((const char *)xmlSearchNs(block->doc, block, BAD_CAST "block")->href),
              STR("urn:y"));
    arena_dispose(&arena);
}

static void soap_1_1_is_answered_in_soap_1_1(void)
{
    static const char xml[] = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>"
                              "<s:Body/></s:Envelope>";
    struct soap_message m;
    struct request rq = request_for(NULL, &m);
    struct reply rp;
    xmlNode *root, *fault;

    arena_init(&arena);
    CU_ASSERT_EQUAL(read_simple("text/xml; charset=utf-8", xml, &m), INVALID);
    reply_init(&rp, &arena);
    soap_render_failure(&rq, INVALID, &rp);
    CU_ASSERT_EQUAL(rp.http_status, 500);
    CHECK_STR(type_of(&rp), STR("text/xml; charset=UTF-8"));
    root = parse(body_of(&rp));
    CU_ASSERT(xml_is(root, "http://schemas.xmlsoap.org/soap/envelope/", "Envelope"));
    fault = path(root, "http://schemas.xmlsoap.org/soap/envelope/", "Body", "Fault", NULL);
    CHECK_STR(xml_text_of(&arena, fault, "", "faultcode"), STR("soap:VersionMismatch"));
    arena_dispose(&arena);
}

static void a_failure_of_ours_is_the_receivers(void)
{
    static const struct {
        enum status status;
        int http;
        struct str value;
    } cases[] = {{INVALID, 400, STR("soap:Sender")},
                 {DENIED, 400, STR("soap:Sender")},
                 {UPSTREAM, 500, STR("soap:Receiver")},
                 {BUSY, 500, STR("soap:Receiver")},
                 {TIMED_OUT, 500, STR("soap:Receiver")}};
    struct soap_message m = {0};
    struct request rq = request_for(NULL, &m);
    struct reply rp;

    arena_init(&arena);
    xml_init();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errors_init(&err, &arena);
        CU_ASSERT_EQUAL(fail(&err, cases[i].status, "Anything", "it failed"), cases[i].status);
        reply_init(&rp, &arena);
        soap_render_failure(&rq, cases[i].status, &rp);
        CU_ASSERT_EQUAL(rp.http_status, cases[i].http);
        CHECK_STR(xml_text_of(&arena, path(parse(body_of(&rp)), NS_SOAP, "Body", "Fault", "Code"),
                              NS_SOAP, "Value"),
                  cases[i].value);
    }
    arena_dispose(&arena);
}

SUITE(test_soap, CASE(what_ihe_senders_send_is_read),
      CASE(an_empty_body_is_for_the_handler_to_judge), CASE(each_fault_has_its_code),
      CASE(an_mtom_package_is_read_wherever_its_root_stands),
      CASE(broken_binary_content_is_refused_with_the_callers_code),
      CASE(a_package_of_another_kind_is_an_unsupported_media_type),
      CASE(a_simple_answer_relates_to_its_request), CASE(an_mtom_answer_is_read_back_by_the_parser),
      CASE(a_fault_names_code_subcode_and_request),
      CASE(what_is_not_understood_is_named_in_the_header), CASE(soap_1_1_is_answered_in_soap_1_1),
      CASE(a_failure_of_ours_is_the_receivers), CASE(an_address_for_the_answer_is_read));
