/* Forgets what is out of date of other communities: who patients were there (once that has
 * expired) and documents that they showed (once they are asked about again anyway), after
 * community_memory_days more. Nothing is decided by such rows any more. */
#pragma once

#include "hub/config.h"
#include "hub/data/db.h"

/* Some hundred rows of each kind in one transaction, when it is due and no other hub is at it;
 * *more: there are more. Across places. */
enum status gateway_prune(const struct config *config, struct db *db, bool *more) MUST_CHECK;
