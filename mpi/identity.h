/* Whose record? Identifiers, persons and places: the read side of the index.
 *
 * Every look-up is in two halves, so that what several rooms need goes out in one flush: a
 * *_queue function queues its statements, the caller flushes, the *_read function reads. */
#pragma once

#include "hub/base/pair_index.h"
#include "hub/request.h"

enum mpi_known {
    MPI_UNKNOWN,  /* nobody fed this identifier */
    MPI_ACTIVE,   /* it stands for a person */
    MPI_SUBSUMED, /* merged into another: an XAD-PID has no content any more; a member's own
                     identifier stands for nobody, though its record (place) is still linked */
};

struct mpi_hit {
    enum mpi_known known;
    struct place place;       /* of the record that carries the identifier */
    struct person_ref person; /* whom that record is linked to now */
};

struct mpi_lookup {
    size_t count;
    struct mpi_hit *hits;         /* in the order of the identifiers */
    const struct identifier *ids; /* the caller's: they must outlive the read */
    const int64_t *keys;          /* mpi_identifier_key of each */
    struct rows rows;
};

/* First flush: identifiers (XAD-PIDs included) -> persons. */
void mpi_lookup_queue(struct request *rq, const struct identifier *ids, size_t count,
                      struct mpi_lookup *lookup);
enum status mpi_lookup_read(struct request *rq, struct mpi_lookup *lookup) MUST_CHECK;

struct mpi_people {
    size_t count;
    struct person *people; /* in the order of the references; ref.person_id 0 where gone */
    struct rows rows;
    const struct person_ref *refs;
    struct pair_index by_ref; /* those that are there */
};

/* Second flush: persons -> their places, XAD-PID and constituents. */
void mpi_people_queue(struct request *rq, const struct person_ref *refs, size_t count,
                      struct mpi_people *people);
enum status mpi_people_read(struct request *rq, struct mpi_people *people) MUST_CHECK;
/* The person that the reference names among them, or NULL. */
const struct person *mpi_people_find(const struct mpi_people *people, struct person_ref ref);

struct mpi_owners {
    size_t count;
    struct person_ref *refs; /* in the order of the places */
    struct person *people;   /* likewise; ref.person_id 0: look it up, it lies elsewhere */
    struct rows rows;
    const struct place *places;
};

/* Records -> the persons that they are linked to now (documents know only their record), with what
 * mpi_people gives of a person that lies at its record's place: nearly all. */
void mpi_owners_queue(struct request *rq, const struct place *places, size_t count,
                      struct mpi_owners *owners);
enum status mpi_owners_read(struct request *rq, struct mpi_owners *owners) MUST_CHECK;

/* All identifiers of these persons' records, for PIX answers: authority, id, place, and the
 * member that feeds the authority. Rows in no order. */
struct mpi_identifiers {
    size_t count;
    struct mpi_identifier {
        struct person_ref person;
        struct identifier id;
        struct place place;
        int64_t member_id; /* 0 for XAD-PIDs */
        bool active;       /* false: merged into another by A40 */
    } * items;
    struct rows rows;
    const struct person *person;
};
void mpi_identifiers_queue(struct request *rq, const struct person *person,
                           struct mpi_identifiers *out);
enum status mpi_identifiers_read(struct request *rq, struct mpi_identifiers *out) MUST_CHECK;

/* Locks a person's merges out until the end of the transaction, so that a submission and a merge
 * do not cross: queues the FOR UPDATE of the stripe (mpi_lock) of this identifier. */
void mpi_lock_queue(struct request *rq, struct identifier id);
