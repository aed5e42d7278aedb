#include "hub/audit/rules.h"

#include "hub/base/clock.h"

#define TEXT(name, word, definition) {word, definition},
const struct audit_rule_text audit_rule_texts[AUDIT_RULE_COUNT] = {AUDIT_RULES(TEXT)};
#undef TEXT

/* --- working hours -------------------------------------------------------------------------- */

static int day_read(struct str s)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

    for (int i = 0; i < 7; i++)
        if (str_eq_nocase(s, str_from(days[i])))
            return i;
    return -1;
}

static bool days_read(struct str s, unsigned *days)
{
    int first = day_read(str_cut(&s, '-')), last = s.p != NULL ? day_read(s) : first;

    if (first < 0 || last < 0)
        return false;
    *days = 0;
    for (int i = first;; i = (i + 1) % 7) {
        *days |= 1u << i;
        if (i == last)
            return true;
    }
}

static bool minute_read(struct str s, int *minute)
{
    uint64_t hours, minutes;
    struct str h = str_cut(&s, ':');

    if (!str_to_u64(h, &hours) || !str_to_u64(s, &minutes) || hours > 24 || minutes > 59 ||
        (hours == 24 && minutes > 0))
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

bool audit_hours_read(struct str s, struct audit_hours *out)
{
    struct str rest = str_trim(s), word;

    *out = (struct audit_hours){.days = 0x7f};
    if (rest.n == 0) {
        out->days = 0;
        return true;
    }
    if (str_find(rest, ' ') >= 0) {
        word = str_cut(&rest, ' ');
        rest = str_trim(rest);
        if (!days_read(word, &out->days))
            return false;
    }
    return minute_read(str_cut(&rest, '-'), &out->from) && minute_read(rest, &out->to);
}

/* Hours past midnight belong to the day on which they begin. */
static bool within_hours(const struct audit_hours *h, int minute_of_week)
{
    int day = minute_of_week / MINUTES_OF_DAY, minute = minute_of_week % MINUTES_OF_DAY;
    bool today = (h->days >> day & 1) != 0, yesterday = (h->days >> (day + 6) % 7 & 1) != 0;

    if (h->from <= h->to)
        return today && minute >= h->from && minute < h->to;
    return (today && minute >= h->from) || (yesterday && minute < h->to);
}

/* --- purposes and roles --------------------------------------------------------------------- */

enum {
    TREAT = 1,
    EMERGENCY = 2,
    PAYMENT = 4,
    OPERATIONS = 8,
    RESEARCH = 16,
    PUBLIC_HEALTH = 32,
    PATIENT = 64,
};

/* HL7 v3 PurposeOfUse, XSPA (OASIS), and the Swiss EPR's. */
static const struct {
    const char *code;
    unsigned purpose;
    const char *word;
} purposes[] = {
    {"TREAT", TREAT, "treatment"},
    {"TREATMENT", TREAT, "treatment"},
    {"NORM", TREAT, "treatment"},
    {"CAREMGT", TREAT, "care management"},
    {"COC", TREAT, "coordination of care"},
    {"BTG", EMERGENCY, "an emergency (break-glass)"},
    {"ETREAT", EMERGENCY, "emergency treatment"},
    {"EMERGENCY", EMERGENCY, "an emergency"},
    {"EMER", EMERGENCY, "an emergency"},
    {"HPAYMT", PAYMENT, "payment"},
    {"PAYMENT", PAYMENT, "payment"},
    {"CLMATTCH", PAYMENT, "payment"},
    {"HOPERAT", OPERATIONS, "health care operations"},
    {"OPERATIONS", OPERATIONS, "health care operations"},
    {"SYSADMIN", OPERATIONS, "system administration"},
    {"HMARKT", OPERATIONS, "marketing"},
    {"MARKETING", OPERATIONS, "marketing"},
    {"HRESCH", RESEARCH, "research"},
    {"RESEARCH", RESEARCH, "research"},
    {"PUBHLTH", PUBLIC_HEALTH, "public health"},
    {"PUBLICHEALTH", PUBLIC_HEALTH, "public health"},
    {"PATRQT", PATIENT, "the patient's own request"},
    {"REQUEST", PATIENT, "the patient's own request"},
    {"FAMRQT", PATIENT, "the family's request"},
    {"PWATRNY", PATIENT, "a representative's request"},
};

enum { PURPOSES = sizeof(purposes) / sizeof(purposes[0]) };

/* Roles of the staff list; one that is none of these has no purposes to differ from. */
static const struct {
    const char *role;
    unsigned purposes;
} roles[] = {
    {"physician", TREAT | EMERGENCY | PUBLIC_HEALTH},
    {"nurse", TREAT | EMERGENCY},
    {"pharmacist", TREAT | EMERGENCY},
    {"therapist", TREAT | EMERGENCY},
    {"clerk", TREAT | OPERATIONS | PAYMENT},
    {"billing", PAYMENT | OPERATIONS},
    {"researcher", RESEARCH},
    {"administrator", OPERATIONS},
};

static unsigned purpose_of(struct str code)
{
    for (size_t i = 0; i < PURPOSES; i++)
        if (str_eq_nocase(code, str_from(purposes[i].code)))
            return purposes[i].purpose;
    return 0;
}

bool audit_purpose_emergency(struct str purpose)
{
    return purpose_of(purpose) == EMERGENCY;
}

bool audit_purpose_accountable(struct str purpose)
{
    return (purpose_of(purpose) & (TREAT | EMERGENCY | PAYMENT | OPERATIONS | PATIENT)) == 0;
}

struct str audit_purpose_word(struct str purpose)
{
    for (size_t i = 0; i < PURPOSES; i++)
        if (str_eq_nocase(purpose, str_from(purposes[i].code)))
            return str_from(purposes[i].word);
    return purpose;
}

static bool purpose_fits(struct str role, struct str purpose)
{
    unsigned asked = purpose_of(purpose);

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (str_eq_nocase(role, str_from(roles[i].role)))
            return asked == 0 || (roles[i].purposes & asked) != 0;
    return true;
}

/* --- transactions --------------------------------------------------------------------------- */

enum audit_class audit_class_of(struct str transaction)
{
    static const struct {
        const char *name;
        enum audit_class class;
    } known[] = {
        {"ITI-18", AUDIT_QUERY},    {"ITI-38", AUDIT_QUERY},    {"ITI-51", AUDIT_QUERY},
        {"ITI-9", AUDIT_PEOPLE},    {"ITI-45", AUDIT_PEOPLE},   {"ITI-83", AUDIT_PEOPLE},
        {"ITI-21", AUDIT_PEOPLE},   {"ITI-22", AUDIT_PEOPLE},   {"ITI-47", AUDIT_PEOPLE},
        {"ITI-55", AUDIT_PEOPLE},   {"ITI-78", AUDIT_PEOPLE},   {"ITI-66", AUDIT_QUERY},
        {"ITI-67", AUDIT_QUERY},    {"ITI-63", AUDIT_RETRIEVE}, {"ITI-43", AUDIT_RETRIEVE},
        {"ITI-39", AUDIT_RETRIEVE}, {"ITI-68", AUDIT_RETRIEVE}, {"ITI-8", AUDIT_CARE},
        {"ITI-30", AUDIT_CARE},     {"ITI-31", AUDIT_CARE},     {"ITI-44", AUDIT_CARE},
        {"ITI-41", AUDIT_CARE},     {"ITI-42", AUDIT_CARE},     {"ITI-61", AUDIT_CARE},
        {"ITI-65", AUDIT_CARE},     {"ITI-104", AUDIT_CARE},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq(transaction, str_from(known[i].name)))
            return known[i].class;
    return AUDIT_OTHER;
}

/* --- one access ----------------------------------------------------------------------------- */

static bool same(struct str a, struct str b)
{
    return a.n > 0 && str_eq(a, b);
}

static unsigned kinship(const struct audit_access *a)
{
    const struct audit_identity *user, *patient = a->patient;
    bool family, address;

    if (a->staff == NULL || patient == NULL)
        return 0;
    user = &a->staff->identity;
    family = same(user->family, patient->family);
    address = same(user->address, patient->address);
    if (family && same(user->given, patient->given) && user->birth_date != 0 &&
        user->birth_date == patient->birth_date)
        return AUDIT_RULE_BIT(AUDIT_RULE_SELF);
    if (address)
        return AUDIT_RULE_BIT(family ? AUDIT_RULE_HOUSEHOLD : AUDIT_RULE_ADDRESS);
    return family && !a->care ? AUDIT_RULE_BIT(AUDIT_RULE_SURNAME) : 0;
}

unsigned audit_rules_access(const struct audit_access *a)
{
    struct str role = a->staff != NULL && a->staff->role.n > 0 ? a->staff->role : a->role;
    unsigned found = kinship(a);

    if (a->patient_is != NULL && a->patient_is != a->staff && !a->care)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_COWORKER);
    if (a->vip)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_VIP);
    if ((a->class == AUDIT_QUERY || a->class == AUDIT_RETRIEVE) && !a->care && !a->emergency &&
        purpose_of(a->purpose) != PATIENT)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_NO_CARE);
    if (a->staff != NULL && a->staff->hours.days != 0 && !a->emergency &&
        !within_hours(&a->staff->hours, a->minute_of_week))
        found |= AUDIT_RULE_BIT(AUDIT_RULE_AFTER_HOURS);
    if (!purpose_fits(role, a->purpose))
        found |= AUDIT_RULE_BIT(AUDIT_RULE_PURPOSE);
    if (a->emergency && a->denials >= RULE_DENIALS)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_DENIALS);
    return found;
}

/* --- one day of a user ---------------------------------------------------------------------- */

unsigned audit_rules_day(const struct audit_day *d)
{
    unsigned found = 0;

    if (d->peers >= RULE_VOLUME_PEERS && d->patients >= RULE_VOLUME_LEAST &&
        (double)d->patients > d->peers_mean + RULE_VOLUME_SIGMAS * d->peers_deviation)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_VOLUME);
    if (d->walk >= RULE_WALK_LENGTH)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_WALK);
    if (d->queries >= RULE_FISHING_QUERIES && d->queries > RULE_FISHING_RATIO * d->retrievals)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_FISHING);
    if (d->last_day != INT64_MIN && d->day - d->last_day > RULE_DORMANT_DAYS)
        found |= AUDIT_RULE_BIT(AUDIT_RULE_DORMANT);
    return found;
}

/* The digits that end the number of a CX ("MRN-00172^^^..."), and what stands before and behind:
 * numbers compare within one series. */
static bool number_of(struct str cx, struct str *before, uint64_t *number, struct str *behind)
{
    ptrdiff_t caret = str_find(cx, '^');
    struct str id = caret < 0 ? cx : str_slice(cx, 0, (size_t)caret);
    size_t from = id.n;

    while (from > 0 && id.p[from - 1] >= '0' && id.p[from - 1] <= '9' && id.n - from < 18)
        from--;
    *before = str_slice(id, 0, from);
    *behind = str_slice(cx, id.n, cx.n);
    return str_to_u64(str_slice(id, from, id.n), number);
}

/* 0: goes on with the run; 1: the same patient again; -1: another run begins. */
static int step_kind(const struct audit_step *last, const struct audit_step *next)
{
    struct str before[2], behind[2];
    uint64_t n[2];

    if (str_eq(last->patient, next->patient))
        return 1;
    if (next->at_us - last->at_us > RULE_WALK_MINUTES * 60 * US_PER_SECOND ||
        !number_of(last->patient, &before[0], &n[0], &behind[0]) ||
        !number_of(next->patient, &before[1], &n[1], &behind[1]))
        return -1;
    return n[1] > n[0] && n[1] - n[0] <= RULE_WALK_STEP && str_eq(before[0], before[1]) &&
                   str_eq(behind[0], behind[1])
               ? 0
               : -1;
}

size_t audit_walk_longest(const struct audit_step *steps, size_t count, size_t *first)
{
    size_t longest = count > 0, run = 1, began = 0;

    *first = 0;
    for (size_t i = 1; i < count; i++) {
        int kind = step_kind(&steps[i - 1], &steps[i]);

        if (kind < 0) {
            began = i;
            run = 1;
        } else if (kind == 0 && ++run > longest) {
            longest = run;
            *first = began;
        }
    }
    return longest;
}
