/* Formats of metadata values (IHE ITI TF-3 Table 4.2.3.1.7-2). Pure; any thread.
 *
 * Strict where a wrong value would break a query or a partner (OIDs, times, hashes), liberal in
 * the parts of HL7 types that nothing here depends on. */
#pragma once

#include "xds/rim.h"

/* ebRIM's own limits, in characters (rim.xsd LongName, FreeFormText). */
enum { XDS_LONG_NAME = 256, XDS_FREE_TEXT = 1024 };

/* Most values of one attribute, and extra slots of one object: each is compared with others. */
enum { XDS_MANY = 1000 };

bool xds_format_ok(enum xds_format format, struct str value);
/* What it should have been, for an error: "an OID of at most 64 characters". */
const char *xds_format_words(enum xds_format format);

size_t xds_length(struct str s);   /* in characters, of UTF-8 */
bool xds_home_ok(struct str home); /* urn:oid:... */

/* The first microsecond of an XDS time, YYYY[MM[DD[hh[mm[ss]]]]] in UTC. */
bool xds_time(struct str dtm, int64_t *us);
