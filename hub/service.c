#include "hub/service.h"

#include <sodium.h>
#include <stdio.h>

#include "hub/base/log.h"
#include "hub/notices.h"
#include "hub/run.h"

static void describe_peer(const struct peer *p, char *out, size_t size)
{
    snprintf(out, size, "%s %s", p->address, p->subject);
}

static bool admit(void *context, struct peer *peer)
{
    struct hub *hub = context;
    struct member_directory *d = hub_directory(hub);
    const struct member *m =
        member_by_cert(d, peer->fingerprint, peer->chain_valid, clock_now_us());

    peer->member_id = m != NULL && !m->suspended ? m->id : 0;
    member_directory_release(d);
    return peer->member_id != 0;
}

static void refused(void *context, const struct peer *peer, const char *reason)
{
    struct notice n = {.kind = NOTICE_REFUSED_PEER, .at_us = clock_now_us(), .request = uuid_v7()};

    (void)context;
    metric_add(METRIC_handshakes_refused_total, 1);
    describe_peer(peer, n.peer, sizeof(n.peer));
    memcpy(n.fingerprint, peer->fingerprint, sizeof(n.fingerprint));
    snprintf(n.text, sizeof(n.text), "Node authentication failed: %s", reason);
    log_info("peer_refused", "peer=%s reason=%s", n.peer, reason);
    notice_leave(&n);
}

static int accept_head(void *context, struct exchange *ex)
{
    struct hub *hub = context;
    int refusal;
    const struct route *r = hub_route(hub, ex, &refusal);

    if (r == NULL)
        return refusal;
    ex->route = r;
    ex->sink = r->sink;
    ex->max_body = (uint64_t)hub->config->max_message_kb * 1024;
    return 0;
}

/* What the member may have of its lane: its own registration, then the configuration. */
static struct share share_of(struct hub *hub, int64_t member_id)
{
    const struct config *c = hub->config;
    struct member_directory *d = hub_directory(hub);
    const struct member *m = member_by_id(d, member_id);
    struct member_share own = m != NULL ? m->share : (struct member_share){.weight = MEMBER_WEIGHT};
    int64_t rate = own.rate > 0 ? own.rate : c->member_rate;
    int64_t running = own.running > 0 ? own.running : c->workers * c->member_running / 100;
    struct share share = {
        .weight = own.weight,
        .rate = {rate, rate},
        .waiting = (size_t)(own.waiting > 0 ? own.waiting : c->member_waiting),
        .running = (size_t)(running > 0 ? running : 1),
        .asking = (size_t)c->member_asking,
    };

    snprintf(share.name, sizeof(share.name), "%.*s", STR_ARG(m != NULL ? m->name : STR_NONE));
    member_directory_release(d);
    return share;
}

/* Who reads health and metrics is nobody's rival; who sends records is slowed down by its own
 * connection, which is not read while its last ones are stored. */
static struct share whole_lane(void)
{
    return (struct share){.weight = MEMBER_WEIGHT,
                          .waiting = SIZE_MAX,
                          .running = SIZE_MAX,
                          .asking = PTRDIFF_MAX};
}

static const char *const refusals[FAIR_REFUSALS] = {
    [FAIR_RATE] = "This member sends more requests a second than it may",
    [FAIR_MEMBER_FULL] = "This member has as many requests waiting as it may",
    [FAIR_LANE_FULL] = "Every worker is busy and the queue is full",
};

/* A record a second for each member, so that no flood becomes one of records; each says how many
 * are missing before it. */
static void note_refusal(struct hub *hub, struct queue *lane, const struct exchange *ex,
                         const char *why)
{
    struct notice n = {.kind = NOTICE_BUSY,
                       .at_us = clock_now_us(),
                       .request = ex->id,
                       .member_id = ex->peer->member_id};
    struct share share = share_of(hub, ex->peer->member_id);
    uint64_t unsaid;

    if (!queue_refusal_told(lane, ex, &unsaid))
        return;
    snprintf(n.text, sizeof(n.text), "%s; %llu more refused since the last such record", why,
             (unsigned long long)unsaid);
    snprintf(n.member, sizeof(n.member), "%.63s", share.name);
    describe_peer(ex->peer, n.peer, sizeof(n.peer));
    notice_leave(&n);
}

/* Its connection rests for as long as the answer says, so that the refusals cost little; and up to
 * a second more, or all connections of a flood would come back at once. */
static void refuse_busy(struct hub *hub, struct queue *lane, struct exchange *ex, const char *why)
{
    note_refusal(hub, lane, ex, why);
    metric_add(METRIC_requests_refused_total, 1);
    reply_reset(&ex->reply);
    ex->rest_us = US_PER_SECOND + randombytes_uniform(US_PER_SECOND);
    if (ex->wire != WIRE_HTTP) {
        ex->reply.close = true; /* no acknowledgement: the sender sends it again */
    } else {
        ex->reply.http_status = 503;
        reply_field(&ex->reply, STR("Retry-After"), STR("1"));
        reply_field(&ex->reply, STR("Content-Type"), STR("text/plain"));
        reply_add(&ex->reply, str_printf(&ex->arena, "%s; send it again after a second\n", why));
    }
    net_reply(ex);
}

/* An HL7 v2 message has no head to route by: its door is the wire. */
static const struct route *route_of(struct hub *hub, struct exchange *ex)
{
    int refusal;

    return ex->wire != WIRE_HTTP ? hub_route(hub, ex, &refusal) : ex->route;
}

static void submit(void *context, struct exchange *ex)
{
    struct hub *hub = context;
    const struct route *r = route_of(hub, ex);
    struct fair_answer answer;
    enum lane lane;
    struct share share;

    must(r != NULL, "a listener without a door");
    ex->route = r;
    lane = r->admin ? LANE_ADMIN : ex->wire == WIRE_SYSLOG ? LANE_SYSLOG : LANE_MEMBERS;
    share = lane == LANE_MEMBERS ? share_of(hub, ex->peer->member_id) : whole_lane();
    answer = queue_push(hub->lanes[lane], ex, &share);
    if (answer.refused != NULL)
        refuse_busy(hub, hub->lanes[lane], answer.refused, refusals[answer.why]);
}

static void correct_audit(const struct exchange *ex, const struct outcome *o)
{
    struct notice n = {.kind = NOTICE_BROKEN_ANSWER,
                       .at_us = clock_now_us(),
                       .request = ex->id,
                       .text = "The answer broke off: a stored document could not be read; "
                               "what this request's record says was disclosed did not all leave"};

    metric_add(METRIC_answers_broken_total, 1);
    snprintf(n.transaction, sizeof(n.transaction), "%s", o->transaction);
    n.member_id = o->member_id;
    snprintf(n.member, sizeof(n.member), "%s", o->member);
    describe_peer(ex->peer, n.peer, sizeof(n.peer));
    notice_leave(&n);
}

/* X-Request-Id of a gateway that asks on its way to an answer of its own: by it a request is
 * followed from hub to hub. Only a UUID is written down: it is the other side's word. */
static struct str origin_of(const struct exchange *ex)
{
    struct str text = str_trim(http_field_value(&ex->head, STR("X-Request-Id")));
    struct uuid id;

    return uuid_parse(text, &id) ? text : STR_NONE;
}

static void finished(void *context, struct exchange *ex, enum answer_end end, uint64_t bytes_sent)
{
    static const char *const ends[] = {"sent", "gone", "broken"};
    const struct outcome *o = ex->user;
    int64_t duration = clock_monotonic_us() - ex->received_us;
    struct str id = uuid_text(&ex->arena, ex->id), origin;

    (void)context;
    if (o == NULL) {
        log_context(id, STR_NONE);
        log_info("refused", "status=%d peer=%s end=%s", ex->reply.http_status, ex->peer->address,
                 ends[end]);
        log_context(STR_NONE, STR_NONE);
        return;
    }
    metric_request(o->transaction, o->status, duration, o->flushes);
    origin = origin_of(ex);
    log_context(id, str_from(o->member));
    log_info("request",
             "transaction=%s outcome=%s http=%d bytes=%llu us=%lld flushes=%llu end=%s%s%.*s",
             o->transaction, o->status, ex->reply.http_status, (unsigned long long)bytes_sent,
             (long long)duration, (unsigned long long)o->flushes, ends[end],
             origin.n > 0 ? " origin=" : "", STR_ARG(origin));
    log_context(STR_NONE, STR_NONE);
    if (end == ANSWER_BROKEN)
        correct_audit(ex, o);
}

struct net_service hub_service(struct hub *hub)
{
    return (struct net_service){
        .context = hub,
        .admit = admit,
        .refused = refused,
        .accept_head = accept_head,
        .submit = submit,
        .finished = finished,
    };
}
