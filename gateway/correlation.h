/* Who a person is in other communities, as they said, and whose are their documents that were
 * shown.
 *
 * Two halves around a flush, as in mpi/identity.h. A row is used until it expires; a person that
 * was merged since has none (its community is asked again): nothing follows from an old answer that
 * a new one would not say. */
#pragma once

#include "gateway/partner.h"
#include "gateway/xca_answer.h"
#include "hub/base/pair_index.h"

struct correlation {
    int64_t community;
    struct identifier patient; /* id STR_NONE: it knows nobody for sure */
    int64_t expires_us;
    int64_t used_us; /* when somebody last asked about the person, to the day */
};

struct correlations {
    struct correlation *v;
    size_t n;
    struct rows rows;
};

/* Of one person, those in force. */
void correlations_queue(struct request *rq, struct person_ref person, struct correlations *out);
void correlations_read(struct request *rq, struct correlations *out);
const struct correlation *correlation_of(const struct correlations *all, int64_t community);

/* Somebody asks about the person: queues a note of it, once a day, where it is used
 * (gateway/rediscover.h). */
void correlations_used(struct request *rq, struct person_ref person,
                       const struct correlations *known);

/* Keeps what a community said, both ways round. patient.id STR_NONE: nobody. `used`: because
 * somebody asked about the person. */
void correlation_keep(struct request *rq, struct person_ref person, const struct correlation *c,
                      bool used);

/* Whose are patients of one community? Zeroed, it knows nobody. */
struct correlation_owners {
    struct pair_index by_id;
    struct rows rows; /* authority, patient_id, pkey, person_id */
};
void correlation_owners_queue(struct request *rq, int64_t community, const struct identifier *ids,
                              size_t count, struct correlation_owners *out);
void correlation_owners_read(struct request *rq, struct correlation_owners *out);
bool correlation_owner(struct request *rq, const struct correlation_owners *all,
                       struct identifier id, struct person_ref *out);

/* What a query showed of a document is good for so long. */
enum { KNOWN_DOCUMENT_HOURS = 24 };

/* A document entry that was shown; its text is ebRIM. */
struct known_document {
    struct str unique_id;
    int64_t community;
    struct person_ref person;
    struct str entry;
};

void known_documents_keep(struct request *rq, const struct known_document *v, size_t count);
/* Those of these uniqueIds that were seen since `since_us`. */
void known_documents_queue(struct request *rq, const struct str *unique_ids, size_t count,
                           int64_t since_us, struct rows *rows);
struct known_document known_document_read(struct request *rq, const struct rows *rows, int row);
