#include "tests/tools/population/record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USE_ERRORS = 101 };

const char *record_field_name(enum record_field f)
{
    static const char *const names[] = {
#define X(field, missing, misspelt) #field,
        RECORD_FIELDS(X)
#undef X
    };

    return names[f];
}

/* --- the truth */

static void set(struct record *rec, enum record_field f, const char *value)
{
    snprintf(rec->field[f], RECORD_VALUE, "%s", value ? value : "");
}

static void set_number(struct record *rec, enum record_field f, uint32_t n)
{
    if (n != 0)
        snprintf(rec->field[f], RECORD_VALUE, "%u", n);
}

static void set_family(struct record *rec, const struct resident *p, int era)
{
    if (p->second != NULL)
        snprintf(rec->field[RECORD_family], RECORD_VALUE, "%s-%s", p->born, p->second);
    else
        set(rec, RECORD_family, p->family[era]);
    if (strcmp(p->family[era], p->born) != 0)
        set(rec, RECORD_maiden, p->born);
}

static void set_home(struct record *rec, const struct place_of *home)
{
    set_number(rec, RECORD_house_number, home->number);
    set(rec, RECORD_street, home->street);
    set_number(rec, RECORD_unit, home->unit);
    city_name(home->city, rec->field[RECORD_city]);
    set(rec, RECORD_state, city_state(home->city));
    set_number(rec, RECORD_postcode, home->postcode);
}

static void set_contact(struct record *rec, const struct household *h, const struct resident *p,
                        int era, struct random *r)
{
    uint64_t phone = p->mobile[era];

    if (phone == 0 && p->mother != NOBODY)
        phone = h->people[p->mother].mobile[era];
    if (phone == 0 || (h->landline[era] != 0 && random_chance(r, 0.4)))
        phone = h->landline[era];
    if (phone != 0)
        snprintf(rec->field[RECORD_phone], RECORD_VALUE, "(%03llu) %03llu-%04llu",
                 (unsigned long long)(phone / 10000000), (unsigned long long)(phone / 10000 % 1000),
                 (unsigned long long)(phone % 10000));
    set(rec, RECORD_email, p->email);
}

static void set_truth(struct record *rec, const struct household *h, const struct resident *p,
                      int era, struct random *r)
{
    memset(rec->field, 0, sizeof(rec->field));
    set(rec, RECORD_given, p->given);
    set(rec, RECORD_middle, p->middle);
    set_family(rec, p, era);
    set(rec, RECORD_suffix, p->suffix);
    snprintf(rec->field[RECORD_dob], RECORD_VALUE, "%04d-%02d-%02d", p->birth.year, p->birth.month,
             p->birth.day);
    set(rec, RECORD_sex, p->male ? "M" : "F");
    set_home(rec, &h->home[era]);
    set_contact(rec, h, p, era, r);
    snprintf(rec->field[RECORD_ssn], RECORD_VALUE, "%03u-%02u-%04u", p->ssn / 1000000,
             p->ssn / 10000 % 100, p->ssn % 10000);
    if (p->mother != NOBODY)
        set(rec, RECORD_mother_given, h->people[p->mother].given);
    set_number(rec, RECORD_birth_order, (uint32_t)p->birth_order);
}

/* --- errors of one value; false: this one does not apply to it */

/* Puts `to` where `n` bytes of `value` stand at `at`. */
static bool replace(char *value, size_t at, size_t n, const char *to)
{
    size_t length = strlen(value), m = strlen(to);

    if (length - n + m >= RECORD_VALUE)
        return false;
    memmove(value + at + m, value + at + n, length - at - n + 1);
    memcpy(value + at, to, m);
    return true;
}

static bool mistype(char *value, const struct tables *t, struct random *r)
{
    size_t at = random_below(r, (uint32_t)strlen(value));
    const char *near = t->keys[(unsigned char)value[at] & 127];

    if (near == NULL)
        return false;
    value[at] = near[random_below(r, (uint32_t)strlen(near))];
    return true;
}

static bool leave_out(char *value, const struct tables *t, struct random *r)
{
    size_t n = strlen(value);

    (void)t;
    return n > 1 && replace(value, random_below(r, (uint32_t)n), 1, "");
}

static bool double_key(char *value, const struct tables *t, struct random *r)
{
    size_t at = random_below(r, (uint32_t)strlen(value));
    const char *near = t->keys[(unsigned char)value[at] & 127];
    char key[2] = {value[at], '\0'};

    if (near != NULL && random_chance(r, 0.5))
        key[0] = near[random_below(r, (uint32_t)strlen(near))];
    return replace(value, at, 0, key);
}

static bool transpose(char *value, const struct tables *t, struct random *r)
{
    size_t n = strlen(value), at;
    char c;

    (void)t;
    if (n < 2)
        return false;
    at = random_below(r, (uint32_t)n - 1);
    c = value[at];
    if (c == value[at + 1] || !isalnum((unsigned char)c) || !isalnum((unsigned char)value[at + 1]))
        return false;
    value[at] = value[at + 1];
    value[at + 1] = c;
    return true;
}

/* Where a spelling stands in the value, as it may; -1: nowhere. */
static ptrdiff_t stands(const char *value, const struct spelling *s)
{
    size_t n = strlen(value), m = strlen(s->from);
    const char *found;

    if (m > n)
        return -1;
    if (s->where == 'S')
        return strncasecmp(value, s->from, m) == 0 ? 0 : -1;
    if (s->where == 'E')
        return strcasecmp(value + n - m, s->from) == 0 ? (ptrdiff_t)(n - m) : -1;
    found = strstr(value, s->from);
    if (found == NULL || (s->where == 'M' && (found == value || found[m] == '\0')))
        return -1;
    return found - value;
}

static bool respell(char *value, const struct spelling *list, size_t count, struct random *r)
{
    for (int i = 0; i < 40; i++) {
        const struct spelling *s = &list[random_below(r, (uint32_t)count)];
        ptrdiff_t at = stands(value, s);

        if (at < 0 || strlen(value) <= strlen(s->from))
            continue;
        if (!replace(value, (size_t)at, strlen(s->from), s->to))
            continue;
        if (at == 0)
            value[0] = (char)toupper((unsigned char)value[0]);
        return true;
    }
    return false;
}

static bool mishear(char *value, const struct tables *t, struct random *r)
{
    return isalpha((unsigned char)value[0]) && respell(value, t->phonetic, t->phonetic_count, r);
}

static bool misread(char *value, const struct tables *t, struct random *r)
{
    return respell(value, t->ocr, t->ocr_count, r);
}

static void misspell(char *value, const struct tables *t, struct random *r)
{
    static bool (*const kinds[])(char *, const struct tables *,
                                 struct random *) = {mistype,   mistype, leave_out, double_key,
                                                     transpose, mishear, mishear,   misread};
    enum { KINDS = 8 };

    for (int i = 0; value[0] != '\0' && i < 8; i++)
        if (kinds[random_below(r, KINDS)](value, t, r))
            return;
}

/* --- errors of a whole record */

static void exchange(struct record *rec, enum record_field a, enum record_field b)
{
    char kept[RECORD_VALUE];

    if (rec->field[a][0] == '\0' || rec->field[b][0] == '\0')
        return;
    memcpy(kept, rec->field[a], RECORD_VALUE);
    memcpy(rec->field[a], rec->field[b], RECORD_VALUE);
    memcpy(rec->field[b], kept, RECORD_VALUE);
}

static void use_nickname(struct record *rec, const struct tables *t, struct random *r)
{
    const struct nicknames *n = tables_nicknames(t, rec->field[RECORD_given]);

    if (n == NULL)
        return;
    set(rec, RECORD_given, n->nicks[random_below(r, (uint32_t)n->count)]);
    rec->field[RECORD_given][0] = (char)toupper((unsigned char)rec->field[RECORD_given][0]);
}

/* Day and month exchanged, a year or a digit off, the first of January. */
static void misdate(struct record *rec, struct random *r)
{
    char *dob = rec->field[RECORD_dob];
    int year = atoi(dob), month = atoi(dob + 5), day = atoi(dob + 8);

    switch (random_below(r, 8)) {
    case 0:
    case 1:
    case 2:
        if (day <= 12) {
            int kept = day;

            day = month;
            month = kept;
        }
        break;
    case 3:
        year += random_chance(r, 0.5) ? 1 : -1;
        break;
    case 4:
        year += random_chance(r, 0.5) ? 10 : -10;
        break;
    case 5:
        month = day = 1;
        break;
    case 6:
        month = random_between(r, 1, 12);
        break;
    default:
        day = random_between(r, 1, 28);
    }
    snprintf(dob, RECORD_VALUE, "%04d-%02d-%02d", year, month, day);
}

static void initial_only(struct record *rec, enum record_field f)
{
    if (rec->field[f][0] != '\0')
        rec->field[f][1] = '\0';
}

static void put_placeholder(struct record *rec, struct random *r)
{
    static const struct {
        enum record_field field;
        const char *value;
    } placeholders[] = {
        {RECORD_ssn, "999-99-9999"},      {RECORD_ssn, "123-45-6789"},
        {RECORD_ssn, "000-00-0000"},      {RECORD_dob, "1900-01-01"},
        {RECORD_street, "UNKNOWN"},       {RECORD_phone, "(000) 000-0000"},
        {RECORD_street, "Homeless"},      {RECORD_given, "Unknown"},
        {RECORD_phone, "(555) 555-5555"}, {RECORD_email, "none@none.com"},
    };
    size_t i = random_below(r, sizeof(placeholders) / sizeof(placeholders[0]));

    set(rec, placeholders[i].field, placeholders[i].value);
}

/* Who has no name yet is written down as the mother's baby. */
static void newborn(struct record *rec, const struct resident *p)
{
    char name[RECORD_VALUE];

    snprintf(name, sizeof(name), "%s%s", p->male ? "Baby Boy" : "Baby Girl",
             p->birth_order == 1   ? " A"
             : p->birth_order == 2 ? " B"
                                   : "");
    set(rec, RECORD_given, name);
    set(rec, RECORD_middle, "");
    set(rec, RECORD_ssn, "");
}

static void whole_errors(struct record *rec, const struct household *h, const struct tables *t,
                         struct random *r, double errors)
{
    const struct resident *p = &h->people[rec->resident];

    if (p->birth.year == TODAY_YEAR && rec->number == 0 && random_chance(r, 0.5))
        newborn(rec, p);
    else if (random_chance(r, 0.05 * errors))
        use_nickname(rec, t, r);
    if (random_chance(r, 0.006 * errors))
        exchange(rec, RECORD_given, RECORD_family);
    if (random_chance(r, 0.006 * errors))
        exchange(rec, RECORD_given, RECORD_middle);
    if (random_chance(r, 0.015 * errors))
        misdate(rec, r);
    if (errors > 0 && random_chance(r, 0.5))
        initial_only(rec, RECORD_middle);
    if (random_chance(r, 0.01 * errors))
        initial_only(rec, RECORD_given);
    if (p->mother != NOBODY && random_chance(r, 0.01 * errors)) /* the insured's, not the child's */
        snprintf(rec->field[RECORD_ssn], RECORD_VALUE, "%03u-%02u-%04u",
                 h->people[p->mother].ssn / 1000000, h->people[p->mother].ssn / 10000 % 100,
                 h->people[p->mother].ssn % 10000);
    if (random_chance(r, 0.015 * errors))
        put_placeholder(rec, r);
}

static void value_errors(struct record *rec, const struct tables *t, struct random *r,
                         double errors)
{
    static const struct {
        double missing, misspelt;
    } rates[] = {
#define X(field, missing, misspelt) {missing / 1000.0, misspelt / 1000.0},
        RECORD_FIELDS(X)
#undef X
    };

    for (int f = 0; f < RECORD_FIELD_COUNT; f++) {
        if (random_chance(r, rates[f].missing * errors))
            rec->field[f][0] = '\0';
        else if (random_chance(r, rates[f].misspelt * errors))
            misspell(rec->field[f], t, r);
    }
    if (rec->field[RECORD_sex][0] != '\0' && strchr("MF", rec->field[RECORD_sex][0]) == NULL)
        set(rec, RECORD_sex, random_chance(r, 0.5) ? "M" : "F"); /* a code is never misspelt */
}

void record_make(struct record *rec, const struct household *h, const struct tables *t,
                 uint64_t seed, uint64_t household, int resident, int number, double errors)
{
    const struct resident *p = &h->people[resident];
    struct random r = random_of(seed, USE_ERRORS + (uint64_t)number, p->entity);
    int era = number < ERAS ? number : ERAS - 1;

    rec->entity = p->entity;
    rec->household = household;
    rec->resident = resident;
    rec->number = number;
    set_truth(rec, h, p, era, &r);
    whole_errors(rec, h, t, &r, errors);
    value_errors(rec, t, &r, errors);
}
