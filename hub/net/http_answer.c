#include "hub/net/http_answer.h"

#include <string.h>

enum { INTERIM_MAX = 8, CHUNK_LINE_MAX = 256 };

struct http_answer http_answer_on(struct arena *a, size_t head_max, size_t body_max)
{
    return (struct http_answer){.received = strbuf_on(a, 1024),
                                .unchunked = strbuf_on(a, 64),
                                .head_max = head_max,
                                .body_max = body_max};
}

/* "HTTP/1.1 202 Accepted": 202, or 0. */
static int status_of(struct str line)
{
    int status = 0;

    if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ' ||
        (line.n > 12 && line.p[12] != ' '))
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return 0;
        status = status * 10 + (line.p[i] - '0');
    }
    return status >= 100 && status < 600 ? status : 0;
}

/* The line up to CR LF, which is cut off with it; STR_NONE where none ends. */
static struct str take_line(struct str *rest)
{
    ptrdiff_t end = str_find_str(*rest, STR("\r\n"));
    struct str line = STR_NONE;

    if (end >= 0) {
        line = str_slice(*rest, 0, (size_t)end);
        *rest = str_slice(*rest, (size_t)end + 2, rest->n);
    }
    return line;
}

struct framing {
    bool chunked, has_length;
    uint64_t length;
};

/* False when the fields contradict one another: such an answer has no certain end. */
static bool read_framing(struct str fields, struct framing *out)
{
    *out = (struct framing){0};
    while (fields.n > 0) {
        struct str value = take_line(&fields), name = str_cut(&value, ':');

        value = str_trim(value);
        if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
            if (out->chunked || !str_eq_nocase(value, STR("chunked")))
                return false;
            out->chunked = true;
        } else if (str_eq_nocase(name, STR("Content-Length"))) {
            if (out->has_length || !str_to_u64(value, &out->length))
                return false;
            out->has_length = true;
        }
    }
    return !(out->chunked && out->has_length);
}

static bool hex_size(struct str digits, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.n; i++) {
        const char *at = memchr("0123456789abcdef", digits.p[i] | 0x20, 16);

        if (at == NULL || digits.n > 8)
            return false;
        *out = *out << 4 | (uint64_t)(at - (const char *)"0123456789abcdef");
    }
    return digits.n > 0;
}

/* Goes on behind the last whole chunk: one who sends byte by byte costs no more than another. */
static enum http_answer_state unchunk(struct http_answer *h, struct str rest)
{
    for (rest = str_slice(rest, h->taken, rest.n);;) {
        struct str at = rest, line = take_line(&rest), digits = line;
        uint64_t size;

        if (line.n > CHUNK_LINE_MAX || (line.p == NULL && at.n > CHUNK_LINE_MAX + 1))
            return HTTP_ANSWER_BROKEN;
        if (line.p == NULL)
            return HTTP_ANSWER_MORE;
        if (!hex_size(str_trim(str_cut(&digits, ';')), &size) ||
            h->unchunked.n + size > h->body_max)
            return HTTP_ANSWER_BROKEN;
        if (size == 0) /* trailers say nothing that is wanted here */
            break;
        if (rest.n < size + 2)
            return HTTP_ANSWER_MORE;
        if (memcmp(rest.p + size, "\r\n", 2) != 0)
            return HTTP_ANSWER_BROKEN;
        strbuf_add(&h->unchunked, str_slice(rest, 0, size));
        rest = str_slice(rest, size + 2, rest.n);
        h->taken += at.n - rest.n;
    }
    h->body = strbuf_str(&h->unchunked);
    return HTTP_ANSWER_WHOLE;
}

static enum http_answer_state read_body(struct http_answer *h, struct str fields, struct str rest,
                                        bool ended)
{
    struct framing f;

    if (!read_framing(fields, &f) || f.length > h->body_max)
        return HTTP_ANSWER_BROKEN;
    if (h->status == 204 || h->status == 304)
        return HTTP_ANSWER_WHOLE;
    if (f.chunked)
        return unchunk(h, rest);
    if (f.has_length && rest.n < f.length)
        return HTTP_ANSWER_MORE;
    h->body = f.has_length ? str_slice(rest, 0, f.length) : rest;
    if (h->body.n > h->body_max)
        return HTTP_ANSWER_BROKEN;
    return f.has_length || ended ? HTTP_ANSWER_WHOLE : HTTP_ANSWER_MORE;
}

/* The heads are read again each time: they are small. */
static enum http_answer_state look(struct http_answer *h, bool ended)
{
    struct str rest = strbuf_str(&h->received);

    for (int interim = 0; interim <= INTERIM_MAX; interim++) {
        ptrdiff_t end = str_find_str(rest, STR("\r\n\r\n"));
        struct str fields, line;

        if (end < 0 && rest.n < h->head_max + 4)
            return HTTP_ANSWER_MORE;
        if (end < 0 || (size_t)end > h->head_max)
            return HTTP_ANSWER_BROKEN;
        fields = str_slice(rest, 0, (size_t)end + 2);
        rest = str_slice(rest, (size_t)end + 4, rest.n);
        line = take_line(&fields);
        h->status = status_of(line);
        if (h->status == 0)
            return HTTP_ANSWER_BROKEN;
        if (h->status >= 200)
            return read_body(h, fields, rest, ended);
    }
    return HTTP_ANSWER_BROKEN;
}

enum http_answer_state http_answer_feed(struct http_answer *h, struct str bytes)
{
    /* Heads and the framing of chunks beside the body: twice is ample. */
    if (h->received.n + bytes.n > 2 * (h->head_max + h->body_max))
        return HTTP_ANSWER_BROKEN;
    strbuf_add(&h->received, bytes);
    return look(h, false);
}

enum http_answer_state http_answer_end(struct http_answer *h)
{
    enum http_answer_state s = look(h, true);

    return s == HTTP_ANSWER_MORE ? HTTP_ANSWER_BROKEN : s;
}
