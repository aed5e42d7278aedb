/* The rows that the index writes: one function a table, each queues its statement.
 *
 * Who calls holds the locks (mpi/keys.h, and the persons' rows FOR UPDATE) and has checked what it
 * read under them. Links, the person's list of places and the identifiers' person always change
 * together. Internal to mpi/. */
#pragma once

#include "hub/request.h"
#include "mpi/core/block.h"

enum mpi_identifier_state { MPI_STATE_ACTIVE = 1, MPI_STATE_RETIRED = 2 };

/* One version of a record, as it is read and written. */
struct mpi_record {
    struct place place;
    int version;
    int64_t member_id;
    bool anchor;
    size_t id_count;
    struct identifier *ids;
    int64_t *states;                 /* enum mpi_identifier_state, by identifier */
    struct str demographics, packed; /* STR_NONE in an anchor */
    struct place into;               /* the record that its source merged it into; zero: none */
    int64_t said_at_us;              /* when its source last sent demographics */
};

/* The current version of each of these records; *rows is for mpi_record_read, a row a record. */
#define MPI_RECORD_COLUMNS                                                                         \
    "SELECT DISTINCT ON (pkey, record_id)"                                                         \
    "       pkey, record_id, version, member_id, anchor, authorities, identifiers, states,"        \
    "       demographics, packed, into_pkey, into_record, said_at"
void mpi_records_queue(struct request *rq, const struct place *places, size_t count,
                       struct rows *rows);
struct mpi_record mpi_record_read(struct request *rq, const struct rows *rows, int row);

void mpi_record_store(struct request *rq, const struct mpi_record *r, const char *event);

struct mpi_link {
    struct place place;
    int version;
    struct person_ref person;
    const char *reason; /* of the table's list */
    struct str decided_by;
    const struct uuid *decision; /* NULL: none */
};
void mpi_link_store(struct request *rq, const struct mpi_link *link);
/* The record goes from the person of version - 1 to this one. */
void mpi_link_move(struct request *rq, const struct mpi_link *link);

void mpi_identifier_store(struct request *rq, struct identifier id, struct place place,
                          struct person_ref person, int64_t member_id);
void mpi_identifier_set_state(struct request *rq, struct identifier id,
                              enum mpi_identifier_state state);
/* All identifiers of the record name this person. */
void mpi_identifiers_move(struct request *rq, const struct mpi_record *r, struct person_ref person);

/* The record's look-up keys (mpi/core/block.h), with its packed fields and its person. */
void mpi_block_keys_store(struct request *rq, const struct mpi_record *r,
                          const struct mpi_block *keys, size_t count, struct person_ref person);
void mpi_block_keys_remove(struct request *rq, const struct mpi_record *r,
                           const struct mpi_block *keys, size_t count);
void mpi_block_keys_move(struct request *rq, const struct mpi_record *r, struct person_ref person);

/* A new person with these records; xad_pid may be STR_NONE. */
void mpi_person_store(struct request *rq, struct person_ref person, const struct place *places,
                      size_t count, struct str xad_pid);
void mpi_person_add_place(struct request *rq, struct person_ref person, struct place place);
void mpi_person_set_xad(struct request *rq, struct person_ref person, struct str xad_pid);
void mpi_xad_store(struct request *rq, struct str xad_pid, struct person_ref person);
void mpi_xad_subsume(struct request *rq, struct str xad_pid, struct str surviving);
void mpi_xad_revive(struct request *rq, struct str xad_pid);

/* The hub's own record of a person, numbered record_id at the person's place: it carries the
 * XAD-PID, and the documents that name no member's record. Record, link, identifier, XAD-PID. */
struct mpi_record mpi_anchor_store(struct request *rq, struct person_ref person, int64_t record_id,
                                   struct str xad_pid);

/* Persons, one statement each, in ascending order; FOR UPDATE when `lock`. */
struct mpi_locked {
    size_t count;
    struct person_ref *refs; /* sorted, each once */
    struct rows *rows;       /* of each */
};
void mpi_persons_queue(struct request *rq, const struct person_ref *refs, size_t count, bool lock,
                       struct mpi_locked *locked);
struct mpi_person {
    struct person_ref ref;
    struct place *places;
    size_t place_count;
    struct str xad_pid;
    bool merged;
    struct person_ref into; /* where merged */
    struct person_ref *constituents;
    size_t constituent_count;
    int64_t link_epoch;
    struct str image; /* the row as JSON, for the merge log */
};
/* `image` is to_jsonb(p) for who writes the merge log, else NULL::jsonb. */
#define MPI_PERSON_COLUMNS(image)                                                                  \
    "SELECT p.pkey, p.person_id, p.place_pkeys, p.place_records, p.xad_pid,"                       \
    "       p.merged_id IS NOT NULL, p.constituent_pkeys, p.constituent_ids, " image ","           \
    "       p.merged_pkey, p.merged_id, p.link_epoch"
/* False when the row is gone or was merged into another meanwhile (all is filled in then too). */
bool mpi_person_read(struct request *rq, const struct rows *rows, int row, struct mpi_person *out);
/* The row with its lists as they will be. */
void mpi_person_update(struct request *rq, const struct mpi_person *p);

struct mpi_task {
    const char *kind; /* of the table's list */
    struct place place;
    int version;
    struct person_ref person, other; /* other: zero when there is none */
    struct place other_place;        /* zero when there is none */
    const struct uuid *decision;
    struct str detail; /* JSON */
};
void mpi_task_store(struct request *rq, const struct mpi_task *t);

/* The identifier of an XAD-PID. */
struct identifier mpi_xad_identifier(struct request *rq, struct str xad_pid);
bool mpi_is_xad(const struct request *rq, struct identifier id);
