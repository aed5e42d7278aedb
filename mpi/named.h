/* How people at a terminal name persons and records, and how they are shown to them:
 *
 *     P12.34   a person: its place and number       R12.35   a record: likewise
 *     'M-17^^^&1.2.3.4&ISO'   an identifier: its record, or the person of that record
 *
 * and an XAD-PID alone names the person. */
#pragma once

#include "hub/command/operation.h"
#include "hub/request.h"
#include "mpi/steward.h"

/* Each adds the audit row about the person, once named. NOT_FOUND, or INVALID "usage". */
enum status mpi_named_person(struct operation *o, struct request *rq, const char *text,
                             struct person_ref *out) MUST_CHECK;
enum status mpi_named_record(struct operation *o, struct request *rq, const char *text,
                             struct place *out) MUST_CHECK;

struct str mpi_person_name(struct arena *a, struct person_ref ref);
struct str mpi_record_name(struct arena *a, struct place place);
/* P12.34 without a query: for tests and parsers. False when it is not one. */
bool mpi_name_parse(struct str s, char letter, int64_t *place, int64_t *number);
