/* TLS 1.2 and 1.3 with mutual authentication (IHE ITI TF-2 3.19, RFC 9325).
 *
 * A struct tls is an SSL_CTX with its CRLs, immutable and counted: a reload makes a new one, open
 * connections keep theirs. A client's certificate must be valid by itself: in its time, for client
 * authentication, not revoked. Whether it chains to a configured CA is recorded, not demanded: a
 * certificate may be trusted directly (ITI-19), and net_service.admit decides by fingerprint.
 *
 * tls_hold and tls_release from any thread; a session belongs to its I/O thread. */
#pragma once

#include <openssl/ssl.h>

#include "hub/net/server.h"

struct tls;

/* What the verification of one client found. */
struct tls_verdict {
    bool no_path;                  /* the certificate does not chain to a configured CA */
    const char *refusal;           /* why it was refused, or NULL; a literal */
    unsigned char fingerprint[32]; /* of the certificate that was refused; else zeroes */
};

struct tls *tls_new(const struct net_tls_settings *settings, struct errors *err);
struct tls *tls_hold(struct tls *t);
void tls_release(struct tls *t); /* NULL is fine */

/* A server session on the socket; the verdict outlives it. */
SSL *tls_session(const struct tls *t, int fd, struct tls_verdict *verdict);

/* After the handshake: fingerprint, chain and subject. */
void tls_identify(SSL *session, const struct tls_verdict *verdict, struct peer *peer);

/* Is the session's client on one of these CRLs? */
bool tls_revoked(const struct tls *t, SSL *session);
