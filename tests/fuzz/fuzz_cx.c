#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/person.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct identifier id, back;
    struct arena a;

    if (!identifier_parse_cx(str_of(bytes, n), &id))
        return 0;
    arena_init(&a);
    must(identifier_parse_cx(identifier_cx(&a, id), &back) && identifier_eq(id, back),
         "what is written is read back");
    arena_dispose(&a);
    return 0;
}
