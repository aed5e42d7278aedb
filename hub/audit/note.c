#include "hub/audit/note.h"

#include <sodium.h>

#include "hub/base/hex.h"
#include "hub/base/json_text.h"

static const struct str DASH = {"\xe2\x80\x94 ", 4};

enum { TIMESTAMP = 8, ID = 4 };

struct str note_base64(struct arena *a, struct str bytes)
{
    size_t room = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);
    char *p = arena_alloc(a, room);

    sodium_bin2base64(p, room, (const unsigned char *)bytes.p, bytes.n,
                      sodium_base64_VARIANT_ORIGINAL);
    return str_from(p);
}

bool merkle_hash_parse(struct arena *a, struct str base64, struct merkle_hash *out)
{
    struct str bytes;

    if (base64.n != 44 || !base64_decode(a, base64, &bytes) || bytes.n != MERKLE_HASH)
        return false;
    memcpy(out->b, bytes.p, MERKLE_HASH);
    return true;
}

/* --- keys ---------------------------------------------------------------------------------- */

bool note_key_name_valid(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] > '~' || name.p[i] == '+')
            return false;
    return name.n > 0 && name.n <= 200;
}

/* The first four bytes of SHA-256(name || 0x0A || type || public key). */
static uint32_t key_id(struct str name, enum note_key_type type, const unsigned char *public_key)
{
    unsigned char byte = (unsigned char)type, digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state s;

    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const unsigned char *)name.p, name.n);
    crypto_hash_sha256_update(&s, (const unsigned char *)"\n", 1);
    crypto_hash_sha256_update(&s, &byte, 1);
    crypto_hash_sha256_update(&s, public_key, NOTE_PUBLIC_KEY);
    crypto_hash_sha256_final(&s, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

struct note_key note_key_of(struct str name, enum note_key_type type,
                            const unsigned char public_key[NOTE_PUBLIC_KEY])
{
    struct note_key key = {.name = name, .type = type, .id = key_id(name, type, public_key)};

    memcpy(key.public_key, public_key, NOTE_PUBLIC_KEY);
    return key;
}

bool note_key_parse(struct arena *a, struct str vkey, struct note_key *out)
{
    struct str rest = vkey, name = str_cut(&rest, '+'), id = str_cut(&rest, '+'), bytes;
    unsigned char named[ID], type;

    if (!note_key_name_valid(name) || !hex_decode(id, named, ID) || rest.p == NULL ||
        !base64_decode(a, rest, &bytes) || bytes.n != 1 + NOTE_PUBLIC_KEY)
        return false;
    type = (unsigned char)bytes.p[0];
    if (type != NOTE_LOG && type != NOTE_COSIGNER)
        return false;
    *out = note_key_of(name, type, (const unsigned char *)bytes.p + 1);
    return out->id == ((uint32_t)named[0] << 24 | (uint32_t)named[1] << 16 |
                       (uint32_t)named[2] << 8 | named[3]);
}

struct str note_key_text(struct arena *a, const struct note_key *key)
{
    unsigned char bytes[1 + NOTE_PUBLIC_KEY] = {(unsigned char)key->type};
    struct str text;

    memcpy(bytes + 1, key->public_key, NOTE_PUBLIC_KEY);
    text = note_base64(a, str_of(bytes, sizeof(bytes)));
    return str_printf(a, "%.*s+%08x+%.*s", STR_ARG(key->name), (unsigned)key->id, STR_ARG(text));
}

/* --- notes --------------------------------------------------------------------------------- */

static bool signature_parse(struct arena *a, struct str line, struct note_signature *out)
{
    struct str rest, bytes;
    const unsigned char *b;

    if (!str_starts(line, DASH))
        return false;
    out->line = line;
    rest = str_slice(line, DASH.n, line.n);
    out->name = str_cut(&rest, ' ');
    if (out->name.n == 0 || str_find(out->name, '+') >= 0 || rest.p == NULL ||
        str_find(rest, ' ') >= 0 || !base64_decode(a, rest, &bytes) || bytes.n <= ID)
        return false;
    b = (const unsigned char *)bytes.p;
    out->id = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    out->bytes = str_slice(bytes, ID, bytes.n);
    return true;
}

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\n')
            return false;
    return utf8_valid(s);
}

/* The length of the text: what stands before the last empty line, its newline included. */
static size_t text_length(struct str bytes)
{
    for (size_t i = bytes.n; i-- > 1;)
        if (bytes.p[i] == '\n' && bytes.p[i - 1] == '\n')
            return i;
    return 0;
}

bool note_parse(struct arena *a, struct str bytes, struct note *out)
{
    size_t n = bytes.n <= NOTE_MAX ? text_length(bytes) : 0;
    struct str rest;

    *out = (struct note){0};
    if (n == 0 || bytes.p[bytes.n - 1] != '\n' || !printable(bytes))
        return false;
    out->text = str_slice(bytes, 0, n);
    rest = str_slice(bytes, n + 1, bytes.n - 1);
    while (rest.n > 0) {
        if (out->signature_count == NOTE_SIGNATURES_MAX ||
            !signature_parse(a, str_cut(&rest, '\n'), &out->signatures[out->signature_count++]))
            return false;
    }
    return out->signature_count > 0;
}

/* --- signatures ---------------------------------------------------------------------------- */

static struct str cosigned(struct arena *a, struct str text, uint64_t time_s)
{
    return str_printf(a, "cosignature/v1\ntime %llu\n%.*s", (unsigned long long)time_s,
                      STR_ARG(text));
}

static uint64_t timestamp(struct str bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < TIMESTAMP; i++)
        v = v << 8 | (unsigned char)bytes.p[i];
    return v;
}

static bool verifies(struct str message, const char *signature, const struct note_key *key)
{
    return crypto_sign_verify_detached((const unsigned char *)signature,
                                       (const unsigned char *)message.p, message.n,
                                       key->public_key) == 0;
}

static bool signed_by(const struct note *note, const struct note_signature *s,
                      const struct note_key *key, int64_t *time_s)
{
    struct arena a;
    uint64_t at;
    bool good;

    if (key->type == NOTE_LOG)
        return s->bytes.n == crypto_sign_BYTES && verifies(note->text, s->bytes.p, key);
    if (s->bytes.n != TIMESTAMP + crypto_sign_BYTES)
        return false;
    at = timestamp(s->bytes);
    if (at > INT64_MAX)
        return false;
    arena_init(&a);
    good = verifies(cosigned(&a, note->text, at), s->bytes.p + TIMESTAMP, key);
    arena_dispose(&a);
    if (time_s != NULL)
        *time_s = (int64_t)at;
    return good;
}

enum note_verdict note_verify(const struct note *note, const struct note_key *key, int64_t *time_s)
{
    enum note_verdict verdict = NOTE_UNSIGNED;

    for (size_t i = 0; i < note->signature_count; i++) {
        const struct note_signature *s = &note->signatures[i];

        if (s->id != key->id || !str_eq(s->name, key->name))
            continue;
        if (!signed_by(note, s, key, time_s))
            return NOTE_FORGED;
        verdict = NOTE_GOOD;
    }
    return verdict;
}

static struct str signature_line(struct arena *a, const struct note_key *key, struct str bytes)
{
    unsigned char raw[ID + TIMESTAMP + crypto_sign_BYTES];
    struct str text;

    for (int i = 0; i < ID; i++)
        raw[i] = (unsigned char)(key->id >> (24 - 8 * i));
    memcpy(raw + ID, bytes.p, bytes.n);
    text = note_base64(a, str_of(raw, ID + bytes.n));
    return str_printf(a, "%.*s%.*s %.*s", STR_ARG(DASH), STR_ARG(key->name), STR_ARG(text));
}

struct str note_sign(struct arena *a, struct str text, struct str name,
                     const unsigned char secret[NOTE_SECRET_KEY])
{
    struct note_key key = note_key_of(name, NOTE_LOG, secret + NOTE_SECRET_KEY - NOTE_PUBLIC_KEY);
    unsigned char signature[crypto_sign_BYTES];
    struct str line;

    crypto_sign_detached(signature, NULL, (const unsigned char *)text.p, text.n, secret);
    line = signature_line(a, &key, str_of(signature, sizeof(signature)));
    return str_printf(a, "%.*s\n%.*s\n", STR_ARG(text), STR_ARG(line));
}

struct str note_cosign(struct arena *a, struct str text, struct str name, int64_t time_s,
                       const unsigned char secret[NOTE_SECRET_KEY])
{
    struct note_key key =
        note_key_of(name, NOTE_COSIGNER, secret + NOTE_SECRET_KEY - NOTE_PUBLIC_KEY);
    struct str message = cosigned(a, text, (uint64_t)time_s);
    unsigned char bytes[TIMESTAMP + crypto_sign_BYTES];

    for (int i = 0; i < TIMESTAMP; i++)
        bytes[i] = (unsigned char)((uint64_t)time_s >> (56 - 8 * i));
    crypto_sign_detached(bytes + TIMESTAMP, NULL, (const unsigned char *)message.p, message.n,
                         secret);
    return signature_line(a, &key, str_of(bytes, sizeof(bytes)));
}

/* --- checkpoints --------------------------------------------------------------------------- */

struct str checkpoint_write(struct arena *a, const struct checkpoint *c)
{
    struct str root = note_base64(a, str_of(c->root.b, MERKLE_HASH));

    return str_printf(a, "%.*s\n%llu\n%.*s\n", STR_ARG(c->origin), (unsigned long long)c->size,
                      STR_ARG(root));
}

static bool size_parse(struct str text, uint64_t *out)
{
    return (text.n == 1 || (text.n > 1 && text.p[0] != '0')) && str_to_u64(text, out) &&
           *out < UINT64_C(1) << MERKLE_HEIGHT_MAX;
}

bool checkpoint_parse(struct arena *a, struct str text, struct checkpoint *out)
{
    struct str rest = text;

    *out = (struct checkpoint){.origin = str_cut(&rest, '\n')};
    return out->origin.n > 0 && size_parse(str_cut(&rest, '\n'), &out->size) && rest.p != NULL &&
           merkle_hash_parse(a, str_cut(&rest, '\n'), &out->root);
}
