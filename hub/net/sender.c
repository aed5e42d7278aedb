#include "hub/net/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIRECT_MIN = 16 * 1024, /* from here on bytes are written from where they lie */
    TURN = 512 * 1024,      /* bytes that one connection writes before the others' turn */
    CHUNK_HEAD = 10,        /* eight hex digits and CRLF */
    CHUNK_TAIL = 2,
    SPARE = CHUNK_HEAD + CHUNK_TAIL + 16,
};

static void release(void *p)
{
    struct sender *s = p;

    free(s->buffer);
}

void sender_init(struct sender *s, struct arena *a, struct str prefix, struct segment *segments,
                 uint64_t length, struct str suffix, bool chunked)
{
    uint64_t room = length < SENDER_BATCH ? length : SENDER_BATCH;

    *s = (struct sender){.suffix = suffix, .chunked = chunked, .at = segments, .may_fill = true};
    s->size = prefix.n + (size_t)room + suffix.n + SPARE;
    s->buffer = malloc(s->size);
    must(s->buffer != NULL, "out of memory");
    memcpy(s->buffer, prefix.p, prefix.n);
    s->filled = prefix.n;
    arena_defer(a, release, s);
}

static void next_segment(struct sender *s)
{
    s->at = s->at->next;
    s->offset = 0;
    s->source_begun = false;
}

static size_t fill_bytes(struct sender *s, char *to, size_t room)
{
    size_t n = s->at->bytes.n - s->offset;

    if (n > room)
        n = room;
    memcpy(to, s->at->bytes.p + s->offset, n);
    s->offset += n;
    if (s->offset == s->at->bytes.n)
        next_segment(s);
    return n;
}

static size_t fill_source(struct sender *s, char *to, size_t room)
{
    struct byte_source *source = s->at->source;
    bool unknown = source->length == LENGTH_UNKNOWN;
    size_t n = 0;

    if (!s->source_begun)
        s->source_left = source->length;
    s->source_begun = true;
    if (room > s->source_left)
        room = (size_t)s->source_left;
    if (room > 0 && source->read(source, to, room, &n) != OK)
        s->broken = true;
    else if (n == 0 && s->source_left > 0 && !unknown)
        s->broken = true;
    if (s->broken)
        return 0;
    if (!unknown)
        s->source_left -= n;
    if (n == 0 || s->source_left == 0)
        next_segment(s);
    return n;
}

/* As much of the segments as fits. */
static size_t fill_plain(struct sender *s, char *to, size_t room)
{
    size_t n = 0;

    while (s->at != NULL && n < room && !s->broken)
        n += s->at->source != NULL ? fill_source(s, to + n, room - n)
                                   : fill_bytes(s, to + n, room - n);
    return n;
}

/* One chunk of RFC 9112 section 7.1; leading zeros keep its head at one size. */
static void fill_chunk(struct sender *s)
{
    char *head = s->buffer + s->filled;
    char text[CHUNK_HEAD + 1];
    size_t room = s->size - s->filled - s->suffix.n - CHUNK_HEAD - CHUNK_TAIL;
    size_t n = fill_plain(s, head + CHUNK_HEAD, room);

    if (n == 0)
        return;
    snprintf(text, sizeof(text), "%08x\r\n", (unsigned)n);
    memcpy(head, text, CHUNK_HEAD);
    memcpy(head + CHUNK_HEAD + n, "\r\n", CHUNK_TAIL);
    s->filled += CHUNK_HEAD + n + CHUNK_TAIL;
}

static void fill(struct sender *s)
{
    if (s->chunked)
        fill_chunk(s);
    else
        s->filled += fill_plain(s, s->buffer + s->filled, s->size - s->filled - s->suffix.n);
    if (s->at == NULL && !s->broken) {
        memcpy(s->buffer + s->filled, s->suffix.p, s->suffix.n);
        s->filled += s->suffix.n;
        s->ended = true;
    }
}

static struct str large_bytes(const struct sender *s)
{
    bool large = s->filled == 0 && !s->chunked && s->at != NULL && s->at->source == NULL &&
                 s->at->bytes.n - s->offset >= DIRECT_MIN;

    return large ? str_slice(s->at->bytes, s->offset, s->at->bytes.n) : STR_NONE;
}

/* What goes out next; empty at the end. */
static struct str pending(struct sender *s, bool *direct)
{
    struct str large;

    if (s->begun && s->written == s->filled) {
        s->written = s->filled = 0;
        s->may_fill = true;
    }
    s->begun = true;
    large = large_bytes(s);
    *direct = large.p != NULL;
    if (*direct)
        return large;
    if (s->may_fill && !s->ended && !s->broken)
        fill(s);
    s->may_fill = false;
    return str_of(s->buffer + s->written, s->filled - s->written);
}

static void advance(struct sender *s, bool direct, size_t n)
{
    s->sent += n;
    if (!direct) {
        s->written += n;
        return;
    }
    s->offset += n;
    if (s->offset == s->at->bytes.n)
        next_segment(s);
}

/* What was filled when a source broke is not sent: the answer is broken anyhow. */
enum sender_result sender_run(struct sender *s, struct stream *stream)
{
    uint64_t turn_ends = s->sent + TURN;

    while (s->sent < turn_ends) {
        bool direct;
        struct str out = pending(s, &direct);
        enum stream_result r;
        size_t n;

        if (s->broken)
            return SENDER_BROKEN;
        if (out.n == 0)
            return SENDER_DONE;
        r = stream_write(stream, out.p, out.n, &n);
        if (r == STREAM_DONE)
            advance(s, direct, n);
        else if (r == STREAM_WANT_READ)
            return SENDER_WANT_READ;
        else if (r == STREAM_WANT_WRITE)
            return SENDER_WANT_WRITE;
        else
            return SENDER_GONE;
    }
    return SENDER_PAUSE;
}
