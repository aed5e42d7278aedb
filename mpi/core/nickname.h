/* Given names that stand for each other: BILL and WILLIAM, PEGGY and MARGARET. The table is
 * nicknames.def. Pure, any thread. */
#pragma once

#include "hub/base/str.h"

/* The number of a folded given name in the table, 0 when it is not there. */
uint16_t mpi_nickname_find(struct str given);
/* Do the two names, by their numbers, share a line of the table? */
bool mpi_nickname_same(uint16_t a, uint16_t b);
