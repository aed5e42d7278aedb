#include "hub/audit/record_cipher.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/suite.h"

static const unsigned char master_key[32] = "a master key for tests, 32 byte";
static const unsigned char other_key[32] = "another master key, also 32 byte";
static const struct audit_position position = {.pkey = -5, .at_us = 1795359845123456, .id = {{7}}};
static const struct str plain = {"{\"v\":1}", 7};

/* A sealed record whose bytes the case may alter. */
struct bench {
    struct arena arena;
    struct sealed_record sealed;
};

static void set_up(struct bench *t)
{
    CU_ASSERT(sodium_init() >= 0);
    record_cipher_init(master_key);
    arena_init(&t->arena);
    record_seal(&t->arena, &position, plain, &t->sealed);
}

static bool unseals(struct bench *t, const struct audit_position *at)
{
    struct str out;
    bool genuine = record_unseal(&t->arena, at, &t->sealed, &out);

    if (genuine)
        CHECK_STR(out, plain);
    else
        CU_ASSERT_PTR_NULL(out.p);
    return genuine;
}

static void a_sealed_record_is_read_back(void)
{
    struct bench t;

    set_up(&t);
    CU_ASSERT(unseals(&t, &position));
    CU_ASSERT(str_find_str(t.sealed.record, plain) < 0);
    arena_dispose(&t.arena);
}

static void the_leaf_is_the_hash_of_zero_and_the_stored_bytes(void)
{
    struct bench t;
    unsigned char hash[32];
    struct strbuf b;

    set_up(&t);
    b = strbuf_on(&t.arena, 64);
    strbuf_addc(&b, '\0');
    strbuf_add(&b, t.sealed.record);
    crypto_hash_sha256(hash, (const unsigned char *)b.p, b.n);
    CU_ASSERT(memcmp(hash, t.sealed.leaf_hash, 32) == 0);
    arena_dispose(&t.arena);
}

static void a_record_altered_anywhere_is_refused(void)
{
    struct bench t;

    set_up(&t);
    for (size_t i = 0; i < t.sealed.record.n; i++) {
        char *byte = (char *)t.sealed.record.p + i;

        *byte ^= 1;
        CU_ASSERT_FALSE(unseals(&t, &position)); /* the leaf no longer fits */
        record_leaf_hash(t.sealed.record, t.sealed.leaf_hash);
        CU_ASSERT_FALSE(unseals(&t, &position)); /* nor the tag, if the leaf is altered too */
        *byte ^= 1;
        record_leaf_hash(t.sealed.record, t.sealed.leaf_hash);
    }
    CU_ASSERT(unseals(&t, &position));
    arena_dispose(&t.arena);
}

static void a_record_moved_to_another_row_is_refused(void)
{
    struct bench t;
    struct audit_position moved = position;

    set_up(&t);
    moved.pkey = 5;
    CU_ASSERT_FALSE(unseals(&t, &moved));
    moved = position;
    moved.at_us++;
    CU_ASSERT_FALSE(unseals(&t, &moved));
    moved = position;
    moved.id.b[15]++;
    CU_ASSERT_FALSE(unseals(&t, &moved));
    arena_dispose(&t.arena);
}

static void a_record_of_another_key_or_without_one_is_refused(void)
{
    struct bench t;

    set_up(&t);
    record_cipher_init(other_key);
    CU_ASSERT_FALSE(unseals(&t, &position));
    record_cipher_init(master_key);
    CU_ASSERT(unseals(&t, &position));
    for (size_t i = 0; i < t.sealed.key.n; i++) {
        ((char *)t.sealed.key.p)[i] ^= 1;
        CU_ASSERT_FALSE(unseals(&t, &position));
        ((char *)t.sealed.key.p)[i] ^= 1;
    }
    t.sealed.key = STR_NONE;
    CU_ASSERT_FALSE(unseals(&t, &position));
    arena_dispose(&t.arena);
}

static void a_record_cut_short_is_refused(void)
{
    struct bench t;

    set_up(&t);
    while (t.sealed.record.n > 0) {
        t.sealed.record.n--;
        record_leaf_hash(t.sealed.record, t.sealed.leaf_hash);
        CU_ASSERT_FALSE(unseals(&t, &position));
    }
    arena_dispose(&t.arena);
}

SUITE(test_record_cipher, CASE(a_sealed_record_is_read_back),
      CASE(the_leaf_is_the_hash_of_zero_and_the_stored_bytes),
      CASE(a_record_altered_anywhere_is_refused), CASE(a_record_moved_to_another_row_is_refused),
      CASE(a_record_of_another_key_or_without_one_is_refused), CASE(a_record_cut_short_is_refused));
