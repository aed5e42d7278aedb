/* A JSON string literal, quotes included (RFC 8259 section 7). Bytes that are not UTF-8 become
 * U+FFFD, so that what is written always parses. */
#pragma once

#include "hub/base/str.h"

void json_text_add(struct strbuf *b, struct str s);
/* Length of the UTF-8 sequence at p (1 to 4), or 0 when it is not one (RFC 3629). */
size_t utf8_length(const char *p, size_t n);
bool utf8_valid(struct str s);
