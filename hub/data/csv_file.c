#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/data/csv.h"

static void reserve(char **p, size_t *cap, size_t n)
{
    if (n <= *cap)
        return;
    *p = realloc(*p, n);
    must(*p != NULL, "memory for a part of a file");
    *cap = n;
}

/* Reads on until `n` bytes wait or the file ends. */
static enum status read_ahead(struct csv_file *f, size_t n, struct errors *err)
{
    reserve(&f->pending, &f->pending_cap, n);
    while (!f->at_end && f->pending_n < n) {
        ssize_t got = read(f->fd, f->pending + f->pending_n, n - f->pending_n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(err, UPSTREAM, "csv", "%s: %s", f->path, strerror(errno));
        if (memchr(f->pending + f->pending_n, '\0', (size_t)got) != NULL)
            return fail(err, INVALID, "csv",
                        "%s is not text that can be read: it has NUL bytes (save it as CSV in "
                        "UTF-8)",
                        f->path);
        f->pending_n += (size_t)got;
        f->at_end = got == 0;
    }
    return OK;
}

static void drop(struct csv_file *f, size_t n, uint64_t lines)
{
    memmove(f->pending, f->pending + n, f->pending_n - n);
    f->pending_n -= n;
    f->bytes += n;
    f->line += lines;
}

static void skip_byte_order_mark(struct csv_file *f)
{
    if (f->pending_n >= 3 && memcmp(f->pending, "\xef\xbb\xbf", 3) == 0)
        drop(f, 3, 0);
}

static enum status copy_header(struct csv_file *f, struct arena *a, const struct str *fields,
                               size_t count, struct errors *err)
{
    f->header = ARENA_ARRAY(a, count, struct str);
    f->columns = count;
    for (size_t i = 0; i < count; i++)
        f->header[i] = str_dup(a, csv_utf8(a, fields[i]));
    while (f->columns > 0 && f->header[f->columns - 1].n == 0)
        f->columns--; /* a separator at the end of the line */
    if (f->columns == 0)
        return fail(err, INVALID, "csv", "%s: the header names no column", f->path);
    return OK;
}

/* The header is the first row; it is read on a copy, for the rows after it are not to be touched.
 */
static enum status read_header(struct csv_file *f, struct arena *a, struct errors *err)
{
    struct str *fields = ARENA_ARRAY(a, CSV_COLUMNS_MAX, struct str);
    struct csv_rows rows = {.line = 1};
    size_t count = 0;

    f->separator = csv_separator(str_of(f->pending, f->pending_n));
    rows.p = arena_copy(a, f->pending, f->pending_n);
    rows.end = rows.p + f->pending_n;
    rows.separator = f->separator;
    switch (csv_row(&rows, fields, CSV_COLUMNS_MAX, &count)) {
    case CSV_END:
        return fail(err, INVALID, "csv", "%s is empty", f->path);
    case CSV_BROKEN:
        return fail(err, INVALID, "csv", "%s, line %llu: %s", f->path,
                    (unsigned long long)rows.row_line, rows.broken);
    case CSV_ROW:
        break;
    }
    drop(f, f->pending_n - (size_t)(rows.end - rows.p), rows.line - 1);
    return copy_header(f, a, fields, count, err);
}

enum status csv_open(struct csv_file *f, struct arena *a, const char *path, struct errors *err)
{
    struct stat about;
    enum status s;

    *f = (struct csv_file){.path = path, .line = 1};
    f->fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return fail(err, NOT_FOUND, "csv", "%s: %s", path, strerror(errno));
    if (fstat(f->fd, &about) == 0 && S_ISREG(about.st_mode))
        f->size = (uint64_t)about.st_size;
    s = read_ahead(f, 2 * CSV_ROW_MAX, err);
    if (s == OK) {
        skip_byte_order_mark(f);
        s = read_header(f, a, err);
    }
    if (s != OK)
        csv_close(f);
    return s;
}

static void hand_out(struct csv_file *f, struct csv_chunk *chunk, size_t n, uint64_t lines)
{
    reserve(&chunk->bytes, &chunk->cap, n);
    memcpy(chunk->bytes, f->pending, n);
    chunk->number = f->chunks++;
    chunk->rows = (struct csv_rows){.p = chunk->bytes,
                                    .end = chunk->bytes + n,
                                    .separator = f->separator,
                                    .line = f->line};
    drop(f, n, lines);
}

bool csv_chunk_next(struct csv_file *f, struct csv_chunk *chunk, struct errors *err)
{
    uint64_t lines;
    size_t n;

    if (read_ahead(f, CSV_CHUNK, err) != OK || f->pending_n == 0)
        return false;
    n = csv_whole_rows(f->pending, f->pending_n, f->separator, f->at_end, &lines);
    if (n == 0) {
        fail(err, INVALID, "csv", "%s, line %llu: %s", f->path, (unsigned long long)f->line,
             "a quote that is opened and never closed, or a row of more than 1 MiB");
        return false;
    }
    hand_out(f, chunk, n, lines);
    return true;
}

void csv_chunk_dispose(struct csv_chunk *chunk)
{
    free(chunk->bytes);
    *chunk = (struct csv_chunk){0};
}

void csv_close(struct csv_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->pending);
    f->fd = -1;
    f->pending = NULL;
}
