/* Putting in force what a consent says, wherever it came from: FHIR Consents (ways_command.c) and
 * consent documents (xds/consent_document.h).
 *
 * What is not understood never takes effect in part: one policy that denies everyone stands for the
 * whole consent, with a flag for each element, until a steward has seen to it. Nothing here begins
 * or commits. */
#pragma once

#include "consent/consent_store.h"
#include "consent/meaning.h"

struct consent_filing {
    struct consent_change change; /* every constituent of the person; when; by whom */
    int64_t from_us, until_us;    /* the consent as a whole; INT64_MIN, INT64_MAX: open */
    struct str origin;            /* of flags: fhir, or the entryUUID of a document */
};

struct consent_filed {
    struct uuid *policies;
    size_t count;
    size_t flags; /* elements that were not understood; the policy denies where it is not 0 */
};

/* Queues the policies of these rules, and the flags of what is strange. */
struct consent_filed consent_file(struct db *db, struct arena *a,
                                  const struct consent_filing *filing,
                                  const struct consent_meaning *meaning);

/* The domain's policies in force, with their provisions: oid, name, rules, version, since, set_by;
 * all, or those of these OIDs. */
void consent_domain_policies_queue(struct db *db, const struct str *oids, size_t count,
                                   struct rows *out);
enum { DOMAIN_OID, DOMAIN_NAME, DOMAIN_RULES, DOMAIN_VERSION, DOMAIN_SINCE, DOMAIN_SET_BY };

/* An actor's OID, name or reference -> the member's name: the members' directory. */
struct consent_actors consent_actors_of(const struct member_directory *members);
