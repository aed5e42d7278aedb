/* What communities answer to ITI-38 and ITI-39, read under suspicion. Pure.
 *
 * Every element and error of an answer must be credited to the community that was asked (its home
 * community id): an answer that credits anything to another one, or to none, is refused as a whole,
 * and the refusal names the community. An object that ebRIM cannot carry is left out alone, and
 * said so. (IHE ITI TF-2 3.38.4.1.3, 3.39.4.1.3.) */
#pragma once

#include "gateway/partner_answer.h"
#include "hub/base/pair_index.h"
#include "xds/rim.h"

/* An answer to ITI-38. */
struct xca_found {
    struct xds_object **v; /* of their community: uuid, home and source_member are set */
    size_t n;
    struct errors told; /* what it told or what was left out; each located at its home */
};

/* UPSTREAM with the reason in err when the answer as a whole is not to be used. `body` NULL: no
 * results. */
enum status xca_found_read(struct arena *a, const struct partner *p, xmlNode *body,
                           struct xca_found *out, struct errors *err) MUST_CHECK;

/* An answer to ITI-80: UPSTREAM with its errors in err when it did not take everything; its
 * warnings are there, too, when it did. */
enum status xca_provided_read(struct arena *a, const struct partner *p, const xmlNode *body,
                              struct errors *err) MUST_CHECK;

/* One document of an answer to ITI-39: a part, or bytes that stood inline. */
struct xca_document {
    struct str repository, unique_id, mime_type;
    struct str new_repository, new_unique_id; /* of what was made of an on-demand entry; or empty */
    struct part *part;                        /* NULL: inline */
    struct str bytes;
};

struct xca_documents {
    struct xca_document *v;
    size_t n;
    struct errors told; /* located as the community says: xca_location_find */
};

/* Which of these uniqueIds does the location of an error of ITI-39 name, or PAIR_NONE? It holds the
 * uniqueId and the home community id (3.43.5, 3.39.4.1.3); how they stand beside each other no text
 * says, and older gateways write one of them alone. */
size_t xca_location_find(const struct pair_index *unique_ids, struct str location);

enum status xca_documents_read(struct arena *a, const struct partner *p,
                               const struct partner_answer *answer, struct xca_documents *out,
                               struct errors *err) MUST_CHECK;
