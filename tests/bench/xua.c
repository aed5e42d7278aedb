/* How fast an assertion is verified, on one core: by the hub, or by the least that the same bytes
 * need (exclusive C14N, SHA-256, one signature), with OpenSSL and libxml2 alone.
 *
 *     bench_xua hub|limit SECONDS ENVELOPE CERTIFICATE
 *
 * ENVELOPE is a SOAP message with an assertion, CERTIFICATE its issuer's, PEM. Both sides start
 * from a tree that is parsed already, and the key. Prints one JSON object; the time is the thread's
 * processor time, so that a busy machine does not blur it. */
#include <libxml/c14n.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hub/assertion.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"
#include "hub/soap.h"
#include "hub/wsse.h"

static struct arena arena;
static struct errors err;

static struct str file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct strbuf b = strbuf_on(&arena, 1 << 16);
    char part[4096];
    size_t n;

    must(f != NULL, path);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        strbuf_add(&b, str_of(part, n));
    fclose(f);
    return strbuf_str(&b);
}

static X509 *certificate(const char *path)
{
    struct str pem = file(path);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    must(x != NULL, "a certificate");
    BIO_free(bio);
    return x;
}

static xmlNode *header_of(struct str envelope)
{
    xmlNode *root;

    must(xml_parse(&arena, envelope, &XML_LIMITS, &err, &root) == OK, "an envelope");
    return xml_child(root, NS_SOAP, "Header");
}

static double seconds_of_thread(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- the hub ------------------------------------------------------------------------------ */

static void verify_as_the_hub(const xmlNode *header, const struct dsig_key *key,
                              const struct member_idp *idp)
{
    static const unsigned char peer[32];
    struct assertion_context c = {.now_us = clock_now_us(), .idp = idp, .peer_key = peer};
    struct errors mine;
    struct assertion s;
    struct arena a;
    struct wsse w;
    struct dsig what = {.key = key, .enveloped = true};

    arena_init(&a);
    errors_init(&mine, &a);
    must(wsse_read(header, &w, &mine) == OK && w.assertion != NULL &&
             assertion_bounded(w.assertion, &mine) == OK &&
             dsig_ids_unique(&a, header, &mine) == OK,
         "an assertion");
    what.node = w.assertion;
    what.signature = xml_child(w.assertion, NS_DSIG, "Signature");
    what.id = dsig_id(w.assertion, "ID");
    c.wsse = &w;
    must(dsig_verify(&a, &what, &mine) == OK &&
             assertion_read(&a, w.assertion, idp->purpose_forms, &s, &mine) == OK &&
             assertion_check(&a, &s, &c, &mine) == OK,
         "an assertion that holds");
    arena_dispose(&a);
}

/* --- the least ---------------------------------------------------------------------------- */

struct least {
    xmlDoc *assertion, *info; /* documents of their own: what is canonicalised is all of each */
    EVP_PKEY *key;
    struct str signature; /* DER for an elliptic key */
};

static xmlDoc *document_of(const xmlNode *n)
{
    xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");

    xmlDocSetRootElement(doc, xmlDocCopyNode((xmlNode *)n, doc, 1));
    return doc;
}

static struct str der_of(struct str raw)
{
    const unsigned char *p = (const unsigned char *)raw.p;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *der = NULL;
    int n;

    ECDSA_SIG_set0(sig, BN_bin2bn(p, (int)raw.n / 2, NULL),
                   BN_bin2bn(p + raw.n / 2, (int)raw.n / 2, NULL));
    n = i2d_ECDSA_SIG(sig, &der);
    ECDSA_SIG_free(sig);
    return str_of(der, (size_t)n);
}

static struct least least_of(const xmlNode *header, EVP_PKEY *key)
{
    const xmlNode *node = xml_child(xml_child(header, NS_WSSE, "Security"), NS_SAML, "Assertion");
    const xmlNode *signature = xml_child(node, NS_DSIG, "Signature");
    struct least l = {.assertion = document_of(node),
                      .info = document_of(xml_child(signature, NS_DSIG, "SignedInfo")),
                      .key = key};
    xmlNode *inside = xml_child(xmlDocGetRootElement(l.assertion), NS_DSIG, "Signature");

    xmlUnlinkNode(inside);
    xmlFreeNode(inside);
    must(base64_decode(&arena, xml_text_of(&arena, signature, NS_DSIG, "SignatureValue"),
                       &l.signature),
         "a signature");
    if (EVP_PKEY_is_a(key, "EC"))
        l.signature = der_of(l.signature);
    return l;
}

static int canonical(xmlDoc *doc, xmlChar **out)
{
    return xmlC14NDocDumpMemory(doc, NULL, XML_C14N_EXCLUSIVE_1_0, NULL, 0, out);
}

static void verify_as_the_least(const struct least *l)
{
    unsigned char digest[32];
    xmlChar *text = NULL;
    int n = canonical(l->assertion, &text);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    SHA256(text, (size_t)n, digest);
    must(digest[0] + digest[1] + digest[2] >= 0, "a digest");
    xmlFree(text);
    n = canonical(l->info, &text);
    must(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, l->key) == 1 &&
             EVP_DigestVerify(ctx, (const unsigned char *)l->signature.p, l->signature.n, text,
                              (size_t)n) == 1,
         "a signature that holds");
    xmlFree(text);
    EVP_MD_CTX_free(ctx);
}

/* --- the loop ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    static const struct member_idp idp = {.lifetime_us = 86400 * US_PER_SECOND,
                                          .skew_us = 60 * US_PER_SECOND,
                                          .purpose_forms = 7,
                                          .audiences = STR("urn:oid:1.3.6.1.4.1.21367.13.99")};
    const struct dsig_key *key;
    unsigned char *der = NULL;
    const xmlNode *header;
    struct least least;
    double from, used;
    uint64_t count = 0;
    bool hub;
    X509 *x;

    must(argc == 5, "bench_xua hub|limit SECONDS ENVELOPE CERTIFICATE");
    hub = argv[1][0] == 'h';
    arena_init(&arena);
    errors_init(&err, &arena);
    xml_init();
    x = certificate(argv[4]);
    header = header_of(file(argv[3]));
    least = least_of(header, X509_get_pubkey(x));
    used = i2d_X509(x, &der);
    key = dsig_key_of_certificate(&arena, str_of(der, (size_t)used));
    from = seconds_of_thread();
    do {
        for (int i = 0; i < 50; i++, count++)
            hub ? verify_as_the_hub(header, key, &idp) : verify_as_the_least(&least);
        used = seconds_of_thread() - from;
    } while (used < atof(argv[2]));
    printf("{\"per_second\":%.1f,\"us_each\":%.1f}\n", (double)count / used,
           used * 1e6 / (double)count);
    return 0;
}
