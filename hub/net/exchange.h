/* One request and its answer, as the network sees them.
 *
 * An exchange is made by an I/O thread and owned by one thread at a time: the I/O thread while
 * bytes come in, a worker from net_service.submit until net_reply, the I/O thread again while the
 * answer goes out. Everything in it lives in its arena, which is disposed after
 * net_service.finished. */
#pragma once

#include <stdatomic.h>

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"
#include "hub/base/uuid.h"

enum wire { WIRE_HTTP, WIRE_MLLP, WIRE_SYSLOG };

/* Who is at the other end. Lives as long as its connection; never written after admission. */
struct peer {
    unsigned char fingerprint[32]; /* SHA-256 of the certificate's DER; zero without TLS */
    unsigned char key[32];         /* SHA-256 of its SubjectPublicKeyInfo */
    bool chain_valid;              /* the certificate chains to a configured CA */
    char subject[256];             /* RFC 2253, for logs and audit only: never for decisions */
    char address[64];              /* host:port */
    int64_t member_id;             /* set by net_service.admit; 0 on a plain listener */
    uint64_t connection;           /* number of the connection in this process */
};

struct http_field {
    struct str name, value;
};

struct http_head {
    struct str method, target; /* as they came */
    struct str path, query;    /* target split at '?'; percent-encoding untouched */
    struct http_field *fields;
    size_t field_count;
};

/* Value of the first such field (any case), or STR_NONE. */
struct str http_field_value(const struct http_head *h, struct str name);

/* Where the parts of a multipart/related body go, other than its root. The repository's room
 * gives one that encrypts and hashes as the bytes come. Called on the I/O thread; may write to
 * disk, must not wait for anything else. What `begin` makes ends with the arena (arena_defer); NULL
 * when nothing can be stored now (503). */
struct part_sink {
    void *context;
    void *(*begin)(void *context, struct arena *a);
    enum status (*write)(void *stored, struct str bytes);
    enum status (*end)(void *stored);
};

struct part {
    struct str content_id; /* without the angle brackets */
    struct str content_type;
    struct str bytes;  /* the root part, and every part where there is no sink */
    void *stored;      /* what the sink made of it, or NULL */
    uint64_t size;     /* bytes after any transfer decoding */
    struct part *next; /* in order of arrival */
};

struct body {
    struct str bytes;   /* the whole, when it is not multipart/related */
    struct part *parts; /* multipart/related: all parts, or NULL */
    struct part *root;  /* the one `start` names, else the first */
};

/* Bytes that are made while the answer goes out: a stored document, decrypted frame by frame.
 * Pulled on the I/O thread. */
#define LENGTH_UNKNOWN UINT64_MAX

struct byte_source {
    enum status (*read)(struct byte_source *s, void *to, size_t size,
                        size_t *n); /* *n 0: the end */
    uint64_t length;  /* all that it will give; a source that gives less breaks the answer off.
                       * LENGTH_UNKNOWN: until the end; the answer goes out chunked */
    struct str bytes; /* not STR_NONE: all of it lies in memory, and may be taken from there */
};

struct segment {
    struct str bytes;
    struct byte_source *source; /* when not NULL, instead of bytes */
    struct segment *next;
};

enum { REPLY_FIELDS_MAX = 12 };

struct reply {
    struct arena *arena;
    int http_status; /* 200 by default */
    struct http_field fields[REPLY_FIELDS_MAX];
    size_t field_count;
    struct segment *first, *last; /* the body, in order */
    uint64_t length;              /* of the body; may be LENGTH_UNKNOWN */
    bool close;                   /* close the connection after this answer */
};

void reply_init(struct reply *rp, struct arena *a);
void reply_reset(struct reply *rp); /* forgets what a failed handler had begun */
void reply_field(struct reply *rp, struct str name, struct str value);
void reply_add(struct reply *rp, struct str bytes); /* borrowed until the answer has gone */
void reply_add_source(struct reply *rp, struct byte_source *source);

enum answer_end {
    ANSWER_SENT,   /* every byte was handed to the kernel */
    ANSWER_GONE,   /* the client went away before the last byte */
    ANSWER_BROKEN, /* a byte_source failed: the connection was closed midway */
};

#define EXCHANGE_MAGIC 0x45584348u

struct exchange {
    unsigned magic;
    struct arena arena;
    struct uuid id; /* the request id: in every log line, audit row and error of this request */
    enum wire wire;
    const struct peer *peer;
    int listener;                 /* the number that net_listen gave */
    struct http_head head;        /* WIRE_HTTP */
    struct body body;             /* WIRE_MLLP: bytes is the message without its frame; WIRE_SYSLOG:
                                     whole frames, one after the other (hub/net/octet_count.h) */
    const void *route;            /* set by net_service.accept_head */
    const struct part_sink *sink; /* set by accept_head; NULL keeps parts in memory */
    uint64_t max_body;            /* set by accept_head: what may be kept in memory, in bytes */
    int64_t received_us;          /* monotonic: first byte */
    atomic_bool cancelled;        /* the client has gone: stop between statements */
    struct reply reply;
    int64_t rest_us; /* set by the service: nothing more is read of the connection for so long after
                      * this answer */
    int64_t not_before_us; /* set by the service: monotonic; the answer waits for it */
    struct conn *conn;     /* the network layer's own */
    void *user;            /* the layer above's own */
    void *waiting;         /* likewise: a request that is not done yet */
    struct exchange *next; /* whoever owns it may queue it */
};
