/* Registered objects that leave the registry, with everything that touches them: for ITI-62 and
 * `causeway xds retract`. Reading locks; what is written is queued, and goes out with the COMMIT.
 * Ids stay claimed (uid_claim): none names another object later. Wants READ COMMITTED. */
#pragma once

#include "xds/find.h"

struct xds_removal {
    struct request *rq;
    struct xds_objects objects; /* what goes, each once; unique ids and publishers known */
    struct xds_objects around;  /* associations that touch them, each once */
    struct xds_objects later;   /* ends that ought to go too: later versions of what goes */
};

struct xds_removal xds_removal_of(struct request *rq);

/* Locks and reads these objects and what touches them; those that are gone already are left out.
 * One flush. */
enum status xds_removal_add(struct xds_removal *r, const struct xds_uid_hit *hits,
                            size_t count) MUST_CHECK;
bool xds_removal_has(const struct xds_removal *r, struct uuid uuid);

/* Locks the sets among these hits, and reads the associations that touch any of them. One flush. */
enum status xds_removal_look(struct xds_removal *r, const struct xds_uid_hit *hits, size_t count,
                             struct xds_objects *touching) MUST_CHECK;

/* The submission sets that lose a member, and what loses its membership in one, without going
 * themselves: each once. */
size_t xds_removal_bereaved(const struct xds_removal *r, struct xds_uid_hit **out);
/* Does it still have a member, or a membership in a set, among what touches it and stays? */
bool xds_removal_linked(const struct xds_removal *r, const struct xds_objects *touching,
                        const struct xds_uid_hit *hit);

/* Queues the DELETEs. The bytes of documents are out of reach from then on (xds_blob.removed_at).
 */
void xds_removal_apply(const struct xds_removal *r);
