/* Does a submission keep the rules (IHE ITI TF-3 4.2, 4.3.1; TF-2 3.42.4.1)? Everything that can
 * be said without the registry. Pure.
 *
 * Each failure names attribute, value and object; its location is the object's id. */
#pragma once

#include "xds/rim.h"

/* Attributes, formats, types of entries, one patient, distinct ids, structure of the submission set
 * by s->rules, and what each association may join; the associations' ends that stand in the message
 * get their kinds checked, the others must be UUIDs. Symbols are not yet resolved. */
enum status xds_validate(struct arena *a, const struct xds_submission *s,
                         struct errors *err) MUST_CHECK;

/* Ids of what the set's own associations of this type name, sorted. */
struct xds_texts xds_set_targets(struct arena *a, const struct xds_submission *s,
                                 enum xds_link type);
/* How often a sorted list has the id, as far as it matters: 0, 1 or 2 for more. */
size_t xds_times(const struct xds_texts *sorted, struct str id);
