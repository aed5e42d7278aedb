#include "xds/source.h"

#include <string.h>

#define METADATA "XDSRegistryMetadataError"

/* A kind of which the domain has loaded no codes is not constrained. */
static const struct statement FIND_SOURCE = {
    "xds_find_source",
    "SELECT s.code_check, s.limited, s.curator, u.number, s.consents, s.consent_headers\n"
    "  FROM xds_source s\n"
    "  LEFT JOIN unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY\n"
    "       AS u (kind, code, scheme, number)\n"
    "    ON s.code_check <> 'off'\n"
    "   AND EXISTS (SELECT FROM xds_code k WHERE k.kind = u.kind)\n"
    "   AND NOT EXISTS (\n"
    "       SELECT\n"
    "         FROM xds_code c\n"
    "        WHERE c.kind = u.kind\n"
    "          AND c.code = u.code\n"
    "          AND c.scheme = u.scheme)\n"
    " WHERE s.member_id = $1",
};

/* codes.xml calls them as the profile does, with one exception. */
static struct str kind_of(const struct xds_coded *c)
{
    return c->object->kind == XDS_FOLDER ? STR("folderCodeList") : str_from(c->label);
}

static void add_code(struct request *rq, struct xds_source *source, const struct xds_object *o,
                     const char *label, struct str code, struct str scheme)
{
    source->v = arena_grow(rq->arena, source->v, source->n, sizeof(*source->v));
    source->v[source->n++] = (struct xds_coded){o, label, code, scheme};
}

static void add_codes(struct request *rq, struct xds_source *source, const struct xds_object *o,
                      const struct xds_attribute *at)
{
    const struct xds_code *code = xds_value(o, at);
    const struct xds_codes *codes = xds_value(o, at);

    if (at->format == XDS_MIME)
        add_code(rq, source, o, at->label, *(const struct str *)xds_value(o, at), STR(""));
    else if (at->shape == XDS_CODE)
        add_code(rq, source, o, at->label, code->code, code->scheme);
    for (size_t i = 0; at->shape == XDS_CODES && i < codes->n; i++)
        add_code(rq, source, o, at->label, codes->v[i].code, codes->v[i].scheme);
}

static void list_codes(struct request *rq, const struct xds_submission *s,
                       struct xds_source *source)
{
    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_object *o = s->objects.v[i];

        for (const struct xds_attribute *at = xds_models[o->kind].attributes; at->member; at++)
            if (!xds_value_empty(o, at))
                add_codes(rq, source, o, at);
    }
}

void xds_source_queue(struct request *rq, const struct xds_submission *s, struct xds_source *source)
{
    struct str *kinds, *codes, *schemes;

    *source = (struct xds_source){0};
    if (s != NULL)
        list_codes(rq, s, source);
    kinds = ARENA_ARRAY(rq->arena, source->n, struct str);
    codes = ARENA_ARRAY(rq->arena, source->n, struct str);
    schemes = ARENA_ARRAY(rq->arena, source->n, struct str);
    for (size_t i = 0; i < source->n; i++) {
        kinds[i] = kind_of(&source->v[i]);
        codes[i] = source->v[i].code;
        schemes[i] = source->v[i].scheme;
    }
    db_queue(rq->db, &FIND_SOURCE, &source->rows, DB_INT8(rq->principal.member->id),
             DB_TEXTS(kinds, source->n), DB_TEXTS(codes, source->n), DB_TEXTS(schemes, source->n));
}

static void say_unknown(struct request *rq, const struct xds_coded *c, bool strict)
{
    struct str words =
        str_printf(rq->arena, "%s of %.*s is %.*s^^%.*s, which this affinity domain does not use",
                   c->label, STR_ARG(str_slice(c->object->id, 0, 120)),
                   STR_ARG(str_slice(c->code, 0, 120)), STR_ARG(str_slice(c->scheme, 0, 120)));

    if (strict)
        fail_at(rq->err, c->object->id, INVALID, METADATA, "%.*s", STR_ARG(words));
    else
        warn_at(rq->err, c->object->id, METADATA, "%.*s", STR_ARG(words));
}

static void check_limited(struct request *rq, const struct xds_submission *s)
{
    for (size_t i = 0; i < s->objects.n; i++)
        if (s->objects.v[i]->limited)
            fail_at(rq->err, s->objects.v[i]->id, INVALID, METADATA,
                    "%.*s has limited metadata, which %.*s may not submit",
                    STR_ARG(str_slice(s->objects.v[i]->id, 0, 120)),
                    STR_ARG(rq->principal.member->name));
}

enum status xds_source_check(struct request *rq, const struct xds_submission *s,
                             struct xds_source *source)
{
    const struct rows *rows = &source->rows;
    bool strict = rows->count > 0 && str_eq(row_text(rows, 0, 0), STR("strict"));

    source->limited = rows->count > 0 && row_bool(rows, 0, 1);
    source->curator = rows->count > 0 && row_bool(rows, 0, 2);
    source->consents = rows->count > 0 ? row_text(rows, 0, 4) : STR("own");
    source->consent_headers = rows->count == 0 || row_bool(rows, 0, 5);
    if (s == NULL)
        return OK;
    for (int row = 0; row < rows->count; row++)
        if (!row_null(rows, row, 3))
            say_unknown(rq, &source->v[row_int(rows, row, 3) - 1], strict);
    if (!source->limited)
        check_limited(rq, s);
    return rq->err->status;
}

bool xds_source_may_change(const struct request *rq, const struct xds_source *source,
                           int64_t publisher)
{
    return source->curator || publisher == rq->principal.member->id;
}
