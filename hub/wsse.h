/* The Security header of a SOAP message (OASIS WS-Security 1.1.1, SAML Token Profile 1.1.1): where
 * an assertion stands, and nowhere else. Only shapes are looked at here, nothing is verified.
 *
 * A header without an assertion, with a signature that a stack adds to everything, says nothing
 * about who asks, and is let pass. */
#pragma once

#include "hub/data/xml.h"

#define NS_WSSE                                                                                    \
    "http://docs.oasis-open.org/wss/2004/01/"                                                      \
    "oasis-200401-wss-wssecurity-secext-1.0.xsd"
#define NS_SAML "urn:oasis:names:tc:SAML:2.0:assertion"

struct wsse {
    xmlNode *assertion; /* NULL: the header has none, or there is no header */
    xmlNode *timestamp; /* wsu:Timestamp, NULL: none */
    xmlNode *signature; /* beside the assertion: the sender's own; NULL: none */
};

/* `header` is soap:Header, or NULL. Where the hub finds an assertion it is the only one in the
 * whole envelope and a child of the one Security header that is for us. INVALID with
 * wsse:InvalidSecurity, or wsse:UnsupportedSecurityToken for an encrypted one or SAML 1. */
enum status wsse_read(const xmlNode *header, struct wsse *out, struct errors *err) MUST_CHECK;
