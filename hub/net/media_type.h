/* Content-Type and its parameters (RFC 9110 section 8.3.1, RFC 2045 section 5.1). Pure.
 *
 * Read with some patience: senders leave boundaries with '=' unquoted. A parameter that comes
 * twice is a fault, because two readers would take different ones. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

/* "multipart/related" of `multipart/Related; type=...`; compare without case. */
struct str media_type_essence(struct str value);

/* Sets *out to the parameter's value, quotes and escapes taken off; STR_NONE when it is not
 * there. False when the value is malformed or names the parameter twice. */
bool media_type_parameter(struct arena *a, struct str value, struct str name, struct str *out);
