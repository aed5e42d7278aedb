/* A small service for the tests of the server: it runs on a worker thread of its own, answers by
 * path, and remembers what it was told.
 *
 *   /echo       the body as it came, or the size of each part
 *   /big        a body of query= bytes, in memory
 *   /source     the same from a byte_source
 *   /unknown    the same, of a length that nobody says
 *   /broken     a source that gives half of it, then fails
 *   /slow       waits until the exchange is cancelled (or a second is over)
 *   /rest       rests for half a second after the answer
 *   /none       404 before the body, as everything else
 *   MLLP        "ACK" and the message */
#pragma once

#include "hub/net/server.h"

struct service_record {
    int finished, sent, gone, broken, cancelled, refused, asked;
    int last_status; /* of the last answer */
    char last_refusal[256];
    struct peer last_peer;
};

struct net_service service_begin(void);
void service_end(void); /* after the server's end */
struct service_record service_record(void);
void service_suspend(bool all); /* admits nobody from now on */

/* Waits up to five seconds until `finished` answers are over. */
struct service_record service_await(int finished);
