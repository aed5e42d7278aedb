/* One feed on its way, from its first look to what it tells (mpi/feed.h). Internal to mpi/feed*.c:
 * feed.c looks, prepares and locks; feed_decide.c asks the core, and what stewards should look at;
 * feed_write.c changes the index. */
#pragma once

#include "mpi/active_model.h"
#include "mpi/candidates.h"
#include "mpi/feed.h"
#include "mpi/identity.h"

/* The look-up keys of a version of the record. */
struct mpi_feed_keys {
    struct mpi_block *items;
    size_t count;
};

/* One feed on its way. */
struct mpi_feeding {
    struct request *rq;
    const struct mpi_feed *feed;
    struct str xad_pid; /* among the identifiers; STR_NONE */

    struct mpi_lookup seen; /* without locks */
    struct mpi_model_seen model_seen;
    bool known; /* the record exists: before is its current version */
    struct mpi_hit hit;
    struct mpi_record before;

    struct mpi_coding *coding;
    struct mpi_demographics former, demographics; /* before and after this feed */
    struct mpi_record after;
    struct mpi_feed_keys keys, keys_before;
    bool changed; /* a new version is due */
    bool search;  /* it may resemble others than before */

    struct mpi_lookup under_locks;
    struct mpi_search found;
    struct rows numbers, link, tasks;
    struct mpi_locked own; /* the known record's person */
    struct mpi_person person;
    struct mpi_record *others; /* the person's other records */
    size_t other_count;

    struct mpi_case facts;
    struct mpi_decision decision;
    struct uuid decision_id;
    struct str xad_before;    /* of the person that it belongs to */
    struct mpi_record anchor; /* made with the person; version 0: none */
    bool born;
};

bool mpi_is_hub_issuing(const struct request *rq);
/* CONFLICT: what was read without locks is not so any more. */
enum status mpi_feeding_moved(struct mpi_feeding *w) MUST_CHECK;

/* --- feed_decide.c --- */

/* The person's other records: for the golden record, and whether this one is alone. */
enum status mpi_feeding_read_others(struct mpi_feeding *w) MUST_CHECK;
enum status mpi_feeding_decide(struct mpi_feeding *w) MUST_CHECK;
/* Keeps what was decided; a steward looks at what the algorithm would not do alone. */
void mpi_feeding_keep_decision(struct mpi_feeding *w);
/* Does the record contradict its own past: a chart written over another patient's? */
void mpi_feeding_check_overlay(struct mpi_feeding *w);
/* Identifiers of one message that name records of different persons. */
void mpi_feeding_check_identifiers(struct mpi_feeding *w);

/* --- feed_write.c --- */

enum status mpi_feeding_update(struct mpi_feeding *w) MUST_CHECK;
enum status mpi_feeding_add(struct mpi_feeding *w) MUST_CHECK;
/* It was alone, and matches somebody now: its person becomes part of that one. */
enum status mpi_feeding_relink(struct mpi_feeding *w) MUST_CHECK;
