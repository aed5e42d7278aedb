/* http_check [STEP]: feeds standard input to the request parser, STEP bytes at a time (default:
 * all at once). Prints how many requests were complete, then "+" when the input ends within
 * another one, or the status and the rule when it was refused: "2", "1+", "0 400 no Host...". */
#include <stdio.h>
#include <stdlib.h>

#include "hub/net/http1.h"

enum { INPUT_MAX = 1 << 20, MAX_HEAD = 32 * 1024, MAX_FIELDS = 100 };

struct score {
    struct arena arena;
    struct http1 parser;
    int complete;
    bool begun; /* bytes of a next request have come */
};

/* False once the parser has refused. */
static bool feed(struct score *s, struct str in)
{
    enum http1_event event;
    struct str data;

    while ((event = http1_feed(&s->parser, &in, &data)) != HTTP1_FAULT) {
        if (event == HTTP1_MORE) {
            s->begun = !http1_untouched(&s->parser);
            return true;
        }
        if (event == HTTP1_END) {
            s->complete++;
            http1_init(&s->parser, &s->arena, MAX_HEAD, MAX_FIELDS);
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static char input[INPUT_MAX];
    size_t n = fread(input, 1, sizeof(input), stdin);
    size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : n + 1;
    struct score s = {.complete = 0};
    bool good = true;

    arena_init(&s.arena);
    http1_init(&s.parser, &s.arena, MAX_HEAD, MAX_FIELDS);
    for (size_t at = 0; good && at < n && step > 0; at += step)
        good = feed(&s, str_slice(str_of(input, n), at, at + step));
    printf("%d%s", s.complete, good && s.begun ? "+" : "");
    if (!good)
        printf(" %d %.*s", s.parser.status, STR_ARG(s.parser.fault));
    printf("\n");
    arena_dispose(&s.arena);
    return 0;
}
