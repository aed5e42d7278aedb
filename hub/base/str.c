#include "hub/base/str.h"

#include <stdio.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/err.h"

struct str str_of(const void *p, size_t n)
{
    return (struct str){p, n};
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq(str_of(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_slice(s, s.n - suffix.n, s.n), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

ptrdiff_t str_find(struct str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

ptrdiff_t str_find_str(struct str s, struct str needle)
{
    const char *at;

    if (needle.n == 0)
        return 0;
    at = s.n > 0 ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? at - s.p : -1;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from >= to)
        return str_of(s.p, 0);
    return str_of(s.p + from, to - from);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = str_of(s.p + 1, s.n - 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_cut(struct str *rest, char sep)
{
    ptrdiff_t at = str_find(*rest, sep);
    struct str head = *rest;

    if (at < 0) {
        *rest = STR_NONE;
        return head;
    }
    head.n = (size_t)at;
    *rest = str_of(rest->p + at + 1, rest->n - (size_t)at - 1);
    return head;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t v;

    if (!str_to_u64(str_slice(s, minus ? 1 : 0, s.n), &v) || v > (uint64_t)INT64_MAX + minus)
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

struct str str_dup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return str_of(p, s.n);
}

const char *str_c(struct arena *a, struct str s)
{
    return str_dup(a, s).p;
}

struct str str_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char first[256]; /* most fit */
    va_list again;
    char *p;
    int n;

    va_copy(again, ap);
    n = vsnprintf(first, sizeof(first), fmt, again);
    va_end(again);
    must(n >= 0, "a format that printf refuses");
    p = arena_bytes(a, (size_t)n + 1);
    if ((size_t)n < sizeof(first))
        memcpy(p, first, (size_t)n + 1);
    else
        vsnprintf(p, (size_t)n + 1, fmt, ap);
    return str_of(p, (size_t)n);
}

struct str str_printf(struct arena *a, const char *fmt, ...)
{
    struct str s;
    va_list ap;

    va_start(ap, fmt);
    s = str_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

struct str str_lower(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        p[i] = lower(s.p[i]);
    return str_of(p, s.n);
}

struct strbuf strbuf_on(struct arena *a, size_t reserve)
{
    struct strbuf b = {.arena = a, .cap = reserve + 1};

    b.p = arena_bytes(a, b.cap);
    b.p[0] = '\0';
    return b;
}

void strbuf_reserve(struct strbuf *b, size_t n)
{
    size_t cap = b->cap > 0 ? b->cap : 64;
    char *p;

    if (b->p != NULL && b->cap - b->n > n)
        return;
    while (cap - b->n <= n)
        must(!__builtin_mul_overflow(cap, (size_t)2, &cap), "a buffer of absurd size");
    p = arena_bytes(b->arena, cap);
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    b->p = p;
    b->cap = cap;
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    strbuf_reserve(b, 64); /* most fit */
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
    va_end(again);
    must(n >= 0, "a format that printf refuses");
    if ((size_t)n >= b->cap - b->n) {
        strbuf_reserve(b, (size_t)n);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    }
    b->n += (size_t)n;
    va_end(ap);
}

struct str strbuf_str(const struct strbuf *b)
{
    return str_of(b->p ? b->p : "", b->n);
}
