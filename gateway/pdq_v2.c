#include "gateway/pdq_v2.h"

#include <stddef.h>
#include <string.h>

#include "gateway/patient_id.h"

enum { PARAMETERS_MAX = 100 };

/* @SEG.FIELD.COMPONENT.SUBCOMPONENT; 0: not named. */
struct name {
    struct str segment;
    int field, component, subcomponent;
};

/* The identifier that is being put together out of @PID.3.1, @PID.3.4.2, ... */
struct parts {
    struct str number, name_space, oid, type;
    int at; /* repetition of QPD-3 with the number */
};

struct reading {
    struct request *rq;
    const struct hl7_message *m;
    struct pdq_v2 *out;
    struct parts id, account;
    int repetition;
};

static enum status refuse(struct reading *r, const char *code, const char *words)
{
    return fail_at(r->rq->err, str_printf(r->rq->arena, "QPD^1^3^%d", r->repetition), INVALID, code,
                   "Repetition %d of QPD-3: %s", r->repetition, words);
}

/* --- names of fields ------------------------------------------------------------------------- */

static bool number_of(struct str s, int *out)
{
    uint64_t n;

    if (!str_to_u64(s, &n) || n == 0 || n > 99)
        return false;
    *out = (int)n;
    return true;
}

static bool name_read(struct str text, struct name *out)
{
    int *const numbers[] = {&out->field, &out->component, &out->subcomponent};
    struct str rest = text;

    *out = (struct name){0};
    if (!str_starts(text, STR("@")))
        return false;
    rest = str_slice(text, 1, text.n);
    out->segment = str_cut(&rest, '.');
    for (size_t i = 0; i < 3 && rest.p != NULL; i++)
        if (!number_of(str_cut(&rest, '.'), numbers[i]))
            return false;
    return rest.p == NULL && out->segment.n == 3 && out->field > 0;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Fields whose value is a pattern: where it goes in struct mpi_criteria. */
#define PATTERN(field, component, member)                                                          \
    {                                                                                              \
        field, component, offsetof(struct mpi_criteria, member)                                    \
    }
static const struct {
    int field, component;
    size_t offset;
} PATTERNS[] = {
    PATTERN(5, 1, family),        PATTERN(5, 2, given),        PATTERN(5, 3, middle),
    PATTERN(6, 1, mother_family), PATTERN(6, 2, mother_given), PATTERN(11, 1, street),
    PATTERN(11, 3, city),         PATTERN(11, 4, state),       PATTERN(11, 5, postcode),
    PATTERN(11, 6, country),
};

static struct mpi_pattern *pattern_of(struct mpi_criteria *c, const struct name *n)
{
    int component = n->component > 0 ? n->component : 1;

    for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++)
        if (PATTERNS[i].field == n->field && PATTERNS[i].component == component)
            return (struct mpi_pattern *)((char *)c + PATTERNS[i].offset);
    return NULL;
}

static enum status take_date(struct reading *r, struct str value)
{
    struct str s = str_ends(value, STR("*")) ? str_slice(value, 0, value.n - 1) : value;
    int64_t from, to;

    if (!clock_parse_dtm(s, &from, &to))
        return refuse(r, "102", "a birth date has the form YYYY[MM[DD]]");
    r->out->query.criteria.birth_date = str_slice(s, 0, s.n < 8 ? s.n : 8);
    return OK;
}

static enum status take_sex(struct reading *r, struct str value)
{
    char c = (char)(value.p[0] & ~0x20);

    if (value.n != 1 || strchr("MFOUAN", c) == NULL)
        return refuse(r, "103", "the sex is one of HL7 table 0001: F, M, O, U, A, N");
    r->out->query.criteria.sex = strchr("MFO", c) != NULL ? c : '\0';
    return OK;
}

static enum status take_number(struct reading *r, struct str value, struct str *out)
{
    return mpi_criteria_number(r->rq->arena, value, out)
               ? OK
               : refuse(r, "102", "a number of at least four digits is needed");
}

/* --- identifiers ----------------------------------------------------------------------------- */

/* id^^^ns&oid&type in the message's own separators. */
static struct str cx_of(struct reading *r, const struct parts *p)
{
    const struct hl7_separators *s = &r->m->separators;
    char c = s->component, t = s->subcomponent;

    return str_printf(r->rq->arena, "%.*s%c%c%c%.*s%c%.*s%c%.*s", STR_ARG(p->number), c, c, c,
                      STR_ARG(p->name_space), t, STR_ARG(p->oid), t, STR_ARG(p->type));
}

static enum status add_id(struct reading *r, struct str cx)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct identifier id;

    switch (patient_id_read(r->rq, r->m, cx, &id)) {
    case PATIENT_ID_NONE:
        return refuse(r, "102", "PID-3 needs a patient identifier");
    case PATIENT_ID_UNKNOWN:
        r->out->nobody = true;
        return OK;
    default:
        if (str_find(id.id, '*') >= 0)
            return refuse(r, "102", "identifiers take no star");
        if (c->id_count == MPI_CRITERIA_IDS_MAX)
            return refuse(r, "102", "there are too many identifiers");
        if (c->id_count == 0)
            r->rq->patient = identifier_cx(r->rq->arena, id);
        c->ids[c->id_count++] = id;
        return OK;
    }
}

/* An identifier is complete when the next one begins, and at the end. */
static enum status end_id(struct reading *r)
{
    struct parts p = r->id;

    r->id = (struct parts){0};
    if (p.number.n == 0 && p.oid.n == 0 && p.name_space.n == 0)
        return OK;
    r->repetition = p.at > 0 ? p.at : r->repetition;
    if (p.number.n == 0)
        return refuse(r, "101", "an assigning authority without @PID.3.1");
    if (p.oid.n == 0 && p.name_space.n == 0)
        return refuse(r, "101", "@PID.3.1 without an assigning authority (@PID.3.4)");
    return add_id(r, cx_of(r, &p));
}

/* A component of a CX. False: it is none that counts. */
static bool take_part(struct parts *p, const struct name *n, struct str raw, int at)
{
    if (n->component <= 1) {
        p->number = raw;
        p->at = at;
    } else if (n->component != 4)
        return n->component == 5; /* the type says nothing that the authority does not */
    else if (n->subcomponent <= 1)
        p->name_space = raw;
    else if (n->subcomponent == 2)
        p->oid = raw;
    else
        p->type = raw;
    return true;
}

static enum status take_id(struct reading *r, const struct name *n, struct str repetition,
                           struct str raw)
{
    struct str rest = repetition;

    if (n->component == 0) { /* a whole CX behind the name */
        str_cut(&rest, r->m->separators.component);
        TRY(end_id(r));
        return add_id(r, rest);
    }
    if (n->component == 1)
        TRY(end_id(r));
    if (take_part(&r->id, n, raw, r->repetition))
        return OK;
    return refuse(r, "103", "the hub does not search by this part of PID-3");
}

static enum status take_account(struct reading *r, const struct name *n, struct str raw)
{
    if (take_part(&r->account, n, raw, r->repetition))
        return OK;
    return refuse(r, "103", "the hub does not search by this part of PID-18");
}

static void end_account(struct reading *r)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    const struct parts *p = &r->account;

    if (p->number.n == 0)
        return;
    c->account.id = hl7_text(r->rq->arena, r->m, p->number);
    if (p->oid.n > 0 || p->name_space.n > 0) {
        c->account.authority = patient_id_domain(r->rq, r->m, cx_of(r, p));
        r->out->nobody |= c->account.authority.n == 0;
    }
}

/* --- parameters ------------------------------------------------------------------------------ */

static enum status take_pid(struct reading *r, const struct name *n, struct str repetition,
                            struct str raw, struct str value)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct mpi_pattern *p = pattern_of(c, n);

    if (p != NULL)
        return mpi_pattern_read(r->rq->arena, value, p)
                   ? OK
                   : refuse(r, "102", "a star may only stand at the end");
    switch (n->field) {
    case 3:
        return take_id(r, n, repetition, raw);
    case 7:
        return take_date(r, value);
    case 8:
        return take_sex(r, value);
    case 13:
    case 14:
        return take_number(r, value, &c->phone);
    case 18:
        return take_account(r, n, raw);
    case 19:
        return take_number(r, value, &c->ssn);
    default:
        return refuse(r, "103", "the hub does not search by this field of PID");
    }
}

static enum status take_visit(struct reading *r, const struct name *n, struct str value)
{
    struct mpi_criteria *c = &r->out->query.criteria;

    if (n->field == 2)
        c->visit_class = value;
    else if (n->field == 19 && n->component <= 1)
        c->visit.id = value;
    else
        return refuse(r, "103", "of PV1 the hub searches by PV1-2 and PV1-19 only");
    return OK;
}

static enum status take_parameter(struct reading *r, struct str repetition)
{
    struct str raw = hl7_component(r->m, repetition, 2);
    struct str value = hl7_text(r->rq->arena, r->m, raw);
    struct name n;

    if (!name_read(hl7_text(r->rq->arena, r->m, hl7_component(r->m, repetition, 1)), &n))
        return refuse(r, "102", "a field is named as @PID.5.1");
    if (value.n == 0)
        return OK; /* any value */
    if (str_eq(n.segment, STR("PID")))
        return take_pid(r, &n, repetition, raw, value);
    if (str_eq(n.segment, STR("PV1")))
        return take_visit(r, &n, value);
    return refuse(r, "103", "the hub searches by fields of PID and PV1");
}

static enum status read_parameters(struct reading *r, const struct hl7_segment *qpd)
{
    struct str rest = hl7_field(r->m, qpd, 3);

    if (str_trim(rest).n == 0)
        return fail_at(r->rq->err, STR("QPD^1^3"), INVALID, "101",
                       "QPD-3 has to say whom to look for");
    while (rest.p != NULL) {
        struct str repetition = hl7_repetition(r->m, &rest);

        if (++r->repetition > PARAMETERS_MAX)
            return refuse(r, "102", "there are too many parameters");
        if (str_trim(repetition).n > 0)
            TRY(take_parameter(r, repetition));
    }
    TRY(end_id(r));
    end_account(r);
    return OK;
}

/* Each domain that nobody registered gets an ERR of its own (3.21.4.2.2.8, case 3). */
static enum status read_domains(struct reading *r, const struct hl7_segment *qpd)
{
    struct str rest = hl7_field(r->m, qpd, 8);
    struct pdq_query *q = &r->out->query;
    enum status s = OK;

    for (int n = 1; str_trim(rest).n > 0; n++) {
        struct str oid = patient_id_domain(r->rq, r->m, hl7_repetition(r->m, &rest));

        if (n > PIX_DOMAINS_MAX)
            return fail_at(r->rq->err, STR("QPD^1^8"), INVALID, "102",
                           "QPD-8 has more than %d domains", PIX_DOMAINS_MAX);
        if (oid.n > 0)
            q->domains[q->domain_count++] = oid;
        else
            s = fail_at(r->rq->err, str_printf(r->rq->arena, "QPD^1^8^%d", n), NOT_FOUND, "204",
                        "Repetition %d of QPD-8 is not a patient identification domain", n);
    }
    return s;
}

/* RCP-2: 50^RD; DSC-1. */
static enum status read_control(struct reading *r)
{
    struct arena *a = r->rq->arena;
    const struct hl7_message *m = r->m;
    struct str cq = hl7_field(m, hl7_segment(m, "RCP", 0), 2);
    struct str units = hl7_text(a, m, hl7_component(m, cq, 2));
    struct str count = hl7_text(a, m, hl7_component(m, cq, 1));
    uint64_t n = 0;

    r->out->pointer = hl7_text(a, m, hl7_field(m, hl7_segment(m, "DSC", 0), 1));
    if (count.n == 0)
        return OK;
    if (!str_to_u64(count, &n) || n == 0 || (units.n > 0 && !str_eq(units, STR("RD"))))
        return fail_at(r->rq->err, STR("RCP^1^2"), INVALID, "102",
                       "RCP-2 has to be a number of records, as 50^RD");
    r->out->query.page = n < 1000 ? (size_t)n : 1000;
    return OK;
}

enum status pdq_v2_read(struct request *rq, const struct hl7_message *m, struct pdq_v2 *out)
{
    const struct hl7_segment *qpd = hl7_segment(m, "QPD", 0);
    struct reading r = {.rq = rq, .m = m, .out = out};

    *out = (struct pdq_v2){0};
    if (qpd == NULL)
        return fail_at(rq->err, STR("QPD"), INVALID, "100", "The message has no QPD segment");
    out->query.id = hl7_text(rq->arena, m, hl7_field(m, qpd, 2));
    if (out->query.id.n == 0 || out->query.id.n > PDQ_QUERY_ID_MAX)
        return fail_at(rq->err, STR("QPD^1^2"), INVALID, "101", "QPD-2 has to carry a query tag");
    TRY(read_control(&r));
    TRY(read_domains(&r, qpd));
    return out->pointer.n > 0 ? OK : read_parameters(&r, qpd);
}
