/* Certificates for the tests, made on the spot: P-256 or RSA, in a folder of their own under /tmp.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

struct pki_cert {
    X509 *cert;
    EVP_PKEY *key;
};

struct pki_wish {
    const char *name;
    const struct pki_cert *issuer; /* NULL: self-signed */
    bool ca;
    long from, until;  /* seconds from now; until 0: an hour */
    const char *usage; /* extendedKeyUsage, or NULL */
    bool rsa;
};

void pki_begin(void); /* makes the folder */
void pki_end(void);   /* removes it and all that was made */
struct pki_cert *pki_make(const struct pki_wish *wish);

/* Paths of PEM files in the folder; valid until pki_end. */
const char *pki_cert_file(const char *name, const struct pki_cert *c);
const char *pki_key_file(const char *name, const struct pki_cert *c);
const char *pki_crl_file(const char *name, const struct pki_cert *ca,
                         const struct pki_cert *revoked); /* NULL: an empty CRL */
