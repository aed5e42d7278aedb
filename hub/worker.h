/* Workers: threads that take complete requests off a lane and run them to their end, each with a
 * database connection of its own. */
#pragma once

#include "hub/hub.h"

struct worker;

/* Connects and starts the thread. NULL with the reason in err. */
struct worker *worker_start(struct hub *hub, enum lane lane, struct errors *err);
/* Waits for the thread, which ends when its lane is closed and empty. */
void worker_join(struct worker *w);
