#include "hub/data/dsig.h"

#include <libxml/c14n.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/hex.h"

#define NS_XML    "http://www.w3.org/XML/1998/namespace"
#define EXC_C14N  "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ENVELOPED NS_DSIG "enveloped-signature"

enum { IDS_MAX = 256, ID_MAX = 256, RSA_BITS = 2048, RSA_BITS_MAX = 8192 };

static const struct signature_method {
    const char *uri;
    const char *key; /* of which kind it must be */
    const EVP_MD *(*digest)(void);
} signature_methods[] = {
    {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "RSA", EVP_sha256},
    {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", "RSA", EVP_sha384},
    {"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "RSA", EVP_sha512},
    {"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "EC", EVP_sha256},
    {"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", "EC", EVP_sha384},
    {"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512", "EC", EVP_sha512},
};
static const struct digest_method {
    const char *uri;
    const EVP_MD *(*digest)(void);
} digest_methods[] = {
    {"http://www.w3.org/2001/04/xmlenc#sha256", EVP_sha256},
    {"http://www.w3.org/2001/04/xmldsig-more#sha384", EVP_sha384},
    {"http://www.w3.org/2001/04/xmlenc#sha512", EVP_sha512},
};

/* --- keys --------------------------------------------------------------------------------- */

struct dsig_key {
    EVP_PKEY *pkey;
};

static void free_key(void *pkey)
{
    EVP_PKEY_free(pkey);
}

static bool curve_is_known(const EVP_PKEY *pkey)
{
    static const char *const known[] = {"prime256v1", "P-256",     "secp384r1",
                                        "P-384",      "secp521r1", "P-521"};
    char name[64] = "";

    EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return false;
}

/* A very long modulus is a way to make us work. */
static bool is_strong(const EVP_PKEY *pkey)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return EVP_PKEY_get_bits(pkey) >= RSA_BITS && EVP_PKEY_get_bits(pkey) <= RSA_BITS_MAX;
    return EVP_PKEY_is_a(pkey, "EC") && curve_is_known(pkey);
}

static struct dsig_key *adopt(struct arena *a, EVP_PKEY *pkey)
{
    struct dsig_key *key;

    if (pkey == NULL || !is_strong(pkey)) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    key = ARENA_NEW(a, struct dsig_key);
    key->pkey = pkey;
    arena_defer(a, free_key, pkey);
    return key;
}

struct dsig_key *dsig_key_of_certificate(struct arena *a, struct str der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    EVP_PKEY *pkey = x != NULL ? X509_get_pubkey(x) : NULL;

    X509_free(x);
    return adopt(a, pkey);
}

static BIGNUM *number_in(struct arena *a, const xmlNode *parent, const char *name)
{
    struct str bytes;

    if (!base64_decode(a, xml_text_of(a, parent, NS_DSIG, name), &bytes) || bytes.n == 0 ||
        bytes.n > RSA_BITS_MAX / 8 + 1)
        return NULL;
    return BN_bin2bn((const unsigned char *)bytes.p, (int)bytes.n, NULL);
}

static EVP_PKEY *rsa_of(const BIGNUM *modulus, const BIGNUM *exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;

    must(build != NULL && ctx != NULL, "out of memory");
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) > 0)
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *key_value(struct arena *a, const xmlNode *value)
{
    const xmlNode *rsa = xml_child(value, NS_DSIG, "RSAKeyValue");
    BIGNUM *modulus, *exponent;
    EVP_PKEY *pkey = NULL;

    if (rsa == NULL)
        return NULL;
    modulus = number_in(a, rsa, "Modulus");
    exponent = number_in(a, rsa, "Exponent");
    if (modulus != NULL && exponent != NULL)
        pkey = rsa_of(modulus, exponent);
    BN_free(modulus);
    BN_free(exponent);
    return pkey;
}

struct dsig_key *dsig_key_of_info(struct arena *a, const xmlNode *key_info)
{
    const xmlNode *data = xml_child(key_info, NS_DSIG, "X509Data");
    struct str der;

    if (data == NULL)
        return adopt(a, key_value(a, xml_child(key_info, NS_DSIG, "KeyValue")));
    if (!base64_decode(a, xml_text_of(a, data, NS_DSIG, "X509Certificate"), &der))
        return NULL;
    return dsig_key_of_certificate(a, der);
}

void dsig_key_hash(const struct dsig_key *key, unsigned char out[32])
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key->pkey, &der);

    must(n > 0, "a key that can be written");
    SHA256(der, (size_t)n, out);
    OPENSSL_free(der);
}

/* --- ids ---------------------------------------------------------------------------------- */

static bool attr_is(const xmlAttr *t, const char *ns, const char *name)
{
    if (strcmp((const char *)t->name, name) != 0)
        return false;
    return t->ns == NULL ? ns == NULL : ns != NULL && strcmp((const char *)t->ns->href, ns) == 0;
}

static bool is_id(const xmlAttr *t)
{
    return attr_is(t, NULL, "ID") || attr_is(t, NULL, "Id") || attr_is(t, NULL, "id") ||
           attr_is(t, NS_XML, "id") || attr_is(t, NS_WSU, "Id");
}

static struct str attr_value(const xmlAttr *t)
{
    return t->children != NULL ? str_from((const char *)t->children->content) : STR("");
}

/* An NCName of ASCII: what a Reference can name, and xmlAddID and a shell of us agree about. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool first = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        bool later = first || (c >= '0' && c <= '9') || c == '-' || c == '.';

        if (!(i == 0 ? first : later))
            return false;
    }
    return s.n > 0 && s.n <= ID_MAX;
}

xmlAttr *dsig_id(const xmlNode *node, const char *name)
{
    for (xmlAttr *t = node->properties; t != NULL; t = t->next)
        if (attr_is(t, NULL, name) || attr_is(t, NS_WSU, "Id"))
            return is_name(attr_value(t)) ? t : NULL;
    return NULL;
}

struct ids {
    const xmlAttr *attrs[IDS_MAX];
    size_t count;
};

static bool ids_of(const xmlNode *part, struct ids *ids)
{
    for (const xmlNode *n = part; n != NULL; n = xml_following(n, part))
        for (const xmlAttr *t = n->properties; t != NULL; t = t->next)
            if (is_id(t)) {
                if (ids->count == IDS_MAX)
                    return false;
                ids->attrs[ids->count++] = t;
            }
    return true;
}

static bool repeats_one(const struct ids *ids, const xmlAttr *t)
{
    struct str value = attr_value(t);

    for (size_t i = 0; i < ids->count; i++)
        if (ids->attrs[i] != t && str_eq(attr_value(ids->attrs[i]), value))
            return true;
    return false;
}

enum status dsig_ids_unique(struct arena *a, const xmlNode *part, struct errors *err)
{
    const xmlNode *root = xmlDocGetRootElement(part->doc);
    struct ids *ids = ARENA_NEW(a, struct ids);

    if (!ids_of(part, ids))
        return fail(err, INVALID, "wsse:FailedCheck", "the SOAP header has more than %d ids",
                    IDS_MAX);
    for (const xmlNode *n = root; n != NULL; n = xml_following(n, root))
        for (const xmlAttr *t = n->properties; t != NULL; t = t->next)
            if (is_id(t) && repeats_one(ids, t))
                return fail(err, INVALID, "wsse:FailedCheck",
                            "an id stands twice in the message: nobody could tell what is signed");
    return OK;
}

/* --- the shape of a signature ------------------------------------------------------------- */

static enum status misshapen(struct errors *err, const char *why)
{
    return fail(err, INVALID, "wsse:InvalidSecurity", "the signature %s", why);
}

static enum status unsupported(const xmlNode *n, struct errors *err)
{
    return fail(err, INVALID, "wsse:UnsupportedAlgorithm",
                "the signature's %s is none that the hub accepts", (const char *)n->name);
}

static const struct signature_method *signature_method_of(const xmlNode *n)
{
    for (size_t i = 0; i < sizeof(signature_methods) / sizeof(signature_methods[0]); i++)
        if (str_eq(xml_attr(n, "Algorithm"), str_from(signature_methods[i].uri)))
            return &signature_methods[i];
    return NULL;
}

static const struct digest_method *digest_method_of(const xmlNode *n)
{
    for (size_t i = 0; i < sizeof(digest_methods) / sizeof(digest_methods[0]); i++)
        if (str_eq(xml_attr(n, "Algorithm"), str_from(digest_methods[i].uri)))
            return &digest_methods[i];
    return NULL;
}

static enum status check_algorithm(const xmlNode *n, const char *wanted, struct errors *err)
{
    return str_eq(xml_attr(n, "Algorithm"), str_from(wanted)) ? OK : unsupported(n, err);
}

/* Children of `parent` have these names in this order, and there are no others. */
static bool children_are(const xmlNode *parent, const char *const *names, bool last_optional)
{
    const xmlNode *n = xml_child(parent, NULL, NULL);

    for (; *names != NULL; names++) {
        if (n == NULL && last_optional && names[1] == NULL)
            return true;
        if (!xml_is(n, NS_DSIG, *names))
            return false;
        n = xml_next(n, NULL, NULL);
    }
    return n == NULL;
}

/* Exclusive C14N may have a list of prefixes that it treats inclusively, nothing else. */
static bool parameters_known(const xmlNode *n)
{
    const xmlNode *child = xml_child(n, NULL, NULL);

    return child == NULL ||
           (xml_is(child, EXC_C14N, "InclusiveNamespaces") &&
            xml_child(child, NULL, NULL) == NULL && xml_next(child, NULL, NULL) == NULL);
}

static enum status check_transforms(const xmlNode *transforms, bool enveloped, struct errors *err)
{
    const xmlNode *t = xml_child(transforms, NS_DSIG, "Transform");
    size_t wanted = enveloped ? 2 : 1;

    if (xml_count(transforms, NULL, NULL) != wanted ||
        xml_count(transforms, NS_DSIG, "Transform") != wanted)
        return misshapen(err, enveloped ? "must have two transforms: enveloped-signature, then "
                                          "exclusive C14N"
                                        : "must have one transform: exclusive C14N");
    if (enveloped) {
        TRY(check_algorithm(t, ENVELOPED, err));
        if (xml_child(t, NULL, NULL) != NULL)
            return misshapen(err, "has parameters that are not known");
        t = xml_next(t, NS_DSIG, "Transform");
    }
    TRY(check_algorithm(t, EXC_C14N, err));
    return parameters_known(t) ? OK : misshapen(err, "has parameters that are not known");
}

static enum status check_reference(const xmlNode *reference, const struct dsig *what,
                                   struct errors *err)
{
    static const char *const names[] = {"Transforms", "DigestMethod", "DigestValue", NULL};
    struct str uri = xml_attr(reference, "URI");

    if (!children_are(reference, names, false))
        return misshapen(err, "must have one Reference with Transforms, DigestMethod and "
                              "DigestValue");
    if (uri.n < 2 || uri.p[0] != '#' || !str_eq(str_slice(uri, 1, uri.n), attr_value(what->id)))
        return misshapen(err, "does not refer to what it stands for");
    if (digest_method_of(xml_child(reference, NS_DSIG, "DigestMethod")) == NULL)
        return unsupported(xml_child(reference, NS_DSIG, "DigestMethod"), err);
    return check_transforms(xml_child(reference, NS_DSIG, "Transforms"), what->enveloped, err);
}

static enum status check_shape(const struct dsig *what, struct errors *err)
{
    static const char *const parts[] = {"SignedInfo", "SignatureValue", "KeyInfo", NULL};
    static const char *const infos[] = {"CanonicalizationMethod", "SignatureMethod", "Reference",
                                        NULL};
    const xmlNode *info = xml_child(what->signature, NS_DSIG, "SignedInfo");
    const xmlNode *c14n = xml_child(info, NS_DSIG, "CanonicalizationMethod");
    const xmlNode *method = xml_child(info, NS_DSIG, "SignatureMethod");

    if (!xml_is(what->signature, NS_DSIG, "Signature") ||
        !children_are(what->signature, parts, true) || !children_are(info, infos, false))
        return misshapen(err, "must be a SignedInfo of one Reference and a SignatureValue");
    if ((what->signature->parent == what->node) != what->enveloped)
        return misshapen(err, "stands at the wrong place");
    TRY(check_algorithm(c14n, EXC_C14N, err));
    if (signature_method_of(method) == NULL)
        return unsupported(method, err);
    if (xml_child(method, NULL, NULL) != NULL || !parameters_known(c14n))
        return misshapen(err, "has parameters that are not known");
    return check_reference(xml_child(info, NS_DSIG, "Reference"), what, err);
}

static enum status check_comments(const xmlNode *top, struct errors *err)
{
    for (const xmlNode *n = top; n != NULL; n = xml_following(n, top))
        if (xml_had_comment(n))
            return misshapen(err, "covers, or has, a comment, which nothing signed may hold");
    return OK;
}

/* --- canonical bytes ---------------------------------------------------------------------- */

enum { PREFIXES_MAX = 32, HEAD_MAX = 64 };

/* Where canonical bytes go: into a digest. */
struct sink {
    EVP_MD_CTX *digest;
    int (*update)(EVP_MD_CTX *ctx, const void *bytes, size_t n);
    size_t bytes;
    char head[HEAD_MAX]; /* the first of them */
    bool failed;
};

static int take(void *context, const char *bytes, int n)
{
    struct sink *s = context;

    for (int i = 0; i < n && s->bytes + (size_t)i < HEAD_MAX; i++)
        s->head[s->bytes + (size_t)i] = bytes[i];
    s->bytes += (size_t)n;
    s->failed = s->failed || s->update(s->digest, bytes, (size_t)n) != 1;
    return n;
}

static int update_digest(EVP_MD_CTX *ctx, const void *bytes, size_t n)
{
    return EVP_DigestUpdate(ctx, bytes, n);
}

static int update_verify(EVP_MD_CTX *ctx, const void *bytes, size_t n)
{
    return EVP_DigestVerifyUpdate(ctx, bytes, n);
}

/* The prefixes of ec:InclusiveNamespaces, which a signer may add; ends with NULL. */
static bool prefixes_of(struct arena *a, const xmlNode *method, xmlChar *out[PREFIXES_MAX + 1])
{
    const xmlNode *n = xml_child(method, NULL, NULL);
    struct str rest = n != NULL ? str_trim(xml_attr(n, "PrefixList")) : STR_NONE;
    size_t count = 0;

    while (rest.p != NULL) {
        struct str prefix = str_trim(str_cut(&rest, ' '));

        if (prefix.n == 0)
            continue;
        if (count == PREFIXES_MAX)
            return false;
        out[count++] = BAD_CAST str_c(a, prefix);
    }
    out[count] = NULL;
    return true;
}

/* libxml2 canonicalises documents, or walks a whole one and asks about each node. So that the cost
 * is that of what is signed and not that of the message: a document that has this node alone, which
 * is put back before anybody looks. Its ancestors stay where they are, for the namespaces. */
static bool canonicalise(struct arena *a, xmlNode *top, const xmlNode *method, struct sink *to)
{
    xmlDoc only = {.type = XML_DOCUMENT_NODE, .doc = &only, .children = top, .last = top};
    xmlOutputBuffer *out = xmlOutputBufferCreateIO(take, NULL, to, NULL);
    xmlNode *next = top->next;
    xmlChar *prefixes[PREFIXES_MAX + 1];
    int written = -1;

    must(out != NULL, "out of memory");
    top->next = NULL;
    if (prefixes_of(a, method, prefixes))
        written = xmlC14NExecute(&only, NULL, NULL, XML_C14N_EXCLUSIVE_1_0,
                                 prefixes[0] != NULL ? prefixes : NULL, 0, out);
    top->next = next;
    return xmlOutputBufferClose(out) >= 0 && written >= 0 && !to->failed;
}

/* --- verifying ---------------------------------------------------------------------------- */

/* <name ...> or <prefix:name ...>: what was digested is this node, and not nothing. */
static bool begins_with(const struct sink *s, const xmlNode *node)
{
    struct str head = str_of(s->head, s->bytes < HEAD_MAX ? s->bytes : HEAD_MAX);
    struct str tag = str_cut(&head, ' '), name = xml_name(node);

    return tag.n > name.n && tag.p[0] == '<' && str_ends(tag, name);
}

/* Without the signature that stands in it, which is out of the tree meanwhile. */
static bool canonicalise_signed(struct arena *a, const struct dsig *what, const xmlNode *method,
                                struct sink *to)
{
    xmlNode *before = what->signature->prev, *behind = what->signature->next;
    xmlNode *parent = what->node, **from = before != NULL ? &before->next : &parent->children;
    bool good;

    if (!what->enveloped)
        return canonicalise(a, what->node, method, to);
    *from = behind;
    good = canonicalise(a, what->node, method, to);
    *from = what->signature;
    return good;
}

static bool digest_matches(struct arena *a, const struct dsig *what, const xmlNode *reference)
{
    const xmlNode *transforms = xml_child(reference, NS_DSIG, "Transforms");
    const xmlNode *method = xml_child(transforms, NS_DSIG, "Transform");
    const struct digest_method *d = digest_method_of(xml_child(reference, NS_DSIG, "DigestMethod"));
    struct sink to = {.digest = EVP_MD_CTX_new(), .update = update_digest};
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct str wanted;
    bool good;

    if (what->enveloped)
        method = xml_next(method, NS_DSIG, "Transform");
    must(to.digest != NULL && EVP_DigestInit_ex(to.digest, d->digest(), NULL) == 1, "a digest");
    good = canonicalise_signed(a, what, method, &to) && begins_with(&to, what->node) &&
           EVP_DigestFinal_ex(to.digest, value, &n) == 1 &&
           base64_decode(a, xml_text_of(a, reference, NS_DSIG, "DigestValue"), &wanted) &&
           wanted.n == n && CRYPTO_memcmp(wanted.p, value, n) == 0;
    EVP_MD_CTX_free(to.digest);
    return good;
}

/* XML writes r and s one after the other, each as long as the curve's order; OpenSSL reads DER. */
static bool signature_bytes(struct arena *a, const struct dsig *what, struct str *out)
{
    size_t half = ((size_t)EVP_PKEY_get_bits(what->key->pkey) + 7) / 8;
    const unsigned char *p;
    unsigned char *der = NULL;
    ECDSA_SIG *sig;
    int n;

    if (!base64_decode(a, xml_text_of(a, what->signature, NS_DSIG, "SignatureValue"), out))
        return false;
    if (!EVP_PKEY_is_a(what->key->pkey, "EC"))
        return true;
    if (out->n != 2 * half)
        return false;
    p = (const unsigned char *)out->p;
    sig = ECDSA_SIG_new();
    must(sig != NULL && ECDSA_SIG_set0(sig, BN_bin2bn(p, (int)half, NULL),
                                       BN_bin2bn(p + half, (int)half, NULL)) == 1,
         "out of memory");
    n = i2d_ECDSA_SIG(sig, &der);
    must(n > 0, "out of memory");
    *out = str_dup(a, str_of(der, (size_t)n));
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return true;
}

static bool signature_matches(struct arena *a, const struct dsig *what, xmlNode *info)
{
    const struct signature_method *m =
        signature_method_of(xml_child(info, NS_DSIG, "SignatureMethod"));
    struct sink to = {.digest = EVP_MD_CTX_new(), .update = update_verify};
    struct str value;
    bool good;

    must(to.digest != NULL, "out of memory");
    good = EVP_PKEY_is_a(what->key->pkey, m->key) && signature_bytes(a, what, &value) &&
           EVP_DigestVerifyInit(to.digest, NULL, m->digest(), NULL, what->key->pkey) == 1 &&
           canonicalise(a, info, xml_child(info, NS_DSIG, "CanonicalizationMethod"), &to) &&
           begins_with(&to, info) &&
           EVP_DigestVerifyFinal(to.digest, (const unsigned char *)value.p, value.n) == 1;
    EVP_MD_CTX_free(to.digest);
    return good;
}

enum status dsig_verify(struct arena *a, const struct dsig *what, struct errors *err)
{
    xmlNode *info = xml_child(what->signature, NS_DSIG, "SignedInfo");

    TRY(check_shape(what, err));
    TRY(check_comments(what->node, err));
    TRY(check_comments(what->signature, err));
    if (signature_matches(a, what, info) &&
        digest_matches(a, what, xml_child(info, NS_DSIG, "Reference")))
        return OK;
    ERR_clear_error();
    return fail(err, INVALID, "wsse:FailedCheck",
                "the signature does not verify with the key that is registered for it");
}
