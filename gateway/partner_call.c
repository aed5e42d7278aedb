#include "gateway/partner_call.h"

#include "gateway/relay.h"
#include "hub/hub.h"
#include "hub/soap.h"
#include "hub/soap_post.h"
#include "hub/wsse.h"

#define ANONYMOUS NS_WSA "/anonymous"

enum {
    FIELDS = 1,
    BYTES_A_SECOND = 1 << 20, /* at least, of documents that are sent */
};

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

static struct str part_head(struct request *rq, const struct question_part *p, struct str boundary)
{
    return str_printf(rq->arena,
                      "\r\n--%.*s\r\nContent-ID: <%.*s>\r\nContent-Type: %.*s\r\n"
                      "Content-Transfer-Encoding: binary\r\n\r\n",
                      STR_ARG(boundary), STR_ARG(p->content_id), STR_ARG(p->content_type));
}

/* The root, then each part behind its head, then the end. */
static void add_parts(struct request *rq, struct call *c, const struct question *q,
                      struct str boundary)
{
    struct str end = str_printf(rq->arena, "\r\n--%.*s--\r\n", STR_ARG(boundary));
    struct relay_piece *v = ARENA_ARRAY(rq->arena, 2 * q->part_count + 2, struct relay_piece);
    size_t n = 0;

    v[n++].text = c->body;
    for (size_t i = 0; i < q->part_count; i++) {
        v[n++].text = part_head(rq, &q->parts[i], boundary);
        v[n++].source = q->parts[i].source;
    }
    v[n++].text = end;
    c->body = STR_NONE;
    c->source = relay_new(rq->arena, v, n);
}

/* A message of MTOM is a package even with nothing in it but its root (TF-2 V.3.6). */
static void pack(struct request *rq, struct call *c, const struct question *q)
{
    struct str boundary =
        str_printf(rq->arena, "MIME_%.*s", STR_ARG(uuid_text(rq->arena, uuid_v4())));
    struct str root =
        str_printf(rq->arena, "%.*s@causeway", STR_ARG(uuid_text(rq->arena, uuid_v4())));

    c->content_type = str_printf(rq->arena,
                                 "multipart/related; boundary=\"%.*s\"; "
                                 "type=\"application/xop+xml\"; start=\"<%.*s>\"; "
                                 "start-info=\"application/soap+xml\"",
                                 STR_ARG(boundary), STR_ARG(root));
    c->body = str_printf(rq->arena,
                         "--%.*s\r\nContent-ID: <%.*s>\r\n"
                         "Content-Type: application/xop+xml; charset=UTF-8; "
                         "type=\"application/soap+xml\"\r\n"
                         "Content-Transfer-Encoding: binary\r\n\r\n%.*s",
                         STR_ARG(boundary), STR_ARG(root), STR_ARG(c->body));
    if (q->part_count > 0)
        add_parts(rq, c, q, boundary);
    else
        c->body =
            str_printf(rq->arena, "%.*s\r\n--%.*s--\r\n", STR_ARG(c->body), STR_ARG(boundary));
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

/* What is sent takes its time before there can be an answer. */
static int64_t sending_us(const struct question *q)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < q->part_count; i++)
        bytes += q->parts[i].source->length;
    return (int64_t)(bytes / (BYTES_A_SECOND / 1000)) * 1000;
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
        .repeatable = !q->once && q->part_count == 0,
        .soft_us = p->soft_us + sending_us(q),
        .hard_us = p->hard_us + sending_us(q),
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
