/* `causeway consent decide` and `preview`: what the engine decides, and why, for any asker,
 * document and moment. */
#pragma once

#include "consent/consent.h"
#include "hub/command/operation.h"

/* Which documents has this person, labelled as of an instant (0: now)? The registry answers, but
 * consent does not know the registry: hub/main.c hands it in, once. Runs inside an open
 * transaction, may flush; memory of the request. */
struct consent_document {
    struct str id; /* uniqueId */
    struct consent_object object;
};
typedef enum status (*consent_documents_fn)(struct request *rq, const struct person *person,
                                            int64_t as_of_us, struct consent_document **out,
                                            size_t *count);
void consent_set_documents(consent_documents_fn documents);

extern const struct operation_kind consent_decide_kind, consent_preview_kind;
