/* What the domain has settled for everyone: its defaults, and the agreements between members.
 *
 * A small, immutable snapshot that each process keeps and replaces as a whole when epoch 'consent'
 * of table epoch moves. Any thread may read it. */
#pragma once

#include "consent/rule.h"

/* As a party: every member that is no community. A community is bound by name alone. */
#define CONSENT_REGION INT64_C(0)

struct consent_default {
    enum consent_effect effect; /* opt-out domain: permit; opt-in domain: deny */
    int64_t version;
};

/* What holds for documents of a sensitivity (a label) where the patient said nothing. */
struct consent_sensitivity {
    struct str label;
    struct consent_default standard;
};

/* What goes with every document that has a label, to whoever did not publish it. */
struct consent_duty {
    struct str label;
    unsigned obligations; /* CONSENT_OBLIGATION */
};

/* A data-sharing agreement in force: what may flow between its parties, both ways. */
struct consent_agreement {
    struct uuid id;
    int64_t version;
    struct str name;
    const int64_t *parties; /* member ids, and CONSENT_REGION; none: CONSENT_REGION alone */
    size_t party_count;
    const struct coded *purposes; /* none: any */
    size_t purpose_count;
    const struct coded *classes; /* of documents (classCode); none: any */
    size_t class_count;
    int64_t valid_from_us, valid_until_us; /* [from, until) */
};

/* What adolescents keep from their representatives: documents that have this value. */
struct consent_category {
    enum consent_attribute what; /* of OBJECT: label, class, type, event, ... */
    struct coded value;          /* system empty: every one */
    int from_age;                /* whole years; until the age of majority */
    bool everything;             /* `what` is not understood: all documents are kept */
};

/* A purpose of use for which a denial that is overridable may be broken. */
struct consent_emergency_terms {
    struct coded purpose;
    int64_t box_us;    /* how long an emergency lasts */
    int64_t review_us; /* until when its review is due, from its opening */
};

struct consent_domain {
    int64_t epoch;
    int majority; /* age in whole years; 0: nobody is a minor */
    const struct consent_category *categories;
    size_t category_count;
    const struct consent_emergency_terms *emergencies;
    size_t emergency_count;
    struct consent_default standard;
    const struct consent_sensitivity *sensitivities;
    size_t sensitivity_count;
    const struct consent_duty *duties;
    size_t duty_count;
    const struct consent_agreement *agreements;
    size_t agreement_count;
    const int64_t *communities; /* members that are other regions' hubs */
    size_t community_count;
};

/* Is it in force then, and does it join these two for this purpose? */
bool consent_agreement_joins(const struct consent_domain *d, const struct consent_agreement *g,
                             int64_t one, int64_t other, struct coded purpose, int64_t at_us);
/* Does it let documents of this class flow? */
bool consent_agreement_covers(const struct consent_agreement *g, struct coded class_code);
