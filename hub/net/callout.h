/* Calls to other hubs: many at once, on one thread, over mutual TLS (libcurl's multi interface).
 *
 * Whoever asks hands over a set of calls; the thread makes them side by side, reads the answers
 * under a cap, streams MTOM parts into a part_sink, and calls `done` when each has ended. Nobody
 * waits for the network meanwhile, and no database connection is held. A set, its calls and the
 * arena that they live in belong to the thread from callout_start until `done`, which runs on it
 * and must not block.
 *
 * A call has two deadlines, both from callout_start: `soft_us` until the first byte of its answer,
 * `hard_us` until the last. A partner (a community) has at most `most_in_flight` calls under way;
 * others wait for their turn, within their deadlines: first who has fewest calls to that partner. A
 * call that may be repeated is tried again,
 * with pauses of random length, when the connection failed or the partner said that it is busy. A
 * partner that fails BREAKER_FAILURES times in a row is left alone for a while: calls to it fail at
 * once. Then one call probes it, and its answer decides. Connections are kept and used again; the
 * certificate behind one is judged anew before every request. No redirects, no proxies, HTTPS only.
 */
#pragma once

#include "hub/net/dial.h"
#include "hub/net/exchange.h"

enum {
    CALL_WORDS = 160,
    BREAKER_FAILURES = 5,
};

enum call_end {
    CALL_ANSWERED,    /* an HTTP answer came whole, whatever its status */
    CALL_NOT_MADE,    /* the partner is being left alone (its breaker is open) */
    CALL_UNREACHABLE, /* no connection, or it broke */
    CALL_UNTRUSTED,   /* it showed another certificate than its own */
    CALL_LATE,        /* a deadline passed */
    CALL_TOO_LARGE,   /* the answer, or one of its parts in memory, is above the cap */
    CALL_MALFORMED,   /* its packaging cannot be read */
    CALL_CANCELLED,   /* nobody waits for it any more */
    CALL_ENDS,
};

/* "answered", "late", ...: for logs and metrics. */
const char *call_end_name(enum call_end end);

struct call {
    /* Filled by the caller, borrowed until `done`: */
    int64_t partner;         /* its member number: calls to one share connections and a breaker */
    struct str partner_name; /* for metrics */
    const char *url;         /* https://HOST[:PORT]/PATH */
    struct str content_type, body;
    struct byte_source *source; /* of a body that is too large for memory; NULL: `body`. It is read
                                   once, on the thread: not of a repeatable call */
    const struct str *fields;   /* further "Name: value" fields */
    size_t field_count;
    bool repeatable;          /* asking twice does no harm */
    int64_t soft_us, hard_us; /* durations */
    int most_in_flight;
    size_t max_answer;            /* bytes of the answer that stay in memory */
    uint64_t max_transfer;        /* bytes of the whole answer, parts included */
    const struct part_sink *sink; /* for MTOM parts; NULL keeps them in memory */
    bool raw_multipart;           /* announced as multipart, it may yet be plain XML */
    /* Is it whom we mean? Runs on the thread. */
    bool (*trust)(void *context, const struct call *call, const struct dial_trust *shown);
    void *trust_context;

    /* Filled by the thread: */
    enum call_end end;
    char words[CALL_WORDS]; /* why it failed, without patient data */
    int http_status;
    struct str answer_type;
    struct body answer;
    int attempts;
    int64_t took_us;
};

struct call_set {
    struct call *v;
    size_t n;
    struct arena *arena;          /* answers live here */
    const atomic_bool *cancelled; /* the client has gone; may be NULL */
    int64_t asker;                /* on whose behalf: a member's number */
    void (*done)(void *context);
    void *context;
    struct call_set *next; /* the thread's own */
    size_t open;
    int64_t started_us;
};

struct callout_settings {
    struct net_tls_settings tls; /* files, read anew for each connection */
    int64_t leave_alone_us;      /* first pause of a breaker; twice that after each failed probe */
    int most_attempts;           /* of a repeatable call */
};

struct callout;

struct callout *callout_new(const struct callout_settings *settings);
/* Any thread. An empty set is done at once, on the calling thread; so is every set after stop. */
void callout_start(struct callout *c, struct call_set *set);
/* Cancels what is under way, waits for the thread. Then callout_free. */
void callout_stop(struct callout *c);
void callout_free(struct callout *c);

/* Per partner, in Prometheus' text form: calls by end, seconds, in flight, breaker. Any thread. */
void callout_metrics_write(struct callout *c, struct strbuf *b);
