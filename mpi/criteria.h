/* What a demographic query asks, whatever protocol it came in, and how well a record answers.
 *
 * Pure; any thread. Text is compared as the matching core folds it (mpi/core/text.h): without
 * case, marks and punctuation, and names also where they are misspelt, sound alike or are short
 * forms. Sources: IHE ITI TF-2 3.21.4.1.2.3, 3.21.4.1.3.2. */
#pragma once

#include "hub/base/arena.h"
#include "hub/person.h"
#include "mpi/record.h"

enum { MPI_CRITERIA_IDS_MAX = 8 };

/* Folded text (mpi/core/text.h); `open`: anything may follow, as in SMI*. Empty: not asked. A lone
 * "*" is empty and open: any value. */
struct mpi_pattern {
    struct str text;
    bool open;
};

struct mpi_criteria {
    struct identifier ids[MPI_CRITERIA_IDS_MAX]; /* the person has all of them */
    size_t id_count;
    struct identifier account; /* PID-18; without an authority: of any */
    struct identifier visit;   /* PV1-19, likewise */
    struct str visit_class;    /* PV1-2 */
    struct mpi_pattern family, given, middle, mother_family, mother_given;
    struct str birth_date; /* YYYY[MM[DD]] */
    char sex;              /* M, F, O or 0 */
    struct mpi_pattern street, city, state, postcode, country;
    struct str phone; /* digits, the last ten at most */
    struct str ssn;   /* digits */
};

/* One criterion as text: folded, and its star taken off. Stars elsewhere: false. */
bool mpi_pattern_read(struct arena *a, struct str text, struct mpi_pattern *out);

/* Is it narrow enough to be answered? An identifier, account, visit, social security or telephone
 * number, a whole birth date, or two letters of a family name (three before a star). */
bool mpi_criteria_enough(const struct mpi_criteria *c);

/* The digits of a telephone or social security number as criteria take them: the last ten. False
 * when fewer than four are left. */
bool mpi_criteria_number(struct arena *a, struct str text, struct str *out);

/* How well a record fits: 0 when a criterion contradicts it, else up to 1. What the record does
 * not say speaks neither way, but for names and birth dates that were asked. */
double mpi_criteria_fit(struct arena *a, const struct mpi_criteria *c,
                        const struct mpi_demographics *d);

/* What is asked, as demographics: for the matching core, which finds and weighs by them. Values
 * with a star are left out. */
struct mpi_demographics mpi_criteria_demographics(struct arena *a, const struct mpi_criteria *c);
