#include "consent/people.h"

#include <string.h>

#include "consent/layers.h"
#include "consent/purpose.h"
#include "hub/base/clock.h"

static const char *const words[] = {
#define X(name, word) word,
    CONSENT_RELATION_KINDS(X)
#undef X
};

const char *consent_relation_word(enum consent_relation_kind kind)
{
    return words[kind];
}

bool consent_relation_parse(struct str word, enum consent_relation_kind *out)
{
    for (int i = 0; i < CONSENT_RELATION_COUNT; i++)
        if (str_eq(word, str_from(words[i]))) {
            *out = (enum consent_relation_kind)i;
            return true;
        }
    return false;
}

/* --- ages ------------------------------------------------------------------------------------ */

/* The calendar's date of an instant as YYYYMMDD (Gregorian, proleptic; by years that begin in
 * March, so that the leap day is a year's last). */
static int32_t date_of(int64_t at_us)
{
    int64_t days = (at_us >= 0 ? at_us : at_us - US_PER_DAY + 1) / US_PER_DAY + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day = days - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * month + 2) / 5 + 1;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    return (int32_t)(year * 10000 + month * 100 + of_month);
}

int consent_age(int32_t birth, int64_t at_us)
{
    int32_t today = date_of(at_us);

    return today / 10000 - birth / 10000 - (today % 10000 < birth % 10000);
}

int32_t consent_birth_at_age(int years, int64_t at_us)
{
    return date_of(at_us) - years * 10000;
}

bool consent_birth_parse(struct str text, int32_t *birth)
{
    char digits[8];
    int64_t from, to;
    size_t n = 0;

    for (size_t i = 0; i < text.n && n < sizeof(digits); i++)
        if (text.p[i] != '-' || (i != 4 && i != 7))
            digits[n++] = text.p[i];
    if ((n != 4 && n != 6 && n != 8) || !clock_parse_dtm(str_of(digits, n), &from, &to))
        return false;
    *birth = date_of(from);
    return true;
}

struct str consent_birth_text(struct arena *a, int32_t birth)
{
    return birth == 0
               ? STR("")
               : str_printf(a, "%04d-%02d-%02d", birth / 10000, birth / 100 % 100, birth % 100);
}

/* --- relations ------------------------------------------------------------------------------- */

static bool is_of(const struct consent_relation *r, const struct principal *principal)
{
    return principal->user.n > 0 && str_eq(r->user, principal->user);
}

static bool counts(const struct consent_relation *r, const struct consent_domain *d, int64_t at_us)
{
    return r->valid_from_us <= at_us && at_us < r->valid_until_us &&
           (!r->by_minority || consent_age(r->birth, at_us) < d->majority);
}

unsigned consent_relations_of(const struct consent_policies *policies, struct person_ref person,
                              const struct principal *principal, int64_t at_us)
{
    unsigned kinds = CONSENT_RELATIONS_NONE;

    for (size_t i = consent_first_relation(policies, person); i < policies->relation_count;
         i = consent_next_relation(policies, person, i)) {
        const struct consent_relation *r = &policies->relations[i];

        if (is_of(r, principal) && counts(r, policies->domain, at_us))
            kinds |= 1u << r->kind;
    }
    return kinds;
}

static bool has_value(const struct consent_object *o, const struct consent_category *c)
{
    struct coded value;

    for (size_t i = 0; o->reader != NULL && o->reader->value(o->about, c->what, i, &value); i++)
        if (str_eq(c->value.code, value.code) &&
            (c->value.system.n == 0 || str_eq(c->value.system, value.system)))
            return true;
    return false;
}

/* A container may hold what an adolescent keeps. */
static bool is_kept(const struct consent_relation *r, const struct consent_domain *d, int64_t at_us,
                    const struct consent_object *o)
{
    int age = r->birth != 0 ? consent_age(r->birth, at_us) : d->majority;

    if (age >= d->majority || (o->kind != CONSENT_ENTRY && o->kind != CONSENT_CONTAINER))
        return false;
    for (size_t i = 0; i < d->category_count; i++)
        if (age >= d->categories[i].from_age &&
            (o->kind == CONSENT_CONTAINER || d->categories[i].everything ||
             has_value(o, &d->categories[i])))
            return true;
    return false;
}

/* The scope is about documents: identities and links are within every one. */
static bool is_in_scope(const struct consent_relation *r, const struct consent_asked *asked,
                        const struct consent_object *o)
{
    if (r->scope == NULL || o->kind == CONSENT_IDENTITY || o->kind == CONSENT_LINK)
        return true;
    return consent_rule_says(r->scope, asked, o).verdict == CONSENT_SAYS_PERMIT;
}

static struct consent_standing one_says(const struct consent_relation *r,
                                        const struct consent_domain *d,
                                        const struct consent_asked *asked,
                                        const struct consent_object *o)
{
    if (r->unreadable)
        return (struct consent_standing){CONSENT_SAYS_DENY, "proxy-scope", r};
    if (!counts(r, d, asked->at_us))
        return (struct consent_standing){CONSENT_SAYS_DENY, "relation-ended", r};
    if (r->kind == CONSENT_SELF)
        return (struct consent_standing){CONSENT_SAYS_PERMIT, "self", r};
    if (is_kept(r, d, asked->at_us, o))
        return (struct consent_standing){CONSENT_SAYS_DENY, "minor-confidential", r};
    if (!is_in_scope(r, asked, o))
        return (struct consent_standing){CONSENT_SAYS_DENY, "proxy-scope", r};
    return (struct consent_standing){CONSENT_SAYS_PERMIT, "proxy", r};
}

/* Of several relations the one that permits; among equals the older, whatever their order. What an
 * adolescent keeps, no other scope opens. */
static bool beats(const struct consent_standing *a, const struct consent_standing *b)
{
    bool a_kept = strcmp(a->rule, "minor-confidential") == 0;

    if (b->relation == NULL)
        return true;
    if (a_kept != (strcmp(b->rule, "minor-confidential") == 0))
        return a_kept;
    if (a->verdict != b->verdict)
        return a->verdict == CONSENT_SAYS_PERMIT;
    return memcmp(a->relation->id.b, b->relation->id.b, sizeof(a->relation->id.b)) < 0;
}

struct consent_standing consent_relation_says(const struct consent_policies *policies,
                                              struct person_ref person,
                                              const struct consent_asked *asked,
                                              const struct consent_object *object)
{
    struct consent_standing said = {CONSENT_SILENT, "", NULL};

    for (size_t i = consent_first_relation(policies, person); i < policies->relation_count;
         i = consent_next_relation(policies, person, i)) {
        const struct consent_relation *r = &policies->relations[i];
        struct consent_standing one;

        if (r->kind == CONSENT_CARETEAM || !is_of(r, asked->principal))
            continue;
        one = one_says(r, policies->domain, asked, object);
        if (beats(&one, &said))
            said = one;
    }
    return said;
}

/* --- emergencies ----------------------------------------------------------------------------- */

const struct consent_emergency_terms *consent_emergency_terms_of(const struct consent_domain *d,
                                                                 struct coded purpose)
{
    for (size_t i = 0; i < d->emergency_count; i++)
        if (consent_purpose_includes(d->emergencies[i].purpose, purpose))
            return &d->emergencies[i];
    return NULL;
}

static bool is_constituent(const struct person *person, struct person_ref ref)
{
    for (size_t i = 0; i < person->constituent_count; i++)
        if (person_ref_eq(person->constituents[i], ref))
            return true;
    return false;
}

bool consent_emergency_holds(const struct consent_policies *policies, const struct person *person,
                             const struct consent_asked *asked,
                             const struct consent_emergency **open)
{
    const struct principal *p = asked->principal;
    bool used = false;

    *open = NULL;
    if (p->user.n == 0 || p->assertion.n == 0 ||
        consent_emergency_terms_of(policies->domain, asked->purpose) == NULL)
        return false;
    for (size_t i = 0; i < policies->emergency_count; i++) {
        const struct consent_emergency *e = &policies->emergencies[i];

        if (e->member_id != p->member->id || !str_eq(e->user, p->user) ||
            !is_constituent(person, e->person))
            continue;
        if (e->opened_us <= asked->at_us && asked->at_us < e->until_us)
            *open = e;
        used |= str_eq(e->assertion, p->assertion);
    }
    return *open != NULL || (p->reason.n > 0 && !used);
}
