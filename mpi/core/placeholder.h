/* Values that stand for nobody: BABY BOY, UNKNOWN, 999-99-9999. They are treated as missing and
 * never searched by; which ones a data set has of its own, training finds (mpi/core/train.h).
 * Pure, any thread; values are folded (mpi/core/text.h). */
#pragma once

#include "hub/base/str.h"

/* Version of the tables, as models record it: it goes up with every change of a table. */
enum { MPI_PLACEHOLDERS_VERSION = 1 };

enum mpi_placeholder {
    MPI_PLACEHOLDER_NONE,
    MPI_PLACEHOLDER_UNKNOWN, /* says nothing */
    MPI_PLACEHOLDER_NEWBORN, /* a child without a name yet: says that */
};

enum mpi_placeholder mpi_placeholder_name(struct str whole);      /* a given or a family name */
bool mpi_placeholder_person(struct str given, struct str family); /* JOHN DOE */
bool mpi_placeholder_street(struct str street);
bool mpi_placeholder_word(struct str word); /* any other field: NA, NONE, UNKNOWN */
/* Digits of an identifier or a telephone that nobody has: all equal, or counting up. */
bool mpi_placeholder_digits(struct str digits);
