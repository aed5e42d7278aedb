/* Object identifiers in dotted decimal (ITU-T X.660), as HL7 and IHE write them. Pure. */
#pragma once

#include "hub/base/str.h"

enum { OID_MAX = 256 }; /* XDS limits an OID to 64 characters; HL7 v2 HD and v3 II to more */

/* At least two arcs, first 0 to 2, second below 40 under 0 and 1, no leading zeros. */
bool oid_valid(struct str s);
/* Takes off a leading "urn:oid:" (any case), if there is one. */
struct str oid_strip_urn(struct str s);
