/* Any XML as a codes.xml: what is read fits the table that it goes to. */
#include "hub/base/arena.h"
#include "tests/fuzz/fuzz.h"
#include "xds/codes.h"

FUZZ_PREPARE((xml_init(), true))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct errors err;
    struct xds_code_list list;

    arena_init(&a);
    errors_init(&err, &a);
    if (xds_codes_read(&a, str_of(data, n), &list, &err) == OK)
        for (size_t i = 0; i < list.n; i++) {
            const struct xds_listed_code *c = &list.v[i];

            must(c->kind.n > 0 && c->code.n > 0, "a code without kind or code");
            must(c->scheme.p && c->display.p, "a NULL where the table takes none");
            must(i == 0 || !str_eq(c[-1].kind, c->kind) || !str_eq(c[-1].code, c->code) ||
                     !str_eq(c[-1].scheme, c->scheme),
                 "a code twice");
        }
    else
        must(err.first != NULL, "a failure without a word");
    arena_dispose(&a);
    return 0;
}
