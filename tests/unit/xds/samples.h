/* Metadata for tests: a submission written out by hand, and the test kit's files. */
#pragma once

#include "xds/rim.h"

/* Reads XML text whose root is, or holds, a list of registry objects. ebRIM 2.1, which part of the
 * test kit is written in, is lifted to 3.0 first. NULL when it holds none. */
xmlNode *sample_list(struct arena *a, struct str xml);

/* One document with all its attributes, a folder, a submission set and their associations; every
 * object of a valid ITI-42 submission. `change` replaces the first `from` by `to`, NULL: as is. */
struct str sample_submission(struct arena *a, const char *from, const char *to);

struct str sample_file(struct arena *a, const char *path); /* STR_NONE when it cannot be read */
