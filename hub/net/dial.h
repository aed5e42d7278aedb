/* Outgoing connections over mutual TLS: blocking, each step with a deadline. For threads that may
 * wait: the outbox's senders. A connection belongs to one thread.
 *
 * Both sides show certificates (ITI-19). dial() itself demands only that the other one has one;
 * the caller decides by dial_trust whether it is whom it meant. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/net/server.h"

struct dialed;

/* What is known of the other side's certificate. */
struct dial_trust {
    unsigned char fingerprint[32]; /* SHA-256 of the DER */
    bool chain_valid;              /* it chains to a configured CA, and nothing is revoked */
    bool name_valid;               /* it is a server's, for the host that was dialled */
};

/* `address` is HOST:PORT or [IPV6]:PORT; files are read anew, so that a renewed certificate holds
 * at once. UPSTREAM or TIMED_OUT with the reason in err. */
enum status dial(const struct net_tls_settings *tls, struct str address, int64_t deadline_us,
                 struct dialed **out, struct errors *err) MUST_CHECK;
struct dial_trust dial_trust(const struct dialed *d);
enum status dial_write(struct dialed *d, struct str bytes, int64_t deadline_us,
                       struct errors *err) MUST_CHECK;
/* At least one byte, or UPSTREAM at the end of the stream. */
enum status dial_read(struct dialed *d, void *to, size_t size, int64_t deadline_us, size_t *n,
                      struct errors *err) MUST_CHECK;
/* Waits until the other host has acknowledged every byte that was written (TCP), and the other side
 * has neither closed nor sent an alert: as sure as one can be without an answer. What it says is
 * skipped. UPSTREAM or TIMED_OUT. */
enum status dial_settle(struct dialed *d, int64_t deadline_us, struct errors *err) MUST_CHECK;
void dial_close(struct dialed *d); /* NULL is fine */

/* The same for who brings sockets of its own (hub/net/callout.h): sets up an OpenSSL context as
 * dial does, with an empty store of CAs before; and what its session's handshake has shown. */
struct ssl_st;
struct ssl_ctx_st;
enum status dial_prepare(struct ssl_ctx_st *context, const struct net_tls_settings *tls,
                         struct errors *err) MUST_CHECK;
struct dial_trust dial_trust_of(const struct ssl_st *session, const char *host);
