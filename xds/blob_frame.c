#include "xds/blob_frame.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE = 12, ID_AT = 24, PREFIX_AT = 40, KEY_CONTEXT_WRAP = 1 };

static const char KDF_CONTEXT[crypto_kdf_CONTEXTBYTES + 1] = "blobkey_";
static const unsigned char MAGIC[10] = {'C', 'W', '-', 'B', 'L', 'O', 'B', 1, 1, 16};

bool blobs_know_key(struct blobs *b, const unsigned char *master_key)
{
    unsigned char *key;

    if (b->key_count == BLOB_KEYS_MAX)
        return false;
    key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
    must(key != NULL, "out of memory");
    crypto_kdf_derive_from_key(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, KEY_CONTEXT_WRAP,
                               KDF_CONTEXT, master_key);
    sodium_mprotect_readonly(key);
    b->wrapping_keys[b->key_count++] = key;
    return true;
}

struct blobs *blobs_new(struct store *store, const unsigned char *master_key)
{
    struct blobs *b = calloc(1, sizeof(*b));

    must(b != NULL, "out of memory");
    b->store = store;
    b->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    b->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    b->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(b->cipher != NULL && b->sha1 != NULL && b->sha256 != NULL, "OpenSSL lacks an algorithm");
    must(blobs_know_key(b, master_key), "the first key has room");
    return b;
}

void blobs_free(struct blobs *b)
{
    b->store->ops->free(b->store);
    EVP_CIPHER_free(b->cipher);
    EVP_MD_free(b->sha1);
    EVP_MD_free(b->sha256);
    for (size_t i = 0; i < b->key_count; i++)
        sodium_free(b->wrapping_keys[i]);
    free(b);
}

const char *blobs_store_name(const struct blobs *b)
{
    return b->store->ops->name;
}

struct store *blobs_store(const struct blobs *b)
{
    return b->store;
}

void blob_header_write(struct uuid id, bool packed, const unsigned char prefix[BLOB_PREFIX],
                       unsigned char out[BLOB_HEADER])
{
    memset(out, 0, BLOB_HEADER);
    memcpy(out, MAGIC, sizeof(MAGIC));
    out[BLOB_PACKING_AT] = packed ? 1 : 0;
    memcpy(out + ID_AT, id.b, sizeof(id.b));
    memcpy(out + PREFIX_AT, prefix, BLOB_PREFIX);
}

bool blob_header_matches(struct uuid id, bool packed, const unsigned char header[BLOB_HEADER])
{
    unsigned char expected[BLOB_HEADER];

    blob_header_write(id, packed, header + PREFIX_AT, expected);
    return memcmp(expected, header, BLOB_HEADER) == 0;
}

uint64_t blob_frame_count(uint64_t size)
{
    return size == 0 ? 1 : (size - 1) / BLOB_FRAME + 1;
}

uint64_t blob_stored_size(uint64_t size)
{
    return BLOB_HEADER + size + blob_frame_count(size) * BLOB_TAG;
}

static void write_nonce(const unsigned char header[BLOB_HEADER], uint32_t number, bool last,
                        unsigned char out[NONCE])
{
    memcpy(out, header + PREFIX_AT, BLOB_PREFIX);
    for (int i = 0; i < 4; i++)
        out[BLOB_PREFIX + i] = (unsigned char)(number >> (8 * (3 - i)));
    out[NONCE - 1] = last ? 1 : 0;
}

EVP_CIPHER_CTX *blob_cipher_new(const struct blobs *b, const unsigned char key[BLOB_KEY],
                                bool encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    must(c != NULL && EVP_CipherInit_ex2(c, b->cipher, key, NULL, encrypt, NULL) == 1,
         "AES-256-GCM refuses a key");
    return c;
}

void blob_frame_seal(EVP_CIPHER_CTX *c, const unsigned char header[BLOB_HEADER], uint32_t number,
                     bool last, unsigned char *bytes, size_t n)
{
    unsigned char nonce[NONCE];
    int done;

    write_nonce(header, number, last, nonce);
    must(EVP_EncryptInit_ex2(c, NULL, NULL, nonce, NULL) == 1 &&
             EVP_EncryptUpdate(c, NULL, &done, header, BLOB_HEADER) == 1 &&
             EVP_EncryptUpdate(c, bytes, &done, bytes, (int)n) == 1 &&
             EVP_EncryptFinal_ex(c, bytes + n, &done) == 1 &&
             EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, BLOB_TAG, bytes + n) == 1,
         "AES-256-GCM fails to encrypt");
}

bool blob_frame_open(EVP_CIPHER_CTX *c, const unsigned char header[BLOB_HEADER], uint32_t number,
                     bool last, unsigned char *bytes, size_t n, unsigned char *to)
{
    unsigned char nonce[NONCE];
    int done;

    write_nonce(header, number, last, nonce);
    if (EVP_DecryptInit_ex2(c, NULL, NULL, nonce, NULL) == 1 &&
        EVP_DecryptUpdate(c, NULL, &done, header, BLOB_HEADER) == 1 &&
        EVP_DecryptUpdate(c, to, &done, bytes, (int)n) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, BLOB_TAG, bytes + n) == 1 &&
        EVP_DecryptFinal_ex(c, to + n, &done) == 1)
        return true;
    sodium_memzero(to, n);
    return false;
}

void blob_key_wrap(const struct blobs *b, struct uuid id, const unsigned char key[BLOB_KEY],
                   unsigned char out[BLOB_WRAPPED_KEY])
{
    unsigned char *nonce = out;

    randombytes_buf(nonce, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
                                               NULL, key, BLOB_KEY, id.b, sizeof(id.b), NULL, nonce,
                                               b->wrapping_keys[0]);
}

int blob_key_unwrap(const struct blobs *b, struct uuid id, struct str wrapped,
                    unsigned char key[BLOB_KEY])
{
    const unsigned char *w = (const unsigned char *)wrapped.p;
    size_t nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;

    for (size_t i = 0; i < b->key_count && wrapped.n == BLOB_WRAPPED_KEY; i++)
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, w + nonce,
                                                       wrapped.n - nonce, id.b, sizeof(id.b), w,
                                                       b->wrapping_keys[i]) == 0)
            return (int)i;
    return -1;
}

enum blob_rewrap blob_key_rewrap(struct blobs *b, struct uuid id, struct str wrapped,
                                 unsigned char out[BLOB_WRAPPED_KEY])
{
    unsigned char key[BLOB_KEY];
    int which = blob_key_unwrap(b, id, wrapped, key);

    if (which < 0)
        return BLOB_KEY_LOCKED;
    if (which > 0)
        blob_key_wrap(b, id, key, out);
    sodium_memzero(key, sizeof(key));
    return which == 0 ? BLOB_KEY_CURRENT : BLOB_KEY_REWRAPPED;
}
