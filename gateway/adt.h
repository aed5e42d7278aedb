/* ADT messages: HL7 v2 -> the plain structs of the index. Knows no SQL.
 *
 * Sources: IHE ITI TF-2 3.8.4.1.2 (PID), 3.8.4.2.2 (MRG); HL7 v2.3.1 to 2.8. */
#pragma once

#include "gateway/hl7.h"
#include "mpi/feed.h"

/* PID of A01, A04, A05 and A08. INVALID with the field in question: no PID, no usable identifier
 * in PID-3, a date that is none. */
enum status adt_read_patient(struct request *rq, const struct hl7_message *m,
                             struct mpi_feed *out) MUST_CHECK;

/* The patient of a message that the hub does not use, for its audit row: the first identifier of
 * PID-3 that this member may name. None is no failure. */
void adt_note_patient(struct request *rq, const struct hl7_message *m);

struct adt_merge {
    struct identifier surviving, subsumed; /* of one authority */
    bool xad;                              /* on XAD-PIDs */
    struct mpi_feed patient;               /* PID, for a surviving record that is not known yet */
};
/* Every PID with its MRG (ADT_A39 repeats the group), in order. */
enum status adt_read_merges(struct request *rq, const struct hl7_message *m, struct adt_merge **out,
                            size_t *count) MUST_CHECK;

/* What of the surviving patient's identifiers and the subsumed ones belongs together: a pair for
 * each authority that both name, XAD-PIDs in front. `out` has room for twice `count`. */
size_t adt_merge_pairs(struct request *rq, const struct mpi_feed *patient,
                       const struct identifier *subsumed, size_t count, struct adt_merge *out);

/* A24 and A37: the first identifier that this member may name in each of two PID segments. */
enum status adt_read_pair(struct request *rq, const struct hl7_message *m,
                          struct identifier out[2]) MUST_CHECK;

/* A43 (ITI-64). DENIED to all but the member that feeds XAD-PIDs. */
struct adt_link_change {
    struct identifier new_xad, local, old_xad;
    struct identifier subsumed; /* a local one; id empty: none */
};
enum status adt_read_link_change(struct request *rq, const struct hl7_message *m,
                                 struct adt_link_change *out) MUST_CHECK;
