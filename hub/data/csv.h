/* CSV (RFC 4180), strict about what would be misread, liberal about the rest.
 *
 * A file is read once, in chunks of whole rows, so that several threads can take the rows apart at
 * memory speed: csv_chunk_next belongs to one thread at a time, a chunk to the thread that took
 * it. A quote counts only where a field begins (blanks before it are skipped); rows end in LF,
 * CRLF or CR; a byte order mark is skipped; the separator is the comma, or what the header shows
 * to be it (semicolon, tab, bar). A field that is not UTF-8 is taken for Windows-1252. A quote
 * that never closes, a field or row beyond the caps, and a file that is not text are errors that
 * name the line. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"

enum {
    CSV_FIELD_MAX = 1 << 16,   /* bytes */
    CSV_ROW_MAX = 1 << 20,     /* bytes */
    CSV_COLUMNS_MAX = 1 << 10, /* fields of a row */
    CSV_CHUNK = 4 << 20,       /* bytes, about */
};

/* Rows in memory. The bytes are changed: quotes are taken out of fields in place. */
struct csv_rows {
    char *p, *end;
    char separator;
    uint64_t line;      /* of what comes next, counted from 1 */
    uint64_t row_line;  /* where the row that was read last began */
    const char *broken; /* why it is not CSV, after CSV_BROKEN; then row_line says where */
};

enum csv_got { CSV_END, CSV_ROW, CSV_BROKEN };

/* The next row that is not blank. Its fields borrow the rows' bytes, blanks around them trimmed;
 * of more than `max` the rest are only counted. */
enum csv_got csv_row(struct csv_rows *rows, struct str *fields, size_t max, size_t *count);

/* How many of the first bytes are whole rows; with `last` all that there is. *lines is how many
 * lines they are. 0: not one whole row. */
size_t csv_whole_rows(const char *p, size_t n, char separator, bool last, uint64_t *lines);

/* The separator that the header's line shows: the one of , ; tab | that stands there most often
 * outside quotes; the comma when none does. */
char csv_separator(struct str text);

/* The field as UTF-8: itself, or a copy when it was Windows-1252. */
struct str csv_utf8(struct arena *a, struct str field);

struct csv_file {
    const char *path;
    int fd;
    char separator;
    uint64_t line; /* of what comes next */
    struct str *header;
    size_t columns;
    char *pending; /* read and not yet handed out */
    size_t pending_n, pending_cap;
    bool at_end;
    size_t chunks;  /* handed out */
    uint64_t bytes; /* handed out */
    uint64_t size;  /* of the file; 0 when it is none (a pipe) */
};

struct csv_chunk {
    struct csv_rows rows;
    size_t number; /* of the chunk, from 0 */
    char *bytes;   /* kept for the next chunk */
    size_t cap;
};

/* Opens a file (- is standard input) and reads its header. The header lives on the arena; the file
 * is closed by csv_close. */
enum status csv_open(struct csv_file *f, struct arena *a, const char *path,
                     struct errors *err) MUST_CHECK;
/* Takes the next rows. False at the end, or after a failure, which err tells. The chunk's memory is
 * used again: start with one of zeroes, end with csv_chunk_dispose. */
bool csv_chunk_next(struct csv_file *f, struct csv_chunk *chunk, struct errors *err);
void csv_chunk_dispose(struct csv_chunk *chunk);
void csv_close(struct csv_file *f);
