/* One name for each code system, whoever writes it: XDS says 2.16.840.1.113883.6.1 or
 * urn:oid:2.16.840.1.113883.6.1, FHIR says http://loinc.org, and all mean LOINC. Pure; any thread.
 */
#pragma once

#include "hub/base/str.h"

#define SYSTEM_PURPOSE         "2.16.840.1.113883.5.8"   /* HL7 v3 ActReason: PurposeOfUse */
#define SYSTEM_CONFIDENTIALITY "2.16.840.1.113883.5.25"  /* HL7 v3 Confidentiality */
#define SYSTEM_ACT_CODE        "2.16.840.1.113883.5.4"   /* HL7 v3 ActCode: sensitivity */
#define SYSTEM_PARTICIPATION   "2.16.840.1.113883.5.90"  /* HL7 v3 ParticipationType */
#define SYSTEM_FORMAT          "1.3.6.1.4.1.19376.1.2.3" /* IHE formatCode */

/* The OID of a system that is known by several names; else the name itself without urn:oid:.
 * Borrowed from `name`, or a literal. */
struct str code_system(struct str name);
/* The URI that FHIR writes for it; for one that has none urn:oid:OID, in the arena; other names as
 * they are. */
struct str code_system_uri(struct arena *a, struct str system);
