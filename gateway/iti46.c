#include "gateway/iti46.h"

#include "gateway/v3_identity.h"
#include "hub/outbox_connect.h"
#include "hub/soap_post.h"

#define NOTIFICATION "PRPA_IN201302UV02"
#define ACTION       NS_HL7V3 ":" NOTIFICATION

struct str iti46_message(struct request *rq, const struct outbox_item *item,
                         const struct identity_visible *v)
{
    struct hl7v3_wrapper t = {
        .interaction = NOTIFICATION,
        .id = {uuid_text(rq->arena, item->id), STR_NONE},
        .receiver = {rq->principal.member->organization, STR_NONE},
        .accept = "AL",
    };
    struct soap_addressing to = {
        .action = STR(ACTION),
        .message_id = uuid_urn(rq->arena, item->id),
        .to = item->to.address,
    };
    struct strbuf text = strbuf_on(rq->arena, 4096);
    struct xml_writer w = xml_writer_on(&text);

    soap_message_begin(&w, &to);
    hl7v3_wrapper_begin(rq, &w, &t);
    hl7v3_act_begin(&w, "PRPA_TE201302UV02");
    v3_identity_write(rq, &w, v);
    hl7v3_act_end(&w);
    xml_end(&w, NOTIFICATION);
    return soap_message_end(&w);
}

/* typeCode of the acknowledgement of this message; STR_NONE: there is none. */
static struct str acknowledged(const struct outbox_delivery *d, const xmlNode *envelope)
{
    const xmlNode *n = xml_child(envelope, NS_SOAP, "Body"), *target;

    n = xml_child(xml_child(n, NS_HL7V3, NULL), NS_HL7V3, "acknowledgement");
    target = xml_child(n, NS_HL7V3, "targetMessage");
    if (!str_eq_nocase(hl7v3_attr(target, "id", "root"), uuid_text(d->arena, d->item->id)))
        return STR_NONE;
    return hl7v3_attr(n, "typeCode", "code");
}

static enum outbox_verdict read_verdict(struct outbox_delivery *d, struct str body)
{
    struct errors err;
    xmlNode *envelope;
    struct str code;

    errors_init(&err, d->arena);
    if (xml_parse(d->arena, body, &XML_LIMITS, &err, &envelope) != OK)
        return outbox_trouble(d, OUTBOX_RETRY, STR("its answer is not XML"));
    code = acknowledged(d, envelope);
    if (str_eq(code, STR("CA")) || str_eq(code, STR("AA")))
        return OUTBOX_DELIVERED;
    if (str_eq(code, STR("CE")) || str_eq(code, STR("AE")))
        return outbox_trouble(d, OUTBOX_REFUSED,
                              str_printf(d->arena, "refused: %.*s", STR_ARG(code)));
    if (code.n > 0)
        return outbox_trouble(d, OUTBOX_RETRY, STR("answered neither accept nor error"));
    return outbox_trouble(d, OUTBOX_RETRY, STR("its answer acknowledges another message"));
}

enum outbox_verdict iti46_deliver(struct outbox_delivery *d)
{
    struct http_answer answer;
    struct soap_url url;
    struct errors err;
    enum outbox_verdict v;

    errors_init(&err, d->arena);
    if (!soap_url_parse(d->arena, d->item->to.address, &url))
        return outbox_trouble(d, OUTBOX_REFUSED, STR("its address is no https URL"));
    if (soap_post(d, &url, STR("application/soap+xml; charset=UTF-8; action=\"" ACTION "\""),
                  d->bytes, &answer, &err) != OK)
        return outbox_trouble(d, OUTBOX_RETRY,
                              err.last != NULL ? err.last->text : STR("not delivered"));
    v = soap_post_verdict(d, answer.status);
    return v == OUTBOX_DELIVERED ? read_verdict(d, answer.body) : v;
}
