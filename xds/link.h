/* What a submission's associations do in the registry (TF-2 3.42.4.1.3.4 to .6): the objects they
 * refer to are found, locked and checked, and the effects applied: RPLC deprecates its target and
 * the target's transformations and addenda, and puts the replacement into the target's folders. */
#pragma once

#include "mpi/identity.h"
#include "xds/find.h"
#include "xds/source.h"

/* A registered object that the submission refers to. */
struct xds_ref {
    struct uuid uuid;
    bool found;
    enum xds_kind kind;
    struct place place;
    bool related; /* an end of a relationship, or of a membership in a folder: locked and checked */
    bool replaced;   /* the target of RPLC or XFRM_RPLC */
    bool changed;    /* by an association of ITI-57: its publisher's alone */
    bool restated;   /* the target of UpdateAvailabilityStatus: locked, of this patient */
    bool held;       /* a member of the set by Reference: locked, not to be removed meanwhile */
    struct rows row; /* enum xds_locked, read under its lock */
    struct rows children, folders; /* of one that is replaced */
};

/* Columns of xds_ref.row. Of associations: where their other row lies; of documents: their format.
 */
enum xds_locked {
    XDS_LOCKED_STATUS,
    XDS_LOCKED_TYPE, /* objectType, associationType */
    XDS_LOCKED_MEMBER,
    XDS_LOCKED_LOGICAL,
    XDS_LOCKED_VERSION,
    XDS_LOCKED_PKEY,
    XDS_LOCKED_RECORD,
    XDS_LOCKED_FORMAT
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

/* In the first flush: looks up everything that the associations and the lids of new versions name
 * and the message does not hold. The ends' uuids are resolved. */
void xds_links_queue(struct request *rq, struct xds_submission *s, struct xds_links *links);

/* Reads what was found. */
void xds_links_read(struct request *rq, struct xds_links *links);
/* NULL for what nobody registered. */
struct xds_ref *xds_links_ref(const struct xds_links *links, struct uuid uuid);

/* Fills the ends' kinds and places, and checks all of it; one flush where something
 * registered is referred to, two where what is replaced lies in folders. The submission's person
 * and place are known. UnresolvedReferenceException, XDSPatientIdDoesNotMatch,
 * XDSRegistryDeprecatedDocumentError, XDSRegistryMetadataError, XDSMetadataUpdateError. */
enum status xds_links_check(struct request *rq, struct xds_links *links,
                            const struct xds_source *source) MUST_CHECK;

/* An association that the registry adds by itself, at the place of `from`. */
struct xds_association *xds_links_make(struct request *rq, struct xds_links *links,
                                       enum xds_link type, struct xds_end from, struct xds_end to);
/* A document's membership in a folder: the set has it as a member (TF-3 4.2.1.4), and the folder
 * was updated now. */
void xds_links_join(struct request *rq, struct xds_links *links, struct xds_end folder,
                    struct xds_end document);
/* The submission's set has this association, its own or a made one, as a member. */
void xds_links_file(struct request *rq, struct xds_links *links,
                    const struct xds_association *member);

/* Queues the effects on what was registered before; fills links->made. */
void xds_links_apply(struct request *rq, struct xds_links *links);
