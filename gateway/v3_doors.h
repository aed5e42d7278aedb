/* The doors of HL7 v3: /pix (ITI-44, 45) and /pdq (ITI-47). */
#pragma once

#include "hub/request.h"

extern const struct transaction v3_pix_transactions[], v3_pdq_transactions[];
