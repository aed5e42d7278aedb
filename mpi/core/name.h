/* Names of people: particles, compounds, titles, suffixes and whole names -> words that compare.
 * Pure, any thread; the words lie on the arena. */
#pragma once

#include "mpi/core/input.h"

enum mpi_suffix {
    MPI_SUFFIX_NONE,
    MPI_SUFFIX_JR, /* the same as II: fathers and sons use both */
    MPI_SUFFIX_SR,
    MPI_SUFFIX_III,
    MPI_SUFFIX_IV,
    MPI_SUFFIX_V,
};

enum { MPI_NAME_WORDS = 8 };

/* One name, taken apart. A whole is the name without blanks and with its particles (VANDERBERG,
 * MARYANN), parts are its words without particles (BERG; MARY, ANN) where they differ from it. */
struct mpi_person_name {
    struct str given, family; /* wholes */
    struct str given_parts[MPI_NAME_WORDS], family_parts[MPI_NAME_WORDS];
    size_t given_part_count, family_part_count;
    struct str others[MPI_NAME_WORDS]; /* middle, maiden and further names and initials */
    size_t other_count;
    enum mpi_suffix suffix;
    bool newborn;     /* BABY BOY SMITH: the given name is none */
    bool placeholder; /* nobody's name: all of it is dropped */
};

void mpi_name_read(struct arena *a, const struct mpi_input_name *in, struct mpi_person_name *out);
