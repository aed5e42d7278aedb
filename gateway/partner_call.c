#include "gateway/partner_call.h"

#include "hub/hub.h"
#include "hub/soap.h"
#include "hub/soap_post.h"
#include "hub/wsse.h"

#define ANONYMOUS NS_WSA "/anonymous"

enum { FIELDS = 1 };

bool question_url_valid(struct str url)
{
    struct soap_url parsed;
    struct arena a;
    bool valid;

    arena_init(&a);
    valid = soap_url_parse(&a, url, &parsed);
    arena_dispose(&a);
    return valid;
}

static void write_addressing(struct xml_writer *w, const struct question *q)
{
    xml_begin(w, "wsa:Action");
    xml_attribute(w, "soap:mustUnderstand", STR("true"));
    xml_content(w, str_from(q->action));
    xml_end(w, "wsa:Action");
    xml_leaf(w, "wsa:MessageID", q->message_id);
    xml_begin(w, "wsa:ReplyTo");
    xml_leaf(w, "wsa:Address", STR(ANONYMOUS));
    xml_end(w, "wsa:ReplyTo");
    xml_begin(w, "wsa:To");
    xml_attribute(w, "soap:mustUnderstand", STR("true"));
    xml_content(w, q->url);
    xml_end(w, "wsa:To");
}

/* The wsse:Security block whose assertion proved the person who asks, as it came: where the other
 * region trusts its issuer, it knows who asks. */
static struct str security_of(struct request *rq, const struct question *q)
{
    const xmlNode *header;

    if (!PARTNER_TAKES(q->partner, ASSERTION) || rq->principal.assertion.n == 0 ||
        rq->message.soap == NULL)
        return STR_NONE;
    header = rq->message.soap->header;
    XML_EACH(block, header, NS_WSSE, "Security")
    {
        if (soap_is_for_us(block))
            return xml_copy_text(rq->arena, block);
    }
    return STR_NONE;
}

/* The body is text already: it goes between the tags as it is. */
static struct str envelope(struct request *rq, const struct question *q)
{
    struct strbuf b = strbuf_on(rq->arena, q->body.n + 2048);
    struct xml_writer w = xml_writer_on(&b);

    strbuf_lit(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml_begin(&w, "soap:Envelope");
    xml_attribute(&w, "xmlns:soap", STR(NS_SOAP));
    xml_attribute(&w, "xmlns:wsa", STR(NS_WSA));
    xml_begin(&w, "soap:Header");
    write_addressing(&w, q);
    strbuf_add(&b, q->header);
    strbuf_add(&b, security_of(rq, q));
    xml_end(&w, "soap:Header");
    xml_begin(&w, "soap:Body");
    xml_content(&w, STR(""));
    strbuf_add(&b, q->body);
    xml_end(&w, "soap:Body");
    xml_end(&w, "soap:Envelope");
    return strbuf_str(&b);
}

/* Those that the root may include: all that have a name. */
static void add_parts(struct strbuf *b, const struct question *q, struct str boundary)
{
    for (const struct part *p = q->parts; p != NULL; p = p->next) {
        if (p == q->root || p->content_id.n == 0 || p->stored != NULL)
            continue;
        strbuf_addf(b, "--%.*s\r\nContent-ID: <%.*s>\r\n", STR_ARG(boundary),
                    STR_ARG(p->content_id));
        strbuf_addf(b, "Content-Type: %.*s\r\nContent-Transfer-Encoding: binary\r\n\r\n",
                    STR_ARG(p->content_type.n > 0 ? p->content_type
                                                  : STR("application/octet-stream")));
        strbuf_add(b, p->bytes);
        strbuf_lit(b, "\r\n");
    }
}

/* A message of MTOM is a package even with nothing in it but its root (TF-2 V.3.6). */
static void pack(struct request *rq, struct call *c, const struct question *q)
{
    struct strbuf b = strbuf_on(rq->arena, c->body.n + 1024);
    struct str boundary =
        str_printf(rq->arena, "MIME_%.*s", STR_ARG(uuid_text(rq->arena, uuid_v4())));
    struct str root =
        str_printf(rq->arena, "%.*s@causeway", STR_ARG(uuid_text(rq->arena, uuid_v4())));

    c->content_type = str_printf(rq->arena,
                                 "multipart/related; boundary=\"%.*s\"; "
                                 "type=\"application/xop+xml\"; start=\"<%.*s>\"; "
                                 "start-info=\"application/soap+xml\"",
                                 STR_ARG(boundary), STR_ARG(root));
    strbuf_addf(&b,
                "--%.*s\r\nContent-ID: <%.*s>\r\n"
                "Content-Type: application/xop+xml; charset=UTF-8; "
                "type=\"application/soap+xml\"\r\n"
                "Content-Transfer-Encoding: binary\r\n\r\n",
                STR_ARG(boundary), STR_ARG(root));
    strbuf_add(&b, c->body);
    strbuf_lit(&b, "\r\n");
    add_parts(&b, q, boundary);
    strbuf_addf(&b, "--%.*s--\r\n", STR_ARG(boundary));
    c->body = strbuf_str(&b);
}

/* Registered for this very community; or nobody's, of a configured CA, for this host. */
static bool is_trusted(void *context, const struct call *call, const struct dial_trust *shown)
{
    const struct request *rq = context;
    const struct member *m =
        member_by_cert(rq->members, shown->fingerprint, shown->chain_valid, clock_now_us());

    if (m != NULL)
        return m->id == call->partner && !m->suspended;
    return shown->chain_valid && shown->name_valid;
}

struct call question_call(struct request *rq, struct question *q)
{
    const struct partner *p = q->partner;
    struct str *fields = ARENA_ARRAY(rq->arena, FIELDS, struct str);
    struct call c;

    q->message_id = uuid_urn(rq->arena, uuid_v4());
    fields[0] = str_printf(rq->arena, "X-Request-Id: %.*s", STR_ARG(request_id(rq)));
    c = (struct call){
        .partner = p->member_id,
        .partner_name = p->name,
        .url = str_c(rq->arena, q->url),
        .content_type =
            str_printf(rq->arena, "application/soap+xml; charset=UTF-8; action=\"%s\"", q->action),
        .body = envelope(rq, q),
        .fields = fields,
        .field_count = FIELDS,
        .repeatable = !q->once,
        .soft_us = p->soft_us,
        .hard_us = p->hard_us,
        .most_in_flight = p->most_in_flight,
        .max_answer = q->max_answer,
        .max_transfer = (uint64_t)rq->config->community_transfer_mb << 20,
        .sink = q->sink,
        .raw_multipart = PARTNER_TAKES(p, RAW_MTOM),
        .trust = is_trusted,
        .trust_context = rq,
    };
    if (q->mtom)
        pack(rq, &c, q);
    return c;
}

static void wake(void *context)
{
    request_wake(context);
}

static void begin(struct request *rq, void *p)
{
    callout_start(rq->hub->callout, p);
}

void questions_ask(struct request *rq, struct call *calls, size_t n, const struct transaction *then)
{
    struct call_set *set = ARENA_NEW(rq->arena, struct call_set);

    *set = (struct call_set){
        .v = calls,
        .n = n,
        .arena = rq->arena,
        .cancelled = &rq->exchange->cancelled,
        .asker = rq->principal.member->id,
        .done = wake,
        .context = rq,
    };
    request_wait(rq, then, begin, set);
}
