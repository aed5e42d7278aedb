/* CSV: however the bytes are cut into chunks of whole rows, the same rows come out. */
#include "hub/data/csv.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/json_text.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    uint64_t rows, hash;
    bool broken;
};

static void look_at(struct arena *a, struct str field, struct outcome *o)
{
    field = csv_utf8(a, field);
    must(utf8_valid(field), "text");
    o->hash = (o->hash ^ field.n) * 1099511628211u;
    for (size_t i = 0; i < field.n; i++)
        o->hash = (o->hash ^ (unsigned char)field.p[i]) * 1099511628211u;
}

static void read_rows(struct arena *a, char *p, size_t n, char separator, struct outcome *o)
{
    struct csv_rows rows = {.p = p, .end = p + n, .separator = separator, .line = 1};
    struct str fields[16];
    enum csv_got got;
    size_t count;

    while ((got = csv_row(&rows, fields, 16, &count)) == CSV_ROW) {
        o->rows++;
        for (size_t i = 0; i < count && i < 16; i++)
            look_at(a, fields[i], o);
    }
    o->broken |= got == CSV_BROKEN;
}

/* As csv_chunk_next does, `step` bytes at a time. */
static struct outcome run(const uint8_t *bytes, size_t n, size_t step, char separator)
{
    struct outcome o = {0, 0, false};
    char *all = malloc(n + 1);
    size_t from = 0, to = 0;
    struct arena a;

    must(all != NULL, "memory");
    memcpy(all, bytes, n);
    arena_init(&a);
    while (from < n && !o.broken) {
        size_t whole;
        uint64_t lines;

        to = to + step < n ? to + step : n;
        whole = csv_whole_rows(all + from, to - from, separator, to == n, &lines);
        must(whole <= to - from, "no more rows than bytes");
        read_rows(&a, all + from, whole, separator, &o);
        from += whole;
    }
    arena_dispose(&a);
    free(all);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char separator = csv_separator(str_of(bytes, n));
    struct outcome whole = run(bytes, n, n + 1, separator), cut;

    if (n > 1 << 14)
        return 0;
    cut = run(bytes, n, 1 + n / 7, separator);
    must(whole.broken == cut.broken, "the cut breaks nothing");
    must(whole.broken || (whole.rows == cut.rows && whole.hash == cut.hash),
         "the same rows, however they are cut");
    return 0;
}
