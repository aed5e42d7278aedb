#include "gateway/hl7_pid.h"

#include "gateway/hl7_identity.h"

/* A PID that is being written: values go to fields of rising number. */
struct pid {
    struct strbuf *b;
    const struct hl7_separators *s;
    int field; /* that was written last */
};

static void go_to(struct pid *p, int field)
{
    for (; p->field < field; p->field++)
        strbuf_addc(p->b, p->s->field);
}

static void add_single(struct pid *p, int field, struct str value)
{
    go_to(p, field);
    hl7_escape(p->b, p->s, value);
}

/* Components; empty ones at the end are left out. */
static void add_components(struct pid *p, const struct str *values, size_t count)
{
    while (count > 0 && values[count - 1].n == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_addc(p->b, p->s->component);
        hl7_escape(p->b, p->s, values[i]);
    }
}

#define COMPONENTS(p, ...)                                                                         \
    add_components((p), (const struct str[]){__VA_ARGS__},                                         \
                   sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

static void next_repetition(struct pid *p, size_t i)
{
    if (i > 0)
        strbuf_addc(p->b, p->s->repetition);
}

static void add_names(struct pid *p, const struct mpi_demographics *d)
{
    go_to(p, 5);
    for (size_t i = 0; i < d->name_count; i++) {
        const struct mpi_name *n = &d->names[i];

        next_repetition(p, i);
        COMPONENTS(p, n->family, n->given, n->middle, n->suffix, n->prefix, STR_NONE,
                   n->type.n > 0 ? n->type : STR("L"));
    }
}

static void add_addresses(struct pid *p, const struct mpi_demographics *d)
{
    go_to(p, 11);
    for (size_t i = 0; i < d->address_count; i++) {
        const struct mpi_address *x = &d->addresses[i];

        next_repetition(p, i);
        COMPONENTS(p, x->street, x->other, x->city, x->state, x->postcode, x->country, x->type,
                   STR_NONE, x->county);
    }
}

static void add_telecoms(struct pid *p, const struct mpi_demographics *d)
{
    go_to(p, 13);
    for (size_t i = 0; i < d->telecom_count; i++) {
        const struct mpi_telecom *t = &d->telecoms[i];
        bool mail = str_find(t->value, '@') >= 0;

        next_repetition(p, i);
        COMPONENTS(p, mail ? STR_NONE : t->value, t->use, t->equipment, mail ? t->value : STR_NONE);
    }
}

/* CX of the index, in the message's own separators. */
static void add_cx(struct pid *p, int field, struct str cx)
{
    struct identifier id;

    if (cx.n == 0)
        return;
    go_to(p, field);
    if (!identifier_parse_cx(cx, &id)) {
        hl7_escape(p->b, p->s, cx);
        return;
    }
    hl7_escape(p->b, p->s, id.id);
    strbuf_addf(p->b, "%c%c%c%c%.*s%cISO", p->s->component, p->s->component, p->s->component,
                p->s->subcomponent, STR_ARG(id.authority), p->s->subcomponent);
}

void hl7_pid_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                 size_t number, struct pdq_patient *patient)
{
    const struct mpi_demographics *d = &patient->shown;
    struct pid p = {.b = b, .s = s, .field = 1};
    const struct {
        int field;
        struct str value;
    } last[] = {{24, d->multiple_birth},
                {25, d->birth_order},
                {29, d->deceased_at},
                {30, d->deceased}};

    strbuf_addf(b, "PID%c%zu", s->field, number);
    go_to(&p, 3);
    hl7_cx_list_add(rq, b, s, &patient->ids);
    add_names(&p, d);
    go_to(&p, 6);
    COMPONENTS(&p, d->mother_family, d->mother_given);
    add_single(&p, 7, d->birth_date);
    add_single(&p, 8, d->sex);
    add_addresses(&p, d);
    add_telecoms(&p, d);
    add_cx(&p, 18, d->account);
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
        if (last[i].value.n > 0)
            add_single(&p, last[i].field, last[i].value);
}
