/* What the parts of callout share: the thread's own view of calls and partners. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include "hub/net/callout.h"
#include "hub/net/gather.h"

enum { PARTNERS_MAX = 512 };

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };

/* Written by the thread, under callout.lock where metrics read. */
struct partner {
    int64_t id;
    char name[64];
    enum breaker breaker;
    int failures; /* in a row */
    int64_t pause_us, again_us;
    int in_flight;
    uint64_t ends[CALL_ENDS], took_us;
};

/* One call on its way. */
struct flight {
    struct callout *callout;
    struct call_set *set;
    struct call *call;
    struct partner *partner;
    CURL *easy; /* NULL: it waits for its turn, or for its next attempt */
    struct curl_slist *fields;
    int64_t due_us; /* of the next attempt */
    int rank;       /* of its asker's calls to this partner, when it came: 0 was the only one */
    uint64_t received;
    struct gather *gather;
    struct multipart *multipart;
    bool untrusted, too_large, malformed, unreadable, begun, probe;
    struct flight *next, **link; /* of callout.flights */
};

struct callout {
    struct callout_settings settings;
    pthread_t thread;
    pthread_mutex_t lock; /* over submitted, stopping, partners */
    struct call_set *submitted, *last_submitted;
    bool stopping;
    CURLM *multi;
    struct partner partners[PARTNERS_MAX];
    size_t partner_count;
    struct flight *flights; /* by rank, then as they came */
};

/* callout_queue.c. Under no lock: the thread's alone. */
void queue_flight(struct callout *c, struct flight *f);

/* callout_partner.c. Under the lock. NULL: there are too many of them. */
struct partner *partner_of(struct callout *c, const struct call *call);
bool partner_admits(struct partner *p, const struct call *call, int64_t now_us, bool *wait);
void partner_begins(struct partner *p, int64_t now_us, bool *probe);
void partner_ends(struct callout *c, struct partner *p, const struct call *call, bool was_begun,
                  bool probe, int64_t now_us);

/* callout_wire.c: an easy handle for one attempt, and what came of it. */
bool wire_begin(struct flight *f, int64_t now_us);
void wire_end(struct flight *f, CURLcode result);
