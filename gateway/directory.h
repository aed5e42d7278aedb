/* A directory of care services as JSON (IHE mCSD, FHIR R4): which communities there are, and where
 * their Responding Gateways are reached.
 *
 * Read are the Endpoints of a Bundle that are active, of connectionType ihe-xca or ihe-xcpd, and
 * say what they are by their specific type (MCSDEndpointTypes); an ihe-xca endpoint without one
 * takes queries and retrievals. Whose an endpoint is says its own identifier, or its managing
 * organization's: the home community id, urn:oid. What is of no use here is left out and counted.
 *
 * Pure. Strings live in the arena. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

enum {
    DIRECTORY_MAX = 16 << 20,  /* bytes */
    DIRECTORY_ENTRIES = 10000, /* of the Bundle */
};

enum directory_service { SERVICE_QUERY, SERVICE_RETRIEVE, SERVICE_DISCOVERY, DIRECTORY_SERVICES };

struct directory_community {
    struct str home;                     /* OID, without urn:oid: */
    struct str urls[DIRECTORY_SERVICES]; /* STR_NONE: it has none */
};

struct directory {
    struct directory_community *v; /* in order of appearance */
    size_t n;
    size_t left_out; /* endpoints without a home community id, an https address, or twice */
};

/* INVALID when it is no Bundle, or one above the caps. */
enum status directory_read(struct arena *a, struct str bytes, struct directory *out,
                           struct errors *err) MUST_CHECK;
