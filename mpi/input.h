/* Demographics as members feed them -> the matching core's input. Pure, any thread. */
#pragma once

#include "mpi/core/input.h"
#include "mpi/record.h"

/* Borrows the demographics' text. Identifiers are the caller's to add: local ones of a member say
 * nothing about others. */
void mpi_demographics_input(const struct mpi_demographics *d, struct mpi_input *out);
