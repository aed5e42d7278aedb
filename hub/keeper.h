/* The keeper: one thread for what must happen beside requests. It notices changes of members
 * within a quarter of a second and closes the connections of those that were suspended, writes
 * notices into the audit log, makes next months' audit partitions, and lets the rooms tend what
 * they have to (hub_module.tend). */
#pragma once

#include "hub/hub.h"

struct keeper;

struct keeper *keeper_start(struct hub *hub, struct errors *err);
void keeper_stop(struct keeper *k);
