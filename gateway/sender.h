/* Does a message come from whom its header says? Asked by every handler, inside its transaction,
 * where the members' directory is known to be the one in force. */
#pragma once

#include "hub/request.h"

/* DENIED when MSH-3 and MSH-4 do not belong to the certificate's member. */
enum status sender_check(struct request *rq) MUST_CHECK;
