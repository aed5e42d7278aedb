/* What a demographics query has not yet answered: kept in the database, so that any hub process
 * continues it, until it is fetched, cancelled or expires. Pages are rows of their own: a page that
 * is asked for again is answered again. */
#pragma once

#include "hub/request.h"

struct pdq_rest {
    struct str query_id;
    struct person_ref *persons; /* best first */
    size_t count;
    size_t page, shown; /* patients of one answer; on the pages before */
    struct str *domains;
    size_t domain_count;
};

/* Queues the row, and now and then forgets some that have expired; returns the pointer. */
struct str pdq_page_keep(struct request *rq, const struct pdq_rest *rest);
/* Which page: by its pointer (HL7 v2), or by the number of its first patient, from 1 (HL7 v3); with
 * neither the one that was kept last. */
struct pdq_place {
    struct str pointer;
    size_t start;
};
/* One flush. NOT_FOUND with code UnknownPointer: never given to this member, expired, cancelled. */
enum status pdq_page_read(struct request *rq, struct str query_id, struct pdq_place place,
                          struct pdq_rest *out) MUST_CHECK;
void pdq_page_forget(struct request *rq, struct str query_id);
