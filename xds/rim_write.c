/* One walk over the attribute table for each part of an element: attributes, slots, names,
 * classifications, external identifiers; rim.xsd fixes that order. */
#include "xds/rim_write.h"

#define OBJECT_TYPE "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:"

struct writer {
    struct xml_writer *w;
    struct arena *arena;
    const struct xds_object *o;
    const struct xds_face *face;
    unsigned part; /* classifications and external identifiers so far: makes their ids */
};

static void optional_attribute(struct writer *x, const char *name, struct str value)
{
    if (value.p)
        xml_attribute(x->w, name, value);
}

static void write_slot(struct writer *x, struct str name, struct str type, const struct str *values,
                       size_t count)
{
    xml_begin(x->w, "rim:Slot");
    xml_attribute(x->w, "name", name);
    optional_attribute(x, "slotType", type);
    xml_begin(x->w, "rim:ValueList");
    for (size_t i = 0; i < count; i++)
        xml_leaf(x->w, "rim:Value", values[i]);
    xml_end(x->w, "rim:ValueList");
    xml_end(x->w, "rim:Slot");
}

static void write_names(struct writer *x, const char *element, const struct xds_names *names)
{
    if (names->n == 0)
        return;
    xml_begin(x->w, element);
    for (size_t i = 0; i < names->n; i++) {
        xml_begin(x->w, "rim:LocalizedString");
        optional_attribute(x, "xml:lang", names->v[i].lang);
        optional_attribute(x, "charset", names->v[i].charset);
        xml_attribute(x->w, "value", names->v[i].value);
        xml_end(x->w, "rim:LocalizedString");
    }
    xml_end(x->w, element);
}

/* The id of a part: the object's, with the part's number folded in (a version 8 UUID, RFC 9562),
 * so that the same object always reads the same. */
static void part_id(struct writer *x)
{
    struct uuid id = x->o->uuid;

    x->part++;
    id.b[0] ^= (unsigned char)(x->part >> 8);
    id.b[1] ^= (unsigned char)x->part;
    id.b[6] = (unsigned char)((id.b[6] & 0x0f) | 0x80);
    xml_attribute(x->w, "id", uuid_urn(x->arena, id));
}

static void begin_classification(struct writer *x)
{
    xml_begin(x->w, "rim:Classification");
    part_id(x);
    xml_attribute(x->w, "classifiedObject", x->o->id);
}

static void write_code(struct writer *x, const struct xds_attribute *at,
                       const struct xds_code *code)
{
    begin_classification(x);
    xml_attribute(x->w, "classificationScheme", str_from(at->key));
    xml_attribute(x->w, "nodeRepresentation", code->code);
    write_slot(x, STR("codingScheme"), STR_NONE, &code->scheme, 1);
    write_names(x, "rim:Name", &code->names);
    xml_end(x->w, "rim:Classification");
}

static void write_author(struct writer *x, const struct xds_attribute *at,
                         const struct xds_author *author)
{
    begin_classification(x);
    xml_attribute(x->w, "classificationScheme", str_from(at->key));
    xml_attribute(x->w, "nodeRepresentation", STR(""));
    for (size_t i = 0; i < author->parts.n; i++)
        write_slot(x, author->parts.v[i].name, author->parts.v[i].type, author->parts.v[i].values.v,
                   author->parts.v[i].values.n);
    xml_end(x->w, "rim:Classification");
}

static void write_coding(struct writer *x, const struct xds_attribute *at)
{
    const void *p = xds_value(x->o, at);
    const struct xds_codes *codes = p;
    const struct xds_authors *authors = p;

    if (at->shape == XDS_CODE)
        write_code(x, at, p);
    for (size_t i = 0; at->shape == XDS_CODES && i < codes->n; i++)
        write_code(x, at, &codes->v[i]);
    for (size_t i = 0; at->shape == XDS_AUTHORS && i < authors->n; i++)
        write_author(x, at, &authors->v[i]);
}

/* What a package is, and that metadata is limited, are classifications without a scheme. */
static void write_node(struct writer *x, const char *node)
{
    if (node == NULL)
        return;
    begin_classification(x);
    xml_attribute(x->w, "classificationNode", str_from(node));
    xml_end(x->w, "rim:Classification");
}

static void write_external_id(struct writer *x, const struct xds_attribute *at)
{
    struct str value =
        at->need == XDS_RENDERED ? x->face->patient_id : *(const struct str *)xds_value(x->o, at);
    struct xds_name name = {STR_NONE, STR_NONE,
                            str_printf(x->arena, "XDS%s.%s", xds_models[x->o->kind].label,
                                       at->label)};

    xml_begin(x->w, "rim:ExternalIdentifier");
    part_id(x);
    xml_attribute(x->w, "registryObject", x->o->id);
    xml_attribute(x->w, "identificationScheme", str_from(at->key));
    xml_attribute(x->w, "value", value);
    write_names(x, "rim:Name", &(struct xds_names){&name, 1});
    xml_end(x->w, "rim:ExternalIdentifier");
}

static void write_slots(struct writer *x)
{
    for (const struct xds_attribute *at = xds_models[x->o->kind].attributes; at->member; at++) {
        const struct xds_texts *texts = xds_value(x->o, at);

        if (at->carrier != XDS_SLOT || xds_value_empty(x->o, at))
            continue;
        if (at->shape == XDS_TEXTS)
            write_slot(x, str_from(at->key), STR_NONE, texts->v, texts->n);
        else
            write_slot(x, str_from(at->key), STR_NONE, xds_value(x->o, at), 1);
    }
    for (size_t i = 0; i < x->o->extra.n; i++)
        write_slot(x, x->o->extra.v[i].name, x->o->extra.v[i].type, x->o->extra.v[i].values.v,
                   x->o->extra.v[i].values.n);
}

/* Every attribute that ebRIM carries in this way, in the table's order. */
static void write_carried(struct writer *x, enum xds_carrier carrier)
{
    for (const struct xds_attribute *at = xds_models[x->o->kind].attributes; at->member; at++) {
        if (at->carrier != carrier || (at->need != XDS_RENDERED && xds_value_empty(x->o, at)))
            continue;
        if (carrier == XDS_ATTRIBUTE)
            xml_attribute(x->w, at->key, *(const struct str *)xds_value(x->o, at));
        else if (carrier == XDS_TITLE || carrier == XDS_NOTE)
            write_names(x, carrier == XDS_TITLE ? "rim:Name" : "rim:Description",
                        xds_value(x->o, at));
        else if (carrier == XDS_CODING)
            write_coding(x, at);
        else if (carrier == XDS_EXTERNAL_ID)
            write_external_id(x, at);
    }
}

static void write_version(struct writer *x)
{
    xml_begin(x->w, "rim:VersionInfo");
    xml_attribute(x->w, "versionName", str_printf(x->arena, "%d", x->o->version));
    xml_end(x->w, "rim:VersionInfo");
}

static const struct {
    const char *element, *object_type;
} elements[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"rim:ExtrinsicObject", NULL}, /* an attribute of its own */
    [XDS_SET] = {"rim:RegistryPackage", OBJECT_TYPE "RegistryPackage"},
    [XDS_FOLDER] = {"rim:RegistryPackage", OBJECT_TYPE "RegistryPackage"},
    [XDS_ASSOCIATION] = {"rim:Association", OBJECT_TYPE "Association"},
};

static struct str home_of(const struct xds_object *o, const struct xds_face *face)
{
    return o->home.n ? o->home : face->home;
}

static void write_header(struct writer *x)
{
    const struct xds_object *o = x->o;

    xml_attribute(x->w, "id", o->id);
    xml_attribute(x->w, "lid", o->lid.n ? o->lid : o->id);
    optional_attribute(x, "home", home_of(o, x->face));
    xml_attribute(x->w, "status",
                  o->status == XDS_APPROVED ? STR(XDS_STATUS_APPROVED)
                                            : STR(XDS_STATUS_DEPRECATED));
    if (o->kind == XDS_DOCUMENT)
        xml_attribute(x->w, "isOpaque", STR("false"));
    else
        xml_attribute(x->w, "objectType", str_from(elements[o->kind].object_type));
}

void xds_rim_write(struct xml_writer *w, struct arena *a, const struct xds_object *o,
                   const struct xds_face *face)
{
    struct writer x = {w, a, o, face, 0};

    xml_begin(w, elements[o->kind].element);
    write_header(&x);
    write_carried(&x, XDS_ATTRIBUTE);
    write_slots(&x);
    write_carried(&x, XDS_TITLE);
    write_carried(&x, XDS_NOTE);
    write_version(&x);
    write_node(&x, xds_models[o->kind].node);
    write_node(&x, o->limited ? xds_models[o->kind].limited : NULL);
    write_carried(&x, XDS_CODING);
    write_carried(&x, XDS_EXTERNAL_ID);
    xml_end(w, elements[o->kind].element);
}

void xds_rim_write_ref(struct xml_writer *w, const struct xds_object *o,
                       const struct xds_face *face)
{
    xml_begin(w, "rim:ObjectRef");
    xml_attribute(w, "id", o->id);
    if (home_of(o, face).n)
        xml_attribute(w, "home", home_of(o, face));
    xml_end(w, "rim:ObjectRef");
}
