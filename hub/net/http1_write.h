/* The head of an HTTP/1.1 response (RFC 9112 section 4). Pure but for the date. */
#pragma once

#include "hub/net/exchange.h"

const char *http1_reason(int status); /* "Not Found"; "Status" for what we do not know */

/* How the body ends for the client. */
enum http1_framing {
    HTTP1_NO_BODY,  /* the status has none: 204, 304 */
    HTTP1_LENGTH,   /* Content-Length */
    HTTP1_CHUNKED,  /* of unknown length */
    HTTP1_TO_CLOSE, /* of unknown length, to an HTTP/1.0 client */
};

enum http1_framing http1_framing_of(const struct reply *rp, int minor_version);

/* Status line, Date, framing, Connection, the reply's own fields, and the empty line. Control
 * characters in a field become spaces, so that no value can add a line. */
void http1_write_head(struct strbuf *to, const struct reply *rp, enum http1_framing framing,
                      bool close);
