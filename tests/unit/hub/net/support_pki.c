#include "tests/unit/hub/net/support_pki.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/base/err.h"

enum { MADE_MAX = 64 };

static char folder[64];
static struct pki_cert made[MADE_MAX];
static char paths[MADE_MAX][128];
static int made_count, path_count;

void pki_begin(void)
{
    snprintf(folder, sizeof(folder), "/tmp/causeway-pki-XXXXXX");
    must(mkdtemp(folder) != NULL, "a folder under /tmp can be made");
}

void pki_end(void)
{
    for (int i = 0; i < made_count; i++) {
        X509_free(made[i].cert);
        EVP_PKEY_free(made[i].key);
    }
    for (int i = 0; i < path_count; i++)
        unlink(paths[i]);
    rmdir(folder);
    made_count = path_count = 0;
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *e;

    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(e != NULL && X509_add_ext(cert, e, -1) == 1, "an extension can be made");
    X509_EXTENSION_free(e);
}

static void set_name(X509_NAME *name, const char *text)
{
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
}

struct pki_cert *pki_make(const struct pki_wish *wish)
{
    struct pki_cert *c = &made[made_count++];
    const struct pki_cert *issuer = wish->issuer != NULL ? wish->issuer : c;

    must(made_count <= MADE_MAX, "there is room for the certificate");
    c->key = wish->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    c->cert = X509_new();
    X509_set_version(c->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c->cert), 1000 + made_count);
    X509_gmtime_adj(X509_getm_notBefore(c->cert), wish->from);
    X509_gmtime_adj(X509_getm_notAfter(c->cert), wish->until != 0 ? wish->until : 3600);
    X509_set_pubkey(c->cert, c->key);
    set_name(X509_get_subject_name(c->cert), wish->name);
    X509_set_issuer_name(c->cert, X509_get_subject_name(issuer->cert));
    add_extension(c->cert, issuer->cert, NID_basic_constraints,
                  wish->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (wish->usage != NULL)
        add_extension(c->cert, issuer->cert, NID_ext_key_usage, wish->usage);
    must(X509_sign(c->cert, issuer->key, EVP_sha256()) > 0, "a certificate can be signed");
    return c;
}

static FILE *create(const char *name, const char *suffix, const char **path)
{
    FILE *f;

    must(path_count < MADE_MAX, "there is room for the file");
    snprintf(paths[path_count], sizeof(paths[0]), "%s/%s.%s", folder, name, suffix);
    *path = paths[path_count++];
    f = fopen(*path, "w");
    must(f != NULL, "a file can be made");
    return f;
}

const char *pki_cert_file(const char *name, const struct pki_cert *c)
{
    const char *path;
    FILE *f = create(name, "pem", &path);

    PEM_write_X509(f, c->cert);
    fclose(f);
    return path;
}

const char *pki_key_file(const char *name, const struct pki_cert *c)
{
    const char *path;
    FILE *f = create(name, "key", &path);

    PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    return path;
}

static void add_revoked(X509_CRL *crl, const struct pki_cert *c)
{
    X509_REVOKED *entry = X509_REVOKED_new();

    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(c->cert));
    X509_REVOKED_set_revocationDate(entry, X509_getm_notBefore(c->cert));
    X509_CRL_add0_revoked(crl, entry);
}

const char *pki_crl_file(const char *name, const struct pki_cert *ca,
                         const struct pki_cert *revoked)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0), *later = X509_gmtime_adj(NULL, 3600);
    const char *path;
    FILE *f = create(name, "crl", &path);

    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, later);
    if (revoked != NULL)
        add_revoked(crl, revoked);
    must(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0, "a CRL can be signed");
    PEM_write_X509_CRL(f, crl);
    fclose(f);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    X509_CRL_free(crl);
    return path;
}
