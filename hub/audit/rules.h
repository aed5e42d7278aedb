/* The detection rules: fixed definitions over plain data. Pure: no database, no clock; any thread.
 *
 * A rule looks at one access (who, whose data, what is known of both) or at one day of one user.
 * What it needs to know the watcher gathers (hub/command/audit/watch.h). Numbers in a definition
 * stand here and nowhere else. Source: reference/security.md 2.6. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/base/arena.h"
#include "hub/base/str.h"

enum {
    RULE_CARE_DAYS = 90,       /* no-care: before the access, and after it */
    RULE_DENIALS = 3,          /* denials-then-break-glass: so many... */
    RULE_DENIALS_HOURS = 24,   /* ...in so many hours */
    RULE_VOLUME_LEAST = 20,    /* volume: patients of a day, */
    RULE_VOLUME_SIGMAS = 4,    /* standard deviations above the mean of peers, */
    RULE_VOLUME_DAYS = 28,     /* over their days in so many days, */
    RULE_VOLUME_PEERS = 30,    /* of which there must be so many */
    RULE_WALK_LENGTH = 8,      /* identifier-walking: so many different numbers in a row, */
    RULE_WALK_STEP = 3,        /* each greater than the one before by no more, */
    RULE_WALK_MINUTES = 60,    /* with no longer pause */
    RULE_FISHING_QUERIES = 40, /* queries-without-retrievals: so many queries of a day... */
    RULE_FISHING_RATIO = 10,   /* ...and more than so many for each retrieval */
    RULE_DORMANT_DAYS = 90,    /* dormant-account: silent for longer */
    RULE_REVIEW_HOURS = 72,    /* break-glass-overdue: unreviewed for longer */
};

/* X(name, word, definition) */
#define AUDIT_RULES(X)                                                                             \
    X(SELF, "self-access",                                                                         \
      "a user of the staff list asked for a patient of the same family name, given name "          \
      "and birth date")                                                                            \
    X(HOUSEHOLD, "same-household",                                                                 \
      "the patient is another person of the user's surname at the user's address")                 \
    X(ADDRESS, "same-address", "the patient lives at the user's address under another surname")    \
    X(SURNAME, "same-surname",                                                                     \
      "the patient bears the user's surname, lives elsewhere, and has no care "                    \
      "relationship with the user's organization")                                                 \
    X(COWORKER, "co-worker",                                                                       \
      "the patient is on the staff list of the user's own organization, and has no care "          \
      "relationship with it")                                                                      \
    X(VIP, "vip", "the patient is on the list of `causeway audit vip`")                            \
    X(NO_CARE, "no-care",                                                                          \
      "documents were asked for by a member that had fed or submitted nothing about the "          \
      "patient for 90 days, nor did so within 90 days after; emergency access and the "            \
      "patient's own excepted")                                                                    \
    X(AFTER_HOURS, "after-hours",                                                                  \
      "a user with working hours looked outside of them; emergency access excepted")               \
    X(PURPOSE, "purpose-mismatch",                                                                 \
      "the purpose of use is none of the role's: operations, payment or research by who "          \
      "treats; treatment by who bills or researches")                                              \
    X(DENIALS, "denials-then-break-glass",                                                         \
      "emergency access to a patient after three or more refusals of the same user "               \
      "within 24 hours")                                                                           \
    X(VOLUME, "volume",                                                                            \
      "more patients in a day than the mean of the role's days plus four standard "                \
      "deviations, and at least 20")                                                               \
    X(WALK, "identifier-walking",                                                                  \
      "eight or more patient numbers in a row, each greater than the one before by "               \
      "three at most, with no pause of an hour")                                                   \
    X(FISHING, "queries-without-retrievals",                                                       \
      "forty queries or more in a day, and more than ten for each retrieval")                      \
    X(DORMANT, "dormant-account", "the user's first day after more than 90 days of silence")       \
    X(OVERDUE, "break-glass-overdue", "an emergency access that nobody reviewed within 72 hours")

#define AUDIT_RULE_NAME(name, word, definition) AUDIT_RULE_##name,
enum audit_rule { AUDIT_RULES(AUDIT_RULE_NAME) AUDIT_RULE_COUNT };
#undef AUDIT_RULE_NAME
#define AUDIT_RULE_BIT(rule) (1u << (rule))

struct audit_rule_text {
    const char *word, *definition;
};
extern const struct audit_rule_text audit_rule_texts[AUDIT_RULE_COUNT];

/* What tells one person from another, in normal form, so that equal bytes are equal. Empty: not
 * known, and equal to nothing. */
struct audit_identity {
    struct str family, given;
    uint32_t birth_date;
    struct str address; /* number, street, postcode or city */
};

/* Minutes of the week, from Monday 00:00, in local time. */
enum { MINUTES_OF_DAY = 24 * 60, MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY };
struct audit_hours {
    unsigned days; /* bit 0: Monday; 0: no hours are set */
    int from, to;  /* minutes of the day; to before from: past midnight */
};
/* "mon-fri 07:00-19:00", "07:00-15:30", "sat-sun 22:00-06:00"; empty: none. False: not readable. */
bool audit_hours_read(struct str s, struct audit_hours *out);

struct audit_staff {
    struct str user, organization, role;
    struct audit_identity identity;
    struct audit_hours hours;
};

enum audit_class {
    AUDIT_OTHER,
    AUDIT_PEOPLE,   /* asks who somebody is */
    AUDIT_QUERY,    /* asks what documents there are */
    AUDIT_RETRIEVE, /* takes them */
    AUDIT_CARE,     /* feeds or submits */
};
/* What a transaction means to the rules. */
enum audit_class audit_class_of(struct str transaction);
/* BTG, ETREAT, EMERGENCY, EMER */
bool audit_purpose_emergency(struct str purpose);
/* The everyday word of a purpose's code ("treatment"); the code itself when it is none of ours. */
struct str audit_purpose_word(struct str purpose);

/* Must a disclosure for this purpose be accounted for (45 CFR 164.528(a)(1))? Not for treatment,
 * payment and operations, nor to the patient or whoever the patient authorized. One that is not
 * known must. */
bool audit_purpose_accountable(struct str purpose);

struct audit_access {
    struct str role, purpose;
    int minute_of_week;
    const struct audit_staff *staff;      /* the user; NULL: not on the staff list */
    const struct audit_identity *patient; /* NULL: not known to the index */
    const struct audit_staff *patient_is; /* a colleague of the user's organization; or NULL */
    enum audit_class class;
    bool vip, care;
    size_t denials; /* of the same user about the same patient in the hours before */
    bool emergency;
};

/* Bits of the rules that hold. */
unsigned audit_rules_access(const struct audit_access *a);

struct audit_day {
    int64_t patients, queries, retrievals;
    int64_t day, last_day; /* days since 1970; last_day the user's one before, INT64_MIN: none */
    double peers_mean, peers_deviation;
    int64_t peers; /* days that these two are of */
    size_t walk;   /* audit_walk_longest */
};

unsigned audit_rules_day(const struct audit_day *d);

/* One question about a patient, by number. In order of time. */
struct audit_step {
    int64_t at_us;
    struct str patient; /* CX */
};
/* The longest run of numbers as identifier-walking has it; *first says where it begins. */
size_t audit_walk_longest(const struct audit_step *steps, size_t count, size_t *first);
