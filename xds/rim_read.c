/* ebRIM 3.0 -> structs (IHE ITI TF-3 4.2). Reads everything that the model can hold, in any order
 * of elements, and says what it cannot. */
#include <string.h>

#include "hub/data/xml.h"
#include "xds/format.h"
#include "xds/rim.h"

#define RIM              "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
#define XML_NS           "http://www.w3.org/XML/1998/namespace"
#define INVALID_METADATA "XDSRegistryMetadataError"

enum { MAX_OBJECTS = 10000 };

struct reader {
    struct arena *arena;
    struct errors *err;
    struct xds_submission *out;
};

static struct str shown(struct str s)
{
    return str_slice(s, 0, 120);
}

static struct xds_texts read_values(struct reader *r, const xmlNode *slot)
{
    struct xds_texts values = {NULL, 0};
    const xmlNode *list = xml_child(slot, RIM, "ValueList");

    if (list == NULL)
        return values;
    values.n = xml_count(list, RIM, "Value");
    values.v = ARENA_ARRAY(r->arena, values.n, struct str);
    values.n = 0;
    XML_EACH(value, list, RIM, "Value")
    values.v[values.n++] = xml_text(r->arena, value);
    return values;
}

static struct xds_slot read_slot(struct reader *r, const xmlNode *slot)
{
    return (struct xds_slot){xml_attr(slot, "name"), xml_attr(slot, "slotType"),
                             read_values(r, slot)};
}

static struct xds_names read_names(struct reader *r, const xmlNode *parent)
{
    struct xds_names names = {NULL, 0};

    if (parent == NULL)
        return names;
    names.v = ARENA_ARRAY(r->arena, xml_count(parent, RIM, "LocalizedString"), struct xds_name);
    XML_EACH(s, parent, RIM, "LocalizedString")
    names.v[names.n++] = (struct xds_name){xml_attr_ns(s, XML_NS, "lang"), xml_attr(s, "charset"),
                                           xml_attr(s, "value")};
    return names;
}

static const struct xds_attribute *find(const struct xds_object *o, enum xds_carrier carrier,
                                        struct str key)
{
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++)
        if (at->carrier == carrier && str_eq(str_from(at->key), key))
            return at;
    return NULL;
}

/* What stands inside an object is about that object; it may leave out saying so. */
static bool names_another(const xmlNode *node, const char *attribute, const struct xds_object *o)
{
    struct str id = xml_attr(node, attribute);

    return id.n > 0 && !str_eq(id, o->id);
}

static void refuse_repeated(struct reader *r, const struct xds_object *o, const char *label)
{
    fail_at(r->err, o->id, INVALID, INVALID_METADATA, "%s of %.*s is given more than once", label,
            STR_ARG(shown(o->id)));
}

static void read_attribute_slot(struct reader *r, struct xds_object *o,
                                const struct xds_attribute *at, const struct xds_slot *slot)
{
    void *value = xds_value(o, at);

    if (!xds_value_empty(o, at))
        refuse_repeated(r, o, at->label);
    else if (at->shape == XDS_TEXTS)
        *(struct xds_texts *)value = slot->values;
    else if (slot->values.n > 1)
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "%s of %.*s has %zu values, one is allowed", at->label, STR_ARG(shown(o->id)),
                slot->values.n);
    else if (slot->values.n == 1)
        *(struct str *)value = slot->values.v[0];
}

static void read_object_slot(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    struct xds_slot slot = read_slot(r, node);
    const struct xds_attribute *at = find(o, XDS_SLOT, slot.name);

    if (at != NULL) {
        read_attribute_slot(r, o, at, &slot);
        return;
    }
    if (!str_starts(slot.name, STR("urn:"))) {
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "slot %.*s of %.*s is no attribute of a %s; extra metadata has names that begin "
                "with urn: (TF-3 4.2.3.1.6)",
                STR_ARG(shown(slot.name)), STR_ARG(shown(o->id)), xds_models[o->kind].label);
        return;
    }
    for (size_t i = 0; i < o->extra.n; i++)
        if (str_eq(o->extra.v[i].name, slot.name)) {
            refuse_repeated(r, o, "an extra slot");
            return;
        }
    if (o->extra.n == XDS_MANY) {
        fail_at(r->err, o->id, INVALID, INVALID_METADATA, "%.*s has more than %d extra slots",
                STR_ARG(shown(o->id)), XDS_MANY);
        return;
    }
    o->extra.v = arena_grow(r->arena, o->extra.v, o->extra.n, sizeof(*o->extra.v));
    o->extra.v[o->extra.n++] = slot;
}

static void read_author(struct reader *r, struct xds_object *o, const struct xds_attribute *at,
                        const xmlNode *node)
{
    struct xds_authors *authors = xds_value(o, at);
    struct xds_author author = {{NULL, 0}};

    author.parts.v = ARENA_ARRAY(r->arena, xml_count(node, RIM, "Slot"), struct xds_slot);
    XML_EACH(slot, node, RIM, "Slot")
    author.parts.v[author.parts.n++] = read_slot(r, slot);
    authors->v = arena_grow(r->arena, authors->v, authors->n, sizeof(*authors->v));
    authors->v[authors->n++] = author;
}

/* The codingScheme of a coded value; anything else in its slots is not kept, and said so. */
static struct str read_scheme(struct reader *r, struct xds_object *o, const char *label,
                              const xmlNode *node)
{
    struct str scheme = STR_NONE;

    XML_EACH(child, node, RIM, "Slot")
    {
        struct xds_slot slot = read_slot(r, child);

        if (!str_eq(slot.name, STR("codingScheme")))
            warn_at(r->err, o->id, "XDSExtraMetadataNotSaved", "slot %.*s of %s of %.*s",
                    STR_ARG(shown(slot.name)), label, STR_ARG(shown(o->id)));
        else if (slot.values.n != 1 || scheme.p != NULL)
            fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                    "%s of %.*s must have exactly one codingScheme", label, STR_ARG(shown(o->id)));
        else
            scheme = slot.values.v[0];
    }
    return scheme;
}

static void read_code(struct reader *r, struct xds_object *o, const struct xds_attribute *at,
                      const xmlNode *node)
{
    struct xds_code code = {xml_attr(node, "nodeRepresentation"),
                            read_scheme(r, o, at->label, node),
                            read_names(r, xml_child(node, RIM, "Name"))};

    if (code.code.n == 0 || code.scheme.n == 0) {
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "%s of %.*s needs a nodeRepresentation and a codingScheme", at->label,
                STR_ARG(shown(o->id)));
    } else if (at->shape == XDS_CODES) {
        struct xds_codes *codes = xds_value(o, at);

        codes->v = arena_grow(r->arena, codes->v, codes->n, sizeof(*codes->v));
        codes->v[codes->n++] = code;
    } else if (!xds_value_empty(o, at)) {
        refuse_repeated(r, o, at->label);
    } else {
        *(struct xds_code *)xds_value(o, at) = code;
    }
}

/* A classification by node says what a package is, and whether its metadata is limited. */
static void read_node(struct reader *r, struct xds_object *o, struct str node)
{
    const struct xds_model *model = &xds_models[o->kind];

    if (model->limited && str_eq(node, str_from(model->limited)))
        o->limited = true;
    else if (model->node == NULL || !str_eq(node, str_from(model->node)))
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "%.*s is classified by %.*s, which is nothing that a %s can be",
                STR_ARG(shown(o->id)), STR_ARG(shown(node)), model->label);
}

static void read_classification(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    struct str scheme = xml_attr(node, "classificationScheme");
    struct str by_node = xml_attr(node, "classificationNode");
    const struct xds_attribute *at = find(o, XDS_CODING, scheme);

    if (names_another(node, "classifiedObject", o))
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "a Classification inside %.*s names %.*s as its classifiedObject",
                STR_ARG(shown(o->id)), STR_ARG(shown(xml_attr(node, "classifiedObject"))));
    else if (by_node.n > 0)
        read_node(r, o, by_node);
    else if (at == NULL)
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "classificationScheme %.*s of %.*s is unknown for a %s", STR_ARG(shown(scheme)),
                STR_ARG(shown(o->id)), xds_models[o->kind].label);
    else if (at->shape == XDS_AUTHORS)
        read_author(r, o, at, node);
    else
        read_code(r, o, at, node);
}

static void read_external_id(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    struct str scheme = xml_attr(node, "identificationScheme");
    const struct xds_attribute *at = find(o, XDS_EXTERNAL_ID, scheme);

    if (at == NULL)
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "identificationScheme %.*s of %.*s is unknown for a %s", STR_ARG(shown(scheme)),
                STR_ARG(shown(o->id)), xds_models[o->kind].label);
    else if (names_another(node, "registryObject", o))
        fail_at(r->err, o->id, INVALID, INVALID_METADATA,
                "the ExternalIdentifier %s inside %.*s names %.*s as its registryObject", at->label,
                STR_ARG(shown(o->id)), STR_ARG(shown(xml_attr(node, "registryObject"))));
    else if (!xds_value_empty(o, at))
        refuse_repeated(r, o, at->label);
    else
        *(struct str *)xds_value(o, at) = xml_attr(node, "value");
}

static void read_international(struct reader *r, struct xds_object *o, const xmlNode *node,
                               enum xds_carrier carrier)
{
    const struct xds_attribute *at = find(o, carrier, xml_name(node));

    if (at != NULL && xds_value_empty(o, at))
        *(struct xds_names *)xds_value(o, at) = read_names(r, node);
}

static void read_version(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    uint64_t version;

    (void)r;
    if (str_to_u64(xml_attr(node, "versionName"), &version) && version <= INT32_MAX)
        o->version = (int)version;
}

static void read_title(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    read_international(r, o, node, XDS_TITLE);
}

static void read_note(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    read_international(r, o, node, XDS_NOTE);
}

static void read_nothing(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    (void)r;
    (void)o;
    (void)node;
}

static const struct {
    const char *element;
    void (*read)(struct reader *r, struct xds_object *o, const xmlNode *node);
} children[] = {{"Slot", read_object_slot},
                {"Name", read_title},
                {"Description", read_note},
                {"VersionInfo", read_version},
                {"Classification", read_classification},
                {"ExternalIdentifier", read_external_id},
                {"ContentVersionInfo", read_nothing},
                {NULL, NULL}};

static void read_child(struct reader *r, struct xds_object *o, const xmlNode *node)
{
    for (size_t i = 0; children[i].element; i++)
        if (xml_is(node, RIM, children[i].element)) {
            children[i].read(r, o, node);
            return;
        }
    fail_at(r->err, o->id, INVALID, INVALID_METADATA,
            "%.*s holds an element %.*s that has no place there", STR_ARG(shown(o->id)),
            STR_ARG(shown(xml_name(node))));
}

static void read_header(struct xds_object *o, const xmlNode *node)
{
    o->id = xml_attr(node, "id");
    o->lid = xml_attr(node, "lid");
    o->home = xml_attr(node, "home");
    if (str_eq(xml_attr(node, "status"), STR(XDS_STATUS_DEPRECATED)))
        o->status = XDS_DEPRECATED;
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++)
        if (at->carrier == XDS_ATTRIBUTE)
            *(struct str *)xds_value(o, at) = xml_attr(node, at->key);
}

static struct xds_object *begin_object(struct reader *r, const xmlNode *node, enum xds_kind kind)
{
    struct xds_object *o = xds_object_new(r->arena, kind);

    read_header(o, node);
    if (o->id.n == 0)
        fail_at(r->err, o->id, INVALID, INVALID_METADATA, "a %s has no id", xds_models[kind].label);
    xds_objects_add(&r->out->objects, o);
    return o;
}

static bool names_node(const xmlNode *classification, const char *node)
{
    return str_eq(xml_attr(classification, "classificationNode"), str_from(node));
}

/* A package is what a classification says, inside it or beside it (TF-3 4.2.1.2.1). */
static bool package_is(const xmlNode *package, enum xds_kind kind)
{
    struct str id = xml_attr(package, "id");

    XML_EACH(c, package, RIM, "Classification")
    if (names_node(c, xds_models[kind].node))
        return true;
    XML_EACH(c, package->parent, RIM, "Classification")
    if (names_node(c, xds_models[kind].node) && str_eq(xml_attr(c, "classifiedObject"), id))
        return true;
    return false;
}

static bool object_kind(struct reader *r, const xmlNode *node, enum xds_kind *kind)
{
    if (xml_is(node, RIM, "ExtrinsicObject"))
        *kind = XDS_DOCUMENT;
    else if (xml_is(node, RIM, "Association"))
        *kind = XDS_ASSOCIATION;
    else if (!xml_is(node, RIM, "RegistryPackage"))
        return false;
    else if (package_is(node, XDS_SET))
        *kind = XDS_SET;
    else if (package_is(node, XDS_FOLDER))
        *kind = XDS_FOLDER;
    else {
        fail_at(r->err, xml_attr(node, "id"), INVALID, INVALID_METADATA,
                "RegistryPackage %.*s is classified neither as a SubmissionSet nor as a Folder",
                STR_ARG(shown(xml_attr(node, "id"))));
        return false;
    }
    return true;
}

static bool passed_over(const xmlNode *node)
{
    return xml_is(node, RIM, "Classification") || xml_is(node, RIM, "ObjectRef") ||
           xml_is(node, RIM, "RegistryPackage");
}

static void read_objects(struct reader *r, const xmlNode *list)
{
    enum xds_kind kind;

    XML_EACH(node, list, NULL, NULL)
    {
        if (object_kind(r, node, &kind)) {
            struct xds_object *o = begin_object(r, node, kind);

            XML_EACH(child, node, NULL, NULL)
            read_child(r, o, child);
        } else if (!passed_over(node)) {
            fail_at(r->err, xml_attr(node, "id"), INVALID, INVALID_METADATA,
                    "an element %.*s has no place in a submission", STR_ARG(shown(xml_name(node))));
        }
    }
}

/* Classifications that stand beside their object. */
static void read_siblings(struct reader *r, const xmlNode *list)
{
    struct xds_index index = xds_index_of(&r->out->objects);

    XML_EACH(node, list, RIM, "Classification")
    {
        struct str id = xml_attr(node, "classifiedObject");
        struct xds_object *o = xds_index_find(&index, id);

        if (o != NULL)
            read_classification(r, o, node);
        else
            fail_at(r->err, id, INVALID, INVALID_METADATA,
                    "a Classification names %.*s, which is not in this message",
                    STR_ARG(shown(id)));
    }
}

enum status xds_rim_read(struct arena *a, xmlNode *registry_object_list, struct xds_submission *out,
                         struct errors *err)
{
    struct reader r = {a, err, out};
    size_t packages = xml_count(registry_object_list, RIM, "RegistryPackage");

    *out = (struct xds_submission){.objects = {a, NULL, 0}};
    if (xml_count(registry_object_list, NULL, NULL) > MAX_OBJECTS || packages > MAX_OBJECTS / 10)
        return fail(err, INVALID, INVALID_METADATA,
                    "a submission may hold %d objects, %d of them packages", MAX_OBJECTS,
                    MAX_OBJECTS / 10);
    read_objects(&r, registry_object_list);
    read_siblings(&r, registry_object_list);
    for (size_t i = 0, sets = 0; i < out->objects.n; i++)
        if (out->objects.v[i]->kind == XDS_SET)
            out->set = ++sets == 1 ? xds_submission_set(out->objects.v[i]) : NULL;
    return err->status;
}
