/* The answer to an HTTP/1.1 request that the hub itself has sent, whole, in memory (RFC 9112).
 *
 * Bytes are fed as they come in; interim answers (1xx) are passed over. The body ends as its
 * framing says: Content-Length, chunks, or the end of the connection. Both caps are in bytes. Pure.
 */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

enum http_answer_state {
    HTTP_ANSWER_MORE,
    HTTP_ANSWER_WHOLE,
    HTTP_ANSWER_BROKEN, /* not HTTP, cut short, or larger than its caps */
};

struct http_answer {
    int status;             /* 200 to 599, once WHOLE */
    struct str body;        /* unframed, once WHOLE */
    struct strbuf received; /* heads and body, as they came */
    struct strbuf unchunked;
    size_t taken; /* of the framed body: chunks that are in `unchunked` */
    size_t head_max, body_max;
};

/* Memory from a. */
struct http_answer http_answer_on(struct arena *a, size_t head_max, size_t body_max);
enum http_answer_state http_answer_feed(struct http_answer *h, struct str bytes);
/* The connection has ended: what there is, is all there is. */
enum http_answer_state http_answer_end(struct http_answer *h);
