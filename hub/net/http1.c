#include "hub/net/http1.h"

#include <string.h>

enum {
    CHUNK_DIGITS_MAX = 16,
    CHUNK_LINE_MAX = CHUNK_DIGITS_MAX + HTTP1_CHUNK_EXTENSION_MAX + 2,
    EXTENSIONS_MAX = 16384, /* bytes of chunk extensions in one request */
    FIRST_FIELDS = 16,
};

static const bool token_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,  ['#'] = true,
    ['$'] = true,         ['%'] = true,         ['&'] = true,         ['\''] = true, ['*'] = true,
    ['+'] = true,         ['-'] = true,         ['.'] = true,         ['^'] = true,  ['_'] = true,
    ['`'] = true,         ['|'] = true,         ['~'] = true,
};

/* unreserved, gen-delims and sub-delims of RFC 3986 without '#'; '%' is checked apart. */
static const bool uri_char[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         [':'] = true,         ['/'] = true, ['?'] = true,
    ['['] = true,         [']'] = true,         ['@'] = true,         ['!'] = true, ['$'] = true,
    ['&'] = true,         ['\''] = true,        ['('] = true,         [')'] = true, ['*'] = true,
    ['+'] = true,         [','] = true,         [';'] = true,         ['='] = true, ['%'] = true,
};

void http1_init(struct http1 *p, struct arena *a, size_t max_head, size_t max_fields)
{
    *p = (struct http1){.arena = a, .max_head = max_head, .max_fields = max_fields};
}

/* Records the fault; false, so that checks read `return refuse(...)`. The first one stands. */
static bool refuse(struct http1 *p, int status, const char *rule)
{
    if (p->state == HTTP1_FAULTY)
        return false;
    p->state = HTTP1_FAULTY;
    p->status = status;
    p->fault = str_from(rule);
    return false;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_char[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct str trim_ows(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = str_slice(s, 1, s.n);
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* ---- lines ---- */

/* Length of the piece up to and with LF, or all of it; 0 after a fault. */
static size_t scan_line(struct http1 *p, struct str in, bool *complete)
{
    *complete = false;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (p->after_cr != (c == '\n'))
            return refuse(p, 400,
                          p->after_cr ? "a CR without LF (RFC 9112 section 2.2)"
                                      : "a line that ends in LF without CR "
                                        "(RFC 9112 section 2.2)");
        if (c == '\0')
            return refuse(p, 400, "a NUL byte (RFC 9110 section 5.5)");
        p->after_cr = c == '\r';
        if (c == '\n') {
            *complete = true;
            return i + 1;
        }
    }
    return in.n;
}

static bool refuse_long_line(struct http1 *p)
{
    switch (p->state) {
    case HTTP1_IN_REQUEST_LINE:
        return refuse(p, 414, "the request line is too long (RFC 9112 section 3)");
    case HTTP1_IN_FIELDS:
    case HTTP1_IN_TRAILER:
        return refuse(p, 431, "the fields are too large (RFC 6585 section 5)");
    default:
        return refuse(p, 400, "a chunk's first line is too long (RFC 9112 section 7.1.1)");
    }
}

/* What the line may still grow by. */
static size_t line_allowance(const struct http1 *p)
{
    size_t head_left = p->max_head - p->head_bytes;
    size_t cap = HTTP1_REQUEST_LINE_MAX + 2;

    if (p->state == HTTP1_IN_FIELDS || p->state == HTTP1_IN_TRAILER)
        return head_left;
    if (p->state == HTTP1_IN_CHUNK_SIZE)
        return CHUNK_LINE_MAX - p->line.n;
    return cap - p->line.n < head_left ? cap - p->line.n : head_left;
}

/* Takes a line, without its CRLF, off *in. False when its end has not come, or after a fault. The
 * line may lie in the caller's input: what shall stay is copied. */
static bool take_line(struct http1 *p, struct str *in, struct str *line)
{
    size_t allowance = line_allowance(p);
    bool complete;
    size_t n = scan_line(p, str_slice(*in, 0, allowance + 1), &complete);
    struct str piece = str_slice(*in, 0, n);

    if (n == 0)
        return false;
    if (n > allowance)
        return refuse_long_line(p);
    *in = str_slice(*in, n, in->n);
    if (p->state < HTTP1_IN_BODY || p->state == HTTP1_IN_TRAILER)
        p->head_bytes += n;
    if (!complete || p->line.n > 0) {
        if (p->line.arena == NULL)
            p->line = strbuf_on(p->arena, 256);
        strbuf_add(&p->line, piece);
        piece = strbuf_str(&p->line);
    }
    if (!complete)
        return false;
    p->after_cr = false;
    p->line.n = 0;
    *line = str_slice(piece, 0, piece.n - 2);
    return true;
}

/* ---- the request line ---- */

static bool check_target_chars(struct http1 *p, struct str target)
{
    bool in_query = false;

    for (size_t i = 0; i < target.n; i++) {
        char c = target.p[i];

        in_query = in_query || c == '?';
        /* FHIR and HL7 clients send '|' and '^' in queries as they are. */
        if (!uri_char[(unsigned char)c] && !(in_query && (c == '|' || c == '^')))
            return refuse(p, 400, "a character that a URI cannot have (RFC 3986 section 2)");
        if (c == '%' &&
            (i + 2 >= target.n || hex_value(target.p[i + 1]) < 0 || hex_value(target.p[i + 2]) < 0))
            return refuse(p, 400, "a percent sign without two hex digits (RFC 3986 section 2.1)");
    }
    return true;
}

static void split_path(struct http_head *h, struct str path)
{
    h->path = str_cut(&path, '?');
    h->query = path;
    if (h->path.n == 0)
        h->path = STR("/");
}

/* scheme://authority[/path][?query] */
static bool read_absolute_form(struct http1 *p, struct str rest)
{
    size_t end = 0;

    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    p->authority = str_slice(rest, 0, end);
    if (end == 0 || str_find(p->authority, '@') >= 0)
        return refuse(p, 400,
                      "a target without a host, or with user information "
                      "(RFC 9110 sections 4.2.1 and 4.2.4)");
    split_path(&p->head, str_slice(rest, end, rest.n));
    return true;
}

static bool read_target(struct http1 *p, struct str target)
{
    static const struct str schemes[] = {{"https://", 8}, {"http://", 7}};

    p->head.target = target;
    if (str_eq(p->head.method, STR("CONNECT")))
        return refuse(p, 501, "CONNECT: this is not a proxy (RFC 9110 section 9.3.6)");
    if (!check_target_chars(p, target))
        return false;
    if (str_starts(target, STR("/"))) {
        split_path(&p->head, target);
        return true;
    }
    if (str_eq(target, STR("*")) && str_eq(p->head.method, STR("OPTIONS"))) {
        p->head.path = target;
        return true;
    }
    for (size_t i = 0; i < 2; i++)
        if (str_eq_nocase(str_slice(target, 0, schemes[i].n), schemes[i]))
            return read_absolute_form(p, str_slice(target, schemes[i].n, target.n));
    return refuse(p, 400, "a target in none of the four forms (RFC 9112 section 3.2)");
}

static bool read_version(struct http1 *p, struct str version)
{
    bool shaped = version.n == 8 && str_starts(version, STR("HTTP/")) && version.p[6] == '.' &&
                  version.p[5] >= '0' && version.p[5] <= '9' && version.p[7] >= '0' &&
                  version.p[7] <= '9';

    if (!shaped)
        return refuse(p, 400, "no HTTP version of the form HTTP/1.1 (RFC 9112 section 2.3)");
    if (version.p[5] != '1' || version.p[7] > '1')
        return refuse(p, 505,
                      "only HTTP/1.1 and HTTP/1.0 are spoken here "
                      "(RFC 9110 section 15.6.6)");
    p->minor_version = version.p[7] - '0';
    p->keep_alive = p->minor_version == 1;
    return true;
}

static bool read_request_line(struct http1 *p, struct str line)
{
    struct str rest = str_dup(p->arena, line);

    p->head.method = str_cut(&rest, ' ');
    if (!is_token(p->head.method))
        return refuse(p, 400, "the method is not a token (RFC 9112 section 3.1)");
    if (rest.p == NULL || str_find(rest, ' ') < 0)
        return refuse(p, 400,
                      "a request line is method, target and version, one space between "
                      "(RFC 9112 section 3; HTTP/0.9 is not spoken)");
    return read_target(p, str_cut(&rest, ' ')) && read_version(p, rest);
}

static enum http1_event on_request_line(struct http1 *p, struct str *in, struct str *data)
{
    struct str line;

    (void)data;
    if (!take_line(p, in, &line))
        return HTTP1_MORE;
    if (line.n == 0) /* left over from the last request's client: RFC 9112 section 2.2 */
        return HTTP1_MORE;
    if (read_request_line(p, line))
        p->state = HTTP1_IN_FIELDS;
    return HTTP1_MORE;
}

/* ---- fields ---- */

static bool check_value(struct http1 *p, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return refuse(p, 400,
                          "a control character in a field's value "
                          "(RFC 9110 section 5.5)");
    }
    return true;
}

static bool read_field(struct http1 *p, struct str line, struct http_field *out)
{
    ptrdiff_t colon = str_find(line, ':');
    struct str name = str_slice(line, 0, colon < 0 ? 0 : (size_t)colon);

    if (is_space(line.p[0]))
        return refuse(p, 400, "a folded field line (obs-fold, RFC 9112 section 5.2)");
    if (colon < 0)
        return refuse(p, 400, "a field line without a colon (RFC 9112 section 5)");
    if (name.n > 0 && is_space(name.p[name.n - 1]))
        return refuse(p, 400, "white space before a field's colon (RFC 9112 section 5.1)");
    if (!is_token(name))
        return refuse(p, 400, "a field name that is not a token (RFC 9110 section 5.1)");
    *out = (struct http_field){name, trim_ows(str_slice(line, (size_t)colon + 1, line.n))};
    return check_value(p, out->value);
}

static bool count_field(struct http1 *p)
{
    if (p->field_lines++ >= p->max_fields)
        return refuse(p, 431, "too many fields (RFC 6585 section 5)");
    return true;
}

static void keep_field(struct http1 *p, struct http_field field)
{
    struct http_head *h = &p->head;

    if (h->field_count == p->field_capacity) {
        size_t capacity = p->field_capacity > 0 ? p->field_capacity * 2 : FIRST_FIELDS;
        struct http_field *more = ARENA_ARRAY(p->arena, capacity, struct http_field);

        if (h->field_count > 0)
            memcpy(more, h->fields, h->field_count * sizeof(*more));
        h->fields = more;
        p->field_capacity = capacity;
    }
    h->fields[h->field_count++] = field;
}

static bool on_host(struct http1 *p, struct str value)
{
    static const char wrong[] = "the Host field is not host[:port] (RFC 9112 section 3.2)";

    if (p->host_seen)
        return refuse(p, 400, "more than one Host field (RFC 9112 section 3.2)");
    p->host_seen = true;
    if (value.n == 0 || value.p[0] == ':')
        return refuse(p, 400, wrong);
    for (size_t i = 0; i < value.n; i++)
        if (!uri_char[(unsigned char)value.p[i]] || strchr("/?@", value.p[i]) != NULL)
            return refuse(p, 400, wrong);
    if (p->authority.n > 0 && !str_eq_nocase(p->authority, value))
        return refuse(p, 400,
                      "the target's host differs from the Host field "
                      "(RFC 9112 section 3.2.2)");
    return true;
}

static bool on_content_length(struct http1 *p, struct str value)
{
    if (p->has_length)
        return refuse(p, 400, "more than one Content-Length (RFC 9112 section 6.3)");
    p->has_length = true;
    if (str_to_u64(value, &p->length))
        return true;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < '0' || value.p[i] > '9')
            return refuse(p, 400,
                          "a Content-Length that is not digits only "
                          "(RFC 9112 section 6.3)");
    return value.n == 0 ? refuse(p, 400, "an empty Content-Length (RFC 9110 section 8.6)")
                        : refuse(p, 413,
                                 "a Content-Length beyond 64 bits "
                                 "(RFC 9110 section 8.6)");
}

static bool on_transfer_encoding(struct http1 *p, struct str value)
{
    struct str rest = value, last = STR_NONE;

    if (p->chunked)
        return refuse(p, 400, "more than one Transfer-Encoding (RFC 9112 section 6.1)");
    if (p->minor_version == 0)
        return refuse(p, 400, "Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)");
    p->chunked = true;
    if (str_eq_nocase(value, STR("chunked")))
        return true;
    while (rest.p != NULL)
        last = trim_ows(str_cut(&rest, ','));
    if (!str_eq_nocase(last, STR("chunked")))
        return refuse(p, 400, "the last transfer coding is not chunked (RFC 9112 section 6.3)");
    return refuse(p, 501, "a transfer coding other than chunked (RFC 9112 section 6.1)");
}

static bool on_connection(struct http1 *p, struct str value)
{
    while (value.p != NULL)
        if (str_eq_nocase(trim_ows(str_cut(&value, ',')), STR("close")))
            p->keep_alive = false;
    return true;
}

static bool on_expect(struct http1 *p, struct str value)
{
    if (!str_eq_nocase(value, STR("100-continue")))
        return refuse(p, 417,
                      "an expectation other than 100-continue "
                      "(RFC 9110 section 10.1.1)");
    p->expect_continue = p->minor_version == 1;
    return true;
}

static bool on_content_encoding(struct http1 *p, struct str value)
{
    if (str_eq_nocase(value, STR("identity")))
        return true;
    return refuse(p, 415, "a Content-Encoding other than identity (RFC 9110 section 8.4)");
}

static const struct {
    struct str name;
    bool (*check)(struct http1 *p, struct str value);
} known_fields[] = {
    {{"Host", 4}, on_host},
    {{"Content-Length", 14}, on_content_length},
    {{"Transfer-Encoding", 17}, on_transfer_encoding},
    {{"Connection", 10}, on_connection},
    {{"Expect", 6}, on_expect},
    {{"Content-Encoding", 16}, on_content_encoding},
};

static bool check_field(struct http1 *p, const struct http_field *f)
{
    for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
        if (str_eq_nocase(f->name, known_fields[i].name))
            return known_fields[i].check(p, f->value);
    return true;
}

/* What only the whole head can tell. */
static bool check_head(struct http1 *p)
{
    if (!p->host_seen && p->minor_version == 1)
        return refuse(p, 400, "no Host field (RFC 9112 section 3.2)");
    if (p->chunked && p->has_length)
        return refuse(p, 400, "Content-Length beside Transfer-Encoding (RFC 9112 section 6.3)");
    return true;
}

static void begin_body(struct http1 *p)
{
    p->left = p->length;
    if (p->chunked)
        p->state = HTTP1_IN_CHUNK_SIZE;
    else
        p->state = p->length > 0 ? HTTP1_IN_BODY : HTTP1_COMPLETE;
    p->expect_continue = p->expect_continue && p->state != HTTP1_COMPLETE;
}

static enum http1_event on_field_line(struct http1 *p, struct str *in, struct str *data)
{
    struct http_field field;
    struct str line;

    (void)data;
    if (!take_line(p, in, &line))
        return HTTP1_MORE;
    if (line.n == 0) {
        if (!check_head(p))
            return HTTP1_FAULT;
        begin_body(p);
        return HTTP1_HEAD;
    }
    if (count_field(p) && read_field(p, str_dup(p->arena, line), &field) && check_field(p, &field))
        keep_field(p, field);
    return HTTP1_MORE;
}

/* ---- bodies ---- */

static enum http1_event take_data(struct http1 *p, struct str *in, struct str *data,
                                  enum http1_state next)
{
    size_t n = in->n < p->left ? in->n : (size_t)p->left;

    if (n == 0)
        return HTTP1_MORE;
    *data = str_slice(*in, 0, n);
    *in = str_slice(*in, n, in->n);
    p->left -= n;
    if (p->left == 0)
        p->state = next;
    return HTTP1_DATA;
}

static enum http1_event on_body(struct http1 *p, struct str *in, struct str *data)
{
    return take_data(p, in, data, HTTP1_COMPLETE);
}

static void skip_space(struct str *s)
{
    while (s->n > 0 && is_space(s->p[0]))
        *s = str_slice(*s, 1, s->n);
}

static bool skip_token(struct str *s)
{
    size_t n = 0;

    while (n < s->n && token_char[(unsigned char)s->p[n]])
        n++;
    *s = str_slice(*s, n, s->n);
    return n > 0;
}

static bool skip_quoted(struct str *s)
{
    for (size_t i = 1; i < s->n; i++) {
        unsigned char c = (unsigned char)s->p[i];

        if (c == '"') {
            *s = str_slice(*s, i + 1, s->n);
            return true;
        }
        if (c == '\\')
            c = ++i < s->n ? (unsigned char)s->p[i] : 0;
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return false;
}

/* *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ), RFC 9112 section 7.1.1 */
static bool extensions_valid(struct str s)
{
    while (s.n > 0) {
        skip_space(&s);
        if (s.n == 0 || s.p[0] != ';')
            return false;
        s = str_slice(s, 1, s.n);
        skip_space(&s);
        if (!skip_token(&s))
            return false;
        skip_space(&s);
        if (s.n == 0 || s.p[0] != '=')
            continue;
        s = str_slice(s, 1, s.n);
        skip_space(&s);
        if (!(s.n > 0 && s.p[0] == '"' ? skip_quoted(&s) : skip_token(&s)))
            return false;
    }
    return true;
}

static bool read_chunk_size(struct http1 *p, struct str line)
{
    size_t digits = 0;

    p->left = 0;
    while (digits < line.n && hex_value(line.p[digits]) >= 0) {
        if (digits == CHUNK_DIGITS_MAX)
            return refuse(p, 400, "a chunk size of more than 16 digits (RFC 9112 section 7.1)");
        p->left = p->left << 4 | (unsigned)hex_value(line.p[digits++]);
    }
    if (digits == 0)
        return refuse(p, 400, "a chunk size that is not hexadecimal (RFC 9112 section 7.1)");
    p->extension_bytes += line.n - digits;
    if (line.n - digits > HTTP1_CHUNK_EXTENSION_MAX || p->extension_bytes > EXTENSIONS_MAX)
        return refuse(p, 400, "chunk extensions are too long (RFC 9112 section 7.1.1)");
    if (!extensions_valid(str_slice(line, digits, line.n)))
        return refuse(p, 400, "a malformed chunk size or extension (RFC 9112 section 7.1.1)");
    return true;
}

static enum http1_event on_chunk_size(struct http1 *p, struct str *in, struct str *data)
{
    struct str line;

    (void)data;
    if (take_line(p, in, &line) && read_chunk_size(p, line))
        p->state = p->left > 0 ? HTTP1_IN_CHUNK_DATA : HTTP1_IN_TRAILER;
    return HTTP1_MORE;
}

static enum http1_event on_chunk_data(struct http1 *p, struct str *in, struct str *data)
{
    return take_data(p, in, data, HTTP1_IN_CHUNK_END);
}

static enum http1_event on_chunk_end(struct http1 *p, struct str *in, struct str *data)
{
    char wanted = p->after_cr ? '\n' : '\r';

    (void)data;
    if (in->n == 0)
        return HTTP1_MORE;
    if (in->p[0] != wanted) {
        refuse(p, 400, "a chunk that is longer than its size (RFC 9112 section 7.1)");
        return HTTP1_FAULT;
    }
    *in = str_slice(*in, 1, in->n);
    p->after_cr = wanted == '\r';
    if (wanted == '\n')
        p->state = HTTP1_IN_CHUNK_SIZE;
    return HTTP1_MORE;
}

/* Trailer fields are checked and dropped: nothing merges them into the head. */
static enum http1_event on_trailer(struct http1 *p, struct str *in, struct str *data)
{
    struct http_field dropped;
    struct str line;

    (void)data;
    if (!take_line(p, in, &line))
        return HTTP1_MORE;
    if (line.n == 0)
        p->state = HTTP1_COMPLETE;
    else if (count_field(p))
        read_field(p, line, &dropped);
    return HTTP1_MORE;
}

static enum http1_event on_complete(struct http1 *p, struct str *in, struct str *data)
{
    (void)p, (void)in, (void)data;
    return HTTP1_END;
}

static enum http1_event on_fault(struct http1 *p, struct str *in, struct str *data)
{
    (void)p, (void)in, (void)data;
    return HTTP1_FAULT;
}

enum http1_event http1_feed(struct http1 *p, struct str *in, struct str *data)
{
    static enum http1_event (*const steps[])(struct http1 *, struct str *, struct str *) = {
        [HTTP1_IN_REQUEST_LINE] = on_request_line,
        [HTTP1_IN_FIELDS] = on_field_line,
        [HTTP1_IN_BODY] = on_body,
        [HTTP1_IN_CHUNK_SIZE] = on_chunk_size,
        [HTTP1_IN_CHUNK_DATA] = on_chunk_data,
        [HTTP1_IN_CHUNK_END] = on_chunk_end,
        [HTTP1_IN_TRAILER] = on_trailer,
        [HTTP1_COMPLETE] = on_complete,
        [HTTP1_FAULTY] = on_fault,
    };

    for (;;) {
        enum http1_state state = p->state;
        size_t left = in->n;
        enum http1_event event = steps[state](p, in, data);

        if (event != HTTP1_MORE)
            return event;
        if (p->state == state && in->n == left)
            return HTTP1_MORE;
    }
}

bool http1_expects_body(const struct http1 *p)
{
    return p->state != HTTP1_COMPLETE;
}

bool http1_untouched(const struct http1 *p)
{
    return p->head_bytes == 0;
}
