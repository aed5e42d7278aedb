/* `causeway community test NAME`: one community asked as a real request would ask it, about a
 * patient who is none, step by step, with what it does wrong in words. */
#pragma once

#include "hub/command/operation.h"

extern const struct operation_kind community_test_kind;
