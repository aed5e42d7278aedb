#include "mpi/core/decide.h"

#include <math.h>
#include <stdlib.h>

enum { ALONE = 99 };

const char *mpi_verdict_name(enum mpi_verdict v)
{
    static const char *const NAMES[] = {"new", "review", "link"};

    return NAMES[v];
}

/* A person among the rivals. */
struct person {
    uint64_t id;
    size_t best; /* index of its best rival */
    double weight;
    mpi_reasons guards; /* conflicts of all of its records; doubts, unless one record has none */
    mpi_reasons doubts; /* of its best record */
    bool sure;          /* a record links without a doubt */
};

struct matching {
    struct arena *arena;
    const struct mpi_model *model;
    const struct mpi_rival *rivals;
    struct mpi_ruling *out;
    struct person *persons;
    size_t person_count;
    double achievable; /* what the subject would weigh against itself */
};

/* A member that knows both under different identifiers means two people, unless something that
 * people do not share agrees. */
static mpi_reasons known_facts(const struct mpi_rival *r, const struct mpi_vector *v)
{
    mpi_reasons facts = r->facts;

    if (v->level[MPI_COMPARE_SSN] == MPI_SSN_EXACT || v->level[MPI_COMPARE_ID] == MPI_ID_EXACT ||
        v->level[MPI_COMPARE_PHONE] == MPI_PHONE_EXACT ||
        v->level[MPI_COMPARE_STREET] == MPI_STREET_EXACT || (facts & MPI_WHY(ANCHOR)) != 0)
        facts &= ~MPI_WHY(SAME_SOURCE);
    return facts;
}

static void score(struct matching *w, const struct mpi_dict *d, const struct mpi_view *subject,
                  size_t i)
{
    struct mpi_score *s = &w->out->scores[w->out->score_count];
    struct mpi_view other;

    if ((w->rivals[i].facts & MPI_WHY(ANCHOR)) != 0 && w->rivals[i].coded == NULL)
        return;
    other = mpi_view_of(w->rivals[i].coded);
    w->out->score_count++;
    s->rival = i;
    mpi_compare(d, NULL, subject, &other, &s->vector);
    s->guards = mpi_guards(w->model, d, subject, &other, &s->vector) |
                known_facts(&w->rivals[i], &s->vector);
    s->weight = mpi_guards_temper(w->model, mpi_weigh(w->model, &s->vector), s->guards);
}

struct ordered {
    struct mpi_score score;
    uint64_t person, record;
};

static int best_first(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    if (x->score.weight != y->score.weight)
        return x->score.weight > y->score.weight ? -1 : 1;
    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    return x->record == y->record ? 0 : x->record < y->record ? -1 : 1;
}

/* Whatever order the rivals came in, the scores stand in one order. */
static void sort_scores(struct matching *w)
{
    struct ordered *all = ARENA_ARRAY(w->arena, w->out->score_count + 1, struct ordered);

    for (size_t i = 0; i < w->out->score_count; i++) {
        const struct mpi_rival *r = &w->rivals[w->out->scores[i].rival];

        all[i] = (struct ordered){w->out->scores[i], r->person, r->record};
    }
    qsort(all, w->out->score_count, sizeof(*all), best_first);
    for (size_t i = 0; i < w->out->score_count; i++)
        w->out->scores[i] = all[i].score;
}

static struct person *person_of(struct matching *w, uint64_t id)
{
    for (size_t i = 0; i < w->person_count; i++)
        if (w->persons[i].id == id)
            return &w->persons[i];
    w->persons[w->person_count] = (struct person){.id = id, .best = SIZE_MAX};
    return &w->persons[w->person_count++];
}

/* A person weighs halfway between its best record and its middle one: one record alone that
 * resembles does not make the person, and an old address does not unmake it. */
static double person_weight(const struct matching *w, uint64_t id)
{
    double *weights = ARENA_ARRAY(w->arena, w->out->score_count + 1, double);
    size_t n = 0;

    for (size_t i = 0; i < w->out->score_count; i++)
        if (w->rivals[w->out->scores[i].rival].person == id)
            weights[n++] = w->out->scores[i].weight;
    return (weights[0] + (weights[(n - 1) / 2] + weights[n / 2]) / 2) / 2;
}

static void gather_persons(struct matching *w)
{
    w->persons = ARENA_ARRAY(w->arena, w->out->score_count + 1, struct person);
    for (size_t i = 0; i < w->out->score_count; i++) {
        const struct mpi_score *s = &w->out->scores[i];
        struct person *p = person_of(w, w->rivals[s->rival].person);

        if (p->best == SIZE_MAX) {
            p->best = s->rival;
            p->weight = person_weight(w, p->id);
            p->doubts = mpi_guards_only(s->guards);
        }
        p->guards |= mpi_guards_conflicts(s->guards);
        p->sure |= mpi_guards_only(s->guards) == 0 && mpi_posterior(s->weight) >= w->model->link;
    }
    for (size_t i = 0; i < w->person_count; i++)
        if (!w->persons[i].sure)
            w->persons[i].guards |= w->persons[i].doubts;
}

static int heaviest_first(const void *a, const void *b)
{
    const struct person *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->id == y->id ? 0 : x->id < y->id ? -1 : 1;
}

static void add_reason(struct mpi_ruling *r, enum mpi_reason why)
{
    if (r->reason_count < MPI_REASONS_LIST)
        r->reasons[r->reason_count++] = why;
}

static void add_guards(struct mpi_ruling *r, mpi_reasons guards)
{
    for (int why = 0; why < MPI_WHY_COUNT; why++)
        if ((guards & (mpi_reasons)1 << why) != 0)
            add_reason(r, (enum mpi_reason)why);
}

/* Above the threshold for a link: unless a guard, the margin or the evidence forbids it. */
static void rule_strong(struct matching *w, const struct person *p)
{
    struct mpi_ruling *r = w->out;

    if (p->guards == 0 && r->margin >= w->model->margin && w->achievable >= w->model->evidence) {
        r->verdict = MPI_VERDICT_LINK;
        add_reason(r, MPI_WHY_MATCH);
        return;
    }
    r->verdict = MPI_VERDICT_REVIEW;
    add_guards(r, p->guards);
    if (r->margin < w->model->margin)
        add_reason(r, MPI_WHY_AMBIGUOUS);
    if (w->achievable < w->model->evidence)
        add_reason(r, MPI_WHY_TOO_LITTLE);
}

/* The heaviest person that no steward keeps apart. */
static const struct person *strongest(const struct matching *w, size_t *at)
{
    for (*at = 0; *at < w->person_count; (*at)++)
        if (!mpi_guards_apart(w->persons[*at].guards))
            return &w->persons[*at];
    return NULL;
}

static void rule(struct matching *w)
{
    struct mpi_ruling *r = w->out;
    size_t at;
    const struct person *p = strongest(w, &at);

    if (p == NULL) {
        add_reason(r, w->person_count == 0 ? MPI_WHY_NO_CANDIDATE : MPI_WHY_KEPT_APART);
        return;
    }
    r->best = p->best;
    r->weight = p->weight;
    r->posterior = mpi_posterior(p->weight);
    r->margin = at + 1 < w->person_count ? p->weight - w->persons[at + 1].weight : ALONE;
    if (r->posterior >= w->model->link) {
        rule_strong(w, p);
    } else if (r->posterior >= w->model->review) {
        r->verdict = MPI_VERDICT_REVIEW;
        add_reason(r, MPI_WHY_POSSIBLE);
        add_guards(r, p->guards);
    } else {
        add_reason(r, MPI_WHY_UNLIKE);
    }
}

/* Bits of evidence that the record shows against itself: the most that any other could agree. */
static double achievable_bits(const struct mpi_model *m, const struct mpi_dict *d,
                              const struct mpi_view *v)
{
    struct mpi_vector self;
    struct mpi_evidence e;

    mpi_compare(d, NULL, v, v, &self);
    mpi_weigh_parts(m, &self, &e);
    return e.weight - e.prior;
}

void mpi_decide(struct arena *a, const struct mpi_model *m, const struct mpi_dict *d,
                const uint32_t *subject, const struct mpi_rival *rivals, size_t count,
                struct mpi_ruling *out)
{
    struct matching w = {.arena = a, .model = m, .rivals = rivals, .out = out};
    struct mpi_view view = mpi_view_of(subject);

    *out = (struct mpi_ruling){.verdict = MPI_VERDICT_NEW, .best = count, .margin = ALONE};
    out->scores = ARENA_ARRAY(a, count + 1, struct mpi_score);
    w.achievable = achievable_bits(m, d, &view);
    for (size_t i = 0; i < count; i++)
        score(&w, d, &view, i);
    sort_scores(&w);
    gather_persons(&w);
    qsort(w.persons, w.person_count, sizeof(*w.persons), heaviest_first);
    rule(&w);
}

bool mpi_contradicts(const struct mpi_model *m, const struct mpi_dict *d, const uint32_t *before,
                     const uint32_t *after)
{
    struct mpi_view a = mpi_view_of(before), b = mpi_view_of(after);
    struct mpi_vector v;
    int shown = 0;

    mpi_compare(d, NULL, &a, &b, &v);
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        shown += v.level[c] != MPI_LEVEL_MISSING;
    return shown >= 2 && mpi_posterior(mpi_weigh(m, &v)) < m->review;
}
