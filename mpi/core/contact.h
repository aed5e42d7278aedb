/* Telephones, e-mail addresses and identifiers as they are compared. Pure, any thread. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/str.h"

/* National significant number without country code where that is known (+1, +44, ...), at most 15
 * digits, as an integer; an extension falls off. 0: none, or a placeholder. "+1 (617) 555-0143",
 * "617.555.0143" and "16175550143" are one. */
uint64_t mpi_phone_read(struct arena *a, struct str s);

/* local@domain, lower-cased, without a +tag, or an empty string when it is no address. */
struct str mpi_email_read(struct arena *a, struct str s);

/* A national identifier as digits (US: nine; others 5 to 15), or its last four; empty when it is
 * none or was never issued (000-.., 666-.., 123-45-6789). */
struct str mpi_ssn_read(struct arena *a, struct str s);

/* Letters and digits, upper-cased, without leading zeros; empty when shorter than 3, a placeholder,
 * or when `type` names a scheme with a check digit and it is wrong: a number that nobody has. */
struct str mpi_id_read(struct arena *a, struct str type, struct str s);

/* Check digits: NHS number (modulus 11), Luhn, GS1 (EAN-13, SSCC). False on other than digits. */
bool mpi_check_nhs(struct str digits);
bool mpi_check_luhn(struct str digits);
bool mpi_check_gs1(struct str digits);
