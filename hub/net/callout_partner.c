/* What is remembered of a partner between calls: how much is under way, and whether it answers. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "hub/net/callout_priv.h"

enum { PAUSE_MOST_US = 300 * 1000 * 1000 };

struct partner *partner_of(struct callout *c, const struct call *call)
{
    struct partner *p;

    for (size_t i = 0; i < c->partner_count; i++)
        if (c->partners[i].id == call->partner)
            return &c->partners[i];
    if (c->partner_count == PARTNERS_MAX)
        return NULL;
    p = &c->partners[c->partner_count++];
    *p = (struct partner){.id = call->partner};
    snprintf(p->name, sizeof(p->name), "%.*s", STR_ARG(call->partner_name));
    return p;
}

/* May a call begin now? `wait`: not yet. */
bool partner_admits(struct partner *p, const struct call *call, int64_t now_us, bool *wait)
{
    *wait = false;
    if (p->breaker == BREAKER_PROBING || (p->breaker == BREAKER_OPEN && now_us < p->again_us))
        return false;
    *wait = p->in_flight >= call->most_in_flight;
    return !*wait;
}

void partner_begins(struct partner *p, int64_t now_us, bool *probe)
{
    *probe = p->breaker == BREAKER_OPEN && now_us >= p->again_us;
    if (*probe)
        p->breaker = BREAKER_PROBING;
    p->in_flight++;
}

/* Partners that broke down together are not asked again together: up to half as long again. */
static int64_t jittered(int64_t us)
{
    return us + (int64_t)randombytes_uniform((uint32_t)(us / 2) + 1);
}

static void open_breaker(struct callout *c, struct partner *p, int64_t now_us)
{
    p->pause_us = p->breaker == BREAKER_PROBING ? p->pause_us * 2 : c->settings.leave_alone_us;
    if (p->pause_us > PAUSE_MOST_US)
        p->pause_us = PAUSE_MOST_US;
    p->again_us = now_us + jittered(p->pause_us);
    p->breaker = BREAKER_OPEN;
}

/* Does its end say that the partner does not work? What is malformed or too large is an answer. */
static bool is_failure(const struct call *call)
{
    return call->end == CALL_UNREACHABLE || call->end == CALL_UNTRUSTED || call->end == CALL_LATE ||
           (call->end == CALL_ANSWERED &&
            (call->http_status == 502 || call->http_status == 503 || call->http_status == 504));
}

void partner_ends(struct callout *c, struct partner *p, const struct call *call, bool was_begun,
                  bool probe, int64_t now_us)
{
    p->ends[call->end]++;
    p->took_us += (uint64_t)call->took_us;
    if (!was_begun)
        return;
    p->in_flight--;
    if (call->end == CALL_CANCELLED) { /* says nothing; another may probe */
        if (probe)
            p->breaker = BREAKER_OPEN;
        return;
    }
    if (!is_failure(call)) {
        p->breaker = BREAKER_CLOSED;
        p->failures = 0;
        return;
    }
    p->failures++;
    if (probe || (p->breaker == BREAKER_CLOSED && p->failures >= BREAKER_FAILURES))
        open_breaker(c, p, now_us);
}

/* --- metrics ---------------------------------------------------------------------------------- */

static const char *const end_names[CALL_ENDS] = {
    [CALL_ANSWERED] = "answered",
    [CALL_NOT_MADE] = "not_made",
    [CALL_UNREACHABLE] = "unreachable",
    [CALL_UNTRUSTED] = "untrusted",
    [CALL_LATE] = "late",
    [CALL_TOO_LARGE] = "too_large",
    [CALL_MALFORMED] = "malformed",
    [CALL_CANCELLED] = "cancelled",
};

const char *call_end_name(enum call_end end)
{
    return end_names[end];
}

static void write_calls(struct callout *c, struct strbuf *b)
{
    strbuf_lit(b, "# HELP causeway_community_calls_total Calls to communities, by how they ended\n"
                  "# TYPE causeway_community_calls_total counter\n");
    for (size_t i = 0; i < c->partner_count; i++)
        for (int e = 0; e < CALL_ENDS; e++)
            if (c->partners[i].ends[e] > 0)
                strbuf_addf(b,
                            "causeway_community_calls_total{community=\"%s\",end=\"%s\"} %" PRIu64
                            "\n",
                            c->partners[i].name, end_names[e], c->partners[i].ends[e]);
}

void callout_metrics_write(struct callout *c, struct strbuf *b)
{
    pthread_mutex_lock(&c->lock);
    write_calls(c, b);
    strbuf_lit(b, "# HELP causeway_community_seconds_total Seconds that calls took\n"
                  "# TYPE causeway_community_seconds_total counter\n");
    for (size_t i = 0; i < c->partner_count; i++)
        strbuf_addf(b, "causeway_community_seconds_total{community=\"%s\"} %.6f\n",
                    c->partners[i].name, (double)c->partners[i].took_us / 1e6);
    strbuf_lit(b, "# HELP causeway_community_in_flight Calls under way\n"
                  "# TYPE causeway_community_in_flight gauge\n");
    for (size_t i = 0; i < c->partner_count; i++)
        strbuf_addf(b, "causeway_community_in_flight{community=\"%s\"} %d\n", c->partners[i].name,
                    c->partners[i].in_flight);
    strbuf_lit(b, "# HELP causeway_community_breaker 0: it is called, 1: it is left alone, "
                  "2: one call probes it\n"
                  "# TYPE causeway_community_breaker gauge\n");
    for (size_t i = 0; i < c->partner_count; i++)
        strbuf_addf(b, "causeway_community_breaker{community=\"%s\"} %d\n", c->partners[i].name,
                    (int)c->partners[i].breaker);
    pthread_mutex_unlock(&c->lock);
}
