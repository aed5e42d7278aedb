/* Errors: a status goes up, the code and the words are recorded once, where the fault is seen.
 *
 * Functions that can fail return enum status. Those that see a fault call fail(), which records a
 * failure in the caller's list and returns the status, so that `return fail(...)` reads well. Each
 * protocol maps the list to its own shape (RegistryError, SOAP fault, ERR segment) in one place.
 * A denial or an empty match is a value, not an error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hub/base/str.h"

enum status {
    OK = 0,
    NOT_FOUND, /* what was named does not exist (for this caller) */
    INVALID,   /* the input is wrong; resending it unchanged will not help */
    DENIED,    /* the principal may not do this */
    CONFLICT,  /* a concurrent effect got in between; the request may be run again */
    BUSY,      /* a queue or a quota is full: later, please */
    TIMED_OUT, /* a deadline passed */
    UPSTREAM,  /* something that we depend on failed: the database, a disk, a partner */
    INTERNAL,  /* our own fault */
};

#define MUST_CHECK __attribute__((warn_unused_result))

const char *status_name(enum status s);

/* Returns from the enclosing function when the expression is not OK. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum status try_status_ = (expression);                                                    \
        if (try_status_ != OK)                                                                     \
            return try_status_;                                                                    \
    } while (0)

/* What cannot happen: says where and ends the process, in release builds too. The supervisor
 * starts it again; the state is in PostgreSQL. */
#define must(condition, what)                                                                      \
    ((condition) ? (void)0 : must_fail(__FILE__, __LINE__, __func__, (what)))
_Noreturn void must_fail(const char *file, int line, const char *function, const char *what);

struct failure {
    const char *code;     /* the protocol's code (XDSUnknownPatientId, 204, ...): a literal */
    struct str text;      /* which check, whose input, what to do: for people */
    struct str location;  /* where in the message: an object id, an ERR-2 position; may be empty */
    bool warning;         /* recorded, but does not fail the request */
    struct failure *next; /* in order of recording */
};

/* The list of one request (or of one call of a pure parser). Failures live in the arena. */
struct errors {
    struct arena *arena;
    struct failure *first, *last;
    size_t count;       /* warnings included */
    enum status status; /* of the first failure that is not a warning */
};

void errors_init(struct errors *e, struct arena *a);

/* Records a failure and returns `status`. At most 1,000 are kept; the rest are counted. */
enum status fail(struct errors *e, enum status status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum status fail_at(struct errors *e, struct str location, enum status status, const char *code,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void warn_at(struct errors *e, struct str location, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
