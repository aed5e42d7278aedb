/* Arguments against an object: one comparison a type, in memory, exactly as the profile has it. */
#include <string.h>

#include "hub/base/json_text.h"
#include "xds/format.h"
#include "xds/query.h"

static size_t character(struct str text, size_t at)
{
    size_t n = utf8_length(text.p + at, text.n - at);

    return n > 0 ? n : 1;
}

/* Only the last % needs to be tried again. */
bool xds_like(struct str text, struct str pattern)
{
    size_t t = 0, p = 0, star = SIZE_MAX, resume = 0;

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '%') {
            star = p++;
            resume = t;
        } else if (p < pattern.n && pattern.p[p] == '_') {
            t += character(text, t);
            p++;
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            t++;
            p++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = resume += character(text, resume);
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '%')
        p++;
    return p == pattern.n;
}

/* One value of an argument against one value of the object. */
static bool value_matches(const struct xds_argument *arg, struct str wanted, struct str value)
{
    return arg->parameter->type == XDS_VALUE_PATTERN ? xds_like(value, wanted)
                                                     : str_eq(wanted, value);
}

static bool code_matches(struct str wanted, const struct xds_code *code)
{
    return wanted.n == code->code.n + 2 + code->scheme.n && str_starts(wanted, code->code) &&
           str_starts(str_slice(wanted, code->code.n, wanted.n), STR("^^")) &&
           str_ends(wanted, code->scheme);
}

static bool any_text(const struct xds_argument *arg, struct str wanted,
                     const struct xds_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        if (value_matches(arg, wanted, texts->v[i]))
            return true;
    return false;
}

static bool any_code(struct str wanted, const struct xds_codes *codes)
{
    for (size_t i = 0; i < codes->n; i++)
        if (code_matches(wanted, &codes->v[i]))
            return true;
    return false;
}

static bool any_author(const struct xds_argument *arg, struct str wanted,
                       const struct xds_authors *authors)
{
    for (size_t i = 0; i < authors->n; i++)
        for (size_t j = 0; j < authors->v[i].parts.n; j++) {
            const struct xds_slot *part = &authors->v[i].parts.v[j];

            if (str_eq(part->name, STR("authorPerson")) && any_text(arg, wanted, &part->values))
                return true;
        }
    return false;
}

static bool attribute_matches(const struct xds_argument *arg, struct str wanted,
                              const struct xds_object *o)
{
    const void *p = xds_value(o, arg->attribute);

    switch (arg->attribute->shape) {
    case XDS_TEXT:
        return value_matches(arg, wanted, *(const struct str *)p);
    case XDS_TEXTS:
        return any_text(arg, wanted, p);
    case XDS_CODE:
        return code_matches(wanted, p);
    case XDS_CODES:
        return any_code(wanted, p);
    case XDS_AUTHORS:
        return any_author(arg, wanted, p);
    case XDS_NAME:
        break; /* no query asks for names */
    }
    return false;
}

#define ONLINE  "urn:ihe:iti:2010:DocumentAvailability:Online"
#define OFFLINE "urn:ihe:iti:2010:DocumentAvailability:Offline"

/* An entry that does not say is online. */
static bool availability_matches(struct str wanted, const struct xds_object *o)
{
    struct str value = ((const struct xds_document *)(const void *)o)->document_availability;

    return str_eq(wanted, value.n > 0 ? value : STR(ONLINE));
}

static bool status_matches(struct str wanted, const struct xds_object *o)
{
    return str_eq(wanted, o->status == XDS_APPROVED ? STR(XDS_STATUS_APPROVED)
                                                    : STR(XDS_STATUS_DEPRECATED));
}

/* From <= t < To, both padded to their first instant; an object without the time is not excluded
 * (3.18.4.1.2.3.7.1). */
static bool time_matches(const struct xds_argument *arg, struct str wanted,
                         const struct xds_object *o)
{
    struct str text = *(const struct str *)xds_value(o, arg->attribute);
    int64_t bound, t;

    if (text.n == 0 || !xds_time(text, &t) || !xds_time(wanted, &bound))
        return true;
    return arg->parameter->type == XDS_VALUE_FROM ? bound <= t : t < bound;
}

/* What was found by an id that is no logicalID falls. */
static bool logical_matches(struct str wanted, const struct xds_object *o)
{
    struct uuid u;

    return uuid_parse_urn(wanted, &u) && uuid_eq(u, o->logical);
}

static bool one_matches(const struct xds_argument *arg, struct str wanted,
                        const struct xds_object *o)
{
    switch (arg->parameter->type) {
    case XDS_VALUE_STATUS:
        return status_matches(wanted, o);
    case XDS_VALUE_FROM:
    case XDS_VALUE_TO:
        return time_matches(arg, wanted, o);
    case XDS_VALUE_TEXT:
    case XDS_VALUE_CODE:
    case XDS_VALUE_PATTERN:
        return attribute_matches(arg, wanted, o);
    case XDS_VALUE_AVAILABILITY:
        return availability_matches(wanted, o);
    case XDS_VALUE_LOGICALS:
        return logical_matches(wanted, o);
    case XDS_VALUE_LEVEL:
    case XDS_VALUE_PATIENT:
    case XDS_VALUE_UUIDS:
    case XDS_VALUE_UNIQUES:
    case XDS_VALUE_HOME:
        break; /* these said where to look */
    }
    return true;
}

static bool group_matches(const struct xds_argument *arg, const struct xds_texts *group,
                          const struct xds_object *o)
{
    for (size_t i = 0; i < group->n; i++)
        if (one_matches(arg, group->v[i], o))
            return true;
    return false;
}

/* Queries that take $XDSDocumentEntryType mean stable entries when it is not given. */
static bool type_matches(const struct xds_query *q, const struct xds_object *o)
{
    static const char name[] = "$XDSDocumentEntryType";

    if (o->kind != XDS_DOCUMENT || xds_query_argument(q, name) ||
        !xds_on_demand((const struct xds_document *)(const void *)o))
        return true;
    for (const struct xds_parameter *p = q->type->parameters; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return false;
    return true;
}

/* What $MetadataLevel 1 leaves out (XDS Metadata Update 3.18.4.1.2.3.5.1.1). */
static bool level_matches(const struct xds_query *q, const struct xds_object *o)
{
    if (q->level == 2)
        return true;
    switch (o->kind) {
    case XDS_DOCUMENT:
        return !o->superseded && !availability_matches(STR(OFFLINE), o);
    case XDS_FOLDER:
        return !o->superseded && o->status == XDS_APPROVED;
    case XDS_ASSOCIATION:
        return o->status == XDS_APPROVED;
    case XDS_SET:
    case XDS_KINDS:
        break; /* a submission set has one version, always Approved */
    }
    return true;
}

static bool argument_matches(const struct xds_argument *arg, const struct xds_object *o)
{
    for (size_t g = 0; g < arg->n; g++)
        if (!group_matches(arg, &arg->groups[g], o))
            return false;
    return true;
}

bool xds_query_match(const struct xds_query *q, const struct xds_object *o)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->arguments[i].parameter->kind == o->kind && !argument_matches(&q->arguments[i], o))
            return false;
    return level_matches(q, o) && type_matches(q, o);
}
