#include "hub/data/xml_write.h"

#include <string.h>

#include "hub/base/err.h"
#include "hub/base/json_text.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct xml_writer xml_writer_on(struct strbuf *out)
{
    return (struct xml_writer){.out = out};
}

static void close_tag(struct xml_writer *w)
{
    if (w->in_tag)
        strbuf_addc(w->out, '>');
    w->in_tag = false;
}

void xml_begin_name(struct xml_writer *w, struct str name)
{
    must(w->depth < XML_WRITER_DEPTH, "XML that is nested too deep");
    close_tag(w);
    strbuf_addc(w->out, '<');
    strbuf_add(w->out, name);
    w->open[w->depth++] = name;
    w->in_tag = true;
}

/* What a character becomes: NULL as it is. In attributes white space would be normalised away, and
 * a carriage return is everywhere (XML 1.0 sections 2.11 and 3.3.3). */
static const char *escape_of(char c, bool attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    default:
        return (unsigned char)c < ' ' ? REPLACEMENT : NULL;
    }
}

/* U+FFFE and U+FFFF are the only well-formed sequences of more than a byte that XML has not. */
static bool not_a_character(const char *p, size_t n)
{
    return n == 3 && (memcmp(p, "\xef\xbf\xbe", 3) == 0 || memcmp(p, "\xef\xbf\xbf", 3) == 0);
}

/* ASCII that stands for itself everywhere: most of what is written. */
static const bool plain[256] = {
    [' ' ... '!'] = true, ['#' ... '%'] = true,  ['\'' ... ';'] = true,
    ['='] = true,         ['?' ... 0x7f] = true,
};

/* The next character at or after `at` that may not stand for itself; four at a time. */
static size_t skip_plain(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.p;

    while (s.n - at >= 4 && (plain[p[at]] & plain[p[at + 1]] & plain[p[at + 2]] & plain[p[at + 3]]))
        at += 4;
    while (at < s.n && plain[p[at]])
        at++;
    return at;
}

static void add_escaped(struct strbuf *b, struct str s, bool attribute)
{
    size_t from = 0, at = 0;

    while ((at = skip_plain(s, at)) < s.n) {
        const char *instead;
        size_t n;

        n = (unsigned char)s.p[at] < 0x80 ? 1 : utf8_length(s.p + at, s.n - at);
        instead = n == 1                                   ? escape_of(s.p[at], attribute)
                  : n == 0 || not_a_character(s.p + at, n) ? REPLACEMENT
                                                           : NULL;
        if (n == 0)
            n = 1;
        if (instead != NULL) {
            strbuf_add(b, str_slice(s, from, at));
            strbuf_add(b, str_from(instead));
            from = at + n;
        }
        at += n;
    }
    strbuf_add(b, str_slice(s, from, at));
}

void xml_attribute_name(struct xml_writer *w, struct str name, struct str value)
{
    must(w->in_tag, "an attribute outside a start tag");
    strbuf_addc(w->out, ' ');
    strbuf_add(w->out, name);
    strbuf_lit(w->out, "=\"");
    add_escaped(w->out, value, true);
    strbuf_addc(w->out, '"');
}

void xml_content(struct xml_writer *w, struct str text)
{
    must(w->depth > 0, "text outside the root element");
    close_tag(w);
    add_escaped(w->out, text, false);
}

void xml_end_name(struct xml_writer *w, struct str name)
{
    must(w->depth > 0 && str_eq(w->open[w->depth - 1], name),
         "an end tag that does not fit its start tag");
    w->depth--;
    if (w->in_tag) {
        strbuf_lit(w->out, "/>");
    } else {
        strbuf_lit(w->out, "</");
        strbuf_add(w->out, name);
        strbuf_addc(w->out, '>');
    }
    w->in_tag = false;
}

void xml_leaf_name(struct xml_writer *w, struct str name, struct str text)
{
    xml_begin_name(w, name);
    if (text.n > 0)
        xml_content(w, text);
    xml_end_name(w, name);
}
