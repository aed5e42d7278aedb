#include "hub/seal.h"

#include <sodium.h>
#include <string.h>

#include "hub/base/err.h"

enum {
    VERSION = 1,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
};

struct seal_key {
    unsigned char bytes[KEY];
};

const struct seal_key *seal_key_new(const unsigned char master_key[32], const char *context)
{
    struct seal_key *key = sodium_malloc(sizeof(*key));

    must(key != NULL, "no locked memory for a sealing key");
    must(strlen(context) == crypto_kdf_CONTEXTBYTES, "a context of 8 characters");
    must(crypto_kdf_derive_from_key(key->bytes, KEY, 1, context, master_key) == 0,
         "the key derivation refuses its parameters");
    sodium_mprotect_readonly(key);
    return key;
}

struct str seal(struct arena *a, const struct seal_key *key, struct uuid id, struct str plain)
{
    unsigned char *out = arena_alloc(a, 1 + NONCE + plain.n + TAG);
    unsigned long long n;

    out[0] = VERSION;
    randombytes_buf(out + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + NONCE, &n, (const unsigned char *)plain.p,
                                               plain.n, id.b, sizeof(id.b), NULL, out + 1,
                                               key->bytes);
    return str_of(out, 1 + NONCE + (size_t)n);
}

bool seal_open(struct arena *a, const struct seal_key *key, struct uuid id, struct str sealed,
               struct str *plain)
{
    const unsigned char *p = (const unsigned char *)sealed.p;
    unsigned char *out;
    unsigned long long n;

    if (sealed.n < 1 + NONCE + TAG || p[0] != VERSION)
        return false;
    out = arena_alloc(a, sealed.n);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, p + 1 + NONCE,
                                                   sealed.n - 1 - NONCE, id.b, sizeof(id.b), p + 1,
                                                   key->bytes) != 0)
        return false;
    *plain = str_of(out, (size_t)n);
    return true;
}
