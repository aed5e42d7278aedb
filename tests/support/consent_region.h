/* A domain for tests of what stands above it: opt-out, and everyone has agreed with everyone. */
#pragma once

#include "consent/domain.h"

static const struct consent_agreement REGION_WIDE = {.version = 1,
                                                     .valid_from_us = INT64_MIN,
                                                     .valid_until_us = INT64_MAX};
static const struct consent_domain REGION = {.standard = {CONSENT_PERMIT, 1},
                                             .agreements = &REGION_WIDE,
                                             .agreement_count = 1};
