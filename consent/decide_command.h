/* `causeway consent decide` and `preview`: what the engine decides, and why, for any asker,
 * document and moment. */
#pragma once

#include "consent/consent.h"
#include "hub/command/operation.h"

/* Which documents has this person, in the versions and with the labels of an instant (0: now)? The
 * registry answers, but consent does not know the registry: hub/main.c hands it in, once. Runs
 * inside an open transaction, may flush; memory of the request. */
struct consent_document {
    struct str id; /* uniqueId */
    struct consent_object object;
};
typedef enum status (*consent_documents_fn)(struct request *rq, const struct person *person,
                                            int64_t as_of_us, struct consent_document **out,
                                            size_t *count);
void consent_set_documents(consent_documents_fn documents);

/* Whose was this identifier at an instant? With *unsure: what the person was merged of then is not
 * known any more. As above: the index answers, by hub/main.c. */
typedef enum status (*consent_past_fn)(struct request *rq, struct identifier id, int64_t at_us,
                                       struct person *out, bool *unsure);
void consent_set_past(consent_past_fn past);

extern const struct operation_kind consent_decide_kind, consent_preview_kind;
