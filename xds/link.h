/* What a submission's associations do in the registry (TF-2 3.42.4.1.3.4 to .6): the objects they
 * refer to are found, locked and checked, and the effects applied: RPLC deprecates its target and
 * the target's transformations and addenda, and puts the replacement into the target's folders. */
#pragma once

#include "mpi/identity.h"
#include "xds/find.h"

/* A registered object that the submission refers to. */
struct xds_ref {
    struct uuid uuid;
    bool found;
    enum xds_kind kind;
    struct place place;
    bool related; /* an end of a relationship, or of a membership in a folder: locked and checked */
    bool replaced;                 /* the target of RPLC or XFRM_RPLC */
    struct rows row;               /* status, object_type: read under its lock */
    struct rows children, folders; /* of one that is replaced */
};

struct xds_links {
    struct xds_submission *s;
    size_t n;
    struct xds_ref *refs; /* sorted by uuid: the order of the locks */
    struct xds_uid_lookup lookup;
    struct xds_objects made; /* associations that the registry itself adds */
    size_t joined_count;
    struct xds_join *joined; /* folders that replacements come into */
};

/* In the first flush: looks up everything that the associations name and the message does not
 * hold. The ends' uuids are resolved. */
void xds_links_queue(struct request *rq, struct xds_submission *s, struct xds_links *links);

/* Reads it, fills the ends' kinds and places, and checks all of it; one flush where something
 * registered is referred to, two where what is replaced lies in folders. The submission's person
 * and place are known. UnresolvedReferenceException, XDSPatientIdDoesNotMatch,
 * XDSRegistryDeprecatedDocumentError, XDSRegistryMetadataError. */
enum status xds_links_check(struct request *rq, struct xds_links *links) MUST_CHECK;

/* Queues the effects on what was registered before; fills links->made. */
void xds_links_apply(struct request *rq, struct xds_links *links);
