/* Bytes over a non-blocking socket, with or without TLS, as one thing. Belongs to one I/O thread.
 *
 * A stream never waits: it says what it waits for. After STREAM_FAILED only stream_close may be
 * called. */
#pragma once

#include "hub/net/tls.h"

enum stream_result {
    STREAM_DONE,
    STREAM_WANT_READ,
    STREAM_WANT_WRITE,
    STREAM_END,    /* the peer has closed its side in order */
    STREAM_FAILED, /* reset, or a TLS fault */
};

struct stream {
    int fd;       /* -1 once closed */
    SSL *session; /* NULL without TLS */
    bool failed;
};

enum stream_result stream_handshake(struct stream *s);

/* Reads up to size bytes, more than one TLS record if they are there. */
enum stream_result stream_read(struct stream *s, char *to, size_t size, size_t *n);

/* Writes some; *n is how much. After WANT_* the same bytes must come again, wherever they lie. */
enum stream_result stream_write(struct stream *s, const char *from, size_t size, size_t *n);

/* While it is on the kernel sends full packets only; with its end goes what is left. For what is
 * written in many pieces, as TLS records are. */
void stream_gather(struct stream *s, bool on);

/* Are there bytes that no readiness of the socket will announce? */
bool stream_pending(const struct stream *s);

/* Has anything come from the peer at all? */
bool stream_touched(const struct stream *s);

/* Says that nothing more will come: close_notify, then FIN. */
void stream_finish(struct stream *s);
void stream_close(struct stream *s);
