/* The steps of ITI-43, for a gateway whose answer holds others' documents beside these. */
#pragma once

#include "hub/request.h"
#include "xds/gate.h"
#include "xds/repository.h"

/* One DocumentRequest, and what became of it. */
struct xds_wanted {
    struct str home, repository, unique_id; /* as asked; home may be absent */
    const char *code;                       /* why it fails; NULL: it does not */
    struct str words;
    struct str location;         /* of its error, or empty: its uniqueId (3.43.5) */
    bool elsewhere;              /* another community's: whoever fetches it fills what is below */
    const struct person *person; /* whose it is; NULL: unknown here */
    bool withheld;               /* by consent: for the audit only */
    struct str mime_type, new_repository, new_unique_id; /* new: of what was made on demand */
    struct byte_source *source;                          /* its bytes */
    /* Of this repository's: */
    const struct xds_document *document;
    const struct xds_document *on_demand; /* what `document` is a snapshot of, or NULL */
    struct blob_ref blob;
};

struct xds_retrieval {
    struct xds_wanted *v;
    size_t n, failed;
    struct xds_candidates found;
    const struct xds_visible *seen;
    unsigned obligations; /* CONSENT_OBLIGATION, of what is shown, others' documents too */
    struct rows blobs;
};

/* The RetrieveDocumentSetRequest. */
enum status xds_retrieval_read(struct request *rq, struct xds_retrieval *r) MUST_CHECK;
void xds_retrieval_refuse(struct xds_retrieval *r, struct xds_wanted *w, const char *code,
                          struct str words);
/* An error of it is located at its uniqueId and the home community id (3.39.4.1.3). */
void xds_retrieval_at_home(struct request *rq, struct xds_wanted *w, struct str home_urn);
/* Finds, gates and opens those that are not elsewhere. */
enum status xds_retrieval_find(struct request *rq, struct xds_retrieval *r) MUST_CHECK;
/* The audit rows and the answer, of all. */
enum status xds_retrieval_answer(struct request *rq, const struct xds_retrieval *r,
                                 struct reply *rp) MUST_CHECK;
