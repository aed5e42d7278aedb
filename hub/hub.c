#include "hub/hub.h"

#include <inttypes.h>

#include "hub/base/clock.h"
#include "hub/health.h"

struct member_directory *hub_directory(struct hub *hub)
{
    struct member_directory *d;

    pthread_mutex_lock(&hub->directory_lock);
    d = member_directory_hold(hub->directory);
    pthread_mutex_unlock(&hub->directory_lock);
    return d;
}

enum status hub_directory_refresh(struct hub *hub, struct db *db)
{
    static const struct statement EPOCH = {
        "hub_directory_epoch",
        "SELECT value\n"
        "  FROM epoch\n"
        " WHERE name = 'member'",
    };
    struct member_directory *fresh, *old;
    struct rows epoch = {0};
    bool same;

    db_queue0(db, &EPOCH, &epoch);
    TRY(db_flush(db));
    pthread_mutex_lock(&hub->directory_lock);
    same = hub->directory != NULL && epoch.count == 1 &&
           hub->directory->epoch == row_int(&epoch, 0, 0);
    pthread_mutex_unlock(&hub->directory_lock);
    if (same)
        return OK;
    TRY(member_directory_read(db, &fresh));
    pthread_mutex_lock(&hub->directory_lock);
    old = hub->directory;
    hub->directory = fresh;
    pthread_mutex_unlock(&hub->directory_lock);
    if (old != NULL)
        member_directory_release(old);
    return OK;
}

/* Is it the door that the request knocks at, whatever the method? MLLP and syslog have one. */
static bool is_door(const struct hub *hub, const struct route *r, const struct exchange *ex)
{
    if (r->admin != (ex->listener == hub->admin_listener) || r->wire != ex->wire)
        return false;
    return ex->wire != WIRE_HTTP || str_eq(ex->head.path, str_from(r->path));
}

const struct route *hub_route(const struct hub *hub, struct exchange *ex, int *refusal)
{
    struct strbuf allowed = strbuf_on(&ex->arena, 16);

    for (const struct hub_module *const *m = hub->modules; *m != NULL; m++) {
        for (const struct route *r = (*m)->routes; r != NULL && r->protocol != NULL; r++) {
            if (!is_door(hub, r, ex))
                continue;
            if (ex->wire != WIRE_HTTP || str_eq(ex->head.method, str_from(r->method)))
                return r;
            strbuf_addf(&allowed, "%s%s", allowed.n > 0 ? ", " : "", r->method);
        }
    }
    *refusal = allowed.n > 0 ? 405 : 404;
    if (allowed.n > 0)
        reply_field(&ex->reply, STR("Allow"), strbuf_str(&allowed));
    return NULL;
}

/* Who takes how much of the members' lane. */
static void members_write(struct hub *hub, struct strbuf *b)
{
    static const char *const reasons[FAIR_REFUSALS] = {"rate", "member_full", "lane_full"};
    struct arena a;
    struct flow_figures *all;
    size_t count;

    arena_init(&a);
    all = queue_figures(hub->lanes[LANE_MEMBERS], &a, &count);
    strbuf_lit(b, "# HELP causeway_member_waiting Requests of the member that wait for a worker\n"
                  "# TYPE causeway_member_waiting gauge\n");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(b, "causeway_member_waiting{member=\"%s\"} %zu\n", all[i].name, all[i].waiting);
    strbuf_lit(b, "# HELP causeway_member_running Requests of the member that workers have\n"
                  "# TYPE causeway_member_running gauge\n");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(b, "causeway_member_running{member=\"%s\"} %zu\n", all[i].name, all[i].running);
    strbuf_lit(b, "# HELP causeway_member_asking Requests that wait for other communities\n"
                  "# TYPE causeway_member_asking gauge\n");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(b, "causeway_member_asking{member=\"%s\"} %zu\n", all[i].name, all[i].asking);
    strbuf_lit(b, "# HELP causeway_member_worker_seconds_total Of the workers' time, by member\n"
                  "# TYPE causeway_member_worker_seconds_total counter\n");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(b, "causeway_member_worker_seconds_total{member=\"%s\"} %.6f\n", all[i].name,
                    (double)all[i].worked_us / US_PER_SECOND);
    strbuf_lit(b, "# HELP causeway_member_refused_total Requests refused: too many of the member\n"
                  "# TYPE causeway_member_refused_total counter\n");
    for (size_t i = 0; i < count; i++)
        for (int why = 0; why < FAIR_REFUSALS; why++)
            strbuf_addf(b,
                        "causeway_member_refused_total{member=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                        all[i].name, reasons[why], all[i].refused[why]);
    arena_dispose(&a);
}

void hub_gauges_write(struct hub *hub, struct strbuf *b)
{
    static const char *const lane_names[LANES] = {"members", "admin", "syslog"};
    struct net_figures f = net_figures(hub->net);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } figures[] = {
        {"connections_open", "gauge", "Open connections", f.open},
        {"connections_accepted_total", "counter", "Connections accepted", f.accepted},
        {"connections_turned_away_total", "counter",
         "Connections closed because their address begins too many handshakes", f.turned_away},
        {"handshakes_total", "counter", "TLS handshakes completed", f.handshakes},
        {"handshake_failures_total", "counter", "TLS handshakes failed", f.handshake_failures},
        {"received_bytes_total", "counter", "Bytes received, decrypted", f.bytes_in},
        {"sent_bytes_total", "counter", "Bytes sent, before encryption", f.bytes_out},
    };

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        strbuf_addf(b, "# HELP causeway_%s %s\n# TYPE causeway_%s %s\ncauseway_%s %" PRIu64 "\n",
                    figures[i].name, figures[i].help, figures[i].name, figures[i].type,
                    figures[i].name, figures[i].value);
    strbuf_lit(b, "# HELP causeway_waiting Requests that wait for a worker\n"
                  "# TYPE causeway_waiting gauge\n");
    for (int i = 0; i < LANES; i++)
        strbuf_addf(b, "causeway_waiting{lane=\"%s\"} %zu\n", lane_names[i],
                    queue_length(hub->lanes[i]));
    members_write(hub, b);
    callout_metrics_write(hub->callout, b);
}
