#include "mpi/criteria.h"

#include <string.h>

#include "mpi/core/distance.h"
#include "mpi/core/nickname.h"
#include "mpi/core/phonetic.h"
#include "mpi/core/text.h"

enum { FAMILY_LEAST = 2, FAMILY_OPEN_LEAST = 3, PHONE_LEAST = 7, SSN_DIGITS = 9, DATE_DIGITS = 8 };
enum { NUMBER_LEAST = 4, NUMBER_MOST = 10 };

bool mpi_pattern_read(struct arena *a, struct str text, struct mpi_pattern *out)
{
    struct str s = str_trim(text);

    *out = (struct mpi_pattern){.open = str_ends(s, STR("*"))};
    if (out->open)
        s = str_slice(s, 0, s.n - 1);
    if (str_find(s, '*') >= 0)
        return false;
    out->text = mpi_text_fold(a, s);
    return true;
}

static bool asked(const struct mpi_pattern *p)
{
    return p->text.n > 0;
}

/* Letters of a folded text, as a reader counts them. */
static size_t letters(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80 && s.p[i] != ' ';
    return n;
}

bool mpi_criteria_enough(const struct mpi_criteria *c)
{
    size_t least = c->family.open ? FAMILY_OPEN_LEAST : FAMILY_LEAST;

    return c->id_count > 0 || c->account.id.n > 0 || c->visit.id.n > 0 || c->ssn.n == SSN_DIGITS ||
           c->phone.n >= PHONE_LEAST || c->birth_date.n >= DATE_DIGITS ||
           letters(c->family.text) >= least;
}

bool mpi_criteria_number(struct arena *a, struct str text, struct str *out)
{
    struct str all = mpi_text_digits(a, text, text.n);

    *out = str_slice(all, all.n > NUMBER_MOST ? all.n - NUMBER_MOST : 0, all.n);
    return out->n >= NUMBER_LEAST;
}

/* --- one value ------------------------------------------------------------------------------- */

/* Agreement: 1 exact, less for what is near, 0 none. */
#define NONE        0.0
#define BEGINS      0.97
#define PART        0.9
#define NICKNAME    0.85
#define MISSPELT    0.8
#define INITIAL     0.75
#define ALIKE       0.7
#define OTHER_FIELD 0.6

static bool is_near(struct str a, struct str b)
{
    size_t shorter = a.n < b.n ? a.n : b.n;

    if (shorter < 3)
        return false;
    return mpi_jaro_winkler(a, b) >= 0.9 || (shorter >= 5 && mpi_osa(a, b) <= 1 + (shorter >= 8));
}

static bool has_word(struct str text, struct str word)
{
    struct str words[MPI_TOKENS_MAX];
    size_t n = mpi_text_tokens(text, words, MPI_TOKENS_MAX);

    for (size_t i = 0; i < n; i++)
        if (n > 1 && str_eq(words[i], word))
            return true;
    return false;
}

/* `has` is folded and not empty. */
static double text_agreement(const struct mpi_pattern *want, struct str has)
{
    if (str_eq(want->text, has))
        return 1;
    if (want->open)
        return str_starts(has, want->text) ? BEGINS : NONE;
    if (has_word(has, want->text) || has_word(want->text, has))
        return PART;
    return is_near(want->text, has) ? MISSPELT : NONE;
}

static double name_agreement(const struct mpi_pattern *want, struct str has)
{
    double best = text_agreement(want, has);

    if (best > NONE || want->open)
        return best;
    if (mpi_nickname_same(mpi_nickname_find(want->text), mpi_nickname_find(has)))
        return NICKNAME;
    if ((letters(want->text) == 1 && str_starts(has, want->text)) ||
        (letters(has) == 1 && str_starts(want->text, has)))
        return INITIAL;
    return mpi_phonetic(want->text) == mpi_phonetic(has) ? ALIKE : NONE;
}

/* One digit of a date wrong, or day and month exchanged. */
static bool date_near(struct str a, struct str b)
{
    size_t differ = 0;

    if (a.n < DATE_DIGITS || b.n < DATE_DIGITS)
        return false;
    for (size_t i = 0; i < DATE_DIGITS; i++)
        differ += a.p[i] != b.p[i];
    return differ <= 1 || (memcmp(a.p, b.p, 4) == 0 && memcmp(a.p + 4, b.p + 6, 2) == 0 &&
                           memcmp(a.p + 6, b.p + 4, 2) == 0);
}

static double date_agreement(struct str want, struct str has)
{
    struct str date = str_slice(has, 0, DATE_DIGITS);

    if (str_eq(want, date))
        return 1;
    if (str_starts(date, want) || str_starts(want, date))
        return BEGINS;
    return date_near(want, date) ? MISSPELT : NONE;
}

/* --- the record ------------------------------------------------------------------------------ */

/* The sum so far: of how much each criterion weighs, and how much of it was met. */
struct fit {
    struct arena *arena;
    const struct mpi_demographics *d;
    double met, weights;
    bool contradicted;
};

static void count(struct fit *f, double weight, double agreement)
{
    f->weights += weight;
    f->met += weight * agreement;
    f->contradicted |= agreement == NONE;
}

/* What a record does not say at all: neither way, or a contradiction. */
static void count_missing(struct fit *f, double weight, bool needed)
{
    f->weights += weight;
    f->contradicted |= needed;
}

static double best_name(struct fit *f, const struct mpi_criteria *c, const struct mpi_name *n,
                        double *family, double *given)
{
    struct str has_family = mpi_text_fold(f->arena, n->family);
    struct str has_given = mpi_text_fold(f->arena, n->given);

    *family = asked(&c->family) && has_family.n > 0 ? name_agreement(&c->family, has_family) : 0;
    *given = asked(&c->given) && has_given.n > 0 ? name_agreement(&c->given, has_given) : 0;
    if (asked(&c->family) && asked(&c->given) && *family == NONE && *given == NONE &&
        has_family.n > 0 && has_given.n > 0 && str_eq(c->family.text, has_given) &&
        str_eq(c->given.text, has_family))
        *family = *given = OTHER_FIELD; /* the two in each other's place */
    return *family + *given;
}

/* Family and given name together, of one name of the record's. */
static void fit_names(struct fit *f, const struct mpi_criteria *c)
{
    double family = 0, given = 0, best = -1;

    for (size_t i = 0; i < f->d->name_count; i++) {
        double one, other;
        double sum = best_name(f, c, &f->d->names[i], &one, &other);

        if ((asked(&c->family) && one == NONE) || (asked(&c->given) && other == NONE))
            sum -= 2; /* a name that fits in both beats a better half */
        if (sum > best || i == 0) {
            best = sum;
            family = one;
            given = other;
        }
    }
    if (asked(&c->family))
        count(f, 4, family);
    if (asked(&c->given))
        count(f, 3, given);
}

static void fit_text(struct fit *f, double weight, const struct mpi_pattern *want, struct str has,
                     bool is_name)
{
    struct str folded;

    if (!asked(want))
        return;
    folded = mpi_text_fold(f->arena, has);
    if (folded.n == 0)
        count_missing(f, weight, false);
    else
        count(f, weight, is_name ? name_agreement(want, folded) : text_agreement(want, folded));
}

static void fit_middle(struct fit *f, const struct mpi_criteria *c)
{
    const struct mpi_name *n = mpi_demographics_name(f->d);

    fit_text(f, 1, &c->middle, n != NULL ? n->middle : STR_NONE, true);
}

static void fit_birth(struct fit *f, const struct mpi_criteria *c)
{
    if (c->birth_date.n == 0)
        return;
    if (f->d->birth_date.n == 0)
        count_missing(f, 5, true);
    else
        count(f, 5, date_agreement(c->birth_date, f->d->birth_date));
}

static char sex_of(struct str s)
{
    return s.n > 0 && strchr("MFO", s.p[0]) != NULL ? s.p[0] : '\0';
}

static void fit_sex(struct fit *f, const struct mpi_criteria *c)
{
    char has = sex_of(f->d->sex);

    if (c->sex == '\0')
        return;
    if (has == '\0')
        count_missing(f, 1, false);
    else
        count(f, 1, has == c->sex ? 1 : NONE);
}

/* All that was asked of an address, of one address of the record's. */
static double address_agreement(struct fit *f, const struct mpi_criteria *c,
                                const struct mpi_address *x)
{
    const struct {
        const struct mpi_pattern *want;
        struct str has;
    } parts[] = {
        {&c->street, x->street},     {&c->city, x->city},       {&c->state, x->state},
        {&c->postcode, x->postcode}, {&c->country, x->country},
    };
    double sum = 0, n = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct str has;
        double agreement;

        if (!asked(parts[i].want))
            continue;
        n++;
        has = mpi_text_fold(f->arena, parts[i].has);
        if (has.n == 0)
            continue;
        agreement = text_agreement(parts[i].want, has);
        if (agreement == NONE)
            return NONE;
        sum += agreement;
    }
    return n > 0 && sum > 0 ? sum / n : NONE;
}

static void fit_address(struct fit *f, const struct mpi_criteria *c)
{
    double best = NONE;

    if (!asked(&c->street) && !asked(&c->city) && !asked(&c->state) && !asked(&c->postcode) &&
        !asked(&c->country))
        return;
    if (f->d->address_count == 0) {
        count_missing(f, 2, false);
        return;
    }
    for (size_t i = 0; i < f->d->address_count; i++) {
        double one = address_agreement(f, c, &f->d->addresses[i]);

        best = one > best ? one : best;
    }
    count(f, 2, best);
}

static struct str last_digits(struct arena *a, struct str s, size_t n)
{
    struct str digits = mpi_text_digits(a, s, 24);

    return digits.n > n ? str_slice(digits, digits.n - n, digits.n) : digits;
}

static void fit_phone(struct fit *f, const struct mpi_criteria *c)
{
    struct str want = last_digits(f->arena, c->phone, PHONE_LEAST);
    bool any = false, same = false;

    if (want.n == 0)
        return;
    for (size_t i = 0; i < f->d->telecom_count; i++) {
        struct str has = last_digits(f->arena, f->d->telecoms[i].value, PHONE_LEAST);

        any |= has.n == PHONE_LEAST;
        same |= str_eq(has, want);
    }
    if (any)
        count(f, 2, same ? 1 : NONE);
    else
        count_missing(f, 2, false);
}

/* Authorities count where both are known. */
static bool account_fits(struct identifier want, struct str has)
{
    struct identifier known;

    if (!identifier_parse_cx(has, &known))
        known = (struct identifier){STR_NONE, has};
    return str_eq(want.id, known.id) && (want.authority.n == 0 || known.authority.n == 0 ||
                                         str_eq(want.authority, known.authority));
}

static void fit_numbers(struct fit *f, const struct mpi_criteria *c)
{
    struct str has;

    if (c->ssn.n > 0) {
        has = mpi_text_digits(f->arena, f->d->ssn, SSN_DIGITS + 1);
        if (has.n == 0)
            count_missing(f, 4, false);
        else
            count(f, 4, str_eq(has, c->ssn) ? 1 : NONE);
    }
    if (c->visit.id.n > 0)
        count(f, 4, account_fits(c->visit, f->d->visit) ? 1 : NONE);
    if (c->visit_class.n > 0)
        count(f, 1, str_eq_nocase(c->visit_class, f->d->visit_class) ? 1 : NONE);
    if (c->account.id.n > 0)
        count(f, 4, account_fits(c->account, f->d->account) ? 1 : NONE);
}

double mpi_criteria_fit(struct arena *a, const struct mpi_criteria *c,
                        const struct mpi_demographics *d)
{
    struct fit f = {.arena = a, .d = d};

    fit_names(&f, c);
    fit_middle(&f, c);
    fit_birth(&f, c);
    fit_sex(&f, c);
    fit_text(&f, 2, &c->mother_family, d->mother_family, true);
    fit_text(&f, 1, &c->mother_given, d->mother_given, true);
    fit_address(&f, c);
    fit_phone(&f, c);
    fit_numbers(&f, c);
    if (f.contradicted)
        return 0;
    return f.weights > 0 ? f.met / f.weights : 1;
}

static struct str closed(const struct mpi_pattern *p)
{
    return p->open ? STR_NONE : p->text;
}

struct mpi_demographics mpi_criteria_demographics(struct arena *a, const struct mpi_criteria *c)
{
    struct mpi_demographics d = {
        .birth_date = c->birth_date,
        .ssn = c->ssn,
        .mother_family = closed(&c->mother_family),
        .mother_given = closed(&c->mother_given),
        .name_count = 1,
        .address_count = 1,
        .telecom_count = c->phone.n > 0,
    };

    if (c->sex != '\0')
        d.sex = str_printf(a, "%c", c->sex);
    d.names = ARENA_NEW(a, struct mpi_name);
    d.addresses = ARENA_NEW(a, struct mpi_address);
    d.telecoms = ARENA_NEW(a, struct mpi_telecom);
    d.names[0] = (struct mpi_name){
        .family = closed(&c->family),
        .given = closed(&c->given),
        .middle = closed(&c->middle),
    };
    d.addresses[0] = (struct mpi_address){
        .street = closed(&c->street),
        .city = closed(&c->city),
        .state = closed(&c->state),
        .postcode = closed(&c->postcode),
        .country = closed(&c->country),
    };
    d.telecoms[0] = (struct mpi_telecom){.value = c->phone};
    return d;
}
