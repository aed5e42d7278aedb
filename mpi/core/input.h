/* What is known of one record before anything is normalised: the plain struct that HL7 and FHIR
 * demographics (mpi/record.h) and rows of a CSV file (mpi/batch) are both read into.
 *
 * All text is UTF-8, borrowed, and as it came: any case, with punctuation, in any order of words.
 * An empty string means that nothing is known. Lists keep the first values that fit; a value more
 * is not an error, the core compares sets. */
#pragma once

#include "hub/base/str.h"
#include "mpi/core/date.h"

enum {
    MPI_INPUT_NAMES = 8,
    MPI_INPUT_ADDRESSES = 6,
    MPI_INPUT_PHONES = 8,
    MPI_INPUT_EMAILS = 4,
    MPI_INPUT_IDS = 8,
    MPI_INPUT_DATES = 2,
    MPI_INPUT_WORDS = 4, /* birthplaces, occupations */
};

/* Parts, or `whole` ("John A. Smith Jr", "Smith, John"), or both. */
struct mpi_input_name {
    struct str whole, given, middle, family, maiden, suffix;
};

/* Parts, or `whole` ("12 Main St Apt 4, Springfield, IL 62704"), or both. `street` may hold the
 * house number and the unit as well. */
struct mpi_input_address {
    struct str whole, number, street, unit, city, state, postcode, country;
};

/* `type` keeps identifiers of different issuers apart: an OID, a name, or nothing. */
struct mpi_input_id {
    struct str type, value;
};

struct mpi_input {
    struct mpi_input_name names[MPI_INPUT_NAMES];
    size_t name_count;
    struct mpi_input_address addresses[MPI_INPUT_ADDRESSES];
    size_t address_count;
    struct str phones[MPI_INPUT_PHONES];
    size_t phone_count;
    struct str emails[MPI_INPUT_EMAILS];
    size_t email_count;
    struct mpi_input_id ids[MPI_INPUT_IDS]; /* without the social security number */
    size_t id_count;
    struct str birth_dates[MPI_INPUT_DATES]; /* any common form (mpi/core/date.h) */
    size_t birth_date_count;
    enum mpi_date_order date_order;                /* of birth_dates that could be read two ways */
    struct str birth_year, birth_month, birth_day; /* where the date comes in parts */
    struct str sex;                                /* M, Female, 1, ... */
    struct str ssn;                                /* the national identifier; "6789": its end */
    struct str mother_given, mother_family;
    struct str birth_order;    /* of a multiple birth */
    struct str multiple_birth; /* Y, true, 1: one of several */
    struct str birthplaces[MPI_INPUT_WORDS];
    size_t birthplace_count;
    struct str occupations[MPI_INPUT_WORDS];
    size_t occupation_count;
};
