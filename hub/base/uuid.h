/* UUIDs (RFC 9562): version 4 for identifiers that the field sees, version 7 for our own keys,
 * which then sort by time. sodium_init() must have run. Any thread. */
#pragma once

#include "hub/base/str.h"

struct uuid {
    unsigned char b[16];
};

enum { UUID_TEXT = 36 };

struct uuid uuid_v4(void);
struct uuid uuid_v7(void); /* from clock_now_us(); those of one process sort as they were made */
void uuid_write(struct uuid u, char out[UUID_TEXT + 1]);
struct str uuid_text(struct arena *a, struct uuid u);
struct str uuid_urn(struct arena *a, struct uuid u); /* urn:uuid:... */
bool uuid_parse(struct str s, struct uuid *out);     /* 8-4-4-4-12, any case */
bool uuid_parse_urn(struct str s, struct uuid *out); /* urn:uuid: and the above */
bool uuid_eq(struct uuid a, struct uuid b);
int uuid_compare(struct uuid a, struct uuid b); /* as PostgreSQL and their text sort */
