/* Compiled policies of persons, kept by this process.
 *
 * An entry is what one person had said by one value of their epoch (consent_epoch): immutable, in
 * one block of memory. It is used only when the snapshot of the request says that the epoch is
 * still this one, so an entry never goes stale; there is no expiry. What is least used goes when
 * the cache is full. Sharded: threads seldom meet. */
#pragma once

#include "consent/consent.h"

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

/* Entries of the persons at a place, held until a ends; their number. */
size_t consent_cache_at(struct arena *a, int64_t pkey, const struct consent_known **out,
                        size_t cap);
/* Keeps a copy, in place of an older epoch's. */
void consent_cache_put(const struct consent_known *known);

struct consent_cache_size {
    size_t entries, bytes;
};
struct consent_cache_size consent_cache_measure(void);
