#include "hub/audit/note.h"

#include <sodium.h>

#include "hub/base/hex.h"
#include "tests/support/suite.h"

/* The examples of C2SP signed-note and tlog-cosignature. */
static const char example[] =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\xe2\x80\x94 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\xe2\x80\x94 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUB"
    "kBIfZ+qnA==\n";

struct keys {
    struct arena arena;
    unsigned char public_key[NOTE_PUBLIC_KEY], secret[NOTE_SECRET_KEY];
};

static void set_up(struct keys *k)
{
    unsigned char seed[crypto_sign_SEEDBYTES] = {7};

    CU_ASSERT(sodium_init() >= 0);
    arena_init(&k->arena);
    crypto_sign_seed_keypair(k->public_key, k->secret, seed);
}

static void reads_the_checkpoint_of_c2sp(void)
{
    struct keys k;
    struct note n;
    struct checkpoint c;

    set_up(&k);
    CU_ASSERT_FATAL(note_parse(&k.arena, str_from(example), &n));
    CU_ASSERT_EQUAL(n.signature_count, 2);
    CHECK_STR(n.signatures[1].name, STR("witness.example.com/w1"));
    CU_ASSERT_EQUAL(n.signatures[1].id, 0x8d66cf3fu);
    CU_ASSERT_EQUAL(n.signatures[1].bytes.n, 72);
    CU_ASSERT_FATAL(checkpoint_parse(&k.arena, n.text, &c));
    CHECK_STR(c.origin, STR("example.com/behind-the-sofa"));
    CU_ASSERT_EQUAL(c.size, 20852163);
    CHECK_STR(checkpoint_write(&k.arena, &c), n.text);
    arena_dispose(&k.arena);
}

/* PeterNeumann of golang.org/x/mod/sumdb/note: a key, its text and its signature made elsewhere. */
static void verifies_a_note_that_another_program_signed(void)
{
    static const char text[] =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "\xe2\x80\x94 PeterNeumann "
        "x08go/ZJkuBS9UG/"
        "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM"
        "=\n";
    struct keys k;
    struct note_key key;
    struct note n;

    set_up(&k);
    CU_ASSERT_FATAL(note_key_parse(
        &k.arena, STR("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &key));
    CU_ASSERT_FATAL(note_parse(&k.arena, str_from(text), &n));
    CU_ASSERT_EQUAL(note_verify(&n, &key, NULL), NOTE_GOOD);
    arena_dispose(&k.arena);
}

static void what_was_signed_verifies_and_what_was_altered_does_not(void)
{
    struct keys k;
    struct note n;
    struct note_key key;
    struct str signed_note;

    set_up(&k);
    key = note_key_of(STR("example.org/log"), NOTE_LOG, k.public_key);
    signed_note = note_sign(&k.arena, STR("example.org/log\n1\nx\n"), key.name, k.secret);
    CU_ASSERT_FATAL(note_parse(&k.arena, signed_note, &n));
    CU_ASSERT_EQUAL(note_verify(&n, &key, NULL), NOTE_GOOD);
    ((char *)n.text.p)[16] = '2';
    CU_ASSERT_EQUAL(note_verify(&n, &key, NULL), NOTE_FORGED);
    key = note_key_of(STR("example.org/other"), NOTE_LOG, k.public_key);
    CU_ASSERT_EQUAL(note_verify(&n, &key, NULL), NOTE_UNSIGNED);
    arena_dispose(&k.arena);
}

static void a_cosignature_says_when_and_binds_it(void)
{
    struct keys k;
    struct note n;
    struct note_key key;
    struct str text = STR("example.org/log\n1\nx\n"), line;
    int64_t at = 0;

    set_up(&k);
    key = note_key_of(STR("member.example/w1"), NOTE_COSIGNER, k.public_key);
    line = note_cosign(&k.arena, text, key.name, 1679315147, k.secret);
    CU_ASSERT_FATAL(note_parse(&k.arena,
                               str_printf(&k.arena, "%.*s\n%.*s\n", STR_ARG(text), STR_ARG(line)),
                               &n));
    CU_ASSERT_EQUAL(note_verify(&n, &key, &at), NOTE_GOOD);
    CU_ASSERT_EQUAL(at, 1679315147);
    ((char *)n.signatures[0].bytes.p)[7] ^= 1;
    CU_ASSERT_EQUAL(note_verify(&n, &key, &at), NOTE_FORGED);
    arena_dispose(&k.arena);
}

static void a_key_is_read_as_it_was_written(void)
{
    static const enum note_key_type types[] = {NOTE_LOG, NOTE_COSIGNER};
    struct keys k;

    set_up(&k);
    for (size_t i = 0; i < 2; i++) {
        struct note_key key = note_key_of(STR("oid/1.2.3/audit"), types[i], k.public_key), read;
        struct str text = note_key_text(&k.arena, &key);

        CU_ASSERT_FATAL(note_key_parse(&k.arena, text, &read));
        CU_ASSERT(read.type == types[i] && read.id == key.id);
        ((char *)text.p)[text.n - 3] ^= 1;
        CU_ASSERT_FALSE(note_key_parse(&k.arena, text, &read));
    }
    arena_dispose(&k.arena);
}

static void refuses_what_is_no_note(void)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "text without a signature\n",
        "text\n\n",
        "text\n\n\xe2\x80\x94 name\n",
        "text\n\n\xe2\x80\x94 name AAAA\n",
        "text\n\n\xe2\x80\x94 name AAAAAAAA",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        "te\txt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        "te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
    };
    struct keys k;
    struct note n;

    set_up(&k);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_FALSE(note_parse(&k.arena, str_from(wrong[i]), &n));
    CU_ASSERT(note_parse(&k.arena, STR("text\n\n\xe2\x80\x94 name AAAAAAAA\n"), &n));
    arena_dispose(&k.arena);
}

static void refuses_a_size_that_is_not_plain_decimal(void)
{
    static const char *const wrong[] = {"", "01", "-1", "1 ", "99999999999999999999"};
    struct keys k;
    struct checkpoint c;

    set_up(&k);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_FALSE(checkpoint_parse(
            &k.arena,
            str_printf(&k.arena, "o\n%s\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", wrong[i]),
            &c));
    arena_dispose(&k.arena);
}

SUITE(test_note, CASE(reads_the_checkpoint_of_c2sp),
      CASE(verifies_a_note_that_another_program_signed),
      CASE(what_was_signed_verifies_and_what_was_altered_does_not),
      CASE(a_cosignature_says_when_and_binds_it), CASE(a_key_is_read_as_it_was_written),
      CASE(refuses_what_is_no_note), CASE(refuses_a_size_that_is_not_plain_decimal));
