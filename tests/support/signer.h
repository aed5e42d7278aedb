/* A signer of XML for tests: a key, its certificate, and signatures made from text that is written
 * in its canonical form already, so that no code of the hub is used on this side.
 *
 *     struct signer *s = signer_new(&arena, "EC");
 *     struct str xml = signer_envelop(s, &arena, &SIGNER_DEFAULTS, "a1",
 *                                     STR("<x ID=\"a1\">"), STR("text</x>"));
 *
 * gives <x ID="a1"><ds:Signature ...>...</ds:Signature>text</x>. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

struct signer;

/* "RSA" (2048 bits), "RSA1024" or "EC" (P-256). Keys and certificate end with the arena. */
struct signer *signer_new(struct arena *a, const char *kind);
struct str signer_certificate(const struct signer *s); /* DER, self-signed, of this day */
struct str signer_certificate_base64(const struct signer *s, struct arena *a);
struct str signer_key_value(const struct signer *s,
                            struct arena *a); /* ds:KeyValue of an RSA key */

/* What a signature says of itself; what is true of it is SHA-256 in any case. */
struct signature_options {
    const char *c14n, *method, *digest; /* algorithms; method NULL: the key's, with SHA-256 */
    const char *transforms;             /* the ds:Transform elements; NULL: the right ones */
    const char *uri;                    /* NULL: '#' and the id */
    const char *more;                   /* behind ds:SignatureValue: KeyInfo, Object */
    const char *more_info;              /* behind ds:Reference in ds:SignedInfo */
};

extern const struct signature_options SIGNER_DEFAULTS;

/* `head` and `tail`: the element without its signature, in canonical form, cut where it goes. */
struct str signer_envelop(const struct signer *s, struct arena *a,
                          const struct signature_options *o, const char *id, struct str head,
                          struct str tail);
/* A signature that stands elsewhere, over this canonical text. */
struct str signer_detach(const struct signer *s, struct arena *a, const struct signature_options *o,
                         const char *id, struct str text);
