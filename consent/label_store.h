/* The value sets' tables, and the book that this process has made of them.
 *
 * Queueing functions add to the caller's pipeline and do not flush; nothing here begins or commits.
 * Every change moves the epochs labels and consent in its transaction. The book is shared by all
 * threads and replaced as a whole; whoever holds one has it until their arena ends. */
#pragma once

#include "consent/labels.h"
#include "hub/data/db.h"

/* The book of this version of epoch labels: from memory, or else read in one flush. Outside the
 * snapshot that gave the version it may be a newer one, as label_book_version says. */
enum status label_book_hold(struct db *db, struct arena *a, int64_t version,
                            const struct label_book **out) MUST_CHECK;
/* The last one that this process read, whatever the epoch is now; NULL before the first. No
 * database: for who writes its version beside what comes of it. */
const struct label_book *label_book_last(struct arena *a);

/* The value sets as of an instant, 0 for now, to replay decisions; one flush. Of an instant its
 * version says nothing. */
enum status label_book_as_of(struct db *db, struct arena *a, int64_t at_us,
                             struct label_book **out) MUST_CHECK;

struct label_change {
    int64_t at_us;
    struct str by; /* the operator's account */
};

/* Replaces the value set of the name, or adds it. */
void label_store_put(struct db *db, struct arena *a, const struct label_change *change,
                     const struct label_set *set, struct str origin);
/* Ends it; `ended` has a row where there was one. */
void label_store_end(struct db *db, const struct label_change *change, struct str name,
                     struct rows *ended);

/* name, labels, confidentiality, origin, since, loaded_by, number of codes: by name. */
void label_store_list(struct db *db, struct rows *out);
/* field, system, code, prefix of one: by system and code. */
void label_store_codes(struct db *db, struct str name, struct rows *out);
