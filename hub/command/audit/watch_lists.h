/* The lists that the rules know people by: staff, and patients to be looked after. Read once,
 * sought by binary search, read anew when they changed. */
#pragma once

#include "hub/command/audit/watch.h"

/* Queries; reads the lists when they are not those in w->kept. */
enum status watch_lists_read(struct watch *w, struct request *rq) MUST_CHECK;
/* The user of a record, by the whole name, by user@issuer, or by user alone. */
const struct audit_staff *watch_staff_of(const struct watch *w, struct str user);
/* Somebody on the staff of this organization who is the patient; NULL: nobody. */
const struct audit_staff *watch_colleague(const struct watch *w, struct str organization,
                                          const struct audit_identity *patient);
bool watch_is_vip(const struct watch *w, struct person_ref person);
