/* mime_check [STEP]: standard input is a MIME entity: a head, an empty line, a body. The body is
 * fed to the multipart/related parser with the head's Content-Type, STEP bytes at a time (default:
 * all at once). Prints the number of parts, or the status and the rule when it was refused. */
#include <stdio.h>
#include <stdlib.h>

#include "hub/net/multipart.h"

enum { INPUT_MAX = 1 << 20 };

/* The Content-Type of the head, its folded lines joined. Line ends may be LF alone: the head is
 * not what is examined here. */
static struct str content_type(struct arena *a, struct str *entity)
{
    struct strbuf type = strbuf_on(a, 256);
    bool inside = false;

    while (entity->p != NULL) {
        struct str line = str_cut(entity, '\n');

        if (str_trim(line).n == 0)
            break;
        inside = line.p[0] == ' ' || line.p[0] == '\t'
                     ? inside
                     : str_eq_nocase(str_slice(line, 0, 13), STR("Content-Type:"));
        if (inside)
            strbuf_add(&type, str_trim(line));
    }
    return str_slice(strbuf_str(&type), 13, type.n);
}

static size_t count(const struct part *p)
{
    size_t n = 0;

    for (; p != NULL; p = p->next)
        n++;
    return n;
}

int main(int argc, char **argv)
{
    static const struct multipart_limits limits = {.max_parts = 100, .max_memory = INPUT_MAX};
    static char input[INPUT_MAX];
    struct str entity = str_of(input, fread(input, 1, sizeof(input), stdin));
    size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : INPUT_MAX;
    struct multipart *m;
    struct arena a;
    bool good = step > 0;

    arena_init(&a);
    m = multipart_new(&a, content_type(&a, &entity), NULL, &limits);
    for (; good && entity.n > 0; entity = str_slice(entity, step, entity.n))
        good = multipart_feed(m, str_slice(entity, 0, step));
    if (good && multipart_end(m))
        printf("%zu\n", count(multipart_parts(m)));
    else
        printf("%d %.*s\n", multipart_status(m), STR_ARG(multipart_fault(m)));
    arena_dispose(&a);
    return 0;
}
