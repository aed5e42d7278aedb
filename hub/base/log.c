#include "hub/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/base/json_text.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic int least_level = LOG_INFO;
static _Thread_local char context_request[40], context_member[80];

void log_set_level(enum log_level least)
{
    atomic_store(&least_level, (int)least);
}

bool log_level_parse(struct str name, enum log_level *out)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (str_eq(name, str_from(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void copy_cut(char *to, size_t size, struct str from)
{
    size_t n = from.n < size - 1 ? from.n : size - 1;

    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

void log_context(struct str request_id, struct str member)
{
    copy_cut(context_request, sizeof(context_request), request_id);
    copy_cut(context_member, sizeof(context_member), member);
}

static void field(struct strbuf *line, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    strbuf_addf(line, ",\"%s\":", name);
    json_text_add(line, value);
}

void log_write(enum log_level level, const char *event, const char *fmt, ...)
{
    struct arena a;
    struct strbuf line;
    struct str detail;
    va_list ap;

    if ((int)level < atomic_load(&least_level))
        return;
    arena_init(&a);
    va_start(ap, fmt);
    detail = str_vprintf(&a, fmt, ap);
    va_end(ap);
    line = strbuf_on(&a, 256);
    strbuf_addf(&line, "{\"at\":\"%.*s\",\"level\":\"%s\",\"event\":\"%s\"",
                STR_ARG(clock_iso(&a, clock_now_us())), level_names[level], event);
    field(&line, "request", str_from(context_request));
    field(&line, "member", str_from(context_member));
    field(&line, "detail", detail);
    strbuf_lit(&line, "}\n");
    if (write(STDERR_FILENO, line.p, line.n) < 0) {
        /* nowhere left to say it */
    }
    arena_dispose(&a);
}
