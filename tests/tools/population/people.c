#include "tests/tools/population/people.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a stream of random numbers is for. */
enum { USE_SIZE = 1, USE_PEOPLE, USE_HOME, USE_RECORDS };

/* Shares of kinds of households, in percent. */
enum { ALONE = 28, COUPLE = 27, PARENTS = 30, ONE_PARENT = 10 }; /* the rest: three generations */

struct shape {
    bool woman, man, old_woman, old_man, facility;
    int births; /* each may be of twins */
    bool twins;
};

static struct shape shape_of(uint64_t seed, uint64_t number)
{
    static const int births[] = {1, 1, 1, 2, 2, 2, 2, 3, 3, 4};
    struct random r = random_of(seed, USE_SIZE, number);
    uint32_t kind = random_below(&r, 100);
    struct shape s = {.man = true, .woman = true};

    if (kind < ALONE) {
        s.man = random_chance(&r, 0.48);
        s.woman = !s.man;
        s.facility = random_chance(&r, 0.04);
        return s;
    }
    if (kind < ALONE + COUPLE)
        return s;
    s.births = births[random_below(&r, 10)];
    s.twins = random_chance(&r, 0.035 * s.births);
    s.man = kind < ALONE + COUPLE + PARENTS || kind >= ALONE + COUPLE + PARENTS + ONE_PARENT;
    s.old_woman = kind >= ALONE + COUPLE + PARENTS + ONE_PARENT;
    s.old_man = s.old_woman && random_chance(&r, 0.5);
    return s;
}

static int shape_size(const struct shape *s)
{
    return s->woman + s->man + s->old_woman + s->old_man + s->births + s->twins;
}

static int records_of(uint64_t seed, uint64_t household, int resident)
{
    struct random r = random_of(seed, USE_RECORDS, household * HOUSEHOLD_MAX + (uint64_t)resident);
    uint32_t share = random_below(&r, 100);

    return share < 60 ? 1 : share < 85 ? 2 : share < 96 ? 3 : 4;
}

int household_records(uint64_t seed, uint64_t number)
{
    struct shape s = shape_of(seed, number);
    int records = 0;

    for (int i = 0; i < shape_size(&s); i++)
        records += records_of(seed, number, i);
    return records;
}

/* --- numbers that are given out once */

/* A permutation of 0 .. 898,999,999: no two people share a number by chance. */
static uint32_t ssn_of(uint64_t entity)
{
    enum { PRIME = 888000007 };
    uint64_t n = entity % PRIME * 482711u % PRIME;
    uint32_t area = 1 + (uint32_t)(n / 1000000), rest = (uint32_t)(n % 1000000);

    area += area >= 666;              /* never given out */
    rest += rest % 10000 == 0;        /* nor the serial 0000 */
    rest += rest < 10000 ? 10000 : 0; /* nor the group 00 */
    return area * 1000000 + rest;
}

static uint64_t phone_draw(struct random *r)
{
    uint64_t area = 201 + random_below(r, 780), exchange = 200 + random_below(r, 800);

    return (area * 1000 + exchange) * 10000 + random_below(r, 10000);
}

/* --- people */

static struct birth birth_draw(struct random *r, int from, int to)
{
    return (struct birth){random_between(r, from, to), random_between(r, 1, 12),
                          random_between(r, 1, 28)};
}

static void name_draw(struct resident *p, const struct tables *t, struct random *r)
{
    const struct weighted *given = p->male ? &t->male : &t->female;

    p->given = weighted_draw(given, r);
    p->middle = random_chance(r, 0.85) ? weighted_draw(given, r) : "";
    p->born = weighted_draw(&t->family, r);
    for (int era = 0; era < ERAS; era++)
        p->family[era] = p->born;
}

static void email_make(struct resident *p, struct random *r)
{
    static const char *const hosts[] = {"gmail.com",   "yahoo.com",  "outlook.com", "aol.com",
                                        "hotmail.com", "icloud.com", "comcast.net", "mail.com"};
    static const char *const joints[] = {"", ".", "_"};
    int n;

    if (!random_chance(r, 0.7))
        return;
    n = snprintf(p->email, sizeof(p->email), "%s%s%s%u@%s",
                 random_chance(r, 0.4) ? (char[]){p->given[0], '\0'} : p->given,
                 joints[random_below(r, 3)], p->born, random_below(r, 1000),
                 hosts[random_below(r, 8)]);
    for (int i = 0; i < n && i < (int)sizeof(p->email) - 1; i++)
        p->email[i] = (char)tolower((unsigned char)p->email[i]);
}

static struct resident *add(struct household *h, const struct tables *t, struct random *r,
                            bool male, struct birth birth)
{
    struct resident *p = &h->people[h->count++];

    *p = (struct resident){
        .male = male, .birth = birth, .mother = NOBODY, .father = NOBODY, .twin = NOBODY};
    name_draw(p, t, r);
    if (birth.year <= TODAY_YEAR - 13) {
        email_make(p, r);
        for (int era = 0; era < ERAS; era++)
            p->mobile[era] = era > 0 && !random_chance(r, 0.12) ? p->mobile[era - 1]
                             : random_chance(r, 0.85)           ? phone_draw(r)
                                                                : 0;
    }
    return p;
}

/* She takes his name: before the first era, in one of them, or with a hyphen, or never. */
static void marry(struct resident *she, const struct resident *he, struct random *r)
{
    int since = random_chance(r, 0.9) ? 0 : random_between(r, 1, ERAS - 1);

    if (random_chance(r, 0.22))
        return;
    if (random_chance(r, 0.07)) {
        she->second = he->born;
        return;
    }
    for (int era = since; era < ERAS; era++)
        she->family[era] = he->born;
}

static void inherit(struct household *h, struct resident *child, int mother, int father)
{
    const struct resident *from = &h->people[father != NOBODY ? father : mother];

    child->mother = mother;
    child->father = father;
    child->born = from->born;
    for (int era = 0; era < ERAS; era++)
        child->family[era] = from->born;
}

/* A son named after his father, or a daughter after her mother. */
static void name_after(struct resident *child, struct resident *parent, struct random *r)
{
    child->given = parent->given;
    if (random_chance(r, 0.8))
        child->middle = parent->middle;
    if (!child->male)
        return;
    if (random_chance(r, 0.85))
        child->suffix = "Jr";
    if (random_chance(r, 0.4) && parent->suffix == NULL)
        parent->suffix = "Sr";
    if (parent->suffix != NULL && strcmp(parent->suffix, "Jr") == 0)
        child->suffix = "III";
}

static bool has_nickname(const struct nicknames *n, const char *name)
{
    for (size_t i = 0; n != NULL && i < n->count; i++)
        if (strcasecmp(n->nicks[i], name) == 0)
            return true;
    return false;
}

/* One name, or two that people are called alike by: parents do not give both. */
static bool same_name(const struct tables *t, const char *a, const char *b)
{
    const struct nicknames *x = tables_nicknames(t, a), *y = tables_nicknames(t, b);

    if (strcmp(a, b) == 0 || has_nickname(x, b) || has_nickname(y, a))
        return true;
    for (size_t i = 0; x != NULL && i < x->count; i++)
        if (has_nickname(y, x->nicks[i]))
            return true;
    return false;
}

/* Is a brother or sister called so? */
static bool taken(const struct household *h, const struct tables *t, const struct resident *child)
{
    for (int i = 0; i < h->count; i++)
        if (&h->people[i] != child && h->people[i].mother == child->mother &&
            same_name(t, h->people[i].given, child->given))
            return true;
    return false;
}

/* The other of two: same parents, day and home; often one letter or one digit apart. */
static void add_twin(struct household *h, const struct tables *t, struct random *r)
{
    int first = h->count - 1;
    struct resident *a = &h->people[first], *b;
    bool same_sex = random_chance(r, 0.65), same_initial = random_chance(r, 0.35);

    b = add(h, t, r, same_sex ? a->male : !a->male, a->birth);
    inherit(h, b, a->mother, a->father);
    for (int i = 0; i < 200 && (taken(h, t, b) || (same_initial && a->given[0] != b->given[0]));
         i++)
        b->given = weighted_draw(b->male ? &t->male : &t->female, r);
    if (same_sex && random_chance(r, 0.2))
        b->middle = a->middle;
    a->twin = first + 1;
    b->twin = first;
    a->birth_order = 1;
    b->birth_order = 2;
}

/* Years between the births, so that the last one has been by today. */
static int first_birth(struct random *r, int mother_year, int births, int gaps[])
{
    int year = mother_year + random_between(r, 19, 30), span = 0;

    for (int i = 0; i < births; i++)
        span += gaps[i] = i + 1 < births ? random_between(r, 2, 5) : 0;
    return year + span > TODAY_YEAR ? TODAY_YEAR - span : year;
}

static void add_children(struct household *h, const struct tables *t, struct random *r,
                         const struct shape *s, int mother, int father)
{
    int gaps[8], year = first_birth(r, h->people[mother].birth.year, s->births, gaps);
    bool named = false;

    for (int i = 0; i < s->births; i++) {
        int parent = NOBODY;
        struct resident *child;

        child = add(h, t, r, random_chance(r, 0.51), birth_draw(r, year, year));
        inherit(h, child, mother, father);
        for (int n = 0; n < 200 && taken(h, t, child); n++)
            child->given = weighted_draw(child->male ? &t->male : &t->female, r);
        if (!named && random_chance(r, child->male ? 0.07 : 0.01))
            parent = child->male ? father : mother;
        if (parent != NOBODY) {
            name_after(child, &h->people[parent], r);
            named = true;
        }
        if (s->twins && i == 0)
            add_twin(h, t, r);
        year += gaps[i];
    }
}

static int add_adult(struct household *h, const struct tables *t, struct random *r, bool male,
                     int from, int to)
{
    add(h, t, r, male, birth_draw(r, from, to));
    return h->count - 1;
}

static void add_grandparents(struct household *h, const struct tables *t, struct random *r,
                             const struct shape *s, int child)
{
    int year = h->people[child].birth.year, man = NOBODY, woman = NOBODY;

    if (s->old_man)
        man = add_adult(h, t, r, true, year - 35, year - 22);
    if (s->old_woman)
        woman = add_adult(h, t, r, false, year - 35, year - 20);
    inherit(h, &h->people[child], woman, man);
    if (man != NOBODY && woman != NOBODY)
        marry(&h->people[woman], &h->people[man], r);
    if (man != NOBODY && random_chance(r, 0.08))
        name_after(&h->people[child], &h->people[man], r);
}

static void add_everyone(struct household *h, const struct tables *t, struct random *r,
                         const struct shape *s)
{
    int from = s->births > 0 ? 1965 : s->facility ? 1930 : 1935, man = NOBODY, woman = NOBODY;
    int to = s->births > 0 ? 2000 : s->facility ? 1950 : 2006;

    if (s->man)
        man = add_adult(h, t, r, true, from, to);
    if (s->old_man || s->old_woman) /* his parents; before his wife takes his name */
        add_grandparents(h, t, r, s, man);
    if (s->woman) {
        int year = man == NOBODY ? 0 : h->people[man].birth.year;

        woman = man == NOBODY ? add_adult(h, t, r, false, from, to)
                              : add_adult(h, t, r, false, year - 4, year + 7);
        if (man != NOBODY)
            marry(&h->people[woman], &h->people[man], r);
    }
    if (s->births > 0)
        add_children(h, t, r, s, woman, man);
}

/* --- homes */

static const char *const states[] = {"CA", "TX", "FL", "NY", "PA", "IL", "OH", "GA", "NC", "MI",
                                     "NJ", "VA", "WA", "AZ", "MA", "TN", "IN", "MO", "MD", "WI"};
enum { STATES = 20 };

const char *city_state(uint32_t city)
{
    return states[city % STATES];
}

void city_name(uint32_t city, char out[64])
{
    static const char *const first[] = {"Spring", "Green", "Fair",  "Oak",   "River",  "Lake",
                                        "Mill",   "Clay",  "Frank", "Madi",  "George", "Wash",
                                        "Brook",  "Cedar", "Hunt",  "Lexing"};
    static const char *const last[] = {"field", "ville", "ton", "wood", "view", "dale",
                                       "port",  "burg",  "ham", "ford", "land", "mont"};
    static const char *const before[] = {"",      "North ", "Port ",  "New ",   "East ",  "Mount ",
                                         "West ", "South ", "Saint ", "Upper ", "Lower ", "Old "};

    snprintf(out, 64, "%s%s%s", before[city / 192 % 12], first[city % 16], last[city / 16 % 12]);
}

static struct place_of home_draw(const struct tables *t, struct random *r, uint32_t cities,
                                 bool facility)
{
    double share = random_share(r);
    struct place_of p = {.city = (uint32_t)(share * share * cities)}; /* large ones and small */

    p.postcode = 10000 + p.city * 7919 % 89000 + random_below(r, 4);
    if (facility) { /* one home for the old in each city */
        struct random city = random_of(77, USE_HOME, p.city);

        p.number = 100 + random_below(&city, 900);
        p.street = weighted_draw(&t->streets, &city);
        p.postcode = 10000 + p.city * 7919 % 89000;
        return p;
    }
    p.number = 1 + random_below(r, random_chance(r, 0.5) ? 200 : 9999);
    p.street = weighted_draw(&t->streets, r);
    p.unit = random_chance(r, 0.2) ? 1 + random_below(r, 400) : 0;
    return p;
}

static void settle(struct household *h, const struct tables *t, struct random *r, uint32_t cities,
                   bool facility)
{
    for (int era = 0; era < ERAS; era++) {
        if (era > 0 && !random_chance(r, 0.2)) {
            h->home[era] = h->home[era - 1];
            h->landline[era] = h->landline[era - 1];
            continue;
        }
        h->home[era] = home_draw(t, r, cities, facility);
        if (era > 0 && random_chance(r, 0.6)) { /* most move within the city */
            h->home[era].city = h->home[era - 1].city;
            h->home[era].postcode = 10000 + h->home[era].city * 7919 % 89000 + random_below(r, 4);
        }
        h->landline[era] = random_chance(r, 0.5) ? phone_draw(r) : 0;
    }
}

void household_make(struct household *h, const struct tables *t, uint64_t seed, uint64_t number,
                    uint32_t cities)
{
    struct shape s = shape_of(seed, number);
    struct random people = random_of(seed, USE_PEOPLE, number),
                  home = random_of(seed, USE_HOME, number);

    h->count = 0;
    add_everyone(h, t, &people, &s);
    settle(h, t, &home, cities, s.facility);
    for (int i = 0; i < h->count; i++) {
        struct resident *p = &h->people[i];

        p->entity = number * HOUSEHOLD_MAX + (uint64_t)i;
        p->ssn = ssn_of(p->entity);
        if (p->birth_order == 2 && random_chance(&people, 0.5)) /* applied for together */
            p->ssn = h->people[p->twin].ssn + 1 + random_below(&people, 3);
        p->records = records_of(seed, number, i);
    }
}

/* --- relations */

static bool is_parent(const struct resident *child, int who)
{
    return child->mother == who || child->father == who;
}

enum relation household_relation(const struct household *h, int a, int b)
{
    const struct resident *p = &h->people[a], *q = &h->people[b];

    if (p->twin == b)
        return RELATION_TWIN;
    if (is_parent(p, b) || is_parent(q, a))
        return strcmp(p->given, q->given) == 0 ? RELATION_NAMESAKE : RELATION_PARENT;
    if (p->mother != NOBODY && p->mother == q->mother)
        return RELATION_SIBLING;
    return RELATION_HOUSEHOLD;
}

const char *relation_name(enum relation r)
{
    static const char *const names[] = {"",        "twin",     "jr-sr", "parent-child",
                                        "sibling", "household"};

    return names[r];
}
