/* multipart/related: the first line is the Content-Type, the rest the body. The outcome does not
 * depend on the cut, and no more is stored than came in. */
#include "hub/net/multipart.h"

#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    uint64_t sunk, hash;
    int status;
};

static void *sink_begin(void *context, struct arena *a)
{
    (void)a;
    return context;
}

static enum status sink_write(void *stored, struct str bytes)
{
    struct outcome *o = stored;

    o->sunk += bytes.n;
    for (size_t i = 0; i < bytes.n; i++)
        o->hash = (o->hash ^ (unsigned char)bytes.p[i]) * 1099511628211u;
    return OK;
}

static enum status sink_end(void *stored)
{
    struct outcome *o = stored;

    o->hash += o->sunk;
    return OK;
}

static struct outcome run(struct str type, struct str body, size_t step)
{
    static const struct multipart_limits limits = {.max_parts = 16, .max_memory = 65536};
    struct outcome o = {0};
    struct part_sink sink = {&o, sink_begin, sink_write, sink_end};
    struct arena a;
    struct multipart *m;
    bool good = true;

    arena_init(&a);
    m = multipart_new(&a, type, &sink, &limits);
    for (size_t at = 0; good && at < body.n; at += step)
        good = multipart_feed(m, str_slice(body, at, at + step));
    if (good)
        good = multipart_end(m);
    o.status = multipart_status(m);
    must(good == (o.status == 0), "a refusal has a status");
    must(!good || multipart_root(m) != NULL, "a whole message has a root");
    must(o.sunk <= body.n, "no more is stored than came in");
    if (!good) /* how much reached the sink before the fault is not the point */
        o.sunk = o.hash = 0;
    arena_dispose(&a);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str body = str_of(data, n);
    struct str type = str_cut(&body, '\n');
    struct outcome whole, cut;

    if (body.p == NULL)
        return 0;
    whole = run(type, body, body.n + 1);
    cut = run(type, body, 1 + n % 7);
    must(whole.status == cut.status && whole.sunk == cut.sunk && whole.hash == cut.hash,
         "the cut of the bytes must not matter");
    return 0;
}
