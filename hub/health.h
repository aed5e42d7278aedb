/* The admin listener's doors: /healthz (the process is there), /readyz (it can serve: database,
 * migrations, audit partitions), /metrics (Prometheus text). Plain HTTP, for loopback only. */
#pragma once

#include "hub/module.h"

extern const struct hub_module health_module;

/* Gauges that only the running hub knows (connections, lanes), added to /metrics. */
void hub_gauges_write(struct hub *hub, struct strbuf *b);
