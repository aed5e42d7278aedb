/* What stewards keep apart (mpi_no_link): pairs of records that are never of one person. */
#pragma once

#include "hub/request.h"

struct mpi_apart {
    size_t count;
    struct mpi_pair {
        struct place one, other;
    } * pairs; /* one: of the places asked for */
    struct rows rows;
};

/* All pairs in force of these records. */
void mpi_apart_queue(struct request *rq, const struct place *places, size_t count,
                     struct mpi_apart *out);
void mpi_apart_read(struct request *rq, struct mpi_apart *out);
bool mpi_apart_has(const struct mpi_apart *apart, struct place one, struct place other);

/* Stored under both places. */
void mpi_apart_store(struct request *rq, struct place one, struct place other, struct str by,
                     struct str why);
void mpi_apart_end(struct request *rq, struct place one, struct place other);
