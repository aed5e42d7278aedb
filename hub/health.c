#include "hub/health.h"

#include "hub/audit/seal_status.h"
#include "hub/data/migrate.h"

static const struct statement AUDIT_PARTITIONS = {
    "health_audit_partitions",
    "SELECT audit_partitions_end() > now(),\n"
    "       audit_partitions_end() > now() + interval '14 days'",
};

static void answer(struct reply *rp, int http_status, struct str type, struct str body)
{
    rp->http_status = http_status;
    reply_field(rp, STR("Content-Type"), type);
    reply_add(rp, body);
}

static enum status handle_healthz(struct request *rq, struct reply *rp)
{
    (void)rq;
    answer(rp, 200, STR("text/plain"), STR("ok\n"));
    return OK;
}

static enum status handle_metrics(struct request *rq, struct reply *rp)
{
    struct strbuf b = strbuf_on(rq->arena, 16384);
    struct seal_status seal;
    struct rows r;

    seal_status_queue(rq->db, &r);
    if (db_flush(rq->db) == OK) {
        seal_status_read(&r, &seal);
        seal_status_metrics(&b, &seal);
    }
    metrics_write(&b);
    hub_gauges_write(rq->hub, &b);
    answer(rp, 200, STR("text/plain; version=0.0.4"), strbuf_str(&b));
    return OK;
}

/* 503 while the hub should get no requests; 200 with a warning while there is time to act. */
static enum status handle_readyz(struct request *rq, struct reply *rp)
{
    struct rows partitions = {0}, sealing = {0};
    struct seal_status seal;
    struct str lag;

    TRY(migrate_check(rq->db, rq->arena, migrate_directory(rq->config->migrations), rq->err));
    db_queue0(rq->db, &AUDIT_PARTITIONS, &partitions);
    seal_status_queue(rq->db, &sealing);
    TRY(db_flush(rq->db));
    seal_status_read(&sealing, &seal);
    lag = seal_status_warning(rq->arena, &seal);
    if (!row_bool(&partitions, 0, 0))
        return fail(rq->err, UPSTREAM, "audit_partitions",
                    "There is no audit partition for today: run `causeway migrate`");
    answer(rp, 200, STR("text/plain"),
           !row_bool(&partitions, 0, 1)
               ? STR("ready, but audit partitions end within 14 days: run `causeway migrate`\n")
           : lag.n > 0
               ? str_printf(rq->arena, "ready, but %.*s: is `causeway audit seal` running?\n",
                            STR_ARG(lag))
               : STR("ready\n"));
    return OK;
}

/* One path, one transaction. */
static enum status open_plain(struct request *rq)
{
    rq->transaction = rq->route->transactions;
    return OK;
}

static void render_plain(struct request *rq, enum status status, struct reply *rp)
{
    const struct failure *f = rq->err->first;

    answer(rp, status == INVALID ? 400 : 503, STR("text/plain"),
           str_printf(rq->arena, "not ready: %s: %.*s (request %.*s)\n", f->code, STR_ARG(f->text),
                      STR_ARG(request_id(rq))));
}

static const struct protocol plain = {
    .name = "plain",
    .open = open_plain,
    .render_failure = render_plain,
};

static const struct transaction healthz[] = {{.name = "healthz",
                                              .handle = handle_healthz,
                                              .door =
                                                  DISCLOSES_NOTHING("that the process answers")},
                                             {0}};
static const struct transaction readyz[] = {{.name = "readyz",
                                             .handle = handle_readyz,
                                             .door =
                                                 DISCLOSES_NOTHING("whether the hub can serve")},
                                            {0}};
static const struct transaction metrics[] = {{.name = "metrics",
                                              .handle = handle_metrics,
                                              .door =
                                                  DISCLOSES_NOTHING("counts, no one patient's")},
                                             {0}};

static const struct route routes[] = {
    {WIRE_HTTP, true, "GET", "/healthz", &plain, healthz, NULL, FOR_MEMBERS},
    {WIRE_HTTP, true, "GET", "/readyz", &plain, readyz, NULL, FOR_MEMBERS},
    {WIRE_HTTP, true, "GET", "/metrics", &plain, metrics, NULL, FOR_MEMBERS},
    {0},
};

const struct hub_module health_module = {.name = "health", .routes = routes};
