/* The one place where a principal is built: from the connection's certificate, which named the
 * member at the handshake, and the members' directory of this request. Never from a header or a
 * body. A suspended or vanished member is DENIED, and so is a
 * certificate that has been removed or has expired since the handshake. */
#pragma once

#include "hub/request.h"

enum status principal_build(struct request *rq) MUST_CHECK;

/* For what the hub sends by itself (hub/outbox.h): the member that it is addressed to, so that it
 * is told what it would be told if it asked. DENIED when it is not, or no longer, admitted. */
enum status principal_of_addressee(struct request *rq, int64_t member_id) MUST_CHECK;
