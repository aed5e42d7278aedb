/* What commands print: tables for people, JSON for scripts. */
#pragma once

#include "hub/base/str.h"

/* Rows of equally many cells, the first of them the headings; columns are as wide as they must be.
 * Control characters are shown as ?, so that nothing stored can play with a terminal. */
struct cli_table {
    struct arena *arena;
    size_t columns, rows, room;
    struct str *cells;
};

struct cli_table cli_table_on(struct arena *a, size_t columns);
void cli_table_add(struct cli_table *t, const struct str *cells);
#define cli_table_row(t, ...) cli_table_add((t), (const struct str[]){__VA_ARGS__})
void cli_table_write(const struct cli_table *t, struct strbuf *out);

/* A member of the JSON object that is being written: the comma comes by itself. */
void cli_json_key(struct strbuf *b, const char *key);
void cli_json_text(struct strbuf *b, const char *key, struct str value);
void cli_json_int(struct strbuf *b, const char *key, int64_t value);
void cli_json_bool(struct strbuf *b, const char *key, bool value);
/* Before an element of an array. */
void cli_json_comma(struct strbuf *b);
