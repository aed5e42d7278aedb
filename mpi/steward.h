/* The words of stewards: link, unlink, merge, keep apart. Each beats the algorithm for good: a
 * record that a human placed is never moved by a feed, and what a human keeps apart is never joined
 * by one. Each is logged with before-images, and mpi_undo takes it back exactly.
 *
 * All run inside a transaction (READ COMMITTED), lock the persons and check again; CONFLICT where
 * something moved. What they write is queued when they return. */
#pragma once

#include "hub/request.h"

struct mpi_word {
    struct str by;  /* the steward's account */
    struct str why; /* in their own words; may be empty */
};

struct mpi_stewarded {
    struct uuid log;            /* mpi_merge_log.merge_id: for mpi_undo */
    struct person_ref to, from; /* the person that received records, and the one that gave them */
    size_t moved;               /* records, anchors of the hub included */
    bool emptied;               /* from is part of to now */
};

/* INVALID with code SamePerson, KeptApart (a steward's no-link stands in between; it must be ended
 * first), OtherXadPid (both have one that a member feeds); NOT_FOUND UnknownPerson, UnknownRecord,
 * UnknownMerge. */

/* All records of `subsumed` go over to `surviving`. */
enum status mpi_steward_merge(struct request *rq, const struct mpi_word *word,
                              struct person_ref surviving, struct person_ref subsumed,
                              struct mpi_stewarded *out) MUST_CHECK;

/* The record, and those that its source merged into it, belongs to this person. */
enum status mpi_steward_link(struct request *rq, const struct mpi_word *word, struct place record,
                             struct person_ref person, struct mpi_stewarded *out) MUST_CHECK;

/* The record does not belong to the person that it is linked to: it becomes the person again that
 * it was before it was merged, with that XAD-PID, else a new one; and it is kept apart from all
 * records that stay. INVALID OnlyRecord: the person has no other. */
enum status mpi_steward_unlink(struct request *rq, const struct mpi_word *word, struct place record,
                               struct mpi_stewarded *out) MUST_CHECK;

/* Two records are never of one person. INVALID SamePerson while they are linked to one: unlink. */
enum status mpi_keep_apart(struct request *rq, const struct mpi_word *word, struct place one,
                           struct place other) MUST_CHECK;
/* Takes that back. NOT_FOUND when nothing keeps them apart. */
enum status mpi_keep_apart_end(struct request *rq, struct place one, struct place other) MUST_CHECK;

/* Takes a merge, link or unlink back: records, identifiers, XAD-PIDs and the tasks that it closed
 * are as they were. What joined the person since stays. INVALID with code AlreadyUndone, MovedOn (a
 * record went on since: undo that first). */
enum status mpi_undo(struct request *rq, const struct mpi_word *word, struct uuid merge_id,
                     struct mpi_stewarded *out) MUST_CHECK;
