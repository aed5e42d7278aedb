/* Strings: slices with a length, and a buffer that grows on an arena.
 *
 * A slice borrows its bytes: it lives as long as what it points into (a request's bytes, an arena,
 * a literal). Nothing on the wire is assumed to end in NUL. No function here has state, so any
 * thread may call any of them. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

/* NULL gives STR_NONE. Inline, so that a literal's length is known where it is written. */
static inline struct str str_from(const char *c)
{
    return c != NULL ? (struct str){c, strlen(c)} : STR_NONE;
}
struct str str_of(const void *p, size_t n);
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only, any locale */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_compare(struct str a, struct str b); /* bytewise, as memcmp */
ptrdiff_t str_find(struct str s, char c);    /* index, or -1 */
ptrdiff_t str_find_str(struct str s, struct str needle);
struct str str_slice(struct str s, size_t from, size_t to); /* clamped to the string */
struct str str_trim(struct str s);                          /* space, tab, CR, LF at both ends */

/* Cuts the part before the first `sep` off *rest and returns it; the whole when there is none.
 * *rest becomes STR_NONE (p == NULL) when nothing is left, so `while (rest.p)` visits every
 * field, empty ones included. */
struct str str_cut(struct str *rest, char sep);

/* Decimal digits only, no sign, no space. False on anything else and on overflow. */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out); /* the same, behind an optional minus */

struct str str_dup(struct arena *a, struct str s); /* the copy is followed by a NUL */
const char *str_c(struct arena *a, struct str s);  /* NUL-terminated copy */
struct str str_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct str str_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
struct str str_lower(struct arena *a, struct str s); /* ASCII */

/* A growing buffer. The bytes live in the arena; a buffer needs no release. */
struct strbuf {
    struct arena *arena;
    char *p;
    size_t n, cap;
};

struct strbuf strbuf_on(struct arena *a, size_t reserve);
void strbuf_reserve(struct strbuf *b, size_t n); /* room for n more bytes and a NUL */

/* Inline: answers of a quarter of a megabyte are made of pieces of a few bytes. */
static inline void strbuf_add(struct strbuf *b, struct str s)
{
    if (b->p == NULL || b->cap - b->n <= s.n)
        strbuf_reserve(b, s.n);
    if (s.n > 0)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

static inline void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, (struct str){&c, 1});
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define strbuf_lit(b, literal) strbuf_add((b), STR(literal))
struct str strbuf_str(const struct strbuf *b); /* followed by a NUL; valid until the next add */
