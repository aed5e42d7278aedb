#include "xds/validate_update.h"

#include <stdlib.h>

#include "xds/validate.h"

#define UPDATE    "XDSMetadataUpdateError"
#define OPERATION "XDSMetadataUpdateOperationError"

enum { SHOWN = 120 };

/* The operations of a message, while they are checked. */
struct operations {
    const struct xds_submission *s;
    struct errors *err;
    struct xds_texts members;   /* ids that the set has by HasMember, sorted */
    struct xds_texts submitted; /* ids that SubmitAssociation names, sorted */
    struct xds_texts lids;
    size_t count;
};

static struct str shown(struct str s)
{
    return str_slice(s, 0, SHOWN);
}

static int compare_str(const void *x, const void *y)
{
    return str_compare(*(const struct str *)x, *(const struct str *)y);
}

static bool is_of_set(const struct xds_submission *s, const struct xds_association *link)
{
    return str_eq(link->source, s->set->o.id);
}

bool xds_propagates(const struct xds_association *link)
{
    return !str_eq_nocase(link->propagation, STR("no"));
}

bool xds_status_parse(struct str urn, enum xds_status *status)
{
    bool deprecated = str_eq(urn, STR(XDS_STATUS_DEPRECATED));

    *status = deprecated ? XDS_DEPRECATED : XDS_APPROVED;
    return deprecated || str_eq(urn, STR(XDS_STATUS_APPROVED));
}

/* A new version: which object's (lid), and a membership in the set. */
static void check_version(struct operations *op, const struct xds_object *o)
{
    struct uuid lid, own;

    if (!uuid_parse_urn(o->lid, &lid) || (uuid_parse_urn(o->id, &own) && uuid_eq(lid, own)))
        fail_at(op->err, o->id, INVALID, UPDATE,
                "lid of %.*s is '%.*s': a new version names the object that it is a version of; "
                "what is new is registered by ITI-42",
                STR_ARG(shown(o->id)), STR_ARG(shown(o->lid)));
    else if (xds_times(&op->members, o->id) != 1)
        fail_at(op->err, o->id, INVALID, UPDATE,
                "%.*s must be linked to the SubmissionSet by one HasMember association",
                STR_ARG(shown(o->id)));
    op->lids.v[op->lids.n++] = o->lid;
}

static void check_member(struct operations *op, const struct xds_association *link)
{
    uint64_t version;

    if (!str_to_u64(link->previous_version, &version) || version < 1)
        fail_at(op->err, link->o.id, INVALID, UPDATE,
                "PreviousVersion of %.*s is '%.*s', it must be the number of the version that "
                "%.*s follows",
                STR_ARG(shown(link->o.id)), STR_ARG(shown(link->previous_version)),
                STR_ARG(shown(link->target)));
    if (link->propagation.n > 0 && !str_eq_nocase(link->propagation, STR("yes")) &&
        xds_propagates(link))
        fail_at(op->err, link->o.id, INVALID, UPDATE,
                "AssociationPropagation of %.*s is '%.*s', it must be yes or no",
                STR_ARG(shown(link->o.id)), STR_ARG(shown(link->propagation)));
}

static void check_status(struct operations *op, const struct xds_association *link)
{
    const struct {
        const char *name;
        struct str value;
    } given[] = {{"OriginalStatus", link->original_status}, {"NewStatus", link->new_status}};
    enum xds_status status[2];

    for (int i = 0; i < 2; i++)
        if (!xds_status_parse(given[i].value, &status[i])) {
            fail_at(op->err, link->o.id, INVALID, UPDATE,
                    "%s of %.*s is '%.*s', it must be " XDS_STATUS_APPROVED
                    " or " XDS_STATUS_DEPRECATED,
                    given[i].name, STR_ARG(shown(link->o.id)), STR_ARG(shown(given[i].value)));
            return;
        }
    if (status[0] == status[1])
        fail_at(op->err, link->o.id, INVALID, OPERATION,
                "OriginalStatus and NewStatus of %.*s are both '%.*s'", STR_ARG(shown(link->o.id)),
                STR_ARG(shown(link->new_status)));
}

static void check_link(struct operations *op, const struct xds_association *link)
{
    enum xds_link type = xds_link(link->association_type);

    if (type == XDS_HAS_MEMBER && is_of_set(op->s, link)) {
        check_member(op, link);
        return;
    }
    op->count++;
    if (type == XDS_UPDATE_STATUS)
        check_status(op, link);
    else if (type != XDS_SUBMIT_ASSOCIATION && xds_times(&op->submitted, link->o.id) != 1)
        fail_at(op->err, link->o.id, INVALID, UPDATE,
                "%.*s must be submitted by one SubmitAssociation of the SubmissionSet",
                STR_ARG(shown(link->o.id)));
}

/* ITI-92 has one operation. */
static void check_restricted(struct operations *op, const struct xds_object *o)
{
    const struct xds_association *link = xds_association((struct xds_object *)(uintptr_t)o);

    if (op->s->rules != XDS_RESTRICTED_UPDATE || o->kind == XDS_DOCUMENT || o->kind == XDS_SET ||
        (link && xds_link(link->association_type) == XDS_HAS_MEMBER && is_of_set(op->s, link)))
        return;
    fail_at(op->err, o->id, INVALID, OPERATION,
            "%s %.*s: a restricted update holds new versions of DocumentEntries only",
            xds_models[o->kind].label, STR_ARG(shown(o->id)));
}

static void check_lids(struct operations *op)
{
    struct xds_texts *lids = &op->lids;

    if (lids->n > 1)
        qsort(lids->v, lids->n, sizeof(*lids->v), compare_str);
    for (size_t i = 1; i < lids->n; i++)
        if (lids->v[i].n > 0 && str_eq(lids->v[i], lids->v[i - 1]))
            fail_at(op->err, lids->v[i], INVALID, UPDATE, "lid %.*s is updated twice",
                    STR_ARG(shown(lids->v[i])));
}

void xds_validate_operations(struct arena *a, const struct xds_submission *s, struct errors *err)
{
    struct operations op = {
        .s = s,
        .err = err,
        .members = xds_set_targets(a, s, XDS_HAS_MEMBER),
        .submitted = xds_set_targets(a, s, XDS_SUBMIT_ASSOCIATION),
        .lids = {ARENA_ARRAY(a, s->objects.n, struct str), 0},
    };

    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_object *o = s->objects.v[i];

        check_restricted(&op, o);
        if (o->kind == XDS_ASSOCIATION)
            check_link(&op, xds_association(s->objects.v[i]));
        else if (o->kind != XDS_SET)
            check_version(&op, o);
    }
    check_lids(&op);
    if (op.lids.n == 0 && op.count == 0)
        fail_at(err, s->set->o.id, INVALID, UPDATE, "the message asks for no update");
}
