/* Base64 that comes in pieces (RFC 2045 section 6.8). White space between characters is skipped;
 * anything else outside the alphabet, wrong or missing padding and non-zero trailing bits are
 * refused, as hub/base/hex.h does for whole texts. Pure. */
#pragma once

#include "hub/base/str.h"

struct base64_stream {
    unsigned bits;    /* of the group that has begun */
    unsigned count;   /* its characters, padding included */
    unsigned padding; /* its '=' */
    bool ended;       /* padding has closed the text */
};

/* Decodes from *in into `to` until either is used up; `size` at least 3. *n is what was written. */
bool base64_stream_feed(struct base64_stream *b, struct str *in, char *to, size_t size, size_t *n);
bool base64_stream_end(const struct base64_stream *b); /* is the text whole? */
