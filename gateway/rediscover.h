/* Asks communities again, before it runs out, who a patient is there: in the background, and only
 * where the operator says for which purpose (rediscovery_purpose).
 *
 * The hub itself asks then: a principal without a member and a person, of the role "system" and
 * that purpose. Its questions pass the gate of every question (gateway/xcpd.h): a community is told
 * what it may be told for that purpose, or is not asked. Each has its audit row. Only matches are
 * asked about again, in their last hour and in the second half of their time, and only for
 * rediscovery_days after somebody asked about the patient.
 *
 * Of several hubs one is at it at a time, by lease (table community_chore): what it learns after
 * its lease has run out, or the members have changed, is not used. */
#pragma once

#include "hub/hub.h"

/* Takes a step and does not wait: asks about some patients, or, once all have answered, judges the
 * answers. The keeper's thread alone. */
void rediscover_tend(struct hub *hub, struct db *db);
/* When no thread runs any more. */
void rediscover_stop(void);

void rediscover_doors(door_visitor *visit, void *to);
