#include "gateway/hl7.h"

#include "gateway/hl7_charset.h"
#include "hub/base/hex.h"
#include "hub/base/json_text.h"

static bool is_end(char c)
{
    return c == '\r' || c == '\n';
}

/* One line off *rest; CR, LF or CRLF ends it. */
static struct str cut_line(struct str *rest, size_t *odd)
{
    struct str line = *rest;
    size_t n = 0;

    while (n < rest->n && !is_end(rest->p[n]))
        n++;
    line.n = n;
    if (n < rest->n) {
        *odd += rest->p[n] == '\n';
        if (rest->p[n] == '\r' && n + 1 < rest->n && rest->p[n + 1] == '\n') {
            ++*odd;
            n++;
        }
        n++;
    }
    *rest = str_slice(*rest, n, rest->n);
    return line;
}

static struct str nth(struct str s, char separator, int number)
{
    struct str rest = s;

    for (int i = 1; i < number && rest.p != NULL; i++)
        str_cut(&rest, separator);
    return rest.p != NULL ? str_cut(&rest, separator) : STR_NONE;
}

struct str hl7_field(const struct hl7_message *m, const struct hl7_segment *s, int number)
{
    if (s == NULL)
        return STR_NONE;
    if (!str_eq(s->name, STR("MSH")))
        return nth(s->line, m->separators.field, number + 1);
    if (number == 1)
        return str_slice(s->line, 3, 4);
    return nth(s->line, m->separators.field, number);
}

struct str hl7_repetition(const struct hl7_message *m, struct str *rest)
{
    return str_cut(rest, m->separators.repetition);
}

struct str hl7_component(const struct hl7_message *m, struct str repetition, int number)
{
    return nth(repetition, m->separators.component, number);
}

struct str hl7_subcomponent(const struct hl7_message *m, struct str component, int number)
{
    return nth(component, m->separators.subcomponent, number);
}

const struct hl7_segment *hl7_segment(const struct hl7_message *m, const char *name, size_t n)
{
    for (size_t i = 0; i < m->segment_count; i++)
        if (str_eq(m->segments[i].name, str_from(name)) && n-- == 0)
            return &m->segments[i];
    return NULL;
}

/* What an escape sequence (without its escape characters) stands for. Formatting (\.br\, \H\) and
 * what we do not know become nothing. */
static void sequence_add(struct strbuf *b, const struct hl7_separators *s, struct str sequence)
{
    unsigned char bytes[64];
    size_t n = sequence.n > 0 ? (sequence.n - 1) / 2 : 0;

    if (sequence.n == 1) {
        switch (sequence.p[0]) {
        case 'F':
            strbuf_addc(b, s->field);
            break;
        case 'S':
            strbuf_addc(b, s->component);
            break;
        case 'T':
            strbuf_addc(b, s->subcomponent);
            break;
        case 'R':
            strbuf_addc(b, s->repetition);
            break;
        case 'E':
            strbuf_addc(b, s->escape);
            break;
        default:
            break;
        }
    } else if (sequence.n > 1 && sequence.p[0] == 'X' && n <= sizeof(bytes) &&
               hex_decode(str_slice(sequence, 1, sequence.n), bytes, n)) {
        for (size_t i = 0; i < n; i++)
            if (bytes[i] != 0)
                strbuf_addc(b, (char)bytes[i]);
    }
}

static struct str unescape(struct arena *a, const struct hl7_separators *s, struct str raw)
{
    struct strbuf b = strbuf_on(a, raw.n);
    struct str rest = raw;

    while (rest.p != NULL) {
        struct str plain = str_cut(&rest, s->escape), after = rest;
        ptrdiff_t end = str_find(rest, s->escape);

        strbuf_add(&b, plain);
        if (rest.p == NULL)
            break;
        if (end < 0) { /* a lone escape character is text */
            strbuf_addc(&b, s->escape);
            continue;
        }
        sequence_add(&b, s, str_slice(after, 0, (size_t)end));
        rest = str_slice(after, (size_t)end + 1, after.n);
    }
    return strbuf_str(&b);
}

struct str hl7_text(struct arena *a, const struct hl7_message *m, struct str raw)
{
    struct str s = str_trim(raw);

    if (s.n == 0)
        return STR_NONE;
    if (str_eq(s, STR("\"\"")))
        return str_of("", 0);
    if (m->separators.escape == '\0' || str_find(s, m->separators.escape) < 0)
        return s;
    s = str_trim(unescape(a, &m->separators, s));
    return s.n > 0 && utf8_valid(s) ? s : STR_NONE; /* nothing but formatting says nothing */
}

void hl7_escape(struct strbuf *b, const struct hl7_separators *s, struct str text)
{
    const char special[] = {s->field, s->component, s->subcomponent, s->repetition, s->escape};

    if (str_eq(text, STR("\"\"")) && s->escape != '\0') { /* as it stands it would mean: delete */
        strbuf_addf(b, "%cX2222%c", s->escape, s->escape);
        return;
    }
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        size_t j = 0;

        while (j < sizeof(special) && special[j] != c)
            j++;
        if (c == '\r' || c == '\n' || c == '\0')
            strbuf_addc(b, ' ');
        else if (j == sizeof(special) || s->escape == '\0')
            strbuf_addc(b, c);
        else
            strbuf_addf(b, "%c%c%c", s->escape, "FSTRE"[j], s -> escape);
    }
}

/* MSH-1 and MSH-2. The escape character may be missing, and so may the subcomponent's. */
static enum status read_separators(struct str line, struct hl7_separators *s, struct errors *err)
{
    struct str encoding;
    const char *p;

    if (line.n < 8 || !str_starts(line, STR("MSH")))
        return fail_at(err, STR("MSH^1"), INVALID, "100", "The message does not begin with MSH");
    *s = (struct hl7_separators){.field = line.p[3]};
    encoding = nth(line, s->field, 2);
    p = encoding.p;
    if (encoding.n < 2 || encoding.n > 5)
        return fail_at(err, STR("MSH^1^2"), INVALID, "102",
                       "MSH-2 has to name the separators, as in ^~\\&");
    s->component = p[0];
    s->repetition = p[1];
    s->escape = encoding.n > 2 ? p[2] : '\0';
    s->subcomponent = encoding.n > 3 ? p[3] : '&';
    return OK;
}

static bool separators_differ(const struct hl7_separators *s)
{
    const char all[] = {s->field, s->component, s->repetition, s->subcomponent, s->escape};

    for (size_t i = 0; i < sizeof(all); i++) {
        unsigned char c = (unsigned char)all[i];

        if (c != '\0' && (c <= ' ' || c >= 0x7F || (c >= '0' && c <= '9') ||
                          (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
        for (size_t j = 0; j < i; j++)
            if (all[i] == all[j])
                return false;
    }
    return true;
}

static struct str header_text(struct arena *a, const struct hl7_message *m, int field,
                              int component)
{
    struct str value = hl7_field(m, &m->segments[0], field);

    value = hl7_text(a, m, hl7_component(m, hl7_repetition(m, &value), component));
    return value.p != NULL ? value : str_of("", 0);
}

static void read_fields(struct arena *a, struct hl7_message *m)
{
    m->application = header_text(a, m, 3, 1);
    m->facility = header_text(a, m, 4, 1);
    m->sender[0] = hl7_field(m, &m->segments[0], 3);
    m->sender[1] = hl7_field(m, &m->segments[0], 4);
    m->receiver[0] = hl7_field(m, &m->segments[0], 5);
    m->receiver[1] = hl7_field(m, &m->segments[0], 6);
    m->code = header_text(a, m, 9, 1);
    m->event = header_text(a, m, 9, 2);
    m->structure = header_text(a, m, 9, 3);
    m->control_id = header_text(a, m, 10, 1);
    m->processing_id = header_text(a, m, 11, 1);
    m->version = header_text(a, m, 12, 1);
    m->charset = header_text(a, m, 18, 1);
}

static enum status read_header(struct arena *a, struct str text, struct hl7_message *m,
                               struct errors *err)
{
    struct str rest = text;
    struct str line = cut_line(&rest, &(size_t){0});

    if (str_starts(line, STR("FHS")) || str_starts(line, STR("BHS")))
        return fail_at(err, STR("MSH^1"), INVALID, "200",
                       "Batches (FHS, BHS) are not taken; send each message by itself");
    TRY(read_separators(line, &m->separators, err));
    if (!separators_differ(&m->separators))
        return fail_at(err, STR("MSH^1^2"), INVALID, "102",
                       "The separators of MSH-1 and MSH-2 have to differ, and to be punctuation");
    m->segments = arena_alloc(a, sizeof(*m->segments));
    m->segments[0] = (struct hl7_segment){.name = str_slice(line, 0, 3), .line = line};
    m->segment_count = 1;
    read_fields(a, m);
    return OK;
}

/* Before MSH: a byte order mark, and blank lines that some senders leave. */
static struct str skip_preamble(struct str raw)
{
    if (str_starts(raw, STR("\xEF\xBB\xBF")))
        raw = str_slice(raw, 3, raw.n);
    while (raw.n > 0 && is_end(raw.p[0]))
        raw = str_slice(raw, 1, raw.n);
    return raw;
}

static size_t count_lines(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += is_end(text.p[i]);
    return n;
}

static size_t count_of(struct str s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static bool name_valid(struct str line)
{
    for (size_t i = 0; i < 3; i++)
        if (!((line.p[i] >= 'A' && line.p[i] <= 'Z') || (line.p[i] >= '0' && line.p[i] <= '9')))
            return false;
    return true;
}

static enum status add_segment(struct hl7_message *m, struct str line, struct errors *err)
{
    struct hl7_segment *s = &m->segments[m->segment_count];

    if (line.n < 3 || !name_valid(line) || (line.n > 3 && line.p[3] != m->separators.field))
        return fail(err, INVALID, "100", "Line %zu is not a segment", m->segment_count + 1);
    if (count_of(line, m->separators.field) > HL7_FIELDS_MAX)
        return fail(err, INVALID, "102", "Segment %zu has more than %d fields",
                    m->segment_count + 1, HL7_FIELDS_MAX);
    *s = (struct hl7_segment){.name = str_slice(line, 0, 3), .line = line};
    m->segment_count++;
    return OK;
}

static enum status split(struct arena *a, struct hl7_message *m, struct errors *err)
{
    struct str rest = m->text;
    size_t lines = count_lines(rest);

    if (lines > HL7_SEGMENTS_MAX)
        return fail(err, INVALID, "102", "The message has more than %d segments", HL7_SEGMENTS_MAX);
    m->segments = arena_array(a, lines, sizeof(*m->segments));
    m->segment_count = 0;
    while (rest.n > 0) {
        struct str line = cut_line(&rest, &m->odd_ends);

        if (str_trim(line).n > 0)
            TRY(add_segment(m, line, err));
    }
    return OK;
}

enum status hl7_parse(struct arena *a, struct str raw, struct str charset, struct hl7_message *out,
                      struct errors *err)
{
    struct str text;

    *out = (struct hl7_message){.raw = raw, .text = skip_preamble(raw)};
    TRY(read_header(a, out->text, out, err));
    if (out->charset.n > 0)
        charset = out->charset;
    if (!hl7_charset_known(charset))
        return fail_at(err, STR("MSH^1^18"), INVALID, "103",
                       "The character set of MSH-18 is not one of HL7 table 0211 that the hub"
                       " knows");
    if (!hl7_decode(a, out->text, charset, &text))
        return fail_at(err, STR("MSH^1^18"), INVALID, "102",
                       "The message has bytes that its character set does not have; MSH-18 names"
                       " the set, and empty means ASCII");
    out->text = text;
    TRY(read_header(a, text, out, err));
    out->charset = charset;
    return split(a, out, err);
}
