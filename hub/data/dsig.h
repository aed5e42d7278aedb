/* XML signatures (W3C XML Signature 1.1), verified against a key that the caller has pinned.
 *
 * The standard lets a message say how it is to be verified, and most holes of its implementations
 * come from that. Here one shape is verified and all others are refused: one SignedInfo, one
 * Reference to the node in question by its one id, exclusive C14N without comments, the
 * enveloped-signature transform, RSA from 2048 bits or ECDSA, SHA-256 and up. Nothing is looked up:
 * KeyInfo is never read, no URI is followed, no id is resolved: the node is the caller's. What is
 * OK was signed: read it from that node and no other.
 *
 * C14N is libxml2's, the rest OpenSSL's. A key may be used by any thread; a document by the thread
 * that owns its arena. */
#pragma once

#include "hub/data/xml.h"

#define NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define NS_WSU                                                                                     \
    "http://docs.oasis-open.org/wss/2004/01/"                                                      \
    "oasis-200401-wss-wssecurity-utility-1.0.xsd"

/* A public key; freed with the arena. */
struct dsig_key;

/* The key of a certificate (DER). NULL when it cannot be read, or is none that a signature may be
 * made with: RSA below 2048 bits, a curve other than P-256, P-384 and P-521. */
struct dsig_key *dsig_key_of_certificate(struct arena *a, struct str der);
/* The key in a ds:KeyInfo of X509Data/X509Certificate or KeyValue/RSAKeyValue, which something
 * verified must vouch for: the confirmation data of an assertion. NULL as above. */
struct dsig_key *dsig_key_of_info(struct arena *a, const xmlNode *key_info);

/* SHA-256 of its SubjectPublicKeyInfo: two keys are one when these are equal. */
void dsig_key_hash(const struct dsig_key *key, unsigned char out[32]);

struct dsig {
    const struct dsig_key *key;
    xmlNode *signature; /* ds:Signature */
    xmlNode *node;      /* what it must be over */
    xmlAttr *id;        /* of the node: what the Reference names it by */
    bool enveloped;     /* the signature is a child of the node (else it stands elsewhere) */
};

/* The node's attribute that is an ID: `name` without a namespace, or wsu:Id, of a value that a
 * Reference can name; NULL: none. */
xmlAttr *dsig_id(const xmlNode *node, const char *name);

/* Each of the values that ID, Id, id, xml:id and wsu:Id have in `part`, counted together, stands
 * once in the whole document. FailedCheck otherwise. (Ids that only repeat each other outside of
 * `part` are left to whom they belong.) */
enum status dsig_ids_unique(struct arena *a, const xmlNode *part, struct errors *err) MUST_CHECK;

/* OK; INVALID with a code of WS-Security (wsse:InvalidSecurity: the signature has not the shape;
 * wsse:UnsupportedAlgorithm; wsse:FailedCheck: it does not verify). */
enum status dsig_verify(struct arena *a, const struct dsig *what, struct errors *err) MUST_CHECK;
