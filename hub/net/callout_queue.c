/* Whose call to a partner is next, when it has as many under way as it may. */
#include "hub/net/callout_priv.h"

/* A place for each asker's first call, then for each one's second: so a member that asks much waits
 * behind itself, and one that asks once is next. */
void queue_flight(struct callout *c, struct flight *f)
{
    struct flight **place = &c->flights;

    f->rank = 0;
    for (const struct flight *o = c->flights; o != NULL; o = o->next)
        f->rank += o->partner == f->partner && o->set->asker == f->set->asker;
    while (*place != NULL && (*place)->rank <= f->rank)
        place = &(*place)->next;
    f->next = *place;
    f->link = place;
    if (f->next != NULL)
        f->next->link = &f->next;
    *place = f;
}
