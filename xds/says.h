/* What a registry object says of itself, for the conditions of consents (consent/rule.h): codes,
 * labels, authors and times of its metadata. Pure. */
#pragma once

#include "consent/consent.h"
#include "hub/member.h"
#include "xds/rim.h"

struct xds_saying {
    const struct xds_object *object;
    const struct member_directory *members; /* to name the publisher by */
};

/* `about` is a struct xds_saying. */
extern const struct consent_reader xds_reader;

enum consent_kind xds_consent_kind(enum xds_kind kind);
