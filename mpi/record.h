/* Demographics as a member feeds them, before anything is normalised: what decoders (HL7 v2, v3,
 * FHIR) fill and mpi_record.demographics keeps as JSON.
 *
 * All text is UTF-8 and borrowed. A value has three states, as HL7 v2 has (2.5, 2.6.5): absent
 * (p == NULL: leave what is known), deleted (an empty string: forget it), or given. Lists are
 * replaced as a whole when they are given. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"

/* X(field): the members of the struct and the keys of the JSON. */
#define MPI_NAME_FIELDS(X) X(family) X(given) X(middle) X(suffix) X(prefix) X(type)
#define MPI_ADDRESS_FIELDS(X)                                                                      \
    X(street) X(other) X(city) X(state) X(postcode) X(country) X(type) X(county)
#define MPI_TELECOM_FIELDS(X) X(value) X(use) X(equipment)
/* birth_date is a DTM (YYYY[MM[DD...]]); sex an HL7 table 0001 code; type and use HL7 codes;
 * account (PID-18) and visit (PV1-19, of the last one) CX, or a number alone where no authority is
 * known; visit_class HL7 table 0004. */
#define MPI_SINGLE_FIELDS(X)                                                                       \
    X(birth_date)                                                                                  \
    X(sex)                                                                                         \
    X(ssn)                                                                                         \
    X(mother_family)                                                                               \
    X(mother_given)                                                                                \
    X(multiple_birth) X(birth_order) X(deceased_at) X(deceased) X(account) X(visit) X(visit_class)

#define MPI_FIELD(name) struct str name;
struct mpi_name {
    MPI_NAME_FIELDS(MPI_FIELD)
};
struct mpi_address {
    MPI_ADDRESS_FIELDS(MPI_FIELD)
};
struct mpi_telecom {
    MPI_TELECOM_FIELDS(MPI_FIELD)
};

enum { MPI_REPETITIONS_MAX = 32 }; /* of one list; decoders keep the first ones */

struct mpi_demographics {
    MPI_SINGLE_FIELDS(MPI_FIELD)
    bool names_given, addresses_given, telecoms_given; /* given, if only to delete them */
    struct mpi_name *names;
    size_t name_count;
    struct mpi_address *addresses;
    size_t address_count;
    struct mpi_telecom *telecoms;
    size_t telecom_count;
};
#undef MPI_FIELD

/* The legal name: the first of type L, else the first without a type, else the first; NULL when
 * there is none. */
const struct mpi_name *mpi_demographics_name(const struct mpi_demographics *d);

/* What is known after an update: `update` where it says something, `known` elsewhere. */
struct mpi_demographics mpi_demographics_update(const struct mpi_demographics *known,
                                                const struct mpi_demographics *update);

/* The end of a national identifier, by which two can be told apart: for people's eyes. */
struct str mpi_number_masked(struct arena *a, struct str number);

struct str mpi_demographics_json(struct arena *a, const struct mpi_demographics *d);
/* Reads what mpi_demographics_json wrote; unknown keys are let pass. */
enum status mpi_demographics_parse(struct arena *a, struct str json, struct mpi_demographics *out,
                                   struct errors *err) MUST_CHECK;
