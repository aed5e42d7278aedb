#include "hub/audit/record_cipher.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "hub/base/err.h"

enum {
    VERSION = 1,
    KEY = 32,
    GCM_NONCE = 12,
    GCM_TAG = 16,
    WRAP_NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    WRAP_TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    WRAPPED = 1 + WRAP_NONCE + KEY + WRAP_TAG,
    POSITION = 8 + 8 + 16,
};

/* Set once before threads start. Fetched once, because a fetch takes locks in OpenSSL 3.0. */
static unsigned char *audit_key;
static EVP_CIPHER *gcm;
static EVP_MD *sha256;

static const unsigned char zero_nonce[GCM_NONCE];

static void fetch_algorithms(void)
{
    if (gcm == NULL)
        gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(gcm != NULL && sha256 != NULL, "AES-256-GCM and SHA-256 in OpenSSL");
}

void record_cipher_init(const unsigned char master_key[32])
{
    if (audit_key == NULL)
        audit_key = sodium_malloc(KEY);
    must(audit_key != NULL, "locked memory");
    sodium_mprotect_readwrite(audit_key);
    must(crypto_kdf_derive_from_key(audit_key, KEY, 1, "hubaudit", master_key) == 0, "a key");
    sodium_mprotect_readonly(audit_key);
    fetch_algorithms();
}

static void put_u64(unsigned char out[8], uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (unsigned char)v;
}

static void position_write(const struct audit_position *at, unsigned char out[POSITION])
{
    put_u64(out, (uint64_t)at->pkey);
    put_u64(out + 8, (uint64_t)at->at_us);
    memcpy(out + 16, at->id.b, 16);
}

void record_leaf_hash(struct str record, unsigned char out[AUDIT_LEAF_BYTES])
{
    static const unsigned char leaf = 0x00;
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    must(c != NULL && EVP_DigestInit_ex2(c, sha256, NULL) == 1 &&
             EVP_DigestUpdate(c, &leaf, 1) == 1 && EVP_DigestUpdate(c, record.p, record.n) == 1 &&
             EVP_DigestFinal_ex(c, out, NULL) == 1,
         "SHA-256");
    EVP_MD_CTX_free(c);
}

static struct str encrypt(struct arena *a, const unsigned char key[KEY],
                          const unsigned char aad[POSITION], struct str plain)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char *out = arena_alloc(a, 1 + plain.n + GCM_TAG);
    int n;

    must(plain.n < INT32_MAX, "an audit record of reasonable size");
    out[0] = VERSION;
    must(c != NULL && EVP_EncryptInit_ex2(c, gcm, key, zero_nonce, NULL) == 1 &&
             EVP_EncryptUpdate(c, NULL, &n, aad, POSITION) == 1 &&
             EVP_EncryptUpdate(c, out + 1, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
             EVP_EncryptFinal_ex(c, out + 1 + n, &n) == 1 &&
             EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, out + 1 + plain.n) == 1,
         "AES-256-GCM");
    EVP_CIPHER_CTX_free(c);
    return str_of(out, 1 + plain.n + GCM_TAG);
}

static bool decrypt(struct arena *a, const unsigned char key[KEY],
                    const unsigned char aad[POSITION], struct str record, struct str *plain)
{
    EVP_CIPHER_CTX *c;
    const unsigned char *in = (const unsigned char *)record.p;
    unsigned char tag[GCM_TAG], *out;
    size_t size;
    bool genuine;
    int n;

    if (record.n < 1 + GCM_TAG || record.n > INT32_MAX || in[0] != VERSION)
        return false;
    size = record.n - 1 - GCM_TAG;
    out = arena_alloc(a, size + 1);
    memcpy(tag, in + 1 + size, GCM_TAG);
    c = EVP_CIPHER_CTX_new();
    genuine = c != NULL && EVP_DecryptInit_ex2(c, gcm, key, zero_nonce, NULL) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad, POSITION) == 1 &&
              EVP_DecryptUpdate(c, out, &n, in + 1, (int)size) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
              EVP_DecryptFinal_ex(c, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    *plain = genuine ? str_of(out, size) : STR_NONE;
    return genuine;
}

static struct str key_wrap(struct arena *a, struct uuid id, const unsigned char key[KEY])
{
    unsigned char *out = arena_alloc(a, WRAPPED);

    out[0] = VERSION;
    randombytes_buf(out + 1, WRAP_NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + WRAP_NONCE, NULL, key, KEY, id.b,
                                               sizeof(id.b), NULL, out + 1, audit_key);
    return str_of(out, WRAPPED);
}

static bool key_unwrap(struct uuid id, struct str wrapped, unsigned char key[KEY])
{
    const unsigned char *in = (const unsigned char *)wrapped.p;

    return wrapped.n == WRAPPED && in[0] == VERSION &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, in + 1 + WRAP_NONCE,
                                                      KEY + WRAP_TAG, id.b, sizeof(id.b), in + 1,
                                                      audit_key) == 0;
}

void record_seal(struct arena *a, const struct audit_position *at, struct str plain,
                 struct sealed_record *out)
{
    unsigned char key[KEY], aad[POSITION];

    must(audit_key != NULL, "audit_init has run");
    randombytes_buf(key, KEY);
    position_write(at, aad);
    out->record = encrypt(a, key, aad, plain);
    out->key = key_wrap(a, at->id, key);
    record_leaf_hash(out->record, out->leaf_hash);
    sodium_memzero(key, KEY);
}

bool record_unseal(struct arena *a, const struct audit_position *at,
                   const struct sealed_record *sealed, struct str *plain)
{
    unsigned char key[KEY], aad[POSITION], leaf_hash[AUDIT_LEAF_BYTES];
    bool genuine;

    must(audit_key != NULL, "audit_init has run");
    *plain = STR_NONE;
    record_leaf_hash(sealed->record, leaf_hash);
    if (memcmp(leaf_hash, sealed->leaf_hash, AUDIT_LEAF_BYTES) != 0 ||
        !key_unwrap(at->id, sealed->key, key))
        return false;
    position_write(at, aad);
    genuine = decrypt(a, key, aad, sealed->record, plain);
    sodium_memzero(key, KEY);
    return genuine;
}

bool record_key_open(struct uuid id, struct str wrapped, unsigned char key[32])
{
    must(audit_key != NULL, "audit_init has run");
    return key_unwrap(id, wrapped, key);
}

bool record_open(struct arena *a, const struct audit_position *at, struct str key,
                 struct str record, struct str *plain)
{
    unsigned char aad[POSITION];

    *plain = STR_NONE;
    if (key.n != KEY)
        return false;
    fetch_algorithms();
    position_write(at, aad);
    return decrypt(a, (const unsigned char *)key.p, aad, record, plain);
}
