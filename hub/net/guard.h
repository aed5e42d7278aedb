/* How many TLS handshakes one address may begin a second, and have under way: a handshake is the
 * dearest thing that a stranger can make the hub do.
 *
 * Addresses (IPv6: networks of 64 bits) share a fixed number of slots, by a hash with a secret of
 * the process: nothing grows with the number of attackers, and none can choose whose slot is its
 * own. Any thread. */
#pragma once

#include <sys/socket.h>

#include "hub/base/bucket.h"

struct guard;

struct guard_limits {
    struct bucket_rate rate; /* of handshakes begun; per_second 0: no limit */
    int under_way;           /* 0: no limit */
};

enum guard_word { GUARD_ADMITTED, GUARD_REFUSED, GUARD_REFUSED_AGAIN /* and told a moment ago */ };

struct guard *guard_new(const struct guard_limits *limits);
void guard_free(struct guard *g);

/* A connection came. Admitted: *slot is held until guard_leave, at the handshake's end. */
enum guard_word guard_enter(struct guard *g, const struct sockaddr_storage *from, int64_t now_us,
                            int *slot);
void guard_leave(struct guard *g, int slot);
