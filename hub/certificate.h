/* Certificates as the operator's commands look at them: read from a file, described, checked.
 * What happens in a handshake is hub/net's. Any thread. */
#pragma once

#include "hub/base/err.h"
#include "hub/base/str.h"

struct config;

/* An X.509 certificate, and what came after it in its file. */
struct certificate {
    void *x509;  /* X509 *, freed with the arena */
    void *extra; /* STACK_OF(X509) *: intermediates, freed with the arena; may be empty */
    struct str der;
    unsigned char fingerprint[32]; /* SHA-256 of der */
    struct str subject, issuer;    /* RFC 2253 */
    int64_t not_before_us, not_after_us;
};

/* PEM (the first certificate is the one; others are intermediates) or DER. */
enum status certificate_read(struct arena *a, const char *path, struct certificate *out,
                             struct errors *err) MUST_CHECK;

/* Not expired, and a key that the handshake accepts: RSA from 2048 bits, elliptic from 256. */
enum status certificate_usable(const struct certificate *c, const char *path, int64_t now_us,
                               struct errors *err) MUST_CHECK;

enum certificate_role { CERTIFICATE_CLIENT, CERTIFICATE_SERVER };

/* Whom to trust, in PEM files. */
struct certificate_trust {
    const char *ca_file;  /* NULL: what this machine trusts */
    const char *crl_file; /* NULL: revocation is not looked at */
};

/* NULL when it chains to a trusted CA at this time and is not revoked, else the reason: a literal.
 */
const char *certificate_chain_fault(const struct certificate *c,
                                    const struct certificate_trust *trust,
                                    enum certificate_role role, int64_t now_us);

/* Every certificate of a PEM file, such as tls_ca; INVALID when there is none. */
enum status certificates_read(struct arena *a, const char *path, struct certificate **out,
                              size_t *count, struct errors *err) MUST_CHECK;

/* A certificate revocation list. */
struct revocation_list {
    void *crl;              /* X509_CRL *, freed with the arena */
    struct str issuer;      /* RFC 2253 */
    int64_t next_update_us; /* INT64_MAX: it names none */
};

enum status revocation_lists_read(struct arena *a, const char *path, struct revocation_list **out,
                                  size_t *count, struct errors *err) MUST_CHECK;
/* Was it issued by the subject of this certificate? */
bool revocation_list_covers(const struct revocation_list *l, const struct certificate *ca);

/* Is this the certificate's private key? key_file is PEM without a passphrase. */
enum status certificate_key_matches(const struct certificate *c, const char *key_file,
                                    bool *matches, struct errors *err) MUST_CHECK;

/* AA:BB:... or plain hexadecimal, as openssl and this program print fingerprints. */
bool fingerprint_parse(struct str text, unsigned char out[32]);
