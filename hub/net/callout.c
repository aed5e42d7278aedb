#include "hub/net/callout.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "hub/net/callout_priv.h"

enum {
    TICK_MS = 100,        /* cancellation and deadlines are looked at this often */
    IDLE_MS = 1000,       /* a wake-up comes by itself when there is work */
    PAUSE_US = 50 * 1000, /* before the second attempt; twice that before each further one */
    KEPT = 256,           /* connections */
    KEPT_SECONDS = 60,
};

/* --- flights ---------------------------------------------------------------------------------- */

/* The last one of a set gives it back. */
static void land(struct flight *f)
{
    struct call_set *set = f->set;

    *f->link = f->next;
    if (f->next != NULL)
        f->next->link = f->link;
    free(f);
    if (--set->open == 0)
        set->done(set->context);
}

static void end_flight(struct flight *f, bool was_begun, int64_t now_us)
{
    struct callout *c = f->callout;

    f->call->took_us = now_us - f->set->started_us;
    pthread_mutex_lock(&c->lock);
    if (f->partner != NULL)
        partner_ends(c, f->partner, f->call, was_begun, f->probe, now_us);
    pthread_mutex_unlock(&c->lock);
    land(f);
}

/* Ends a flight that is on the wire, or was to be, from outside. */
static void cut(struct flight *f, enum call_end end, const char *words, int64_t now_us)
{
    bool was_begun = f->easy != NULL;

    if (was_begun)
        wire_end(f, CURLE_ABORTED_BY_CALLBACK);
    f->call->end = end;
    f->call->answer = (struct body){0};
    snprintf(f->call->words, CALL_WORDS, "%s", words);
    end_flight(f, was_begun, now_us);
}

/* --- attempts --------------------------------------------------------------------------------- */

/* The n-th pause is of random length, up to PAUSE_US * 2^n, and never none. */
static int64_t pause_before(int attempt)
{
    uint32_t most = (uint32_t)PAUSE_US << (attempt < 8 ? attempt : 8);

    return most / 4 + randombytes_uniform(most);
}

static bool is_passing(const struct call *c)
{
    return c->end == CALL_UNREACHABLE ||
           (c->end == CALL_ANSWERED && (c->http_status == 503 || c->http_status == 429));
}

/* The attempt is over: again, or was that it? */
static void conclude(struct flight *f, CURLcode result)
{
    struct callout *c = f->callout;
    int64_t now_us = clock_monotonic_us(), due_us;

    wire_end(f, result);
    due_us = now_us + pause_before(f->call->attempts);
    if (!f->call->repeatable || !is_passing(f->call) || f->probe ||
        f->call->attempts >= c->settings.most_attempts ||
        due_us >= f->set->started_us + f->call->soft_us) {
        end_flight(f, true, now_us);
        return;
    }
    pthread_mutex_lock(&c->lock);
    f->partner->in_flight--;
    pthread_mutex_unlock(&c->lock);
    f->due_us = due_us;
}

/* Puts it on the wire when its partner may be called. */
static void try_to_begin(struct flight *f, int64_t now_us)
{
    struct callout *c = f->callout;
    bool admitted, wait;

    if (f->easy != NULL || now_us < f->due_us)
        return;
    pthread_mutex_lock(&c->lock);
    admitted = partner_admits(f->partner, f->call, now_us, &wait);
    if (admitted)
        partner_begins(f->partner, now_us, &f->probe);
    pthread_mutex_unlock(&c->lock);
    if (admitted)
        must(wire_begin(f, now_us), "curl takes a handle");
    else if (!wait)
        cut(f, CALL_NOT_MADE, "it did not answer several times and is left alone for now", now_us);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void launch(struct callout *c, struct call_set *set)
{
    set->open = set->n + 1; /* it is not done before all are in the air */
    for (size_t i = 0; i < set->n; i++) {
        struct flight *f = calloc(1, sizeof(*f));

        must(f != NULL, "out of memory");
        *f = (struct flight){.callout = c, .set = set, .call = &set->v[i]};
        pthread_mutex_lock(&c->lock);
        f->partner = partner_of(c, f->call);
        pthread_mutex_unlock(&c->lock);
        queue_flight(c, f);
        if (f->partner == NULL)
            cut(f, CALL_NOT_MADE, "too many partners at once", clock_monotonic_us());
    }
    if (--set->open == 0)
        set->done(set->context);
}

static bool take_submitted(struct callout *c)
{
    struct call_set *set, *next;
    bool stopping;

    pthread_mutex_lock(&c->lock);
    set = c->submitted;
    c->submitted = c->last_submitted = NULL;
    stopping = c->stopping;
    pthread_mutex_unlock(&c->lock);
    for (; set != NULL; set = next) {
        next = set->next;
        launch(c, set);
    }
    return stopping;
}

/* Deadlines, clients that have gone, and calls whose turn has come. */
static void look_after(struct callout *c, bool stopping)
{
    int64_t now_us = clock_monotonic_us();
    struct flight *f, *next;

    for (f = c->flights; f != NULL; f = next) {
        int64_t age_us = now_us - f->set->started_us;

        next = f->next;
        if (stopping || (f->set->cancelled != NULL && atomic_load(f->set->cancelled)))
            cut(f, CALL_CANCELLED, "nobody waits for it any more", now_us);
        else if (age_us >= f->call->hard_us)
            cut(f, CALL_LATE, "no whole answer in time", now_us);
        else if (age_us >= f->call->soft_us && !f->begun)
            cut(f, CALL_LATE, "no answer in time", now_us);
        else
            try_to_begin(f, now_us);
    }
}

static void read_results(struct callout *c)
{
    struct CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct flight *f = NULL;
        CURLcode result = m->data.result;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
        conclude(f, result);
    }
}

/* How long nothing can become due: attempts that pause, deadlines. */
static int nap_ms(const struct callout *c)
{
    int64_t now_us = clock_monotonic_us(), nap_us = c->flights ? TICK_MS * 1000 : IDLE_MS * 1000;

    for (const struct flight *f = c->flights; f != NULL; f = f->next) {
        int64_t end_us = f->set->started_us + (f->begun ? f->call->hard_us : f->call->soft_us);

        if (end_us - now_us < nap_us)
            nap_us = end_us - now_us;
        if (f->easy == NULL && f->due_us > now_us && f->due_us - now_us < nap_us)
            nap_us = f->due_us - now_us;
    }
    return nap_us > 0 ? (int)(nap_us / 1000) + 1 : 1;
}

static void *run(void *p)
{
    struct callout *c = p;
    bool stopping;
    int running;

    for (;;) {
        stopping = take_submitted(c);
        look_after(c, stopping);
        if (stopping && c->flights == NULL)
            return NULL;
        curl_multi_perform(c->multi, &running);
        read_results(c);
        curl_multi_poll(c->multi, NULL, 0, nap_ms(c), NULL);
    }
}

/* --- outside ---------------------------------------------------------------------------------- */

struct callout *callout_new(const struct callout_settings *settings)
{
    struct callout *c = calloc(1, sizeof(*c));
    pthread_attr_t attributes;

    must(c != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl starts");
    c->settings = *settings;
    pthread_mutex_init(&c->lock, NULL);
    c->multi = curl_multi_init();
    must(c->multi != NULL, "out of memory");
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)KEPT);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    must(pthread_create(&c->thread, &attributes, run, c) == 0, "no thread for calls");
    pthread_attr_destroy(&attributes);
    return c;
}

static void cancel_all(struct call_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        set->v[i].end = CALL_CANCELLED;
        snprintf(set->v[i].words, CALL_WORDS, "the hub is stopping");
    }
    set->done(set->context);
}

void callout_start(struct callout *c, struct call_set *set)
{
    bool stopping;

    set->next = NULL;
    set->started_us = clock_monotonic_us();
    pthread_mutex_lock(&c->lock);
    stopping = c->stopping;
    if (!stopping && set->n > 0) {
        if (c->last_submitted != NULL)
            c->last_submitted->next = set;
        else
            c->submitted = set;
        c->last_submitted = set;
    }
    pthread_mutex_unlock(&c->lock);
    if (stopping || set->n == 0)
        cancel_all(set);
    else
        curl_multi_wakeup(c->multi);
}

void callout_stop(struct callout *c)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_mutex_unlock(&c->lock);
    curl_multi_wakeup(c->multi);
    pthread_join(c->thread, NULL);
}

void callout_free(struct callout *c)
{
    curl_multi_cleanup(c->multi);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
