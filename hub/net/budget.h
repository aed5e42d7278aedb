/* How much memory requests may hold before they are answered: their heads, their bodies, and what
 * is read ahead. The server has one budget, and each peer one within it. Any thread; a holding
 * belongs to the thread of its connection. */
#pragma once

#include <stdatomic.h>

#include "hub/base/err.h"

struct budget {
    atomic_size_t held; /* bytes */
    size_t max;
};

void budget_init(struct budget *b, size_t max);
bool budget_untouched(const struct budget *b); /* nobody holds anything */

/* What one connection holds for one purpose; counted in both budgets. */
struct holding {
    struct budget *server, *peer;
    size_t n; /* bytes */
};

/* Holds n bytes from now on. False, and it holds what it held, when one of the budgets has not got
 * them; less is always granted. A holding of NULL has no limit. */
bool holding_set(struct holding *h, size_t n) MUST_CHECK;
void holding_release(struct holding *h);
