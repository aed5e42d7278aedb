/* `causeway mpi eval --pairs`: rows that hold two records and a label. */
#pragma once

#include "mpi/batch/run.h"

int pairs_eval(struct run *run, const struct cli *c);
