/* On-Demand documents (IHE ITI TF-1 10.2.8; TF-2 3.43.4.2.3, 3.61): an entry of this repository
 * that was registered by ITI-61 stands for the patient's newest document of its kind.
 *
 * Retrieved, it is answered with the newest Approved stable document of the same publisher, record,
 * typeCode, formatCode and mimeType that the caller may see, and what was answered is kept: a
 * snapshot, a stable entry of its own (IsSnapshotOf, and RPLC of the snapshot before). While
 * nothing newer has come, the same snapshot is the answer again: one NewDocumentUniqueId always
 * means the same bytes.
 */
#pragma once

#include "xds/gate.h"
#include "xds/repository.h"

struct xds_snapshot {
    const struct xds_document *entry; /* the stable one: NewDocumentUniqueId, mimeType */
    struct blob_ref blob;             /* the same bytes */
};

/* `found` has the person and the policies, read. Makes a snapshot durable and queues its rows where
 * there is none of these bytes. NOT_FOUND, and nothing in rq->err: there is no document of this
 * kind that the caller may see. Wants REPEATABLE READ; four flushes, or two. */
enum status xds_snapshot_take(struct request *rq, const struct xds_candidates *found,
                              const struct xds_document *on_demand, const struct person *person,
                              struct xds_snapshot *out) MUST_CHECK;
