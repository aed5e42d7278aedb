/* One HTTP request while it comes in: the parser, the limits, and where the body goes. Pure but
 * for the part_sink; lives in the exchange's arena. */
#pragma once

#include "hub/net/gather.h"
#include "hub/net/http1.h"
#include "hub/net/multipart.h"
#include "hub/net/server.h"

/* What the request holds in memory until it is answered: what is parsed of it, and its body. */
struct intake_memory {
    struct holding head, body;
};

enum intake_event {
    INTAKE_MORE,
    INTAKE_HEAD,    /* the exchange's head is filled: ask accept_head, then intake_accepted */
    INTAKE_READY,   /* the exchange is complete */
    INTAKE_REFUSED, /* final; status and fault say why */
};

struct intake {
    struct exchange *exchange;
    const struct net_settings *settings;
    struct intake_memory *memory;
    struct http1 parser;
    struct multipart *multipart; /* where the body goes: one of the two */
    struct gather *whole;
    uint64_t received; /* bytes of the body */
    int status;
    struct str fault;
};

struct intake *intake_new(struct exchange *ex, const struct net_settings *settings,
                          struct intake_memory *memory);
enum intake_event intake_feed(struct intake *in, struct str *bytes);

/* The layer above has set route, sink and max_body. False: refused after all, 413 or 400. */
bool intake_accepted(struct intake *in);
