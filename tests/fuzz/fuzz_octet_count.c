/* RFC 5425 frames: what is taken off the input adds up, whole frames are as long as foretold, and
 * what is written is read back. */
#include "hub/net/octet_count.h"

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str in = str_of(data, n), again, message = STR_NONE;
    enum octet_event event;
    struct strbuf b;
    struct arena a;

    arena_init(&a);
    for (;;) {
        size_t whole = octet_count_frame(in, MOST), before = in.n;

        event = octet_count_next(&in, MOST, &message);
        if (event != OCTET_MESSAGE)
            break;
        must(message.n <= MOST && whole == before - in.n, "a frame is as long as it says");
        b = strbuf_on(&a, 64);
        octet_count_add(&b, message);
        again = strbuf_str(&b);
        must(octet_count_next(&again, MOST, &message) == OCTET_MESSAGE && again.n == 0,
             "what is written is read back");
    }
    must(event != OCTET_MORE || in.n <= MOST + 16, "no more is waited for than a frame can have");
    arena_dispose(&a);
    return 0;
}
