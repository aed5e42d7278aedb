#include "hub/net/base64_stream.h"

enum { SKIP = 64, PAD = 65, BAD = 66 };

static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0' + 52);
    switch (c) {
    case '+':
        return 62;
    case '/':
        return 63;
    case '=':
        return PAD;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return SKIP;
    default:
        return BAD;
    }
}

/* The bytes of a complete group of four characters. */
static bool take_group(struct base64_stream *b, char *to, size_t *n)
{
    unsigned bytes = 3 - b->padding;

    if (b->bits & ((1u << (8 * b->padding)) - 1))
        return false; /* bits that no byte holds must be zero */
    for (unsigned i = 0; i < bytes; i++)
        to[(*n)++] = (char)(b->bits >> (16 - 8 * i) & 0xff);
    *b = (struct base64_stream){.ended = b->padding > 0};
    return true;
}

static bool take_char(struct base64_stream *b, unsigned v)
{
    if (v == BAD || b->ended)
        return false;
    if (v == PAD) {
        if (b->count < 2)
            return false;
        b->padding++;
        v = 0;
    } else if (b->padding > 0) {
        return false;
    }
    b->bits = b->bits << 6 | v;
    b->count++;
    return true;
}

bool base64_stream_feed(struct base64_stream *b, struct str *in, char *to, size_t size, size_t *n)
{
    *n = 0;
    while (in->n > 0 && size - *n >= 3) {
        unsigned v = value_of(in->p[0]);

        *in = str_of(in->p + 1, in->n - 1);
        if (v == SKIP)
            continue;
        if (!take_char(b, v) || (b->count == 4 && !take_group(b, to, n)))
            return false;
    }
    return true;
}

bool base64_stream_end(const struct base64_stream *b)
{
    return b->count == 0;
}
