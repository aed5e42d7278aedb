#include "mpi/core/guard.h"

#include <math.h>

#include "mpi/core/date.h"

enum kind { KIND_NOTE, KIND_DOUBT, KIND_CONFLICT, KIND_APART };

static const struct {
    const char *code, *words;
    enum kind kind;
} REASONS[] = {
#define X(name, code, kind, words) {code, words, KIND_##kind},
    MPI_REASON_TABLE(X)
#undef X
};

const char *mpi_why_code(enum mpi_reason r)
{
    return REASONS[r].code;
}

const char *mpi_why_words(enum mpi_reason r)
{
    return REASONS[r].words;
}

static mpi_reasons of_kind(mpi_reasons all, enum kind least)
{
    mpi_reasons kept = 0;

    for (int r = 0; r < MPI_WHY_COUNT; r++)
        if (REASONS[r].kind >= least)
            kept |= all & (mpi_reasons)1 << r;
    return kept;
}

mpi_reasons mpi_guards_only(mpi_reasons all)
{
    return of_kind(all, KIND_DOUBT);
}

mpi_reasons mpi_guards_conflicts(mpi_reasons all)
{
    return of_kind(all, KIND_CONFLICT);
}

bool mpi_guards_apart(mpi_reasons all)
{
    return of_kind(all, KIND_APART) != 0;
}

double mpi_guards_temper(const struct mpi_model *m, double weight, mpi_reasons all)
{
    double most = log2(m->link / (1 - m->link)) - m->margin;

    return mpi_guards_conflicts(all) != 0 && weight > most ? most : weight;
}

/* What the guards look at. */
struct facts {
    const struct mpi_model *model;
    const struct mpi_dict *dict;
    const struct mpi_view *a, *b;
    const uint8_t *level; /* by comparison */
};

/* Observed and in [from, to]. */
static bool between(const struct facts *f, enum mpi_comparison c, int from, int to)
{
    return f->level[c] >= from && f->level[c] <= to;
}

static bool id_agrees(const struct facts *f)
{
    return f->level[MPI_COMPARE_SSN] == MPI_SSN_EXACT || f->level[MPI_COMPARE_ID] == MPI_ID_EXACT;
}

static bool contact_agrees(const struct facts *f)
{
    return f->level[MPI_COMPARE_EMAIL] == MPI_EMAIL_EXACT ||
           f->level[MPI_COMPARE_PHONE] == MPI_PHONE_EXACT;
}

static bool address_agrees(const struct facts *f)
{
    return between(f, MPI_COMPARE_STREET, MPI_STREET_EXACT, MPI_STREET_CLOSE);
}

static bool same_given(const struct facts *f)
{
    return between(f, MPI_COMPARE_GIVEN, MPI_GIVEN_EXACT, MPI_GIVEN_PART);
}

static bool date_agrees(const struct facts *f)
{
    return between(f, MPI_COMPARE_DOB, MPI_DOB_EXACT, MPI_DOB_PARTS);
}

static bool family_agrees(const struct facts *f)
{
    return between(f, MPI_COMPARE_FAMILY, MPI_FAMILY_EXACT, MPI_FAMILY_CROSS);
}

static bool ssn_conflict(const struct facts *f)
{
    return f->level[MPI_COMPARE_SSN] == MPI_SSN_DIFFER;
}

static bool suffix_conflict(const struct facts *f)
{
    return f->a->suffix != 0 && f->b->suffix != 0 && f->a->suffix != f->b->suffix;
}

static uint32_t year_of(const struct mpi_view *v)
{
    return v->count[MPI_SECTION_DATE] > 0 ? MPI_DATE_YEAR(v->at[MPI_SECTION_DATE][0]) : 0;
}

/* Whatever else of the birth dates agrees: some are born on their father's birthday. */
static bool generations(const struct facts *f)
{
    uint32_t x = year_of(f->a), y = year_of(f->b), apart = x > y ? x - y : y - x;

    return x != 0 && y != 0 && apart >= (uint32_t)f->model->generation && family_agrees(f) &&
           f->level[MPI_COMPARE_GIVEN] != MPI_GIVEN_DIFFER && !id_agrees(f);
}

static bool middle_conflict(const struct facts *f)
{
    return f->level[MPI_COMPARE_OTHER] == MPI_OTHER_DIFFER && !id_agrees(f) &&
           f->level[MPI_COMPARE_EMAIL] != MPI_EMAIL_EXACT;
}

static bool birth_order(const struct facts *f)
{
    return f->level[MPI_COMPARE_ORDER] == MPI_ORDER_DIFFER;
}

static uint32_t first_given(const struct mpi_view *v)
{
    return v->count[MPI_SECTION_GIVEN] > 0 ? MPI_CODED_ID(v->at[MPI_SECTION_GIVEN][0]) : 0;
}

/* A name in its own right: others have it too. */
static bool common_given(const struct facts *f, const struct mpi_view *v)
{
    uint32_t id = first_given(v);

    if (id == 0)
        return false;
    return f->dict->values[id].nickname != 0 ||
           mpi_model_frequency(f->model, MPI_FREQUENCY_GIVEN, mpi_dict_text(f->dict, id)) >
               f->model->frequencies[MPI_FREQUENCY_GIVEN].floor;
}

/* Typing errors seldom take the first letter; parents of twins often change just that. */
static bool rhyme(const struct facts *f)
{
    uint32_t a = first_given(f->a), b = first_given(f->b);

    return a != 0 && b != 0 && mpi_dict_text(f->dict, a).p[0] != mpi_dict_text(f->dict, b).p[0];
}

static bool of_many(const struct mpi_view *v)
{
    return v->multiple || v->birth_order != 0;
}

/* One birth, and names that differ: JAYDEN and KAYDEN are no typing error of each other. Where one
 * is known to be of several children, nothing but the same name will do. */
static bool twins(const struct facts *f)
{
    uint8_t given = f->level[MPI_COMPARE_GIVEN];

    if (!date_agrees(f) || !between(f, MPI_COMPARE_FAMILY, MPI_FAMILY_EXACT, MPI_FAMILY_CLOSE) ||
        given == MPI_GIVEN_MISSING || given == MPI_GIVEN_EXACT)
        return false;
    if (of_many(f->a) || of_many(f->b))
        return true;
    if (same_given(f)) /* HENRY and HARRY, each with an e-mail address of his own */
        return !id_agrees(f) && f->level[MPI_COMPARE_EMAIL] == MPI_EMAIL_DIFFER;
    return !id_agrees(f) && (rhyme(f) || (common_given(f, f->a) && common_given(f, f->b)));
}

static bool newborn(const struct facts *f)
{
    return (f->a->newborn || f->b->newborn) && !id_agrees(f) &&
           !(f->level[MPI_COMPARE_MOTHER] == MPI_MOTHER_EXACT && date_agrees(f) && !of_many(f->a) &&
             !of_many(f->b));
}

static bool given_differs(const struct facts *f)
{
    return f->level[MPI_COMPARE_GIVEN] == MPI_GIVEN_DIFFER;
}

static bool sex_differs(const struct facts *f)
{
    return f->level[MPI_COMPARE_SEX] == MPI_SEX_DIFFER &&
           !between(f, MPI_COMPARE_GIVEN, MPI_GIVEN_EXACT, MPI_GIVEN_EXACT);
}

/* An identifier and the whole birth date agree: then one of the two names may be missing. */
static bool well_known(const struct facts *f)
{
    return id_agrees(f) && f->level[MPI_COMPARE_DOB] == MPI_DOB_EXACT;
}

static bool given_unsure(const struct facts *f)
{
    if (f->level[MPI_COMPARE_GIVEN] == MPI_GIVEN_MISSING)
        return !well_known(f) || f->level[MPI_COMPARE_FAMILY] != MPI_FAMILY_EXACT;
    return !given_differs(f) && !between(f, MPI_COMPARE_GIVEN, MPI_GIVEN_EXACT, MPI_GIVEN_CLOSE);
}

static bool family_differs(const struct facts *f)
{
    if (f->level[MPI_COMPARE_FAMILY] == MPI_FAMILY_MISSING)
        return !well_known(f) || f->level[MPI_COMPARE_GIVEN] != MPI_GIVEN_EXACT;
    return !family_agrees(f);
}

static bool date_differs(const struct facts *f)
{
    return f->level[MPI_COMPARE_DOB] >= MPI_DOB_TWO;
}

/* Unknown on both sides it is not missed where a number that people do not share agrees. */
static bool date_missing(const struct facts *f)
{
    bool none = f->a->count[MPI_SECTION_DATE] == 0 && f->b->count[MPI_SECTION_DATE] == 0;

    if (none)
        return !id_agrees(f) && !contact_agrees(f);
    return f->level[MPI_COMPARE_DOB] == MPI_DOB_MISSING ||
           f->level[MPI_COMPARE_DOB] == MPI_DOB_YEAR;
}

static bool has_contact(const struct mpi_view *v)
{
    return v->count[MPI_SECTION_ADDRESS] + v->count[MPI_SECTION_PHONE] +
               v->count[MPI_SECTION_EMAIL] >
           0;
}

static bool date_unsure(const struct facts *f)
{
    return between(f, MPI_COMPARE_DOB, MPI_DOB_ONE, MPI_DOB_PARTS) && !address_agrees(f) &&
           !contact_agrees(f) && (has_contact(f->a) || has_contact(f->b));
}

/* Each may be a little off, not two of them: two people of one name, born a day apart, or with
 * neighbouring numbers, are what chance brings together. */
static bool inexact(const struct facts *f)
{
    return between(f, MPI_COMPARE_GIVEN, MPI_GIVEN_NICKNAME, MPI_GIVEN_ALIKE) +
               between(f, MPI_COMPARE_FAMILY, MPI_FAMILY_PART, MPI_FAMILY_ALIKE) +
               between(f, MPI_COMPARE_DOB, MPI_DOB_ONE, MPI_DOB_TWO) +
               (f->level[MPI_COMPARE_SSN] == MPI_SSN_CLOSE) >
           1;
}

static bool suffix_missing(const struct facts *f)
{
    return (f->a->suffix != 0) != (f->b->suffix != 0);
}

static bool shared_identifier(const struct facts *f)
{
    return id_agrees(f) && !date_agrees(f) &&
           !between(f, MPI_COMPARE_GIVEN, MPI_GIVEN_EXACT, MPI_GIVEN_ALIKE);
}

mpi_reasons mpi_guards(const struct mpi_model *m, const struct mpi_dict *d,
                       const struct mpi_view *a, const struct mpi_view *b,
                       const struct mpi_vector *v)
{
    static const struct {
        bool (*raised)(const struct facts *f);
        mpi_reasons reason;
    } GUARDS[] = {
        {ssn_conflict, MPI_WHY(SSN_CONFLICT)},
        {suffix_conflict, MPI_WHY(SUFFIX_CONFLICT)},
        {generations, MPI_WHY(GENERATIONS)},
        {middle_conflict, MPI_WHY(MIDDLE_CONFLICT)},
        {birth_order, MPI_WHY(BIRTH_ORDER)},
        {twins, MPI_WHY(TWINS)},
        {newborn, MPI_WHY(NEWBORN)},
        {given_differs, MPI_WHY(GIVEN_DIFFERS)},
        {given_unsure, MPI_WHY(GIVEN_UNSURE)},
        {family_differs, MPI_WHY(FAMILY_DIFFERS)},
        {sex_differs, MPI_WHY(SEX_DIFFERS)},
        {date_differs, MPI_WHY(DATE_DIFFERS)},
        {date_missing, MPI_WHY(DATE_MISSING)},
        {date_unsure, MPI_WHY(DATE_UNSURE)},
        {inexact, MPI_WHY(INEXACT)},
        {suffix_missing, MPI_WHY(SUFFIX_MISSING)},
        {shared_identifier, MPI_WHY(SHARED_IDENTIFIER)},
    };
    const struct facts f = {m, d, a, b, v->level};
    mpi_reasons raised = 0;

    for (size_t i = 0; i < sizeof(GUARDS) / sizeof(GUARDS[0]); i++)
        if (GUARDS[i].raised(&f))
            raised |= GUARDS[i].reason;
    return raised;
}
