#include "mpi/core/compare.h"

#include "mpi/core/date.h"
#include "mpi/core/distance.h"
#include "mpi/core/likeness.h"

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
            mpi_found_better(&best,
                             date_level(items(p->a, MPI_SECTION_DATE)[i],
                                        items(p->b, MPI_SECTION_DATE)[j]),
                             0);
    mpi_found_set(p, MPI_COMPARE_DOB, best);
}

static void compare_sex(const struct pairing *p)
{
    struct found f = {MPI_SEX_MISSING, 0};

    if (p->a->sex != 0 && p->b->sex != 0)
        f.level = p->a->sex == p->b->sex ? MPI_SEX_EXACT : MPI_SEX_DIFFER;
    mpi_found_set(p, MPI_COMPARE_SEX, f);
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
    int postcodes = mpi_equal_or_not(code, y[MPI_ADDRESS_POSTCODE]);
    int cities = mpi_part_likeness(p, city, y[MPI_ADDRESS_CITY]);

    if (postcodes == NOT_KNOWN && cities == NOT_KNOWN)
        return (struct found){MPI_LOCALITY_MISSING, 0};
    if (postcodes == SAME && cities >= NEAR)
        return (struct found){MPI_LOCALITY_EXACT, 0};
    if (postcodes == SAME)
        return (struct found){MPI_LOCALITY_POSTCODE, mpi_rarity(p, code, MPI_FREQUENCY_POSTCODE)};
    if (cities == SAME)
        return (struct found){MPI_LOCALITY_CITY, mpi_rarity(p, city, MPI_FREQUENCY_CITY)};
    if (cities == NEAR ||
        (postcodes != NOT_KNOWN && mpi_one_edit(mpi_dict_text(p->dict, code),
                                                mpi_dict_text(p->dict, y[MPI_ADDRESS_POSTCODE]))))
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
                street_level(mpi_equal_or_not(x[MPI_ADDRESS_NUMBER], y[MPI_ADDRESS_NUMBER]),
                             mpi_part_likeness(p, x[MPI_ADDRESS_STREET], y[MPI_ADDRESS_STREET]));
            struct found place = locality_found(p, x, y);

            if (level != MPI_STREET_MISSING)
                mpi_found_better(&street, level, 0);
            if (place.level != MPI_LOCALITY_MISSING)
                mpi_found_better(&locality, place.level, place.rarity);
        }
    mpi_found_set(p, MPI_COMPARE_STREET, street);
    mpi_found_set(p, MPI_COMPARE_LOCALITY, locality);
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

            mpi_found_better(&best,
                             phone_level((uint64_t)x[0] << 32 | x[1], (uint64_t)y[0] << 32 | y[1]),
                             0);
        }
    mpi_found_set(p, MPI_COMPARE_PHONE, best);
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

            mpi_found_better(&best,
                             a == b ? MPI_EMAIL_EXACT
                                    : email_level(mpi_dict_text(p->dict, a),
                                                  mpi_dict_text(p->dict, b)),
                             0);
        }
    mpi_found_set(p, MPI_COMPARE_EMAIL, best);
}

static int ssn_level(struct str a, struct str b)
{
    if (a.n == 4 || b.n == 4)
        return str_eq(str_slice(a, a.n - 4, a.n), str_slice(b, b.n - 4, b.n)) ? MPI_SSN_LAST_FOUR
                                                                              : MPI_SSN_DIFFER;
    return mpi_one_edit(a, b) ? MPI_SSN_CLOSE : MPI_SSN_DIFFER;
}

static void compare_ssn(const struct pairing *p)
{
    struct found best = {0, 0};

    for (int i = 0; i < p->a->count[MPI_SECTION_SSN]; i++)
        for (int j = 0; j < p->b->count[MPI_SECTION_SSN]; j++) {
            uint32_t a = items(p->a, MPI_SECTION_SSN)[i], b = items(p->b, MPI_SECTION_SSN)[j];

            if (a == b && p->dict->values[a].n > 4)
                mpi_found_better(&best, MPI_SSN_EXACT, 0);
            else
                mpi_found_better(&best,
                                 ssn_level(mpi_dict_text(p->dict, a), mpi_dict_text(p->dict, b)),
                                 0);
        }
    mpi_found_set(p, MPI_COMPARE_SSN, best);
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
                mpi_found_better(&best, MPI_ID_EXACT, 0);
            else
                mpi_found_better(&best,
                                 p->dict->values[x[1]].n >= 5 &&
                                         mpi_osa(mpi_dict_text(p->dict, x[1]),
                                                 mpi_dict_text(p->dict, y[1])) <= 1
                                     ? MPI_ID_CLOSE
                                     : MPI_ID_DIFFER,
                                 0);
        }
    mpi_found_set(p, MPI_COMPARE_ID, best);
}

static void compare_order(const struct pairing *p)
{
    struct found f = {MPI_ORDER_MISSING, 0};

    if (p->a->birth_order != 0 && p->b->birth_order != 0)
        f.level = p->a->birth_order == p->b->birth_order ? MPI_ORDER_EXACT : MPI_ORDER_DIFFER;
    mpi_found_set(p, MPI_COMPARE_ORDER, f);
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
                mpi_found_better(&best, MPI_PLACE_EXACT, mpi_rarity(p, a, f));
            else if (mpi_jaro_winkler(s, t) >= .9 ||
                     (s.n < t.n ? words_within(s, t) : words_within(t, s)))
                mpi_found_better(&best, MPI_PLACE_CLOSE, 0);
            else
                mpi_found_better(&best, MPI_PLACE_DIFFER, 0);
        }
    mpi_found_set(p, c, best);
}

_Static_assert((int)MPI_PLACE_EXACT == (int)MPI_WORK_EXACT &&
                   (int)MPI_PLACE_CLOSE == (int)MPI_WORK_CLOSE &&
                   (int)MPI_PLACE_DIFFER == (int)MPI_WORK_DIFFER,
               "birthplaces and occupations have the same levels");

void mpi_compare(const struct mpi_dict *d, struct mpi_memo *memo, const struct mpi_view *a,
                 const struct mpi_view *b, struct mpi_vector *out)
{
    struct pairing p = {d, memo, a, b, out};

    mpi_compare_given(&p);
    mpi_compare_family(&p);
    mpi_compare_other(&p);
    compare_dates(&p);
    compare_sex(&p);
    compare_addresses(&p);
    compare_phones(&p);
    compare_emails(&p);
    compare_ssn(&p);
    compare_ids(&p);
    mpi_compare_mothers(&p);
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
