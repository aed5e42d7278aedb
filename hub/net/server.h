/* The network server: listeners, I/O threads, TLS, HTTP/1.1 and MLLP framing.
 *
 * A few I/O threads own the connections for life. What is above registers a struct net_service,
 * whose callbacks run on I/O threads and must not block. net_reply, net_close_peers, net_drain,
 * net_tls_reload and net_figures may be called from any thread; net_drain not from a callback. */
#pragma once

#include "hub/net/exchange.h"
#include "hub/net/guard.h"

struct net_server;

struct net_service {
    void *context;
    /* After the TLS handshake: who is it? Sets peer->member_id; false closes the connection with
     * no byte of HTTP. Only called on listeners with TLS. */
    bool (*admit)(void *context, struct peer *peer);
    /* A handshake that failed, an address that begins too many of them, or a peer that was not
     * admitted. */
    void (*refused)(void *context, const struct peer *peer, const char *reason);
    /* The head is read: set route, sink and max_body, and return 0; or refuse with an HTTP status
     * (404, 405, 413, 415, 503...), which is answered at once with a plain text of one line and
     * the fields that were added to ex->reply (Allow, Retry-After). Not called for MLLP. */
    int (*accept_head)(void *context, struct exchange *ex);
    /* The request is complete: it is the service's until net_reply(ex). May call net_reply at
     * once (queue full: 503 with Retry-After). */
    void (*submit)(void *context, struct exchange *ex);
    /* The answer is over, on the I/O thread; the exchange is disposed when this returns. Also
     * called for every request that was refused or broke before submit (ex->user is then NULL;
     * reply.http_status says what was answered, 0 for nothing). */
    void (*finished)(void *context, struct exchange *ex, enum answer_end end, uint64_t bytes_sent);
};

struct net_settings {
    int io_threads;
    int max_connections;          /* over all listeners; more are closed at once */
    int max_connections_per_peer; /* by address on plain listeners, by member with TLS */
    struct guard_limits handshakes_per_address;
    size_t max_head;   /* bytes of request line and fields: 431 */
    size_t max_fields; /* 431 */
    int64_t handshake_timeout_us, head_timeout_us, idle_timeout_us;
    int64_t write_timeout_us;     /* without a byte of progress */
    int64_t mllp_idle_timeout_us; /* between messages; 0: for ever, as senders expect */
    uint64_t min_body_rate;       /* bytes a second, over any window: 408 */
    int64_t rate_window_us;       /* 0: ten seconds */
    uint64_t max_request;         /* bytes of one request with all its parts: 413 */
    size_t max_parts;             /* of a multipart body: 413 */
    size_t max_mllp_message;      /* bytes: the connection is closed */
    size_t max_syslog_message;    /* bytes: the connection is closed */
    size_t max_memory; /* bytes of all requests not yet answered, a quarter of it for one peer:
                        * 503 with Retry-After, or the connection is closed (MLLP) */
};

struct net_tls_settings {
    const char *certificate_file, *key_file; /* PEM; the chain in the same file */
    const char *ca_file;                     /* PEM of the CAs that clients may chain to, or NULL */
    const char *crl_file;                    /* PEM of CRLs, or NULL */
    bool dhe;                                /* also offer DHE-RSA (ITI-19's STX list) */
};

struct net_server *net_server_new(const struct net_settings *settings,
                                  const struct net_service *service);

/* Builds the TLS context that listeners with `tls` share. Called again it replaces it for new
 * connections (certificates, CAs, CRLs), without a restart; on failure the old one stays.
 * Every open connection whose certificate the new CRL revokes is closed. */
enum status net_tls_reload(struct net_server *s, const struct net_tls_settings *tls,
                           struct errors *err) MUST_CHECK;

/* Binds and listens, before net_start. `address` is HOST:PORT, [IPV6]:PORT; port 0 takes a free
 * one. Returns the listener's number, or -1 with the reason in err. */
int net_listen(struct net_server *s, const char *address, enum wire wire, bool tls,
               struct errors *err);
int net_listener_port(const struct net_server *s, int listener);

void net_start(struct net_server *s);

/* Hands the answer (ex->reply) back to the I/O thread that owns the connection. */
void net_reply(struct exchange *ex);

/* Closes every connection whose peer matches: suspended members, revoked certificates. Change what
 * `admit` answers first: a connection that is being admitted meanwhile is asked for again. `match`
 * runs on the calling thread, under the server's lock. */
void net_close_peers(struct net_server *s, bool (*match)(void *context, const struct peer *p),
                     void *context);

/* Stops accepting, answers what is under way with Connection: close, and returns when all
 * connections have ended or the time is over; true when none was cut. */
bool net_drain(struct net_server *s, int64_t timeout_us);

/* After net_drain, and after every submitted exchange has been given back by net_reply. */
void net_server_free(struct net_server *s);

struct net_figures {
    uint64_t accepted, turned_away, handshakes, handshake_failures, open, requests, bytes_in,
        bytes_out;
};
struct net_figures net_figures(const struct net_server *s);
