#include "hub/base/err.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/base/arena.h"

enum { KEPT_FAILURES = 1000 };

const char *status_name(enum status s)
{
    static const char *const names[] = {
        [OK] = "ok",
        [NOT_FOUND] = "not_found",
        [INVALID] = "invalid",
        [DENIED] = "denied",
        [CONFLICT] = "conflict",
        [BUSY] = "busy",
        [TIMED_OUT] = "timed_out",
        [UPSTREAM] = "upstream",
        [INTERNAL] = "internal",
    };

    return (size_t)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}

void must_fail(const char *file, int line, const char *function, const char *what)
{
    fprintf(stderr, "causeway: %s:%d: %s: cannot happen: %s\n", file, line, function, what);
    abort();
}

void errors_init(struct errors *e, struct arena *a)
{
    *e = (struct errors){.arena = a};
}

static __attribute__((format(printf, 4, 0))) struct failure *
record(struct errors *e, struct str location, const char *code, const char *fmt, va_list ap)
{
    struct failure *f;

    e->count++;
    if (e->count > KEPT_FAILURES)
        return NULL;
    f = ARENA_NEW(e->arena, struct failure);
    f->code = code;
    f->text = str_vprintf(e->arena, fmt, ap);
    f->location = str_dup(e->arena, location);
    if (e->last != NULL)
        e->last->next = f;
    else
        e->first = f;
    e->last = f;
    return f;
}

static void set_status(struct errors *e, enum status status)
{
    must(status != OK, "a failure has a status");
    if (e->status == OK)
        e->status = status;
}

enum status fail(struct errors *e, enum status status, const char *code, const char *fmt, ...)
{
    va_list ap;

    set_status(e, status);
    va_start(ap, fmt);
    record(e, STR_NONE, code, fmt, ap);
    va_end(ap);
    return status;
}

enum status fail_at(struct errors *e, struct str location, enum status status, const char *code,
                    const char *fmt, ...)
{
    va_list ap;

    set_status(e, status);
    va_start(ap, fmt);
    record(e, location, code, fmt, ap);
    va_end(ap);
    return status;
}

void warn_at(struct errors *e, struct str location, const char *code, const char *fmt, ...)
{
    struct failure *f;
    va_list ap;

    va_start(ap, fmt);
    f = record(e, location, code, fmt, ap);
    va_end(ap);
    if (f != NULL)
        f->warning = true;
}
