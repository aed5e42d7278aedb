/* Consent: may this principal see this object of this patient, now?
 *
 * consent_decide is pure: no database, no clock, no log. Policies are read by person in the
 * caller's own flush (consent_queue), in the snapshot that reads the documents: a revocation holds
 * on the next request. Deny overrides; what cannot be read denies. The gates (xds/gate.c,
 * gateway/identity_gate.c) fill consent_object and are the only callers.
 *
 * Layers, each above those behind it; a deny overrides within one:
 *
 *   1. standing: the asking member is enrolled and not suspended
 *   2. agreement: one in force joins the asking member and the publisher, for this purpose and
 *      this class of document; what a member published itself needs none
 *   3. the patient: a policy that denies
 *   4. people (consent/people.h): a representative beyond scope or time, or what an adolescent
 *      keeps from one, denies
 *   5. the patient: a policy that permits
 *   6. what a member published itself, it may read back
 *   7. people: the patient, or a representative within scope
 *   8. the domain's default for a sensitivity that the object has; then its general default
 *
 * A person of several constituents (a merge) is decided once for each; the strictest holds. Above
 * all: an emergency (break-glass) opens a denial that is marked overridable, and no other. */
#pragma once

#include "consent/domain.h"
#include "consent/rule.h"

/* How the conditions of rules take what an object does not say. */
enum consent_kind {
    CONSENT_ENTRY,     /* a document: says what its metadata say */
    CONSENT_CONTAINER, /* a submission set or folder: may hold any document, so that a denial of
                          some documents hides it, and a permit for some does not show it */
    CONSENT_LINK,      /* an association: is shown where both its ends are */
    CONSENT_IDENTITY,  /* identifiers and demographics: rules about documents do not reach them */
};

struct consent_reader {
    /* The i-th value of an attribute of OBJECT; false: there are no more. */
    bool (*value)(const void *about, enum consent_attribute what, size_t i, struct coded *out);
    /* [from, until) of SERVICE or CREATED; false: it is not said. */
    bool (*interval)(const void *about, enum consent_attribute what, int64_t *from_us,
                     int64_t *until_us);
};

/* What is asked about. */
struct consent_object {
    const struct person *person; /* whose record it is now; decided once for each constituent */
    int64_t source_member;       /* the member that published it; 0: the hub's own */
    enum consent_kind kind;
    const struct consent_reader *reader; /* NULL: it says nothing of itself */
    const void *about;                   /* the reader's */
};

struct consent_decision {
    enum consent_effect effect;
    /* A literal:
     *   "unreadable"          the policies could not be read, or not these persons'
     *   "member-standing"     no member asks, or a suspended one
     *   "no-agreement"        none joins the two members for this
     *   "no-person"           nobody's record: there is nothing to decide by
     *   "patient-deny"        the patient denied it
     *   "relation-ended"      the user was a representative, and is none any more, or not yet
     *   "proxy-scope"         the user's representation does not reach so far
     *   "minor-confidential"  the adolescent keeps it from representatives
     *   "patient-permit"      the patient permitted it
     *   "own-object"          the asking member published it
     *   "self"                the patient asks
     *   "proxy"               the patient's representative asks
     *   "sensitivity-default" the patient said nothing, and the domain protects what is so labelled
     *   "domain-default"      the patient said nothing
     *   "break-glass"         an emergency opens what `overrode` denied */
    const char *rule;
    const char *overrode;   /* of "break-glass": the rule that denied; else NULL */
    struct uuid policy;     /* of the deciding policy or relation (of break-glass: the one that
                               denied); zero where none decided */
    int64_t policy_version; /* of it, or of the domain default */
    bool overridable;       /* a denial that breaking the glass may open */
    unsigned obligations;   /* CONSENT_OBLIGATION: of all permits that hold, and of the labels of
                               what another member published */
    const struct consent_emergency *emergency; /* of "break-glass": under way; NULL: it is to be
                                                  opened (consent/emergency.h) */
};

/* One policy of a patient, in force as of the reading. */
struct consent_policy {
    struct person_ref person;
    struct uuid id;
    int64_t version;
    enum consent_effect effect;       /* of the root of its rules, or of all of it */
    int64_t member_id;                /* whose access it governs; 0: everyone's */
    int64_t valid_from_us;            /* INT64_MIN: always has been */
    int64_t valid_until_us;           /* first instant without it; INT64_MAX: no end */
    const struct consent_rule *rules; /* NULL: the effect alone */
    bool unreadable;                  /* its rules could not be read: it denies */
};

/* X(name, word) */
#define CONSENT_RELATION_KINDS(X)                                                                  \
    X(SELF, "SELF")   /* the patient's own account */                                              \
    X(PROXY, "PROXY") /* a representative: parent, guardian, whom the patient named */             \
    X(CARETEAM, "CARETEAM")
enum consent_relation_kind {
#define X(name, word) CONSENT_##name,
    CONSENT_RELATION_KINDS(X)
#undef X
        CONSENT_RELATION_COUNT
};

/* Who a user is to a patient. */
struct consent_relation {
    struct person_ref person;
    struct uuid id;
    int64_t version;
    struct str user; /* as struct principal names one */
    enum consent_relation_kind kind;
    bool by_minority;                 /* ends when the patient comes of age */
    int32_t birth;                    /* the patient's, YYYYMMDD; 0: not known */
    int64_t valid_from_us;            /* INT64_MIN: always has been */
    int64_t valid_until_us;           /* first instant without it; INT64_MAX: no end */
    const struct consent_rule *scope; /* what it permits; NULL: all */
    bool unreadable;                  /* its scope could not be read: it denies */
};

/* An emergency that a user opened at a member, for one patient. */
struct consent_emergency {
    struct person_ref person;
    struct uuid id; /* of the audit record that opened it */
    int64_t member_id;
    struct str user, assertion;
    int64_t opened_us, until_us; /* [opened, until) */
};

struct consent_focus;

/* The policies of the persons that a request touches, read in one snapshot. */
struct consent_policies {
    bool readable; /* false until consent_read succeeded: everything denies */
    const struct consent_domain *domain;
    const struct person_ref *persons; /* whose policies were read: others are denied */
    size_t person_count;
    const int64_t *places; /* of consent_queue_places: everyone there was read */
    size_t place_count;
    struct consent_policy *items;
    size_t count;
    struct consent_relation *relations;
    size_t relation_count;
    struct consent_emergency *emergencies; /* under way, or over for less than a day */
    size_t emergency_count;
    const struct consent_focus *focus; /* consent_focus; NULL: none */
    struct consent_reading *reading;   /* between consent_queue and consent_read */
};

/* Queues the reads for these persons; no flush. `persons` names every constituent of every person
 * that will be decided about (struct person.constituents), repeats do no harm. Copied. */
void consent_queue(struct request *rq, const struct person_ref *persons, size_t count,
                   struct consent_policies *out);
/* The same for everyone at these places, before it is known who they are (a flush less). After the
 * flush consent_covers says whose policies they are, borrowing the list; false when somebody lies
 * elsewhere: then consent_queue reads them anew. */
void consent_queue_places(struct request *rq, const int64_t *pkeys, size_t count,
                          struct consent_policies *out);
bool consent_covers(struct consent_policies *out, const struct person_ref *persons, size_t count);
/* One flush more when the domain's rules have changed since this process read them, and one when
 * somebody's policies have that were queued in the first flush of the request. */
enum status consent_read(struct request *rq, struct consent_policies *out) MUST_CHECK;

/* Settles for one asker and one instant what does not depend on the object, so that each decision
 * looks at the rest alone. The decisions are the same with and without; memory from a. consent_read
 * does it for the request's principal. */
void consent_focus(struct arena *a, const struct principal *principal, int64_t at_us,
                   struct consent_policies *policies);

struct consent_decision consent_decide(const struct principal *principal,
                                       const struct consent_object *object, int64_t at_us,
                                       const struct consent_policies *policies);
