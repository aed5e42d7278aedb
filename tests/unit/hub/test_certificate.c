#include "hub/certificate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "tests/support/suite.h"

/* P-256, CN=st-mary,O=Example; 2026-01-01 to 2036-01-01; made for this test. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBNDCB26ADAgECAgEBMAoGCCqGSM49BAMCMCQxEDAOBgNVBAMMB3N0LW1hcnkx\n"
                          "EDAOBgNVBAoMB0V4YW1wbGUwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAw\n"
                          "WjAkMRAwDgYDVQQDDAdzdC1tYXJ5MRAwDgYDVQQKDAdFeGFtcGxlMFkwEwYHKoZI\n"
                          "zj0CAQYIKoZIzj0DAQcDQgAED5obvfsOUNbJOLbCbTbAeVDd5d28uucyDYzJRRl4\n"
                          "5ibtdpTV6luIGnbupDMArFPE4dseqfcq+/wf84NckwJUEzAKBggqhkjOPQQDAgNI\n"
                          "ADBFAiBx7yjug3uFjH5noitgPTvYzu/Qsx4k5R0fWXjdlrFVyQIhANdHr4DzzkWB\n"
                          "VzwCyK1t3Ejzp3qk3qkpWtZl+MINAbpb\n"
                          "-----END CERTIFICATE-----\n";
static const char fingerprint[] =
    "b17999064e18db3146ae18bc26a637dbe142530391624e5925224308dcafe41d";
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmTbJvt6lOA8XGOla\n"
                              "SNL6PkTv7b79nknMDzpzB9ihXt2hRANCAAQPmhu9+w5Q1sk4tsJtNsB5UN3l3by6\n"
                              "5zINjMlFGXjmJu12lNXqW4gadu6kMwCsU8Th2x6p9yr7/B/zg1yTAlQT\n"
                              "-----END PRIVATE KEY-----\n";

struct bench {
    struct arena arena;
    struct errors err;
    char path[32];
};

/* A file with this content, until close. */
static void set_up(struct bench *t, const char *content, size_t n)
{
    int fd;

    *t = (struct bench){.path = "/tmp/causeway-cert-XXXXXX"};
    arena_init(&t->arena);
    errors_init(&t->err, &t->arena);
    fd = mkstemp(t->path);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, content, n) == (ssize_t)n);
    close(fd);
}

static void tear_down(struct bench *t)
{
    unlink(t->path);
    arena_dispose(&t->arena);
}

static void a_pem_file_is_described_as_openssl_does(void)
{
    unsigned char wanted[32];
    struct certificate c;
    struct bench t;

    set_up(&t, pem, sizeof(pem) - 1);
    CU_ASSERT_EQUAL_FATAL(certificate_read(&t.arena, t.path, &c, &t.err), OK);
    CHECK_STR(c.subject, STR("O=Example,CN=st-mary"));
    CHECK_STR(c.issuer, c.subject);
    CU_ASSERT(fingerprint_parse(str_from(fingerprint), wanted));
    CU_ASSERT(memcmp(c.fingerprint, wanted, 32) == 0);
    CHECK_STR(clock_iso(&t.arena, c.not_before_us), STR("2026-01-01T00:00:00.000000Z"));
    CHECK_STR(clock_iso(&t.arena, c.not_after_us), STR("2036-01-01T00:00:00.000000Z"));
    tear_down(&t);
}

static void der_reads_like_pem(void)
{
    struct certificate c, again;
    struct bench t, der;

    set_up(&t, pem, sizeof(pem) - 1);
    CU_ASSERT_EQUAL_FATAL(certificate_read(&t.arena, t.path, &c, &t.err), OK);
    set_up(&der, c.der.p, c.der.n);
    CU_ASSERT_EQUAL(certificate_read(&der.arena, der.path, &again, &der.err), OK);
    CU_ASSERT(memcmp(c.fingerprint, again.fingerprint, 32) == 0);
    tear_down(&der);
    tear_down(&t);
}

static void what_is_no_certificate_is_refused_by_name(void)
{
    static const char *const contents[] = {"", "hello", key_pem,
                                           "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                           "-----END CERTIFICATE-----\n"};
    struct certificate c;
    struct bench t;

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        set_up(&t, contents[i], strlen(contents[i]));
        CU_ASSERT_EQUAL(certificate_read(&t.arena, t.path, &c, &t.err), INVALID);
        CU_ASSERT(str_starts(t.err.first->text, str_from(t.path)));
        tear_down(&t);
    }
}

static void a_certificate_is_usable_until_its_last_second(void)
{
    struct certificate c;
    struct bench t;

    set_up(&t, pem, sizeof(pem) - 1);
    CU_ASSERT_EQUAL_FATAL(certificate_read(&t.arena, t.path, &c, &t.err), OK);
    CU_ASSERT_EQUAL(certificate_usable(&c, t.path, c.not_after_us, &t.err), OK);
    CU_ASSERT_EQUAL(certificate_usable(&c, t.path, c.not_after_us + 1, &t.err), INVALID);
    tear_down(&t);
}

static void a_key_is_told_from_another(void)
{
    struct certificate c;
    struct bench t, key;
    bool matches = false;

    set_up(&t, pem, sizeof(pem) - 1);
    set_up(&key, key_pem, sizeof(key_pem) - 1);
    CU_ASSERT_EQUAL_FATAL(certificate_read(&t.arena, t.path, &c, &t.err), OK);
    CU_ASSERT_EQUAL(certificate_key_matches(&c, key.path, &matches, &t.err), OK);
    CU_ASSERT(matches);
    CU_ASSERT_EQUAL(certificate_key_matches(&c, t.path, &matches, &t.err), INVALID);
    tear_down(&key);
    tear_down(&t);
}

static void a_self_signed_certificate_chains_to_itself_only(void)
{
    struct certificate_trust none = {.ca_file = "/dev/null"};
    struct certificate_trust itself = {0};
    struct certificate c;
    struct bench t;

    set_up(&t, pem, sizeof(pem) - 1);
    itself.ca_file = t.path;
    CU_ASSERT_EQUAL_FATAL(certificate_read(&t.arena, t.path, &c, &t.err), OK);
    CU_ASSERT_PTR_NULL(
        certificate_chain_fault(&c, &itself, CERTIFICATE_CLIENT, c.not_before_us + 1));
    CU_ASSERT_PTR_NOT_NULL(
        certificate_chain_fault(&c, &itself, CERTIFICATE_CLIENT, c.not_after_us + US_PER_SECOND));
    CU_ASSERT_PTR_NOT_NULL(
        certificate_chain_fault(&c, &none, CERTIFICATE_CLIENT, c.not_before_us + 1));
    tear_down(&t);
}

static void a_fingerprint_is_64_digits_with_or_without_colons(void)
{
    unsigned char a[32], b[32];

    CU_ASSERT(fingerprint_parse(str_from(fingerprint), a));
    CU_ASSERT(fingerprint_parse(STR("00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                                    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"),
                                b));
    CU_ASSERT(b[0] == 0 && b[15] == 0xff && b[31] == 0xff);
    CU_ASSERT_FALSE(fingerprint_parse(STR(""), a));
    CU_ASSERT_FALSE(fingerprint_parse(str_slice(str_from(fingerprint), 0, 63), a));
    CU_ASSERT_FALSE(
        fingerprint_parse(STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0"),
                          a));
    CU_ASSERT_FALSE(
        fingerprint_parse(STR("00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg"),
                          a));
}

SUITE(test_certificate, CASE(a_pem_file_is_described_as_openssl_does), CASE(der_reads_like_pem),
      CASE(what_is_no_certificate_is_refused_by_name),
      CASE(a_certificate_is_usable_until_its_last_second), CASE(a_key_is_told_from_another),
      CASE(a_self_signed_certificate_chains_to_itself_only),
      CASE(a_fingerprint_is_64_digits_with_or_without_colons));
