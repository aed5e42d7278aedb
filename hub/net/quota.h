/* How many connections each peer holds, and how much memory with them. Any thread. */
#pragma once

#include "hub/base/str.h"
#include "hub/net/budget.h"

enum { QUOTA_KEY = 32 };

struct quota;

struct quota *quota_new(int max_per_peer, size_t max_memory_per_peer);
void quota_free(struct quota *q);
/* The peer's budget, valid until quota_give; NULL when it has its share of connections. */
struct budget *quota_take(struct quota *q, const unsigned char key[QUOTA_KEY]);
void quota_give(struct quota *q, const unsigned char key[QUOTA_KEY]);
