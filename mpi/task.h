/* Review tasks (mpi_task): what the algorithm would not decide alone, for stewards to look at. */
#pragma once

#include "hub/request.h"

struct mpi_task_row {
    struct place place; /* of the record that it is about */
    struct uuid id;
    struct str kind, state, assigned_to, closed_by, resolution, reasons;
    int64_t opened_at_us, closed_at_us;
    int version;
    struct person_ref person, other_person; /* when it was opened; other: zero when there is none */
    struct place other;
    struct uuid decision;
    bool has_decision;
};

/* Open ones, the oldest first; kind and assigned_to may be STR_NONE (any). Up to 200. */
void mpi_tasks_queue(struct request *rq, struct str kind, struct str assigned_to,
                     struct rows *rows);
void mpi_task_find_queue(struct request *rq, struct uuid id, struct rows *rows);
struct mpi_task_row mpi_task_read(const struct rows *rows, int row);

/* STR_NONE: nobody. */
void mpi_task_assign(struct request *rq, const struct mpi_task_row *t, struct str to);
void mpi_task_close(struct request *rq, const struct mpi_task_row *t, struct str by,
                    struct str resolution);
