/* A question to another community: its envelope, its call, and the waiting of the request that
 * asks.
 *
 * The envelope is Simple SOAP with WS-Addressing, as ITI-38, 39, 55 and 80 have it; ITI-39 and 80
 * go out as MTOM. The consumer's assertion goes with it, byte by byte, where the request had one
 * (ITI-40: the gateway asks on behalf of the same person). The request's id goes along as
 * X-Request-Id, so that it can be followed from hub to hub. */
#pragma once

#include "gateway/partner.h"

/* A part that the body includes (xop:Include) by its id; read while it goes out. */
struct question_part {
    struct str content_id, content_type;
    struct byte_source *source;
};

struct question {
    const struct partner *partner;
    const char *action;    /* wsa:Action */
    struct str url, body;  /* body: the one element of soap:Body, as text */
    struct str header;     /* further blocks of soap:Header, as text; empty: none */
    struct str message_id; /* filled by question_call */
    bool mtom;
    const struct question_part *parts; /* beside the root; with mtom alone */
    size_t part_count;
    bool once; /* asking twice does harm; always where there are parts */
    size_t max_answer;
    const struct part_sink *sink;
};

/* Makes the call of it. */
struct call question_call(struct request *rq, struct question *q);

/* Makes the request wait until these calls have ended; then `then` runs. */
void questions_ask(struct request *rq, struct call *calls, size_t n,
                   const struct transaction *then);

/* Are there endpoints that a request may be sent to: https, to a host, no user, no fragment. */
bool question_url_valid(struct str url);
