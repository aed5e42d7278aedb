#include "hub/net/tls.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/hub/net/support_rig.h"

static struct str ask_tls(const struct pki_cert *identity, int version)
{
    struct client c;
    struct str got = STR("");
    bool clean;

    if (client_connect(&c, rig.tls, true, identity, version)) {
        client_send(&c, STR("GET /big?1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
        got = client_read_all(&c, &rig.arena, &clean);
    }
    client_close(&c);
    return got;
}

static void a_members_certificate_is_let_in_by_tls_1_2_and_1_3(void)
{
    rig_begin(NULL);
    CHECK_STR(body_of(ask_tls(rig.client, TLS1_2_VERSION)), STR("head x tail"));
    CHECK_STR(body_of(ask_tls(rig.client, TLS1_3_VERSION)), STR("head x tail"));
    CU_ASSERT(service_record().last_peer.chain_valid);
    CU_ASSERT_STRING_EQUAL(service_record().last_peer.subject, "CN=hospital");
    CU_ASSERT_EQUAL(net_figures(rig.server).handshakes, 2);
    rig_end();
}

/* No byte of HTTP, in either version, and the reason is told. */
static void check_refused(const struct pki_cert *identity, const char *reason)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        int before = service_record().refused;

        CHECK_STR(ask_tls(identity, versions[i]), STR(""));
        for (int wait = 0; wait < 12000 && service_record().refused == before; wait++)
            usleep(5000);
        CU_ASSERT_EQUAL(service_record().refused, before + 1);
        if (strstr(service_record().last_refusal, reason) == NULL) {
            fprintf(stderr, "refused for %s, not %s\n", service_record().last_refusal, reason);
            CU_FAIL("another reason");
        }
    }
}

static void a_faulty_certificate_gets_no_byte_of_http(void)
{
    const struct pki_cert *old, *early, *server_only, *self_old;

    rig_begin(NULL);
    old = pki_make(&(struct pki_wish){"old", rig.ca, false, -7200, -3600, "clientAuth", false});
    early = pki_make(&(struct pki_wish){"early", rig.ca, false, 3600, 7200, "clientAuth", false});
    server_only = pki_make(&(struct pki_wish){"server", rig.ca, false, 0, 0, "serverAuth", false});
    self_old = pki_make(&(struct pki_wish){"self", NULL, false, -7200, -3600, NULL, false});
    check_refused(NULL, "did not return a certificate");
    check_refused(old, "expired");
    check_refused(early, "not yet valid");
    check_refused(server_only, "purpose");
    check_refused(self_old, "expired");
    CU_ASSERT_EQUAL(service_record().asked, 0);
    CU_ASSERT_EQUAL(service_record().finished, 0);
    rig_end();
}

static void a_certificate_without_a_path_is_left_to_admit(void)
{
    const struct pki_cert *self, *other_ca, *other, *other_old;

    rig_begin(NULL);
    self = pki_make(&(struct pki_wish){.name = "self"});
    other_ca = pki_make(&(struct pki_wish){.name = "other CA", .ca = true});
    other = pki_make(&(struct pki_wish){.name = "other", .issuer = other_ca});
    other_old = pki_make(&(struct pki_wish){"old", other_ca, false, -7200, -3600, NULL, false});
    CU_ASSERT_EQUAL(status_of(ask_tls(self, TLS1_3_VERSION)), 200);
    CU_ASSERT_FALSE(service_record().last_peer.chain_valid);
    CU_ASSERT_EQUAL(status_of(ask_tls(other, TLS1_2_VERSION)), 200);
    CU_ASSERT_FALSE(service_record().last_peer.chain_valid);
    check_refused(other_old, "expired");
    service_suspend(true);
    check_refused(self, "no member");
    check_refused(rig.client, "no member");
    rig_end();
}

static void a_certificate_without_a_path_must_be_good_by_itself(void)
{
    const struct pki_cert *other_ca, *other, *sibling, *server_only;
    struct net_tls_settings with_crl;
    struct errors err;

    rig_begin(NULL);
    errors_init(&err, &rig.arena);
    other_ca = pki_make(&(struct pki_wish){.name = "other CA", .ca = true});
    other = pki_make(&(struct pki_wish){.name = "other", .issuer = other_ca});
    sibling = pki_make(&(struct pki_wish){.name = "sibling", .issuer = other_ca});
    server_only = pki_make(&(struct pki_wish){.name = "server", .usage = "serverAuth"});
    check_refused(server_only, "purpose");
    CU_ASSERT_EQUAL(status_of(ask_tls(other, TLS1_3_VERSION)), 200);
    with_crl = rig.tls_settings;
    with_crl.crl_file = pki_crl_file("other", other_ca, other);
    CU_ASSERT_EQUAL(net_tls_reload(rig.server, &with_crl, &err), OK);
    check_refused(other, "revoked");
    CU_ASSERT_EQUAL(status_of(ask_tls(sibling, TLS1_3_VERSION)), 200);
    CU_ASSERT_FALSE(service_record().last_peer.chain_valid);
    rig_end();
}

/* What is behind the damage would not be looked at: the certificates listed there would get in. */
static void a_crl_file_that_is_damaged_is_refused_as_a_whole(void)
{
    struct net_tls_settings with_crl;
    struct errors err;
    FILE *f;

    rig_begin(NULL);
    errors_init(&err, &rig.arena);
    with_crl = rig.tls_settings;
    with_crl.crl_file = pki_crl_file("damaged", rig.ca, NULL);
    f = fopen(with_crl.crl_file, "ae");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("-----BEGIN X509 CRL-----\nMIIBnot really\n-----END X509 CRL-----\n", f);
    fclose(f);
    CU_ASSERT_NOT_EQUAL(net_tls_reload(rig.server, &with_crl, &err), OK);
    rig_end();
}

static void a_reload_brings_in_a_crl_and_cuts_who_is_on_it(void)
{
    struct net_tls_settings with_crl;
    struct client c, other;
    struct pki_cert *stays;
    struct errors err;
    bool clean;

    rig_begin(NULL);
    errors_init(&err, &rig.arena);
    stays = pki_make(&(struct pki_wish){.name = "stays", .issuer = rig.ca});
    CU_ASSERT(client_connect(&c, rig.tls, true, rig.client, 0));
    CU_ASSERT(client_connect(&other, rig.tls, true, stays, 0));
    client_send(&c, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&c, &rig.arena)), 404);
    with_crl = rig.tls_settings;
    with_crl.crl_file = pki_crl_file("revoked", rig.ca, rig.client);
    CU_ASSERT_EQUAL(net_tls_reload(rig.server, &with_crl, &err), OK);
    CHECK_STR(client_read_all(&c, &rig.arena, &clean), STR(""));
    check_refused(rig.client, "revoked");
    client_send(&other, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_EQUAL(status_of(client_read_response(&other, &rig.arena)), 404);
    client_close(&c);
    client_close(&other);

    with_crl.key_file = rig.tls_settings.ca_file;
    CU_ASSERT_NOT_EQUAL(net_tls_reload(rig.server, &with_crl, &err), OK);
    CU_ASSERT_EQUAL(status_of(ask_tls(stays, 0)), 200);
    rig_end();
}

static void only_tls_1_2_and_1_3_and_the_suites_of_rfc_9325_are_spoken(void)
{
    static const struct {
        const char *suites;
        int version;
        bool works;
    } cases[] = {
        {"DEFAULT@SECLEVEL=0", TLS1_1_VERSION, false},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION, true},
        {"ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, true},
        {"ECDHE-ECDSA-AES128-SHA", TLS1_2_VERSION, false},
        {"AES128-GCM-SHA256", TLS1_2_VERSION, false},
    };

    rig_begin(NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client c;

        client_offer(cases[i].suites, NULL);
        CU_ASSERT_EQUAL(client_connect(&c, rig.tls, true, rig.client, cases[i].version),
                        cases[i].works);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    rig_end();
}

static void dhe_rsa_is_spoken_only_where_it_is_asked_for(void)
{
    static const char *const suites[] = {"DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"};
    struct net_tls_settings rsa;
    struct pki_cert *own;
    struct errors err;

    rig_begin(NULL);
    errors_init(&err, &rig.arena);
    own = pki_make(&(struct pki_wish){.name = "hub", .issuer = rig.ca, .rsa = true});
    rsa = rig.tls_settings;
    rsa.certificate_file = pki_cert_file("rsa", own);
    rsa.key_file = pki_key_file("rsa", own);
    for (int i = 0; i < 4; i++) {
        struct client c;

        rsa.dhe = i % 2 == 1;
        CU_ASSERT_EQUAL(net_tls_reload(rig.server, &rsa, &err), OK);
        client_offer(suites[i / 2], NULL);
        CU_ASSERT_EQUAL(client_connect(&c, rig.tls, true, rig.client, TLS1_2_VERSION), rsa.dhe);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    rig_end();
}

static void alpn_agrees_on_http_1_1_or_refuses(void)
{
    static const struct {
        const char *offer; /* as on the wire */
        bool works;
    } cases[] = {{"\x02h2\x08http/1.1", true}, {"\x02h2", false}};

    rig_begin(NULL);
    for (size_t i = 0; i < 2; i++) {
        struct client c;

        client_offer(NULL, cases[i].offer);
        CU_ASSERT_EQUAL(client_connect(&c, rig.tls, true, rig.client, 0), cases[i].works);
        client_close(&c);
    }
    client_offer(NULL, NULL);
    rig_end();
}

static void no_session_can_be_resumed(void)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    rig_begin(NULL);
    for (size_t i = 0; i < 2; i++) {
        struct client c;

        CU_ASSERT(client_connect(&c, rig.tls, true, rig.client, versions[i]));
        client_send(&c, STR("GET /none HTTP/1.1\r\n" HOST "\r\n"));
        client_read_response(&c, &rig.arena);
        CU_ASSERT_FALSE(SSL_SESSION_is_resumable(SSL_get0_session(c.session)));
        client_close(&c);
    }
    rig_end();
}

static void a_client_cannot_renegotiate(void)
{
    struct client c;

    rig_begin(NULL);
    CU_ASSERT(client_connect(&c, rig.tls, true, rig.client, TLS1_2_VERSION));
    SSL_renegotiate(c.session);
    CU_ASSERT_NOT_EQUAL(SSL_do_handshake(c.session), 1);
    client_close(&c);
    rig_end();
}

static bool is_member(void *context, const struct peer *p)
{
    return p->member_id == *(int64_t *)context;
}

static void a_suspended_members_connections_are_closed_at_once(void)
{
    int64_t other = 8, member = 7;
    struct client idle, busy;
    bool clean;

    rig_begin(NULL);
    CU_ASSERT(client_connect(&idle, rig.tls, true, rig.client, 0));
    CU_ASSERT(client_connect(&busy, rig.tls, true, rig.client, 0));
    client_send(&busy, STR("GET /slow HTTP/1.1\r\n" HOST "\r\n"));
    rig_await_requests(1);
    net_close_peers(rig.server, is_member, &other);
    usleep(20000);
    rig_await_open(2);
    service_suspend(true);
    net_close_peers(rig.server, is_member, &member);
    CHECK_STR(client_read_all(&idle, &rig.arena, &clean), STR(""));
    CHECK_STR(client_read_all(&busy, &rig.arena, &clean), STR(""));
    CU_ASSERT(service_await(1).cancelled == 1 && service_await(1).gone == 1);
    client_close(&idle);
    client_close(&busy);
    rig_end();
}

static void garbage_on_a_tls_port_is_refused(void)
{
    struct client c;
    bool clean;

    rig_begin(NULL);
    client_connect(&c, rig.tls, false, NULL, 0);
    client_send(&c, STR("GET / HTTP/1.1\r\n" HOST "\r\n"));
    CU_ASSERT_FALSE(contains(client_read_all(&c, &rig.arena, &clean), "HTTP"));
    client_close(&c);
    CU_ASSERT_EQUAL(net_figures(rig.server).handshake_failures, 1);
    CU_ASSERT_EQUAL(service_record().refused, 1);
    rig_end();
}

/* --- badssl.com's certificates -----------------------------------------------------------------
 */

/* A key that fits a certificate whose private key nobody has: it signs, though wrongly. The chain
 * is judged before the signature. */
static EVP_PKEY *stand_in(X509 *cert)
{
    EVP_PKEY *public = X509_get0_pubkey(cert), *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(public), NULL);
    BIGNUM *n = NULL, *e = NULL, *fake = BN_new();
    unsigned char point[256];
    char group[64];
    size_t size;
    OSSL_PARAM *params;

    BN_set_word(fake, 65537);
    if (EVP_PKEY_get_base_id(public) == EVP_PKEY_RSA) {
        EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_N, &n);
        EVP_PKEY_get_bn_param(public, OSSL_PKEY_PARAM_RSA_E, &e);
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, fake);
    } else {
        EVP_PKEY_get_group_name(public, group, sizeof(group), NULL);
        EVP_PKEY_get_octet_string_param(public, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                        &size);
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, size);
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, fake);
    }
    params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    BN_free(fake);
    return key;
}

/* OpenSSL asks the C library what time it is, in the threads of the hub too; 0: the real one. */
static _Atomic time_t pretended;

time_t time(time_t *to)
{
    time_t as_if = pretended;
    struct timespec now = {.tv_sec = as_if};

    if (as_if == 0)
        clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL)
        *to = now.tv_sec;
    return now.tv_sec;
}

/* The certificate, and its issuer's where the file has it. */
static X509 *read_chain(const char *path, X509 **issuer)
{
    FILE *f = fopen(path, "re");
    X509 *cert = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    *issuer = cert != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f != NULL)
        fclose(f);
    return cert;
}

enum extra { NOTHING, ISSUER_TRUSTED, LISTED };

struct bad_certificate {
    const char *name;
    time_t at; /* a moment between its dates; 0: now, when all have expired */
    enum extra extra;
    const char *reason;
};

/* The issuer with a key of ours, of the same kind, so that it can sign a list: certificates are
 * looked up in that before their own signatures are checked. */
static struct pki_cert issuer_of_ours(X509 *issuer)
{
    struct pki_cert ours = *pki_make(&(struct pki_wish){.name = "issuer", .rsa = true});

    ours.cert = X509_dup(issuer);
    X509_set_pubkey(ours.cert, ours.key);
    X509_sign(ours.cert, ours.key, EVP_sha256());
    return ours;
}

static void trust_for(const struct bad_certificate *b, const struct pki_cert *given, X509 *issuer)
{
    struct pki_cert signer = {.cert = NULL};
    struct net_tls_settings settings = rig.tls_settings;
    struct errors err;

    errors_init(&err, &rig.arena);
    if (b->extra != NOTHING) {
        signer = b->extra == LISTED ? issuer_of_ours(issuer)
                                    : (struct pki_cert){.cert = X509_dup(issuer)};
        settings.ca_file = pki_cert_file(b->name, &signer);
        settings.crl_file = NULL; /* the rig's own says nothing of this issuer's */
    }
    if (b->extra == LISTED)
        settings.crl_file = pki_crl_file(b->name, &signer, given);
    X509_free(signer.cert);
    CU_ASSERT_EQUAL(net_tls_reload(rig.server, &settings, &err), OK);
}

static void check_bad(const struct bad_certificate *b, const char *path)
{
    X509 *issuer;
    struct pki_cert given = {.cert = read_chain(path, &issuer)};

    CU_ASSERT_PTR_NOT_NULL_FATAL(given.cert);
    given.key = stand_in(given.cert);
    pretended = b->at;
    trust_for(b, &given, issuer);
    check_refused(&given, b->reason);
    pretended = 0;
    EVP_PKEY_free(given.key);
    X509_free(given.cert);
    X509_free(issuer);
}

/* A certificate without a fault of its own gets as far as the proof of its key, which nobody can
 * give; whether it is a member's is for admission to say. */
#define NO_PROOF "signature"

static void certificates_of_the_public_collection_are_refused_for_their_reasons(void)
{
    enum { Y2015 = 1435708800, Y2017 = 1500000000, Y2018 = 1530000000, Y2020 = 1595000000 };
    enum { Y2021 = 1636000000, Y2022 = 1650000000 };
    static const struct bad_certificate table[] = {
        {"wildcard-expired", 0, NOTHING, "expired"},
        {"wildcard-expired", Y2015, NOTHING, "expired"},
        {"wildcard-expired", Y2015, ISSUER_TRUSTED, "expired"},
        {"wildcard-ecc256", Y2018, ISSUER_TRUSTED, "not yet valid"},
        {"wildcard-sha1-2016", Y2015, ISSUER_TRUSTED, "digest algorithm too weak"},
        {"wildcard-sha1-2017", Y2015, ISSUER_TRUSTED, "digest algorithm too weak"},
        {"subdomain-revoked", Y2021, LISTED, "revoked"},
        {"wildcard-self-signed", 0, NOTHING, "expired"},
        {"wildcard-self-signed", Y2017, NOTHING, NO_PROOF},
        {"wildcard-incomplete-chain", Y2020, NOTHING, NO_PROOF},
        {"wildcard-sha1-intermediate", Y2018, NOTHING, NO_PROOF},
        {"wildcard-rsa8192", Y2022, NOTHING, NO_PROOF},
        {"wildcard-ecc256", Y2020, ISSUER_TRUSTED, NO_PROOF},
        {"wildcard-ecc384", Y2020, ISSUER_TRUSTED, NO_PROOF},
        {"subdomain-superfish", 1550000000, NOTHING, NO_PROOF},
        {"subdomain-edellroot", 1550000000, NOTHING, NO_PROOF},
        {"subdomain-dsdtestprovider", 1550000000, NOTHING, NO_PROOF},
        {"subdomain-no-subject", Y2018, NOTHING, NO_PROOF},
        {"subdomain-no-common-name", Y2018, NOTHING, NO_PROOF},
        {"subdomain-extended-validation", 1600000000, NOTHING, NO_PROOF},
        {"subdomain-1000-sans", Y2020, NOTHING, NO_PROOF},
    };

    rig_begin(NULL);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char file[256];
        const char *path;

        snprintf(file, sizeof(file), "security/badssl-certs/certs/sets/prod/pregen/chain/%s.pem",
                 table[i].name);
        path = test_data(file);
        if (path == NULL)
            break;
        check_bad(&table[i], path);
    }
    rig_end();
}

SUITE(test_tls, CASE(a_members_certificate_is_let_in_by_tls_1_2_and_1_3),
      CASE(a_faulty_certificate_gets_no_byte_of_http),
      CASE(a_certificate_without_a_path_is_left_to_admit),
      CASE(a_certificate_without_a_path_must_be_good_by_itself),
      CASE(a_crl_file_that_is_damaged_is_refused_as_a_whole),
      CASE(a_reload_brings_in_a_crl_and_cuts_who_is_on_it),
      CASE(a_suspended_members_connections_are_closed_at_once),
      CASE(only_tls_1_2_and_1_3_and_the_suites_of_rfc_9325_are_spoken),
      CASE(dhe_rsa_is_spoken_only_where_it_is_asked_for), CASE(alpn_agrees_on_http_1_1_or_refuses),
      CASE(no_session_can_be_resumed), CASE(a_client_cannot_renegotiate),
      CASE(garbage_on_a_tls_port_is_refused),
      CASE(certificates_of_the_public_collection_are_refused_for_their_reasons));
