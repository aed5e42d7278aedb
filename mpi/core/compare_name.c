/* Names of people; the header is mpi/core/likeness.h. */
#include "mpi/core/likeness.h"

/* One of two names is the other's first letter. */
static bool initial_of(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);

    return (s.n == 1 || t.n == 1) && s.n > 0 && t.n > 0 && s.p[0] == t.p[0];
}

/* The common rarer of two that are close: the commoner one. */
static float commoner(const struct pairing *p, uint32_t a, uint32_t b, enum mpi_frequency f)
{
    float x = mpi_rarity(p, a, f), y = mpi_rarity(p, b, f);

    return x > y ? x : y;
}

static void given_pair(const struct pairing *p, uint32_t x, uint32_t y, struct found *best)
{
    uint32_t a = MPI_CODED_ID(x), b = MPI_CODED_ID(y);
    bool part = ((x | y) & MPI_CODED_PART) != 0;

    if (a == b) {
        bool initial = p->dict->values[a].n == 1;

        mpi_found_better(best,
                         initial ? MPI_GIVEN_INITIAL
                         : part  ? MPI_GIVEN_PART
                                 : MPI_GIVEN_EXACT,
                         initial ? 0 : mpi_rarity(p, a, MPI_FREQUENCY_GIVEN));
        return;
    }
    if (initial_of(p->dict, a, b)) {
        mpi_found_better(best, MPI_GIVEN_INITIAL, 0);
        return;
    }
    switch (mpi_likeness(p, a, b)) {
    case NICKNAME:
        mpi_found_better(best, MPI_GIVEN_NICKNAME, commoner(p, a, b, MPI_FREQUENCY_GIVEN));
        break;
    case CLOSE:
        mpi_found_better(best, MPI_GIVEN_CLOSE, commoner(p, a, b, MPI_FREQUENCY_GIVEN));
        break;
    case ALIKE:
        mpi_found_better(best, MPI_GIVEN_ALIKE, 0);
        break;
    default:
        mpi_found_better(best, MPI_GIVEN_DIFFER, 0);
    }
}

static void family_pair(const struct pairing *p, uint32_t x, uint32_t y, struct found *best)
{
    uint32_t a = MPI_CODED_ID(x), b = MPI_CODED_ID(y);
    bool part = ((x | y) & MPI_CODED_PART) != 0;
    enum likeness l;

    if (a == b) {
        mpi_found_better(best, part ? MPI_FAMILY_PART : MPI_FAMILY_EXACT,
                         mpi_rarity(p, a, MPI_FREQUENCY_FAMILY));
        return;
    }
    l = mpi_likeness(p, a, b);
    if (l == CLOSE)
        mpi_found_better(best, MPI_FAMILY_CLOSE, commoner(p, a, b, MPI_FREQUENCY_FAMILY));
    else
        mpi_found_better(best, l == UNLIKE ? MPI_FAMILY_DIFFER : MPI_FAMILY_ALIKE, 0);
}

/* A given name of x that stands in another field of y, or the other way about. */
static void cross(const struct pairing *p, enum mpi_section mine, enum mpi_section theirs,
                  int level, enum mpi_frequency f, struct found *best)
{
    for (int way = 0; way < 2; way++) {
        const struct mpi_view *x = way ? p->b : p->a, *y = way ? p->a : p->b;

        for (int i = 0; i < x->count[mine]; i++)
            for (int j = 0; j < y->count[theirs]; j++) {
                uint32_t a = MPI_CODED_ID(items(x, mine)[i]);

                if (a == MPI_CODED_ID(items(y, theirs)[j]) && p->dict->values[a].n > 1)
                    mpi_found_better(best, level, mpi_rarity(p, a, f));
            }
    }
}

void mpi_compare_given(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_GIVEN]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_GIVEN]; j++)
            given_pair(p, items(p->a, MPI_SECTION_GIVEN)[i], items(p->b, MPI_SECTION_GIVEN)[j],
                       &best);
    if (best.level == 0 || best.level > MPI_GIVEN_CROSS) {
        cross(p, MPI_SECTION_GIVEN, MPI_SECTION_FAMILY, MPI_GIVEN_CROSS, MPI_FREQUENCY_FAMILY,
              &best);
        cross(p, MPI_SECTION_GIVEN, MPI_SECTION_OTHER, MPI_GIVEN_CROSS, MPI_FREQUENCY_GIVEN, &best);
    }
    mpi_found_set(p, MPI_COMPARE_GIVEN, best);
}

void mpi_compare_family(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_FAMILY]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_FAMILY]; j++)
            family_pair(p, items(p->a, MPI_SECTION_FAMILY)[i], items(p->b, MPI_SECTION_FAMILY)[j],
                        &best);
    if (best.level == 0 || best.level > MPI_FAMILY_CROSS) {
        cross(p, MPI_SECTION_FAMILY, MPI_SECTION_GIVEN, MPI_FAMILY_CROSS, MPI_FREQUENCY_FAMILY,
              &best);
        cross(p, MPI_SECTION_FAMILY, MPI_SECTION_OTHER, MPI_FAMILY_CROSS, MPI_FREQUENCY_FAMILY,
              &best);
    }
    mpi_found_set(p, MPI_COMPARE_FAMILY, best);
}

void mpi_compare_other(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_OTHER]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_OTHER]; j++) {
            uint32_t a = items(p->a, MPI_SECTION_OTHER)[i], b = items(p->b, MPI_SECTION_OTHER)[j];

            if (a == b && p->dict->values[a].n > 1)
                mpi_found_better(&best, MPI_OTHER_EXACT, mpi_rarity(p, a, MPI_FREQUENCY_GIVEN));
            else if (a == b || initial_of(p->dict, a, b))
                mpi_found_better(&best, MPI_OTHER_INITIAL, 0);
            else if (mpi_likeness(p, a, b) >= CLOSE)
                mpi_found_better(&best, MPI_OTHER_CLOSE, 0);
            else
                mpi_found_better(&best, MPI_OTHER_DIFFER, 0);
        }
    mpi_found_set(p, MPI_COMPARE_OTHER, best);
}

static int name_likeness(const struct pairing *p, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return NOT_KNOWN;
    return a == b ? SAME : mpi_likeness(p, a, b) >= CLOSE ? NEAR : APART;
}

void mpi_compare_mothers(const struct pairing *p)
{
    struct found f = {MPI_MOTHER_MISSING, 0};
    int given, family;

    if (p->a->count[MPI_SECTION_MOTHER] > 0 && p->b->count[MPI_SECTION_MOTHER] > 0) {
        const uint32_t *x = items(p->a, MPI_SECTION_MOTHER), *y = items(p->b, MPI_SECTION_MOTHER);

        given = name_likeness(p, x[0], y[0]);
        family = name_likeness(p, x[1], y[1]);
        if (given == NOT_KNOWN && family == NOT_KNOWN)
            f.level = MPI_MOTHER_MISSING;
        else if ((given == SAME || given == NOT_KNOWN) && (family == SAME || family == NOT_KNOWN))
            f.level = MPI_MOTHER_EXACT;
        else
            f.level = given >= NEAR || family >= NEAR ? MPI_MOTHER_CLOSE : MPI_MOTHER_DIFFER;
    }
    mpi_found_set(p, MPI_COMPARE_MOTHER, f);
}
