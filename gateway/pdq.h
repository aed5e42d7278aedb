/* Which patients answer to these demographics? The one query behind ITI-21, 22, 47 and 78: decoders
 * fill struct pdq_query, encoders take struct pdq_answer, which only holds what passed the gate.
 *
 * What is compared, counted, shown and kept for continuation is what this member may see: a record
 * that is hidden from it finds nothing, and adds nothing to what is shown. At most max_patients are
 * answered, the best first, and the answer says when there were more. */
#pragma once

#include "gateway/identity_gate.h"
#include "gateway/pdq_page.h"
#include "gateway/pix.h"

enum { PDQ_QUERY_ID_MAX = 255 };

struct pdq_query {
    struct str id; /* QPD-2, queryId: by it a query is continued and cancelled */
    struct mpi_criteria criteria;
    struct str domains[PIX_DOMAINS_MAX]; /* whose identifiers are wanted; none: all */
    size_t domain_count;
    size_t page; /* patients of one answer; 0: all */
};

struct pdq_patient {
    struct person_ref person;
    struct identity_visible ids;
    struct mpi_demographics shown; /* golden, of the visible records alone */
    double fit;                    /* 0 to 1: how far it is what was asked */
    double weight;                 /* of the matching core, bits: the order of the answer */
};

struct pdq_answer {
    struct pdq_patient *patients;
    size_t count;       /* on this page */
    size_t total;       /* of the whole query; on later pages: what was shown before included */
    size_t remaining;   /* behind this page */
    bool capped;        /* more answer to the criteria than the hub tells */
    struct str pointer; /* of the next page; STR_NONE: there is none */
};

/* The policies of everyone found, in a flush of their own. */
enum status pdq_policies(struct request *rq, const struct mpi_found *found,
                         struct consent_policies *policies) MUST_CHECK;
/* What is believed of the person by the records that the gate let through. */
struct mpi_demographics pdq_shown(struct request *rq, const struct identity_seen *seen);

/* INVALID with code TooBroad when the criteria are not narrow enough. Adds the audit rows. */
enum status pdq_ask(struct request *rq, const struct pdq_query *q,
                    struct pdq_answer *out) MUST_CHECK;
/* The same for another community (ITI-55): all that fit at least `least`, best first, without pages
 * and without rows in the audit log, which are for those who are told. *more: the search did not
 * look at everyone who may answer. */
enum status pdq_match(struct request *rq, const struct mpi_criteria *c, double least,
                      struct pdq_answer *out, bool *more) MUST_CHECK;
/* The next page; `page` 0: as the query had it. NOT_FOUND with code UnknownPointer. */
enum status pdq_continue(struct request *rq, struct str query_id, struct pdq_place place,
                         size_t page, struct pdq_answer *out) MUST_CHECK;
/* Forgets what was kept for the query. Nothing kept is no failure. */
void pdq_cancel(struct request *rq, struct str query_id);
