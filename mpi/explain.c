#include "mpi/explain.h"

#include <string.h>

/* What a comparison compares, for people: its name, and the traits that it looks at. */
static const struct shown {
    const char *name;
    enum mpi_trait traits[3];
    int count;
} SHOWN[MPI_COMPARISON_COUNT] = {
    [MPI_COMPARE_GIVEN] = {"given name", {MPI_TRAIT_GIVEN}, 1},
    [MPI_COMPARE_FAMILY] = {"family name", {MPI_TRAIT_FAMILY}, 1},
    [MPI_COMPARE_OTHER] = {"other name", {MPI_TRAIT_OTHER_NAME}, 1},
    [MPI_COMPARE_DOB] = {"birth date", {MPI_TRAIT_BIRTH_DATE}, 1},
    [MPI_COMPARE_SEX] = {"sex", {MPI_TRAIT_SEX}, 1},
    [MPI_COMPARE_STREET] = {"street", {MPI_TRAIT_NUMBER, MPI_TRAIT_STREET, MPI_TRAIT_UNIT}, 3},
    [MPI_COMPARE_LOCALITY] = {"locality", {MPI_TRAIT_CITY, MPI_TRAIT_STATE, MPI_TRAIT_POSTCODE}, 3},
    [MPI_COMPARE_PHONE] = {"telephone", {MPI_TRAIT_PHONE}, 1},
    [MPI_COMPARE_EMAIL] = {"e-mail", {MPI_TRAIT_EMAIL}, 1},
    [MPI_COMPARE_SSN] = {"national id", {MPI_TRAIT_SSN}, 1},
    [MPI_COMPARE_ID] = {"identifier", {MPI_TRAIT_ID}, 1},
    [MPI_COMPARE_MOTHER] = {"mother", {MPI_TRAIT_MOTHER_GIVEN, MPI_TRAIT_MOTHER_FAMILY}, 2},
    [MPI_COMPARE_ORDER] = {"birth order", {MPI_TRAIT_BIRTH_ORDER}, 1},
    [MPI_COMPARE_PLACE] = {"birthplace", {MPI_TRAIT_BIRTHPLACE}, 1},
    [MPI_COMPARE_WORK] = {"occupation", {MPI_TRAIT_OCCUPATION}, 1},
};

enum { STEPS_MAX = MPI_COMPARISON_COUNT + 2 };

static bool shows(const struct shown *s, enum mpi_trait kind)
{
    for (int i = 0; i < s->count; i++)
        if (s->traits[i] == kind)
            return true;
    return false;
}

/* Values of the traits, in their order; addresses one after the other. */
static struct str values_of(struct arena *a, const struct mpi_traits *t, const struct shown *s)
{
    struct strbuf b = strbuf_on(a, 64);

    for (size_t i = 0; i < t->count; i++) {
        if (t->list[i].kind == MPI_TRAIT_ADDRESS && b.n > 0 && b.p[b.n - 1] != '/')
            strbuf_lit(&b, " /");
        if (!shows(s, t->list[i].kind))
            continue;
        if (b.n > 0)
            strbuf_add(&b, s->count == 1 ? STR(" / ") : STR(" "));
        strbuf_add(&b, t->list[i].kind == MPI_TRAIT_SSN ? mpi_number_masked(a, t->list[i].value)
                                                        : t->list[i].value);
    }
    return str_trim(strbuf_str(&b));
}

static void step_add(struct mpi_waterfall *w, struct mpi_step step)
{
    w->steps[w->step_count++] = step;
}

/* What is missing on a side says nothing, and is left out. */
static void steps_of(struct arena *a, const struct mpi_vector *v, const struct mpi_evidence *e,
                     const struct mpi_traits *mine, const struct mpi_traits *theirs,
                     struct mpi_waterfall *w)
{
    w->steps = ARENA_ARRAY(a, STEPS_MAX, struct mpi_step);
    step_add(w, (struct mpi_step){.name = "prior", .level = "any two records", .bits = e->prior});
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        if (v->level[c] == MPI_LEVEL_MISSING)
            continue;
        step_add(w, (struct mpi_step){
                        .name = SHOWN[c].name,
                        .level = MPI_COMPARISON_TABLES[c].levels[v->level[c]].text,
                        .bits = e->level[c] + e->tf[c],
                        .rarity = e->tf[c],
                        .mine = values_of(a, mine, &SHOWN[c]),
                        .theirs = values_of(a, theirs, &SHOWN[c]),
                    });
    }
    if (e->household < 0)
        step_add(w, (struct mpi_step){.name = "household",
                                      .level = "address and telephone are shared by many",
                                      .bits = e->household});
}

static enum status waterfall(struct request *rq, const struct mpi_model *model,
                             const struct mpi_case *in, const struct mpi_score *s,
                             struct mpi_waterfall *out)
{
    struct mpi_traits *mine = ARENA_NEW(rq->arena, struct mpi_traits);
    struct mpi_traits *theirs = ARENA_NEW(rq->arena, struct mpi_traits);
    struct mpi_evidence e;

    *out = (struct mpi_waterfall){.candidate = &in->considered[s->rival], .guards = s->guards};
    if (!mpi_traits_unpack(in->packed, mine) || !mpi_traits_unpack(out->candidate->packed, theirs))
        return fail(rq->err, INTERNAL, "StoredRecord", "A stored record cannot be unpacked");
    mpi_weigh_parts(model, &s->vector, &e);
    steps_of(rq->arena, &s->vector, &e, mine, theirs, out);
    out->weight = e.weight;
    out->posterior = mpi_posterior(e.weight);
    return OK;
}

enum status mpi_explain(struct request *rq, const struct mpi_model *model,
                        const struct mpi_decided *decided, struct mpi_explained *out)
{
    const struct mpi_ruling *r = &out->again.made.ruling;

    *out = (struct mpi_explained){.decided = decided, .model = model};
    TRY(mpi_replay_one(rq, mpi_coding_new(rq->arena, model), decided, &out->again));
    out->candidates = ARENA_ARRAY(rq->arena, r->score_count, struct mpi_waterfall);
    for (; out->count < r->score_count; out->count++)
        TRY(waterfall(rq, model, &decided->in, &r->scores[out->count],
                      &out->candidates[out->count]));
    return OK;
}
