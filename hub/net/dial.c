#include "hub/net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hub/base/clock.h"

enum { HOST_MAX = 255, SETTLE_PAUSE_US = 500 };

struct dialed {
    int fd;
    SSL_CTX *context;
    SSL *session;
    char host[HOST_MAX + 1];
};

/* --- waiting --------------------------------------------------------------------------------- */

static enum status wait_for(int fd, short events, int64_t deadline_us, struct errors *err)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        int64_t left_us = deadline_us - clock_monotonic_us();
        int n = left_us > 0 ? poll(&p, 1, (int)(left_us / 1000) + 1) : 0;

        if (n > 0)
            return OK;
        if (n == 0)
            return fail(err, TIMED_OUT, "dial", "no answer in time");
        if (errno != EINTR)
            return fail(err, UPSTREAM, "dial", "poll: %s", strerror(errno));
    }
}

static const char *tls_words(void)
{
    unsigned long error = ERR_peek_last_error();
    const char *words = error != 0 ? ERR_reason_error_string(error) : NULL;

    return words != NULL ? words : "the connection was closed";
}

/* After a call of OpenSSL that gave n <= 0: waits for what it wants, or says why it ended. */
static enum status tls_again(struct dialed *d, int n, int64_t deadline_us, struct errors *err)
{
    switch (SSL_get_error(d->session, n)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(d->fd, POLLIN, deadline_us, err);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(d->fd, POLLOUT, deadline_us, err);
    default:
        return fail(err, UPSTREAM, "dial", "TLS: %s", tls_words());
    }
}

/* --- TCP ------------------------------------------------------------------------------------- */

/* HOST:PORT -> both; the brackets of IPv6 fall off. */
static bool split(struct str address, char host[HOST_MAX + 1], char port[6])
{
    ptrdiff_t colon = -1;
    struct str h, p;

    for (size_t i = 0; i < address.n; i++)
        if (address.p[i] == ':')
            colon = (ptrdiff_t)i;
    if (colon <= 0)
        return false;
    h = str_slice(address, 0, (size_t)colon);
    p = str_slice(address, (size_t)colon + 1, address.n);
    if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = str_slice(h, 1, h.n - 1);
    if (h.n == 0 || h.n > HOST_MAX || p.n == 0 || p.n > 5)
        return false;
    memcpy(host, h.p, h.n);
    host[h.n] = '\0';
    memcpy(port, p.p, p.n);
    port[p.n] = '\0';
    return true;
}

static enum status connect_to(const struct addrinfo *a, int64_t deadline_us, int *out,
                              struct errors *err)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int one = 1, error = 0;
    socklen_t size = sizeof(error);
    enum status s = OK;

    if (fd < 0)
        return fail(err, UPSTREAM, "dial", "socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        error = errno;
    else
        s = wait_for(fd, POLLOUT, deadline_us, err);
    if (s == OK && error == 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (s == OK && error != 0)
        s = fail(err, UPSTREAM, "dial", "cannot connect: %s", strerror(error));
    if (s != OK)
        close(fd);
    else
        *out = fd;
    return s;
}

static enum status open_socket(struct dialed *d, struct str address, int64_t deadline_us,
                               struct errors *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[6];
    enum status s = INVALID;
    int n;

    if (!split(address, d->host, port))
        return fail(err, INVALID, "dial", "not an address of the form HOST:PORT");
    n = getaddrinfo(d->host, port, &hints, &found);
    if (n != 0)
        return fail(err, UPSTREAM, "dial", "the host is not known: %s", gai_strerror(n));
    for (const struct addrinfo *a = found; a != NULL && s != OK; a = a->ai_next)
        s = connect_to(a, deadline_us, &d->fd, err);
    freeaddrinfo(found);
    return s;
}

/* --- TLS ------------------------------------------------------------------------------------- */

/* What is wrong with the chain is read later, from the session. */
static int take_note(int ok, X509_STORE_CTX *xs)
{
    (void)ok, (void)xs;
    return 1;
}

static bool load_crls(SSL_CTX *c, const char *file)
{
    X509_STORE *store = SSL_CTX_get_cert_store(c);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

    if (lookup == NULL || X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) <= 0)
        return false;
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1;
}

enum status dial_prepare(SSL_CTX *c, const struct net_tls_settings *tls, struct errors *err)
{
    SSL_CTX_set_security_level(c, 2);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, take_note);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    X509_STORE_set_flags(SSL_CTX_get_cert_store(c), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_purpose(c,
                        X509_PURPOSE_ANY); /* members show the certificate that they are known by */
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c, tls->certificate_file) == 1 &&
        SSL_CTX_use_PrivateKey_file(c, tls->key_file, SSL_FILETYPE_PEM) == 1 &&
        (tls->ca_file == NULL || SSL_CTX_load_verify_file(c, tls->ca_file) == 1) &&
        (tls->crl_file == NULL || load_crls(c, tls->crl_file)))
        return OK;
    return fail(err, INTERNAL, "dial", "the hub's own certificate files: %s", tls_words());
}

static enum status set_context(struct dialed *d, const struct net_tls_settings *tls,
                               struct errors *err)
{
    d->context = SSL_CTX_new(TLS_client_method());
    must(d->context != NULL, "OpenSSL works");
    return dial_prepare(d->context, tls, err);
}

static enum status shake_hands(struct dialed *d, int64_t deadline_us, struct errors *err)
{
    int n;

    d->session = SSL_new(d->context);
    must(d->session != NULL && SSL_set_fd(d->session, d->fd) == 1, "out of memory");
    SSL_set_tlsext_host_name(d->session, d->host);
    ERR_clear_error();
    while ((n = SSL_connect(d->session)) != 1)
        TRY(tls_again(d, n, deadline_us, err));
    return OK;
}

enum status dial(const struct net_tls_settings *tls, struct str address, int64_t deadline_us,
                 struct dialed **out, struct errors *err)
{
    struct dialed *d = calloc(1, sizeof(*d));
    enum status s;

    must(d != NULL, "out of memory");
    d->fd = -1;
    s = set_context(d, tls, err);
    if (s == OK)
        s = open_socket(d, address, deadline_us, err);
    if (s == OK)
        s = shake_hands(d, deadline_us, err);
    if (s != OK)
        dial_close(d);
    else
        *out = d;
    return s;
}

struct dial_trust dial_trust_of(const SSL *session, const char *host)
{
    X509 *certificate = SSL_get0_peer_certificate(session);
    struct dial_trust t = {.chain_valid = SSL_get_verify_result(session) == X509_V_OK};
    unsigned size = sizeof(t.fingerprint);

    must(certificate != NULL, "a server without a certificate fails the handshake");
    must(X509_digest(certificate, EVP_sha256(), t.fingerprint, &size) == 1, "SHA-256 works");
    t.name_valid = X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1 &&
                   (X509_check_host(certificate, host, 0, 0, NULL) == 1 ||
                    X509_check_ip_asc(certificate, host, 0) == 1);
    return t;
}

struct dial_trust dial_trust(const struct dialed *d)
{
    return dial_trust_of(d->session, d->host);
}

enum status dial_write(struct dialed *d, struct str bytes, int64_t deadline_us, struct errors *err)
{
    size_t written;

    ERR_clear_error();
    while (bytes.n > 0) {
        int n = SSL_write_ex(d->session, bytes.p, bytes.n, &written);

        if (n == 1)
            return OK; /* without partial writes it is all or nothing */
        TRY(tls_again(d, n, deadline_us, err));
    }
    return OK;
}

enum status dial_read(struct dialed *d, void *to, size_t size, int64_t deadline_us, size_t *n,
                      struct errors *err)
{
    int done;

    ERR_clear_error();
    while ((done = SSL_read_ex(d->session, to, size, n)) != 1)
        TRY(tls_again(d, done, deadline_us, err));
    return OK;
}

/* Reads what has come; OK when the connection stands. */
static enum status still_open(struct dialed *d, struct errors *err)
{
    char skipped[512];
    size_t n;
    int done;

    ERR_clear_error();
    while ((done = SSL_read_ex(d->session, skipped, sizeof(skipped), &n)) == 1)
        ;
    if (SSL_get_error(d->session, done) == SSL_ERROR_WANT_READ)
        return OK;
    return fail(err, UPSTREAM, "dial", "TLS: %s", tls_words());
}

enum status dial_settle(struct dialed *d, int64_t deadline_us, struct errors *err)
{
    for (;;) {
        int unacknowledged = 0;

        if (ioctl(d->fd, SIOCOUTQ, &unacknowledged) != 0)
            return fail(err, UPSTREAM, "dial", "ioctl: %s", strerror(errno));
        TRY(still_open(d, err));
        if (unacknowledged == 0)
            return OK;
        if (clock_monotonic_us() > deadline_us)
            return fail(err, TIMED_OUT, "dial", "what was written is not acknowledged");
        usleep(SETTLE_PAUSE_US);
    }
}

void dial_close(struct dialed *d)
{
    if (d == NULL)
        return;
    if (d->session != NULL && SSL_is_init_finished(d->session))
        SSL_shutdown(d->session);
    SSL_free(d->session);
    SSL_CTX_free(d->context);
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}
