/* `causeway community`: other communities, where they are reached, and what is put up with. */
#pragma once

#include "hub/command/operation.h"
#include "hub/module.h"

extern const struct command community_command;

/* Make a member a community, or give it another home; and say where one of its services is reached:
 * query, retrieve, discovery or provide. Queue. */
void community_put(struct operation *o, const struct member *m, struct str home);
void community_put_endpoint(struct operation *o, const struct member *m, const char *service,
                            struct str url);
/* Is it an OID, and not this community's own? */
enum status community_check_home(struct operation *o, struct str home) MUST_CHECK;
