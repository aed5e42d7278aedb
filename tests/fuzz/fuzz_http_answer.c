/* Answers to what the hub sends: whole is whole, however the bytes are cut. */
#include "hub/net/http_answer.h"

#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 1024, BODY = 1024 };

static enum http_answer_state run(struct arena *a, struct str in, size_t step,
                                  struct http_answer *h)
{
    enum http_answer_state s = HTTP_ANSWER_MORE;

    *h = http_answer_on(a, HEAD, BODY);
    for (; in.n > 0 && s == HTTP_ANSWER_MORE; in = str_slice(in, step, in.n))
        s = http_answer_feed(h, str_slice(in, 0, step));
    return s == HTTP_ANSWER_MORE ? http_answer_end(h) : s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct http_answer whole, single;
    struct arena a;

    if (n > 2 * (HEAD + BODY))
        return 0;
    arena_init(&a);
    if (run(&a, str_of(data, n), n, &whole) == HTTP_ANSWER_WHOLE) {
        must(whole.status >= 200 && whole.status < 600, "a final status");
        must(whole.body.n <= BODY, "a body has a cap");
        must(run(&a, str_of(data, n), 1, &single) == HTTP_ANSWER_WHOLE &&
                 single.status == whole.status && str_eq(single.body, whole.body),
             "the cut of the bytes must not matter");
    }
    arena_dispose(&a);
    return 0;
}
