/* Value sets as files: CSV of our own, and FHIR R4 ValueSet JSON.
 *
 * CSV: lines `field,system,code,display`; the display may hold commas and is not kept. The field is
 * a word of LABEL_FIELDS, or empty for any; the system any name of a code system, or empty for
 * every system; a code that ends in * stands for all that begin so. Lines that begin with # are
 * comments, of which two are read: `# labels: SUD, ETH` and `# confidentiality: R`.
 *
 * ValueSet: compose.include and expansion.contains with their codes, of any field. What selects
 * otherwise (filter, valueSet, exclude, a system without codes, ...) is refused by name: a value
 * set that is read in part would label too little. Pure. */
#pragma once

#include "consent/labels.h"
#include "hub/base/err.h"

enum { LABEL_FILE_MAX = 32 << 20 }; /* bytes */

/* Fills the codes, and labels and confidentiality where the file names them (else they are empty).
 * INVALID, code "labels", with the line or the element. Each code comes once, sorted. */
enum status labels_file_read(struct arena *a, struct str bytes, struct label_set *out,
                             struct errors *err) MUST_CHECK;

/* "SUD, ETH" -> labels: at least one, each of label_valid. */
enum status labels_list_read(struct arena *a, struct str list, struct label_texts *out,
                             struct errors *err) MUST_CHECK;
