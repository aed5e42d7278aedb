/* Patient Identity Management (ITI-30, IHE ITI TF-2 3.30): ADT A47, A24 and A37; its A28, A31 and
 * A40 are as in ITI-8. And ITI-64 (3.64) taken: ADT^A43.
 *
 * A47: MRG-1 is renamed to PID-3, the same record under a new identifier; one that is known already
 * is no new name (205): merge it. A24 and A37: two PID segments; the second one's record goes over
 * to the first one's person, or leaves it. What a source says of its own patients stands against
 * the algorithm, as a steward's word does. A43: PID-3 is the new XAD-PID and a local identifier,
 * MRG-1 the previous XAD-PID and, after a merge, the subsumed local one; taken from the member that
 * feeds the region's XAD-PIDs alone. */
#pragma once

#include "hub/request.h"

enum status iti30_rename(struct request *rq, struct reply *rp);
enum status iti30_link(struct request *rq, struct reply *rp);
enum status iti30_unlink(struct request *rq, struct reply *rp);
enum status iti64_take(struct request *rq, struct reply *rp);
