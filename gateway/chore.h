/* Chores of the region, which one hub of several does at a time (table community_chore). */
#pragma once

#include "hub/data/db.h"

/* Is it due, whoever does it? One flush, outside a transaction; who finds it so claims it next. */
enum status chore_look(struct db *db, const char *name, bool *is_due) MUST_CHECK;
