#include "mpi/subject.h"

#include "mpi/input.h"

struct str mpi_packed_of(struct arena *a, const struct mpi_demographics *d)
{
    struct mpi_input *in = ARENA_NEW(a, struct mpi_input);
    struct mpi_traits *traits = ARENA_NEW(a, struct mpi_traits);

    mpi_demographics_input(d, in);
    mpi_traits_read(a, in, traits);
    return mpi_traits_pack(a, traits);
}

static void dispose(void *p)
{
    mpi_dict_dispose(p);
}

struct mpi_coding *mpi_coding_new(struct arena *a, const struct mpi_model *model)
{
    struct mpi_coding *c = ARENA_NEW(a, struct mpi_coding);

    c->arena = a;
    c->model = model;
    mpi_dict_init(&c->dict, model, 64);
    arena_defer(a, dispose, &c->dict);
    return c;
}

const uint32_t *mpi_code(struct mpi_coding *c, struct str packed)
{
    struct mpi_traits *traits = ARENA_NEW(c->arena, struct mpi_traits);
    uint32_t words[MPI_CODED_MAX];
    size_t n;

    if (packed.p == NULL || !mpi_traits_unpack(packed, traits))
        return NULL;
    n = mpi_encode(&c->dict, traits, words);
    return arena_copy(c->arena, words, n * sizeof(*words));
}

size_t mpi_keys(struct mpi_coding *c, const uint32_t *coded, struct mpi_block out[MPI_BLOCKS_MAX])
{
    struct mpi_view view;

    if (coded == NULL)
        return 0;
    view = mpi_view_of(coded);
    return mpi_blocks(&c->dict, &view, mpi_blocks_live(), out);
}
