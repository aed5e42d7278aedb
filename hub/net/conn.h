/* A connection: its state, its timeouts, and the exchange under way. All of it belongs to one I/O
 * thread; only `doomed` is set by others. */
#pragma once

#include "hub/net/intake.h"
#include "hub/net/io.h"
#include "hub/net/mllp.h"
#include "hub/net/sender.h"
#include "hub/net/stream.h"

enum conn_state {
    CONN_HANDSHAKE, /* TLS */
    CONN_IDLE,      /* nothing of the next request has come */
    CONN_RESTING,   /* the same, and nothing is read for a while: its peer asks too much */
    CONN_READING,   /* a request is coming in */
    CONN_CONTINUE,  /* 100 Continue goes out, then READING */
    CONN_HANDLING,  /* the service has the exchange */
    CONN_HOLDING,   /* the answer is there, and waits for its time */
    CONN_WRITING,   /* the answer goes out */
    CONN_LINGERING, /* all is said: waits for the peer's end, so that it reads our last bytes */
    CONN_ORPHANED,  /* the socket is closed, the service still has the exchange */
    CONN_STATES,
};

#define CONN_MAGIC 0x434f4e4eu

struct conn {
    unsigned magic;
    enum conn_state state;
    struct io *io;
    const struct listener *listener;
    struct stream stream;
    struct tls *tls;            /* the context of the session */
    struct tls_verdict verdict; /* of the handshake */
    struct peer peer;
    unsigned char quota_key[QUOTA_KEY];
    bool has_quota, registered;
    atomic_bool doomed; /* net_close_peers chose it */

    struct event readable, writable, timer;
    bool watching_read, watching_write;
    int64_t deadline_us; /* monotonic; 0 for none */
    int64_t timer_us;    /* when the timer will fire; 0: it is not set */

    struct exchange *exchange;
    struct intake *intake; /* HTTP; in the exchange's arena */
    struct sender *sender; /* in the exchange's arena */
    struct mllp mllp;
    struct gather *frames;       /* syslog: what has come of the exchange; NULL between exchanges */
    struct intake_memory memory; /* of the exchange */
    struct holding ahead;        /* of `held` */
    char *held;                  /* bytes read ahead of their turn */
    size_t held_from, held_size;
    uint64_t rate_bytes; /* of the body, in the present window */
    bool in_body;        /* the window counts */
    bool close_after;    /* this answer is the last */
    bool peer_ended;     /* it has closed its side */
    int64_t rest_us;     /* before the next request; exchange.rest_us of the last */
    int guard_slot;      /* while the handshake is under way; -1: none */

    struct conn *next, **link;                       /* of io.conns */
    struct conn *registered_next, **registered_link; /* of net_server.registered */
};

/* HOST:PORT or [HOST]:PORT; "?" for what is not known. */
void peer_address(const struct sockaddr_storage *from, char out[64]);

/* Takes the socket over, and the guard's slot. */
void conn_open(struct io *io, const struct listener *listener, int fd, int guard_slot);
void conn_reply(struct conn *c, struct exchange *ex);
void conn_drain(struct conn *c); /* closes what is idle; the rest ends after its answer */
void conn_cut(struct conn *c);   /* closes at once; ends the exchange unless the service has it */

/* Does the service have its exchange? */
bool conn_is_lent(const struct conn *c);
