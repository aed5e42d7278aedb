#include "mpi/match_command.h"

#include <stddef.h>

#include "hub/command/cli_print.h"
#include "mpi/active_model.h"
#include "mpi/candidates.h"
#include "mpi/named.h"

enum { SHOWN = 20 };

/* --- what is asked --------------------------------------------------------------------------- */

/* X(option, its help, where it goes in struct asked) */
#define FIELDS_OF(X)                                                                               \
    X("family", "family name", name.family)                                                        \
    X("given", "given name", name.given)                                                           \
    X("middle", "middle names", name.middle)                                                       \
    X("suffix", "Jr, Sr, II, ...", name.suffix)                                                    \
    X("birth-date", "YYYY[MM[DD]]", d.birth_date)                                                  \
    X("sex", "F, M or O", d.sex)                                                                   \
    X("ssn", "national identifier", d.ssn)                                                         \
    X("mother-family", "the mother's maiden name", d.mother_family)                                \
    X("mother-given", "the mother's given name", d.mother_given)                                   \
    X("birth-order", "of a multiple birth", d.birth_order)                                         \
    X("street", "house number and street", address.street)                                         \
    X("city", "city", address.city)                                                                \
    X("state", "state", address.state)                                                             \
    X("postcode", "postcode", address.postcode)                                                    \
    X("phone", "telephone or e-mail", telecom.value)

struct asked {
    struct mpi_demographics d;
    struct mpi_name name;
    struct mpi_address address;
    struct mpi_telecom telecom;
};

static const struct {
    const char *option;
    size_t offset; /* of a struct str in struct asked */
} FIELDS[] = {
#define X(option, help, member) {option, offsetof(struct asked, member)},
    FIELDS_OF(X)
#undef X
};
enum { FIELD_COUNT = sizeof(FIELDS) / sizeof(FIELDS[0]) };

static enum status read_asked(struct operation *o, struct asked *out)
{
    bool any = false;

    *out = (struct asked){0};
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *value = cli_value(&o->args, FIELDS[i].option);

        *(struct str *)((char *)out + FIELDS[i].offset) = str_from(value);
        any |= value != NULL;
    }
    out->d.names = &out->name;
    out->d.addresses = &out->address;
    out->d.telecoms = &out->telecom;
    out->d.name_count = out->d.address_count = 1;
    out->d.telecom_count = out->telecom.value.n > 0;
    if (any)
        return OK;
    return fail(o->args.err, INVALID, "usage", "say whom: --family, --given, --birth-date, ...");
}

/* --- what the index would do ----------------------------------------------------------------- */

struct matched {
    struct mpi_case facts;
    struct mpi_decision decision;
};

static enum status match(struct request *rq, const struct mpi_demographics *d, struct matched *out)
{
    struct mpi_model_seen seen;
    const struct mpi_model *model;
    struct mpi_search search;
    struct mpi_coding *coding;
    struct mpi_block *keys = ARENA_ARRAY(rq->arena, MPI_BLOCKS_MAX, struct mpi_block);
    struct str packed = mpi_packed_of(rq->arena, d);

    mpi_active_model_queue(rq, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_active_model_read(rq, &seen, &model));
    coding = mpi_coding_new(rq->arena, model);
    mpi_search_queue(rq, keys, mpi_keys(coding, mpi_code(coding, packed), keys), &search);
    TRY(db_flush(rq->db));
    out->facts = (struct mpi_case){.version = 1, .packed = packed};
    TRY(mpi_search_read(rq, coding, &search, 0, STR_NONE, &out->facts));
    return mpi_decision_make(coding, &out->facts, &out->decision, rq->err);
}

/* --- what is shown --------------------------------------------------------------------------- */

static void audit(struct operation *o, const struct matched *m)
{
    for (size_t i = 0; i < m->decision.ruling.score_count && i < SHOWN; i++) {
        const struct mpi_considered *c = &m->facts.considered[m->decision.ruling.scores[i].rival];
        struct audit_row *row = audit_add(o->args.arena, &o->audit);

        row->pkey = c->person.pkey;
        row->person_id = c->person.person_id;
    }
    if (o->audit.count == 0)
        audit_add(o->args.arena, &o->audit)->description = STR("Nobody resembles what was asked");
}

static void print_json(struct operation *o, struct strbuf *out, const struct matched *m)
{
    const struct mpi_decision *d = &m->decision;
    struct arena *a = o->args.arena;

    strbuf_lit(out, "{");
    cli_json_text(out, "outcome", str_from(mpi_verdict_name(d->outcome)));
    if (d->person.person_id != 0)
        cli_json_text(out, "person", mpi_person_name(a, d->person));
    cli_json_key(out, "reasons");
    strbuf_add(out, mpi_reasons_json(a, d->reasons, d->reason_count));
    cli_json_key(out, "candidates");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < d->ruling.score_count && i < SHOWN; i++) {
        const struct mpi_score *s = &d->ruling.scores[i];
        const struct mpi_considered *c = &m->facts.considered[s->rival];

        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "record", mpi_record_name(a, c->place));
        cli_json_text(out, "person", mpi_person_name(a, c->person));
        cli_json_key(out, "weight");
        strbuf_addf(out, "%.2f", s->weight);
        cli_json_key(out, "posterior");
        strbuf_addf(out, "%.6f}", mpi_posterior(s->weight));
    }
    strbuf_lit(out, "]}\n");
}

static void print_table(struct operation *o, struct strbuf *out, const struct matched *m)
{
    static const char *const SENTENCES[] = {
        [MPI_VERDICT_NEW] = "It would be a new person",
        [MPI_VERDICT_REVIEW] = "A steward would be asked about",
        [MPI_VERDICT_LINK] = "It would be linked to",
    };
    const struct mpi_decision *d = &m->decision;
    struct arena *a = o->args.arena;
    struct cli_table t = cli_table_on(a, 4);

    strbuf_add(out, str_from(SENTENCES[d->outcome]));
    if (d->person.person_id != 0)
        strbuf_addf(out, " %.*s", STR_ARG(mpi_person_name(a, d->person)));
    strbuf_lit(out, ".");
    for (size_t i = 0; i < d->reason_count; i++)
        strbuf_addf(out, " %s.", mpi_why_words(d->reasons[i]));
    strbuf_lit(out, "\n");
    if (d->ruling.score_count == 0)
        return;
    cli_table_row(&t, STR("RECORD"), STR("PERSON"), STR("BITS"), STR("PROBABILITY"));
    for (size_t i = 0; i < d->ruling.score_count && i < SHOWN; i++) {
        const struct mpi_score *s = &d->ruling.scores[i];
        const struct mpi_considered *c = &m->facts.considered[s->rival];

        cli_table_row(&t, mpi_record_name(a, c->place), mpi_person_name(a, c->person),
                      str_printf(a, "%.1f", s->weight),
                      str_printf(a, "%.4f", mpi_posterior(s->weight)));
    }
    cli_table_write(&t, out);
}

static enum status work_match(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct asked *asked = ARENA_NEW(o->args.arena, struct asked);
    struct matched *m = ARENA_NEW(o->args.arena, struct matched);

    TRY(read_asked(o, asked));
    TRY(match(rq, &asked->d, m));
    audit(o, m);
    o->answer = m->decision.outcome == MPI_VERDICT_NEW;
    if (o->args.json)
        print_json(o, out, m);
    else
        print_table(o, out, m);
    return OK;
}

static const struct cli_option options[] = {
#define X(option, help, member) {option, "TEXT", help},
    FIELDS_OF(X)
#undef X
        {NULL, NULL, NULL},
};

const struct operation_kind mpi_kind_match = {
    .cli = {"causeway mpi match [--family TEXT] [--given TEXT] [--birth-date DATE] ...",
            "Says what would become of a patient with these demographics: linked to a person,\n"
            "shown to a steward, or a new person; and whom it resembles. Nothing is made or\n"
            "changed. Exit status 1: it would be a new person.\n"
            "\n"
            "  causeway mpi match --family Meyer --given Anna --birth-date 19700102 --sex F",
            options},
    .transaction = "PATIENT",
    .audit = {"110112", 'E'},
    .endpoint = "causeway mpi match",
    .work = work_match,
};
