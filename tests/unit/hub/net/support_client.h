/* A blocking client for the tests, with or without TLS. Every wait ends after five seconds. */
#pragma once

#include <openssl/ssl.h>

#include "hub/base/arena.h"
#include "hub/base/str.h"
#include "tests/unit/hub/net/support_pki.h"

struct client {
    int fd;
    SSL_CTX *context;
    SSL *session; /* NULL: plain */
};

/* `identity` NULL connects without TLS, or without a certificate when `tls`. False when the
 * handshake failed on this side. `version` 0 lets the two agree. */
bool client_connect(struct client *c, int port, bool tls, const struct pki_cert *identity,
                    int version);
/* What the next connections offer: TLS 1.2 suites, ALPN; NULL for OpenSSL's own. */
void client_offer(const char *suites, const char *alpn);
void client_close(struct client *c);
void client_send(struct client *c, struct str bytes);

/* Everything until the peer closes; *clean says whether it closed in order. */
struct str client_read_all(struct client *c, struct arena *a, bool *clean);

/* One HTTP response with Content-Length or chunked (left as it came), or an HL7 v2 frame up to
 * FS CR; what comes behind it is left. Less when the peer closes first. */
struct str client_read_response(struct client *c, struct arena *a);
struct str client_read_until(struct client *c, struct arena *a, struct str end);
