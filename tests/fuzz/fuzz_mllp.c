/* MLLP frames: the same messages come out however the bytes are cut. */
#include "hub/net/mllp.h"

#include <string.h>

#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    uint64_t messages, bytes, hash, skipped, restarts, large;
};

static struct outcome run(struct str in, size_t step)
{
    struct outcome o = {0};
    struct mllp m;
    struct arena a;

    arena_init(&a);
    mllp_init(&m, 256);
    while (in.n > 0 && !o.large) {
        struct str piece = str_slice(in, 0, step), message;
        enum mllp_event event;

        in = str_slice(in, step, in.n);
        while (!o.large && (event = mllp_feed(&m, &piece)) != MLLP_MORE) {
            o.large = event == MLLP_TOO_LARGE;
            if (event == MLLP_BEGIN)
                mllp_begin(&m, &a);
            if (event != MLLP_MESSAGE)
                continue;
            message = mllp_message(&m);
            must(message.n <= 256, "a message has a cap");
            o.messages++;
            o.bytes += message.n;
            for (size_t i = 0; i < message.n; i++)
                o.hash = (o.hash ^ (unsigned char)message.p[i]) * 1099511628211u;
        }
    }
    o.skipped = m.skipped;
    o.restarts = m.restarts;
    arena_dispose(&a);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct outcome whole = run(str_of(data, n), n), single = run(str_of(data, n), 1);

    must(memcmp(&whole, &single, sizeof(whole)) == 0, "the cut of the bytes must not matter");
    return 0;
}
