/* Does a submission keep the rules (IHE ITI TF-3 4.2, 4.3.1; TF-2 3.42.4.1)? Everything that can
 * be said without the registry. Pure.
 *
 * Each failure names attribute, value and object; its location is the object's id. */
#pragma once

#include "xds/rim.h"

/* Attributes, formats, one patient, distinct ids, structure of the submission set, and what each
 * association may join; the associations' ends that stand in the message get their kinds checked,
 * the others must be UUIDs. Symbols are not yet resolved. */
enum status xds_validate(struct arena *a, const struct xds_submission *s,
                         struct errors *err) MUST_CHECK;

/* ITI-42 and 41 take stable document entries only (TF-2 3.42.4.1.2). */
enum status xds_validate_stable(const struct xds_submission *s, struct errors *err) MUST_CHECK;
