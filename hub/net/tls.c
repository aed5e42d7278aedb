#include "hub/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_BYTES_MAX = 64 * 1024, CHAIN_DEPTH_MAX = 6 };

/* RFC 9325 section 4.2; the RSA ones with GCM are those that ITI-19 names. */
#define SUITES                                                                                     \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SUITES_DHE ":DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"

struct tls {
    atomic_int references;
    SSL_CTX *context;
    STACK_OF(X509_CRL) * crls;
};

/* ---- the client's certificate ---- */

/* Faults of the path to a CA, not of the certificate itself. */
static bool is_path_fault(int error)
{
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        return true;
    default:
        return false;
    }
}

/* Faults of a CRL, or of its absence. */
static bool is_crl_fault(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return true;
    default:
        return false;
    }
}

static struct tls_verdict *verdict_of(X509_STORE_CTX *xs)
{
    SSL *session = X509_STORE_CTX_get_ex_data(xs, SSL_get_ex_data_X509_STORE_CTX_idx());

    return SSL_get_app_data(session);
}

/* Called for each fault that the verification finds: 1 goes on, 0 refuses. A faulty CA only means
 * that there is no path, unless it is revoked: that casts doubt on what it issued. Without a path a
 * CRL cannot be verified; the operator's file is then taken at its word. */
static int judge_fault(int ok, X509_STORE_CTX *xs)
{
    struct tls_verdict *v = verdict_of(xs);
    int error = X509_STORE_CTX_get_error(xs);
    bool of_ca = X509_STORE_CTX_get_error_depth(xs) > 0;

    if (ok)
        return 1;
    if (is_path_fault(error) || (of_ca && error != X509_V_ERR_CERT_REVOKED) ||
        (v->no_path && is_crl_fault(error))) {
        v->no_path = true;
        return 1;
    }
    v->refusal = X509_verify_cert_error_string(error);
    return 0;
}

static bool listed(const struct tls *t, X509 *certificate)
{
    X509_REVOKED *entry;

    for (int i = 0; i < sk_X509_CRL_num(t->crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(t->crls, i);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(certificate)) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, certificate) == 1)
            return true;
    }
    return false;
}

/* What the certificate must be by itself, however far OpenSSL's search for a path went. */
static int own_fault(const struct tls *t, X509 *certificate)
{
    if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        return X509_V_ERR_CERT_NOT_YET_VALID;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        return X509_V_ERR_CERT_HAS_EXPIRED;
    if (X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) != 1)
        return X509_V_ERR_INVALID_PURPOSE;
    return listed(t, certificate) ? X509_V_ERR_CERT_REVOKED : X509_V_OK;
}

/* A stranger's certificate is named in the record of the refusal. */
static int refuse(struct tls_verdict *v, X509_STORE_CTX *xs, int error)
{
    unsigned size = sizeof(v->fingerprint);

    if (v->refusal == NULL)
        v->refusal = X509_verify_cert_error_string(error);
    X509_digest(X509_STORE_CTX_get0_cert(xs), EVP_sha256(), v->fingerprint, &size);
    return 0;
}

static int verify_client(X509_STORE_CTX *xs, void *tls)
{
    struct tls_verdict *v = verdict_of(xs);
    int error;

    *v = (struct tls_verdict){0};
    X509_STORE_CTX_set_verify_cb(xs, judge_fault);
    if (X509_verify_cert(xs) <= 0)
        return refuse(v, xs, X509_STORE_CTX_get_error(xs));
    error = own_fault(tls, X509_STORE_CTX_get0_cert(xs));
    X509_STORE_CTX_set_error(xs, error); /* decides which alert the client gets */
    return error == X509_V_OK ? 1 : refuse(v, xs, error);
}

/* ---- the context ---- */

static int choose_protocol(SSL *session, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *offered, unsigned int size, void *arg)
{
    static const unsigned char http11[] = "\x08http/1.1";

    (void)session, (void)arg;
    if (SSL_select_next_proto((unsigned char **)out, out_size, http11, sizeof(http11) - 1, offered,
                              size) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 section 3.2 */
}

static enum status fail_openssl(struct errors *err, const char *what, const char *file)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

    return fail(err, INVALID, "tls", "%s %s: %s", what, file ? file : "(not set)",
                reason ? reason : "cannot be used");
}

static enum status set_identity(SSL_CTX *c, const struct net_tls_settings *s, struct errors *err)
{
    if (s->certificate_file == NULL ||
        SSL_CTX_use_certificate_chain_file(c, s->certificate_file) != 1)
        return fail_openssl(err, "the certificate file", s->certificate_file);
    if (s->key_file == NULL || SSL_CTX_use_PrivateKey_file(c, s->key_file, SSL_FILETYPE_PEM) != 1)
        return fail_openssl(err, "the key file", s->key_file);
    if (SSL_CTX_check_private_key(c) != 1)
        return fail_openssl(err, "the key does not belong to the certificate: key file",
                            s->key_file);
    return OK;
}

/* PEM_read gives up at the end of the file, which is an error to it, and at anything damaged. */
static bool stopped_at_the_end(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static enum status load_crls(struct tls *t, const char *file, struct errors *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(t->context);
    BIO *in = BIO_new_file(file, "r");
    X509_CRL *crl;

    if (in == NULL)
        return fail_openssl(err, "the CRL file", file);
    while ((crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)) != NULL) {
        must(sk_X509_CRL_push(t->crls, crl) > 0, "out of memory");
        X509_STORE_add_crl(store, crl);
    }
    BIO_free(in);
    if (!stopped_at_the_end())
        return fail_openssl(err, "a CRL is damaged in the CRL file", file);
    if (sk_X509_CRL_num(t->crls) == 0)
        return fail_openssl(err, "no CRL in the CRL file", file);
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return OK;
}

/* The CAs' names are not sent to clients: some would then not offer a certificate that is trusted
 * directly. */
static enum status set_trust(struct tls *t, const struct net_tls_settings *s, struct errors *err)
{
    SSL_CTX *c = t->context;

    if (s->ca_file != NULL && SSL_CTX_load_verify_file(c, s->ca_file) != 1)
        return fail_openssl(err, "the CA file", s->ca_file);
    if (s->crl_file != NULL)
        TRY(load_crls(t, s->crl_file, err));
    X509_STORE_set_flags(SSL_CTX_get_cert_store(c), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(c, CHAIN_DEPTH_MAX);
    SSL_CTX_set_max_cert_list(c, CHAIN_BYTES_MAX);
    SSL_CTX_set_cert_verify_callback(c, verify_client, t);
    return OK;
}

static void set_protocol(SSL_CTX *c, bool dhe)
{
    static const unsigned char id[] = "causeway";

    SSL_CTX_set_security_level(c, 2);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    must(SSL_CTX_set_cipher_list(c, dhe ? SUITES SUITES_DHE : SUITES) == 1, "suites are known");
    must(SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") == 1, "groups are known");
    if (dhe)
        SSL_CTX_set_dh_auto(c, 1);
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(c, 0);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(c, id, sizeof(id) - 1);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(c, 1); /* a record's head and body in one read */
    SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
}

struct tls *tls_new(const struct net_tls_settings *settings, struct errors *err)
{
    struct tls *t = calloc(1, sizeof(*t));

    must(t != NULL, "out of memory");
    ERR_clear_error();
    atomic_init(&t->references, 1);
    t->context = SSL_CTX_new(TLS_server_method());
    t->crls = sk_X509_CRL_new_null();
    must(t->context != NULL && t->crls != NULL, "OpenSSL works");
    set_protocol(t->context, settings->dhe);
    if (set_identity(t->context, settings, err) == OK && set_trust(t, settings, err) == OK)
        return t;
    tls_release(t);
    return NULL;
}

struct tls *tls_hold(struct tls *t)
{
    atomic_fetch_add(&t->references, 1);
    return t;
}

void tls_release(struct tls *t)
{
    if (t == NULL || atomic_fetch_sub(&t->references, 1) > 1)
        return;
    SSL_CTX_free(t->context);
    sk_X509_CRL_pop_free(t->crls, X509_CRL_free);
    free(t);
}

/* ---- sessions ---- */

SSL *tls_session(const struct tls *t, int fd, struct tls_verdict *verdict)
{
    SSL *session = SSL_new(t->context);

    must(session != NULL && SSL_set_fd(session, fd) == 1, "out of memory");
    SSL_set_app_data(session, verdict);
    SSL_set_accept_state(session);
    return session;
}

static void write_subject(X509 *certificate, char *to, size_t size)
{
    BIO *out = BIO_new(BIO_s_mem());
    int n;

    must(out != NULL, "out of memory");
    X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    n = BIO_read(out, to, (int)size - 1);
    to[n > 0 ? n : 0] = '\0';
    BIO_free(out);
}

static void hash_key_of(X509 *certificate, unsigned char out[32])
{
    unsigned char *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

    must(n > 0, "a certificate with a key");
    SHA256(der, (size_t)n, out);
    OPENSSL_free(der);
}

void tls_identify(SSL *session, const struct tls_verdict *verdict, struct peer *peer)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    unsigned size = sizeof(peer->fingerprint);

    must(certificate != NULL, "a handshake without a certificate fails");
    must(X509_digest(certificate, EVP_sha256(), peer->fingerprint, &size) == 1, "SHA-256 works");
    hash_key_of(certificate, peer->key);
    peer->chain_valid = !verdict->no_path;
    write_subject(certificate, peer->subject, sizeof(peer->subject));
}

bool tls_revoked(const struct tls *t, SSL *session)
{
    X509 *certificate = SSL_get0_peer_certificate(session);

    return certificate != NULL && listed(t, certificate);
}
