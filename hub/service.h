/* What the hub tells the network: who is admitted, which door a request is for, where it waits,
 * and what is written when its answer is over. All of it runs on I/O threads and never blocks. */
#pragma once

#include "hub/hub.h"

struct net_service hub_service(struct hub *hub);
