/* HTTP/1.1 requests: the bytes give the same outcome fed at once and one at a time, and a body
 * never exceeds its declared length. */
#include "hub/net/http1.h"

#include <string.h>

#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    uint64_t body, heads, ends, status; /* no padding between them */
};

static struct outcome run(struct str bytes, size_t step)
{
    struct outcome o = {0};
    struct http1 p;
    struct arena a;

    arena_init(&a);
    http1_init(&p, &a, 2048, 16);
    while (bytes.n > 0 && p.status == 0) {
        struct str in = str_slice(bytes, 0, step), data;
        enum http1_event event;

        bytes = str_slice(bytes, in.n, bytes.n);
        while ((event = http1_feed(&p, &in, &data)) != HTTP1_MORE && event != HTTP1_FAULT) {
            o.heads += event == HTTP1_HEAD;
            o.ends += event == HTTP1_END;
            o.body += event == HTTP1_DATA ? data.n : 0;
            must(p.head.method.n > 0 && p.head.path.n > 0, "a head has a method and a path");
            if (event == HTTP1_END)
                http1_init(&p, &a, 2048, 16);
        }
    }
    o.status = (uint64_t)p.status;
    arena_dispose(&a);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str bytes = str_of(data, n);
    struct outcome whole = run(bytes, n), single = run(bytes, 1);

    must(memcmp(&whole, &single, sizeof(whole)) == 0, "the cut of the bytes must not matter");
    return 0;
}
