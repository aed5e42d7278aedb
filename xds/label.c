#include "xds/label.h"

#include "consent/code_system.h"
#include "consent/label_store.h"

struct codes {
    struct label_code *v;
    size_t n;
};

static void add_code(struct codes *codes, enum label_field field, const struct xds_code *code)
{
    if (code->code.n > 0)
        codes->v[codes->n++] =
            (struct label_code){field, code_system(code->scheme), code->code, false};
}

static void add_codes(struct codes *codes, enum label_field field, const struct xds_codes *list)
{
    for (size_t i = 0; i < list->n; i++)
        add_code(codes, field, &list->v[i]);
}

struct label_code *xds_label_codes(struct arena *a, const struct xds_document *d, size_t *count)
{
    size_t most = 5 + d->event_code.n + d->confidentiality_code.n;
    struct codes codes = {ARENA_ARRAY(a, most, struct label_code), 0};

    add_code(&codes, LABEL_CLASS, &d->class_code);
    add_code(&codes, LABEL_TYPE, &d->type_code);
    add_code(&codes, LABEL_FORMAT, &d->format_code);
    add_code(&codes, LABEL_FACILITY, &d->healthcare_facility_type_code);
    add_code(&codes, LABEL_PRACTICE, &d->practice_setting_code);
    add_codes(&codes, LABEL_EVENT, &d->event_code);
    add_codes(&codes, LABEL_CONFIDENTIALITY, &d->confidentiality_code);
    *count = codes.n;
    return codes.v;
}

void xds_label_make(struct arena *a, struct xds_document *d, const struct label_book *book)
{
    size_t n;
    const struct label_code *codes = xds_label_codes(a, d, &n);
    struct label_texts labels = label_book_apply(book, a, codes, n);

    d->labels = (struct xds_texts){labels.v, labels.n};
    d->label_version = label_book_version(book);
}

void xds_label_new(struct arena *a, struct xds_document *d)
{
    const struct label_book *book = label_book_last(a);

    if (book)
        xds_label_make(a, d, book);
}

enum status xds_label_refresh(struct request *rq, struct xds_object *o)
{
    struct xds_document *d = xds_document(o);
    const struct label_book *book;

    if (d == NULL || d->label_now == 0 || (d->label_version == d->label_now && d->labels.n > 0))
        return OK;
    TRY(label_book_hold(rq->db, rq->arena, d->label_now, &book));
    xds_label_make(rq->arena, d, book);
    return OK;
}
