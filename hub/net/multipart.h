/* A push parser of multipart/related (RFC 2046 section 5.1, RFC 2387), as MTOM/XOP uses it: the
 * root part stays in memory, the others go to a part_sink as their bytes come.
 *
 * Pure but for the sink. Of a streamed part nothing is buffered: the bytes that might begin a
 * delimiter are always a prefix of it, so their number is all that is kept. Time is linear in the
 * input. Transfer encodings: binary, 8bit, 7bit and base64. A fault is final and has the HTTP
 * status to answer with and words that name the rule. */
#pragma once

#include "hub/net/budget.h"
#include "hub/net/exchange.h"

enum { MULTIPART_HEAD_MAX = 8192 }; /* bytes of one part's fields */

struct multipart_limits {
    size_t max_parts;       /* 413 above */
    uint64_t max_memory;    /* bytes of the parts that stay in memory: 413 above */
    struct holding *memory; /* where these are counted: 503 above; NULL: nowhere */
};

struct multipart; /* lives in the arena */

/* content_type is the request's. A bad one is a fault that multipart_feed reports. `sink` may be
 * NULL: then every part stays in memory. */
struct multipart *multipart_new(struct arena *a, struct str content_type,
                                const struct part_sink *sink,
                                const struct multipart_limits *limits);

bool multipart_feed(struct multipart *m, struct str bytes) MUST_CHECK;
bool multipart_end(struct multipart *m) MUST_CHECK; /* the input is over: is it whole? */

struct part *multipart_parts(const struct multipart *m);
struct part *multipart_root(const struct multipart *m);
int multipart_status(const struct multipart *m); /* of the fault, 0 without */
struct str multipart_fault(const struct multipart *m);
