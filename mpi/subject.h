/* A record as the matching core sees it: demographics -> traits -> packed bytes, and these coded
 * in a dictionary together with what they are compared with. Pure but for the dictionary. */
#pragma once

#include "mpi/core/block.h"
#include "mpi/core/model.h"
#include "mpi/record.h"

/* What mpi_record.packed keeps. */
struct str mpi_packed_of(struct arena *a, const struct mpi_demographics *d);

/* One subject and its candidates. Lives as long as the arena. */
struct mpi_coding {
    struct arena *arena;
    const struct mpi_model *model;
    struct mpi_dict dict;
};
struct mpi_coding *mpi_coding_new(struct arena *a, const struct mpi_model *model);

/* NULL when the bytes are not a packed record. */
const uint32_t *mpi_code(struct mpi_coding *c, struct str packed);

/* The keys under which a record is stored and searched: those of the live index. */
size_t mpi_keys(struct mpi_coding *c, const uint32_t *coded, struct mpi_block out[MPI_BLOCKS_MAX]);
