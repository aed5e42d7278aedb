/* The log: one JSON object a line, on standard error. Levels debug, info, warn, error.
 *
 * log_info("event_name", "key=%s ...", ...): the event first, then what happened in key=value
 * words. The thread's context (request id, member) comes by itself. No patient data, ever, and no
 * secrets. Control characters are escaped, so that nothing a client sends can forge a line. */
#pragma once

#include "hub/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level least);
bool log_level_parse(struct str name, enum log_level *out);

/* What the lines of this thread are about; both are copied, cut to fit. Empty clears. */
void log_context(struct str request_id, struct str member);

void log_write(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
