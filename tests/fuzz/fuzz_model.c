#include <string.h>

#include "mpi/core/model.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mpi_model m, back;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    if (mpi_model_parse(&a, str_of(bytes, n), &m, &err) == OK) {
        must(mpi_model_parse(&a, m.content, &back, &err) == OK &&
                 memcmp(m.hash, back.hash, sizeof(m.hash)) == 0,
             "what is written is read back");
        must(mpi_model_diff(&a, &m, &back).n == 0, "and is the same");
    } else {
        must(err.count > 0, "a refusal has words");
    }
    arena_dispose(&a);
    return 0;
}
