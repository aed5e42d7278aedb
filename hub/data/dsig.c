#include "hub/data/dsig.h"

#include <libxml/valid.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>

#include "hub/base/arena.h"
#include "hub/base/hex.h"

#define NS_XML    "http://www.w3.org/XML/1998/namespace"
#define EXC_C14N  "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ENVELOPED NS_DSIG "enveloped-signature"

enum { IDS_MAX = 256, ID_MAX = 256, RSA_BITS = 2048, RSA_BITS_MAX = 8192 };

static const char *const signature_methods[] = {
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    NULL,
};
static const char *const digest_methods[] = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
    NULL,
};
static const char *const c14n_methods[] = {EXC_C14N, NULL};
static const char *const enveloped_transform[] = {ENVELOPED, NULL};

/* Without its own input callbacks no URI can be opened, whatever else may fail. Its reasons would
 * go to standard error; ours are recorded where they are seen. */
void dsig_init(void)
{
    must(xmlSecInit() == 0 && xmlSecOpenSSLInit() == 0, "libxmlsec1 with its OpenSSL flavour");
    xmlSecIOCleanupCallbacks();
    xmlSecErrorsDefaultCallbackEnableOutput(0);
}

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

static enum status check_algorithm(const xmlNode *n, const char *const *allowed, struct errors *err)
{
    struct str algorithm = xml_attr(n, "Algorithm");

    for (; *allowed != NULL; allowed++)
        if (str_eq(algorithm, str_from(*allowed)))
            return OK;
    return fail(err, INVALID, "wsse:UnsupportedAlgorithm",
                "the signature's %s is none that the hub accepts", (const char *)n->name);
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
        TRY(check_algorithm(t, enveloped_transform, err));
        if (xml_child(t, NULL, NULL) != NULL)
            return misshapen(err, "has parameters that are not known");
        t = xml_next(t, NS_DSIG, "Transform");
    }
    TRY(check_algorithm(t, c14n_methods, err));
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
    TRY(check_algorithm(xml_child(reference, NS_DSIG, "DigestMethod"), digest_methods, err));
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
    TRY(check_algorithm(c14n, c14n_methods, err));
    TRY(check_algorithm(method, signature_methods, err));
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

/* --- verifying ---------------------------------------------------------------------------- */

/* The library's index of ids must know this one value as this one attribute. */
static bool bind_id(const struct dsig *what)
{
    xmlDoc *doc = what->node->doc;
    const xmlChar *value = what->id->children->content;

    return xmlGetID(doc, value) == what->id || xmlAddID(NULL, doc, value, what->id) != NULL;
}

static xmlSecKey *library_key(const struct dsig_key *key)
{
    xmlSecKey *k = xmlSecKeyCreate();
    xmlSecKeyData *data;

    must(k != NULL && EVP_PKEY_up_ref(key->pkey) == 1, "out of memory");
    data = xmlSecOpenSSLEvpKeyAdopt(key->pkey);
    must(data != NULL && xmlSecKeySetValue(k, data) == 0, "a key of a kind that was checked");
    return k;
}

/* The library's own lists, beside check_shape's: a digest counts as a transform of the reference.
 */
static bool configure(xmlSecDSigCtx *ctx, const struct dsig *what)
{
    const xmlSecTransformId of_reference[] = {
        xmlSecTransformExclC14NId,      xmlSecOpenSSLTransformSha256Id,
        xmlSecOpenSSLTransformSha384Id, xmlSecOpenSSLTransformSha512Id,
        xmlSecTransformEnvelopedId,
    };
    const xmlSecTransformId of_signature[] = {
        xmlSecTransformExclC14NId,           xmlSecOpenSSLTransformRsaSha256Id,
        xmlSecOpenSSLTransformRsaSha384Id,   xmlSecOpenSSLTransformRsaSha512Id,
        xmlSecOpenSSLTransformEcdsaSha256Id, xmlSecOpenSSLTransformEcdsaSha384Id,
        xmlSecOpenSSLTransformEcdsaSha512Id,
    };
    bool good = true;

    ctx->signKey = library_key(what->key);
    ctx->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    ctx->flags |= XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES;
    for (size_t i = 0; i < sizeof(of_reference) / sizeof(of_reference[0]); i++)
        good = good && xmlSecDSigCtxEnableReferenceTransform(ctx, of_reference[i]) == 0;
    for (size_t i = 0; i < sizeof(of_signature) / sizeof(of_signature[0]); i++)
        good = good && xmlSecDSigCtxEnableSignatureTransform(ctx, of_signature[i]) == 0;
    return good;
}

/* What was digested is this node, and not nothing. */
static bool digested(xmlSecDSigCtx *ctx, const xmlNode *node)
{
    xmlSecDSigReferenceCtx *reference = xmlSecPtrListGetItem(&ctx->signedInfoReferences, 0);
    xmlSecBuffer *bytes;
    struct str text, name = xml_name(node), tag;

    if (reference == NULL || xmlSecPtrListGetSize(&ctx->signedInfoReferences) != 1 ||
        xmlSecPtrListGetSize(&ctx->manifestReferences) != 0)
        return false;
    bytes = xmlSecDSigReferenceCtxGetPreDigestBuffer(reference);
    if (bytes == NULL)
        return false;
    text = str_of(xmlSecBufferGetData(bytes), xmlSecBufferGetSize(bytes));
    tag = str_slice(text, 0, (size_t)(str_find(text, ' ') > 0 ? str_find(text, ' ') : 0));
    return tag.n > name.n && tag.p[0] == '<' && str_ends(tag, name);
}

enum status dsig_verify(const struct dsig *what, struct errors *err)
{
    xmlSecDSigCtx *ctx;
    bool good;

    TRY(check_shape(what, err));
    TRY(check_comments(what->node, err));
    TRY(check_comments(what->signature, err));
    if (!bind_id(what))
        return fail(err, INVALID, "wsse:FailedCheck", "the id of what is signed stands twice");
    ctx = xmlSecDSigCtxCreate(NULL);
    must(ctx != NULL, "out of memory");
    good = configure(ctx, what) && xmlSecDSigCtxVerify(ctx, what->signature) == 0 &&
           ctx->status == xmlSecDSigStatusSucceeded && digested(ctx, what->node);
    xmlSecDSigCtxDestroy(ctx);
    if (good)
        return OK;
    return fail(err, INVALID, "wsse:FailedCheck",
                "the signature does not verify with the key that is registered for it");
}
