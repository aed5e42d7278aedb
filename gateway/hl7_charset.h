/* Character sets of HL7 v2 messages (table 0211) to UTF-8 and back. Pure; any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

/* `charset` is an MSH-18 value: empty or ASCII takes 7-bit bytes, and UTF-8 where a sender forgot
 * to say so. False when it is unknown or the bytes are not of it; NUL is never a character. */
bool hl7_decode(struct arena *a, struct str bytes, struct str charset, struct str *utf8);

/* The reverse; what the charset lacks becomes '?'. An unknown charset gives UTF-8. */
struct str hl7_encode(struct arena *a, struct str utf8, struct str charset);
bool hl7_charset_known(struct str charset);
