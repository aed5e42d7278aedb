/* ITI-42 Register Document Set-b (IHE ITI TF-2 3.42). Wants READ COMMITTED. */
#pragma once

#include "hub/request.h"

enum status xds_register(struct request *rq, struct reply *rp) MUST_CHECK;
