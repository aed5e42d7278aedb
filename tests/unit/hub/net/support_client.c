#include "tests/unit/hub/net/support_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/base/err.h"

static int dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval wait = {60, 0};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "the server listens");
    return fd;
}

static const char *offered_suites, *offered_alpn;

void client_offer(const char *suites, const char *alpn)
{
    offered_suites = suites;
    offered_alpn = alpn;
}

static void apply_offer(SSL_CTX *context)
{
    if (offered_suites != NULL)
        must(SSL_CTX_set_cipher_list(context, offered_suites) == 1, "the suites are known");
    if (offered_alpn != NULL)
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)offered_alpn,
                                (unsigned)strlen(offered_alpn));
}

bool client_connect(struct client *c, int port, bool tls, const struct pki_cert *identity,
                    int version)
{
    *c = (struct client){.fd = dial(port)};
    if (!tls)
        return true;
    c->context = SSL_CTX_new(TLS_client_method());
    apply_offer(c->context);
    SSL_CTX_set_security_level(c->context, 0); /* it is the server that is to be strict */
    if (version != 0) {
        SSL_CTX_set_min_proto_version(c->context, version);
        SSL_CTX_set_max_proto_version(c->context, version);
    }
    if (identity != NULL) {
        SSL_CTX_use_certificate(c->context, identity->cert);
        SSL_CTX_use_PrivateKey(c->context, identity->key);
    }
    c->session = SSL_new(c->context);
    SSL_set_fd(c->session, c->fd);
    return SSL_connect(c->session) == 1;
}

void client_close(struct client *c)
{
    SSL_free(c->session);
    SSL_CTX_free(c->context);
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct client){.fd = -1};
}

void client_send(struct client *c, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = c->session != NULL ? SSL_write(c->session, bytes.p, (int)bytes.n)
                                       : send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        bytes = str_slice(bytes, (size_t)n, bytes.n);
    }
}

static ssize_t receive(struct client *c, char *to, size_t size)
{
    return c->session != NULL ? SSL_read(c->session, to, (int)size) : recv(c->fd, to, size, 0);
}

struct str client_read_all(struct client *c, struct arena *a, bool *clean)
{
    struct strbuf b = strbuf_on(a, 65536);
    static char piece[65536];
    ssize_t n;

    while ((n = receive(c, piece, sizeof(piece))) > 0)
        strbuf_add(&b, str_of(piece, (size_t)n));
    *clean =
        c->session != NULL ? SSL_get_error(c->session, (int)n) == SSL_ERROR_ZERO_RETURN : n == 0;
    return strbuf_str(&b);
}

struct str client_read_until(struct client *c, struct arena *a, struct str end)
{
    struct strbuf b = strbuf_on(a, 4096);
    char one;

    while (!str_ends(strbuf_str(&b), end) && receive(c, &one, 1) == 1)
        strbuf_addc(&b, one);
    return strbuf_str(&b);
}

struct str client_read_response(struct client *c, struct arena *a)
{
    struct str head = client_read_until(c, a, STR("\r\n\r\n"));
    ptrdiff_t at = str_find_str(head, STR("Content-Length: "));
    struct strbuf b = strbuf_on(a, head.n);
    uint64_t length = 0;
    char one;

    strbuf_add(&b, head);
    if (at >= 0) {
        struct str rest = str_slice(head, (size_t)at + 16, head.n);

        str_to_u64(str_cut(&rest, '\r'), &length);
    } else if (str_find_str(head, STR("chunked")) >= 0) {
        strbuf_add(&b, client_read_until(c, a, STR("\r\n0\r\n\r\n")));
    }
    while (length-- > 0 && receive(c, &one, 1) == 1)
        strbuf_addc(&b, one);
    return strbuf_str(&b);
}
