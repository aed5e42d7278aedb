#include "hub/wsse.h"

#include "hub/data/dsig.h"
#include "hub/soap.h"

#define NS_SAML1 "urn:oasis:names:tc:SAML:1.0:assertion"
#define NS_XENC  "http://www.w3.org/2001/04/xmlenc#"

static enum status misshapen(struct errors *err, const char *why)
{
    return fail(err, INVALID, "wsse:InvalidSecurity", "%s", why);
}

static enum status find_security(const xmlNode *header, xmlNode **security, struct errors *err)
{
    *security = NULL;
    XML_EACH(block, header, NS_WSSE, "Security")
    {
        if (!soap_is_for_us(block))
            continue;
        if (*security != NULL)
            return misshapen(err, "there are two wsse:Security headers for one receiver");
        *security = block;
    }
    return OK;
}

static bool is_unsupported(const xmlNode *n)
{
    return xml_is(n, NS_SAML, "EncryptedAssertion") || xml_is(n, NS_SAML1, "Assertion") ||
           xml_is(n, NS_XENC, NULL);
}

/* The whole envelope: an assertion anywhere is either the one, or an attempt. */
static enum status find_assertion(xmlNode *security, struct wsse *out, struct errors *err)
{
    const xmlNode *root = xmlDocGetRootElement(security->doc);

    for (const xmlNode *n = security; n != NULL; n = xml_following(n, security))
        if (is_unsupported(n))
            return fail(err, INVALID, "wsse:UnsupportedSecurityToken",
                        "the assertion must be SAML 2.0, and in the clear");
    out->assertion = xml_child(security, NS_SAML, "Assertion");
    for (const xmlNode *n = root; n != NULL; n = xml_following(n, root))
        if (xml_is(n, NS_SAML, "Assertion") && n != out->assertion)
            return misshapen(err, "the one assertion of a message stands in its wsse:Security "
                                  "header, and there is no other anywhere");
    return OK;
}

static enum status only_one(xmlNode *security, const char *ns, const char *name, xmlNode **out,
                            struct errors *err)
{
    *out = xml_child(security, ns, name);
    if (*out != NULL && xml_next(*out, ns, name) != NULL)
        return fail(err, INVALID, "wsse:InvalidSecurity",
                    "the wsse:Security header holds more than one %s", name);
    return OK;
}

enum status wsse_read(const xmlNode *header, struct wsse *out, struct errors *err)
{
    xmlNode *security;

    *out = (struct wsse){0};
    TRY(find_security(header, &security, err));
    if (security == NULL)
        return OK;
    TRY(find_assertion(security, out, err));
    if (out->assertion == NULL)
        return OK;
    TRY(only_one(security, NS_WSU, "Timestamp", &out->timestamp, err));
    return only_one(security, NS_DSIG, "Signature", &out->signature, err);
}
