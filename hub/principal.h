/* The one place where a principal is built: from the connection's certificate, which named the
 * member at the handshake, and the members' directory of this request. Never from a header or a
 * body. A suspended or vanished member is DENIED, and so is a
 * certificate that has been removed or has expired since the handshake. */
#pragma once

#include "hub/request.h"

enum status principal_build(struct request *rq) MUST_CHECK;
