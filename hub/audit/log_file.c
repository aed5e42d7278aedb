#include "hub/audit/log_file.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

struct reading {
    FILE *file;
    struct arena arena; /* of the buffer */
    struct strbuf line;
    crypto_hash_sha256_state hash;
    struct errors *err;
};

/* False at the end, or when the line is too long or cannot be read: *status says. */
static bool next_line(struct reading *r, enum status *status)
{
    char chunk[65536];

    r->line.n = 0;
    while (fgets(chunk, sizeof(chunk), r->file) != NULL) {
        size_t n = strlen(chunk);
        bool whole = n > 0 && chunk[n - 1] == '\n';

        crypto_hash_sha256_update(&r->hash, (const unsigned char *)chunk, n);
        if (r->line.n + n > LOG_LINE_MAX) {
            *status = fail(r->err, INVALID, "export", "a line of more than %d bytes", LOG_LINE_MAX);
            return false;
        }
        strbuf_add(&r->line, str_of(chunk, whole ? n - 1 : n));
        if (whole)
            return true;
    }
    if (ferror(r->file))
        *status = fail(r->err, UPSTREAM, "export", "cannot be read: %s", strerror(errno));
    return *status == OK && r->line.n > 0;
}

static enum status read_lines(struct reading *r,
                              enum status (*read)(void *context, struct arena *a, struct str line),
                              void *context)
{
    enum status status = OK;
    struct arena a;

    arena_init(&a);
    while (status == OK && next_line(r, &status)) {
        status = read(context, &a, strbuf_str(&r->line));
        arena_reset(&a);
    }
    arena_dispose(&a);
    return status;
}

enum status log_file_lines(const char *file,
                           enum status (*read)(void *context, struct arena *a, struct str line),
                           void *context, unsigned char digest[32], struct errors *err)
{
    struct reading r = {.file = strcmp(file, "-") == 0 ? stdin : fopen(file, "r"), .err = err};
    enum status status;

    if (r.file == NULL)
        return fail(err, INVALID, "export", "%s: %s", file, strerror(errno));
    arena_init(&r.arena);
    r.line = strbuf_on(&r.arena, 65536);
    crypto_hash_sha256_init(&r.hash);
    status = read_lines(&r, read, context);
    if (digest != NULL)
        crypto_hash_sha256_final(&r.hash, digest);
    fclose(r.file);
    arena_dispose(&r.arena);
    return status;
}

struct checking {
    struct log_check *check;
    struct errors *err;
};

static enum status check_line(void *context, struct arena *a, struct str line)
{
    struct checking *c = context;

    (void)a;
    return log_check_line(c->check, line, c->err);
}

enum status log_file_check(struct arena *a, const char *file, const struct note_key *key,
                           struct str old, struct log_verdict *out, unsigned char digest[32],
                           struct errors *err)
{
    struct checking c = {log_check_new(a, key, old), err};

    TRY(log_file_lines(file, check_line, &c, digest, err));
    return log_check_end(c.check, out, err);
}
