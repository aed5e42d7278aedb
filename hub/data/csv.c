#include "hub/data/csv.h"

#include <string.h>

#include "hub/base/json_text.h"

static bool ends_row(char c)
{
    return c == '\n' || c == '\r';
}

static bool blank(char c, char separator)
{
    return (c == ' ' || c == '\t') && c != separator;
}

/* After the row's last field: past LF, CRLF or CR. */
static char *past_row_end(char *p, const char *end)
{
    if (p < end && *p == '\r')
        p++;
    else if (p < end && *p == '\n')
        return p + 1;
    return p < end && *p == '\n' ? p + 1 : p;
}

static enum csv_got broken(struct csv_rows *rows, const char *why)
{
    rows->broken = why;
    rows->p = rows->end;
    return CSV_BROKEN;
}

/* A quoted field at *at, which is its quote. Doubled quotes become one, in place; what stands
 * between the closing quote and the separator is kept too. False when the quote never closes. */
static bool quoted(struct csv_rows *rows, char **at, struct str *field)
{
    char *from = *at + 1, *start = from, *to = from, *end = rows->end;

    for (;; *to++ = *from++) {
        if (from < end && *from == '"' && (++from == end || *from != '"'))
            break;
        if (from == end)
            return false;
        rows->line += *from == '\n';
    }
    while (from < end && *from != rows->separator && !ends_row(*from))
        *to++ = *from++;
    *field = str_of(start, (size_t)(to - start));
    *at = from;
    return true;
}

static void plain(struct csv_rows *rows, char **at, struct str *field)
{
    char *p = *at, *start = p, *end = rows->end, separator = rows->separator;

    while (p < end && *p != separator && !ends_row(*p))
        p++;
    *field = str_of(start, (size_t)(p - start));
    *at = p;
}

static void trim(struct str *f, char separator)
{
    while (f->n > 0 && blank(f->p[f->n - 1], separator))
        f->n--;
    while (f->n > 0 && blank(f->p[0], separator))
        f->p++, f->n--;
}

/* Skips rows of no bytes but blanks. */
static void skip_blank_rows(struct csv_rows *rows)
{
    char *p = rows->p;

    while (p < rows->end) {
        while (p < rows->end && blank(*p, rows->separator))
            p++;
        if (p < rows->end && !ends_row(*p))
            return;
        rows->line += p < rows->end;
        rows->p = p = past_row_end(p, rows->end);
    }
    rows->p = p;
}

enum csv_got csv_row(struct csv_rows *rows, struct str *fields, size_t max, size_t *count)
{
    char *p, *start;
    struct str field;

    skip_blank_rows(rows);
    if (rows->p == rows->end)
        return CSV_END;
    start = p = rows->p;
    rows->row_line = rows->line;
    for (*count = 0;; p++) {
        while (p < rows->end && blank(*p, rows->separator))
            p++;
        if (p < rows->end && *p == '"') {
            if (!quoted(rows, &p, &field))
                return broken(rows, "a quote that is opened and never closed");
        } else {
            plain(rows, &p, &field);
        }
        trim(&field, rows->separator);
        if (field.n > CSV_FIELD_MAX)
            return broken(rows, "a field of more than 64 KiB");
        if (p - start > CSV_ROW_MAX)
            return broken(rows, "a row of more than 1 MiB");
        if (*count < max)
            fields[*count] = field;
        if (++*count > CSV_COLUMNS_MAX)
            return broken(rows, "a row of more than 1,024 fields");
        if (p == rows->end || ends_row(*p))
            break;
    }
    rows->line += p < rows->end;
    rows->p = past_row_end(p, rows->end);
    return CSV_ROW;
}

/* Past the row that begins at p, or NULL when its end is not there. */
static const char *row_end(const char *p, const char *end, char separator)
{
    for (;; p++) {
        while (p < end && blank(*p, separator))
            p++;
        if (p < end && *p == '"') {
            do {
                p = memchr(p + 1, '"', (size_t)(end - p - 1));
                if (p == NULL || ++p == end)
                    return NULL;
            } while (*p == '"');
        }
        while (p < end && *p != separator && !ends_row(*p))
            p++;
        if (p == end)
            return NULL;
        if (*p == '\n')
            return p + 1;
        if (*p == '\r') /* what follows may be its LF */
            return p + 1 == end ? NULL : p[1] == '\n' ? p + 2 : p + 1;
    }
}

static uint64_t count_lines(const char *p, size_t n)
{
    const char *end = p + n;
    uint64_t lines = 0;

    if (memchr(p, '\n', n) == NULL) { /* of an old Macintosh */
        for (; p < end; p++)
            lines += *p == '\r';
        return lines;
    }
    for (; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        lines++;
    return lines;
}

/* Without quotes the last LF ends the last whole row. */
static size_t cut(const char *p, size_t n, char separator)
{
    const char *at = p, *end = p + n, *next;

    if (memchr(p, '"', n) == NULL && (next = memrchr(p, '\n', n)) != NULL)
        return (size_t)(next + 1 - p);
    while (at < end && (next = row_end(at, end, separator)) != NULL)
        at = next;
    return (size_t)(at - p);
}

size_t csv_whole_rows(const char *p, size_t n, char separator, bool last, uint64_t *lines)
{
    size_t whole = last ? n : n == 0 ? 0 : cut(p, n, separator);

    *lines = whole > 0 ? count_lines(p, whole) : 0;
    return whole;
}

char csv_separator(struct str text)
{
    static const char separators[] = ",;\t|";
    size_t count[sizeof(separators)] = {0}, best = 0;
    bool inside = false;

    for (size_t i = 0; i < text.n && (inside || !ends_row(text.p[i])); i++) {
        const char *found = memchr(separators, text.p[i], sizeof(separators) - 1);

        inside ^= text.p[i] == '"';
        if (found != NULL && !inside)
            count[found - separators]++;
    }
    for (size_t i = 1; i < sizeof(separators) - 1; i++)
        if (count[i] > count[best])
            best = i;
    return separators[best];
}

/* Of 0x80 to 0x9f in Windows-1252; 0 where it has none. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

static void add_code_point(struct strbuf *b, unsigned c)
{
    if (c >= 0x800)
        strbuf_addc(b, (char)(0xe0 | c >> 12));
    if (c >= 0x800)
        strbuf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
    else
        strbuf_addc(b, (char)(0xc0 | c >> 6));
    strbuf_addc(b, (char)(0x80 | (c & 0x3f)));
}

struct str csv_utf8(struct arena *a, struct str field)
{
    struct strbuf b;

    if (utf8_valid(field))
        return field;
    b = strbuf_on(a, 2 * field.n);
    for (size_t i = 0; i < field.n; i++) {
        unsigned c = (unsigned char)field.p[i];

        if (c < 0x80)
            strbuf_addc(&b, (char)c);
        else if (c >= 0xa0)
            add_code_point(&b, c);
        else if (windows_1252[c - 0x80] != 0)
            add_code_point(&b, windows_1252[c - 0x80]);
    }
    return strbuf_str(&b);
}
