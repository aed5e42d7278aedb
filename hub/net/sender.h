/* An answer while it goes out: prefix (an HTTP head, or VT), the reply's segments, suffix.
 *
 * Small pieces are gathered into one buffer of at most SENDER_BATCH bytes, large ones are written
 * from where they lie. Sources are read as the client takes the bytes, so an answer of any size
 * needs the one buffer. Belongs to one I/O thread; lives in the exchange's arena. */
#pragma once

#include "hub/net/exchange.h"
#include "hub/net/stream.h"

enum { SENDER_BATCH = 64 * 1024 };

enum sender_result {
    SENDER_DONE,
    SENDER_WANT_READ,
    SENDER_WANT_WRITE,
    SENDER_PAUSE,  /* it had its turn; call again */
    SENDER_GONE,   /* the connection failed */
    SENDER_BROKEN, /* a source failed or ended early: nothing more may be sent */
};

struct sender {
    struct str suffix;
    bool chunked;
    struct segment *at;
    size_t offset;        /* in at->bytes */
    uint64_t source_left; /* of at->source */
    bool source_begun, ended, broken;

    char *buffer;
    size_t size, filled, written;
    bool begun, may_fill; /* the buffer is filled once, then written to its end */
    uint64_t sent;        /* bytes handed to the kernel */
};

/* `segments` NULL sends prefix and suffix only. `length` sizes the buffer. */
void sender_init(struct sender *s, struct arena *a, struct str prefix, struct segment *segments,
                 uint64_t length, struct str suffix, bool chunked);
enum sender_result sender_run(struct sender *s, struct stream *stream);
