#include "hub/soap.h"

#include "hub/net/media_type.h"
#include "hub/soap_async.h"
#include "hub/wsse.h"

#define NS_SOAP11 "http://schemas.xmlsoap.org/soap/envelope/"

#define ANONYMOUS STR("http://www.w3.org/2005/08/addressing/anonymous")

enum { HEADER_TEXT_MAX = 1024 }; /* of a wsa: value, which we may have to echo */

/* --- media types -------------------------------------------------------------------------- */

static enum status unsupported(struct errors *err, const char *why)
{
    return fail(err, INVALID, "soap:MediaType", "%s", why);
}

/* A charset parameter names what the XML is in anyway; one that the parser lacks is refused. */
static enum status check_charset(struct arena *a, struct str content_type, struct errors *err)
{
    struct str charset;

    if (!media_type_parameter(a, content_type, STR("charset"), &charset))
        return unsupported(err, "Content-Type is malformed");
    if (charset.p == NULL || str_eq_nocase(charset, STR("utf-8")) ||
        str_eq_nocase(charset, STR("utf-16")) || str_eq_nocase(charset, STR("us-ascii")))
        return OK;
    return unsupported(err, "charset must be UTF-8 or UTF-16");
}

/* Parameter `name` must be `wanted` (parameters behind a ';' within it do not count); `required`:
 * it must be there. */
static bool parameter_is(struct arena *a, struct str content_type, struct str name,
                         struct str wanted, bool required)
{
    struct str value;

    if (!media_type_parameter(a, content_type, name, &value))
        return false;
    if (value.p == NULL)
        return !required;
    return str_eq_nocase(media_type_essence(value), wanted);
}

/* MTOM section 3.2, XOP section 4.1. The root's own type is repeated in start-info, which some
 * senders leave out. */
static enum status open_package(struct arena *a, struct str content_type, const struct body *body,
                                struct soap_message *out, struct str *xml, struct errors *err)
{
    const struct part *root = body->root;

    if (!parameter_is(a, content_type, STR("type"), STR("application/xop+xml"), true))
        return unsupported(err, "multipart/related must have type=\"application/xop+xml\"");
    if (!parameter_is(a, content_type, STR("start-info"), STR("application/soap+xml"), false))
        return unsupported(err, "start-info must be \"application/soap+xml\"");
    if (root == NULL)
        return unsupported(err, "the package has no root part");
    if (!str_eq_nocase(media_type_essence(root->content_type), STR("application/xop+xml")) ||
        !parameter_is(a, root->content_type, STR("type"), STR("application/soap+xml"), false))
        return unsupported(err, "the root part must be application/xop+xml of a SOAP 1.2 envelope");
    TRY(check_charset(a, root->content_type, err));
    out->is_mtom = true;
    out->parts = body->parts;
    *xml = root->bytes;
    return OK;
}

/* The bytes of the envelope. The action parameter is optional and never compared with wsa:Action:
 * senders get it wrong, and nothing depends on it. text/xml is SOAP 1.1's: it is let in so far that
 * it can be answered with a VersionMismatch. */
static enum status open_body(struct arena *a, struct str content_type, const struct body *body,
                             struct soap_message *out, struct str *xml, struct errors *err)
{
    struct str essence = media_type_essence(content_type);

    if (str_eq_nocase(essence, STR("multipart/related")))
        return open_package(a, content_type, body, out, xml, err);
    if (!str_eq_nocase(essence, STR("application/soap+xml")) &&
        !str_eq_nocase(essence, STR("text/xml")))
        return unsupported(err, "a SOAP 1.2 message is application/soap+xml, or multipart/related "
                                "of application/xop+xml");
    out->is_soap11 = str_eq_nocase(essence, STR("text/xml"));
    *xml = body->bytes;
    return check_charset(a, content_type, err);
}

/* --- the envelope ------------------------------------------------------------------------- */

static enum status sender(struct errors *err, const char *why)
{
    return fail(err, INVALID, "soap:Sender", "%s", why);
}

static bool only_space(const xmlNode *n)
{
    for (const xmlNode *c = n->children; c != NULL; c = c->next)
        if (c->type == XML_TEXT_NODE && str_trim(str_from((const char *)c->content)).n > 0)
            return false;
    return true;
}

static enum status check_version(const xmlNode *root, struct soap_message *out, struct errors *err)
{
    bool labelled_11 = out->is_soap11;

    out->is_soap11 = xml_is(root, NS_SOAP11, "Envelope");
    if (!xml_is(root, NS_SOAP, "Envelope"))
        return fail(err, INVALID, "soap:VersionMismatch",
                    "only SOAP 1.2 envelopes (%s) are understood", NS_SOAP);
    return labelled_11 ? unsupported(err, "SOAP 1.2 is sent as application/soap+xml") : OK;
}

/* SOAP 1.2 Part 1 section 5.1: an optional Header, then Body, and nothing else. */
static enum status open_envelope(const xmlNode *root, xmlNode **header, xmlNode **body,
                                 struct errors *err)
{
    xmlNode *n = xml_child(root, NULL, NULL);

    *header = NULL;
    if (xml_is(n, NS_SOAP, "Header")) {
        *header = n;
        n = xml_next(n, NULL, NULL);
    }
    *body = n;
    if (!xml_is(n, NS_SOAP, "Body") || xml_next(n, NULL, NULL) != NULL || !only_space(root))
        return sender(err, "an Envelope holds a Header, which may be left out, and one Body, in "
                           "this order, and nothing else");
    if (xml_count(n, NULL, NULL) > 1 || !only_space(n))
        return sender(err, "the Body holds more than one element");
    return OK;
}

/* --- headers ------------------------------------------------------------------------------ */

/* Section 2.2 and 5.2.2: blocks for next and for the ultimate receiver are for us. */
bool soap_is_for_us(const xmlNode *block)
{
    struct str role = str_trim(xml_attr_ns(block, NS_SOAP, "role"));

    return role.n == 0 || str_eq(role, STR(NS_SOAP "/role/ultimateReceiver")) ||
           str_eq(role, STR(NS_SOAP "/role/next"));
}

/* wsse:Security is hub/xua.h's: an assertion in it is verified, and what senders sign beside it,
 * who sign everything, is let pass and not trusted. */
static bool is_understood(const xmlNode *block)
{
    static const char *const wsa[] = {"To",     "From",      "ReplyTo",   "FaultTo",
                                      "Action", "MessageID", "RelatesTo", "ReferenceParameters"};

    for (size_t i = 0; i < sizeof(wsa) / sizeof(wsa[0]); i++)
        if (xml_is(block, NS_WSA, wsa[i]))
            return true;
    return xml_is(block, NS_WSSE, "Security");
}

static bool must_understand(const xmlNode *block)
{
    return xml_true(xml_attr_ns(block, NS_SOAP, "mustUnderstand"));
}

static enum status check_must_understand(struct arena *a, const xmlNode *header, struct errors *err)
{
    enum status status = OK;

    XML_EACH(block, header, NULL, NULL)
    if (soap_is_for_us(block) && must_understand(block) && !is_understood(block))
        status =
            fail_at(err,
                    str_printf(a, "{%.*s}%.*s", STR_ARG(xml_ns(block)), STR_ARG(xml_name(block))),
                    INVALID, "soap:MustUnderstand", "a header that must be understood is not: %.*s",
                    STR_ARG(xml_name(block)));
    return status;
}

static const xmlNode *addressing(const xmlNode *header, const char *name, size_t *count)
{
    const xmlNode *first = NULL;

    *count = 0;
    XML_EACH(block, header, NS_WSA, name)
    {
        if (!soap_is_for_us(block))
            continue;
        if ((*count)++ == 0)
            first = block;
    }
    return first;
}

/* First, so that even a fault has them: the values as they are. */
static void take_addressing(struct arena *a, const xmlNode *header, struct soap_message *out)
{
    const struct {
        const char *name;
        struct str *to;
    } values[] = {{"Action", &out->action}, {"MessageID", &out->message_id}, {"To", &out->to}};
    size_t count;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const xmlNode *block = addressing(header, values[i].name, &count);
        struct str text = block != NULL ? str_trim(xml_text(a, block)) : STR_NONE;

        if (count == 1 && text.n > 0 && text.n <= HEADER_TEXT_MAX)
            *values[i].to = text;
    }
}

static enum status invalid_header(struct arena *a, const char *name, const char *code,
                                  const char *why, struct errors *err)
{
    return fail_at(err, str_printf(a, "wsa:%s", name), INVALID, code, "wsa:%s %s", name, why);
}

/* WS-Addressing 1.0 Core section 3.2: each at most once. IHE wants Action and MessageID in every
 * request (Appendix V.3.2.2). */
static enum status check_values(struct arena *a, const xmlNode *header,
                                const struct soap_message *m, struct errors *err)
{
    const struct {
        const char *name;
        struct str value;
        bool required;
    } values[] = {{"Action", m->action, true},
                  {"MessageID", m->message_id, true},
                  {"To", m->to, false},
                  {"ReplyTo", STR("-"), false},
                  {"FaultTo", STR("-"), false}};
    size_t count;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        addressing(header, values[i].name, &count);
        if (count > 1)
            return invalid_header(a, values[i].name, "wsa:InvalidCardinality",
                                  "stands more than once", err);
        if (count == 0 && values[i].required)
            return invalid_header(a, values[i].name, "wsa:MessageAddressingHeaderRequired",
                                  "is missing", err);
        if (count == 1 && values[i].value.n == 0)
            return invalid_header(a, values[i].name, "wsa:InvalidAddressingHeader",
                                  "is empty or too long", err);
    }
    return OK;
}

/* The address that answers, or faults, shall go to; STR_NONE: back on the connection. */
static enum status read_endpoint(struct arena *a, const xmlNode *header, const char *name,
                                 struct str *address, struct errors *err)
{
    size_t count;
    const xmlNode *block = addressing(header, name, &count);

    *address = STR_NONE;
    if (block == NULL)
        return OK;
    *address = str_trim(xml_text_of(a, block, NS_WSA, "Address"));
    if (address->n == 0 || address->n > HEADER_TEXT_MAX)
        return invalid_header(a, name, "wsa:InvalidAddressingHeader",
                              "has no Address, or too long a one", err);
    if (str_eq(*address, ANONYMOUS))
        *address = STR_NONE;
    return OK;
}

/* Faults go where answers go: two addresses would be two disclosures. */
static enum status read_reply_to(struct arena *a, const xmlNode *header, struct soap_message *out,
                                 struct errors *err)
{
    struct str fault_to;

    TRY(read_endpoint(a, header, "FaultTo", &fault_to, err));
    TRY(read_endpoint(a, header, "ReplyTo", &out->reply_to, err));
    if (fault_to.n == 0 || str_eq(fault_to, out->reply_to))
        return OK;
    out->reply_to = STR_NONE;
    return invalid_header(a, "FaultTo", "wsa:OnlyAnonymousAddressSupported",
                          "has another address than anonymous and wsa:ReplyTo's", err);
}

static enum status read_headers(struct arena *a, const xmlNode *header, struct soap_message *out,
                                struct errors *err)
{
    take_addressing(a, header, out);
    TRY(check_must_understand(a, header, err));
    TRY(check_values(a, header, out, err));
    return read_reply_to(a, header, out, err);
}

enum status soap_read(struct arena *a, struct str content_type, const struct body *body,
                      struct soap_message *out, struct errors *err)
{
    xmlNode *root, *header, *content;
    struct str xml;

    *out = (struct soap_message){0};
    TRY(open_body(a, content_type, body, out, &xml, err));
    TRY(xml_parse(a, xml, &XML_LIMITS, err, &root));
    TRY(check_version(root, out, err));
    TRY(open_envelope(root, &header, &content, err));
    out->header = header;
    TRY(read_headers(a, header, out, err));
    out->body = xml_child(content, NULL, NULL);
    return OK;
}

/* --- the protocol ------------------------------------------------------------------------- */

static enum status choose_transaction(struct request *rq)
{
    struct str action = rq->message.soap->action;

    for (const struct transaction *t = rq->route->transactions; t->name != NULL; t++)
        if (t->action == NULL || str_eq(str_from(t->action), action)) {
            rq->transaction = t;
            return OK;
        }
    return fail_at(rq->err, action, INVALID, "wsa:ActionNotSupported",
                   "this address does not serve the action %.*s", STR_ARG(action));
}

static enum status open_message(struct request *rq)
{
    const struct exchange *ex = rq->exchange;

    rq->message.soap = ARENA_NEW(rq->arena, struct soap_message);
    TRY(soap_read(rq->arena, http_field_value(&ex->head, STR("Content-Type")), &ex->body,
                  rq->message.soap, rq->err));
    rq->sender = rq->message.soap->reply_to;
    TRY(soap_async_admit(rq));
    return choose_transaction(rq);
}

static const xmlNode *security_header(const struct request *rq)
{
    return rq->message.soap->header;
}

const struct protocol soap_protocol = {
    .name = "soap",
    .open = open_message,
    .header = security_header,
    .render_failure = soap_render_failure,
    .finish = soap_async_finish,
    .keep_failure = soap_async_finish,
};
