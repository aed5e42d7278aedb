#include "hub/worker.h"

#include <stdlib.h>

#include "hub/base/log.h"
#include "hub/run.h"

struct worker {
    struct hub *hub;
    struct queue *lane;
    struct db *db;
    pthread_t thread;
};

static void *work(void *p)
{
    struct worker *w = p;
    struct turn turn = {0};

    while (queue_next(w->lane, &turn)) {
        turn.asks = !request_run(w->hub, w->db, turn.exchange);
        if (!turn.asks)
            net_reply(turn.exchange);
    }
    return NULL;
}

struct worker *worker_start(struct hub *hub, enum lane lane, struct errors *err)
{
    struct worker *w = calloc(1, sizeof(*w));
    pthread_attr_t attributes;

    must(w != NULL, "out of memory");
    w->hub = hub;
    w->lane = hub->lanes[lane];
    w->db = db_open_serving(hub->config->database, "causeway worker",
                            hub->config->request_seconds * US_PER_SECOND, err);
    if (w->db == NULL) {
        free(w);
        return NULL;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    must(pthread_create(&w->thread, &attributes, work, w) == 0, "no thread for a worker");
    pthread_attr_destroy(&attributes);
    return w;
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
    db_close(w->db);
    free(w);
}
