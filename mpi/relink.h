/* Records that go over from one person to another: what merges by message, the words of stewards
 * and the algorithm's second thoughts have in common.
 *
 * The caller has locked both persons and read them (mpi_person_read). Then, in this order:
 * mpi_relink_read, what goes over (mpi_relink_all or mpi_relink_record), which identifiers retire
 * (mpi_relink_retire), mpi_relink_write. The log (mpi_merge_log) keeps every row that changes as it
 * was; mpi/undo.h takes it back. Internal to mpi/. */
#pragma once

#include "mpi/change.h"
#include "mpi/store.h"

enum { MPI_TO, MPI_FROM };

struct mpi_relink {
    /* By the caller. */
    struct request *rq;
    const char *kind;   /* mpi_merge_log.kind */
    const char *reason; /* mpi_link.reason */
    const char *event;  /* mpi_record.event of new versions: "A40", "merge", "unmerge" */
    enum mpi_change_kind change;
    struct str by;                 /* mpi_link.decided_by */
    struct mpi_person persons[2];  /* MPI_TO, MPI_FROM, as they are */
    bool same;                     /* one person: identifiers retire, nothing goes over */
    bool is_new;                   /* MPI_TO has no row yet */
    bool revives;                  /* MPI_TO was merged away until now */
    const struct mpi_record *born; /* the anchor of one that is new; NULL: none */
    const struct uuid *decision;   /* the algorithm's; NULL: none */

    /* By mpi_relink_read. */
    size_t counts[2];
    struct mpi_record *records[2];  /* of each person; what follows is by record of MPI_FROM */
    struct rows links, xads;        /* as they are */
    struct rows tasks, other_tasks; /* open possible duplicates */
    struct mpi_id_list *before;     /* what stood for the record */
    struct place *intos;            /* which one it followed */
    struct str images;              /* of its identifiers, for the log */

    /* The plan. */
    bool *moves, *changes; /* goes over; gets a new version */
    bool emptied;          /* MPI_FROM has nothing left but anchors, and gives these too */
    struct identifier *retired;
    size_t retired_count;
    struct mpi_person after[2];

    struct uuid log; /* by mpi_relink_write: mpi_merge_log.merge_id */
};

/* One flush. CONFLICT when something moved. */
enum status mpi_relink_read(struct mpi_relink *w) MUST_CHECK;

void mpi_relink_all(struct mpi_relink *w);
/* This record, and what its source merged into it before. */
void mpi_relink_record(struct mpi_relink *w, struct place place);

/* The identifier stands for nobody any more; `into` is the record that takes over, or zero. */
void mpi_relink_retire(struct mpi_relink *w, struct identifier id, struct place into);

/* Queues all of it and tells the observer. */
enum status mpi_relink_write(struct mpi_relink *w) MUST_CHECK;
/* The same by a plan of the caller's own (moves, changes, after), and without a log. */
enum status mpi_relink_apply(struct mpi_relink *w) MUST_CHECK;
