#include "hub/data/csv_write.h"

static bool runs(struct str field)
{
    return field.n > 0 && memchr("=+-@\t\r", field.p[0], 6) != NULL;
}

static bool needs_quotes(struct str field)
{
    for (size_t i = 0; i < field.n; i++)
        if (memchr(",\";\t\r\n", field.p[i], 6) != NULL)
            return true;
    return field.n > 0 && (field.p[0] == ' ' || field.p[field.n - 1] == ' ');
}

void csv_field_add(struct strbuf *out, struct str field)
{
    bool quotes = needs_quotes(field);

    if (out->n > 0 && out->p[out->n - 1] != '\n')
        strbuf_addc(out, ',');
    if (quotes)
        strbuf_addc(out, '"');
    else if (field.n == 0 && (out->n == 0 || out->p[out->n - 1] == '\n'))
        strbuf_lit(out, "\"\""); /* an empty first field: the line would look empty */
    if (runs(field))
        strbuf_addc(out, '\'');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            strbuf_addc(out, '"');
        strbuf_addc(out, field.p[i]);
    }
    if (quotes)
        strbuf_addc(out, '"');
}

void csv_line_end(struct strbuf *out)
{
    strbuf_lit(out, "\r\n");
}
