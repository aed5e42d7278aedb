#include "gateway/loose.h"

#include <string.h>

#define NS_SOAP   "http://www.w3.org/2003/05/soap-envelope"
#define NS_SOAP11 "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_WSA    "http://www.w3.org/2005/08/addressing"
#define NS_QUERY  "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
#define NS_RS     "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
#define NS_RIM    "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
#define NS_XDSB   "urn:ihe:iti:xds-b:2007"
#define NS_XOP    "http://www.w3.org/2004/08/xop/include"
#define NS_HL7    "urn:hl7-org:v3"

/* Elements that begin something: they and what stands in them are of that namespace, until another
 * one begins. */
static const struct {
    const char *name, *ns;
} roots[] = {
    {"Envelope", NS_SOAP},
    {"Header", NS_SOAP},
    {"Body", NS_SOAP},
    {"Fault", NS_SOAP},
    {"Action", NS_WSA},
    {"MessageID", NS_WSA},
    {"RelatesTo", NS_WSA},
    {"To", NS_WSA},
    {"From", NS_WSA},
    {"ReplyTo", NS_WSA},
    {"AdhocQueryResponse", NS_QUERY},
    {"RegistryResponse", NS_RS},
    {"RegistryErrorList", NS_RS},
    {"RegistryObjectList", NS_RIM},
    {"RetrieveDocumentSetResponse", NS_XDSB},
    {"DocumentResponse", NS_XDSB},
    {"Include", NS_XOP},
    {"PRPA_IN201306UV02", NS_HL7},
    {NULL, NULL},
};

/* An undeclared prefix has become part of the name. */
static void drop_prefix(xmlNode *n)
{
    const char *colon = strrchr((const char *)n->name, ':');

    if (colon != NULL && colon[1] != '\0') {
        xmlChar *name = xmlStrdup((const xmlChar *)colon + 1);

        xmlNodeSetName(n, name);
        xmlFree(name);
    }
}

static const char *namespace_of(const xmlNode *n, const char *around)
{
    for (int i = 0; roots[i].name != NULL; i++)
        if (strcmp((const char *)n->name, roots[i].name) == 0)
            return roots[i].ns;
    return around;
}

/* A faithful SOAP 1.1 envelope stays one: that is another quirk. */
static const char *kept(const xmlNode *n, const char *ns)
{
    if (n->ns != NULL && strcmp((const char *)n->ns->href, NS_SOAP11) == 0)
        return NS_SOAP11;
    return ns;
}

static void mend(xmlNode *n, const char *around)
{
    const char *ns;

    drop_prefix(n);
    ns = kept(n, namespace_of(n, around));
    if (ns != NULL && (n->ns == NULL || strcmp((const char *)n->ns->href, ns) != 0)) {
        xmlNs *known = xmlSearchNsByHref(n->doc, n, (const xmlChar *)ns);

        xmlSetNs(n, known != NULL ? known : xmlNewNs(n, (const xmlChar *)ns, NULL));
    }
    for (xmlNode *child = n->children; child != NULL; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            mend(child, ns);
}

/* The parser has limited the depth (XML_LIMITS). */
void loose_namespaces_mend(xmlNode *root)
{
    mend(root, NULL);
}
