/* Namespaces of answers whose prefixes are undeclared, missing or of another namespace: each
 * element of SOAP, ebXML Registry and XDS is known by its local name and where it stands, and gets
 * the namespace that the standards give it. For partners with the quirk loose-namespaces. Pure. */
#pragma once

#include <libxml/tree.h>

void loose_namespaces_mend(xmlNode *root);
