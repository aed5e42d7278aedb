#include "xds/says.h"

#include <string.h>

#include "consent/code_system.h"
#include "hub/base/clock.h"
#include "hub/base/oid.h"

enum consent_kind xds_consent_kind(enum xds_kind kind)
{
    return kind == XDS_DOCUMENT      ? CONSENT_ENTRY
           : kind == XDS_ASSOCIATION ? CONSENT_LINK
                                     : CONSENT_CONTAINER;
}

static bool one_code(const struct xds_code *c, size_t i, struct coded *out)
{
    if (i > 0 || c->code.n == 0)
        return false;
    *out = (struct coded){c->code, code_system(c->scheme)};
    return true;
}

static bool ith_code(const struct xds_codes *list, size_t i, struct coded *out)
{
    return i < list->n && one_code(&list->v[i], 0, out);
}

/* Component `number`, from 1. */
static struct str component(struct str s, int number)
{
    struct str rest = s, part = STR_NONE;

    while (number-- > 0 && rest.p != NULL)
        part = str_cut(&rest, '^');
    return number < 0 ? part : STR_NONE;
}

/* The OID of an HD: namespace&oid&ISO. */
static struct str hd_oid(struct str hd)
{
    struct str rest = hd, name = str_cut(&rest, '&'), oid = str_cut(&rest, '&');

    (void)name;
    return oid_valid(oid) ? oid : STR("");
}

/* XCN: the number and who gave it, or the whole name. XON: likewise. */
static struct coded identified(struct str value, int number, int authority)
{
    struct str id = component(value, number);

    if (id.n > 0)
        return (struct coded){id, hd_oid(component(value, authority))};
    return (struct coded){value, STR("")};
}

/* The i-th value of a slot over all authors. */
static bool ith_author(const struct xds_authors *authors, const char *slot, size_t i,
                       struct str *out)
{
    for (size_t a = 0; a < authors->n; a++)
        for (size_t p = 0; p < authors->v[a].parts.n; p++) {
            const struct xds_slot *s = &authors->v[a].parts.v[p];

            if (!str_eq(s->name, str_from(slot)))
                continue;
            if (i < s->values.n) {
                *out = s->values.v[i];
                return true;
            }
            i -= s->values.n;
        }
    return false;
}

static bool author(const struct xds_authors *authors, size_t i, struct coded *out)
{
    struct str value;

    if (!ith_author(authors, "authorPerson", i, &value))
        return false;
    *out = identified(value, 1, 9);
    return true;
}

static bool organization(const struct xds_authors *authors, size_t i, struct coded *out)
{
    struct str value;

    if (!ith_author(authors, "authorInstitution", i, &value))
        return false;
    *out = identified(value, 10, 6);
    if (out->code.p == value.p)
        out->code = component(value, 1);
    return true;
}

static bool text(struct str s, size_t i, struct coded *out)
{
    *out = (struct coded){.code = s};
    return i == 0 && s.n > 0;
}

static bool of_document(const struct xds_document *d, enum consent_attribute what, size_t i,
                        struct coded *out)
{
    switch (what) {
    case CONSENT_DOCUMENT:
        return text(d->unique_id, i, out);
    case CONSENT_CLASS:
        return one_code(&d->class_code, i, out);
    case CONSENT_TYPE:
        return one_code(&d->type_code, i, out);
    case CONSENT_FORMAT:
        return one_code(&d->format_code, i, out);
    case CONSENT_EVENT:
        return ith_code(&d->event_code, i, out);
    case CONSENT_LABEL:
        return i < d->labels.n && text(d->labels.v[i], 0, out);
    case CONSENT_FACILITY:
        return one_code(&d->healthcare_facility_type_code, i, out);
    case CONSENT_PRACTICE:
        return one_code(&d->practice_setting_code, i, out);
    case CONSENT_AUTHOR:
        return author(&d->author, i, out);
    case CONSENT_AUTHOR_ORGANIZATION:
        return organization(&d->author, i, out);
    default:
        return false;
    }
}

static bool publisher(const struct xds_saying *s, size_t i, struct coded *out)
{
    const struct member *m = member_by_id(s->members, s->object->source_member);

    return m != NULL && text(m->name, i, out);
}

static bool value_of(const struct xds_saying *s, enum consent_attribute what, size_t i,
                     struct coded *out)
{
    struct xds_object *o = (struct xds_object *)s->object;

    if (what == CONSENT_PUBLISHER)
        return publisher(s, i, out);
    if (o->kind == XDS_DOCUMENT)
        return of_document(xds_document(o), what, i, out);
    if (o->kind != XDS_SET)
        return false;
    if (what == CONSENT_AUTHOR)
        return author(&xds_submission_set(o)->author, i, out);
    return what == CONSENT_AUTHOR_ORGANIZATION &&
           organization(&xds_submission_set(o)->author, i, out);
}

static bool value(const void *about, enum consent_attribute what, size_t i, struct coded *out)
{
    const struct xds_saying *s = about;
    int kept = what == CONSENT_CLASS ? 0 : 1;

    if (i > 0 || (what != CONSENT_CLASS && what != CONSENT_TYPE))
        return value_of(s, what, i, out);
    if (!s->said->codes[kept].read) {
        s->said->codes[kept].has = value_of(s, what, 0, &s->said->codes[kept].code);
        s->said->codes[kept].read = true;
    }
    *out = s->said->codes[kept].code;
    return s->said->codes[kept].has;
}

/* What a DTM names: a year is all of it. */
static bool interval_of(const struct xds_document *d, enum consent_attribute what, int64_t *from_us,
                        int64_t *until_us)
{
    int64_t later;

    if (d == NULL)
        return false;
    if (what == CONSENT_CREATED)
        return clock_parse_dtm(d->creation_time, from_us, until_us);
    if (!clock_parse_dtm(d->service_start_time, from_us, until_us))
        return clock_parse_dtm(d->service_stop_time, from_us, until_us);
    if (clock_parse_dtm(d->service_stop_time, &later, &later) && later > *until_us)
        *until_us = later;
    return true;
}

static bool interval(const void *about, enum consent_attribute what, int64_t *from_us,
                     int64_t *until_us)
{
    const struct xds_saying *s = about;
    int kept = what == CONSENT_CREATED ? 0 : 1;

    if (!s->said->times[kept].read) {
        s->said->times[kept].has =
            interval_of(xds_document((struct xds_object *)s->object), what,
                        &s->said->times[kept].from_us, &s->said->times[kept].until_us);
        s->said->times[kept].read = true;
    }
    *from_us = s->said->times[kept].from_us;
    *until_us = s->said->times[kept].until_us;
    return s->said->times[kept].has;
}

const struct consent_reader xds_reader = {value, interval};
