#include "mpi/explain.h"

#include "mpi/named.h"

enum { WIDTH = 44, SHOWN_CANDIDATES = 5 };

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define GREY   "\033[90m"
#define NORMAL "\033[0m"

/* The range of the running sums of all candidates: one scale for all. */
struct scale {
    double least, most;
};

static struct scale scale_of(const struct mpi_explained *e)
{
    struct scale s = {0, 0};

    for (size_t i = 0; i < e->count; i++) {
        double sum = 0;

        for (size_t j = 0; j < e->candidates[i].step_count; j++) {
            sum += e->candidates[i].steps[j].bits;
            s.least = sum < s.least ? sum : s.least;
            s.most = sum > s.most ? sum : s.most;
        }
    }
    return s;
}

static int column(const struct scale *s, double bits)
{
    double range = s->most - s->least;

    return range > 0 ? (int)((bits - s->least) / range * (WIDTH - 1) + 0.5) : 0;
}

/* From the sum before to the sum after; | is zero. */
static void bar_add(struct strbuf *b, const struct scale *s, double from, double to, bool color)
{
    int zero = column(s, 0), low = column(s, from < to ? from : to);
    int high = column(s, from < to ? to : from);

    strbuf_add(b, !color ? STR("") : to < from ? STR(RED) : STR(GREEN));
    for (int i = 0; i < WIDTH; i++) {
        if (i >= low && i <= high && (low < high || i == low))
            strbuf_addc(b, to < from ? '-' : '+');
        else
            strbuf_addc(b, i == zero ? '|' : ' ');
    }
    strbuf_add(b, color ? STR(NORMAL) : STR(""));
}

static struct str printable(struct arena *a, struct str s)
{
    struct strbuf b = strbuf_on(a, s.n);

    for (size_t i = 0; i < s.n; i++)
        strbuf_addc(&b, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
    return strbuf_str(&b);
}

static void step_print(struct arena *a, const struct mpi_step *s, const struct scale *scale,
                       double *sum, bool color, struct strbuf *out)
{
    strbuf_addf(out, "  %-12s %+7.2f ", s->name, s->bits);
    bar_add(out, scale, *sum, *sum + s->bits, color);
    strbuf_addf(out, " %s", s->level);
    if (s->rarity > 0.005 || s->rarity < -0.005)
        strbuf_addf(out, " (rarity %+.1f)", s->rarity);
    if (s->mine.n > 0 || s->theirs.n > 0)
        strbuf_addf(out, "%s: %.*s | %.*s%s", color ? GREY : "", STR_ARG(printable(a, s->mine)),
                    STR_ARG(printable(a, s->theirs)), color ? NORMAL : "");
    strbuf_addc(out, '\n');
    *sum += s->bits;
}

static void candidate_print(struct arena *a, const struct mpi_waterfall *w,
                            const struct scale *scale, bool color, struct strbuf *out)
{
    double sum = 0;

    strbuf_addf(out, "\n%.*s version %d of %.*s\n",
                STR_ARG(mpi_record_name(a, w->candidate->place)), w->candidate->version,
                STR_ARG(mpi_person_name(a, w->candidate->person)));
    for (size_t i = 0; i < w->step_count; i++)
        step_print(a, &w->steps[i], scale, &sum, color, out);
    strbuf_addf(out, "  %-12s %+7.2f  probability %.6f\n", "in all", w->weight, w->posterior);
    for (int why = 0; why < MPI_WHY_COUNT; why++)
        if ((w->guards & (mpi_reasons)1 << why) != 0)
            strbuf_addf(out, "  guard: %s\n", mpi_why_words((enum mpi_reason)why));
}

static const char *words_of(struct str code)
{
    for (int why = 0; why < MPI_WHY_COUNT; why++)
        if (str_eq(code, str_from(mpi_why_code((enum mpi_reason)why))))
            return mpi_why_words((enum mpi_reason)why);
    return "";
}

static void head_print(struct arena *a, const struct mpi_explained *e, struct strbuf *out)
{
    const struct mpi_decided *d = e->decided;

    strbuf_addf(out, "Decision %.*s of %.*s, model %.*s\n", STR_ARG(uuid_text(a, d->id)),
                STR_ARG(clock_iso(a, d->at_us)), STR_ARG(e->model->name));
    strbuf_addf(out, "%.*s version %d: %.*s", STR_ARG(mpi_record_name(a, d->in.place)),
                d->in.version, STR_ARG(d->outcome));
    if (d->person.person_id != 0)
        strbuf_addf(out, " %.*s", STR_ARG(mpi_person_name(a, d->person)));
    strbuf_addc(out, '\n');
    for (size_t i = 0; i < d->reason_count; i++)
        strbuf_addf(out, "  %.*s: %s\n", STR_ARG(d->reasons[i]), words_of(d->reasons[i]));
    if (e->again.differs != NULL)
        strbuf_addf(out, "  DIFFERS when made again: %s\n", e->again.differs);
}

void mpi_explain_text(struct arena *a, const struct mpi_explained *e, bool color,
                      struct strbuf *out)
{
    struct scale scale = scale_of(e);
    size_t shown = e->count < SHOWN_CANDIDATES ? e->count : SHOWN_CANDIDATES;

    head_print(a, e, out);
    for (size_t i = 0; i < shown; i++)
        candidate_print(a, &e->candidates[i], &scale, color, out);
    if (e->count > shown)
        strbuf_addf(out, "\n%zu more candidates, each lighter; --html shows all\n",
                    e->count - shown);
}
