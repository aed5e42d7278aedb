#include "mpi/core/weigh.h"
#include "mpi/search.h"

struct mpi_rank {
    struct mpi_coding *coding;
    const uint32_t *asked;
};

struct mpi_rank *mpi_rank_new(struct arena *a, const struct mpi_model *model,
                              const struct mpi_criteria *c)
{
    struct mpi_rank *r = ARENA_NEW(a, struct mpi_rank);
    struct mpi_demographics d = mpi_criteria_demographics(a, c);

    r->coding = mpi_coding_new(a, model);
    r->asked = mpi_code(r->coding, mpi_packed_of(a, &d));
    must(r->asked != NULL, "what was packed is unpacked");
    return r;
}

double mpi_rank_weight(struct mpi_rank *r, const struct mpi_demographics *d)
{
    const uint32_t *coded = mpi_code(r->coding, mpi_packed_of(r->coding->arena, d));
    struct mpi_view asked, has;
    struct mpi_vector v;

    must(coded != NULL, "what was packed is unpacked");
    asked = mpi_view_of(r->asked);
    has = mpi_view_of(coded);
    mpi_compare(&r->coding->dict, NULL, &asked, &has, &v);
    return mpi_weigh(r->coding->model, &v);
}
