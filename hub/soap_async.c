#include "hub/soap_async.h"

#include <string.h>

#include "hub/outbox_connect.h"
#include "hub/soap.h"

enum {
    ANSWER_MAX = 32 << 20, /* bytes of an answer, which waits in the database */
    PIECE = 64 << 10,
    HEAD_MAX = 16 << 10, /* of the HTTP answer to what is delivered */
    URL_MAX = 1000,
};

/* --- addresses ---------------------------------------------------------------------------- */

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

static bool has_registered(const struct member *m, struct str address)
{
    for (size_t i = 0; i < m->reply_to_count; i++)
        if (str_eq(m->reply_to[i], address))
            return true;
    return false;
}

enum status soap_async_admit(struct request *rq)
{
    struct soap_message *m = rq->message.soap;

    if (m->reply_to.n == 0)
        return OK;
    m->is_async = has_registered(rq->principal.member, m->reply_to);
    if (m->is_async)
        return OK;
    return fail_at(rq->err, STR("wsa:ReplyTo"), INVALID, "wsa:OnlyAnonymousAddressSupported",
                   "wsa:ReplyTo names an address that is not registered for you: the operator of "
                   "the hub registers it");
}

/* --- the answer, on its way into the outbox ----------------------------------------------- */

static enum status too_large(struct request *rq)
{
    return fail(rq->err, INVALID, "XDSRepositoryOutOfResources",
                "The answer has more than %d MB, which are not kept for a later delivery: ask for "
                "fewer documents, or without wsa:ReplyTo",
                ANSWER_MAX >> 20);
}

static enum status add_source(struct request *rq, struct byte_source *source, struct strbuf *b)
{
    char *piece = arena_alloc(rq->arena, PIECE);
    size_t n;

    do {
        if (source->read(source, piece, PIECE, &n) != OK)
            return fail(rq->err, UPSTREAM, "XDSRepositoryError",
                        "The document's stored bytes cannot be read");
        if (b->n + n > ANSWER_MAX)
            return too_large(rq);
        strbuf_add(b, str_of(piece, n));
    } while (n > 0);
    return OK;
}

static struct str content_type_of(const struct reply *rp)
{
    for (size_t i = 0; i < rp->field_count; i++)
        if (str_eq_nocase(rp->fields[i].name, STR("Content-Type")))
            return rp->fields[i].value;
    return STR("application/soap+xml; charset=UTF-8");
}

/* What the carrier needs: the Content-Type, a line feed, the body. */
static enum status flatten(struct request *rq, const struct reply *rp, struct str *out)
{
    struct strbuf b = strbuf_on(rq->arena, 8192);

    if (rp->length != LENGTH_UNKNOWN && rp->length > ANSWER_MAX)
        return too_large(rq);
    strbuf_add(&b, content_type_of(rp));
    strbuf_addc(&b, '\n');
    for (const struct segment *s = rp->first; s != NULL; s = s->next) {
        if (s->source != NULL)
            TRY(add_source(rq, s->source, &b));
        else
            strbuf_add(&b, s->bytes);
    }
    *out = strbuf_str(&b);
    return b.n > ANSWER_MAX ? too_large(rq) : OK;
}

enum status soap_async_finish(struct request *rq, struct reply *rp)
{
    const struct soap_message *m = rq->message.soap;
    struct outbox_destination to = {"soap", 0, STR_NONE};
    struct str payload;

    if (m == NULL || !m->is_async)
        return OK;
    TRY(flatten(rq, rp, &payload));
    to.member_id = rq->principal.member->id;
    to.address = m->reply_to;
    outbox_put(rq, &to, rq->transaction != NULL ? rq->transaction->name : "SOAP", payload);
    reply_reset(rp);
    rp->http_status = 202;
    return OK;
}

/* --- delivery ----------------------------------------------------------------------------- */

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

static enum status write_message(struct outbox_delivery *d, const struct soap_url *url,
                                 int64_t deadline_us, struct errors *err)
{
    struct str body = d->bytes, type = str_cut(&body, '\n');

    TRY(dial_write(*d->connection, head_of(d, url, type, body.n), deadline_us, err));
    return dial_write(*d->connection, body, deadline_us, err);
}

/* "HTTP/1.1 202 Accepted": 202, or 0. */
static int status_of(struct str line)
{
    int status = 0;

    if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ')
        return 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return 0;
        status = status * 10 + (line.p[i] - '0');
    }
    return status;
}

/* The status line of the first answer that is not an interim one; all behind it is dropped with the
 * connection. */
static enum status read_status(struct outbox_delivery *d, int64_t deadline_us, int *status,
                               struct errors *err)
{
    char *head = arena_alloc(d->arena, HEAD_MAX);
    size_t have = 0, n;

    for (;;) {
        struct str seen = {head, have};
        ptrdiff_t line = str_find_str(seen, STR("\r\n"));
        ptrdiff_t end = str_find_str(seen, STR("\r\n\r\n"));

        *status = line >= 0 ? status_of(str_slice(seen, 0, (size_t)line)) : 0;
        if (line >= 0 && *status / 100 != 1)
            return *status != 0 ? OK : fail(err, UPSTREAM, "answer", "its answer is not HTTP");
        if (line >= 0 && end >= 0) {
            have -= (size_t)end + 4;
            memmove(head, head + end + 4, have);
            continue;
        }
        if (have == HEAD_MAX)
            return fail(err, UPSTREAM, "answer", "its answer is too large");
        TRY(dial_read(*d->connection, head + have, HEAD_MAX - have, deadline_us, &n, err));
        have += n;
    }
}

static enum status post(struct outbox_delivery *d, const struct soap_url *url, int *status,
                        struct errors *err)
{
    int64_t limit_us = d->config->outbox_ack_seconds * US_PER_SECOND;

    TRY(outbox_connect(d, url->address, clock_monotonic_us() + limit_us, err));
    TRY(write_message(d, url, clock_monotonic_us() + limit_us, err));
    return read_status(d, clock_monotonic_us() + limit_us, status, err);
}

/* A sender's mistake will not mend itself; a server's may. */
static enum outbox_verdict verdict_of(struct outbox_delivery *d, int status)
{
    struct str why = str_printf(d->arena, "answered HTTP %d", status);

    if (status / 100 == 2)
        return OUTBOX_DELIVERED;
    return outbox_trouble(d,
                          status / 100 == 4 && status != 408 && status != 429 ? OUTBOX_REFUSED
                                                                              : OUTBOX_RETRY,
                          why);
}

/* What was registered when the answer was kept may have been taken back since. */
static bool still_registered(const struct outbox_delivery *d)
{
    const struct member *m = member_by_id(d->members, d->item->to.member_id);

    return m != NULL && !m->suspended && has_registered(m, d->item->to.address);
}

static enum outbox_verdict deliver(struct outbox_delivery *d)
{
    struct soap_url url;
    struct errors err;
    enum status s;
    int status;

    errors_init(&err, d->arena);
    if (!still_registered(d))
        return outbox_trouble(d, OUTBOX_REFUSED, STR("its address is no longer registered"));
    if (!soap_url_parse(d->arena, d->item->to.address, &url))
        return outbox_trouble(d, OUTBOX_REFUSED, STR("its address is no https URL"));
    s = post(d, &url, &status, &err);
    outbox_hang_up(*d->connection);
    *d->connection = NULL;
    if (s == OK)
        return verdict_of(d, status);
    return outbox_trouble(d, OUTBOX_RETRY,
                          err.last != NULL ? err.last->text : STR("not delivered"));
}

const struct outbox_carrier soap_carriers[] = {
    {
        .kind = "soap",
        .transaction = {.name = "SOAP", .audit = {"110106", 'R'}},
        .deliver = deliver,
        .close = outbox_hang_up,
    },
    {.kind = NULL},
};
