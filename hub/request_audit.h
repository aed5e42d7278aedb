/* What the request driver tells the audit log of a request. */
#pragma once

#include "hub/request.h"

/* The rows of what the handler did, ready to be written. */
enum status request_audit_make(struct request *rq, struct audit_ready *ready) MUST_CHECK;

/* In place of them a failure's own row: what was asked, by whom, about whom, and why it failed. */
void request_audit_failure(struct request *rq, enum status status);
