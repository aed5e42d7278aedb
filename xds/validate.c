/* The rules of a submission, from the small to the large: values, objects, associations, the
 * whole. */
#include "xds/validate.h"

#include <stdlib.h>
#include <string.h>

#include "xds/format.h"
#include "xds/validate_update.h"

#define METADATA   "XDSRegistryMetadataError"
#define UNRESOLVED "UnresolvedReferenceException"

enum { SHOWN = 120 };

static struct str shown(struct str s)
{
    return str_slice(s, 0, SHOWN);
}

/* A value of an object, checked against its format and ebRIM's length. */
static void check_value(const struct xds_object *o, const char *label, enum xds_format format,
                        struct str value, struct errors *err)
{
    if (xds_length(value) > XDS_LONG_NAME)
        fail_at(err, o->id, INVALID, METADATA, "%s of %.*s has more than %d characters", label,
                STR_ARG(shown(o->id)), XDS_LONG_NAME);
    else if (!xds_format_ok(format, value))
        fail_at(err, o->id, INVALID, METADATA, "%s of %.*s is '%.*s', it must be %s", label,
                STR_ARG(shown(o->id)), STR_ARG(shown(value)), xds_format_words(format));
}

static void check_names(const struct xds_object *o, const char *label,
                        const struct xds_names *names, struct errors *err)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->v[i].value.p == NULL || xds_length(names->v[i].value) > XDS_FREE_TEXT)
            fail_at(err, o->id, INVALID, METADATA,
                    "%s of %.*s needs a value of at most %d characters", label,
                    STR_ARG(shown(o->id)), XDS_FREE_TEXT);
}

static void check_code(const struct xds_object *o, const char *label, const struct xds_code *code,
                       struct errors *err)
{
    check_value(o, label, XDS_ANY, code->code, err);
    check_value(o, label, XDS_ANY, code->scheme, err);
    check_names(o, label, &code->names, err);
}

static void check_slot(const struct xds_object *o, const char *label, enum xds_format format,
                       const struct xds_texts *values, struct errors *err)
{
    for (size_t i = 0; i < values->n; i++)
        check_value(o, label, format, values->v[i], err);
}

static const struct xds_author_part {
    const char *slot;
    enum xds_format format;
    size_t most;
} author_parts[] = {
#define X(slot, format, most) {slot, XDS_##format, most},
    XDS_AUTHOR_PARTS(X)
#undef X
};

static const struct xds_author_part *author_part(struct str slot)
{
    for (size_t i = 0; i < sizeof(author_parts) / sizeof(author_parts[0]); i++)
        if (str_eq(slot, str_from(author_parts[i].slot)))
            return &author_parts[i];
    return NULL;
}

/* Does one of the parts before i have its name? There are five names, so few come this far. */
static bool has_part(const struct xds_author *author, size_t i)
{
    for (size_t j = 0; j < i && j < 8; j++)
        if (str_eq(author->parts.v[j].name, author->parts.v[i].name))
            return true;
    return false;
}

static void check_author(const struct xds_object *o, const struct xds_author *author,
                         struct errors *err)
{
    if (author->parts.n == 0)
        fail_at(err, o->id, INVALID, METADATA, "an author of %.*s has no parts",
                STR_ARG(shown(o->id)));
    for (size_t i = 0; i < author->parts.n; i++) {
        const struct xds_slot *slot = &author->parts.v[i];
        const struct xds_author_part *part = author_part(slot->name);

        if (has_part(author, i))
            fail_at(err, o->id, INVALID, METADATA, "%.*s of one author of %.*s is given twice",
                    STR_ARG(shown(slot->name)), STR_ARG(shown(o->id)));
        else if (part == NULL)
            fail_at(err, o->id, INVALID, METADATA, "author of %.*s has no part called %.*s",
                    STR_ARG(shown(o->id)), STR_ARG(shown(slot->name)));
        else if (slot->values.n > part->most)
            fail_at(err, o->id, INVALID, METADATA, "%s of %.*s has %zu values", part->slot,
                    STR_ARG(shown(o->id)), slot->values.n);
        else
            check_slot(o, part->slot, part->format, &slot->values, err);
    }
}

/* How many values: each query compares what it asks for with each of them. */
static size_t count_of(const struct xds_attribute *at, const void *p)
{
    switch (at->shape) {
    case XDS_TEXTS:
        return ((const struct xds_texts *)p)->n;
    case XDS_CODES:
        return ((const struct xds_codes *)p)->n;
    case XDS_AUTHORS:
        return ((const struct xds_authors *)p)->n;
    case XDS_NAME:
        return ((const struct xds_names *)p)->n;
    case XDS_TEXT:
    case XDS_CODE:
        break;
    }
    return 1;
}

static void check_attribute(const struct xds_object *o, const struct xds_attribute *at,
                            struct errors *err)
{
    const void *p = xds_value(o, at);

    if (count_of(at, p) > XDS_MANY)
        fail_at(err, o->id, INVALID, METADATA, "%s of %.*s has more than %d values", at->label,
                STR_ARG(shown(o->id)), XDS_MANY);
    switch (at->shape) {
    case XDS_TEXT:
        check_value(o, at->label, at->format, *(const struct str *)p, err);
        break;
    case XDS_TEXTS:
        check_slot(o, at->label, at->format, p, err);
        break;
    case XDS_CODE:
        check_code(o, at->label, p, err);
        break;
    case XDS_CODES:
        for (size_t i = 0; i < ((const struct xds_codes *)p)->n; i++)
            check_code(o, at->label, &((const struct xds_codes *)p)->v[i], err);
        break;
    case XDS_NAME:
        check_names(o, at->label, p, err);
        break;
    case XDS_AUTHORS:
        for (size_t i = 0; i < ((const struct xds_authors *)p)->n; i++)
            check_author(o, &((const struct xds_authors *)p)->v[i], err);
        break;
    }
}

/* Whether this object must have the attribute, or must not. */
static void check_need(const struct xds_object *o, const struct xds_attribute *at,
                       struct errors *err)
{
    bool on_demand =
        o->kind == XDS_DOCUMENT && xds_on_demand((const struct xds_document *)(const void *)o);
    bool empty = xds_value_empty(o, at);
    bool waived = o->limited && (at->need == XDS_FULL || at->need == XDS_STABLE);
    bool optional = at->need == XDS_OPTIONAL || at->need == XDS_MESSAGE;

    if (at->need == XDS_STABLE && on_demand && !empty)
        fail_at(err, o->id, INVALID, METADATA, "%s of %.*s: an on-demand entry has none", at->label,
                STR_ARG(shown(o->id)));
    else if (empty && !optional && !waived && !(at->need == XDS_STABLE && on_demand))
        fail_at(err, o->id, INVALID, METADATA, "%s of %.*s is missing (TF-3 Table 4.3.1-3)",
                at->label, STR_ARG(shown(o->id)));
}

static void check_extra(const struct xds_object *o, struct errors *err)
{
    for (size_t i = 0; i < o->extra.n; i++) {
        check_value(o, "the name of an extra slot", XDS_ANY, o->extra.v[i].name, err);
        check_slot(o, "an extra slot", XDS_ANY, &o->extra.v[i].values, err);
    }
}

/* serviceStartTime <= serviceStopTime (TF-2 3.42.4.1.3.3.6), each covering what its precision
 * leaves open: from 202003 to 2020 is in order, for the stop may lie later in that year. */
static void check_service_times(const struct xds_object *o, struct errors *err)
{
    const struct xds_document *d = xds_document((struct xds_object *)(uintptr_t)o);
    int64_t start, stop, end;

    if (d && d->service_start_time.n && d->service_stop_time.n &&
        xds_time(d->service_start_time, &start) &&
        clock_parse_dtm(d->service_stop_time, &stop, &end) && start >= end)
        fail_at(err, o->id, INVALID, METADATA,
                "serviceStartTime %.*s of %.*s is after its serviceStopTime %.*s",
                STR_ARG(d->service_start_time), STR_ARG(shown(o->id)),
                STR_ARG(d->service_stop_time));
}

static void check_header(const struct xds_object *o, struct errors *err)
{
    struct uuid u;

    if (str_starts(o->id, STR("urn:")) && !uuid_parse_urn(o->id, &u))
        fail_at(err, o->id, INVALID, METADATA, "entryUUID '%.*s' is no urn:uuid",
                STR_ARG(shown(o->id)));
    if (xds_length(o->id) > XDS_LONG_NAME)
        fail_at(err, o->id, INVALID, METADATA, "an id has more than %d characters", XDS_LONG_NAME);
    if (o->home.n > 0 && !xds_home_ok(o->home))
        fail_at(err, o->id, INVALID, METADATA, "homeCommunityId '%.*s' of %.*s is no urn:oid",
                STR_ARG(shown(o->home)), STR_ARG(shown(o->id)));
}

/* What it must have, and the format of what it has. */
static void check_object(const struct xds_object *o, struct errors *err)
{
    check_header(o, err);
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++) {
        check_need(o, at, err);
        if (!xds_value_empty(o, at))
            check_attribute(o, at, err);
    }
    check_extra(o, err);
    check_service_times(o, err);
}

/* One end of an association: an object of this message, or a UUID that the registry must know. */
struct end {
    struct xds_object *object;
    bool elsewhere;
};

static struct end find_end(const struct xds_index *index, const struct xds_association *a,
                           const char *label, struct str id, struct errors *err)
{
    struct end end = {xds_index_find(index, id), false};
    struct uuid u;

    if (end.object == NULL && !(end.elsewhere = uuid_parse_urn(id, &u)))
        fail_at(err, a->o.id, INVALID, UNRESOLVED,
                "%s '%.*s' of %.*s is neither in this message nor a UUID", label,
                STR_ARG(shown(id)), STR_ARG(shown(a->o.id)));
    return end;
}

static bool end_is(struct end end, enum xds_kind kind)
{
    return end.object ? end.object->kind == kind : end.elsewhere;
}

/* SubmissionSetStatus: Original for what comes with the set, Reference for what was there before
 * (TF-3 4.2.2.1.1). */
static void check_set_status(const struct xds_association *a, struct end target, struct errors *err)
{
    const char *wanted = target.elsewhere ? "Reference" : "Original";

    if (!str_eq(a->set_status, str_from(wanted)))
        fail_at(err, a->o.id, INVALID, METADATA,
                "SubmissionSetStatus of %.*s is '%.*s', it must be %s", STR_ARG(shown(a->o.id)),
                STR_ARG(shown(a->set_status)), wanted);
}

static void check_membership(const struct xds_association *a, struct end source, struct end target,
                             struct errors *err)
{
    if (source.object && source.object->kind == XDS_SET) {
        if (target.object && target.object->kind == XDS_DOCUMENT)
            check_set_status(a, target, err);
        else if (target.object && target.object->kind == XDS_SET)
            fail_at(err, a->o.id, INVALID, METADATA, "%.*s makes a SubmissionSet its own member",
                    STR_ARG(shown(a->o.id)));
    } else if (!end_is(source, XDS_FOLDER) || !end_is(target, XDS_DOCUMENT)) {
        fail_at(err, a->o.id, INVALID, METADATA,
                "%.*s: HasMember joins a SubmissionSet, or a Folder and a DocumentEntry",
                STR_ARG(shown(a->o.id)));
    }
}

/* Which ends a relationship of documents takes (TF-2 3.42.4.1.3.5); ITI-57 also joins two that are
 * registered. */
static void check_relationship(const struct xds_association *a, enum xds_link link,
                               enum xds_rules rules, struct end source, struct end target,
                               struct errors *err)
{
    bool new_source = rules < XDS_UPDATE || !source.elsewhere;
    bool registered_only = link == XDS_RPLC || link == XDS_XFRM_RPLC || link == XDS_IS_SNAPSHOT_OF;

    if (new_source && (source.object == NULL || source.object->kind != XDS_DOCUMENT))
        fail_at(err, a->o.id, INVALID, UNRESOLVED,
                "sourceObject '%.*s' of %.*s is no DocumentEntry of this submission",
                STR_ARG(shown(a->source)), STR_ARG(shown(a->o.id)));
    if (target.object && (registered_only || target.object->kind != XDS_DOCUMENT))
        fail_at(err, a->o.id, INVALID, UNRESOLVED,
                "targetObject '%.*s' of %.*s must be a DocumentEntry %s", STR_ARG(shown(a->target)),
                STR_ARG(shown(a->o.id)), registered_only ? "of the registry" : "");
}

/* What ITI-57 is told to do: said by the SubmissionSet, about an object of the registry or of this
 * message. */
static void check_trigger(const struct xds_association *a, enum xds_link link, enum xds_rules rules,
                          struct end source, struct end target, struct errors *err)
{
    bool inner = target.object && target.object->kind == XDS_ASSOCIATION;

    if (rules < XDS_UPDATE)
        fail_at(err, a->o.id, INVALID, METADATA,
                "associationType '%.*s' of %.*s belongs to Update Document Set (ITI-57)",
                STR_ARG(shown(a->association_type)), STR_ARG(shown(a->o.id)));
    else if (source.object == NULL || source.object->kind != XDS_SET)
        fail_at(err, a->o.id, INVALID, "XDSMetadataUpdateError",
                "sourceObject '%.*s' of %.*s is not the SubmissionSet", STR_ARG(shown(a->source)),
                STR_ARG(shown(a->o.id)));
    else if (link == XDS_SUBMIT_ASSOCIATION ? !inner : inner)
        fail_at(err, a->o.id, INVALID, "XDSMetadataUpdateError",
                "targetObject '%.*s' of %.*s must%s be an Association of this submission",
                STR_ARG(shown(a->target)), STR_ARG(shown(a->o.id)), inner ? " not" : "");
}

static void check_association(const struct xds_index *index, const struct xds_association *a,
                              enum xds_rules rules, struct errors *err)
{
    enum xds_link link = xds_link(a->association_type);
    struct end source, target;

    if (link == XDS_LINK_UNKNOWN) {
        fail_at(err, a->o.id, INVALID, METADATA, "associationType '%.*s' of %.*s is unknown",
                STR_ARG(shown(a->association_type)), STR_ARG(shown(a->o.id)));
        return;
    }
    source = find_end(index, a, "sourceObject", a->source, err);
    target = find_end(index, a, "targetObject", a->target, err);
    if (str_eq(a->source, a->target))
        fail_at(err, a->o.id, INVALID, METADATA, "%.*s joins '%.*s' with itself",
                STR_ARG(shown(a->o.id)), STR_ARG(shown(a->source)));
    else if (!(source.object || source.elsewhere) || !(target.object || target.elsewhere))
        return; /* said above */
    else if (link == XDS_HAS_MEMBER)
        check_membership(a, source, target, err);
    else if (link == XDS_UPDATE_STATUS || link == XDS_SUBMIT_ASSOCIATION)
        check_trigger(a, link, rules, source, target, err);
    else
        check_relationship(a, link, rules, source, target, err);
}

static int compare_str(const void *x, const void *y)
{
    return str_compare(*(const struct str *)x, *(const struct str *)y);
}

struct xds_texts xds_set_targets(struct arena *a, const struct xds_submission *s,
                                 enum xds_link type)
{
    struct xds_texts targets = {ARENA_ARRAY(a, s->objects.n, struct str), 0};

    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_association *link = xds_association(s->objects.v[i]);

        if (link && xds_link(link->association_type) == type && str_eq(link->source, s->set->o.id))
            targets.v[targets.n++] = link->target;
    }
    if (targets.n > 1)
        qsort(targets.v, targets.n, sizeof(*targets.v), compare_str);
    return targets;
}

/* Must the submission set have it as a member (TF-3 4.2.1.4)? All documents and folders, and a
 * document's membership in a folder. */
static bool wants_membership(const struct xds_submission *s, const struct xds_object *o)
{
    const struct xds_association *a = xds_association((struct xds_object *)(uintptr_t)o);

    return o->kind == XDS_DOCUMENT || o->kind == XDS_FOLDER ||
           (a && xds_link(a->association_type) == XDS_HAS_MEMBER &&
            !str_eq(a->source, s->set->o.id));
}

size_t xds_times(const struct xds_texts *sorted, struct str id)
{
    const struct str *hit =
        sorted->n == 0 ? NULL : bsearch(&id, sorted->v, sorted->n, sizeof(id), compare_str);
    size_t at;

    if (hit == NULL)
        return 0;
    at = (size_t)(hit - sorted->v);
    return (at > 0 && str_eq(sorted->v[at - 1], id)) ||
                   (at + 1 < sorted->n && str_eq(sorted->v[at + 1], id))
               ? 2
               : 1;
}

/* One membership in the set for each of them, and one of them at least (TF-3 4.1.4). */
static void check_members(struct arena *a, const struct xds_submission *s, struct errors *err)
{
    struct xds_texts members = xds_set_targets(a, s, XDS_HAS_MEMBER);
    bool any = false;

    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_object *o = s->objects.v[i];
        size_t n = xds_times(&members, o->id);

        if (!wants_membership(s, o))
            continue;
        any = true;
        if (n != 1)
            fail_at(err, o->id, INVALID, METADATA,
                    "%s %.*s must be linked to the SubmissionSet by one HasMember association, "
                    "there %s",
                    xds_models[o->kind].label, STR_ARG(shown(o->id)),
                    n == 0 ? "is none" : "are more");
    }
    if (!any)
        fail_at(err, s->set->o.id, INVALID, METADATA,
                "a submission holds a DocumentEntry, a Folder or a membership in a Folder");
}

/* Ids and uniqueIds within the message are distinct. */
static void check_distinct(struct xds_texts ids, const char *code, const char *what,
                           struct errors *err)
{
    if (ids.n > 1)
        qsort(ids.v, ids.n, sizeof(*ids.v), compare_str);
    for (size_t i = 1; i < ids.n; i++)
        if (str_eq(ids.v[i], ids.v[i - 1]))
            fail_at(err, ids.v[i], INVALID, code, "%s %.*s stands twice in this message", what,
                    STR_ARG(shown(ids.v[i])));
}

static void check_ids(struct arena *a, const struct xds_submission *s, struct errors *err)
{
    struct xds_texts ids = {ARENA_ARRAY(a, s->objects.n, struct str), 0};
    struct xds_texts unique = {ARENA_ARRAY(a, s->objects.n, struct str), 0};

    for (size_t i = 0; i < s->objects.n; i++) {
        struct str uid = xds_text(s->objects.v[i], "uniqueId");

        ids.v[ids.n++] = s->objects.v[i]->id;
        if (uid.n > 0)
            unique.v[unique.n++] = uid;
    }
    check_distinct(ids, METADATA, "id", err);
    check_distinct(unique, "XDSRegistryDuplicateUniqueIdInMessage", "uniqueId", err);
}

/* All objects of a submission are of one patient (TF-2 3.42.4.1.3.3.2). */
static void check_patient(const struct xds_submission *s, struct errors *err)
{
    struct identifier set, id;
    struct str other;

    if (!identifier_parse_cx(s->set->patient_id, &set))
        return; /* said as a value */
    for (size_t i = 0; i < s->objects.n; i++) {
        other = xds_text(s->objects.v[i], "patientId");
        if (other.n > 0 && identifier_parse_cx(other, &id) && !identifier_eq(set, id))
            fail_at(err, s->objects.v[i]->id, INVALID, "XDSPatientIdDoesNotMatch",
                    "patientId %.*s of %.*s differs from the SubmissionSet's, %.*s",
                    STR_ARG(shown(other)), STR_ARG(shown(s->objects.v[i]->id)),
                    STR_ARG(shown(s->set->patient_id)));
    }
}

/* ITI-42 and 41 take stable document entries only (TF-2 3.42.4.1.2), ITI-61 on-demand ones. */
static void check_types(const struct xds_submission *s, struct errors *err)
{
    bool on_demand = s->rules == XDS_REGISTER_ON_DEMAND;

    for (size_t i = 0; i < s->objects.n && s->rules < XDS_UPDATE; i++) {
        const struct xds_document *d = xds_document(s->objects.v[i]);

        if (d && xds_on_demand(d) != on_demand)
            fail_at(err, d->o.id, INVALID, METADATA,
                    "objectType of %.*s is %.*s: this transaction registers %s entries only",
                    STR_ARG(shown(d->o.id)), STR_ARG(shown(d->object_type)),
                    on_demand ? "on-demand" : "stable");
    }
}

static enum status check_set(const struct xds_submission *s, struct errors *err)
{
    size_t sets = 0;

    for (size_t i = 0; i < s->objects.n; i++)
        sets += s->objects.v[i]->kind == XDS_SET;
    if (sets == 1)
        return OK;
    return fail(err, INVALID, METADATA,
                "a submission has exactly one SubmissionSet, this one has %zu", sets);
}

enum status xds_validate(struct arena *a, const struct xds_submission *s, struct errors *err)
{
    struct xds_index index = xds_index_of(&s->objects);

    TRY(check_set(s, err));
    for (size_t i = 0; i < s->objects.n; i++)
        check_object(s->objects.v[i], err);
    for (size_t i = 0; i < s->objects.n; i++)
        if (s->objects.v[i]->kind == XDS_ASSOCIATION)
            check_association(&index, xds_association(s->objects.v[i]), s->rules, err);
    check_types(s, err);
    check_ids(a, s, err);
    check_patient(s, err);
    if (s->rules < XDS_UPDATE)
        check_members(a, s, err);
    else
        xds_validate_operations(a, s, err);
    return err->status;
}
