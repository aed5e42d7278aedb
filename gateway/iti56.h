/* Patient location query (ITI-56, responding): in which communities is somebody known? (IHE ITI
 * TF-2 3.56; XCPD Health Data Locator option.)
 *
 * Only where the operator makes this hub a health data locator (`health_data_locator`): then the
 * answers to ITI-55 say that it is one, and this transaction tells what communities said of a
 * patient whom the asker may see here, for as long as they said it holds (correlation.h). */
#pragma once

#include "hub/request.h"

enum status iti56_locate(struct request *rq, struct reply *rp); /* REPEATABLE_READ */
