#include "hub/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"

static void free_x509(void *p)
{
    X509_free(p);
}

static void free_stack(void *p)
{
    sk_X509_pop_free(p, X509_free);
}

static struct str name_text(struct arena *a, const X509_NAME *name)
{
    BIO *b = BIO_new(BIO_s_mem());
    struct str text = STR("(unreadable name)");
    char *p = NULL;
    long n;

    must(b != NULL, "memory");
    if (X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >=
            0 &&
        (n = BIO_get_mem_data(b, &p)) >= 0)
        text = str_dup(a, str_of(p, (size_t)n));
    BIO_free(b);
    return text;
}

static int64_t time_us(const ASN1_TIME *t)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * US_PER_SECOND : 0;
}

static void describe(struct arena *a, X509 *x, struct certificate *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    unsigned length = 32;

    must(n > 0 && X509_digest(x, EVP_sha256(), out->fingerprint, &length) == 1, "a certificate");
    out->x509 = x;
    out->der = str_dup(a, str_of(der, (size_t)n));
    OPENSSL_free(der);
    out->subject = name_text(a, X509_get_subject_name(x));
    out->issuer = name_text(a, X509_get_issuer_name(x));
    out->not_before_us = time_us(X509_get0_notBefore(x));
    out->not_after_us = time_us(X509_get0_notAfter(x));
}

static X509 *read_first(BIO *b)
{
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    if (x != NULL)
        return x;
    (void)BIO_reset(b);
    return d2i_X509_bio(b, NULL);
}

enum status certificate_read(struct arena *a, const char *path, struct certificate *out,
                             struct errors *err)
{
    BIO *b = BIO_new_file(path, "r");
    X509 *x, *next;

    *out = (struct certificate){0};
    if (b == NULL) {
        ERR_clear_error();
        return fail(err, INVALID, "certificate", "%s: %s", path, strerror(errno));
    }
    x = read_first(b);
    if (x == NULL) {
        BIO_free(b);
        ERR_clear_error();
        return fail(err, INVALID, "certificate", "%s: not a certificate (PEM or DER)", path);
    }
    arena_defer(a, free_x509, x);
    describe(a, x, out);
    out->extra = sk_X509_new_null();
    must(out->extra != NULL, "memory");
    arena_defer(a, free_stack, out->extra);
    while ((next = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL)
        sk_X509_push(out->extra, next);
    BIO_free(b);
    ERR_clear_error();
    return OK;
}

static const char *key_fault(EVP_PKEY *key)
{
    if (key == NULL)
        return "its key cannot be read";
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return EVP_PKEY_get_bits(key) < 2048 ? "its RSA key has fewer than 2048 bits" : NULL;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) < 256 ? "its elliptic key has fewer than 256 bits" : NULL;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return NULL;
    default:
        return "its key is neither RSA nor elliptic";
    }
}

enum status certificate_usable(const struct certificate *c, const char *path, int64_t now_us,
                               struct errors *err)
{
    const char *fault = key_fault(X509_get0_pubkey(c->x509));
    struct arena *a = err->arena;

    if (fault != NULL)
        return fail(err, INVALID, "certificate", "%s: %s; ask for a new certificate", path, fault);
    if (c->not_after_us < now_us)
        return fail(err, INVALID, "certificate", "%s: expired at %.*s; ask for a new one", path,
                    STR_ARG(clock_iso(a, c->not_after_us)));
    return OK;
}

/* NULL, or why the store could not be filled. */
static const char *store_fill(X509_STORE *store, const struct certificate_trust *trust)
{
    if (trust->ca_file == NULL)
        return X509_STORE_set_default_paths(store) == 1 ? NULL : "this machine trusts no CA";
    if (X509_STORE_load_file(store, trust->ca_file) != 1)
        return "the file of CAs cannot be read";
    if (trust->crl_file == NULL)
        return NULL;
    if (X509_STORE_load_file(store, trust->crl_file) != 1)
        return "the file of revocation lists cannot be read";
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return NULL;
}

const char *certificate_chain_fault(const struct certificate *c,
                                    const struct certificate_trust *trust,
                                    enum certificate_role role, int64_t now_us)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const char *fault;

    must(store != NULL && ctx != NULL, "memory");
    fault = store_fill(store, trust);
    if (fault == NULL) {
        must(X509_STORE_CTX_init(ctx, store, c->x509, c->extra) == 1, "memory");
        X509_STORE_CTX_set_purpose(ctx, role == CERTIFICATE_CLIENT ? X509_PURPOSE_SSL_CLIENT
                                                                   : X509_PURPOSE_SSL_SERVER);
        X509_STORE_CTX_set_time(ctx, 0, (time_t)(now_us / US_PER_SECOND));
        if (X509_verify_cert(ctx) != 1)
            fault = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return fault;
}

enum status certificates_read(struct arena *a, const char *path, struct certificate **out,
                              size_t *count, struct errors *err)
{
    struct certificate first;
    size_t n;

    TRY(certificate_read(a, path, &first, err));
    n = (size_t)sk_X509_num(first.extra);
    *out = ARENA_ARRAY(a, n + 1, struct certificate);
    *count = n + 1;
    (*out)[0] = first;
    for (size_t i = 0; i < n; i++)
        describe(a, sk_X509_value(first.extra, (int)i), &(*out)[i + 1]);
    return OK;
}

static void free_crl(void *p)
{
    X509_CRL_free(p);
}

enum { CRLS_MAX = 256 };

enum status revocation_lists_read(struct arena *a, const char *path, struct revocation_list **out,
                                  size_t *count, struct errors *err)
{
    BIO *b = BIO_new_file(path, "r");
    X509_CRL *crl;

    ERR_clear_error();
    if (b == NULL)
        return fail(err, INVALID, "certificate", "%s: %s", path, strerror(errno));
    *out = ARENA_ARRAY(a, CRLS_MAX, struct revocation_list);
    *count = 0;
    while (*count < CRLS_MAX && (crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)) != NULL) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

        arena_defer(a, free_crl, crl);
        (*out)[(*count)++] = (struct revocation_list){
            .crl = crl,
            .issuer = name_text(a, X509_CRL_get_issuer(crl)),
            .next_update_us = next != NULL ? time_us(next) : INT64_MAX,
        };
    }
    BIO_free(b);
    ERR_clear_error();
    if (*count == 0)
        return fail(err, INVALID, "certificate", "%s: no revocation list in it (PEM)", path);
    return OK;
}

bool revocation_list_covers(const struct revocation_list *l, const struct certificate *ca)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(l->crl), X509_get_subject_name(ca->x509)) == 0;
}

/* A key with a passphrase must not make a service ask on its terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

enum status certificate_key_matches(const struct certificate *c, const char *key_file,
                                    bool *matches, struct errors *err)
{
    BIO *b = BIO_new_file(key_file, "r");
    EVP_PKEY *key;

    ERR_clear_error();
    if (b == NULL)
        return fail(err, INVALID, "certificate", "%s: %s", key_file, strerror(errno));
    key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
    BIO_free(b);
    ERR_clear_error();
    if (key == NULL)
        return fail(err, INVALID, "certificate",
                    "%s: not a private key in PEM (or one with a passphrase)", key_file);
    *matches = X509_check_private_key(c->x509, key) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return OK;
}

bool fingerprint_parse(struct str text, unsigned char out[32])
{
    char digits[64];
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ':')
            continue;
        if (n == sizeof(digits))
            return false;
        digits[n++] = text.p[i];
    }
    return hex_decode(str_of(digits, n), out, 32);
}
