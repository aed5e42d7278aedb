/* Guards: what forbids that a pair be linked without a human's word, however much it weighs.
 * Pure, any thread. */
#pragma once

#include "mpi/core/compare.h"
#include "mpi/core/model.h"

/* X(name, code, kind, words): why. Codes and numbers are stored: new ones go to the end.
 *   CONFLICT: the two are not one person; it holds against every record of the person.
 *   DOUBT: this pair does not suffice; another record of the person may.
 *   APART: never link, never ask. */
#define MPI_REASON_TABLE(X)                                                                        \
    X(IDENTIFIER, "identifier", NOTE, "The identifier is known: it is that record")                \
    X(MATCH, "match", NOTE, "The evidence is above the threshold, and no other person is near")    \
    X(POSSIBLE, "possible", NOTE, "The evidence is between the thresholds")                        \
    X(NO_CANDIDATE, "no-candidate", NOTE, "No record shares a property with it")                   \
    X(UNLIKE, "unlike", NOTE, "No record resembles it enough")                                     \
    X(TOO_LITTLE, "too-little", NOTE, "The record says too little to be linked by itself")         \
    X(AMBIGUOUS, "ambiguous", NOTE, "Another person resembles it nearly as much")                  \
    X(OVERLAY, "overlay", NOTE, "The record contradicts its own former version")                   \
    X(TRUNCATED, "truncated", NOTE, "There were more candidates than were looked at")              \
    X(ANCHOR, "anchor", NOTE, "A record of the hub's own making: says nothing")                    \
    X(KEPT_APART, "kept-apart", APART, "A steward keeps the two apart")                            \
    X(SSN_CONFLICT, "ssn-conflict", CONFLICT, "The national identifiers differ")                   \
    X(SUFFIX_CONFLICT, "suffix-conflict", CONFLICT, "The generational suffixes differ (Jr, Sr)")   \
    X(GENERATIONS, "generations", CONFLICT, "Namesakes a generation apart: parent and child")      \
    X(MIDDLE_CONFLICT, "middle-conflict", DOUBT, "The middle names differ")                        \
    X(BIRTH_ORDER, "birth-order", CONFLICT, "Children of one birth with another order: twins")     \
    X(TWINS, "twins", CONFLICT, "One birth date and family name, but two given names: twins")      \
    X(NEWBORN, "newborn", DOUBT, "A newborn without a name, and the mother does not agree")        \
    X(GIVEN_DIFFERS, "given-differs", DOUBT, "The given names differ: perhaps of one household")   \
    X(GIVEN_UNSURE, "given-unsure", DOUBT,                                                         \
      "A given name is missing, an initial, or only sounds alike")                                 \
    X(FAMILY_DIFFERS, "family-differs", DOUBT, "No family name agrees")                            \
    X(SEX_DIFFERS, "sex-differs", CONFLICT,                                                        \
      "The sexes differ, and the given name is not the same")                                      \
    X(DATE_DIFFERS, "date-differs", DOUBT, "The birth dates differ")                               \
    X(DATE_MISSING, "date-missing", DOUBT, "A birth date is missing, or only a year")              \
    X(DATE_UNSURE, "date-unsure", DOUBT,                                                           \
      "The birth dates are close, but no address or number agrees")                                \
    X(INEXACT, "inexact", DOUBT, "Several of name, birth date and identifier agree only roughly")  \
    X(SUFFIX_MISSING, "suffix-missing", DOUBT, "One of two namesakes has a generational suffix")   \
    X(SHARED_IDENTIFIER, "shared-identifier", DOUBT,                                               \
      "An identifier agrees, but neither name nor birth date does")                                \
    X(SAME_SOURCE, "same-authority", CONFLICT,                                                     \
      "The member has both under different identifiers, and no number or address agrees")          \
    X(OTHER_XAD, "other-xad-pid", CONFLICT,                                                        \
      "The affinity domain knows both under different XAD-PIDs")

enum mpi_reason {
#define X(name, code, kind, words) MPI_WHY_##name,
    MPI_REASON_TABLE(X)
#undef X
        MPI_WHY_COUNT
};
const char *mpi_why_code(enum mpi_reason r);
const char *mpi_why_words(enum mpi_reason r);

/* A set of reasons, bit by bit. */
typedef uint32_t mpi_reasons;
#define MPI_WHY(name) ((mpi_reasons)1 << MPI_WHY_##name)

/* The guards that a pair raises; the facts that only the caller knows are not among them. */
mpi_reasons mpi_guards(const struct mpi_model *m, const struct mpi_dict *d,
                       const struct mpi_view *a, const struct mpi_view *b,
                       const struct mpi_vector *v);
/* Those of the set that keep a pair from being linked; those that keep all records of two persons
 * from it; and whether the two may not even be reviewed. */
mpi_reasons mpi_guards_only(mpi_reasons all);
mpi_reasons mpi_guards_conflicts(mpi_reasons all);
bool mpi_guards_apart(mpi_reasons all);
/* The pair's weight: with a conflict, which the sum of its parts cannot see, never as much as a
 * link takes, so that a twin does not stand in the way of the person itself. */
double mpi_guards_temper(const struct mpi_model *m, double weight, mpi_reasons all);
