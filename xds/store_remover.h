/* Removals that nobody waits for: what a refused submission brought is taken away from a store that
 * lies behind a network, by a thread of its own. What it cannot keep up with is left to `causeway
 * xds collect`. Any thread may ask. */
#pragma once

#include "xds/store.h"

struct store_remover;

struct store_remover *store_remover_start(struct store *s);
void store_remover_ask(struct store_remover *r, struct uuid id);
void store_remover_stop(struct store_remover *r); /* when what was asked has been done */
