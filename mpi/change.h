/* What a change of the index did: to which persons, records and identifiers.
 *
 * Whatever moves links or identifiers (a feed, a merge by message, a steward's link, unlink, merge
 * or unmerge) tells it to one observer, inside its own transaction and with everything that it
 * writes queued before, so that notifications (ITI-10, 46, 64) lie in an outbox when the change is
 * durable, and consents follow the records. hub/main.c sets the observer: mpi knows no other room.
 * Of demographics a feed tells the birth date alone, when it corrects it: ages hang on it. */
#pragma once

#include "hub/request.h"

enum mpi_change_kind {
    MPI_CHANGE_FEED,
    MPI_CHANGE_MERGE,  /* by message (A40) or by a steward: one person is part of another */
    MPI_CHANGE_LINK,   /* a record went over to another person */
    MPI_CHANGE_UNLINK, /* a record left its person for one of its own */
    MPI_CHANGE_UNDO,   /* one of these was taken back from its log */
    MPI_CHANGE_BIRTH,  /* a feed says another birth date of the one person; nothing moved */
};

struct mpi_id_list {
    const struct identifier *items;
    size_t count;
};
struct mpi_record;
/* Those of a record that hold now. */
struct mpi_id_list mpi_active_ids(struct request *rq, const struct mpi_record *r);

/* A record that is new, went over to another person, or whose identifiers changed. */
struct mpi_changed_record {
    struct place place;
    int64_t member_id; /* that feeds it; 0: an anchor, the hub's own with the XAD-PID */
    bool anchor;
    struct person_ref from, to;       /* from is zero for a new record; equal when it stayed */
    struct mpi_id_list before, after; /* its identifiers that stand for a patient (A40 retires) */
};

struct mpi_changed_person {
    struct person_ref ref;
    struct str xad_before, xad_after; /* id part; empty: none. The one of a person that was merged
                                         away stands for nobody any more */
    bool born, gone;                  /* new or revived; merged into another */
    const struct place *places;       /* linked now */
    size_t place_count;
    const struct person_ref *constituents; /* of MPI_CHANGE_BIRTH alone */
    size_t constituent_count;
};

struct mpi_change {
    enum mpi_change_kind kind;
    struct str by;                        /* "member:NAME", "algorithm", or the steward's account */
    struct mpi_changed_person persons[2]; /* who receives records in front */
    size_t person_count;
    struct mpi_changed_record *records;
    size_t record_count;
};

/* Runs in the transaction of the change and may flush; a failure fails the change. */
typedef enum status (*mpi_change_observer)(struct request *rq, const struct mpi_change *change);
void mpi_change_set_observer(mpi_change_observer observer); /* once, before threads */

/* All identifiers that stood for this person before the change, and those that do now, XAD-PIDs
 * included, in no order. One flush. */
enum status mpi_change_identifiers(struct request *rq, const struct mpi_change *change,
                                   const struct mpi_changed_person *person,
                                   struct mpi_id_list *before,
                                   struct mpi_id_list *after) MUST_CHECK;

/* For those that change the index. */
enum status mpi_change_tell(struct request *rq, const struct mpi_change *change) MUST_CHECK;
