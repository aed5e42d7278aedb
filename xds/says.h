/* What a registry object says of itself, for the conditions of consents (consent/rule.h): codes,
 * labels, authors and times of its metadata. Pure. */
#pragma once

#include "consent/consent.h"
#include "hub/member.h"
#include "xds/rim.h"

/* What was read of an object's times and codes once, for the next of many rules. Zero at first. */
struct xds_said {
    struct {
        bool read, has;
        int64_t from_us, until_us;
    } times[2];
    struct {
        bool read, has;
        struct coded code;
    } codes[2];
};

struct xds_saying {
    const struct xds_object *object;
    const struct member_directory *members; /* to name the publisher by */
    struct xds_said *said;                  /* of this object, by one thread */
};

/* `about` is a struct xds_saying. */
extern const struct consent_reader xds_reader;

enum consent_kind xds_consent_kind(enum xds_kind kind);
