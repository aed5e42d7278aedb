#include "mpi/task.h"

#define TASK_COLUMNS                                                                               \
    "SELECT pkey, task_id, kind, state, opened_at, record_id, version, person_pkey, person_id,"    \
    "       other_pkey, other_record, other_person_pkey, other_person_id, decision_id,"            \
    "       (detail->'reasons')::text, assigned_to, closed_at, closed_by, resolution"

void mpi_tasks_queue(struct request *rq, struct str kind, struct str assigned_to, struct rows *rows)
{
    /* across places: the stewards' list is of the whole region */
    static const struct statement LIST = {
        "mpi_tasks",
        TASK_COLUMNS "  FROM mpi_task"
                     " WHERE state <> 'closed'"
                     "   AND ($1::text IS NULL OR kind = $1)"
                     "   AND ($2::text IS NULL OR assigned_to = $2)"
                     " ORDER BY opened_at, task_id"
                     " LIMIT 200",
    };

    db_queue(rq->db, &LIST, rows, DB_TEXT(kind), DB_TEXT(assigned_to));
}

void mpi_task_find_queue(struct request *rq, struct uuid id, struct rows *rows)
{
    /* across places: a task is named by its id alone */
    static const struct statement FIND = {
        "mpi_task_find",
        TASK_COLUMNS "  FROM mpi_task"
                     " WHERE task_id = $1",
    };

    db_queue(rq->db, &FIND, rows, DB_UUID(id));
}

struct mpi_task_row mpi_task_read(const struct rows *rows, int row)
{
    struct mpi_task_row t = {
        .place = {row_int(rows, row, 0), row_int(rows, row, 5)},
        .id = row_uuid(rows, row, 1),
        .kind = row_text(rows, row, 2),
        .state = row_text(rows, row, 3),
        .opened_at_us = row_time(rows, row, 4),
        .version = (int)row_int(rows, row, 6),
        .person = {row_int(rows, row, 7), row_int(rows, row, 8)},
        .other = {row_int(rows, row, 9), row_int(rows, row, 10)},
        .other_person = {row_int(rows, row, 11), row_int(rows, row, 12)},
        .has_decision = !row_null(rows, row, 13),
        .reasons = row_text(rows, row, 14),
        .assigned_to = row_text(rows, row, 15),
        .closed_at_us = row_null(rows, row, 16) ? 0 : row_time(rows, row, 16),
        .closed_by = row_text(rows, row, 17),
        .resolution = row_text(rows, row, 18),
    };

    if (t.has_decision)
        t.decision = row_uuid(rows, row, 13);
    return t;
}

void mpi_task_assign(struct request *rq, const struct mpi_task_row *t, struct str to)
{
    static const struct statement ASSIGN = {
        "mpi_task_assign",
        "UPDATE mpi_task"
        "   SET assigned_to = $3,"
        "       state = CASE WHEN $3::text IS NULL THEN 'open' ELSE 'assigned' END"
        " WHERE pkey = $1"
        "   AND task_id = $2"
        "   AND state <> 'closed'",
    };

    db_queue(rq->db, &ASSIGN, NULL, DB_INT8(t->place.pkey), DB_UUID(t->id), DB_TEXT(to));
}

void mpi_task_close(struct request *rq, const struct mpi_task_row *t, struct str by,
                    struct str resolution)
{
    static const struct statement CLOSE = {
        "mpi_task_close",
        "UPDATE mpi_task"
        "   SET state = 'closed',"
        "       closed_at = $3,"
        "       closed_by = $4,"
        "       resolution = $5"
        " WHERE pkey = $1"
        "   AND task_id = $2"
        "   AND state <> 'closed'",
    };

    db_queue(rq->db, &CLOSE, NULL, DB_INT8(t->place.pkey), DB_UUID(t->id), DB_TIME(rq->now_us),
             DB_TEXT(by), DB_TEXT(resolution));
}
