/* How many connections each peer holds. Any thread. */
#pragma once

#include "hub/base/str.h"

enum { QUOTA_KEY = 32 };

struct quota;

struct quota *quota_new(int max_per_peer);
void quota_free(struct quota *q);
bool quota_take(struct quota *q, const unsigned char key[QUOTA_KEY]); /* false: it has its share */
void quota_give(struct quota *q, const unsigned char key[QUOTA_KEY]);
