#include "tests/support/signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "hub/base/err.h"

#define NS_DS    "http://www.w3.org/2000/09/xmldsig#"
#define EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"

struct signer {
    EVP_PKEY *pkey;
    struct str certificate;
    bool is_rsa;
};

const struct signature_options SIGNER_DEFAULTS = {
    .c14n = EXC_C14N,
    .digest = "http://www.w3.org/2001/04/xmlenc#sha256",
};

static void free_pkey(void *p)
{
    EVP_PKEY_free(p);
}

static struct str certificate_of(struct arena *a, EVP_PKEY *pkey)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    unsigned char *der = NULL;
    struct str out;
    int n;

    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, pkey);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"signer", -1, -1,
                               0);
    X509_set_issuer_name(x, name);
    must(X509_sign(x, pkey, EVP_sha256()) > 0, "a certificate");
    n = i2d_X509(x, &der);
    out = str_dup(a, str_of(der, (size_t)n));
    OPENSSL_free(der);
    X509_free(x);
    return out;
}

struct signer *signer_new(struct arena *a, const char *kind)
{
    struct signer *s = ARENA_NEW(a, struct signer);

    s->is_rsa = kind[0] == 'R';
    s->pkey = !s->is_rsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(kind[3] == '1' ? 1024u : 2048u);
    must(s->pkey != NULL, "a key");
    arena_defer(a, free_pkey, s->pkey);
    s->certificate = certificate_of(a, s->pkey);
    return s;
}

struct str signer_certificate(const struct signer *s)
{
    return s->certificate;
}

static struct str base64(struct arena *a, const void *bytes, size_t n)
{
    char *out = arena_alloc(a, 4 * ((n + 2) / 3) + 1);

    return str_of(out, (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n));
}

struct str signer_certificate_base64(const struct signer *s, struct arena *a)
{
    return base64(a, s->certificate.p, s->certificate.n);
}

static struct str number(const struct signer *s, struct arena *a, const char *which)
{
    BIGNUM *bn = NULL;
    unsigned char bytes[1024];
    int n;

    must(EVP_PKEY_get_bn_param(s->pkey, which, &bn) == 1, "a number of the key");
    n = BN_bn2bin(bn, bytes);
    BN_free(bn);
    return base64(a, bytes, (size_t)n);
}

struct str signer_key_value(const struct signer *s, struct arena *a)
{
    return str_printf(a,
                      "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%.*s</ds:Modulus>"
                      "<ds:Exponent>%.*s</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
                      STR_ARG(number(s, a, OSSL_PKEY_PARAM_RSA_N)),
                      STR_ARG(number(s, a, OSSL_PKEY_PARAM_RSA_E)));
}

/* XML writes r and s one after the other, OpenSSL as DER. */
static struct str raw_of_der(struct arena *a, const unsigned char *der, size_t n)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    unsigned char raw[64];

    must(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32,
         "a signature of P-256");
    ECDSA_SIG_free(sig);
    return base64(a, raw, sizeof(raw));
}

static struct str sign(const struct signer *s, struct arena *a, struct str text)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof(sig);

    must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->pkey) == 1 &&
             EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text.p, text.n) == 1,
         "a signature");
    EVP_MD_CTX_free(ctx);
    return s->is_rsa ? base64(a, sig, n) : raw_of_der(a, sig, n);
}

static struct str or_str(struct arena *a, const char *given, const char *otherwise)
{
    return str_dup(a, str_from(given != NULL ? given : otherwise));
}

static struct str signature(const struct signer *s, struct arena *a,
                            const struct signature_options *o, const char *id, struct str text,
                            const char *transforms)
{
    unsigned char digest[32];
    struct str inside;

    SHA256((const unsigned char *)text.p, text.n, digest);
    inside = str_printf(
        a,
        "<ds:CanonicalizationMethod Algorithm=\"%s\"></ds:CanonicalizationMethod>"
        "<ds:SignatureMethod Algorithm=\"%.*s\"></ds:SignatureMethod>"
        "<ds:Reference URI=\"%.*s\"><ds:Transforms>%.*s</ds:Transforms>"
        "<ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod>"
        "<ds:DigestValue>%.*s</ds:DigestValue></ds:Reference>%.*s</ds:SignedInfo>",
        o->c14n,
        STR_ARG(or_str(a, o->method,
                       s->is_rsa ? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
                                 : "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")),
        STR_ARG(or_str(a, o->uri, str_printf(a, "#%s", id).p)),
        STR_ARG(or_str(a, o->transforms, transforms)), o->digest,
        STR_ARG(base64(a, digest, sizeof(digest))), STR_ARG(or_str(a, o->more_info, "")));
    return str_printf(a,
                      "<ds:Signature xmlns:ds=\"" NS_DS "\"><ds:SignedInfo>%.*s"
                      "<ds:SignatureValue>%.*s</ds:SignatureValue>%.*s</ds:Signature>",
                      STR_ARG(inside),
                      STR_ARG(sign(s, a,
                                   str_printf(a, "<ds:SignedInfo xmlns:ds=\"" NS_DS "\">%.*s",
                                              STR_ARG(inside)))),
                      STR_ARG(or_str(a, o->more, "")));
}

struct str signer_envelop(const struct signer *s, struct arena *a,
                          const struct signature_options *o, const char *id, struct str head,
                          struct str tail)
{
    struct str text = str_printf(a, "%.*s%.*s", STR_ARG(head), STR_ARG(tail));
    struct str sig =
        signature(s, a, o, id, text,
                  "<ds:Transform Algorithm=\"" NS_DS "enveloped-signature\"></ds:Transform>"
                  "<ds:Transform Algorithm=\"" EXC_C14N "\"></ds:Transform>");

    return str_printf(a, "%.*s%.*s%.*s", STR_ARG(head), STR_ARG(sig), STR_ARG(tail));
}

struct str signer_detach(const struct signer *s, struct arena *a, const struct signature_options *o,
                         const char *id, struct str text)
{
    return signature(s, a, o, id, text, "<ds:Transform Algorithm=\"" EXC_C14N "\"></ds:Transform>");
}
