#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "mpi/batch/cluster.h"
#include "mpi/batch/commands.h"
#include "mpi/batch/run.h"
#include "mpi/core/weigh.h"

#define ROLE_LINE(role, words) "  " #role ": " words "\n"

static const struct cli_option options[] = {
    RUN_OPTIONS,
    {"out", "FILE", "the pairs, as CSV; the groups go to FILE with .people before its ending"},
    {"between", NULL, "link records of different files only"},
    RUN_MODEL_OPTION,
    {NULL, NULL, NULL},
};

static const struct cli cli = {
    "causeway mpi link --input FILE... --columns ROLE=HEADER,... --out FILE",
    "Links the records of one file, or of several, that are of one person: in memory, on all\n"
    "cores, with the same matching core as the live index.\n"
    "  causeway mpi link --input a.csv --columns id=nr,given=first name,family=surname,dob=born "
    "\\\n"
    "      --out links.csv\n"
    "\n"
    "links.csv has a row for each pair: left_file, left_id, right_file, right_id, probability,\n"
    "weight (bits), decision (link: of one person; review: a steward should look; possible), and\n"
    "person, the group that a linked pair belongs to. links.people.csv has a row for each record:\n"
    "file, id, person. A record is named by the role id, else by the number of its row. The same\n"
    "records give the same links, whatever the order of rows and the number of threads.\n"
    "\n"
    "Roles (a role may be given several times; NA, NaT and nothing are missing "
    "values):\n" COLUMN_ROLES(ROLE_LINE),
    options,
};

enum { LEAST_BITS = -3 }; /* pairs less probable than 11 % are not written */

struct written {
    const struct run *run;
    const uint32_t *person;
    FILE *out;
    struct growing lines; /* struct line: written in order at the end */
    uint64_t linked, review;
};

struct line {
    uint32_t a, b; /* as they are written: the left one first */
    float height;
};

static void value(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* Which of two records is written first: by file, then by identifier, so that it does not depend
 * on where they stand. */
static int named_before(const struct dataset *d, uint32_t a, uint32_t b)
{
    const struct dataset_row *x = dataset_row(d, a), *y = dataset_row(d, b);
    char left[24], right[24];
    int by_name;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->id_at == 0 && y->id_at == 0)
        return x->row < y->row ? -1 : x->row > y->row;
    by_name = strcmp(dataset_id(d, a, left), dataset_id(d, b, right));
    return by_name != 0 ? by_name : a < b ? -1 : a > b;
}

static void keep_join(void *context, const uint32_t *a, size_t a_count, const uint32_t *b,
                      size_t b_count, double height)
{
    struct written *w = context;
    const struct dataset *d = &w->run->data;
    bool between = cli_value(&w->run->args, "between") != NULL;

    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++) {
            bool swap = named_before(d, a[i], b[k]) > 0;
            struct line line = {swap ? b[k] : a[i], swap ? a[i] : b[k], (float)height};

            if (!between || dataset_row(d, a[i])->file != dataset_row(d, b[k])->file)
                memcpy(growing_add(&w->lines, 1), &line, sizeof(line));
        }
}

static const struct dataset *sorting; /* qsort hands no context */

static int line_compare(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int by_left = named_before(sorting, x->a, y->a);

    return by_left != 0 ? by_left : named_before(sorting, x->b, y->b);
}

/* The person's name: that of its first record by name. */
static void person_names(const struct dataset *d, const uint32_t *person, uint32_t *first)
{
    for (size_t i = 0; i < d->count; i++)
        first[i] = UINT32_MAX;
    for (size_t i = 0; i < d->count; i++) {
        uint32_t p = person[i];

        if (first[p] == UINT32_MAX || named_before(d, (uint32_t)i, first[p]) < 0)
            first[p] = (uint32_t)i;
    }
}

static void print_name(FILE *out, const struct run *run, uint32_t record)
{
    char number[24];

    fprintf(out, "%u,", dataset_row(&run->data, record)->file + 1u);
    value(out, dataset_id(&run->data, record, number));
}

static void print_person(FILE *out, const struct run *run, uint32_t first)
{
    char number[24];

    if (run->options.input_count > 1)
        fprintf(out, "%u:", dataset_row(&run->data, first)->file + 1u);
    value(out, dataset_id(&run->data, first, number));
}

static void write_pairs(struct written *w, const uint32_t *first)
{
    const struct line *lines = w->lines.items;
    double review = mpi_posterior_bits(w->run->model.review);

    fputs("left_file,left_id,right_file,right_id,probability,weight,decision,person\n", w->out);
    for (size_t i = 0; i < w->lines.count; i++) {
        bool linked = w->person[lines[i].a] == w->person[lines[i].b];
        double height = (double)lines[i].height;

        print_name(w->out, w->run, lines[i].a);
        putc(',', w->out);
        print_name(w->out, w->run, lines[i].b);
        fprintf(w->out, ",%.6f,%.3f,%s,", mpi_posterior(height), height,
                linked             ? "link"
                : height >= review ? "review"
                                   : "possible");
        if (linked)
            print_person(w->out, w->run, first[w->person[lines[i].a]]);
        putc('\n', w->out);
        w->linked += linked;
        w->review += !linked && height >= review;
    }
}

static int record_compare(const void *a, const void *b)
{
    return named_before(sorting, *(const uint32_t *)a, *(const uint32_t *)b);
}

static void write_people(const struct run *run, const uint32_t *person, const uint32_t *first,
                         FILE *out)
{
    uint32_t *order = malloc((run->data.count + 1) * sizeof(*order));

    must(order != NULL, "memory for the people");
    for (size_t i = 0; i < run->data.count; i++)
        order[i] = (uint32_t)i;
    sorting = &run->data;
    qsort(order, run->data.count, sizeof(*order), record_compare);
    fputs("file,id,person\n", out);
    for (size_t i = 0; i < run->data.count; i++) {
        print_name(out, run, order[i]);
        putc(',', out);
        print_person(out, run, first[person[order[i]]]);
        putc('\n', out);
    }
    free(order);
}

/* links.csv -> links.people.csv */
static const char *people_path(struct arena *a, const char *path)
{
    struct str s = str_from(path);
    size_t dot = s.n;

    for (size_t i = s.n; i-- > 0 && s.p[i] != '/';)
        if (s.p[i] == '.' && i > 0) {
            dot = i;
            break;
        }
    return str_c(a, str_printf(a, "%.*s.people%.*s", (int)dot, path, (int)(s.n - dot), path + dot));
}

static FILE *open_out(struct run *run, const char *path)
{
    FILE *f = fopen(path, "w");

    if (f == NULL)
        fail(run->args.err, UPSTREAM, "out", "%s: %s", path, strerror(errno));
    else
        setvbuf(f, NULL, _IOFBF, 1 << 20);
    return f;
}

static enum status close_out(struct run *run, FILE *f, const char *path)
{
    bool bad = ferror(f) != 0;

    if (fclose(f) != 0 || bad)
        return fail(run->args.err, UPSTREAM, "out", "%s: %s", path, strerror(errno));
    return OK;
}

static enum status write_all(struct run *run, struct linking *l, struct written *w)
{
    const char *path = cli_value(&run->args, "out"), *people = people_path(run->args.arena, path);
    struct cluster_options o = {.least = LEAST_BITS};
    uint32_t *first = malloc((run->data.count + 1) * sizeof(*first));
    FILE *people_out;

    must(first != NULL, "memory for the people");
    if ((w->out = open_out(run, path)) == NULL || (people_out = open_out(run, people)) == NULL)
        return UPSTREAM;
    growing_init(&w->lines, sizeof(struct line));
    cluster_pairs(l->pairs.items, l->pairs.count, l->d->count, &o, keep_join, w);
    sorting = &run->data;
    if (w->lines.count > 0)
        qsort(w->lines.items, w->lines.count, sizeof(struct line), line_compare);
    person_names(&run->data, w->person, first);
    write_pairs(w, first);
    write_people(run, w->person, first, people_out);
    growing_dispose(&w->lines);
    free(first);
    TRY(close_out(run, people_out, people));
    return close_out(run, w->out, path);
}

static uint64_t count_people(const uint32_t *person, size_t n)
{
    uint64_t people = 0;

    for (size_t i = 0; i < n; i++)
        people += person[i] == i;
    return people;
}

static void tell(const struct run *run, const struct linking *l, const struct written *w)
{
    double seconds = (double)(clock_monotonic_us() - run->started_us) / 1e6;
    unsigned long long people = count_people(w->person, run->data.count);

    if (run->args.json)
        printf("{\"records\":%zu,\"people\":%llu,\"linked\":%llu,\"review\":%llu,"
               "\"compared\":%llu,\"seconds\":%.3f}\n",
               run->data.count, people, (unsigned long long)w->linked,
               (unsigned long long)w->review, (unsigned long long)l->compared, seconds);
    else
        printf("%zu records are %llu people: %llu pairs linked, %llu for review (%.1f s)\n",
               run->data.count, people, (unsigned long long)w->linked,
               (unsigned long long)w->review, seconds);
    if (l->left_out > 0)
        fprintf(stderr, "causeway: %llu keys were shared by too many records to look at\n",
                (unsigned long long)l->left_out);
}

static enum status link_files(struct run *run)
{
    struct linking l = {.d = &run->data,
                        .model = &run->model,
                        .between = cli_value(&run->args, "between") != NULL,
                        .threads = run->options.threads};
    struct written w = {.run = run};
    uint32_t *person;
    enum status s;

    TRY(run_read(run));
    TRY(run_model(run));
    link_compare(&l);
    w.person = person = run_people(&l);
    s = write_all(run, &l, &w);
    if (s == OK)
        tell(run, &l, &w);
    free(person);
    link_dispose(&l);
    return s;
}

int mpi_link_command(const void *context, int argc, char **argv)
{
    struct run run;
    int done = run_start(&run, &cli, argc, argv);

    (void)context;
    if (done >= 0)
        return done;
    if (run.options.input_count == 0)
        return cli_usage(&cli, "--input names a file");
    if (cli_value(&run.args, "out") == NULL)
        return cli_usage(&cli, "--out names the file to write");
    if (link_files(&run) != OK)
        return cli_fail(&run.args);
    run_end(&run);
    return 0;
}
