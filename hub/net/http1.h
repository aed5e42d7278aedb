/* A strict, incremental parser of HTTP/1.1 requests (RFC 9110, RFC 9112).
 *
 * Pure: bytes go in, events come out; nothing here reads, writes or knows the time. Whatever two
 * parsers could read in two ways is refused, because a proxy in front of us would be the other
 * one. The head's slices live in the arena; body bytes are slices of the caller's input. A fault
 * is final: it has the HTTP status to answer with and words that name the rule. */
#pragma once

#include "hub/net/exchange.h"

enum {
    HTTP1_REQUEST_LINE_MAX = 8192,   /* 414 above */
    HTTP1_CHUNK_EXTENSION_MAX = 256, /* bytes a chunk: 400 above */
};

enum http1_event {
    HTTP1_MORE,  /* the input is used up */
    HTTP1_HEAD,  /* `head` and the fields below it are complete; once a request */
    HTTP1_DATA,  /* *data holds bytes of the body, transfer coding removed */
    HTTP1_END,   /* the request is complete; what is left of the input is the next one's */
    HTTP1_FAULT, /* `status` and `fault` say why */
};

enum http1_state {
    HTTP1_IN_REQUEST_LINE,
    HTTP1_IN_FIELDS,
    HTTP1_IN_BODY, /* Content-Length */
    HTTP1_IN_CHUNK_SIZE,
    HTTP1_IN_CHUNK_DATA,
    HTTP1_IN_CHUNK_END,
    HTTP1_IN_TRAILER,
    HTTP1_COMPLETE,
    HTTP1_FAULTY,
};

struct http1 {
    struct arena *arena;
    size_t max_head, max_fields; /* the trailer section counts to both */
    enum http1_state state;

    struct http_head head;
    int minor_version;    /* of HTTP/1 */
    bool keep_alive;      /* the client wants the connection to stay */
    bool expect_continue; /* it waits for 100 Continue before it sends the body */
    bool chunked;
    bool has_length;
    uint64_t length; /* Content-Length, 0 without */

    int status;
    struct str fault;

    struct strbuf line; /* the beginning of a line whose end has not come */
    bool after_cr, host_seen;
    size_t head_bytes, field_capacity, field_lines, extension_bytes;
    struct str authority; /* of an absolute-form target */
    uint64_t left;        /* of the body or the chunk */
};

void http1_init(struct http1 *p, struct arena *a, size_t max_head, size_t max_fields);

/* Takes what it used off *in. Call again after every event but MORE and FAULT. */
enum http1_event http1_feed(struct http1 *p, struct str *in, struct str *data);

/* Has the head (or the trailer) promised bytes that have not come? */
bool http1_expects_body(const struct http1 *p);

/* True while nothing of a request has come. */
bool http1_untouched(const struct http1 *p);
