#include "hub/net/multipart.h"

#include <string.h>

#include "hub/net/base64_stream.h"
#include "hub/net/gather.h"
#include "hub/net/media_type.h"

enum { BOUNDARY_MAX = 70, DECODED = 4096 };

enum place {
    IN_PREAMBLE,
    AFTER_DELIMITER, /* between the boundary and the end of its line */
    IN_HEAD,
    IN_PART,
    IN_EPILOGUE,
    FAULTY,
};

struct multipart {
    struct arena *arena;
    const struct part_sink *sink;
    struct multipart_limits limits;
    struct str start; /* Content-ID of the root, or empty */
    struct part *first, *last, *root;
    size_t count;
    uint64_t memory; /* bytes of the parts kept in memory */

    enum place place;
    char delimiter[2 + 2 + BOUNDARY_MAX]; /* CRLF -- boundary */
    size_t delimiter_size;
    size_t matched;  /* how much of the delimiter the input ends with */
    size_t borrowed; /* how much of that belongs to the line before, not to the part */
    char tail[2];    /* AFTER_DELIMITER: the last bytes of the line */
    size_t tail_size;
    bool closing, padded;

    struct strbuf head; /* IN_HEAD */
    bool base64;
    struct base64_stream decoder;
    struct gather *kept; /* the part's bytes, when it stays in memory */

    int status;
    struct str fault;
};

static bool refuse(struct multipart *m, int status, const char *rule)
{
    if (m->place != FAULTY) {
        m->place = FAULTY;
        m->status = status;
        m->fault = str_from(rule);
    }
    return false;
}

static bool count_memory(struct multipart *m, size_t n)
{
    if (n > m->limits.max_memory - m->memory)
        return refuse(m, 413,
                      "the message without its MTOM parts is too large: large "
                      "documents must come as MTOM parts of their own");
    m->memory += n;
    return true;
}

/* ---- the Content-Type ---- */

/* bchars of RFC 2046 section 5.1.1 */
static bool boundary_valid(struct str b)
{
    if (b.n == 0 || b.n > BOUNDARY_MAX || b.p[b.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < b.n; i++) {
        char c = b.p[i];
        bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!alphanumeric && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return true;
}

static struct str without_brackets(struct str id)
{
    id = str_trim(id);
    if (id.n >= 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
        return str_slice(id, 1, id.n - 1);
    return id;
}

static bool read_content_type(struct multipart *m, struct str value)
{
    struct str boundary, start;

    if (!media_type_parameter(m->arena, value, STR("boundary"), &boundary) ||
        !media_type_parameter(m->arena, value, STR("start"), &start))
        return refuse(m, 400,
                      "the Content-Type's parameters are malformed or come twice "
                      "(RFC 2045 section 5.1)");
    if (!boundary_valid(boundary))
        return refuse(m, 400,
                      "the boundary is missing, or not 1 to 70 permitted characters "
                      "(RFC 2046 section 5.1.1)");
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_size = 4 + boundary.n;
    m->start = str_dup(m->arena, without_brackets(start));
    return true;
}

struct multipart *multipart_new(struct arena *a, struct str content_type,
                                const struct part_sink *sink, const struct multipart_limits *limits)
{
    struct multipart *m = ARENA_NEW(a, struct multipart);

    m->arena = a;
    m->sink = sink;
    m->limits = *limits;
    m->matched = m->borrowed = 2; /* the body's start counts as the start of a line */
    m->head = strbuf_on(a, 512);
    read_content_type(m, content_type);
    return m;
}

/* ---- the head of a part ---- */

struct part_head {
    struct str id, type, encoding;
    bool has_id, has_type, has_encoding;
};

static bool take_once(struct multipart *m, struct str value, struct str *field, bool *has)
{
    if (*has)
        return refuse(m, 400, "a part's field comes twice (RFC 2045 section 3)");
    *has = true;
    *field = value;
    return true;
}

static bool read_part_field(struct multipart *m, struct str line, struct part_head *h)
{
    struct str value = line;
    struct str name = str_cut(&value, ':');

    if (value.p == NULL || name.n == 0 || name.p[name.n - 1] == ' ' || str_find(name, ' ') >= 0 ||
        str_find(name, '\t') >= 0)
        return refuse(m, 400,
                      "a line in a part's head is not name: value "
                      "(RFC 2046 section 5.1)");
    value = str_trim(value);
    if (str_eq_nocase(name, STR("Content-ID")))
        return take_once(m, without_brackets(value), &h->id, &h->has_id);
    if (str_eq_nocase(name, STR("Content-Type")))
        return take_once(m, value, &h->type, &h->has_type);
    if (str_eq_nocase(name, STR("Content-Transfer-Encoding")))
        return take_once(m, value, &h->encoding, &h->has_encoding);
    return true;
}

/* Folded lines are legal in MIME (RFC 5322 section 2.2.3), unlike in HTTP. */
static void unfold(char *p, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++)
        if (p[i] == '\r' && p[i + 1] == '\n' && (p[i + 2] == ' ' || p[i + 2] == '\t'))
            p[i] = p[i + 1] = ' ';
}

static bool line_ends_clean(struct str head)
{
    for (size_t i = 0; i < head.n; i++) {
        bool cr_before = i > 0 && head.p[i - 1] == '\r';

        if (head.p[i] == '\0' || (head.p[i] == '\n') != cr_before)
            return false;
    }
    return true;
}

/* `text` is the whole head with the empty line that ends it. */
static bool read_part_head(struct multipart *m, struct str text, struct part_head *h)
{
    char *copy = arena_copy(m->arena, text.p, text.n);
    struct str rest = str_of(copy, text.n);

    if (!line_ends_clean(text))
        return refuse(m, 400,
                      "a NUL, or a CR or LF alone, in a part's head "
                      "(RFC 2046 section 5.1)");
    unfold(copy, text.n);
    while (rest.n > 2) { /* the last CRLF is the empty line's */
        struct str line = str_cut(&rest, '\n');

        if (!read_part_field(m, str_slice(line, 0, line.n - 1), h))
            return false;
    }
    return true;
}

static bool check_encoding(struct multipart *m, struct str encoding)
{
    static const struct str plain[] = {{"binary", 6}, {"8bit", 4}, {"7bit", 4}, {"", 0}};

    m->base64 = str_eq_nocase(encoding, STR("base64"));
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (m->base64 || str_eq_nocase(encoding, plain[i]))
            return true;
    return refuse(m, 400, "a Content-Transfer-Encoding other than binary, 8bit, 7bit or base64");
}

/* The count of parts is capped, so comparing each with each stays small. */
static bool id_taken(const struct multipart *m, struct str id)
{
    for (const struct part *p = m->first; p != NULL; p = p->next)
        if (id.n > 0 && str_eq(p->content_id, id))
            return true;
    return false;
}

static bool is_root(const struct multipart *m, struct str id)
{
    return m->start.n > 0 ? str_eq(id, m->start) : m->first == NULL;
}

static void append(struct multipart *m, struct part *p)
{
    if (m->last != NULL)
        m->last->next = p;
    else
        m->first = p;
    m->last = p;
}

static bool open_part(struct multipart *m, const struct part_head *h)
{
    struct part *p = ARENA_NEW(m->arena, struct part);
    bool root = is_root(m, h->id);

    if (++m->count > m->limits.max_parts)
        return refuse(m, 413, "too many parts");
    if (id_taken(m, h->id))
        return refuse(m, 400, "two parts have one Content-ID (RFC 2045 section 7)");
    if (!check_encoding(m, h->encoding))
        return false;
    if (root && str_starts(str_lower(m->arena, h->type), STR("multipart/")))
        return refuse(m, 400, "the root part is itself a multipart (RFC 2387 section 3)");
    *p = (struct part){.content_id = h->id, .content_type = h->type};
    append(m, p);
    m->kept = NULL;
    m->decoder = (struct base64_stream){0};
    if (root)
        m->root = p;
    if (root || m->sink == NULL) {
        m->kept = gather_new(m->arena, m->limits.memory);
        return true;
    }
    p->stored = m->sink->begin(m->sink->context, m->arena);
    return p->stored != NULL || refuse(m, 503, "a part cannot be stored now");
}

/* ---- the bytes of a part ---- */

static bool refuse_sink(struct multipart *m, enum status s)
{
    if (s == INVALID)
        return refuse(m, 400, "a part was refused where it is stored");
    if (s == BUSY || s == UPSTREAM || s == TIMED_OUT)
        return refuse(m, 503, "a part cannot be stored now");
    return refuse(m, 500, "a part could not be stored");
}

static bool store(struct multipart *m, struct str bytes)
{
    enum status s;

    m->last->size += bytes.n;
    if (m->kept == NULL) {
        s = m->sink->write(m->last->stored, bytes);
        return s == OK || refuse_sink(m, s);
    }
    if (!count_memory(m, bytes.n))
        return false;
    return gather_add(m->kept, bytes) || refuse(m, 503, "too much is under way");
}

static bool decode_and_store(struct multipart *m, struct str bytes)
{
    char decoded[DECODED];
    size_t n;

    while (bytes.n > 0) {
        if (!base64_stream_feed(&m->decoder, &bytes, decoded, sizeof(decoded), &n))
            return refuse(m, 400, "a part's base64 is malformed (RFC 2045 section 6.8)");
        if (n > 0 && !store(m, str_of(decoded, n)))
            return false;
    }
    return true;
}

static bool take_content(struct multipart *m, struct str bytes)
{
    if (m->place == IN_PREAMBLE || bytes.n == 0)
        return true;
    return m->base64 ? decode_and_store(m, bytes) : store(m, bytes);
}

static bool close_part(struct multipart *m)
{
    if (m->base64 && !base64_stream_end(&m->decoder))
        return refuse(m, 400, "a part's base64 ends early (RFC 2045 section 6.8)");
    if (m->kept != NULL) {
        m->last->bytes = gather_str(m->kept);
        return true;
    }
    enum status s = m->sink->end(m->last->stored);
    return s == OK || refuse_sink(m, s);
}

/* ---- delimiters ---- */

static bool at_delimiter(struct multipart *m)
{
    if (m->place == IN_PART && !close_part(m))
        return false;
    m->place = AFTER_DELIMITER;
    m->tail_size = 0;
    m->closing = m->padded = false;
    return true;
}

/* The input went on otherwise: what had matched is content after all. CR stands only at the
 * delimiter's front, so no shorter prefix can have matched. */
static bool give_back(struct multipart *m)
{
    struct str prefix = str_of(m->delimiter + m->borrowed, m->matched - m->borrowed);

    m->matched = m->borrowed = 0;
    return take_content(m, prefix);
}

/* Goes on with a delimiter that has begun. */
static bool match(struct multipart *m, struct str *in)
{
    size_t n = m->delimiter_size - m->matched;

    if (n > in->n)
        n = in->n;
    for (size_t i = 0; i < n; i++) {
        if (in->p[i] == m->delimiter[m->matched]) {
            m->matched++;
            continue;
        }
        *in = str_slice(*in, i, in->n);
        return give_back(m);
    }
    *in = str_slice(*in, n, in->n);
    return m->matched < m->delimiter_size || at_delimiter(m);
}

static bool on_content(struct multipart *m, struct str *in)
{
    ptrdiff_t cr;
    size_t plain;

    if (m->matched > 0)
        return match(m, in);
    cr = str_find(*in, '\r');
    plain = cr < 0 ? in->n : (size_t)cr;
    if (!take_content(m, str_slice(*in, 0, plain)))
        return false;
    m->matched = cr >= 0;
    *in = str_slice(*in, plain + m->matched, in->n);
    return true;
}

static bool refuse_line(struct multipart *m)
{
    return refuse(m, 400,
                  "something stands behind a boundary on its line "
                  "(RFC 2046 section 5.1.1)");
}

static void begin_head(struct multipart *m)
{
    m->place = IN_HEAD;
    m->head.n = 0;
}

/* Either "--", padding and the end of the line or of the input; or padding and CRLF. */
static bool on_line_end(struct multipart *m, struct str *in)
{
    char c = in->p[0];

    *in = str_slice(*in, 1, in->n);
    if (m->tail_size == 1 && m->tail[0] == '\r') {
        if (c != '\n')
            return refuse_line(m);
        if (m->closing)
            m->place = IN_EPILOGUE;
        else
            begin_head(m);
        return true;
    }
    if (m->tail_size == 1 && m->tail[0] == '-') {
        m->closing = c == '-';
        m->tail_size = 0;
        return m->closing || refuse_line(m);
    }
    if (c == ' ' || c == '\t') {
        m->padded = true;
        return true;
    }
    if (c != '\r' && (c != '-' || m->closing || m->padded))
        return refuse_line(m);
    m->tail[m->tail_size++] = c;
    return true;
}

static void begin_content(struct multipart *m)
{
    m->place = IN_PART;
    m->matched = m->borrowed = 2; /* the empty line's CRLF may open the delimiter */
}

static bool head_complete(struct str head)
{
    return str_eq(head, STR("\r\n")) || str_ends(head, STR("\r\n\r\n"));
}

static bool on_head(struct multipart *m, struct str *in)
{
    ptrdiff_t lf = str_find(*in, '\n');
    size_t n = lf < 0 ? in->n : (size_t)lf + 1;
    struct part_head h = {.encoding = STR("")};

    if (n > MULTIPART_HEAD_MAX - m->head.n)
        return refuse(m, 400, "a part's head is too large");
    strbuf_add(&m->head, str_slice(*in, 0, n));
    *in = str_slice(*in, n, in->n);
    if (!head_complete(strbuf_str(&m->head)))
        return true;
    if (!count_memory(m, m->head.n))
        return false;
    if (!read_part_head(m, strbuf_str(&m->head), &h) || !open_part(m, &h))
        return false;
    begin_content(m);
    return true;
}

static bool on_epilogue(struct multipart *m, struct str *in)
{
    (void)m;
    *in = str_slice(*in, in->n, in->n);
    return true;
}

static bool on_fault(struct multipart *m, struct str *in)
{
    (void)m, (void)in;
    return false;
}

bool multipart_feed(struct multipart *m, struct str bytes)
{
    static bool (*const steps[])(struct multipart *, struct str *) = {
        [IN_PREAMBLE] = on_content, [AFTER_DELIMITER] = on_line_end, [IN_HEAD] = on_head,
        [IN_PART] = on_content,     [IN_EPILOGUE] = on_epilogue,     [FAULTY] = on_fault,
    };

    while (bytes.n > 0)
        if (!steps[m->place](m, &bytes))
            return false;
    return m->place != FAULTY;
}

bool multipart_end(struct multipart *m)
{
    bool closed =
        m->place == IN_EPILOGUE || (m->place == AFTER_DELIMITER && m->closing && m->tail_size == 0);

    if (m->place == FAULTY)
        return false;
    if (m->place == IN_PREAMBLE)
        return refuse(m, 400, "the boundary never comes (RFC 2046 section 5.1.1)");
    if (!closed)
        return refuse(m, 400, "the closing boundary is missing (RFC 2046 section 5.1.1)");
    if (m->first == NULL)
        return refuse(m, 400, "a multipart without parts (RFC 2046 section 5.1.1)");
    if (m->root == NULL)
        return refuse(m, 400,
                      "no part has the Content-ID that start names "
                      "(RFC 2387 section 3.2)");
    return true;
}

struct part *multipart_parts(const struct multipart *m)
{
    return m->first;
}

struct part *multipart_root(const struct multipart *m)
{
    return m->root;
}

int multipart_status(const struct multipart *m)
{
    return m->status;
}

struct str multipart_fault(const struct multipart *m)
{
    return m->fault;
}
