/* Any JSON as a directory: what is taken over is a home community id and addresses behind https. */
#include "gateway/directory.h"
#include "hub/base/oid.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct directory d;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    if (directory_read(&a, str_of(data, n), &d, &err) != OK)
        must(err.first != NULL, "a failure without a word");
    for (size_t i = 0; i < d.n; i++) {
        must(oid_valid(d.v[i].home), "a home that is no OID");
        for (int s = 0; s < DIRECTORY_SERVICES; s++)
            must(d.v[i].urls[s].n == 0 || str_starts(d.v[i].urls[s], STR("https://")),
                 "an address that is not https");
    }
    arena_dispose(&a);
    return 0;
}
