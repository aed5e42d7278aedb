/* Rows -> objects, column by column in the order of the attribute table. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "hub/base/hash.h"
#include "xds/rows.h"

struct row {
    struct arena *arena;
    const struct rows *rows;
    int row, column; /* the next one to read */
};

static struct str next_text(struct row *r)
{
    return row_text(r->rows, r->row, r->column++);
}

static size_t next_texts(struct row *r, struct str **out)
{
    *out = NULL;
    if (row_null(r->rows, r->row, r->column)) {
        r->column++;
        return 0;
    }
    return row_texts(r->arena, r->rows, r->row, r->column++, out);
}

/* code^^scheme: neither part holds ^^, for a scheme is an OID or a URN. */
static struct xds_code parse_code(struct str s)
{
    struct xds_code code = {STR_NONE, STR_NONE, {NULL, 0}};

    for (size_t i = s.n; i >= 2; i--)
        if (s.p[i - 1] == '^' && s.p[i - 2] == '^') {
            code.code = str_slice(s, 0, i - 2);
            code.scheme = str_slice(s, i, s.n);
            break;
        }
    return code;
}

static struct xds_codes read_codes(struct row *r)
{
    struct str *texts;
    struct xds_codes codes = {NULL, next_texts(r, &texts)};

    codes.v = ARENA_ARRAY(r->arena, codes.n, struct xds_code);
    for (size_t i = 0; i < codes.n; i++)
        codes.v[i] = parse_code(texts[i]);
    return codes;
}

static struct xds_names read_names(struct row *r)
{
    struct str *t;
    struct xds_names names = {NULL, next_texts(r, &t) / 3};

    names.v = ARENA_ARRAY(r->arena, names.n, struct xds_name);
    for (size_t i = 0; i < names.n; i++)
        names.v[i] = (struct xds_name){t[3 * i], t[3 * i + 1], t[3 * i + 2]};
    return names;
}

static void add_author_value(struct row *r, struct xds_author *author, const struct str *four)
{
    struct xds_slots *parts = &author->parts;
    struct xds_texts *values;

    if (parts->n == 0 || !str_eq(parts->v[parts->n - 1].name, four[1])) {
        parts->v = arena_grow(r->arena, parts->v, parts->n, sizeof(*parts->v));
        parts->v[parts->n++] = (struct xds_slot){four[1], four[2], {NULL, 0}};
    }
    if (four[3].p == NULL)
        return;
    values = &parts->v[parts->n - 1].values;
    values->v = arena_grow(r->arena, values->v, values->n, sizeof(*values->v));
    values->v[values->n++] = four[3];
}

static struct xds_authors read_authors(struct row *r)
{
    struct xds_authors authors = {NULL, 0};
    struct str *t, number = STR_NONE;
    size_t n = next_texts(r, &t);

    for (size_t i = 0; i + 3 < n; i += 4) {
        if (authors.n == 0 || !str_eq(number, t[i])) {
            number = t[i];
            authors.v = arena_grow(r->arena, authors.v, authors.n, sizeof(*authors.v));
            authors.v[authors.n++] = (struct xds_author){{NULL, 0}};
        }
        add_author_value(r, &authors.v[authors.n - 1], &t[i]);
    }
    return authors;
}

static void read_attribute(struct row *r, struct xds_object *o, const struct xds_attribute *at)
{
    void *p = xds_value(o, at);
    struct xds_texts *texts = p;

    switch (at->shape) {
    case XDS_TEXT:
        *(struct str *)p = next_text(r);
        break;
    case XDS_TEXTS:
        texts->n = next_texts(r, &texts->v);
        break;
    case XDS_CODE:
        *(struct xds_code *)p = parse_code(next_text(r));
        break;
    case XDS_CODES:
        *(struct xds_codes *)p = read_codes(r);
        break;
    case XDS_NAME:
        *(struct xds_names *)p = read_names(r);
        break;
    case XDS_AUTHORS:
        *(struct xds_authors *)p = read_authors(r);
        break;
    }
}

/* The names lie in the order of the attributes, so that one pass hands them out. */
struct code_names {
    struct str *t;
    size_t n, at;
};

/* Is this the name of the member's code of this number: "member/number"? */
static bool is_of(struct str key, struct str member, size_t number)
{
    uint64_t n;

    return key.n > member.n && key.p[member.n] == '/' && str_starts(key, member) &&
           str_to_u64(str_slice(key, member.n + 1, key.n), &n) && n == number;
}

static void take_names(struct row *r, struct code_names *names, const char *member, size_t number,
                       struct xds_code *code)
{
    struct str of = str_from(member);

    while (names->at + 3 < names->n && is_of(names->t[names->at], of, number)) {
        const struct str *t = &names->t[names->at];

        code->names.v = arena_grow(r->arena, code->names.v, code->names.n, sizeof(*code->names.v));
        code->names.v[code->names.n++] = (struct xds_name){t[1], t[2], t[3]};
        names->at += 4;
    }
}

static void read_code_names(struct row *r, struct xds_object *o)
{
    struct code_names names = {0};

    names.n = next_texts(r, &names.t);
    for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++) {
        struct xds_codes *codes = xds_value(o, at);

        if (at->shape == XDS_CODE)
            take_names(r, &names, at->member, 0, xds_value(o, at));
        for (size_t i = 0; at->shape == XDS_CODES && i < codes->n; i++)
            take_names(r, &names, at->member, i, &codes->v[i]);
    }
}

static struct str json_str(struct arena *a, const json_t *value)
{
    if (!json_is_string(value))
        return STR_NONE;
    return str_dup(a, str_of(json_string_value(value), json_string_length(value)));
}

static struct xds_slot json_slot(struct arena *a, const json_t *item)
{
    const json_t *values = json_object_get(item, "values");
    struct xds_slot slot = {json_str(a, json_object_get(item, "name")),
                            json_str(a, json_object_get(item, "type")),
                            {NULL, json_array_size(values)}};

    slot.values.v = ARENA_ARRAY(a, slot.values.n, struct str);
    for (size_t i = 0; i < slot.values.n; i++)
        slot.values.v[i] = json_str(a, json_array_get(values, i));
    return slot;
}

static void read_extra(struct row *r, struct xds_object *o)
{
    struct str text = row_json(r->rows, r->row, r->column);
    json_t *list;

    if (row_null(r->rows, r->row, r->column++))
        return;
    list = json_loadb(text.p, text.n, 0, NULL);
    must(list != NULL, "extra_slots that is no JSON");
    o->extra.n = json_array_size(list);
    o->extra.v = ARENA_ARRAY(r->arena, o->extra.n, struct xds_slot);
    for (size_t i = 0; i < o->extra.n; i++)
        o->extra.v[i] = json_slot(r->arena, json_array_get(list, i));
    json_decref(list);
}

static void read_header(struct row *r, struct xds_object *o)
{
    const struct rows *rows = r->rows;
    int row = r->row;

    o->place = (struct place){row_int(rows, row, 0), row_int(rows, row, 1)};
    o->uuid = row_uuid(rows, row, 2);
    o->id = uuid_urn(r->arena, o->uuid);
    o->logical = row_uuid(rows, row, 3);
    o->lid = uuid_urn(r->arena, o->logical);
    o->version = (int)row_int(rows, row, 4);
    o->status = str_eq(row_text(rows, row, 5), STR("approved")) ? XDS_APPROVED : XDS_DEPRECATED;
    o->home = row_text(rows, row, 6);
    o->limited = row_bool(rows, row, 7);
    o->source_member = row_int(rows, row, 8);
    r->column = XDS_HEADER_COLUMN_COUNT;
}

static struct xds_end read_end(struct row *r)
{
    struct xds_end end = {.uuid = row_uuid(r->rows, r->row, r->column)};

    must(xds_kind_parse(row_text(r->rows, r->row, r->column + 1), &end.kind),
         "an association's end of a kind that there is not");
    end.place = (struct place){row_int(r->rows, r->row, r->column + 2),
                               row_int(r->rows, r->row, r->column + 3)};
    r->column += 4;
    return end;
}

static void read_labels(struct row *r, struct xds_document *d)
{
    d->labels.n = next_texts(r, &d->labels.v);
    d->label_version = row_int(r->rows, r->row, r->column);
    d->label_now = row_int(r->rows, r->row, r->column + 1);
    r->column += 2;
}

struct xds_object *xds_rows_read(struct arena *a, enum xds_kind kind, const struct rows *rows,
                                 int row)
{
    struct row r = {a, rows, row, 0};
    struct xds_object *o = xds_object_new(a, kind);
    struct xds_association *link = xds_association(o);
    struct xds_document *d = xds_document(o);

    read_header(&r, o);
    for (const struct xds_attribute *at = xds_models[kind].attributes; at->member; at++)
        if (xds_stored(at))
            read_attribute(&r, o, at);
    read_code_names(&r, o);
    read_extra(&r, o);
    if (d)
        read_labels(&r, d);
    if (link) {
        link->from = read_end(&r);
        link->to = read_end(&r);
        link->source = uuid_urn(a, link->from.uuid);
        link->target = uuid_urn(a, link->to.uuid);
    }
    return o;
}

static int width(enum xds_kind kind)
{
    int n = XDS_HEADER_COLUMN_COUNT + 2; /* code_names, extra_slots */

    for (const struct xds_attribute *at = xds_models[kind].attributes; at->member; at++)
        n += xds_stored(at);
    if (kind == XDS_DOCUMENT)
        return n + 3;                           /* labels, their version, and the present one */
    return kind == XDS_ASSOCIATION ? n + 8 : n; /* two ends of four columns */
}

struct xds_object *xds_rows_read_more(struct arena *a, enum xds_kind kind, const struct rows *rows,
                                      int row)
{
    struct xds_object *o = xds_rows_read(a, kind, rows, row);
    int column = width(kind);

    o->superseded = row_bool(rows, row, column);
    o->registered_us = row_time(rows, row, column + 1);
    return o;
}

int64_t xds_uid_key(struct str id)
{
    return hash_key(&id, 1);
}
