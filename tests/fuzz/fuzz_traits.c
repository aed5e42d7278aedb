#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/json_text.h"
#include "mpi/core/block.h"
#include "mpi/core/decide.h"
#include "mpi/core/text.h"
#include "tests/fuzz/fuzz.h"

/* The input is lines, each a field of one record; every field is put to every use. */
static void input_from(struct str rest, struct mpi_input *in)
{
    struct str f[12] = {{0}};

    for (size_t i = 0; i < 12 && rest.p != NULL; i++)
        f[i] = str_cut(&rest, '\n');
    *in = (struct mpi_input){
        .names = {{.whole = f[0]}, {.given = f[1], .family = f[2], .middle = f[3]}},
        .name_count = 2,
        .addresses = {{.whole = f[4]}, {.street = f[5], .city = f[1], .postcode = f[6]}},
        .address_count = 2,
        .birth_dates = {f[7], f[8]},
        .birth_date_count = 2,
        .phones = {f[9], f[8]},
        .phone_count = 2,
        .emails = {f[10]},
        .email_count = 1,
        .ids = {{f[10], f[11]}, {f[1], f[7]}},
        .id_count = 2,
        .ssn = f[9],
        .sex = f[11],
        .birthplaces = {f[5]},
        .birthplace_count = 1,
        .occupations = {f[6]},
        .occupation_count = 1,
    };
}

static void check_text(struct arena *a, struct str s)
{
    struct str once = mpi_text_fold(a, s);

    must(utf8_valid(once) && once.n <= MPI_TEXT_MAX, "folded text is UTF-8 and short");
    must(str_eq(mpi_text_fold(a, once), once), "folding is idempotent");
}

static void check_record(struct arena *a, const struct mpi_traits *t)
{
    uint32_t coded[MPI_CODED_MAX];
    struct mpi_block blocks[MPI_BLOCKS_MAX];
    struct mpi_rival rival = {.coded = coded};
    struct mpi_ruling ruling;
    struct mpi_view view;
    struct mpi_dict d;

    mpi_dict_init(&d, mpi_model_builtin(), 16);
    must(mpi_encode(&d, t, coded) <= MPI_CODED_MAX, "a record has its room");
    view = mpi_view_of(coded);
    must(mpi_blocks(&d, &view, MPI_BLOCKS_ALL, blocks) <= MPI_BLOCKS_MAX, "and its keys theirs");
    mpi_decide(a, mpi_model_builtin(), &d, coded, &rival, 1, &ruling);
    mpi_dict_dispose(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str s = str_of(bytes, n), packed;
    struct mpi_traits t, back;
    struct mpi_input in;
    struct arena a;

    arena_init(&a);
    check_text(&a, s);
    if (mpi_traits_unpack(s, &back))
        check_record(&a, &back);
    input_from(s, &in);
    mpi_traits_read(&a, &in, &t);
    packed = mpi_traits_pack(&a, &t);
    must(mpi_traits_unpack(packed, &back) && str_eq(mpi_traits_pack(&a, &back), packed),
         "what is packed is unpacked");
    check_record(&a, &t);
    arena_dispose(&a);
    return 0;
}
