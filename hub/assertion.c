#include "hub/assertion.h"

#include <libxml/tree.h>
#include <string.h>

#include "hub/base/clock.h"
#include "hub/base/oid.h"
#include "hub/wsse.h"

#define NS_HL7   "urn:hl7-org:v3"
#define NS_XSI   "http://www.w3.org/2001/XMLSchema-instance"
#define NS_DELEG "urn:oasis:names:tc:SAML:2.0:conditions:delegation"

enum { TEXT_MAX = 1024 };

static enum status lacks(struct errors *err, const char *what)
{
    return fail(err, INVALID, "wsse:InvalidSecurityToken", "the assertion %s", what);
}

/* --- sizes -------------------------------------------------------------------------------- */

struct measure {
    size_t bytes, attributes;
    int depth;
};

static size_t text_bytes(const xmlNode *n)
{
    size_t bytes = 0;

    for (const xmlNode *c = n->children; c != NULL; c = c->next)
        if (c->type == XML_TEXT_NODE)
            bytes += strlen((const char *)c->content);
    return bytes;
}

static size_t own_bytes(const xmlNode *n)
{
    size_t bytes = xml_name(n).n + text_bytes(n);

    for (const xmlNs *ns = n->nsDef; ns != NULL; ns = ns->next)
        bytes += strlen((const char *)ns->href);
    for (const xmlAttr *t = n->properties; t != NULL; t = t->next) {
        bytes += strlen((const char *)t->name);
        if (t->children != NULL)
            bytes += strlen((const char *)t->children->content);
    }
    return bytes;
}

static int depth_below(const xmlNode *n, const xmlNode *top)
{
    int depth = 1;

    for (; n != top; n = n->parent)
        depth++;
    return depth;
}

enum status assertion_bounded(const xmlNode *node, struct errors *err)
{
    struct measure m = {0};

    for (const xmlNode *n = node; n != NULL; n = xml_following(n, node)) {
        m.bytes += own_bytes(n);
        m.attributes += xml_is(n, NS_SAML, "Attribute");
        m.depth = depth_below(n, node);
        if (m.bytes > ASSERTION_BYTES || m.depth > ASSERTION_DEPTH ||
            m.attributes > ASSERTION_ATTRIBUTES)
            return lacks(err, "is larger than 64 KB, deeper than 40 elements or has more than 200 "
                              "attributes");
    }
    return OK;
}

/* --- texts -------------------------------------------------------------------------------- */

/* Of an element without children; STR_NONE when there is none or it has some. */
static struct str plain_text(struct arena *a, const xmlNode *n)
{
    struct str s;

    if (n == NULL || xml_child(n, NULL, NULL) != NULL)
        return STR_NONE;
    s = str_trim(xml_text(a, n));
    return s.n <= TEXT_MAX ? s : STR_NONE;
}

struct str assertion_issuer(struct arena *a, const xmlNode *node)
{
    return plain_text(a, xml_child(node, NS_SAML, "Issuer"));
}

struct str assertion_user(struct arena *a, const xmlNode *node)
{
    const xmlNode *name = xml_child(xml_child(node, NS_SAML, "Subject"), NS_SAML, "NameID");
    struct str alias = name != NULL ? str_trim(xml_attr(name, "SPProvidedID")) : STR_NONE;

    return str_printf(a, "%.*s<%.*s@%.*s>", STR_ARG(alias.n <= TEXT_MAX ? alias : STR("")),
                      STR_ARG(plain_text(a, name)), STR_ARG(assertion_issuer(a, node)));
}

/* Part of alias<user@issuer>: nothing that could be taken for another part. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == '<' || s.p[i] == '>' || s.p[i] == 127)
            return false;
    return s.n <= TEXT_MAX;
}

static bool time_of(const xmlNode *n, const char *name, int64_t *us)
{
    struct str s = n != NULL ? str_trim(xml_attr(n, name)) : STR_NONE;

    return str_find(s, 'T') > 0 && clock_parse_iso(s, us);
}

/* Present and right, or absent. */
static bool time_if_any(const xmlNode *n, const char *name, int64_t otherwise, int64_t *us)
{
    *us = otherwise;
    return n == NULL || xml_attr(n, name).p == NULL || time_of(n, name, us);
}

/* --- conditions --------------------------------------------------------------------------- */

/* The one condition of an extension that is known: who acted for the subject (SAML V2.0 Condition
 * for Delegation Restriction). It takes nothing from what the assertion says. */
static bool is_delegation(const xmlNode *condition)
{
    struct str type = str_trim(xml_attr_ns(condition, NS_XSI, "type")), prefix = type;
    char name[64] = "";
    xmlNs *ns;

    if (str_find(type, ':') < 0)
        return false;
    prefix = str_cut(&type, ':');
    if (!str_eq(type, STR("DelegationRestrictionType")) || prefix.n >= sizeof(name))
        return false;
    memcpy(name, prefix.p, prefix.n);
    ns = xmlSearchNs(condition->doc, (xmlNode *)condition, BAD_CAST name);
    return ns != NULL && strcmp((const char *)ns->href, NS_DELEG) == 0;
}

static enum status read_audience(struct arena *a, const xmlNode *restriction, struct strings *out,
                                 struct errors *err)
{
    out->items = ARENA_ARRAY(a, xml_count(restriction, NS_SAML, "Audience"), struct str);
    XML_EACH(n, restriction, NS_SAML, "Audience")
    out->items[out->count++] = plain_text(a, n);
    return out->count > 0 ? OK : lacks(err, "has an AudienceRestriction without Audience");
}

/* SAML Core 2.5.1.1: a condition that is not understood makes the assertion's worth unknown. */
static enum status read_condition(struct arena *a, const xmlNode *n, struct assertion *s,
                                  struct errors *err)
{
    if (xml_is(n, NS_SAML, "AudienceRestriction"))
        return read_audience(a, n, &s->audiences[s->audience_count++], err);
    /* XUA lets both be ignored: whether one message is all is agreed with the identity provider,
     * and nothing is passed on. */
    if (xml_is(n, NS_SAML, "OneTimeUse") || xml_is(n, NS_SAML, "ProxyRestriction"))
        return OK;
    if (xml_is(n, NS_SAML, "Condition") && is_delegation(n))
        return OK;
    return lacks(err, "has a condition that is not understood");
}

static enum status read_conditions(struct arena *a, const xmlNode *node, struct assertion *s,
                                   struct errors *err)
{
    const xmlNode *conditions = xml_child(node, NS_SAML, "Conditions");

    if (xml_count(node, NS_SAML, "Conditions") != 1 ||
        !time_of(conditions, "NotBefore", &s->not_before_us) ||
        !time_of(conditions, "NotOnOrAfter", &s->not_on_or_after_us))
        return lacks(err, "must have Conditions with NotBefore and NotOnOrAfter");
    s->audiences = ARENA_ARRAY(a, xml_count(conditions, NULL, NULL), struct strings);
    XML_EACH(n, conditions, NULL, NULL)
    TRY(read_condition(a, n, s, err));
    return s->audience_count > 0 ? OK : lacks(err, "must have an AudienceRestriction");
}

/* --- the subject -------------------------------------------------------------------------- */

static enum status read_confirmation(struct arena *a, const xmlNode *n, struct confirmation *out,
                                     struct errors *err)
{
    const xmlNode *data = xml_child(n, NS_SAML, "SubjectConfirmationData");
    struct str method = str_trim(xml_attr(n, "Method"));

    out->is_holder_of_key = str_eq(method, STR("urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"));
    if (!out->is_holder_of_key && !str_eq(method, STR("urn:oasis:names:tc:SAML:2.0:cm:bearer")))
        return lacks(err, "is confirmed by another method than bearer and holder-of-key");
    if (!time_if_any(data, "NotBefore", INT64_MIN, &out->not_before_us) ||
        !time_if_any(data, "NotOnOrAfter", INT64_MAX, &out->not_on_or_after_us))
        return lacks(err, "has SubjectConfirmationData with a time that is none");
    if (out->is_holder_of_key && data != NULL)
        out->key = dsig_key_of_info(a, xml_child(data, NS_DSIG, "KeyInfo"));
    return OK;
}

static enum status read_subject(struct arena *a, const xmlNode *node, struct assertion *s,
                                struct errors *err)
{
    const xmlNode *subject = xml_child(node, NS_SAML, "Subject");
    const xmlNode *name = xml_child(subject, NS_SAML, "NameID");
    size_t count = xml_count(subject, NS_SAML, "SubjectConfirmation");

    if (xml_count(node, NS_SAML, "Subject") != 1 || xml_count(subject, NS_SAML, "NameID") != 1 ||
        count == 0)
        return lacks(err, "must have one Subject, with one NameID and a SubjectConfirmation");
    if (plain_text(a, name).n == 0 || !is_name(plain_text(a, name)) ||
        !is_name(str_trim(xml_attr(name, "SPProvidedID"))))
        return lacks(err, "has a NameID that is empty, too long, or has angle brackets");
    s->user = assertion_user(a, node);
    s->confirmations = ARENA_ARRAY(a, count, struct confirmation);
    XML_EACH(n, subject, NS_SAML, "SubjectConfirmation")
    TRY(read_confirmation(a, n, &s->confirmations[s->confirmation_count++], err));
    return OK;
}

static enum status read_authentication(struct arena *a, const xmlNode *node, struct assertion *s,
                                       struct errors *err)
{
    const xmlNode *statement = xml_child(node, NS_SAML, "AuthnStatement");
    const xmlNode *context = xml_child(statement, NS_SAML, "AuthnContext");

    if (plain_text(a, xml_child(context, NS_SAML, "AuthnContextClassRef")).n == 0)
        return lacks(err, "must have an AuthnStatement with an AuthnContextClassRef");
    if (!time_if_any(statement, "SessionNotOnOrAfter", INT64_MAX, &s->session_until_us))
        return lacks(err, "has an AuthnStatement with a time that is none");
    return OK;
}

/* --- attributes --------------------------------------------------------------------------- */

/* What is being read: the values of one attribute after another. */
struct reading {
    struct arena *a;
    struct assertion *s;
    unsigned purpose_forms;
    struct errors *err;
};

static void keep(struct strings *list, struct str value)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], value))
            return;
    list->items[list->count++] = value;
}

static enum status read_user_name(struct reading *r, const xmlNode *value)
{
    if (r->s->user_name.n == 0)
        r->s->user_name = plain_text(r->a, value);
    return OK;
}

static enum status read_oid(struct reading *r, const xmlNode *value, struct strings *list)
{
    struct str oid = oid_strip_urn(plain_text(r->a, value));

    if (oid.n > 0 && !oid_valid(oid))
        return lacks(r->err, "names an organization or a home community by other than an OID");
    if (oid.n > 0)
        keep(list, oid);
    return OK;
}

static enum status read_organization(struct reading *r, const xmlNode *value)
{
    return read_oid(r, value, &r->s->organizations);
}

static enum status read_home_community(struct reading *r, const xmlNode *value)
{
    return read_oid(r, value, &r->s->home_communities);
}

static enum status read_patient(struct reading *r, const xmlNode *value)
{
    struct str cx = plain_text(r->a, value);
    struct identifier id;

    if (cx.n == 0)
        return OK;
    if (!identifier_parse_cx(cx, &id))
        return lacks(r->err, "has a resource-id that is no patient identifier in CX form");
    keep(&r->s->patients, identifier_cx(r->a, id));
    return OK;
}

/* A CE of HL7 v3 as the value's one element. The system is required, so that no code can be taken
 * for one of the hub's own. */
static enum status read_code(struct reading *r, const xmlNode *value, const char *name,
                             struct codes *list)
{
    const xmlNode *n = xml_child(value, NULL, NULL);
    struct coded c;

    if (n == NULL)
        return OK;
    c.code = str_trim(xml_attr(n, "code"));
    c.system = oid_strip_urn(str_trim(xml_attr(n, "codeSystem")));
    if (!xml_is(n, NS_HL7, name) || xml_next(n, NULL, NULL) != NULL || c.code.n == 0 ||
        c.code.n > TEXT_MAX || !is_name(c.code) || !oid_valid(c.system))
        return lacks(r->err, "has a role or a purpose of use that is no HL7 code with a codeSystem,"
                             " or not in a form that is registered for its issuer");
    list->items[list->count++] = c;
    return OK;
}

static enum status read_role(struct reading *r, const xmlNode *value)
{
    return read_code(r, value, "Role", &r->s->roles);
}

/* A CE may carry the words that it was coded from (HL7 v3 data types, CE.originalText): why. */
static enum status read_purpose_code(struct reading *r, const xmlNode *value, const char *name)
{
    const xmlNode *why = xml_child(xml_child(value, NULL, NULL), NS_HL7, "originalText");

    TRY(read_code(r, value, name, &r->s->purposes));
    if (r->s->purposes.count == 1 && why != NULL)
        r->s->reason = plain_text(r->a, why);
    return OK;
}

static enum status read_purpose(struct reading *r, const xmlNode *value)
{
    static const struct {
        enum purpose_form form;
        const char *name;
    } forms[] = {{FORM_PURPOSE_OF_USE, "PurposeOfUse"},
                 {FORM_PURPOSE_FOR_USE, "PurposeForUse"},
                 {FORM_CODED_VALUE, "CodedValue"}};
    const xmlNode *n = xml_child(value, NULL, NULL);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if ((r->purpose_forms & forms[i].form) != 0 && xml_is(n, NS_HL7, forms[i].name))
            return read_purpose_code(r, value, forms[i].name);
    return read_purpose_code(r, value, "PurposeOfUse");
}

/* IHE ITI TF-2 3.40.4.1.2; what else an assertion says is let pass. */
static const struct {
    struct str name;
    enum status (*read)(struct reading *r, const xmlNode *value);
} attributes[] = {
    {STR("urn:oasis:names:tc:xspa:1.0:subject:subject-id"), read_user_name},
    {STR("urn:oasis:names:tc:xspa:1.0:subject:organization-id"), read_organization},
    {STR("urn:ihe:iti:xca:2010:homeCommunityId"), read_home_community},
    {STR("urn:oasis:names:tc:xacml:2.0:subject:role"), read_role},
    {STR("urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"), read_purpose},
    {STR("urn:oasis:names:tc:xacml:2.0:resource:resource-id"), read_patient},
};

static enum status read_attribute(struct reading *r, const xmlNode *attribute)
{
    struct str name = xml_attr(attribute, "Name");

    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (!str_eq(name, attributes[i].name))
            continue;
        XML_EACH(value, attribute, NS_SAML, "AttributeValue")
        TRY(attributes[i].read(r, value));
    }
    return OK;
}

static size_t value_count(const xmlNode *node)
{
    size_t n = 0;

    XML_EACH(statement, node, NS_SAML, "AttributeStatement")
    XML_EACH(attribute, statement, NS_SAML, "Attribute")
    n += xml_count(attribute, NS_SAML, "AttributeValue");
    return n;
}

/* Statements, attributes and values may each come several times (3.40.4.1.2). */
static enum status read_attributes(struct reading *r, const xmlNode *node)
{
    size_t most = value_count(node);

    r->s->organizations.items = ARENA_ARRAY(r->a, most, struct str);
    r->s->home_communities.items = ARENA_ARRAY(r->a, most, struct str);
    r->s->patients.items = ARENA_ARRAY(r->a, most, struct str);
    r->s->roles.items = ARENA_ARRAY(r->a, most, struct coded);
    r->s->purposes.items = ARENA_ARRAY(r->a, most, struct coded);
    XML_EACH(statement, node, NS_SAML, "AttributeStatement")
    XML_EACH(attribute, statement, NS_SAML, "Attribute")
    TRY(read_attribute(r, attribute));
    return OK;
}

enum status assertion_read(struct arena *a, const xmlNode *node, unsigned purpose_forms,
                           struct assertion *out, struct errors *err)
{
    struct reading r = {a, out, purpose_forms, err};

    *out = (struct assertion){.issuer = assertion_issuer(a, node), .id = xml_attr(node, "ID")};
    if (!str_eq(xml_attr(node, "Version"), STR("2.0")) || out->id.n == 0 || out->issuer.n == 0 ||
        xml_count(node, NS_SAML, "Issuer") != 1 || !time_of(node, "IssueInstant", &out->issued_us))
        return lacks(err, "must have Version 2.0, an ID, an IssueInstant and one Issuer");
    TRY(read_subject(a, node, out, err));
    TRY(read_conditions(a, node, out, err));
    TRY(read_authentication(a, node, out, err));
    return read_attributes(&r, node);
}
