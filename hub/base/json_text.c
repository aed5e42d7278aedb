#include "hub/base/json_text.h"

size_t utf8_length(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned char low = 0x80, high = 0xbf;
    size_t length;

    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    length = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n < length)
        return 0;
    if (u[0] == 0xe0)
        low = 0xa0; /* overlong */
    else if (u[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xf4)
        high = 0x8f;
    if (u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool utf8_valid(struct str s)
{
    for (size_t i = 0, n; i < s.n; i += n)
        if ((n = utf8_length(s.p + i, s.n - i)) == 0)
            return false;
    return true;
}

static void add_escaped(struct strbuf *b, char c)
{
    switch (c) {
    case '"':
        strbuf_lit(b, "\\\"");
        break;
    case '\\':
        strbuf_lit(b, "\\\\");
        break;
    case '\n':
        strbuf_lit(b, "\\n");
        break;
    default:
        if ((unsigned char)c < 0x20 || c == 0x7f)
            strbuf_addf(b, "\\u%04x", (unsigned)(unsigned char)c);
        else
            strbuf_addc(b, c);
    }
}

/* Most text needs no closer look. */
static size_t plain_length(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && p[i] >= ' ' && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

void json_text_add(struct strbuf *b, struct str s)
{
    strbuf_addc(b, '"');
    for (size_t i = 0; i < s.n;) {
        size_t plain = plain_length(s.p + i, s.n - i);
        size_t n = utf8_length(s.p + i + plain, s.n - i - plain);

        strbuf_add(b, str_of(s.p + i, plain));
        i += plain;
        if (i == s.n)
            break;
        if (n == 0)
            strbuf_lit(b, "\\ufffd");
        else if (n == 1)
            add_escaped(b, s.p[i]);
        else
            strbuf_add(b, str_of(s.p + i, n));
        i += n > 0 ? n : 1;
    }
    strbuf_addc(b, '"');
}
