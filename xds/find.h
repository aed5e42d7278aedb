/* Finding registered objects: by their ids, whoever the patient is (GetDocuments, ITI-43), and all
 * of a person (FindDocuments). What is found are candidates: only xds_gate shows them. */
#pragma once

#include "xds/gate.h"

/* Where the objects of some ids lie (uid_entry), read in two halves around a flush. An id is a
 * uniqueId or an entryUUID (urn:uuid:...); one that nobody registered gives nothing, a uniqueId may
 * give several. */
struct xds_uid_lookup {
    size_t count;        /* of the ids */
    const int64_t *keys; /* xds_uid_key of each */
    struct rows rows;
    size_t n;
    struct xds_uid_hit {
        struct uuid uuid;
        enum xds_kind kind;
        struct place place;
    } * hits;
};

void xds_uid_lookup_queue(struct request *rq, const struct str *ids, size_t count,
                          struct xds_uid_lookup *lookup);
void xds_uid_lookup_read(struct request *rq, struct xds_uid_lookup *lookup);

/* Where nothing lies. What asks for objects by ids that nobody registered goes on with it, so that
 * its time is that of ids whose objects are hidden. */
struct place xds_find_nowhere(void);

/* What a caller reads beside the documents, in the flush that reads them. */
struct xds_beside {
    void (*queue)(struct request *rq, const struct xds_uid_lookup *lookup, void *context);
    void *context;
};

/* Document entries by uniqueId or entryUUID, in any status; ids that name other kinds give
 * nothing. Fills the people and their policies, ready for xds_gate. Two flushes: ids -> places;
 * documents, the records' owners with their policies, and what `beside` (may be NULL) queues. Two
 * more at most where owners lie at other places than their records. One for a document that this
 * caller was shown before (xds_find_remember), if it still is: then `beside` is asked once, before
 * the look-up is answered; else twice. Wants REPEATABLE READ. */
enum status xds_find_documents_by_id(struct request *rq, const struct str *ids, size_t count,
                                     const struct xds_beside *beside,
                                     struct xds_candidates *found) MUST_CHECK;

/* Document entries at these places, by UUID: rows of XDS_DOCUMENT_COLUMNS and XDS_ROW_VERSION. */
void xds_find_rows_queue(struct request *rq, const int64_t *pkeys, const int64_t *records,
                         const struct uuid *uuids, size_t count, struct rows *rows);

/* This caller is shown these, and may ask for a document of them next (hub/base/hints.h). */
void xds_find_remember(struct request *rq, const struct xds_visible *seen);

/* The people, and their policies in the same flush; a second one where persons were merged. */
enum status xds_find_people(struct request *rq, const struct person_ref *refs, size_t count,
                            struct xds_candidates *found) MUST_CHECK;
/* The people whom these lists of records belong to, all read: those at their records' places came
 * with them. */
enum status xds_find_owners(struct request *rq, const struct mpi_owners *lists, size_t count,
                            struct xds_candidates *found) MUST_CHECK;
/* The person that the reference names among found->people, or NULL. */
const struct person *xds_find_person(const struct xds_candidates *found, struct person_ref ref);

/* Queues the consent policies of found->people and all their constituents; xds_policies_read after
 * the flush. */
void xds_policies_queue(struct request *rq, struct xds_candidates *found);
enum status xds_policies_read(struct request *rq, struct xds_candidates *found) MUST_CHECK;
