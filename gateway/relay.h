/* A body of several pieces that are read one behind the other while it goes out: texts, and
 * documents from the store. It is read once, on one thread. */
#pragma once

#include "hub/net/exchange.h"

/* A text, or bytes from elsewhere, whose length is known. */
struct relay_piece {
    struct str text;
    struct byte_source *source; /* NULL: the text */
};

/* Borrows the pieces. Memory of the arena. */
struct byte_source *relay_new(struct arena *a, const struct relay_piece *v, size_t n);
