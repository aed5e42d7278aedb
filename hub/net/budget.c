#include "hub/net/budget.h"

void budget_init(struct budget *b, size_t max)
{
    atomic_init(&b->held, 0);
    b->max = max;
}

bool budget_untouched(const struct budget *b)
{
    return atomic_load(&b->held) == 0;
}

/* Never above max, not even for a moment: a large request in vain must not refuse a small one. */
static bool take(struct budget *b, size_t n)
{
    size_t held = atomic_load_explicit(&b->held, memory_order_relaxed);

    do {
        if (n > b->max - held)
            return false;
    } while (!atomic_compare_exchange_weak(&b->held, &held, held + n));
    return true;
}

static void give(struct budget *b, size_t n)
{
    must(atomic_fetch_sub(&b->held, n) >= n, "what is given was taken");
}

static bool grow(struct holding *h, size_t n)
{
    if (!take(h->peer, n))
        return false;
    if (take(h->server, n))
        return true;
    give(h->peer, n);
    return false;
}

bool holding_set(struct holding *h, size_t n)
{
    if (h == NULL || n == h->n)
        return true;
    if (n > h->n && !grow(h, n - h->n))
        return false;
    if (n < h->n) {
        give(h->server, h->n - n);
        give(h->peer, h->n - n);
    }
    h->n = n;
    return true;
}

void holding_release(struct holding *h)
{
    must(holding_set(h, 0), "less is always granted");
}
