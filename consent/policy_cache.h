/* Compiled policies of persons, kept by this process (hub/base/keep.h).
 *
 * An entry is what one person had said by one value of their epoch (consent_epoch): immutable, in
 * one block of memory. It is used only when the snapshot of the request says that the epoch is
 * still this one, so an entry never goes stale. */
#pragma once

#include "consent/consent.h"
#include "hub/base/keep.h"

enum { CONSENT_KNOWN_MAX = 8 /* persons of a place whose policies are offered */ };

struct consent_known {
    struct person_ref person;
    int64_t epoch;
    const struct consent_policy *policies;
    size_t count;
    const struct consent_relation *relations;
    size_t relation_count;
    const struct consent_emergency *emergencies;
    size_t emergency_count;
};

/* Most bytes of all entries; before threads start. */
void consent_cache_init(size_t bytes);

/* Entries of the persons at a place, held until a ends; their number, at most CONSENT_KNOWN_MAX. */
size_t consent_cache_at(struct arena *a, int64_t pkey, const struct consent_known **out);
/* Keeps a copy, in place of an older epoch's. */
void consent_cache_put(const struct consent_known *known);

struct keep_size consent_cache_measure(void);
