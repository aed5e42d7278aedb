#include "hub/command/cli_print.h"

#include <inttypes.h>

#include "hub/base/arena.h"
#include "hub/base/json_text.h"

struct cli_table cli_table_on(struct arena *a, size_t columns)
{
    return (struct cli_table){.arena = a, .columns = columns};
}

void cli_table_add(struct cli_table *t, const struct str *cells)
{
    if (t->rows == t->room) {
        size_t room = t->room > 0 ? 2 * t->room : 16;
        struct str *wider = ARENA_ARRAY(t->arena, room * t->columns, struct str);

        for (size_t i = 0; i < t->rows * t->columns; i++)
            wider[i] = t->cells[i];
        t->cells = wider;
        t->room = room;
    }
    for (size_t i = 0; i < t->columns; i++)
        t->cells[t->rows * t->columns + i] = cells[i];
    t->rows++;
}

/* Characters, as near as one can tell without a terminal's own tables. */
static size_t width_of(struct str s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.n; i++)
        width += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct cli_table *t, size_t column)
{
    size_t most = 0;

    for (size_t row = 0; row < t->rows; row++) {
        size_t width = width_of(t->cells[row * t->columns + column]);

        most = width > most ? width : most;
    }
    return most;
}

static void cell_write(struct strbuf *out, struct str cell)
{
    for (size_t i = 0; i < cell.n; i++) {
        unsigned char c = (unsigned char)cell.p[i];
        bool control = c < 0x20 || c == 0x7f ||
                       (c == 0xc2 && i + 1 < cell.n && (unsigned char)cell.p[i + 1] < 0xa0);

        strbuf_addc(out, control ? '?' : cell.p[i]);
        if (control && c == 0xc2)
            i++; /* U+0080 to U+009F are two bytes */
    }
}

void cli_table_write(const struct cli_table *t, struct strbuf *out)
{
    size_t *widths = ARENA_ARRAY(t->arena, t->columns, size_t);

    for (size_t column = 0; column < t->columns; column++)
        widths[column] = column_width(t, column);
    for (size_t row = 0; row < t->rows; row++) {
        for (size_t column = 0; column < t->columns; column++) {
            struct str cell = t->cells[row * t->columns + column];

            cell_write(out, cell);
            if (column + 1 == t->columns)
                continue;
            for (size_t pad = width_of(cell); pad < widths[column] + 2; pad++)
                strbuf_addc(out, ' ');
        }
        strbuf_addc(out, '\n');
    }
}

void cli_json_comma(struct strbuf *b)
{
    if (b->n > 0 && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[' && b->p[b->n - 1] != '\n')
        strbuf_addc(b, ',');
}

void cli_json_key(struct strbuf *b, const char *key)
{
    cli_json_comma(b);
    json_text_add(b, str_from(key));
    strbuf_addc(b, ':');
}

void cli_json_text(struct strbuf *b, const char *key, struct str value)
{
    cli_json_key(b, key);
    json_text_add(b, value);
}

void cli_json_int(struct strbuf *b, const char *key, int64_t value)
{
    cli_json_key(b, key);
    strbuf_addf(b, "%" PRId64, value);
}

void cli_json_bool(struct strbuf *b, const char *key, bool value)
{
    cli_json_key(b, key);
    strbuf_add(b, value ? STR("true") : STR("false"));
}
