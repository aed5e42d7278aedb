/* The matching core: a record and its candidates -> link, review or new, with reasons.
 *
 * Pure: no database, no clock, no log; the same inputs give the same decision, so that it can be
 * replayed. The store (mpi/feed.c) finds the candidates by block key, adds the other records of
 * their persons, calls mpi_match and keeps what it said.
 *
 * First form (model exact-1): family, given, birth date and sex all present and equal after
 * normalisation, behind guards that send doubtful pairs to a steward. The probabilistic core
 * fills the same interface with weights and vectors. */
#pragma once

#include "hub/person.h"
#include "mpi/normalise.h"

/* X(name, code, words): why. Codes are stored; never change one. */
#define MPI_REASONS(X)                                                                             \
    X(IDENTIFIER, "identifier", "The identifier is known: it is that record")                      \
    X(EXACT, "exact-demographics", "Family and given name, birth date and sex are equal")          \
    X(NO_CANDIDATE, "no-candidate", "No record resembles it")                                      \
    X(TOO_LITTLE, "too-little", "Name, birth date or sex is missing or a placeholder")             \
    X(AMBIGUOUS, "ambiguous", "It matches more than one person")                                   \
    X(SSN_CONFLICT, "ssn-conflict", "The social security numbers differ")                          \
    X(SUFFIX_CONFLICT, "suffix-conflict", "The generational suffixes differ (Jr, Sr)")             \
    X(MIDDLE_CONFLICT, "middle-conflict", "The middle names differ")                               \
    X(BIRTH_ORDER, "birth-order", "Children of one birth with another order: twins")               \
    X(SAME_AUTHORITY, "same-authority",                                                            \
      "The member has both under different identifiers, and no number or address agrees")          \
    X(OTHER_XAD, "other-xad-pid", "The affinity domain knows both under different XAD-PIDs")       \
    X(OVERLAY, "overlay", "The record contradicts its own former version")

enum mpi_reason {
#define X(name, code, words) MPI_REASON_##name,
    MPI_REASONS(X)
#undef X
        MPI_REASON_COUNT
};
const char *mpi_reason_code(enum mpi_reason r);

enum { MPI_BLOCK_KEYS_MAX = 16, MPI_CANDIDATES_MAX = 256, MPI_REASONS_MAX = 8 };

/* A property that records may share. */
struct mpi_block_key {
    int64_t key;
    int rule;
};

/* The keys under which a record is stored and searched; returns their number. */
size_t mpi_block_keys(const struct mpi_normal *n, struct mpi_block_key keys[MPI_BLOCK_KEYS_MAX]);

/* What is matched: a record of the index, or one that wants in. */
struct mpi_subject {
    struct mpi_normal normal;
    int64_t member_id;
    struct str xad_pid; /* that it was fed with; empty: none */
};

/* A record of a person that shares a block key, or another one of the same person. */
struct mpi_candidate {
    struct place place;
    int version;
    int64_t member_id;
    bool anchor; /* of the hub's own making: says nothing */
    struct mpi_normal normal;
    struct person_ref person;
    struct str person_xad_pid;
};

enum mpi_outcome { MPI_NEW, MPI_REVIEW, MPI_LINK };
const char *mpi_outcome_name(enum mpi_outcome o); /* "new", "review", "link" */

/* How a candidate did: kept for `explain`. */
struct mpi_score {
    size_t candidate; /* its index */
    bool agrees;      /* all four fields */
    enum mpi_reason reasons[MPI_REASONS_MAX];
    size_t reason_count;
};

struct mpi_decision {
    enum mpi_outcome outcome;
    struct person_ref person; /* to link to, or to be reviewed against; zero when new */
    enum mpi_reason reasons[MPI_REASONS_MAX];
    size_t reason_count;
    struct mpi_score *scores;
    size_t score_count;
};

/* Candidates of one person need not stand together. */
void mpi_match(struct arena *a, const struct mpi_subject *subject,
               const struct mpi_candidate *candidates, size_t count, struct mpi_decision *out);

/* Does an update contradict the record's own past (a chart written over another patient's)? */
bool mpi_overlay(const struct mpi_normal *before, const struct mpi_normal *after);

/* SHA-256 of the model's content, as mpi_model has it. */
void mpi_model_hash(unsigned char hash[32]);
