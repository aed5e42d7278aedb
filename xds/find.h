/* Finding registered objects by their ids, whoever the patient is: GetDocuments, ITI-43, and what
 * a submission refers to. */
#pragma once

#include "xds/gate.h"

/* Document entries by uniqueId or entryUUID (urn:uuid:...), in any status; ids that nobody
 * registered, or that name other kinds, give nothing. Fills the people and their policies, ready
 * for xds_gate. Three flushes: ids -> places; documents and the records' owners; persons and
 * policies. Wants REPEATABLE READ. */
enum status xds_find_documents_by_id(struct request *rq, const struct str *ids, size_t count,
                                     struct xds_candidates *found) MUST_CHECK;
