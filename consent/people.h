/* People around a patient: who represents whom, how far and until when; when a minor comes of age;
 * and openings of emergencies (break-glass). Pure: no database, no clock.
 *
 * A relation counts while its time has begun and not ended and, where it rests on the patient's
 * minority, until the day (UTC) on which the patient reaches the domain's age of majority. One that
 * does not count any more still says who somebody was: it denies, so that no former representative
 * becomes a stranger whom a default permits. */
#pragma once

#include "consent/match.h"

/* The relations of a user to one patient that count now. */
enum { CONSENT_RELATIONS_NONE = 0 };
unsigned consent_relations_of(const struct consent_policies *policies, struct person_ref person,
                              const struct principal *principal, int64_t at_us);

/* What the layer of representatives and minors says. `relation`: the one that decides. */
struct consent_standing {
    enum consent_verdict verdict;
    const char *rule; /* as struct consent_decision has it */
    const struct consent_relation *relation;
};
struct consent_standing consent_relation_says(const struct consent_policies *policies,
                                              struct person_ref person,
                                              const struct consent_asked *asked,
                                              const struct consent_object *object);

/* May this asker break the glass for this person now? True with *open the emergency that is under
 * way, or NULL: the asker gives a reason, and an assertion that has opened none for this person
 * yet. The purpose has to be one that the domain opens emergencies for. */
bool consent_emergency_holds(const struct consent_policies *policies, const struct person *person,
                             const struct consent_asked *asked,
                             const struct consent_emergency **open);
/* The domain's terms for a purpose (as consent_purpose gives it), or NULL. */
const struct consent_emergency_terms *consent_emergency_terms_of(const struct consent_domain *d,
                                                                 struct coded purpose);

/* YYYY, YYYYMM or YYYYMMDD..., with or without hyphens, as the number YYYYMMDD; what is not said is
 * the first. False: no date of the calendar. */
bool consent_birth_parse(struct str text, int32_t *birth);
/* 2010-04-17; nothing of 0. */
struct str consent_birth_text(struct arena *a, int32_t birth);
/* Whoever was born after this day is younger than so many years. */
int32_t consent_birth_at_age(int years, int64_t at_us);
/* Whole years at an instant, by the calendar of UTC; below 0 before the birth. */
int consent_age(int32_t birth, int64_t at_us);

const char *consent_relation_word(enum consent_relation_kind kind); /* "PROXY" */
bool consent_relation_parse(struct str word, enum consent_relation_kind *out);
