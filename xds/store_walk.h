/* The walk over a file store's objects: STORE/0194/3a2/UUID, folder by folder, in order. Holds the
 * names of one folder in memory, some 17 minutes' worth of objects. One thread at a time. */
#pragma once

#include "xds/store.h"

struct store_walk *store_walk_new(int root); /* descriptor of STORE, borrowed */
enum status store_walk_next(struct store_walk *w, struct store_entry *out, bool *found) MUST_CHECK;
void store_walk_end(struct store_walk *w);
