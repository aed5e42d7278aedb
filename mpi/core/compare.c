#include "mpi/core/compare.h"

#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "mpi/core/date.h"
#include "mpi/core/distance.h"
#include "mpi/core/nickname.h"

/* How two different names resemble each other. */
enum likeness { UNLIKE, ALIKE, CLOSE, NICKNAME };

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

struct pairing {
    const struct mpi_dict *dict;
    struct mpi_memo *memo;
    const struct mpi_view *a, *b;
    struct mpi_vector *out;
};

static bool one_edit(struct str x, struct str y)
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
    if (similarity >= .92 || one_edit(s, t))
        return CLOSE;
    return similarity >= .84 || (x->sound == y->sound && x->sound != 0) ? ALIKE : UNLIKE;
}

static enum likeness texts_likeness(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);

    return mpi_jaro_winkler(s, t) >= .9 || one_edit(s, t) ? CLOSE : UNLIKE;
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

static enum likeness likeness_of(const struct pairing *p, uint32_t a, uint32_t b)
{
    const struct mpi_value *x = &p->dict->values[a], *y = &p->dict->values[b];

    if (x->n < 2 || y->n < 2)
        return UNLIKE;
    if (x->sound != y->sound && (x->nickname == 0 || y->nickname == 0) && !may_resemble(x, y, .84))
        return UNLIKE;
    return remembered(p, a, b, names_likeness);
}

static float rarity_of(const struct pairing *p, uint32_t id, enum mpi_frequency f)
{
    return p->dict->values[id].rarity[mpi_rarity_slot(f)];
}

/* One of two names is the other's first letter. */
static bool initial_of(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);

    return (s.n == 1 || t.n == 1) && s.n > 0 && t.n > 0 && s.p[0] == t.p[0];
}

/* A level and the rarity of what agrees; better is a lower level, then a rarer value. */
struct found {
    uint8_t level;
    float rarity;
};

static void better(struct found *best, int level, float rarity)
{
    if (best->level == 0 || level < best->level ||
        (level == best->level && rarity < best->rarity)) {
        best->level = (uint8_t)level;
        best->rarity = rarity;
    }
}

static void set(const struct pairing *p, enum mpi_comparison c, struct found f)
{
    p->out->level[c] = f.level;
    p->out->rarity[c] = f.rarity;
}

static const uint32_t *items(const struct mpi_view *v, enum mpi_section s)
{
    return v->at[s];
}

/* The common rarer of two that are close: the commoner one. */
static float commoner(const struct pairing *p, uint32_t a, uint32_t b, enum mpi_frequency f)
{
    float x = rarity_of(p, a, f), y = rarity_of(p, b, f);

    return x > y ? x : y;
}

static void given_pair(const struct pairing *p, uint32_t x, uint32_t y, struct found *best)
{
    uint32_t a = MPI_CODED_ID(x), b = MPI_CODED_ID(y);
    bool part = ((x | y) & MPI_CODED_PART) != 0;

    if (a == b) {
        bool initial = p->dict->values[a].n == 1;

        better(best,
               initial ? MPI_GIVEN_INITIAL
               : part  ? MPI_GIVEN_PART
                       : MPI_GIVEN_EXACT,
               initial ? 0 : rarity_of(p, a, MPI_FREQUENCY_GIVEN));
        return;
    }
    if (initial_of(p->dict, a, b)) {
        better(best, MPI_GIVEN_INITIAL, 0);
        return;
    }
    switch (likeness_of(p, a, b)) {
    case NICKNAME:
        better(best, MPI_GIVEN_NICKNAME, commoner(p, a, b, MPI_FREQUENCY_GIVEN));
        break;
    case CLOSE:
        better(best, MPI_GIVEN_CLOSE, commoner(p, a, b, MPI_FREQUENCY_GIVEN));
        break;
    case ALIKE:
        better(best, MPI_GIVEN_ALIKE, 0);
        break;
    default:
        better(best, MPI_GIVEN_DIFFER, 0);
    }
}

static void family_pair(const struct pairing *p, uint32_t x, uint32_t y, struct found *best)
{
    uint32_t a = MPI_CODED_ID(x), b = MPI_CODED_ID(y);
    bool part = ((x | y) & MPI_CODED_PART) != 0;
    enum likeness l;

    if (a == b) {
        better(best, part ? MPI_FAMILY_PART : MPI_FAMILY_EXACT,
               rarity_of(p, a, MPI_FREQUENCY_FAMILY));
        return;
    }
    l = likeness_of(p, a, b);
    if (l == CLOSE)
        better(best, MPI_FAMILY_CLOSE, commoner(p, a, b, MPI_FREQUENCY_FAMILY));
    else
        better(best, l == UNLIKE ? MPI_FAMILY_DIFFER : MPI_FAMILY_ALIKE, 0);
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
                    better(best, level, rarity_of(p, a, f));
            }
    }
}

static void compare_given(const struct pairing *p)
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
    set(p, MPI_COMPARE_GIVEN, best);
}

static void compare_family(const struct pairing *p)
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
    set(p, MPI_COMPARE_FAMILY, best);
}

static void compare_other(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_OTHER]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_OTHER]; j++) {
            uint32_t a = items(p->a, MPI_SECTION_OTHER)[i], b = items(p->b, MPI_SECTION_OTHER)[j];

            if (a == b && p->dict->values[a].n > 1)
                better(&best, MPI_OTHER_EXACT, rarity_of(p, a, MPI_FREQUENCY_GIVEN));
            else if (a == b || initial_of(p->dict, a, b))
                better(&best, MPI_OTHER_INITIAL, 0);
            else if (likeness_of(p, a, b) >= CLOSE)
                better(&best, MPI_OTHER_CLOSE, 0);
            else
                better(&best, MPI_OTHER_DIFFER, 0);
        }
    set(p, MPI_COMPARE_OTHER, best);
}

/* Digits that differ; two neighbours that changed places are one. */
static unsigned date_edits(uint32_t a, uint32_t b)
{
    enum { NO_DIGIT = 10, DIGITS = 8 };
    uint32_t last_x = NO_DIGIT, last_y = NO_DIGIT;
    unsigned edits = 0;

    for (int i = 0; i < DIGITS; i++, a /= 10, b /= 10) {
        uint32_t x = a % 10, y = b % 10;
        bool swapped = x == last_y && y == last_x, differ = x != y && !swapped;

        edits += differ;
        last_x = differ ? x : NO_DIGIT;
        last_y = differ ? y : NO_DIGIT;
    }
    return edits;
}

/* A year alone, a year and a month, or the first of January, which often means a year alone. */
static bool imprecise(uint32_t date)
{
    return MPI_DATE_DAY(date) == 0 || date % 10000 == 101;
}

static int imprecise_level(uint32_t a, uint32_t b)
{
    bool months_differ = MPI_DATE_MONTH(a) != MPI_DATE_MONTH(b) && !imprecise(a) && !imprecise(b);

    if (MPI_DATE_YEAR(a) == MPI_DATE_YEAR(b) && !months_differ)
        return MPI_DOB_YEAR;
    return date_edits(a / 10000 * 10000, b / 10000 * 10000) <= 1 ? MPI_DOB_TWO : MPI_DOB_DIFFER;
}

static int date_level(uint32_t a, uint32_t b)
{
    uint32_t year = MPI_DATE_YEAR(a), month = MPI_DATE_MONTH(a), day = MPI_DATE_DAY(a);
    int parts =
        (year == MPI_DATE_YEAR(b)) + (month == MPI_DATE_MONTH(b)) + (day == MPI_DATE_DAY(b));
    unsigned edits;

    if (a == b && !imprecise(a))
        return MPI_DOB_EXACT;
    if (imprecise(a) || imprecise(b))
        return imprecise_level(a, b);
    edits = date_edits(a, b);
    if (edits <= 1 || year * 10000 + day * 100 + month == b)
        return MPI_DOB_ONE;
    if (parts == 2)
        return MPI_DOB_PARTS;
    if (edits == 2)
        return MPI_DOB_TWO;
    return year == MPI_DATE_YEAR(b) ? MPI_DOB_SAME_YEAR : MPI_DOB_DIFFER;
}

static void compare_dates(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_DATE]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_DATE]; j++)
            better(&best,
                   date_level(items(p->a, MPI_SECTION_DATE)[i], items(p->b, MPI_SECTION_DATE)[j]),
                   0);
    set(p, MPI_COMPARE_DOB, best);
}

static void compare_sex(const struct pairing *p)
{
    struct found f = {MPI_SEX_MISSING, 0};

    if (p->a->sex != 0 && p->b->sex != 0)
        f.level = p->a->sex == p->b->sex ? MPI_SEX_EXACT : MPI_SEX_DIFFER;
    set(p, MPI_COMPARE_SEX, f);
}

enum { SAME = 2, NEAR = 1, APART = 0, NOT_KNOWN = -1 };

static int equal_or_not(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 ? NOT_KNOWN : a == b ? SAME : APART;
}

/* Text of an address part: equal, with a typing error, different, or unknown on a side. */
static int part_likeness(const struct pairing *p, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0 || a == b)
        return equal_or_not(a, b);
    if (!may_resemble(&p->dict->values[a], &p->dict->values[b], .9))
        return APART;
    return remembered(p, a, b, texts_likeness) == CLOSE ? NEAR : APART;
}

static int street_level(int number, int street)
{
    if (number == NOT_KNOWN && street == NOT_KNOWN)
        return MPI_STREET_MISSING;
    if (street == SAME)
        return number == SAME ? MPI_STREET_EXACT : MPI_STREET_NAME;
    if (street == NEAR)
        return number == SAME ? MPI_STREET_CLOSE : MPI_STREET_ALIKE;
    return number == SAME ? MPI_STREET_NUMBER : MPI_STREET_DIFFER;
}

static bool same_area(const struct mpi_dict *d, uint32_t a, uint32_t b)
{
    struct str s = mpi_dict_text(d, a), t = mpi_dict_text(d, b);
    size_t n = s.n > 5 ? s.n - 3 : 3; /* UK and the like: the outward code; others: three digits */

    return s.n == t.n && n <= s.n && str_eq(str_slice(s, 0, n), str_slice(t, 0, n));
}

static struct found locality_found(const struct pairing *p, const uint32_t *x, const uint32_t *y)
{
    uint32_t code = x[MPI_ADDRESS_POSTCODE], city = x[MPI_ADDRESS_CITY];
    int postcodes = equal_or_not(code, y[MPI_ADDRESS_POSTCODE]);
    int cities = part_likeness(p, city, y[MPI_ADDRESS_CITY]);

    if (postcodes == NOT_KNOWN && cities == NOT_KNOWN)
        return (struct found){MPI_LOCALITY_MISSING, 0};
    if (postcodes == SAME && cities >= NEAR)
        return (struct found){MPI_LOCALITY_EXACT, 0};
    if (postcodes == SAME)
        return (struct found){MPI_LOCALITY_POSTCODE, rarity_of(p, code, MPI_FREQUENCY_POSTCODE)};
    if (cities == SAME)
        return (struct found){MPI_LOCALITY_CITY, rarity_of(p, city, MPI_FREQUENCY_CITY)};
    if (cities == NEAR ||
        (postcodes != NOT_KNOWN &&
         one_edit(mpi_dict_text(p->dict, code), mpi_dict_text(p->dict, y[MPI_ADDRESS_POSTCODE]))))
        return (struct found){MPI_LOCALITY_CLOSE, 0};
    if (postcodes != NOT_KNOWN && same_area(p->dict, code, y[MPI_ADDRESS_POSTCODE]))
        return (struct found){MPI_LOCALITY_AREA, 0};
    return (struct found){MPI_LOCALITY_DIFFER, 0};
}

static void compare_addresses(const struct pairing *p)
{
    struct found street = {0, 0}, locality = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_ADDRESS]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_ADDRESS]; j++) {
            const uint32_t *x = items(p->a, MPI_SECTION_ADDRESS) + MPI_ADDRESS_WORDS * i;
            const uint32_t *y = items(p->b, MPI_SECTION_ADDRESS) + MPI_ADDRESS_WORDS * j;
            int level =
                street_level(equal_or_not(x[MPI_ADDRESS_NUMBER], y[MPI_ADDRESS_NUMBER]),
                             part_likeness(p, x[MPI_ADDRESS_STREET], y[MPI_ADDRESS_STREET]));
            struct found place = locality_found(p, x, y);

            if (level != MPI_STREET_MISSING)
                better(&street, level, 0);
            if (place.level != MPI_LOCALITY_MISSING)
                better(&locality, place.level, place.rarity);
        }
    set(p, MPI_COMPARE_STREET, street);
    set(p, MPI_COMPARE_LOCALITY, locality);
}

static struct str decimal(uint64_t n, char text[20])
{
    size_t at = 20;

    for (; n > 0; n /= 10)
        text[--at] = (char)('0' + n % 10);
    return str_of(text + at, 20 - at);
}

static int phone_level(uint64_t a, uint64_t b)
{
    char x[20], y[20];

    if (a == b)
        return MPI_PHONE_EXACT;
    if (a % 10000000 == b % 10000000)
        return MPI_PHONE_LINE;
    /* one edit leaves the first half or the last as it was */
    if (a % 100000 != b % 100000 && a / 100000 != b / 100000 && a / 1000000 != b / 100000 &&
        a / 100000 != b / 1000000)
        return MPI_PHONE_DIFFER;
    return mpi_osa(decimal(a, x), decimal(b, y)) <= 1 ? MPI_PHONE_CLOSE : MPI_PHONE_DIFFER;
}

static void compare_phones(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_PHONE]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_PHONE]; j++) {
            const uint32_t *x = items(p->a, MPI_SECTION_PHONE) + 2 * i;
            const uint32_t *y = items(p->b, MPI_SECTION_PHONE) + 2 * j;

            better(&best, phone_level((uint64_t)x[0] << 32 | x[1], (uint64_t)y[0] << 32 | y[1]), 0);
        }
    set(p, MPI_COMPARE_PHONE, best);
}

static int email_level(struct str a, struct str b)
{
    struct str x = a, y = b, local_x = str_cut(&x, '@'), local_y = str_cut(&y, '@');

    if (str_eq(local_x, local_y))
        return MPI_EMAIL_LOCAL;
    return mpi_osa(a, b) <= 2 || mpi_jaro_winkler(local_x, local_y) >= .93 ? MPI_EMAIL_CLOSE
                                                                           : MPI_EMAIL_DIFFER;
}

static void compare_emails(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_EMAIL]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_EMAIL]; j++) {
            uint32_t a = items(p->a, MPI_SECTION_EMAIL)[i], b = items(p->b, MPI_SECTION_EMAIL)[j];

            better(&best,
                   a == b ? MPI_EMAIL_EXACT
                          : email_level(mpi_dict_text(p->dict, a), mpi_dict_text(p->dict, b)),
                   0);
        }
    set(p, MPI_COMPARE_EMAIL, best);
}

static int ssn_level(struct str a, struct str b)
{
    if (a.n == 4 || b.n == 4)
        return str_eq(str_slice(a, a.n - 4, a.n), str_slice(b, b.n - 4, b.n)) ? MPI_SSN_LAST_FOUR
                                                                              : MPI_SSN_DIFFER;
    return one_edit(a, b) ? MPI_SSN_CLOSE : MPI_SSN_DIFFER;
}

static void compare_ssn(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_SSN]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_SSN]; j++) {
            uint32_t a = items(p->a, MPI_SECTION_SSN)[i], b = items(p->b, MPI_SECTION_SSN)[j];

            if (a == b && p->dict->values[a].n > 4)
                better(&best, MPI_SSN_EXACT, 0);
            else
                better(&best, ssn_level(mpi_dict_text(p->dict, a), mpi_dict_text(p->dict, b)), 0);
        }
    set(p, MPI_COMPARE_SSN, best);
}

/* Identifiers of different types say nothing about each other. */
static void compare_ids(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_ID]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_ID]; j++) {
            const uint32_t *x = items(p->a, MPI_SECTION_ID) + 2 * i;
            const uint32_t *y = items(p->b, MPI_SECTION_ID) + 2 * j;

            if (x[0] != y[0])
                continue;
            if (x[1] == y[1])
                better(&best, MPI_ID_EXACT, 0);
            else
                better(&best,
                       p->dict->values[x[1]].n >= 5 && mpi_osa(mpi_dict_text(p->dict, x[1]),
                                                               mpi_dict_text(p->dict, y[1])) <= 1
                           ? MPI_ID_CLOSE
                           : MPI_ID_DIFFER,
                       0);
        }
    set(p, MPI_COMPARE_ID, best);
}

static int name_likeness(const struct pairing *p, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return NOT_KNOWN;
    return a == b ? SAME : likeness_of(p, a, b) >= CLOSE ? NEAR : APART;
}

static void compare_mothers(const struct pairing *p)
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
    set(p, MPI_COMPARE_MOTHER, f);
}

static void compare_order(const struct pairing *p)
{
    struct found f = {MPI_ORDER_MISSING, 0};

    if (p->a->birth_order != 0 && p->b->birth_order != 0)
        f.level = p->a->birth_order == p->b->birth_order ? MPI_ORDER_EXACT : MPI_ORDER_DIFFER;
    set(p, MPI_COMPARE_ORDER, f);
}

/* DEVON and WEST DEVON: all words of one stand in the other. */
static bool words_within(struct str shorter, struct str longer)
{
    while (shorter.n > 0) {
        struct str word = str_cut(&shorter, ' '), rest = longer;
        bool there = false;

        while (rest.p != NULL && !there)
            there = str_eq(str_cut(&rest, ' '), word);
        if (!there)
            return false;
    }
    return true;
}

static void compare_words(const struct pairing *p, enum mpi_section section, enum mpi_comparison c,
                          enum mpi_frequency f)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[section]; i++)
        for (int j = 0; j < p->b->count[section]; j++) {
            uint32_t a = items(p->a, section)[i], b = items(p->b, section)[j];
            struct str s = mpi_dict_text(p->dict, a), t = mpi_dict_text(p->dict, b);

            if (a == b)
                better(&best, MPI_PLACE_EXACT, rarity_of(p, a, f));
            else if (mpi_jaro_winkler(s, t) >= .9 ||
                     (s.n < t.n ? words_within(s, t) : words_within(t, s)))
                better(&best, MPI_PLACE_CLOSE, 0);
            else
                better(&best, MPI_PLACE_DIFFER, 0);
        }
    set(p, c, best);
}

_Static_assert((int)MPI_PLACE_EXACT == (int)MPI_WORK_EXACT &&
                   (int)MPI_PLACE_CLOSE == (int)MPI_WORK_CLOSE &&
                   (int)MPI_PLACE_DIFFER == (int)MPI_WORK_DIFFER,
               "birthplaces and occupations have the same levels");

void mpi_compare(const struct mpi_dict *d, struct mpi_memo *memo, const struct mpi_view *a,
                 const struct mpi_view *b, struct mpi_vector *out)
{
    struct pairing p = {d, memo, a, b, out};

    compare_given(&p);
    compare_family(&p);
    compare_other(&p);
    compare_dates(&p);
    compare_sex(&p);
    compare_addresses(&p);
    compare_phones(&p);
    compare_emails(&p);
    compare_ssn(&p);
    compare_ids(&p);
    compare_mothers(&p);
    compare_order(&p);
    compare_words(&p, MPI_SECTION_PLACE, MPI_COMPARE_PLACE, MPI_FREQUENCY_BIRTHPLACE);
    compare_words(&p, MPI_SECTION_WORK, MPI_COMPARE_WORK, MPI_FREQUENCY_OCCUPATION);
}

uint64_t mpi_vector_pattern(const struct mpi_vector *v)
{
    uint64_t pattern = 0;

    for (int c = 0; c < MPI_COMPARISON_COUNT; c++)
        pattern |= (uint64_t)v->level[c] << (4 * c);
    return pattern;
}
