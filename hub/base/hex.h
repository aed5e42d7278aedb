/* Bytes as text: hexadecimal and base64 (RFC 4648 sections 4 and 8). Pure, any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

struct str hex_encode(struct arena *a, const void *bytes, size_t n); /* lower case */
void hex_write(char *out, const void *bytes, size_t n);              /* 2n characters, no NUL */
bool hex_decode(struct str text, unsigned char *out, size_t n); /* exactly 2n digits, any case */

struct str base64_encode(struct arena *a, struct str bytes); /* padded, one line */
/* White space between characters is skipped, as XML Schema's base64Binary allows; anything else
 * outside the alphabet, wrong padding and non-zero trailing bits are refused. */
bool base64_decode(struct arena *a, struct str text, struct str *out);
