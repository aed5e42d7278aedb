/* population: people with households, twins, moves, name changes and clerks' errors, at any size,
 * with the truth. The same seed and size give the same bytes. See --help. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "tests/tools/population/record.h"

struct run {
    uint64_t rows, seed, households;
    uint32_t cities;
    double errors;
    struct tables tables;
    const char *authority; /* OID of the identifiers in HL7 */
    FILE *out, *relations, *pairs;
    uint64_t written; /* rows; also the next id */
};

struct format {
    const char *name, *help;
    void (*head)(FILE *out);
    void (*row)(struct run *run, const struct record *rec);
};

/* --- CSV: id, entity, then the fields */

static void csv_value(FILE *out, const char *value)
{
    if (strpbrk(value, ",\"\n") == NULL) {
        fputs(value, out);
        return;
    }
    putc('"', out);
    for (; *value != '\0'; value++) {
        if (*value == '"')
            putc('"', out);
        putc(*value, out);
    }
    putc('"', out);
}

static void csv_head(FILE *out)
{
    fputs("id,entity", out);
    for (int f = 0; f < RECORD_FIELD_COUNT; f++)
        fprintf(out, ",%s", record_field_name((enum record_field)f));
    putc('\n', out);
}

static void csv_row_out(struct run *run, const struct record *rec)
{
    fprintf(run->out, "R%llu,E%llu", (unsigned long long)run->written,
            (unsigned long long)rec->entity);
    for (int f = 0; f < RECORD_FIELD_COUNT; f++) {
        putc(',', run->out);
        csv_value(run->out, rec->field[f]);
    }
    putc('\n', run->out);
}

/* --- COPY: the same columns as PostgreSQL's text format, NULL where nothing is known */

static void no_head(FILE *out)
{
    (void)out;
}

static void copy_row(struct run *run, const struct record *rec)
{
    fprintf(run->out, "R%llu\tE%llu", (unsigned long long)run->written,
            (unsigned long long)rec->entity);
    for (int f = 0; f < RECORD_FIELD_COUNT; f++) {
        const char *value = rec->field[f];

        putc('\t', run->out);
        if (*value == '\0')
            fputs("\\N", run->out);
        for (; *value != '\0'; value++) {
            if (*value == '\\')
                putc('\\', run->out);
            putc(*value, run->out);
        }
    }
    putc('\n', run->out);
}

/* --- HL7 v2.5: ADT^A28 for a person's first record, A31 for the others; a message a line, its
 * segments ended by CR, as MLLP carries them */

static void hl7_value(FILE *out, const char *value)
{
    static const char special[] = "|^&~\\", codes[] = "FSTRE";

    for (; *value != '\0'; value++) {
        const char *found = strchr(special, *value);

        if (found != NULL)
            fprintf(out, "\\%c\\", codes[found - special]);
        else
            putc(*value, out);
    }
}

static void hl7_field(FILE *out, const struct record *rec, const char *before, enum record_field f)
{
    fputs(before, out);
    hl7_value(out, rec->field[f]);
}

/* The value's digits, if there are as many as there should be: a clerk's system sends no others. */
static void hl7_digits(FILE *out, const char *value, size_t wanted)
{
    char digits[RECORD_VALUE];
    size_t n = 0;

    for (; *value != '\0'; value++)
        if (*value >= '0' && *value <= '9')
            digits[n++] = *value;
    if (n == wanted)
        fwrite(digits, 1, n, out);
}

static void hl7_names(FILE *out, const struct record *rec)
{
    hl7_field(out, rec, "||", RECORD_family);
    hl7_field(out, rec, "^", RECORD_given);
    hl7_field(out, rec, "^", RECORD_middle);
    hl7_field(out, rec, "^", RECORD_suffix);
    fputs("^^^L", out);
    if (rec->field[RECORD_maiden][0] != '\0') {
        hl7_field(out, rec, "~", RECORD_maiden);
        fputs("^^^^^^M", out);
    }
    hl7_field(out, rec, "|^", RECORD_mother_given); /* PID-6 */
}

static void hl7_home(FILE *out, const struct record *rec)
{
    fprintf(out, "|||");
    hl7_value(out, rec->field[RECORD_house_number]);
    hl7_field(out, rec, " ", RECORD_street);
    hl7_field(out, rec, "^", RECORD_unit);
    hl7_field(out, rec, "^", RECORD_city);
    hl7_field(out, rec, "^", RECORD_state);
    hl7_field(out, rec, "^", RECORD_postcode);
    hl7_field(out, rec, "^^H||", RECORD_phone);
    fputs("^PRN^PH", out);
    if (rec->field[RECORD_email][0] != '\0') {
        hl7_field(out, rec, "~^NET^Internet^", RECORD_email);
    }
}

static void hl7_row(struct run *run, const struct record *rec)
{
    unsigned long long id = run->written;
    const char *event = rec->number == 0 ? "A28" : "A31";
    FILE *out = run->out;

    fprintf(out,
            "MSH|^~\\&|POPULATION|REGION|CAUSEWAY|HUB|20250101000000||ADT^%s^ADT_A05|P%llu|P|2.5"
            "\rEVN|%s|20250101000000\rPID|1||R%llu^^^&%s&ISO",
            event, id, event, id, run->authority);
    hl7_names(out, rec);
    fputs("|", out);
    hl7_digits(out, rec->field[RECORD_dob], 8);
    hl7_field(out, rec, "|", RECORD_sex);
    hl7_home(out, rec);
    fputs("||||||", out); /* to PID-19 */
    hl7_digits(out, rec->field[RECORD_ssn], 9);
    fprintf(out, "|||||%s", rec->field[RECORD_birth_order][0] != '\0' ? "Y" : "");
    hl7_field(out, rec, "|", RECORD_birth_order);
    fputs("\rPV1|1|N\r\n", out);
}

static const struct format formats[] = {
    {"csv", "a header, then id, entity (the truth) and the fields", csv_head, csv_row_out},
    {"copy", "the same columns for COPY (text format)", no_head, copy_row},
    {"hl7", "ADT^A28 and A31 messages, a line each, segments ended by CR", no_head, hl7_row},
};

/* --- the run */

/* Households are visited by a permutation, a record of each person at a time: so that a person's
 * records lie far apart, as feeds bring them. */
static uint64_t visited(uint64_t i, uint64_t households)
{
    uint64_t bits = 1, half, left, right;

    while ((UINT64_C(1) << bits) < households || bits % 2 != 0)
        bits++;
    half = (UINT64_C(1) << bits / 2) - 1;
    do { /* a Feistel network, walked until it falls inside */
        left = i >> bits / 2;
        right = i & half;
        for (uint64_t round = 0; round < 3; round++) {
            uint64_t next = left ^ (random_mix(right + round * 0x9e3779b97f4a7c15u) & half);

            left = right;
            right = next;
        }
        i = left << bits / 2 | right;
    } while (i >= households);
    return i;
}

/* As many households as have that many records. */
static uint64_t count_households(uint64_t seed, uint64_t rows)
{
    uint64_t records = 0, households = 0;

    while (records < rows)
        records += (uint64_t)household_records(seed, households++);
    return households;
}

static void write_wave(struct run *run, int wave, const struct format *format)
{
    struct household h;
    struct record rec;

    for (uint64_t i = 0; i < run->households && run->written < run->rows; i++) {
        uint64_t number = visited(i, run->households);

        household_make(&h, &run->tables, run->seed, number, run->cities);
        for (int p = 0; p < h.count && run->written < run->rows; p++) {
            if (h.people[p].records <= wave)
                continue;
            record_make(&rec, &h, &run->tables, run->seed, number, p, wave,
                        wave == 0 ? 0.6 * run->errors : run->errors);
            format->row(run, &rec);
            run->written++;
        }
    }
}

/* Pairs of people whom a matcher could take for one. */
static void write_relations(struct run *run)
{
    struct household h;

    fputs("entity_a,entity_b,relation\n", run->relations);
    for (uint64_t number = 0; number < run->households; number++) {
        household_make(&h, &run->tables, run->seed, number, run->cities);
        for (int a = 0; a < h.count; a++)
            for (int b = a + 1; b < h.count; b++)
                fprintf(run->relations, "E%llu,E%llu,%s\n", (unsigned long long)h.people[a].entity,
                        (unsigned long long)h.people[b].entity,
                        relation_name(household_relation(&h, a, b)));
    }
}

static void pair_side(struct run *run, const struct record *rec)
{
    for (int f = 0; f < RECORD_FIELD_COUNT; f++) {
        csv_value(run->pairs, rec->field[f]);
        putc(',', run->pairs);
    }
}

static void write_pair(struct run *run, const struct household *h, uint64_t number, int a, int b,
                       int second, const char *relation)
{
    struct record left, right;

    record_make(&left, h, &run->tables, run->seed, number, a, 0, 0.6 * run->errors);
    record_make(&right, h, &run->tables, run->seed, number, b, second, run->errors);
    pair_side(run, &left);
    pair_side(run, &right);
    fprintf(run->pairs, "%s,%s\n", a == b ? "match" : "no-match", relation);
}

/* Two records a row, a label, and how the two are related. */
static void write_pairs(struct run *run)
{
    struct household h;

    for (int side = 0; side < 2; side++)
        for (int f = 0; f < RECORD_FIELD_COUNT; f++)
            fprintf(run->pairs, "%c_%s,", "ab"[side], record_field_name((enum record_field)f));
    fputs("label,scenario\n", run->pairs);
    for (uint64_t number = 0; number < run->households; number++) {
        household_make(&h, &run->tables, run->seed, number, run->cities);
        for (int a = 0; a < h.count; a++) {
            for (int n = 1; n < h.people[a].records; n++)
                write_pair(run, &h, number, a, a, n, "same-person");
            for (int b = a + 1; b < h.count; b++)
                write_pair(run, &h, number, a, b, 0, relation_name(household_relation(&h, a, b)));
        }
    }
}

static int usage(FILE *to, int status)
{
    fputs(
        "usage: population [--rows N] [--seed N] [--errors X] [--format csv|copy|hl7] [--out "
        "FILE]\n"
        "                  [--relations FILE] [--pairs FILE] [--authority OID]\n\n"
        "Writes N records (default 10000) of people, about 1.6 each: households with twins,\n"
        "namesakes (Jr and Sr), moves, marriages and new telephones, as clerks wrote them down.\n"
        "Names, streets and error models come from $CAUSEWAY_DATA/mpi, else from small tables of\n"
        "its own. The same arguments give the same bytes.\n\n"
        "  --rows N          records\n"
        "  --seed N          another population (default 1)\n"
        "  --errors X        multiplies all rates of error (default 1; 0: none)\n"
        "  --out FILE        default: standard output\n"
        "  --relations FILE  CSV of people of one household: twin, jr-sr, parent-child, ...\n"
        "  --pairs FILE      CSV of two records a row with label and scenario\n"
        "  --authority OID   of the identifiers in HL7 (default 1.2.840.113619.99.1)\n"
        "  --format NAME\n",
        to);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        fprintf(to, "      %-14s %s\n", formats[i].name, formats[i].help);
    return status;
}

static FILE *open_out(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

    if (f == NULL) {
        fprintf(stderr, "population: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    setvbuf(f, NULL, _IOFBF, 1 << 20);
    return f;
}

static const struct format *format_named(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    exit(usage(stderr, 2));
}

static void load_tables(struct run *run, struct arena *a)
{
    const char *data = getenv("CAUSEWAY_DATA");
    const char *folder = str_c(a, str_printf(a, "%s/mpi", data ? data : "../shared/data"));

    tables_load(&run->tables, a, folder);
    run->households = count_households(run->seed, run->rows);
    run->cities = 1 + (uint32_t)(run->rows / 20000);
}

static void close_out(FILE *f)
{
    if (f != NULL && (ferror(f) || fclose(f) != 0)) {
        fprintf(stderr, "population: %s\n", strerror(errno));
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rows", 1, NULL, 'n'},      {"seed", 1, NULL, 's'},  {"errors", 1, NULL, 'e'},
        {"format", 1, NULL, 'f'},    {"out", 1, NULL, 'o'},   {"relations", 1, NULL, 'r'},
        {"authority", 1, NULL, 'a'}, {"pairs", 1, NULL, 'p'}, {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct run run = {.rows = 10000, .seed = 1, .errors = 1, .authority = "1.2.840.113619.99.1"};
    const struct format *format = &formats[0];
    struct arena a;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (option) {
        case 'n':
            run.rows = strtoull(optarg, NULL, 10);
            break;
        case 's':
            run.seed = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            run.errors = strtod(optarg, NULL);
            break;
        case 'f':
            format = format_named(optarg);
            break;
        case 'o':
            run.out = open_out(optarg);
            break;
        case 'r':
            run.relations = open_out(optarg);
            break;
        case 'p':
            run.pairs = open_out(optarg);
            break;
        case 'a':
            run.authority = optarg;
            break;
        default:
            return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
        }
    if (optind < argc || run.rows == 0)
        return usage(stderr, 2);
    arena_init(&a);
    if (run.out == NULL)
        run.out = open_out("-");
    load_tables(&run, &a);
    format->head(run.out);
    for (int wave = 0; wave < RECORDS_MAX; wave++)
        write_wave(&run, wave, format);
    if (run.relations != NULL)
        write_relations(&run);
    if (run.pairs != NULL)
        write_pairs(&run);
    close_out(run.out);
    close_out(run.relations);
    close_out(run.pairs);
    arena_dispose(&a);
    return 0;
}
