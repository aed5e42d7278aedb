/* Who an identifier stood for when this caller asked last, so that what hangs on the person is
 * asked for in the flush that looks the identifier up: a round trip less, or two. A guess decides
 * nothing. The look-up is made all the same, in the same snapshot, with the person's row; where
 * they say otherwise, what came by the guess is thrown away (hub/base/hints.h). */
#pragma once

#include "mpi/identity.h"

struct mpi_guess {
    struct person person; /* as it was; nobody was merged into it */
    struct mpi_people people;
};

/* Queues the person's row, for a look-up of one identifier that is queued. False when there is no
 * guess: nothing is queued. */
bool mpi_guess_queue(struct request *rq, const struct mpi_lookup *lookup, struct mpi_guess *guess);
/* After the flush: is it still so? Then guess->people is what the person's row says. */
enum status mpi_guess_read(struct request *rq, struct mpi_guess *guess, struct person_ref person,
                           bool *holds) MUST_CHECK;

/* For the next time that this caller asks. Persons of many places, and those whom others were
 * merged into, are not kept. */
void mpi_guess_keep(const struct request *rq, const struct mpi_lookup *lookup,
                    const struct person *person);
