#include "mpi/batch/pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/command/cli_print.h"
#include "hub/data/csv.h"
#include "mpi/core/decide.h"

static const char *const verdicts[] = {
    [MPI_VERDICT_NEW] = "kept_apart",
    [MPI_VERDICT_REVIEW] = "review",
    [MPI_VERDICT_LINK] = "auto_linked",
};
enum { VERDICTS = 3, LABELS_MAX = 4096 };

/* What came of the pairs with one label, of one scenario (empty: of all). */
struct tally {
    struct str scenario, label;
    uint64_t count[VERDICTS];
};

struct judging {
    struct run *run;
    const struct mpi_model *model;
    struct csv_file file;
    struct column_map side[2];
    ptrdiff_t label, scenario;
    enum mpi_date_order order;
    int64_t date_hint;
    struct mpi_dict dict;
    struct tally *tallies;
    size_t tally_count;
    uint64_t pairs;
};

static enum status bind(struct judging *j, struct arena *a)
{
    const struct csv_file *f = &j->file;
    const char *label = cli_value(&j->run->args, "label");
    const char *scenario = cli_value(&j->run->args, "scenario");
    bool seen[COLUMNS_MAX] = {false};
    struct errors *err = j->run->args.err;

    (void)a;
    for (int s = 0; s < 2; s++)
        column_map_make(&j->run->columns, "ab"[s], f -> header, f -> columns, &j -> side[s], seen);
    for (size_t i = 0; i < j->run->columns.count; i++)
        if (!seen[i])
            return column_missing(err, f->path, j->run->columns.list[i].header, f->header,
                                  f->columns);
    j->label = column_find(f->header, f->columns, str_from(label));
    if (j->label < 0)
        return column_missing(err, f->path, str_from(label), f->header, f->columns);
    j->scenario = scenario ? column_find(f->header, f->columns, str_from(scenario)) : -1;
    if (scenario != NULL && j->scenario < 0)
        return column_missing(err, f->path, str_from(scenario), f->header, f->columns);
    return OK;
}

static void encode(struct judging *j, struct arena *a, int side, const struct str *fields,
                   size_t count, uint32_t *coded)
{
    struct mpi_input input;
    struct mpi_traits traits;

    column_input(&j->side[side], fields, count, true, &input);
    input.date_order = j->order;
    for (size_t i = 0; i < input.birth_date_count; i++)
        j->date_hint += mpi_date_order_hint(input.birth_dates[i]);
    mpi_traits_read(a, &input, &traits);
    mpi_encode(&j->dict, &traits, coded);
}

static enum mpi_verdict judge(struct judging *j, struct arena *a, const struct str *fields,
                              size_t count)
{
    uint32_t left[MPI_CODED_MAX], right[MPI_CODED_MAX];
    struct mpi_rival rival = {.coded = right, .person = 1, .record = 1};
    struct mpi_ruling ruling;

    encode(j, a, 0, fields, count, left);
    encode(j, a, 1, fields, count, right);
    mpi_decide(a, j->model, &j->dict, left, &rival, 1, &ruling);
    return ruling.verdict;
}

static void tally(struct judging *j, struct str scenario, struct str label, enum mpi_verdict v)
{
    struct arena *a = j->run->args.arena;
    size_t i = 0;

    while (i < j->tally_count &&
           !(str_eq(j->tallies[i].label, label) && str_eq(j->tallies[i].scenario, scenario)))
        i++;
    if (i == LABELS_MAX)
        return;
    if (i == j->tally_count)
        j->tallies[j->tally_count++] =
            (struct tally){.scenario = str_dup(a, scenario), .label = str_dup(a, label)};
    j->tallies[i].count[v]++;
}

static struct str field_at(const struct str *fields, size_t count, ptrdiff_t column)
{
    return column >= 0 && (size_t)column < count ? fields[column] : STR_NONE;
}

static enum status judge_rows(struct judging *j, struct csv_chunk *chunk, struct arena *a)
{
    struct str fields[CSV_COLUMNS_MAX];
    enum csv_got got;
    size_t count;

    while ((got = csv_row(&chunk->rows, fields, CSV_COLUMNS_MAX, &count)) == CSV_ROW) {
        enum mpi_verdict v;

        for (size_t i = 0; i < count; i++)
            fields[i] = csv_utf8(a, fields[i]);
        v = judge(j, a, fields, count);
        j->pairs++;
        tally(j, STR_NONE, field_at(fields, count, j->label), v);
        if (j->scenario >= 0)
            tally(j, field_at(fields, count, j->scenario), field_at(fields, count, j->label), v);
        if (j->tally_count == LABELS_MAX)
            return fail(j->run->args.err, INVALID, "pairs", "more than %d labels and scenarios",
                        LABELS_MAX);
        arena_reset(a);
    }
    if (got == CSV_BROKEN)
        return fail(j->run->args.err, INVALID, "csv", "%s, line %llu: %s", j->file.path,
                    (unsigned long long)chunk->rows.row_line, chunk->rows.broken);
    return OK;
}

static enum status judge_file(struct judging *j, const char *path)
{
    struct errors *err = j->run->args.err;
    struct csv_chunk chunk = {.number = 0};
    struct arena a;
    enum status s;

    TRY(csv_open(&j->file, j->run->args.arena, path, err));
    arena_init(&a);
    mpi_dict_init(&j->dict, j->model, 1 << 12);
    j->tally_count = j->pairs = 0;
    j->date_hint = 0;
    s = bind(j, &a);
    while (s == OK && csv_chunk_next(&j->file, &chunk, err))
        s = judge_rows(j, &chunk, &a);
    mpi_dict_dispose(&j->dict);
    csv_chunk_dispose(&chunk);
    csv_close(&j->file);
    arena_dispose(&a);
    return s == OK ? err->status : s;
}

static int tally_compare(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    int by_scenario = str_compare(x->scenario, y->scenario);

    return by_scenario != 0 ? by_scenario : str_compare(x->label, y->label);
}

static void print_table(const struct judging *j)
{
    struct arena *a = j->run->args.arena;
    struct cli_table t = cli_table_on(a, 5);
    struct strbuf b = strbuf_on(a, 4096);

    cli_table_row(&t, STR("SCENARIO"), STR("LABEL"), STR("AUTO-LINKED"), STR("REVIEW"),
                  STR("KEPT APART"));
    for (size_t i = 0; i < j->tally_count; i++) {
        const struct tally *y = &j->tallies[i];

        cli_table_row(&t, y->scenario.n > 0 ? y->scenario : STR("(all)"), y->label,
                      str_printf(a, "%llu", (unsigned long long)y->count[MPI_VERDICT_LINK]),
                      str_printf(a, "%llu", (unsigned long long)y->count[MPI_VERDICT_REVIEW]),
                      str_printf(a, "%llu", (unsigned long long)y->count[MPI_VERDICT_NEW]));
    }
    cli_table_write(&t, &b);
    fwrite(b.p, 1, b.n, stdout);
}

static void json_tally(struct strbuf *b, const struct tally *t)
{
    cli_json_key(b, str_c(b->arena, t->label));
    strbuf_addc(b, '{');
    for (int v = VERDICTS; v-- > 0;)
        cli_json_int(b, verdicts[v], (int64_t)t->count[v]);
    strbuf_addc(b, '}');
}

static void print_json(const struct judging *j)
{
    struct strbuf b = strbuf_on(j->run->args.arena, 4096);
    size_t i = 0;

    strbuf_addc(&b, '{');
    cli_json_int(&b, "pairs", (int64_t)j->pairs);
    cli_json_key(&b, "labels");
    strbuf_addc(&b, '{');
    for (; i < j->tally_count && j->tallies[i].scenario.n == 0; i++)
        json_tally(&b, &j->tallies[i]);
    strbuf_addc(&b, '}');
    if (j->scenario >= 0) {
        cli_json_key(&b, "scenarios");
        strbuf_addc(&b, '{');
        while (i < j->tally_count) {
            struct str scenario = j->tallies[i].scenario;

            cli_json_key(&b, str_c(b.arena, scenario));
            strbuf_addc(&b, '{');
            for (; i < j->tally_count && str_eq(j->tallies[i].scenario, scenario); i++)
                json_tally(&b, &j->tallies[i]);
            strbuf_addc(&b, '}');
        }
        strbuf_addc(&b, '}');
    }
    strbuf_lit(&b, "}\n");
    fwrite(b.p, 1, b.n, stdout);
}

static enum status judge_all(struct judging *j, const char *path)
{
    const char *model = cli_value(&j->run->args, "model");

    TRY(columns_parse(cli_value(&j->run->args, "columns"), true, &j->run->columns,
                      j->run->args.err));
    j->model = mpi_model_builtin();
    if (model != NULL) {
        TRY(run_model_file(&j->run->args, model, &j->run->model));
        j->model = &j->run->model;
    }
    j->tallies = ARENA_ARRAY(j->run->args.arena, LABELS_MAX, struct tally);
    TRY(judge_file(j, path));
    if (j->date_hint <= 0)
        return OK;
    j->order = MPI_DATE_DMY;
    return judge_file(j, path);
}

int pairs_eval(struct run *run, const struct cli *c)
{
    struct judging j = {.run = run, .order = MPI_DATE_MDY};

    if (cli_value(&run->args, "label") == NULL)
        return cli_usage(c, "--label names the column that says what a row's two records are");
    if (judge_all(&j, cli_value(&run->args, "pairs")) != OK)
        return cli_fail(&run->args);
    qsort(j.tallies, j.tally_count, sizeof(*j.tallies), tally_compare);
    if (run->args.json)
        print_json(&j);
    else
        print_table(&j);
    return 0;
}
