/* FHIR R4 over HTTP, JSON: the protocol of FHIR routes. A route has one transaction; a failure is
 * an OperationOutcome whose code is that of the failure when FHIR knows it (IssueType), and which
 * carries the request's id. */
#pragma once

#include "hub/request.h"

extern const struct protocol fhir_protocol;

/* 200 with this JSON. */
void fhir_answer(struct reply *rp, struct str json);

/* The parameters of a search as they came: those of the URL, then, of a POST, those of the form.
 * What cannot be a form is INVALID ("not-supported"). */
enum status fhir_search_text(struct request *rq, struct str *url, struct str *form) MUST_CHECK;
