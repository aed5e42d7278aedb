/* The keys of mpi_search: by what a record is found without the matching core. Pure. Internal to
 * mpi/search*.c. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

/* Rules, each with the value that is hashed and what `sort` holds. */
#define MPI_SEARCH_FAMILY  'F' /* first letters of a family name: FAMILY|GIVEN|YYYYMMDD|S| */
#define MPI_SEARCH_DATE    'D' /* YYYYMMDD: FAMILY|GIVEN|YYYYMMDD|S| */
#define MPI_SEARCH_ACCOUNT 'A' /* an account's number: empty */
#define MPI_SEARCH_VISIT   'V' /* a visit's number: empty */

enum { MPI_SEARCH_BEGINNING = 3 };

int64_t mpi_search_key(char rule, struct str value);
/* The first letters of a folded family name. A shorter name is its own beginning. */
struct str mpi_search_beginning(struct arena *a, struct str folded);
