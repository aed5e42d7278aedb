/* What comes into the registry as metadata (IHE ITI TF-2 3.42, 3.61; Metadata Update supplement;
 * Restricted Metadata Update supplement): one way in (submit.h), four sets of rules. All want READ
 * COMMITTED. */
#pragma once

#include "hub/request.h"

enum status xds_register(struct request *rq, struct reply *rp) MUST_CHECK;           /* ITI-42 */
enum status xds_register_on_demand(struct request *rq, struct reply *rp) MUST_CHECK; /* ITI-61 */
enum status xds_update(struct request *rq, struct reply *rp) MUST_CHECK;             /* ITI-57 */
enum status xds_update_restricted(struct request *rq, struct reply *rp) MUST_CHECK;  /* ITI-92 */
