/* Dates of birth as people write them. A date is eight decimal digits in an integer, YYYYMMDD;
 * parts that are not known are 0 (19800000: a year), 0 alone is no date. Impossible parts that are
 * plainly typing errors (1856-86-18) are kept: digit by digit they still tell. Pure, any thread. */
#pragma once

#include "hub/base/str.h"

/* How a date of three numbers without a four-digit year in front is read. */
enum mpi_date_order { MPI_DATE_MDY, MPI_DATE_DMY };

/* Reads 1980-02-03 (with or without a time), 19800203, 1980, 1980-02, 198002, 03/02/1980,
 * 3.2.80, 3 Feb 1980, February 3, 1980. Placeholders (1900-01-01, 9999-12-31, ...) and dates out
 * of 1200..2199 give 0. A year of two digits is 1930..2029. */
uint32_t mpi_date_read(struct str s, enum mpi_date_order order);
uint32_t mpi_date_of_parts(struct str year, struct str month, struct str day);

/* Says something for one of the two orders: 1 day first, -1 month first, 0 nothing. Summed over a
 * column it tells how to read it. */
int mpi_date_order_hint(struct str s);

#define MPI_DATE_YEAR(d)  ((d) / 10000)
#define MPI_DATE_MONTH(d) ((d) / 100 % 100)
#define MPI_DATE_DAY(d)   ((d) % 100)
