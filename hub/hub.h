/* The running hub: what workers, routes and the network share. One a process. */
#pragma once

#include "hub/module.h"
#include "hub/net/server.h"

struct hub;

/* Starts everything that `causeway serve` needs and runs until a signal stops it: SIGTERM and
 * SIGINT drain, SIGHUP re-reads certificates and CRLs. Writes the listeners' actual addresses to
 * ready_file (JSON; may be NULL) when all of them listen. */
enum status hub_serve(const struct config *config, const struct hub_module *const *modules,
                      const char *ready_file, struct errors *err) MUST_CHECK;

/* The master key file: 32 bytes, mode 0600 or stricter, into sodium_malloc memory that is never
 * freed. Rooms derive their own keys from it with crypto_kdf (context of 8 characters). */
enum status hub_master_key(const struct config *config, const unsigned char **key,
                           struct errors *err) MUST_CHECK;
