/* Consent: may this principal see this object of this patient, now?
 *
 * consent_decide is pure: no database, no clock, no log. Policies are read by person in the
 * caller's own flush (consent_queue), in the snapshot that reads the documents: a revocation holds
 * on the next request. Deny overrides; what cannot be read denies. The gates (xds/gate.c,
 * gateway/identity_gate.c) fill consent_object and are the only callers. */
#pragma once

#include "consent/rule.h"

/* What is asked about. First form: whose it is and which member published it. */
struct consent_object {
    const struct person *person; /* whose record it is now; decided once for each constituent */
    int64_t source_member;       /* the member that published it; 0: the hub's own */
};

struct consent_decision {
    enum consent_effect effect;
    /* A literal:
     *   "unreadable"       the policies could not be read, or not these persons'
     *   "member-standing"  no member asks, or a suspended one
     *   "no-person"        nobody's record: there is nothing to decide by
     *   "patient-deny"     the patient denied it, to everyone or to this member
     *   "patient-permit"   the patient permitted it, likewise
     *   "own-object"       the asking member published it
     *   "domain-default"   the patient said nothing */
    const char *rule;
    struct uuid policy;     /* of the deciding policy; zero where none decided */
    int64_t policy_version; /* of it, or of the domain default */
};

/* One policy of a patient, in force as of the reading. */
struct consent_policy {
    struct person_ref person;
    struct uuid id;
    int64_t version;
    enum consent_effect effect;
    int64_t member_id;      /* whose access it governs; 0: everyone's */
    int64_t valid_from_us;  /* INT64_MIN: always has been */
    int64_t valid_until_us; /* first instant without it; INT64_MAX: no end */
};

/* The policies of the persons that a request touches, read in one snapshot. */
struct consent_policies {
    bool readable; /* false until consent_read succeeded: everything denies */
    struct consent_default {
        enum consent_effect effect; /* opt-out domain: permit; opt-in domain: deny */
        int64_t version;
    } standard;
    const struct person_ref *persons; /* whose policies were read: others are denied */
    size_t person_count;
    const int64_t *places; /* of consent_queue_places: everyone there was read */
    size_t place_count;
    struct consent_policy *items;
    size_t count;
    struct rows standard_rows, rows;
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
enum status consent_read(struct request *rq, struct consent_policies *out) MUST_CHECK;

struct consent_decision consent_decide(const struct principal *principal,
                                       const struct consent_object *object, int64_t at_us,
                                       const struct consent_policies *policies);
