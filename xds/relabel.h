/* Labelling what is registered anew when the value sets have changed (label.h): entry by entry in
 * the order of their keys, with a cursor in table xds_relabel. One process is at it at a time. */
#pragma once

#include "hub/data/db.h"

struct hub;

/* Reads the value sets when they have moved, so that this process labels what it registers by
 * them, and labels some hundred stale entries in one transaction. False when there is nothing more
 * to do, or another process does it. As hub_module.tend; across places. */
bool xds_relabel(struct hub *hub, struct db *db, struct arena *a);
