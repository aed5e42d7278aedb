/* What the gateway does beside requests. */
#pragma once

#include "hub/hub.h"

/* As hub_module.tend. The keeper's thread alone. */
bool gateway_tend(struct hub *hub, struct db *db, struct arena *a);
