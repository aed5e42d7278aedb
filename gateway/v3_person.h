/* Demographics <-> HL7 v3: what ITI-44 brings and ITI-47 tells of a person. Pure.
 *
 * Sources: HL7 v3 NE2008 PRPA_MT201301 and 201302 (patient), PRPA_MT201310 (answers); data types
 * R1 (EN, AD, TEL); IHE ITI TF-2 tables 3.44.4.1.2-1 and 3.47.4.2.2-8. Codes are those of HL7 v2,
 * which the index keeps. */
#pragma once

#include "gateway/hl7v3.h"
#include "mpi/record.h"

/* The parts of an EN, each joined by a space where it stands several times; `middle` has the given
 * names behind the first. Without the family name of birth (qualifier BR). */
struct mpi_name v3_name_read(struct arena *a, const xmlNode *name);
struct mpi_address v3_address_read(struct arena *a, const xmlNode *addr);
/* tel:+41..., fax:... and mailto:... without their scheme, which tells the equipment. */
struct mpi_telecom v3_telecom_read(const xmlNode *telecom);
/* AdministrativeGender as HL7 table 0001: M, F, O (UN); empty otherwise. */
struct str v3_sex_read(struct str code);

/* Of a Patient element and its patientPerson. What is absent says nothing. INVALID, code 102, for
 * dates that are none. */
enum status v3_person_read(struct request *rq, const xmlNode *patient,
                           struct mpi_demographics *out) MUST_CHECK;

/* Writes patientPerson of PRPA_MT201310. */
void v3_person_write(struct xml_writer *w, const struct mpi_demographics *d);
/* Writes subjectOf1 of its patient: how well it answers, 0 to 1. */
void v3_match_write(struct xml_writer *w, double fit);
