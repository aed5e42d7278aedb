/* The entry of mpi_merge_log that a relink leaves: each row that changes as it was before, enough
 * to take it back exactly (mpi/undo.c reads it). Internal to mpi/relink*.c. */
#pragma once

#include "mpi/relink.h"

/* The giving person's mpi_identifier rows as they are, as JSON: before anything is planned. */
struct str mpi_relink_images(struct mpi_relink *w);
/* Queues the entry, and numbers it: w->log. After the plan, before the writes. */
void mpi_relink_log(struct mpi_relink *w);
