/* The attribute table as data, and what the other files ask of it. */
#include "xds/rim.h"

#include <stdlib.h>
#include <string.h>

#define ROW(owner, member, label, shape, carrier, key, format, need, parameter, fhir)              \
    {#member,      label,         offsetof(struct owner, member),                                  \
     XDS_##shape,  XDS_##carrier, key,                                                             \
     XDS_##format, XDS_##need,    parameter,                                                       \
     fhir},

#define DOCUMENT_ROW(...)    ROW(xds_document, __VA_ARGS__)
#define SET_ROW(...)         ROW(xds_submission_set, __VA_ARGS__)
#define FOLDER_ROW(...)      ROW(xds_folder, __VA_ARGS__)
#define ASSOCIATION_ROW(...) ROW(xds_association, __VA_ARGS__)

static const struct xds_attribute document_attributes[] = {
    XDS_DOCUMENT_ATTRIBUTES(DOCUMENT_ROW){0}};
static const struct xds_attribute set_attributes[] = {XDS_SET_ATTRIBUTES(SET_ROW){0}};
static const struct xds_attribute folder_attributes[] = {XDS_FOLDER_ATTRIBUTES(FOLDER_ROW){0}};
static const struct xds_attribute association_attributes[] = {
    XDS_ASSOCIATION_ATTRIBUTES(ASSOCIATION_ROW){0}};

const struct xds_model xds_models[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"DocumentEntry", "ExtrinsicObject", NULL,
                      "urn:uuid:ab9b591b-83ab-4d03-8f5d-f93b1fb92e85", sizeof(struct xds_document),
                      document_attributes},
    [XDS_SET] = {"SubmissionSet", "RegistryPackage",
                 "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd",
                 "urn:uuid:5003a9db-8d8d-49e6-bf0c-990e34ac7707", sizeof(struct xds_submission_set),
                 set_attributes},
    [XDS_FOLDER] = {"Folder", "RegistryPackage", "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2",
                    "urn:uuid:2c144a76-29a9-4b7c-af54-b25409fe7d03", sizeof(struct xds_folder),
                    folder_attributes},
    [XDS_ASSOCIATION] = {"Association", "Association", NULL, NULL, sizeof(struct xds_association),
                         association_attributes},
};

static const struct str link_urns[XDS_LINK_UNKNOWN] = {
    [XDS_HAS_MEMBER] = STR("urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"),
    [XDS_RPLC] = STR("urn:ihe:iti:2007:AssociationType:RPLC"),
    [XDS_APND] = STR("urn:ihe:iti:2007:AssociationType:APND"),
    [XDS_XFRM] = STR("urn:ihe:iti:2007:AssociationType:XFRM"),
    [XDS_XFRM_RPLC] = STR("urn:ihe:iti:2007:AssociationType:XFRM_RPLC"),
    [XDS_SIGNS] = STR("urn:ihe:iti:2007:AssociationType:signs"),
    [XDS_IS_SNAPSHOT_OF] = STR("urn:ihe:iti:2010:AssociationType:IsSnapshotOf"),
    [XDS_UPDATE_STATUS] = STR("urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"),
    [XDS_SUBMIT_ASSOCIATION] = STR("urn:ihe:iti:2010:AssociationType:SubmitAssociation"),
};

struct xds_object *xds_object_new(struct arena *a, enum xds_kind kind)
{
    struct xds_object *o = arena_alloc(a, xds_models[kind].size);

    o->kind = kind;
    o->version = 1;
    return o;
}

void *xds_value(const struct xds_object *o, const struct xds_attribute *at)
{
    return (char *)(uintptr_t)o + at->offset;
}

const struct xds_attribute *xds_attribute(enum xds_kind kind, const char *label)
{
    for (const struct xds_attribute *at = xds_models[kind].attributes; at->member; at++)
        if (strcmp(at->label, label) == 0)
            return at;
    return NULL;
}

struct str xds_text(const struct xds_object *o, const char *label)
{
    const struct xds_attribute *at = xds_attribute(o->kind, label);

    if (at == NULL || at->shape != XDS_TEXT)
        return STR_NONE;
    return *(struct str *)xds_value(o, at);
}

bool xds_value_empty(const struct xds_object *o, const struct xds_attribute *at)
{
    const void *p = xds_value(o, at);

    switch (at->shape) {
    case XDS_TEXT:
        return ((const struct str *)p)->n == 0;
    case XDS_TEXTS:
        return ((const struct xds_texts *)p)->n == 0;
    case XDS_CODE:
        return ((const struct xds_code *)p)->code.n == 0;
    case XDS_CODES:
        return ((const struct xds_codes *)p)->n == 0;
    case XDS_NAME:
        return ((const struct xds_names *)p)->n == 0;
    case XDS_AUTHORS:
        return ((const struct xds_authors *)p)->n == 0;
    }
    return true;
}

struct xds_document *xds_document(struct xds_object *o)
{
    return o && o->kind == XDS_DOCUMENT ? (struct xds_document *)o : NULL;
}

struct xds_submission_set *xds_submission_set(struct xds_object *o)
{
    return o && o->kind == XDS_SET ? (struct xds_submission_set *)o : NULL;
}

struct xds_folder *xds_folder(struct xds_object *o)
{
    return o && o->kind == XDS_FOLDER ? (struct xds_folder *)o : NULL;
}

struct xds_association *xds_association(struct xds_object *o)
{
    return o && o->kind == XDS_ASSOCIATION ? (struct xds_association *)o : NULL;
}

void xds_objects_add(struct xds_objects *list, struct xds_object *o)
{
    list->v = arena_grow(list->arena, list->v, list->n, sizeof(*list->v));
    list->v[list->n++] = o;
}

bool xds_on_demand(const struct xds_document *d)
{
    return str_eq(d->object_type, STR(XDS_ON_DEMAND_TYPE));
}

bool xds_delayed(const struct xds_document *d)
{
    uint64_t size;

    return str_eq_nocase(d->hash, STR("da39a3ee5e6b4b0d3255bfef95601890afd80709")) &&
           str_to_u64(d->size, &size) && size == 0;
}

enum xds_link xds_link(struct str association_type)
{
    for (int i = 0; i < XDS_LINK_UNKNOWN; i++)
        if (str_eq(link_urns[i], association_type))
            return (enum xds_link)i;
    return XDS_LINK_UNKNOWN;
}

struct str xds_link_urn(enum xds_link link)
{
    return link < XDS_LINK_UNKNOWN ? link_urns[link] : STR_NONE;
}

static int compare_ids(const void *a, const void *b)
{
    const struct xds_object *const *x = a, *const *y = b;

    return str_compare((*x)->id, (*y)->id);
}

struct xds_index xds_index_of(const struct xds_objects *list)
{
    struct xds_index index = {arena_copy(list->arena, list->v, list->n * sizeof(*list->v)),
                              list->n};

    if (index.n > 1)
        qsort(index.by_id, index.n, sizeof(*index.by_id), compare_ids);
    return index;
}

struct xds_object *xds_index_find(const struct xds_index *index, struct str id)
{
    size_t low = 0, high = index->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(index->by_id[middle]->id, id);

        if (order == 0)
            return index->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
