#include "hub/soap_post.h"

#include <string.h>

#include "hub/outbox_connect.h"

enum { HEAD_MAX = 16 << 10, BODY_MAX = 1 << 20, CHUNK = 4096, URL_MAX = 1000 };

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* Behind the last colon that is not inside of an IPv6 address. */
static bool has_port(struct str authority)
{
    for (size_t i = authority.n; i-- > 0 && authority.p[i] != ']';)
        if (authority.p[i] == ':')
            return true;
    return false;
}

bool soap_url_parse(struct arena *a, struct str url, struct soap_url *out)
{
    struct str scheme = STR("https://"), rest;
    const char *slash;
    size_t n;

    if (url.n > URL_MAX || !is_printable(url) || !str_eq(str_slice(url, 0, scheme.n), scheme))
        return false;
    rest = str_slice(url, scheme.n, url.n);
    slash = memchr(rest.p, '/', rest.n);
    n = slash != NULL ? (size_t)(slash - rest.p) : rest.n;
    out->authority = str_slice(rest, 0, n);
    out->path = n < rest.n ? str_slice(rest, n, rest.n) : STR("/");
    if (n == 0 || memchr(out->authority.p, '@', n) != NULL ||
        memchr(out->authority.p, '?', n) != NULL || memchr(url.p, '#', url.n) != NULL)
        return false;
    out->address = has_port(out->authority) ? out->authority
                                            : str_printf(a, "%.*s:443", STR_ARG(out->authority));
    return true;
}

static struct str head_of(struct outbox_delivery *d, const struct soap_url *url, struct str type,
                          size_t length)
{
    return str_printf(d->arena,
                      "POST %.*s HTTP/1.1\r\n"
                      "Host: %.*s\r\n"
                      "Content-Type: %.*s\r\n"
                      "Content-Length: %zu\r\n"
                      "Connection: close\r\n"
                      "\r\n",
                      STR_ARG(url->path), STR_ARG(url->authority), STR_ARG(type), length);
}

static enum status read_answer(struct outbox_delivery *d, int64_t deadline_us,
                               struct http_answer *answer, struct errors *err)
{
    char *chunk = arena_alloc(d->arena, CHUNK);
    enum http_answer_state state = HTTP_ANSWER_MORE;
    enum status s = OK;

    *answer = http_answer_on(d->arena, HEAD_MAX, BODY_MAX);
    while (state == HTTP_ANSWER_MORE && s == OK) {
        size_t n = 0;

        s = dial_read(*d->connection, chunk, CHUNK, deadline_us, &n, err);
        state = s == OK ? http_answer_feed(answer, str_of(chunk, n)) : http_answer_end(answer);
    }
    if (state == HTTP_ANSWER_WHOLE)
        return OK;
    return s != OK ? s : fail(err, UPSTREAM, "answer", "its answer is not HTTP, or is too large");
}

enum status soap_post(struct outbox_delivery *d, const struct soap_url *url, struct str type,
                      struct str body, struct http_answer *answer, struct errors *err)
{
    int64_t limit_us = d->config->outbox_ack_seconds * US_PER_SECOND;
    enum status s;

    TRY(outbox_connect(d, url->address, clock_monotonic_us() + limit_us, err));
    s = dial_write(*d->connection, head_of(d, url, type, body.n), clock_monotonic_us() + limit_us,
                   err);
    if (s == OK)
        s = dial_write(*d->connection, body, clock_monotonic_us() + limit_us, err);
    if (s == OK)
        s = read_answer(d, clock_monotonic_us() + limit_us, answer, err);
    outbox_hang_up(*d->connection);
    *d->connection = NULL;
    return s;
}

enum outbox_verdict soap_post_verdict(struct outbox_delivery *d, int http_status)
{
    struct str why = str_printf(d->arena, "answered HTTP %d", http_status);
    bool lasting = http_status / 100 == 4 && http_status != 408 && http_status != 429;

    if (http_status / 100 == 2)
        return OUTBOX_DELIVERED;
    return outbox_trouble(d, lasting ? OUTBOX_REFUSED : OUTBOX_RETRY, why);
}
