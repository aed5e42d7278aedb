#include "mpi/core/likeness.h"

#include <stdlib.h>

#include "hub/base/err.h"
#include "mpi/core/distance.h"
#include "mpi/core/nickname.h"

enum { MEMO_SLOTS = 1 << 16 };

struct mpi_memo {
    struct {
        uint32_t a, b;
        enum likeness likeness;
    } slots[MEMO_SLOTS];
};

struct mpi_memo *mpi_memo_new(void)
{
    struct mpi_memo *m = calloc(1, sizeof(*m));

    must(m != NULL, "memory for the memo of names");
    return m;
}

void mpi_memo_free(struct mpi_memo *m)
{
    free(m);
}

bool mpi_one_edit(struct str x, struct str y)
{
    size_t longer = x.n > y.n ? x.n : y.n, shorter = x.n + y.n - longer;

    return longer - shorter <= 1 && longer >= 4 && mpi_osa(x, y) <= 1;
}

/* Could the two be as similar as `least`, by Jaro and Winkler, or one edit apart? Letters that only
 * one of them has find no partner, which tells in most cases. */
static bool may_resemble(const struct mpi_value *x, const struct mpi_value *y, double least)
{
    int only_x = __builtin_popcount(x->letters & ~y->letters);
    int only_y = __builtin_popcount(y->letters & ~x->letters);
    int common = x->n - only_x < y->n - only_y ? x->n - only_x : y->n - only_y;
    double most;

    if (only_x <= 1 && only_y <= 1)
        return true;
    if (common <= 0)
        return false;
    most = ((double)common / x->n + (double)common / y->n + 1) / 3;
    return most + .4 * (1 - most) >= least;
}

static enum likeness names_likeness(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    const struct mpi_value *x = &d->values[a], *y = &d->values[b];
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);
    double similarity;

    if (mpi_nickname_same(x->nickname, y->nickname))
        return NICKNAME;
    similarity = mpi_jaro_winkler(s, t);
    if (similarity >= .92 || mpi_one_edit(s, t))
        return CLOSE;
    return similarity >= .84 || (x->sound == y->sound && x->sound != 0) ? ALIKE : UNLIKE;
}

static enum likeness texts_likeness(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);

    return mpi_jaro_winkler(s, t) >= .9 || mpi_one_edit(s, t) ? CLOSE : UNLIKE;
}

/* Of two names, or of two streets or places, which the memo keeps together: their numbers differ.
 */
static enum likeness remembered(const struct pairing *p, uint32_t a, uint32_t b,
                                enum likeness (*likeness)(const struct mpi_dict *d, uint32_t a,
                                                          uint32_t b))
{
    uint32_t first = a < b ? a : b, second = a < b ? b : a;
    uint32_t at = (first * 0x9E3779B1u ^ second * 0x85EBCA77u) >> 16;

    if (p->memo == NULL)
        return likeness(p->dict, a, b);
    if (p->memo->slots[at].a != first || p->memo->slots[at].b != second) {
        p->memo->slots[at].a = first;
        p->memo->slots[at].b = second;
        p->memo->slots[at].likeness = likeness(p->dict, a, b);
    }
    return p->memo->slots[at].likeness;
}

enum likeness mpi_likeness(const struct pairing *p, uint32_t a, uint32_t b)
{
    const struct mpi_value *x = &p->dict->values[a], *y = &p->dict->values[b];

    if (x->n < 2 || y->n < 2)
        return UNLIKE;
    if (x->sound != y->sound && (x->nickname == 0 || y->nickname == 0) && !may_resemble(x, y, .84))
        return UNLIKE;
    return remembered(p, a, b, names_likeness);
}

int mpi_part_likeness(const struct pairing *p, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0 || a == b)
        return mpi_equal_or_not(a, b);
    if (!may_resemble(&p->dict->values[a], &p->dict->values[b], .9))
        return APART;
    return remembered(p, a, b, texts_likeness) == CLOSE ? NEAR : APART;
}

void mpi_found_better(struct found *best, int level, float rarity)
{
    if (best->level == 0 || level < best->level ||
        (level == best->level && rarity < best->rarity)) {
        best->level = (uint8_t)level;
        best->rarity = rarity;
    }
}

void mpi_found_set(const struct pairing *p, enum mpi_comparison c, struct found f)
{
    p->out->level[c] = f.level;
    p->out->rarity[c] = f.rarity;
}
