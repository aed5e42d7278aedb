/* The way out: envelopes and faults. */
#include <string.h>

#include "hub/mtom.h"
#include "hub/soap.h"
#include "hub/wsse.h"

#define NS_SOAP11 "http://schemas.xmlsoap.org/soap/envelope/"

#define SOAP_TYPE   STR("application/soap+xml; charset=UTF-8")
#define SOAP11_TYPE STR("text/xml; charset=UTF-8")

/* --- answers ------------------------------------------------------------------------------ */

/* Up to the inside of soap:Header. */
static void begin_header(struct xml_writer *w, const struct soap_addressing *to)
{
    strbuf_lit(w->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml_begin(w, "soap:Envelope");
    xml_attribute(w, "xmlns:soap", STR(NS_SOAP));
    xml_attribute(w, "xmlns:wsa", STR(NS_WSA));
    xml_begin(w, "soap:Header");
    xml_begin(w, "wsa:Action");
    xml_attribute(w, "soap:mustUnderstand", STR("true"));
    xml_content(w, to->action);
    xml_end(w, "wsa:Action");
    xml_leaf(w, "wsa:MessageID", to->message_id);
    if (to->to.n > 0)
        xml_leaf(w, "wsa:To", to->to);
    if (to->relates_to.n > 0)
        xml_leaf(w, "wsa:RelatesTo", to->relates_to);
}

/* The addressing of an answer to `m`, which may be NULL. */
static void begin_envelope(struct arena *a, struct xml_writer *w, struct str action,
                           const struct soap_message *m)
{
    struct soap_addressing to = {.action = action, .message_id = uuid_urn(a, uuid_v4())};

    if (m != NULL && m->is_async)
        to.to = m->reply_to;
    if (m != NULL)
        to.relates_to = m->message_id;
    begin_header(w, &to);
}

/* On into soap:Body. */
static void begin_body(struct xml_writer *w)
{
    xml_end(w, "soap:Header");
    xml_begin(w, "soap:Body");
}

static struct str end_envelope(struct xml_writer *w)
{
    xml_end(w, "soap:Body");
    xml_end(w, "soap:Envelope");
    must(w->depth == 0, "an envelope with open elements");
    return strbuf_str(w->out);
}

void soap_message_begin(struct xml_writer *w, const struct soap_addressing *to)
{
    begin_header(w, to);
    begin_body(w);
}

struct str soap_message_end(struct xml_writer *w)
{
    return end_envelope(w);
}

struct xml_writer *soap_answer_begin(struct request *rq, struct soap_answer *answer,
                                     const char *action)
{
    const struct soap_message *m = rq->message.soap;
    struct str name = action != NULL ? str_from(action)
                                     : str_printf(rq->arena, "%.*sResponse", STR_ARG(m->action));

    *answer = (struct soap_answer){.rq = rq, .text = strbuf_on(rq->arena, 4096)};
    answer->is_mtom = rq->transaction->mtom;
    answer->w = xml_writer_on(&answer->text);
    begin_envelope(rq->arena, &answer->w, name, m);
    strbuf_add(&answer->text, m->answer_block);
    begin_body(&answer->w);
    return &answer->w;
}

void soap_answer_attach(struct soap_answer *answer, struct str content_type,
                        struct byte_source *source)
{
    struct arena *a = answer->rq->arena;
    struct attachment *part = ARENA_NEW(a, struct attachment);

    must(answer->is_mtom, "a document in a Simple SOAP answer");
    *part = (struct attachment){mtom_content_id(a), content_type, source, NULL};
    xml_begin(&answer->w, "xop:Include");
    xml_attribute(&answer->w, "xmlns:xop", STR(NS_XOP));
    xml_attribute(&answer->w, "href", str_printf(a, "cid:%.*s", STR_ARG(part->content_id)));
    xml_end(&answer->w, "xop:Include");
    if (answer->last != NULL)
        answer->last->next = part;
    else
        answer->first = part;
    answer->last = part;
}

static void send_envelope(struct reply *rp, struct str envelope, bool is_mtom,
                          const struct attachment *parts)
{
    if (is_mtom) {
        mtom_package(rp, envelope, parts);
        return;
    }
    reply_field(rp, STR("Content-Type"), SOAP_TYPE);
    reply_add(rp, envelope);
}

enum status soap_answer_end(struct soap_answer *answer, struct reply *rp)
{
    send_envelope(rp, end_envelope(&answer->w), answer->is_mtom, answer->first);
    return OK;
}

/* --- faults ------------------------------------------------------------------------------- */

/* The codes that the SOAP layer itself gives: SOAP 1.2 Part 1 section 5.4.6, WS-Addressing 1.0
 * SOAP Binding section 6.4, WS-Security 1.1.1 section 12. Subcodes as they nest. */
static const struct fault {
    const char *code;
    const char *value;
    const char *subcode, *inner;
    int http_status;
} faults[] = {
    {"soap:MediaType", "soap:Sender", NULL, NULL, 415},
    {"soap:Sender", "soap:Sender", NULL, NULL, 400},
    {"XML", "soap:Sender", NULL, NULL, 400},
    {"soap:VersionMismatch", "soap:VersionMismatch", NULL, NULL, 500},
    {"soap:MustUnderstand", "soap:MustUnderstand", NULL, NULL, 500},
    {"wsa:InvalidAddressingHeader", "soap:Sender", "wsa:InvalidAddressingHeader", NULL, 400},
    {"wsa:InvalidCardinality", "soap:Sender", "wsa:InvalidAddressingHeader",
     "wsa:InvalidCardinality", 400},
    {"wsa:OnlyAnonymousAddressSupported", "soap:Sender", "wsa:InvalidAddressingHeader",
     "wsa:OnlyAnonymousAddressSupported", 400},
    {"wsa:MessageAddressingHeaderRequired", "soap:Sender", "wsa:MessageAddressingHeaderRequired",
     NULL, 400},
    {"wsse:UnsupportedSecurityToken", "soap:Sender", "wsse:UnsupportedSecurityToken", NULL, 400},
    {"wsse:UnsupportedAlgorithm", "soap:Sender", "wsse:UnsupportedAlgorithm", NULL, 400},
    {"wsse:InvalidSecurity", "soap:Sender", "wsse:InvalidSecurity", NULL, 400},
    {"wsse:InvalidSecurityToken", "soap:Sender", "wsse:InvalidSecurityToken", NULL, 400},
    {"wsse:FailedAuthentication", "soap:Sender", "wsse:FailedAuthentication", NULL, 400},
    {"wsse:FailedCheck", "soap:Sender", "wsse:FailedCheck", NULL, 400},
    {"wsse:MessageExpired", "soap:Sender", "wsse:MessageExpired", NULL, 400},
    {"wsa:ActionNotSupported", "soap:Sender", "wsa:ActionNotSupported", NULL, 400},
};

static const struct fault *soap_fault_of(const struct failure *f)
{
    for (size_t i = 0; f != NULL && i < sizeof(faults) / sizeof(faults[0]); i++)
        if (strcmp(faults[i].code, f->code) == 0)
            return &faults[i];
    return NULL;
}

/* A fault of what lies behind the SOAP layer: whose is it? */
static const struct fault *fault_of(const struct failure *f, enum status status)
{
    static const struct fault senders = {"", "soap:Sender", NULL, NULL, 400};
    static const struct fault receivers = {"", "soap:Receiver", NULL, NULL, 500};
    const struct fault *known = soap_fault_of(f);
    bool ours = status == BUSY || status == TIMED_OUT || status == UPSTREAM || status == INTERNAL ||
                status == CONFLICT;

    return known != NULL ? known : ours ? &receivers : &senders;
}

static bool is_addressing(const struct fault *f)
{
    return f->subcode != NULL && strncmp(f->subcode, "wsa:", 4) == 0;
}

static void write_code(struct xml_writer *w, const struct fault *f)
{
    xml_begin(w, "soap:Code");
    xml_leaf(w, "soap:Value", str_from(f->value));
    if (f->subcode != NULL) {
        xml_begin(w, "soap:Subcode");
        xml_begin(w, "soap:Value");
        if (!is_addressing(f))
            xml_attribute(w, "xmlns:wsse", STR(NS_WSSE));
        xml_content(w, str_from(f->subcode));
        xml_end(w, "soap:Value");
        if (f->inner != NULL) {
            xml_begin(w, "soap:Subcode");
            xml_leaf(w, "soap:Value", str_from(f->inner));
            xml_end(w, "soap:Subcode");
        }
        xml_end(w, "soap:Subcode");
    }
    xml_end(w, "soap:Code");
}

static struct str reason_of(struct request *rq, const struct failure *f)
{
    return str_printf(rq->arena, "%.*s (request %.*s)",
                      STR_ARG(f != NULL ? f->text : STR("The request failed")),
                      STR_ARG(uuid_text(rq->arena, rq->id)));
}

static void write_reason(struct xml_writer *w, struct str reason)
{
    xml_begin(w, "soap:Reason");
    xml_begin(w, "soap:Text");
    xml_attribute(w, "xml:lang", STR("en"));
    xml_content(w, reason);
    xml_end(w, "soap:Text");
    xml_end(w, "soap:Reason");
}

/* WS-Addressing 1.0 SOAP Binding section 6.3: what the fault is about. */
static void write_detail(struct xml_writer *w, const struct failure *f)
{
    if (f == NULL || f->location.n == 0 || strncmp(f->code, "wsa:", 4) != 0)
        return;
    xml_begin(w, "soap:Detail");
    if (strcmp(f->code, "wsa:ActionNotSupported") == 0) {
        xml_begin(w, "wsa:ProblemAction");
        xml_leaf(w, "wsa:Action", f->location);
        xml_end(w, "wsa:ProblemAction");
    } else {
        xml_leaf(w, "wsa:ProblemHeaderQName", f->location);
    }
    xml_end(w, "soap:Detail");
}

/* SOAP 1.2 Part 1 section 5.4.8: a header for each block that was not understood; its location is
 * {namespace}name. */
static void write_not_understood(struct arena *a, struct xml_writer *w, const struct failure *f)
{
    for (; f != NULL; f = f->next) {
        struct str name = f->location, space = str_cut(&name, '}');

        if (strcmp(f->code, "soap:MustUnderstand") != 0 || name.n == 0)
            continue;
        xml_begin(w, "soap:NotUnderstood");
        if (space.n > 1)
            xml_attribute(w, "xmlns:block", str_slice(space, 1, space.n));
        xml_attribute(w, "qname",
                      str_printf(a, "%s%.*s", space.n > 1 ? "block:" : "", STR_ARG(name)));
        xml_end(w, "soap:NotUnderstood");
    }
}

/* Section 5.4.7: which versions there are. */
static void write_upgrade(struct xml_writer *w)
{
    xml_begin(w, "up:Upgrade");
    xml_attribute(w, "xmlns:up", STR(NS_SOAP));
    xml_begin(w, "up:SupportedEnvelope");
    xml_attribute(w, "qname", STR("up:Envelope"));
    xml_end(w, "up:SupportedEnvelope");
    xml_end(w, "up:Upgrade");
}

/* WS-Addressing 1.0 SOAP Binding section 6.1: faults of its own have an action of their own. */
static struct str action_of(const struct fault *f)
{
    return is_addressing(f) ? STR(NS_WSA "/fault") : STR(NS_WSA "/soap/fault");
}

static void write_fault(struct request *rq, struct strbuf *b, const struct fault *f)
{
    struct xml_writer w = xml_writer_on(b);
    const struct soap_message *m = rq->message.soap;
    const struct failure *first = rq->err->first;

    begin_envelope(rq->arena, &w, action_of(f), m);
    write_not_understood(rq->arena, &w, first);
    if (strcmp(f->value, "soap:VersionMismatch") == 0)
        write_upgrade(&w);
    begin_body(&w);
    xml_begin(&w, "soap:Fault");
    write_code(&w, f);
    write_reason(&w, reason_of(rq, first));
    write_detail(&w, first);
    xml_end(&w, "soap:Fault");
    end_envelope(&w);
}

/* SOAP 1.2 Part 1 Appendix A: a SOAP 1.1 envelope is answered in SOAP 1.1. */
static void write_fault_11(struct request *rq, struct strbuf *b)
{
    struct xml_writer w = xml_writer_on(b);

    xml_begin(&w, "soap:Envelope");
    xml_attribute(&w, "xmlns:soap", STR(NS_SOAP11));
    xml_begin(&w, "soap:Header");
    write_upgrade(&w);
    xml_end(&w, "soap:Header");
    xml_begin(&w, "soap:Body");
    xml_begin(&w, "soap:Fault");
    xml_leaf(&w, "faultcode", STR("soap:VersionMismatch"));
    xml_leaf(&w, "faultstring", reason_of(rq, rq->err->first));
    xml_end(&w, "soap:Fault");
    end_envelope(&w);
}

static void send_fault(struct request *rq, enum status status, struct reply *rp)
{
    const struct soap_message *m = rq->message.soap;
    const struct fault *f = fault_of(rq->err->first, status);
    struct strbuf b = strbuf_on(rq->arena, 1024);

    rp->http_status = f->http_status;
    if (m != NULL && m->is_soap11 && strcmp(f->value, "soap:VersionMismatch") == 0) {
        write_fault_11(rq, &b);
        reply_field(rp, STR("Content-Type"), SOAP11_TYPE);
        reply_add(rp, strbuf_str(&b));
        return;
    }
    write_fault(rq, &b, f);
    send_envelope(rp, strbuf_str(&b), m != NULL && m->is_mtom, NULL);
}

void soap_render_failure(struct request *rq, enum status status, struct reply *rp)
{
    const struct transaction *t = rq->transaction;

    if (t != NULL && t->render_failure != NULL && soap_fault_of(rq->err->first) == NULL) {
        if (t->render_failure(rq, rp) == OK)
            return;
        reply_reset(rp);
    }
    send_fault(rq, status, rp);
}
