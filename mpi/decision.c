#include "mpi/decision.h"

#include <jansson.h>
#include <math.h>

/* --- making ---------------------------------------------------------------------------------- */

static enum status unreadable(struct errors *err)
{
    return fail(err, INTERNAL, "StoredRecord", "A stored record cannot be unpacked");
}

static enum status rule(struct mpi_coding *c, const struct mpi_case *in, struct mpi_decision *out,
                        struct errors *err)
{
    struct mpi_rival *rivals = ARENA_ARRAY(c->arena, in->count, struct mpi_rival);
    const uint32_t *subject = mpi_code(c, in->packed);

    if (subject == NULL)
        return unreadable(err);
    for (size_t i = 0; i < in->count; i++) {
        const struct mpi_considered *x = &in->considered[i];

        rivals[i] = (struct mpi_rival){
            .coded = mpi_code(c, x->packed),
            .person = (uint64_t)x->person.person_id,
            .record = (uint64_t)x->place.record_id,
            .facts = x->facts,
        };
        if (rivals[i].coded == NULL)
            return unreadable(err);
    }
    mpi_decide(c->arena, c->model, &c->dict, subject, rivals, in->count, &out->ruling);
    return OK;
}

static void only_reason(struct mpi_decision *d, enum mpi_reason why)
{
    d->reasons[0] = why;
    d->reason_count = 1;
}

static void add_reason(struct mpi_decision *d, enum mpi_reason why)
{
    if (d->reason_count < MPI_REASONS_LIST)
        d->reasons[d->reason_count++] = why;
}

/* A record that is known stays with its person, unless it is alone there by the algorithm's own
 * word and now matches another. Where it may not go a steward is asked. */
static void settle(const struct mpi_case *in, struct mpi_decision *d)
{
    if (!in->known)
        return;
    if (d->outcome == MPI_VERDICT_LINK && in->alone && !in->pinned) {
        d->relinks = true;
    } else if (d->outcome == MPI_VERDICT_LINK) {
        d->outcome = MPI_VERDICT_REVIEW;
    } else if (d->outcome == MPI_VERDICT_NEW) {
        d->outcome = MPI_VERDICT_LINK;
        d->person = in->own;
        only_reason(d, MPI_WHY_IDENTIFIER);
    }
}

enum status mpi_decision_make(struct mpi_coding *c, const struct mpi_case *in,
                              struct mpi_decision *out, struct errors *err)
{
    const struct mpi_ruling *r = &out->ruling;

    *out = (struct mpi_decision){0};
    TRY(rule(c, in, out, err));
    out->outcome = r->verdict;
    for (size_t i = 0; i < r->reason_count; i++)
        add_reason(out, r->reasons[i]);
    if (r->best < in->count && r->verdict != MPI_VERDICT_NEW) {
        out->person = in->considered[r->best].person;
        out->best = in->considered[r->best].place;
    }
    settle(in, out);
    if (in->truncated)
        add_reason(out, MPI_WHY_TRUNCATED);
    return OK;
}

/* --- storing --------------------------------------------------------------------------------- */

struct str mpi_reasons_json(struct arena *a, const enum mpi_reason *reasons, size_t count)
{
    struct strbuf b = strbuf_on(a, 64);

    strbuf_addc(&b, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&b, "%s\"%s\"", i > 0 ? "," : "", mpi_why_code(reasons[i]));
    strbuf_addc(&b, ']');
    return strbuf_str(&b);
}

struct str mpi_levels_text(struct arena *a, const struct mpi_vector *v)
{
    struct strbuf b = strbuf_on(a, MPI_COMPARISON_COUNT + 1);

    for (int i = 0; i < MPI_COMPARISON_COUNT; i++)
        strbuf_addc(&b, (char)('0' + v->level[i]));
    return strbuf_str(&b);
}

static void guards_add(struct strbuf *b, mpi_reasons guards)
{
    bool first = true;

    strbuf_lit(b, ",\"guards\":[");
    for (int why = 0; why < MPI_WHY_COUNT; why++)
        if ((guards & (mpi_reasons)1 << why) != 0) {
            strbuf_addf(b, "%s\"%s\"", first ? "" : ",", mpi_why_code((enum mpi_reason)why));
            first = false;
        }
    strbuf_addc(b, ']');
}

/* Best first, as the core sorted them. */
static struct str candidates_json(struct arena *a, const struct mpi_case *in,
                                  const struct mpi_decision *d)
{
    struct strbuf b = strbuf_on(a, 256);

    strbuf_addc(&b, '[');
    for (size_t i = 0; i < d->ruling.score_count; i++) {
        const struct mpi_score *s = &d->ruling.scores[i];
        const struct mpi_considered *x = &in->considered[s->rival];

        strbuf_addf(&b,
                    "%s{\"pkey\":%lld,\"record\":%lld,\"version\":%d,\"member\":%lld,"
                    "\"person_pkey\":%lld,\"person\":%lld,\"facts\":%u,\"weight\":%.17g,"
                    "\"vector\":\"%.*s\"",
                    i > 0 ? "," : "", (long long)x->place.pkey, (long long)x->place.record_id,
                    x->version, (long long)x->member_id, (long long)x->person.pkey,
                    (long long)x->person.person_id, x->facts, s->weight,
                    STR_ARG(mpi_levels_text(a, &s->vector)));
        guards_add(&b, s->guards);
        strbuf_addc(&b, '}');
    }
    strbuf_addc(&b, ']');
    return strbuf_str(&b);
}

static struct str inputs_json(struct arena *a, const struct mpi_case *in,
                              const struct mpi_decision *d)
{
    return str_printf(a,
                      "{\"known\":%s,\"own_pkey\":%lld,\"own\":%lld,\"pinned\":%s,\"alone\":%s,"
                      "\"weight\":%.17g,\"margin\":%.17g}",
                      in->known ? "true" : "false", (long long)in->own.pkey,
                      (long long)in->own.person_id, in->pinned ? "true" : "false",
                      in->alone ? "true" : "false", d->ruling.weight, d->ruling.margin);
}

struct uuid mpi_decision_store(struct request *rq, const struct mpi_coding *c,
                               const struct mpi_case *in, const struct mpi_decision *d)
{
    static const struct statement INSERT = {
        "mpi_decision_insert",
        "INSERT INTO mpi_decision (pkey, decision_id, record_id, version, at, request, model_hash,"
        "       outcome, person_pkey, person_id, reasons, candidates, truncated, inputs)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    };
    struct uuid id = uuid_v7();
    bool nobody = d->person.person_id == 0;
    struct str *reasons = ARENA_ARRAY(rq->arena, d->reason_count, struct str);

    for (size_t i = 0; i < d->reason_count; i++)
        reasons[i] = str_from(mpi_why_code(d->reasons[i]));
    db_queue(rq->db, &INSERT, NULL, DB_INT8(in->place.pkey), DB_UUID(id),
             DB_INT8(in->place.record_id), DB_INT4(in->version), DB_TIME(rq->now_us),
             DB_UUID(rq->id), DB_BYTEA(str_of(c->model->hash, sizeof(c->model->hash))),
             DB_TEXT(str_from(mpi_verdict_name(d->outcome))),
             nobody ? DB_NULL(DB_TYPE_INT8) : DB_INT8(d->person.pkey),
             nobody ? DB_NULL(DB_TYPE_INT8) : DB_INT8(d->person.person_id),
             DB_TEXTS(reasons, d->reason_count), DB_JSONB(candidates_json(rq->arena, in, d)),
             DB_BOOL(in->truncated), DB_JSONB(inputs_json(rq->arena, in, d)));
    return id;
}

/* --- reading --------------------------------------------------------------------------------- */

static int64_t whole(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void candidate_read(struct request *rq, const json_t *item, struct mpi_decided *out,
                           size_t i)
{
    const json_t *vector = json_object_get(item, "vector");

    out->in.considered[i] = (struct mpi_considered){
        .place = {whole(item, "pkey"), whole(item, "record")},
        .version = (int)whole(item, "version"),
        .member_id = whole(item, "member"),
        .person = {whole(item, "person_pkey"), whole(item, "person")},
        .facts = (mpi_reasons)whole(item, "facts"),
    };
    out->weights[i] = json_number_value(json_object_get(item, "weight"));
    if (json_is_string(vector))
        out->levels[i] =
            str_dup(rq->arena, str_of(json_string_value(vector), json_string_length(vector)));
}

static void inputs_read(const json_t *inputs, struct mpi_case *in)
{
    in->known = json_is_true(json_object_get(inputs, "known"));
    in->pinned = json_is_true(json_object_get(inputs, "pinned"));
    in->alone = json_is_true(json_object_get(inputs, "alone"));
    in->own = (struct person_ref){whole(inputs, "own_pkey"), whole(inputs, "own")};
}

enum status mpi_decision_read(struct request *rq, const struct rows *rows, int row,
                              struct mpi_decided *out)
{
    struct str text = row_json(rows, row, 10), inputs_text = row_json(rows, row, 12);
    json_t *candidates = json_loadb(text.p, text.n, 0, NULL);
    json_t *inputs = json_loadb(inputs_text.p, inputs_text.n, 0, NULL);
    bool readable = json_is_array(candidates) && json_is_object(inputs);

    *out = (struct mpi_decided){
        .id = row_uuid(rows, row, 1),
        .at_us = row_time(rows, row, 4),
        .model_hash = row_bytea(rows, row, 5),
        .outcome = row_text(rows, row, 6),
        .person = {row_int(rows, row, 7), row_int(rows, row, 8)},
        .in = {.place = {row_int(rows, row, 0), row_int(rows, row, 2)},
               .version = (int)row_int(rows, row, 3),
               .truncated = row_bool(rows, row, 11)},
    };
    out->reason_count = row_texts(rq->arena, rows, row, 9, &out->reasons);
    if (readable) {
        out->in.count = json_array_size(candidates);
        out->in.considered = ARENA_ARRAY(rq->arena, out->in.count, struct mpi_considered);
        out->levels = ARENA_ARRAY(rq->arena, out->in.count, struct str);
        out->weights = ARENA_ARRAY(rq->arena, out->in.count, double);
        for (size_t i = 0; i < out->in.count; i++)
            candidate_read(rq, json_array_get(candidates, i), out, i);
        inputs_read(inputs, &out->in);
    }
    json_decref(candidates);
    json_decref(inputs);
    return readable ? OK
                    : fail(rq->err, INTERNAL, "StoredDecision", "A stored decision cannot be read");
}

/* The versions asked for, sorted: where each packed record goes. */
struct wanted {
    struct place place;
    int64_t version;
    struct str *packed;
};

static int by_version(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    if (x->place.record_id != y->place.record_id)
        return x->place.record_id < y->place.record_id ? -1 : 1;
    return (x->version > y->version) - (x->version < y->version);
}

static size_t wanted_of(struct mpi_decided *decisions, size_t count, struct wanted *out)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        struct mpi_case *in = &decisions[i].in;

        if (out != NULL)
            out[n] = (struct wanted){in->place, in->version, &in->packed};
        n++;
        for (size_t j = 0; j < in->count; j++, n++)
            if (out != NULL)
                out[n] = (struct wanted){in->considered[j].place, in->considered[j].version,
                                         &in->considered[j].packed};
    }
    return n;
}

static void take_version(struct wanted *wanted, size_t n, const struct rows *rows, int row)
{
    struct wanted key = {{row_int(rows, row, 0), row_int(rows, row, 1)},
                         row_int(rows, row, 2),
                         NULL};
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (by_version(&wanted[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < n && by_version(&wanted[low], &key) == 0; low++)
        *wanted[low].packed = row_bytea(rows, row, 3);
}

enum status mpi_decisions_fill(struct request *rq, struct mpi_decided *decisions, size_t count)
{
    static const struct statement FIND = {
        "mpi_decided_versions",
        "SELECT pkey, record_id, version, packed"
        "  FROM mpi_record"
        " WHERE (pkey, record_id, version) IN ("
        "       SELECT place, record, number"
        "         FROM unnest($1::bigint[], $2::bigint[], $3::int[]) AS w (place, record, number))",
    };
    size_t n = wanted_of(decisions, count, NULL);
    struct wanted *wanted = ARENA_ARRAY(rq->arena, n, struct wanted);
    int64_t *pkeys = ARENA_ARRAY(rq->arena, n, int64_t);
    int64_t *records = ARENA_ARRAY(rq->arena, n, int64_t);
    int64_t *versions = ARENA_ARRAY(rq->arena, n, int64_t);
    struct rows rows;

    wanted_of(decisions, count, wanted);
    qsort(wanted, n, sizeof(*wanted), by_version);
    for (size_t i = 0; i < n; i++) {
        pkeys[i] = wanted[i].place.pkey;
        records[i] = wanted[i].place.record_id;
        versions[i] = wanted[i].version;
    }
    db_queue(rq->db, &FIND, &rows, DB_INT8S(pkeys, n), DB_INT8S(records, n), DB_INT4S(versions, n));
    TRY(db_flush(rq->db));
    for (int row = 0; row < rows.count; row++)
        take_version(wanted, n, &rows, row);
    return OK;
}
