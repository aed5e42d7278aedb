/* Postal addresses: parts or a whole -> house number, street, unit, city, state, postcode, with the
 * usual abbreviations made one (NORTH MAIN STREET and N MAIN ST). Pure, any thread; the parts lie
 * on the arena and are folded. */
#pragma once

#include "mpi/core/input.h"

struct mpi_place_name {
    struct str number, street, unit, city, state, postcode;
};

/* A placeholder (HOMELESS, GENERAL DELIVERY) leaves the street empty. */
void mpi_address_read(struct arena *a, const struct mpi_input_address *in,
                      struct mpi_place_name *out);
/* A city, birthplace or the like: folded; empty when it is a placeholder. */
struct str mpi_place_read(struct arena *a, struct str s);
