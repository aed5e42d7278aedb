#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "hub/base/clock.h"
#include "hub/command/cli_print.h"
#include "mpi/batch/cluster.h"
#include "mpi/batch/commands.h"
#include "mpi/batch/metrics.h"
#include "mpi/batch/pairs.h"
#include "mpi/batch/run.h"
#include "mpi/core/weigh.h"

static const struct cli_option options[] = {
    RUN_OPTIONS,
    {"between", NULL, "link records of different files only"},
    RUN_MODEL_OPTION,
    {"truth-entity", "COLUMN", "records with one value there are one person's"},
    {"truth-pairs", "FILE", "a CSV of pairs of identifiers (role id) that are one person's"},
    {"truth-rule", "'REGEX on COLUMN'", "as --truth-entity, by the regex's first group"},
    {"pairs", "FILE", "judge rows that hold two records each, instead of linking"},
    {"label", "COLUMN", "of --pairs: what the row's two records are"},
    {"scenario", "COLUMN", "of --pairs: count by its values as well"},
    {NULL, NULL, NULL},
};

static const struct cli cli = {
    "causeway mpi eval --input FILE... --columns ROLE=HEADER,... --truth-entity COLUMN",
    "Links as `causeway mpi link` does and says how well it went, beside the truth: over pairs at\n"
    "the best threshold and at the default one for links without a steward, and over groups\n"
    "(b3_f1). wrong_auto_links are pairs of two people that were linked at the default threshold;\n"
    "blocking_recall is the share of the truth's pairs that were compared at all. With --between\n"
    "only pairs of different files count, without it all pairs do.\n"
    "\n"
    "Rows that hold two records and a label are judged one by one, by the built-in model:\n"
    "  causeway mpi eval --pairs FILE --columns a.given=COL,b.given=COL,... --label COL\n"
    "prints, by label, how many were linked, sent to review and kept apart.",
    options,
};

struct result {
    uint64_t records, truth_pairs, wrong;
    struct score best, standard;
    double b3, blocking_recall, candidates;
    uint64_t left_out;
};

/* Of the people at the default threshold. */
static struct score score_people(const struct truth *t, const uint32_t *person)
{
    uint64_t tp = 0, fp = 0;
    size_t n = t->d->count;
    struct member {
        uint32_t person, record;
    } *list = malloc((n + 1) * sizeof(*list));
    uint64_t *first = calloc(n + 2, sizeof(*first));

    must(list != NULL && first != NULL, "memory for the score");
    for (size_t i = 0; i < n; i++)
        first[person[i] + 1]++;
    for (size_t i = 1; i < n + 2; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < n; i++)
        list[first[person[i]]++] = (struct member){person[i], (uint32_t)i};
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n && list[k].person == list[i].person; k++)
            if (truth_counts(t, list[i].record, list[k].record)) {
                bool same = truth_same(t, list[i].record, list[k].record);

                tp += same;
                fp += !same;
            }
    free(list);
    free(first);
    return score_of(tp, fp, t->total);
}

enum { LEAST_BITS = -5 }; /* no threshold below 3 % is tried */

static void evaluate(struct linking *l, const struct truth *t, struct result *r)
{
    struct cluster_options o = {.least = LEAST_BITS};
    struct curve curve;
    uint32_t *person;

    l->truth = t;
    link_compare(l);
    curve_init(&curve, t);
    cluster_pairs(l->pairs.items, l->pairs.count, l->d->count, &o, curve_join, &curve);
    r->best = curve_best(&curve);
    curve_dispose(&curve);
    person = run_people(l);
    r->standard = score_people(t, person);
    r->b3 = metrics_b3(t, person);
    r->wrong = r->standard.fp;
    r->records = l->d->count;
    r->truth_pairs = t->total;
    r->blocking_recall = t->total > 0 ? (double)l->truth_met / (double)t->total : 0;
    r->candidates = l->d->count > 0 ? (double)l->compared / (double)l->d->count : 0;
    r->left_out = l->left_out;
    free(person);
    link_dispose(l);
}

static double peak_mb(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_maxrss / 1024;
}

static void json_number(struct strbuf *b, const char *key, double value, int digits)
{
    cli_json_key(b, key);
    strbuf_addf(b, "%.*f", digits, value);
}

static void print_json(const struct run *run, const struct result *r)
{
    struct strbuf b = strbuf_on(run->args.arena, 1024);

    strbuf_addc(&b, '{');
    cli_json_int(&b, "records", (int64_t)r->records);
    cli_json_int(&b, "truth_pairs", (int64_t)r->truth_pairs);
    cli_json_int(&b, "tp", (int64_t)r->best.tp);
    cli_json_int(&b, "fp", (int64_t)r->best.fp);
    cli_json_int(&b, "fn", (int64_t)r->best.fn);
    json_number(&b, "precision", r->best.precision, 6);
    json_number(&b, "recall", r->best.recall, 6);
    json_number(&b, "f1", r->best.f1, 6);
    json_number(&b, "threshold", mpi_posterior(r->best.threshold), 6);
    json_number(&b, "precision_default", r->standard.precision, 6);
    json_number(&b, "recall_default", r->standard.recall, 6);
    json_number(&b, "f1_default", r->standard.f1, 6);
    json_number(&b, "b3_f1", r->b3, 6);
    json_number(&b, "blocking_recall", r->blocking_recall, 6);
    json_number(&b, "candidates_per_record", r->candidates, 2);
    cli_json_int(&b, "wrong_auto_links", (int64_t)r->wrong);
    json_number(&b, "seconds", (double)(clock_monotonic_us() - run->started_us) / 1e6, 3);
    json_number(&b, "peak_rss_mb", peak_mb(), 1);
    strbuf_lit(&b, "}\n");
    fwrite(b.p, 1, b.n, stdout);
}

static void print_score(const char *name, const struct score *s)
{
    printf("%-26s %8.4f %8.4f %8.4f %9llu %9llu %9llu\n", name, s->precision, s->recall, s->f1,
           (unsigned long long)s->tp, (unsigned long long)s->fp, (unsigned long long)s->fn);
}

static void print_table(const struct run *run, const struct result *r)
{
    char name[64];

    printf("%llu records, %llu pairs of one person; %.1f candidates a record, which have %.4f of "
           "those pairs\n\n%-26s %8s %8s %8s %9s %9s %9s\n",
           (unsigned long long)r->records, (unsigned long long)r->truth_pairs, r->candidates,
           r->blocking_recall, "", "precision", "recall", "F1", "right", "wrong", "missed");
    snprintf(name, sizeof(name), "best threshold (%.4f)", mpi_posterior(r->best.threshold));
    print_score(name, &r->best);
    print_score("linked without a steward", &r->standard);
    printf("\nB-cubed F1 of the groups: %.4f; %.1f s, %.0f MB\n", r->b3,
           (double)(clock_monotonic_us() - run->started_us) / 1e6, peak_mb());
    if (r->left_out > 0)
        printf("%llu keys were shared by too many records to look at, even when narrowed\n",
               (unsigned long long)r->left_out);
}

/* Exactly one way to know the truth. */
static enum status truth_option(struct run *run)
{
    const char *entity = cli_value(&run->args, "truth-entity");
    const char *rule = cli_value(&run->args, "truth-rule");
    const char *pairs = cli_value(&run->args, "truth-pairs");

    if ((entity != NULL) + (rule != NULL) + (pairs != NULL) != 1)
        return fail(run->args.err, INVALID, "truth",
                    "one of --truth-entity, --truth-rule and --truth-pairs says what is true");
    if (rule != NULL)
        TRY(truth_rule_parse(rule, run->args.arena, &run->truth, run->args.err));
    if (entity != NULL)
        run->truth.column = str_from(entity);
    run->truth.pairs = pairs;
    run->options.truth = &run->truth;
    return OK;
}

static enum status eval(struct run *run, struct result *r)
{
    bool between = cli_value(&run->args, "between") != NULL;
    struct linking l = {.d = &run->data,
                        .model = &run->model,
                        .between = between,
                        .threads = run->options.threads};
    struct truth t;

    TRY(truth_option(run));
    TRY(run_read(run));
    TRY(run_model(run));
    if (run->truth.pairs != NULL)
        TRY(truth_from_pairs(&t, &run->data, between, run->truth.pairs, run->args.arena,
                             run->args.err));
    else
        truth_from_entities(&t, &run->data, between);
    evaluate(&l, &t, r);
    truth_dispose(&t);
    return OK;
}

int mpi_eval_command(const void *context, int argc, char **argv)
{
    struct run run;
    struct result r = {0};
    int done = run_start(&run, &cli, argc, argv);

    (void)context;
    if (done >= 0)
        return done;
    if (cli_value(&run.args, "pairs") != NULL)
        return pairs_eval(&run, &cli);
    if (run.options.input_count == 0)
        return cli_usage(&cli, "--input names a file");
    if (eval(&run, &r) != OK)
        return cli_fail(&run.args);
    if (run.args.json)
        print_json(&run, &r);
    else
        print_table(&run, &r);
    run_end(&run);
    return 0;
}
