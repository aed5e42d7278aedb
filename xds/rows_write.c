/* Objects -> JSON -> rows: PostgreSQL turns an array of objects into a set of rows, so that one
 * statement of constant text inserts any number of them. */
#include <string.h>

#include "hub/base/json_text.h"
#include "xds/rows.h"

#define RECORD_OPTIONAL(name) ", r." #name
#define RECORD_REQUIRED(name) ", r." #name
#define RECORD_STABLE(name)   ", r." #name
#define RECORD_FULL(name)     ", r." #name
#define RECORD_RENDERED(name)
#define RECORD_KEYED(name)
#define RECORD_MESSAGE(name)
#define RECORD(member, label, shape, carrier, key, format, need, parameter, fhir)                  \
    RECORD_##need(member)

#define INSERT(table, columns, attributes, more)                                                   \
    "INSERT INTO " table " (" columns ", registered_at, request)\n"                                \
    "SELECT $1, $2, r.entry_uuid, r.logical_id, r.version, r.status, r.home, r.limited, "          \
    "$3" attributes ", r.code_names, r.extra_slots" more ", $4, $5\n"                              \
    "  FROM jsonb_populate_recordset(NULL::" table ", $6) AS r"

static const struct statement inserts[XDS_KINDS] = {
    [XDS_DOCUMENT] = {"xds_insert_documents",
                      INSERT("xds_document_entry", XDS_DOCUMENT_STORED,
                             XDS_DOCUMENT_ATTRIBUTES(RECORD), ", r.labels, r.label_version")},
    [XDS_SET] = {"xds_insert_sets",
                 INSERT("xds_submission_set", XDS_SET_COLUMNS, XDS_SET_ATTRIBUTES(RECORD), "")},
    [XDS_FOLDER] = {"xds_insert_folders",
                    INSERT("xds_folder", XDS_FOLDER_COLUMNS, XDS_FOLDER_ATTRIBUTES(RECORD), "")},
    [XDS_ASSOCIATION] = {"xds_insert_associations",
                         INSERT("xds_association", XDS_ASSOCIATION_COLUMNS,
                                XDS_ASSOCIATION_ATTRIBUTES(RECORD),
                                ", r.source_uuid, r.source_kind, r.source_pkey, r.source_record"
                                ", r.target_uuid, r.target_kind, r.target_pkey, r.target_record")},
};

static const struct str kind_names[XDS_KINDS] = {
    [XDS_DOCUMENT] = STR("document"),
    [XDS_SET] = STR("set"),
    [XDS_FOLDER] = STR("folder"),
    [XDS_ASSOCIATION] = STR("association"),
};

struct str xds_kind_name(enum xds_kind kind)
{
    return kind_names[kind];
}

bool xds_kind_parse(struct str name, enum xds_kind *kind)
{
    for (int i = 0; i < XDS_KINDS; i++)
        if (str_eq(kind_names[i], name)) {
            *kind = (enum xds_kind)i;
            return true;
        }
    return false;
}

bool xds_stored(const struct xds_attribute *at)
{
    return at->need != XDS_RENDERED && at->need != XDS_KEYED && at->need != XDS_MESSAGE;
}

static void add_null_or_text(struct strbuf *b, struct str s)
{
    if (s.p)
        json_text_add(b, s);
    else
        strbuf_lit(b, "null");
}

/* Begins an array's element, or an object's member. */
static void next(struct strbuf *b)
{
    char last = b->p[b->n - 1];

    if (last != '[' && last != '{')
        strbuf_addc(b, ',');
}

static void add_element(struct strbuf *b, struct str s)
{
    next(b);
    add_null_or_text(b, s);
}

static void add_key(struct strbuf *b, const char *name)
{
    next(b);
    strbuf_addf(b, "\"%s\":", name);
}

static void add_texts(struct strbuf *b, const struct xds_texts *texts)
{
    strbuf_addc(b, '[');
    for (size_t i = 0; i < texts->n; i++)
        add_element(b, texts->v[i]);
    strbuf_addc(b, ']');
}

static struct str code_text(struct arena *a, const struct xds_code *code)
{
    return str_printf(a, "%.*s^^%.*s", STR_ARG(code->code), STR_ARG(code->scheme));
}

static void add_codes(struct strbuf *b, const struct xds_codes *codes)
{
    strbuf_addc(b, '[');
    for (size_t i = 0; i < codes->n; i++)
        add_element(b, code_text(b->arena, &codes->v[i]));
    strbuf_addc(b, ']');
}

static void add_names(struct strbuf *b, const struct xds_names *names)
{
    strbuf_addc(b, '[');
    for (size_t i = 0; i < names->n; i++) {
        add_element(b, names->v[i].lang);
        add_element(b, names->v[i].charset);
        add_element(b, names->v[i].value);
    }
    strbuf_addc(b, ']');
}

static void add_author_value(struct strbuf *b, size_t number, const struct xds_slot *slot,
                             struct str value)
{
    add_element(b, str_printf(b->arena, "%zu", number));
    add_element(b, slot->name);
    add_element(b, slot->type);
    add_element(b, value);
}

static void add_authors(struct strbuf *b, const struct xds_authors *authors)
{
    strbuf_addc(b, '[');
    for (size_t i = 0; i < authors->n; i++)
        for (size_t j = 0; j < authors->v[i].parts.n; j++) {
            const struct xds_slot *slot = &authors->v[i].parts.v[j];

            for (size_t k = 0; k < slot->values.n; k++)
                add_author_value(b, i, slot, slot->values.v[k]);
            if (slot->values.n == 0)
                add_author_value(b, i, slot, STR_NONE);
        }
    strbuf_addc(b, ']');
}

static void add_attribute(struct strbuf *b, const struct xds_object *o,
                          const struct xds_attribute *at)
{
    const void *p = xds_value(o, at);

    add_key(b, at->member);
    switch (at->shape) {
    case XDS_TEXT:
        add_null_or_text(b, *(const struct str *)p);
        break;
    case XDS_TEXTS:
        add_texts(b, p);
        break;
    case XDS_CODE:
        json_text_add(b, code_text(b->arena, p));
        break;
    case XDS_CODES:
        add_codes(b, p);
        break;
    case XDS_NAME:
        add_names(b, p);
        break;
    case XDS_AUTHORS:
        add_authors(b, p);
        break;
    }
}

static void add_code_names(struct strbuf *b, const char *member, size_t number,
                           const struct xds_code *code)
{
    for (size_t i = 0; i < code->names.n; i++) {
        add_element(b, str_printf(b->arena, "%s/%zu", member, number));
        add_element(b, code->names.v[i].lang);
        add_element(b, code->names.v[i].charset);
        add_element(b, code->names.v[i].value);
    }
}

static void add_all_code_names(struct strbuf *b, const struct xds_object *o)
{
    add_key(b, "code_names");
    strbuf_addc(b, '[');
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++) {
        const struct xds_codes *codes = xds_value(o, at);

        if (at->shape == XDS_CODE)
            add_code_names(b, at->member, 0, xds_value(o, at));
        for (size_t i = 0; at->shape == XDS_CODES && i < codes->n; i++)
            add_code_names(b, at->member, i, &codes->v[i]);
    }
    strbuf_addc(b, ']');
}

static void add_extra(struct strbuf *b, const struct xds_object *o)
{
    add_key(b, "extra_slots");
    strbuf_addc(b, '[');
    for (size_t i = 0; i < o->extra.n; i++) {
        next(b);
        strbuf_lit(b, "{\"name\":");
        json_text_add(b, o->extra.v[i].name);
        strbuf_lit(b, ",\"type\":");
        add_null_or_text(b, o->extra.v[i].type);
        strbuf_lit(b, ",\"values\":");
        add_texts(b, &o->extra.v[i].values);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

static void add_header(struct strbuf *b, const struct xds_object *o)
{
    strbuf_lit(b, "{\"entry_uuid\":");
    json_text_add(b, uuid_text(b->arena, o->uuid));
    strbuf_lit(b, ",\"logical_id\":");
    json_text_add(b, uuid_text(b->arena, o->logical));
    strbuf_addf(b, ",\"version\":%d,\"status\":\"%s\",\"limited\":%s,\"home\":", o->version,
                o->status == XDS_APPROVED ? "approved" : "deprecated",
                o->limited ? "true" : "false");
    add_null_or_text(b, o->home);
}

static void add_end(struct strbuf *b, const char *end, const struct xds_end *e)
{
    strbuf_addf(b, ",\"%s_uuid\":", end);
    json_text_add(b, uuid_text(b->arena, e->uuid));
    strbuf_addf(b, ",\"%s_kind\":\"%.*s\",\"%s_pkey\":%lld,\"%s_record\":%lld", end,
                STR_ARG(xds_kind_name(e->kind)), end, (long long)e->place.pkey, end,
                (long long)e->place.record_id);
}

static void add_labels(struct strbuf *b, const struct xds_document *d)
{
    add_key(b, "labels");
    add_texts(b, &d->labels);
    strbuf_addf(b, ",\"label_version\":%lld", (long long)d->label_version);
}

static void add_row(struct strbuf *b, struct xds_object *o)
{
    const struct xds_association *link = xds_association(o);
    const struct xds_document *d = xds_document(o);

    next(b);
    add_header(b, o);
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++)
        if (xds_stored(at) && !xds_value_empty(o, at))
            add_attribute(b, o, at);
    add_all_code_names(b, o);
    if (o->extra.n > 0)
        add_extra(b, o);
    if (d && d->labels.n > 0)
        add_labels(b, d);
    if (link) {
        add_end(b, "source", &link->from);
        add_end(b, "target", &link->to);
    }
    strbuf_addc(b, '}');
}

void xds_rows_insert(struct request *rq, enum xds_kind kind, struct place place,
                     struct xds_object *const *objects, size_t count)
{
    struct strbuf b = strbuf_on(rq->arena, 4096);

    if (count == 0)
        return;
    strbuf_addc(&b, '[');
    for (size_t i = 0; i < count; i++)
        add_row(&b, objects[i]);
    strbuf_addc(&b, ']');
    db_queue(rq->db, &inserts[kind], NULL, DB_INT8(place.pkey), DB_INT8(place.record_id),
             DB_INT8(objects[0]->source_member), DB_TIME(rq->now_us), DB_UUID(rq->id),
             DB_JSONB(strbuf_str(&b)));
}
