/* Which identifiers has this person? The one query behind ITI-9, ITI-45 and ITI-83, and behind
 * notifications: decoders fill struct pix_query, encoders take the visible identifiers. */
#pragma once

#include "gateway/identity_gate.h"

enum { PIX_DOMAINS_MAX = 64 };

struct pix_query {
    struct identifier id;
    struct str domains[PIX_DOMAINS_MAX]; /* OIDs; none: all */
    size_t domain_count;
};

/* The visible identifiers in the domains that the query names, but never the queried one. An
 * identifier that may not be seen may not be asked by either: `known` is then false, as for one
 * that nobody fed. Sets rq->person. */
struct pix_answer {
    bool known;
    struct identity_visible seen;
};
enum status pix_ask(struct request *rq, const struct pix_query *q,
                    struct pix_answer *out) MUST_CHECK;

/* All that this member may know of a person; `out->count` 0 too when the person is gone. */
enum status pix_identifiers(struct request *rq, struct person_ref person,
                            struct identity_visible *out) MUST_CHECK;

/* Adds the audit row of a query. */
void pix_audit(struct request *rq, const struct identity_visible *v);
