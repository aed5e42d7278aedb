/* Object identifiers in dotted decimal (ITU-T X.660), as HL7 and IHE write them. Pure. */
#pragma once

#include "hub/base/str.h"
#include "hub/base/uuid.h"

enum { OID_MAX = 256 }; /* XDS limits an OID to 64 characters; HL7 v2 HD and v3 II to more */

/* At least two arcs, first 0 to 2, second below 40 under 0 and 1, no leading zeros. */
bool oid_valid(struct str s);
/* Takes off a leading "urn:oid:" (any case), if there is one. */
struct str oid_strip_urn(struct str s);
/* 2.25. and the UUID as a decimal number (ITU-T X.667): a unique id that nobody else gives. */
struct str oid_of_uuid(struct arena *a, struct uuid u);
