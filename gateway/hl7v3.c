#include "gateway/hl7v3.h"

#include <stdio.h>

#include "hub/base/clock.h"
#include "hub/base/oid.h"

#define HL7_INTERACTIONS "2.16.840.1.113883.1.6"

enum { COPY_DEPTH = 40 };

struct str hl7v3_attr(const xmlNode *parent, const char *child, const char *attribute)
{
    const xmlNode *n = xml_child(parent, NS_HL7V3, child);

    return n != NULL ? str_trim(xml_attr(n, attribute)) : STR_NONE;
}

struct hl7v3_ii hl7v3_ii_read(const xmlNode *ii)
{
    if (ii == NULL)
        return (struct hl7v3_ii){STR_NONE, STR_NONE};
    return (struct hl7v3_ii){str_trim(xml_attr(ii, "root")), str_trim(xml_attr(ii, "extension"))};
}

struct str hl7v3_ii_text(struct arena *a, struct hl7v3_ii ii)
{
    if (ii.extension.n == 0)
        return ii.root;
    return str_printf(a, "%.*s^%.*s", STR_ARG(ii.root), STR_ARG(ii.extension));
}

/* The id of the sending or receiving device. */
static struct hl7v3_ii device(const xmlNode *root, const char *side)
{
    const xmlNode *n = xml_child(xml_child(root, NS_HL7V3, side), NS_HL7V3, "device");

    return hl7v3_ii_read(xml_child(n, NS_HL7V3, "id"));
}

static void read_query(struct hl7v3 *m)
{
    m->query = xml_child(m->act, NS_HL7V3, "queryByParameter");
    if (m->query == NULL)
        m->query = xml_child(m->act, NS_HL7V3, "queryContinuation");
    m->query_id = hl7v3_ii_read(xml_child(m->query, NS_HL7V3, "queryId"));
}

struct hl7v3 hl7v3_look(const struct request *rq)
{
    struct hl7v3 m = {.root = rq->message.soap->body};

    m.id = hl7v3_ii_read(xml_child(m.root, NS_HL7V3, "id"));
    m.sender = device(m.root, "sender");
    m.receiver = device(m.root, "receiver");
    m.act = xml_child(m.root, NS_HL7V3, "controlActProcess");
    read_query(&m);
    return m;
}

enum status hl7v3_read(struct request *rq, const char *name, struct hl7v3 *out)
{
    *out = hl7v3_look(rq);
    if (out->root == NULL || !xml_is(out->root, NS_HL7V3, name))
        return fail_at(rq->err, STR("Envelope/Body"), INVALID, "100",
                       "The message is no %s of namespace " NS_HL7V3, name);
    if (out->id.root.n == 0)
        return fail_at(rq->err, str_printf(rq->arena, "/%s/id", name), INVALID, "101",
                       "The message has no id with a root");
    if (out->act == NULL)
        return fail_at(rq->err, str_printf(rq->arena, "/%s/controlActProcess", name), INVALID,
                       "100", "The message has no controlActProcess");
    return OK;
}

struct str hl7v3_domain(struct request *rq, struct hl7v3_ii ii)
{
    struct str oid = oid_strip_urn(ii.root);

    if (!oid_valid(oid))
        return STR_NONE;
    if (str_eq(oid, str_from(rq->config->xad_authority)))
        return oid;
    return member_authority_oid(rq->members, rq->principal.member, STR_NONE, oid);
}

enum patient_id_kind hl7v3_patient_id(struct request *rq, struct hl7v3_ii ii,
                                      struct identifier *out)
{
    *out = (struct identifier){.authority = hl7v3_domain(rq, ii), .id = ii.extension};
    return patient_id_kind_of(rq, out);
}

/* --- answers --------------------------------------------------------------------------------- */

void hl7v3_leaf(struct xml_writer *w, const char *name, const char *attribute, struct str value)
{
    xml_begin(w, name);
    xml_attribute(w, attribute, value);
    xml_end(w, name);
}

void hl7v3_ii_write(struct xml_writer *w, const char *name, struct hl7v3_ii ii)
{
    xml_begin(w, name);
    if (ii.root.n > 0)
        xml_attribute(w, "root", ii.root);
    if (ii.extension.n > 0)
        xml_attribute(w, "extension", ii.extension);
    if (ii.root.n == 0 && ii.extension.n == 0)
        xml_attribute(w, "nullFlavor", STR("UNK"));
    xml_end(w, name);
}

/* The organization of a device: the community whose gateway it is. */
static void write_community(struct xml_writer *w, struct str home)
{
    if (home.n == 0)
        return;
    xml_begin(w, "asAgent");
    xml_attribute(w, "classCode", STR("AGNT"));
    xml_begin(w, "representedOrganization");
    xml_attribute(w, "classCode", STR("ORG"));
    xml_attribute(w, "determinerCode", STR("INSTANCE"));
    hl7v3_ii_write(w, "id", (struct hl7v3_ii){home, STR_NONE});
    xml_end(w, "representedOrganization");
    xml_end(w, "asAgent");
}

static void write_device(struct xml_writer *w, const char *side, const char *type,
                         struct hl7v3_ii id, struct str community)
{
    xml_begin(w, side);
    xml_attribute(w, "typeCode", str_from(type));
    xml_begin(w, "device");
    xml_attribute(w, "classCode", STR("DEV"));
    xml_attribute(w, "determinerCode", STR("INSTANCE"));
    hl7v3_ii_write(w, "id", id);
    write_community(w, community);
    xml_end(w, "device");
    xml_end(w, side);
}

/* Codes of HL7 table 0357 as they are; what has none is an internal matter. */
static struct str detail_code(const struct failure *f)
{
    return f->code[0] >= '0' && f->code[0] <= '9' ? str_from(f->code) : STR("207");
}

static void write_detail(struct xml_writer *w, const struct failure *f)
{
    xml_begin(w, "acknowledgementDetail");
    xml_attribute(w, "typeCode", f->warning ? STR("W") : STR("E"));
    xml_begin(w, "code");
    xml_attribute(w, "code", detail_code(f));
    xml_attribute(w, "codeSystem", STR("2.16.840.1.113883.12.357"));
    xml_end(w, "code");
    xml_leaf(w, "text", f->text);
    if (f->location.n > 0)
        xml_leaf(w, "location", f->location);
    xml_end(w, "acknowledgementDetail");
}

static void write_acknowledgement(struct request *rq, struct xml_writer *w, const struct hl7v3 *m,
                                  const char *ack)
{
    xml_begin(w, "acknowledgement");
    hl7v3_leaf(w, "typeCode", "code", str_from(ack));
    xml_begin(w, "targetMessage");
    hl7v3_ii_write(w, "id", m->id);
    xml_end(w, "targetMessage");
    for (const struct failure *f = rq->err->first; f != NULL; f = f->next)
        write_detail(w, f);
    xml_end(w, "acknowledgement");
}

/* YYYYMMDDHHMMSS+0000 */
static struct str creation_time(struct request *rq)
{
    return clock_dtm(rq->arena, rq->now_us);
}

static void write_interaction(struct xml_writer *w, const char *interaction)
{
    xml_begin(w, "interactionId");
    xml_attribute(w, "root", STR(HL7_INTERACTIONS));
    xml_attribute(w, "extension", str_from(interaction));
    xml_end(w, "interactionId");
}

static struct hl7v3_ii hub_id(struct request *rq)
{
    return (struct hl7v3_ii){str_from(rq->config->home_community_id), STR_NONE};
}

/* The root and its transmission wrapper, up to where an acknowledgement would come. */
void hl7v3_wrapper_begin(struct request *rq, struct xml_writer *w, const struct hl7v3_wrapper *t)
{
    xml_begin(w, t->interaction);
    xml_attribute(w, "xmlns", STR(NS_HL7V3));
    xml_attribute(w, "ITSVersion", STR("XML_1.0"));
    hl7v3_ii_write(w, "id", t->id);
    hl7v3_leaf(w, "creationTime", "value", creation_time(rq));
    write_interaction(w, t->interaction);
    hl7v3_leaf(w, "processingCode", "code", t->processing.n == 1 ? t->processing : STR("P"));
    hl7v3_leaf(w, "processingModeCode", "code", STR("T"));
    hl7v3_leaf(w, "acceptAckCode", "code", str_from(t->accept));
    write_device(w, "receiver", "RCV", t->receiver, STR_NONE);
    write_device(w, "sender", "SND", t->sender.root.n > 0 ? t->sender : hub_id(rq), t->community);
}

void hl7v3_answer_wrap(struct request *rq, struct xml_writer *w, const struct hl7v3 *m,
                       const char *interaction, const char *ack)
{
    struct hl7v3_wrapper t = {
        .interaction = interaction,
        .id = {request_id(rq), STR_NONE},
        .processing = hl7v3_attr(m->root, "processingCode", "code"),
        .accept = "NE",
        .receiver = m->sender,
        .sender = m->receiver,
    };

    hl7v3_wrapper_begin(rq, w, &t);
    write_acknowledgement(rq, w, m, ack);
}

struct xml_writer *hl7v3_answer_begin(struct request *rq, struct soap_answer *answer,
                                      const struct hl7v3 *m, const char *interaction,
                                      const char *ack)
{
    struct xml_writer *w =
        soap_answer_begin(rq, answer, str_printf(rq->arena, NS_HL7V3 ":%s", interaction).p);

    hl7v3_answer_wrap(rq, w, m, interaction, ack);
    return w;
}

enum status hl7v3_answer_end(struct soap_answer *answer, const char *interaction, struct reply *rp)
{
    xml_end(&answer->w, interaction);
    return soap_answer_end(answer, rp);
}

/* xsi:type names a type of HL7's: the default namespace is theirs here, whatever the prefix was. */
static struct str type_without_prefix(struct str type)
{
    ptrdiff_t colon = str_find(type, ':');

    return colon >= 0 ? str_slice(type, (size_t)colon + 1, type.n) : type;
}

#define NS_XSI "http://www.w3.org/2001/XMLSchema-instance"

static void copy_attributes(struct xml_writer *w, const xmlNode *n)
{
    struct str type = xml_attr_ns(n, NS_XSI, "type");

    for (const xmlAttr *at = n->properties; at != NULL; at = at->next)
        if (at->ns == NULL)
            xml_attribute(w, (const char *)at->name, xml_attr(n, (const char *)at->name));
    if (type.n > 0) {
        xml_attribute(w, "xmlns:xsi", STR(NS_XSI));
        xml_attribute(w, "xsi:type", type_without_prefix(type));
    }
}

static void copy(struct arena *a, struct xml_writer *w, const xmlNode *n, int depth)
{
    if (depth == COPY_DEPTH || !xml_is(n, NS_HL7V3, NULL))
        return;
    xml_begin(w, (const char *)n->name);
    copy_attributes(w, n);
    if (xml_child(n, NULL, NULL) == NULL)
        xml_content(w, xml_text(a, n));
    else
        XML_EACH(child, n, NULL, NULL)
    copy(a, w, child, depth + 1);
    xml_end(w, (const char *)n->name);
}

void hl7v3_copy(struct arena *a, struct xml_writer *w, const xmlNode *n)
{
    if (n != NULL)
        copy(a, w, n, 0);
}

static void custodian_write(struct request *rq, struct xml_writer *w, struct str locator)
{
    xml_begin(w, "custodian");
    xml_attribute(w, "typeCode", STR("CST"));
    xml_begin(w, "assignedEntity");
    xml_attribute(w, "classCode", STR("ASSIGNED"));
    hl7v3_ii_write(w, "id", hub_id(rq));
    if (locator.n > 0) {
        xml_begin(w, "code");
        xml_attribute(w, "code", locator);
        xml_attribute(w, "codeSystem", STR("1.3.6.1.4.1.19376.1.2.27.2"));
        xml_end(w, "code");
    }
    xml_end(w, "assignedEntity");
    xml_end(w, "custodian");
}

void hl7v3_query_ack_write(struct xml_writer *w, const struct hl7v3 *m, const char *code,
                           const size_t counts[3])
{
    static const char *const NAMES[] = {"resultTotalQuantity", "resultCurrentQuantity",
                                        "resultRemainingQuantity"};

    xml_begin(w, "queryAck");
    if (m->query_id.root.n > 0)
        hl7v3_ii_write(w, "queryId", m->query_id);
    hl7v3_leaf(w, "statusCode", "code", STR("deliveredResponse"));
    hl7v3_leaf(w, "queryResponseCode", "code", str_from(code));
    for (size_t i = 0; counts != NULL && i < 3; i++) {
        char text[24];

        hl7v3_leaf(w, NAMES[i], "value", str_of(text, (size_t)sprintf(text, "%zu", counts[i])));
    }
    xml_end(w, "queryAck");
}

enum status hl7v3_acknowledge(struct request *rq, const struct hl7v3 *m, const char *ack,
                              struct reply *rp)
{
    struct soap_answer soap;

    hl7v3_answer_begin(rq, &soap, m, "MCCI_IN000002UV01", ack);
    return hl7v3_answer_end(&soap, "MCCI_IN000002UV01", rp);
}

static struct xml_writer *acknowledgement_begin(struct request *rq, struct soap_answer *soap)
{
    struct xml_writer *w = soap_answer_begin(rq, soap, NS_HL7V3 ":MCCI_IN000002UV01");

    xml_content(w, STR("")); /* ends the tag of soap:Body */
    return w;
}

enum status hl7v3_accept(struct request *rq, const struct hl7v3 *m, struct str *ack,
                         struct reply *rp)
{
    struct soap_answer soap;
    struct xml_writer *w = acknowledgement_begin(rq, &soap);
    size_t from = soap.text.n;

    hl7v3_answer_wrap(rq, w, m, "MCCI_IN000002UV01", "CA");
    xml_end(w, "MCCI_IN000002UV01");
    *ack = str_dup(rq->arena, str_of(soap.text.p + from, soap.text.n - from));
    return soap_answer_end(&soap, rp);
}

enum status hl7v3_accept_again(struct request *rq, struct str ack, struct reply *rp)
{
    struct soap_answer soap;

    acknowledgement_begin(rq, &soap);
    strbuf_add(&soap.text, ack);
    return soap_answer_end(&soap, rp);
}

void hl7v3_act_begin(struct xml_writer *w, const char *trigger)
{
    xml_begin(w, "controlActProcess");
    xml_attribute(w, "classCode", STR("CACT"));
    xml_attribute(w, "moodCode", STR("EVN"));
    xml_begin(w, "code");
    xml_attribute(w, "code", str_from(trigger));
    xml_attribute(w, "codeSystem", STR("2.16.840.1.113883.1.18"));
    xml_end(w, "code");
}

void hl7v3_act_end(struct xml_writer *w)
{
    xml_end(w, "controlActProcess");
}

void hl7v3_event_begin(struct xml_writer *w)
{
    xml_begin(w, "subject");
    xml_attribute(w, "typeCode", STR("SUBJ"));
    xml_begin(w, "registrationEvent");
    xml_attribute(w, "classCode", STR("REG"));
    xml_attribute(w, "moodCode", STR("EVN"));
    hl7v3_leaf(w, "statusCode", "code", STR("active"));
    xml_begin(w, "subject1");
    xml_attribute(w, "typeCode", STR("SBJ"));
}

void hl7v3_event_end(struct request *rq, struct xml_writer *w, struct str locator)
{
    xml_end(w, "subject1");
    custodian_write(rq, w, locator);
    xml_end(w, "registrationEvent");
    xml_end(w, "subject");
}
