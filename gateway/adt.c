#include "gateway/adt.h"

#include "gateway/patient_id.h"

enum { GROUPS_MAX = 50 }; /* of PID and MRG in one message */

/* What reading a PID needs at hand. */
struct reader {
    struct request *rq;
    const struct hl7_message *m;
    const struct hl7_segment *segment;
};

static struct str text(const struct reader *r, struct str repetition, int component)
{
    struct str raw = hl7_component(r->m, repetition, component);

    return hl7_text(r->rq->arena, r->m, hl7_subcomponent(r->m, raw, 1));
}

static struct str field(const struct reader *r, int number)
{
    return hl7_field(r->m, r->segment, number);
}

/* First component of the first repetition. */
static struct str single(const struct reader *r, int number)
{
    struct str rest = field(r, number);

    return rest.p != NULL ? text(r, hl7_repetition(r->m, &rest), 1) : STR_NONE;
}

static bool is_deleted(struct str value)
{
    return str_eq(str_trim(value), STR("\"\""));
}

/* Is something said about this list, if only that it is to be forgotten? */
static bool list_given(struct str value)
{
    return str_trim(value).n > 0;
}

static size_t repetitions(const struct reader *r, struct str value)
{
    struct str rest = value;
    size_t n = 0;

    for (; rest.p != NULL && n < MPI_REPETITIONS_MAX; n++)
        hl7_repetition(r->m, &rest);
    return is_deleted(value) ? 0 : n;
}

static void read_names(const struct reader *r, struct mpi_demographics *d)
{
    struct str rest = field(r, 5);
    size_t most = repetitions(r, rest);

    d->names_given = list_given(rest);
    d->names = ARENA_ARRAY(r->rq->arena, most, struct mpi_name);
    for (size_t i = 0; i < most; i++) {
        struct str xpn = hl7_repetition(r->m, &rest);
        struct mpi_name *n = &d->names[d->name_count];

        *n = (struct mpi_name){
            .family = text(r, xpn, 1),
            .given = text(r, xpn, 2),
            .middle = text(r, xpn, 3),
            .suffix = text(r, xpn, 4),
            .prefix = text(r, xpn, 5),
            .type = text(r, xpn, 7),
        };
        d->name_count += n->family.n > 0 || n->given.n > 0;
    }
    /* ^^^^^^L says nothing: it must not wipe out a name that is known. */
    if (d->name_count == 0 && !is_deleted(field(r, 5)))
        d->names_given = false;
}

static void read_addresses(const struct reader *r, struct mpi_demographics *d)
{
    struct str rest = field(r, 11);
    size_t most = repetitions(r, rest);

    d->addresses_given = list_given(rest);
    d->addresses = ARENA_ARRAY(r->rq->arena, most, struct mpi_address);
    for (size_t i = 0; i < most; i++) {
        struct str xad = hl7_repetition(r->m, &rest);

        d->addresses[d->address_count++] = (struct mpi_address){
            .street = text(r, xad, 1),
            .other = text(r, xad, 2),
            .city = text(r, xad, 3),
            .state = text(r, xad, 4),
            .postcode = text(r, xad, 5),
            .country = text(r, xad, 6),
            .type = text(r, xad, 7),
            .county = text(r, xad, 9),
        };
    }
}

/* The number where the versions put it: XTN.1, later XTN.12, or area code and local number. */
static struct str number_of(const struct reader *r, struct str xtn)
{
    struct str whole = text(r, xtn, 1);
    struct str area = text(r, xtn, 6), local = text(r, xtn, 7);

    if (whole.n == 0)
        whole = text(r, xtn, 12);
    if (whole.n == 0 && local.n > 0)
        whole = str_printf(r->rq->arena, "%.*s%.*s", STR_ARG(area), STR_ARG(local));
    return whole.n > 0 ? whole : text(r, xtn, 4); /* an address on the Internet */
}

static void read_telecoms_of(const struct reader *r, int number, struct mpi_demographics *d)
{
    struct str rest = field(r, number);
    size_t most = repetitions(r, rest);

    d->telecoms_given |= list_given(rest);
    for (size_t i = 0; i < most && d->telecom_count < MPI_REPETITIONS_MAX; i++) {
        struct str xtn = hl7_repetition(r->m, &rest);

        d->telecoms[d->telecom_count] = (struct mpi_telecom){
            .value = number_of(r, xtn),
            .use = text(r, xtn, 2),
            .equipment = text(r, xtn, 3),
        };
        d->telecom_count += d->telecoms[d->telecom_count].value.n > 0;
    }
}

static enum status check_date(const struct reader *r, struct str dtm, int number)
{
    int64_t from, to;

    if (dtm.n == 0 || clock_parse_dtm(dtm, &from, &to))
        return OK;
    return fail_at(r->rq->err, str_printf(r->rq->arena, "PID^1^%d", number), INVALID, "102",
                   "PID-%d is not a date of the form YYYY[MM[DD[HHMM[SS]]]]", number);
}

/* The first repetition of a CX as the index keeps account and visit numbers. */
static struct str number_with_authority(const struct reader *r, struct str cx)
{
    struct str rest = cx, number, oid;

    if (is_deleted(cx) || cx.p == NULL)
        return cx.p != NULL ? STR("") : STR_NONE;
    cx = hl7_repetition(r->m, &rest);
    number = text(r, cx, 1);
    oid = patient_id_domain(r->rq, r->m, cx);
    return number.n > 0 && oid.n > 0 ? identifier_cx(r->rq->arena, (struct identifier){oid, number})
                                     : number;
}

/* The visit that the message is about, where it has a number. */
static void read_visit(struct request *rq, const struct hl7_message *m, struct mpi_demographics *d)
{
    struct reader r = {.rq = rq, .m = m, .segment = hl7_segment(m, "PV1", 0)};
    struct str number = number_with_authority(&r, field(&r, 19));

    if (number.n == 0)
        return;
    d->visit = number;
    d->visit_class = single(&r, 2);
}

static enum status read_demographics(const struct reader *r, struct mpi_demographics *d)
{
    struct str mother = field(r, 6);

    *d = (struct mpi_demographics){
        .birth_date = single(r, 7),
        .sex = single(r, 8),
        .ssn = single(r, 19),
        .multiple_birth = single(r, 24),
        .birth_order = single(r, 25),
        .deceased_at = single(r, 29),
        .deceased = single(r, 30),
        .account = number_with_authority(r, field(r, 18)),
    };
    d->telecoms = ARENA_ARRAY(r->rq->arena, MPI_REPETITIONS_MAX + 1, struct mpi_telecom);
    if (mother.p != NULL) {
        mother = hl7_repetition(r->m, &mother);
        d->mother_family = text(r, mother, 1);
        d->mother_given = text(r, mother, 2);
    }
    read_names(r, d);
    read_addresses(r, d);
    read_telecoms_of(r, 13, d);
    read_telecoms_of(r, 14, d);
    TRY(check_date(r, d->birth_date, 7));
    return check_date(r, d->deceased_at, 29);
}

/* Identifiers of a CX list that this member may name; the others are let pass. */
static enum status read_ids(const struct reader *r, int number, const char *where,
                            struct identifier **ids, size_t *count)
{
    struct request *rq = r->rq;
    struct str rest = field(r, number);
    size_t seen = 0;

    *count = 0;
    *ids = ARENA_ARRAY(rq->arena, MPI_REPETITIONS_MAX, struct identifier);
    while (rest.p != NULL && *count < MPI_REPETITIONS_MAX && seen < HL7_REPETITIONS_MAX) {
        struct identifier id;
        enum patient_id_kind kind = patient_id_read(rq, r->m, hl7_repetition(r->m, &rest), &id);

        seen += kind != PATIENT_ID_NONE;
        if (kind == PATIENT_ID_OWN || kind == PATIENT_ID_XAD)
            (*ids)[(*count)++] = id;
    }
    if (*count > 0)
        return OK;
    if (seen == 0)
        return fail_at(rq->err, str_from(where), INVALID, "101",
                       "There is no patient identifier (account, visit and social security numbers"
                       " are not)");
    return fail_at(rq->err, str_from(where), INVALID, "204",
                   "None of the patient identifiers is of an assigning authority that is"
                   " registered for this source");
}

static enum status read_pid(const struct reader *r, struct mpi_feed *out)
{
    struct identifier *ids;

    *out = (struct mpi_feed){
        .member_id = r->rq->principal.member->id,
        .event = str_c(r->rq->arena, r->m->event),
    };
    TRY(read_ids(r, 3, "PID^1^3", &ids, &out->id_count));
    out->ids = ids;
    r->rq->patient = identifier_cx(r->rq->arena, ids[0]);
    return read_demographics(r, &out->demographics);
}

static enum status missing(struct request *rq, const char *segment)
{
    return fail_at(rq->err, str_from(segment), INVALID, "100", "The message has no %s segment",
                   segment);
}

enum status adt_read_patient(struct request *rq, const struct hl7_message *m, struct mpi_feed *out)
{
    struct reader r = {.rq = rq, .m = m, .segment = hl7_segment(m, "PID", 0)};

    if (r.segment == NULL)
        return missing(rq, "PID");
    TRY(read_pid(&r, out));
    read_visit(rq, m, &out->demographics);
    return OK;
}

void adt_note_patient(struct request *rq, const struct hl7_message *m)
{
    struct str rest = hl7_field(m, hl7_segment(m, "PID", 0), 3);

    for (size_t seen = 0; rest.p != NULL && seen < HL7_REPETITIONS_MAX; seen++) {
        struct identifier id;
        enum patient_id_kind kind = patient_id_read(rq, m, hl7_repetition(m, &rest), &id);

        if (kind != PATIENT_ID_OWN && kind != PATIENT_ID_XAD)
            continue;
        rq->patient = identifier_cx(rq->arena, id);
        return;
    }
}

/* What of MRG-1 and PID-3 belongs together: a pair for each authority that both name, XAD-PIDs in
 * front, so that the persons are one before their records are looked at. */
static size_t pairs(struct request *rq, const struct mpi_feed *patient,
                    const struct identifier *subsumed, size_t count, bool xad,
                    struct adt_merge *out)
{
    struct str authority = str_from(rq->config->xad_authority);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (str_eq(subsumed[i].authority, authority) != xad)
            continue;
        for (size_t j = 0; j < patient->id_count; j++)
            if (str_eq(subsumed[i].authority, patient->ids[j].authority)) {
                out[n++] = (struct adt_merge){patient->ids[j], subsumed[i], xad, *patient};
                break;
            }
    }
    return n;
}

size_t adt_merge_pairs(struct request *rq, const struct mpi_feed *patient,
                       const struct identifier *subsumed, size_t count, struct adt_merge *out)
{
    size_t n = pairs(rq, patient, subsumed, count, true, out);

    return n + pairs(rq, patient, subsumed, count, false, out + n);
}

static enum status read_group(struct request *rq, const struct hl7_message *m, size_t pid,
                              size_t mrg, struct adt_merge *out, size_t *count)
{
    struct reader r = {.rq = rq, .m = m, .segment = &m->segments[pid]};
    struct reader g = {.rq = rq, .m = m, .segment = &m->segments[mrg]};
    struct mpi_feed patient;
    struct identifier *subsumed;
    size_t named, before = *count;

    TRY(read_pid(&r, &patient));
    TRY(read_ids(&g, 1, "MRG^1^1", &subsumed, &named));
    *count += adt_merge_pairs(rq, &patient, subsumed, named, out + *count);
    if (*count > before)
        return OK;
    return fail_at(rq->err, STR("MRG^1^1"), INVALID, "204",
                   "PID-3 and MRG-1 have no identifier of one assigning authority");
}

enum status adt_read_merges(struct request *rq, const struct hl7_message *m, struct adt_merge **out,
                            size_t *count)
{
    size_t pid = SIZE_MAX, groups = 0;

    *count = 0;
    *out = ARENA_ARRAY(rq->arena, GROUPS_MAX * MPI_REPETITIONS_MAX, struct adt_merge);
    for (size_t i = 0; i < m->segment_count; i++) {
        if (str_eq(m->segments[i].name, STR("PID"))) {
            if (pid != SIZE_MAX)
                return missing(rq, "MRG");
            pid = i;
        }
        if (!str_eq(m->segments[i].name, STR("MRG")))
            continue;
        if (pid == SIZE_MAX)
            return missing(rq, "PID");
        if (++groups > GROUPS_MAX)
            return fail_at(rq->err, STR("MRG"), INVALID, "102",
                           "One message can merge at most %d patients", GROUPS_MAX);
        TRY(read_group(rq, m, pid, i, *out, count));
        pid = SIZE_MAX;
    }
    if (pid != SIZE_MAX || *count == 0)
        return missing(rq, pid != SIZE_MAX ? "MRG" : "PID");
    return OK;
}

enum status adt_read_pair(struct request *rq, const struct hl7_message *m, struct identifier out[2])
{
    for (size_t i = 0; i < 2; i++) {
        struct reader r = {.rq = rq, .m = m, .segment = hl7_segment(m, "PID", i)};
        const char *where = i == 0 ? "PID^1^3" : "PID^2^3";
        struct identifier *ids;
        size_t count;

        if (r.segment == NULL)
            return missing(rq, i == 0 ? "PID" : "second PID");
        TRY(read_ids(&r, 3, where, &ids, &count));
        out[i] = ids[0];
        if (i == 0)
            rq->patient = identifier_cx(rq->arena, ids[0]);
    }
    return OK;
}

/* Of a CX list: the first XAD-PID that this member may feed, and the first identifier of another
 * authority, whosoever's. */
static void read_link_side(const struct reader *r, int number, struct identifier *xad,
                           struct identifier *local)
{
    struct str rest = field(r, number);

    *xad = *local = (struct identifier){STR_NONE, STR_NONE};
    for (size_t seen = 0; rest.p != NULL && seen < HL7_REPETITIONS_MAX; seen++) {
        struct str cx = hl7_repetition(r->m, &rest);
        struct identifier id;
        enum patient_id_kind kind = patient_id_read(r->rq, r->m, cx, &id);
        bool is_local = kind == PATIENT_ID_OWN || kind == PATIENT_ID_FOREIGN;

        if (is_local && str_eq(id.authority, str_from(r->rq->config->xad_authority)))
            continue;
        if (kind == PATIENT_ID_XAD && xad->id.n == 0)
            *xad = id;
        else if (is_local && local->id.n == 0)
            *local = id;
    }
}

enum status adt_read_link_change(struct request *rq, const struct hl7_message *m,
                                 struct adt_link_change *out)
{
    struct reader pid = {.rq = rq, .m = m, .segment = hl7_segment(m, "PID", 0)};
    struct reader mrg = {.rq = rq, .m = m, .segment = hl7_segment(m, "MRG", 0)};

    *out = (struct adt_link_change){0};
    if (pid.segment == NULL || mrg.segment == NULL)
        return missing(rq, pid.segment == NULL ? "PID" : "MRG");
    read_link_side(&pid, 3, &out->new_xad, &out->local);
    read_link_side(&mrg, 1, &out->old_xad, &out->subsumed);
    if (out->local.id.n > 0)
        rq->patient = identifier_cx(rq->arena, out->local);
    if (!str_eq(rq->principal.member->name, str_from(rq->config->xad_source)))
        return fail_at(rq->err, STR("PID^1^3"), DENIED, "204",
                       "Changed links are taken from the member that feeds the affinity domain's"
                       " identifiers only");
    if (out->new_xad.id.n == 0 || out->local.id.n == 0)
        return fail_at(rq->err, STR("PID^1^3"), INVALID, "101",
                       "PID-3 has to carry the new affinity domain identifier and a local one");
    if (out->old_xad.id.n == 0)
        return fail_at(rq->err, STR("MRG^1^1"), INVALID, "101",
                       "MRG-1 has to carry the previous affinity domain identifier");
    return OK;
}
