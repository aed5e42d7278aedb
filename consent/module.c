#include "consent/module.h"

/* Consent has no door of its own: the gates of other rooms ask it. */
const struct hub_module consent_module = {.name = "consent"};
