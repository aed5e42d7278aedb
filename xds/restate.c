/* UpdateAvailabilityStatus (ITI-57): Approved <-> Deprecated, of documents, folders and
 * associations. */
#include "xds/rows.h"
#include "xds/validate_update.h"
#include "xds/version.h"

#define UPDATE    "XDSMetadataUpdateError"
#define OPERATION "XDSMetadataUpdateOperationError"

#define RESTATE(table)                                                                             \
    "UPDATE " table "\n"                                                                           \
    "   SET status = $4\n"                                                                         \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND entry_uuid = $3"

static const struct statement restate[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_restate_document", RESTATE("xds_document_entry")},
    [XDS_SET] = {NULL, NULL},
    [XDS_FOLDER] = {"xds_restate_folder", RESTATE("xds_folder")},
    [XDS_ASSOCIATION] = {"xds_restate_association", RESTATE("xds_association")},
};

#define FIND_LATER(table)                                                                          \
    "SELECT version\n"                                                                             \
    "  FROM " table "\n"                                                                           \
    " WHERE pkey = $1\n"                                                                           \
    "   AND record_id = $2\n"                                                                      \
    "   AND logical_id = $3\n"                                                                     \
    "   AND version > 1\n"                                                                         \
    "   AND version > $4"

static const struct statement later[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_later_documents", FIND_LATER("xds_document_entry")},
    [XDS_SET] = {NULL, NULL},
    [XDS_FOLDER] = {"xds_later_folders", FIND_LATER("xds_folder")},
    [XDS_ASSOCIATION] = {NULL, NULL},
};

static struct xds_association *trigger_at(const struct xds_links *links, size_t i)
{
    struct xds_association *trigger = xds_association(links->s->triggers.v[i]);

    return xds_link(trigger->association_type) == XDS_UPDATE_STATUS ? trigger : NULL;
}

static void check_original(struct request *rq, const struct xds_association *trigger,
                           enum xds_status now)
{
    enum xds_status original;

    if (!xds_status_parse(trigger->original_status, &original) || original != now)
        fail_at(rq->err, trigger->o.id, INVALID, UPDATE,
                "OriginalStatus of %.*s is %.*s, that of %.*s is %s", STR_ARG(trigger->o.id),
                STR_ARG(trigger->original_status), STR_ARG(trigger->target),
                now == XDS_APPROVED ? XDS_STATUS_APPROVED : XDS_STATUS_DEPRECATED);
}

/* A new version of this message: it would have been Approved. */
static void restate_submitted(struct request *rq, const struct xds_association *trigger)
{
    enum xds_status status;

    check_original(rq, trigger, trigger->to.object->status);
    if (xds_status_parse(trigger->new_status, &status))
        trigger->to.object->status = status;
}

static void check_registered(struct request *rq, const struct xds_source *source,
                             const struct xds_association *trigger, const struct xds_ref *ref)
{
    struct str now = row_text(&ref->row, 0, XDS_LOCKED_STATUS);

    if (!xds_source_may_change(rq, source, row_int(&ref->row, 0, XDS_LOCKED_MEMBER)))
        fail_at(rq->err, trigger->o.id, INVALID, UPDATE,
                "%.*s was published by another member, which alone may update it",
                STR_ARG(trigger->target));
    check_original(rq, trigger, str_eq(now, STR("approved")) ? XDS_APPROVED : XDS_DEPRECATED);
}

/* Only the latest version of an object may be Approved. */
static enum status check_later(struct request *rq, const struct xds_links *links)
{
    struct rows *found = ARENA_ARRAY(rq->arena, links->n, struct rows);

    for (size_t i = 0; i < links->n; i++) {
        const struct xds_ref *ref = &links->refs[i];

        if (ref->restated && later[ref->kind].sql)
            db_queue(rq->db, &later[ref->kind], &found[i], DB_INT8(ref->place.pkey),
                     DB_INT8(ref->place.record_id),
                     DB_UUID(row_uuid(&ref->row, 0, XDS_LOCKED_LOGICAL)),
                     DB_INT4(row_int(&ref->row, 0, XDS_LOCKED_VERSION)));
    }
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < links->n; i++)
        if (found[i].count > 0 &&
            str_eq(row_text(&links->refs[i].row, 0, XDS_LOCKED_STATUS), STR("deprecated")))
            fail_at(rq->err, uuid_urn(rq->arena, links->refs[i].uuid), INVALID, OPERATION,
                    "%.*s is not the latest version of its object: it stays Deprecated",
                    STR_ARG(uuid_urn(rq->arena, links->refs[i].uuid)));
    return rq->err->status;
}

enum status xds_restate_check(struct request *rq, struct xds_links *links,
                              const struct xds_source *source)
{
    bool registered = false;

    for (size_t i = 0; i < links->s->triggers.n; i++) {
        const struct xds_association *trigger = trigger_at(links, i);

        if (trigger == NULL)
            continue;
        if (trigger->to.object) {
            restate_submitted(rq, trigger);
        } else {
            check_registered(rq, source, trigger, xds_links_ref(links, trigger->to.uuid));
            registered = true;
        }
    }
    TRY(rq->err->status);
    return registered ? check_later(rq, links) : OK;
}

static void queue_status(struct request *rq, const struct xds_ref *ref, struct place place,
                         enum xds_status status)
{
    db_queue(rq->db, &restate[ref->kind], NULL, DB_INT8(place.pkey), DB_INT8(place.record_id),
             DB_UUID(ref->uuid),
             DB_TEXT(status == XDS_APPROVED ? STR("approved") : STR("deprecated")));
}

void xds_restate_apply(struct request *rq, const struct xds_links *links)
{
    for (size_t i = 0; i < links->s->triggers.n; i++) {
        const struct xds_association *trigger = trigger_at(links, i);
        const struct xds_ref *ref;
        enum xds_status status;

        if (trigger == NULL || trigger->to.object ||
            !xds_status_parse(trigger->new_status, &status))
            continue;
        ref = xds_links_ref(links, trigger->to.uuid);
        queue_status(rq, ref, ref->place, status);
        if (ref->kind == XDS_ASSOCIATION) {
            struct place other = {row_int(&ref->row, 0, XDS_LOCKED_PKEY),
                                  row_int(&ref->row, 0, XDS_LOCKED_RECORD)};

            if (!place_eq(other, ref->place))
                queue_status(rq, ref, other, status);
        }
    }
}
