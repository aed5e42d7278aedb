#include "mpi/batch/dataset.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/command/progress.h"
#include "hub/data/csv.h"
#include "mpi/core/compare.h"

/* A row on its way from the file to the dictionary: what one thread worked out. */
struct parsed {
    struct str packed, id, entity; /* on the chunk's arena */
    uint64_t order;
    uint64_t number; /* of the row within the chunk */
};

/* One file being read by all threads. */
struct reading {
    struct dataset *d;
    const struct dataset_options *o;
    size_t file;
    struct csv_file csv;
    struct column_map map;
    ptrdiff_t truth_column; /* -1: none */
    ptrdiff_t id_column;
    pthread_mutex_t file_lock, dict_lock;
    struct progress progress;
    struct errors *err;   /* under file_lock */
    uint64_t *chunk_rows; /* rows of each chunk, under dict_lock: rows are numbered at the end */
    size_t chunk_cap;
    size_t first_row; /* of the file, in d->rows */
};

/* What one thread uses. */
struct reader {
    struct reading *reading;
    struct csv_chunk chunk;
    struct arena arena, row_arena;
    struct parsed *rows;
    size_t row_count, row_cap;
    int64_t date_hint;
    uint64_t ragged;
    struct dataset_note notes[DATASET_NOTES];
    size_t note_count;
    struct str fields[CSV_COLUMNS_MAX];
};

/* --- one row */

static uint64_t content_hash(size_t file, const struct str *fields, size_t count)
{
    uint64_t h = 0x9e3779b97f4a7c15u * (file + 1);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < fields[i].n; k++)
            h = (h ^ (unsigned char)fields[i].p[k]) * 0x100000001b3u;
        h = (h ^ 0x1ff) * 0x100000001b3u;
        h ^= h >> 29;
    }
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

static void note_ragged(struct reader *r, size_t fields)
{
    size_t columns = r->reading->csv.columns;

    if (fields == columns)
        return;
    while (fields > columns && fields <= CSV_COLUMNS_MAX && r->fields[fields - 1].n == 0)
        fields--; /* separators at the end of a line say nothing */
    if (fields == columns)
        return;
    if (r->note_count < DATASET_NOTES)
        r->notes[r->note_count++] =
            (struct dataset_note){r->reading->file, fields, columns, r->chunk.rows.row_line};
    r->ragged++;
}

static struct str field_of(const struct reader *r, ptrdiff_t column, size_t count)
{
    return column >= 0 && (size_t)column < count ? r->fields[column] : STR_NONE;
}

static struct str packed_traits(struct reader *r, size_t count)
{
    struct reading *reading = r->reading;
    struct mpi_input input;
    struct mpi_traits traits;

    column_input(&reading->map, r->fields, count, reading->d->guess.ids, &input);
    input.date_order = reading->d->guess.order[reading->file];
    for (size_t i = 0; i < input.birth_date_count; i++)
        r->date_hint += mpi_date_order_hint(input.birth_dates[i]);
    mpi_traits_read(&r->row_arena, &input, &traits);
    return mpi_traits_pack(&r->row_arena, &traits);
}

static struct parsed *parsed_new(struct reader *r)
{
    if (r->row_count == r->row_cap) {
        r->row_cap = r->row_cap * 2 + 1024;
        r->rows = realloc(r->rows, r->row_cap * sizeof(*r->rows));
        must(r->rows != NULL, "memory for the rows of a chunk");
    }
    return &r->rows[r->row_count++];
}

static void read_row(struct reader *r, size_t count)
{
    const struct truth_rule *truth = r->reading->o->truth;
    struct parsed *p = parsed_new(r);

    note_ragged(r, count);
    count = count > CSV_COLUMNS_MAX ? CSV_COLUMNS_MAX : count;
    p->order = content_hash(r->reading->file, r->fields, count);
    for (size_t i = 0; i < count; i++)
        r->fields[i] = csv_utf8(&r->row_arena, r->fields[i]);
    p->packed = str_dup(&r->arena, packed_traits(r, count));
    p->id = str_dup(&r->arena, column_value(field_of(r, r->reading->id_column, count)));
    p->entity = STR_NONE;
    if (r->reading->truth_column >= 0)
        p->entity =
            str_dup(&r->arena,
                    truth_entity(truth, &r->row_arena,
                                 column_value(field_of(r, r->reading->truth_column, count))));
    arena_reset(&r->row_arena);
}

/* --- one chunk */

static void keep_id(struct dataset *d, struct dataset_row *row, struct str id)
{
    char *text;

    if (d->ids.count == 0)
        growing_add(&d->ids, 1); /* 0 is no place */
    row->id_at = id.n > 0 ? d->ids.count : 0;
    if (id.n == 0)
        return;
    text = growing_add(&d->ids, id.n + 1);
    memcpy(text, id.p, id.n);
}

static void keep_row(struct reading *reading, const struct parsed *p, size_t number)
{
    struct dataset *d = reading->d;
    struct dataset_row *row = growing_add(&d->rows, 1);
    struct mpi_traits traits;
    uint32_t coded[MPI_CODED_MAX];
    size_t words;

    must(mpi_traits_unpack(p->packed, &traits), "what was packed is unpacked");
    words = mpi_encode(&d->dict, &traits, coded);
    *row = (struct dataset_row){.order = p->order,
                                .at = d->words.count,
                                .row = (uint32_t)number,
                                .entity = mpi_dict_add(&d->entities, MPI_CLASS_CODE, p->entity),
                                .file = (uint8_t)reading->file};
    memcpy(growing_add(&d->words, words), coded, words * sizeof(*coded));
    keep_id(d, row, p->id);
}

static void keep_chunk(struct reader *r)
{
    struct reading *reading = r->reading;

    pthread_mutex_lock(&reading->dict_lock);
    if (r->chunk.number >= reading->chunk_cap) {
        size_t cap = r->chunk.number * 2 + 16;

        reading->chunk_rows = realloc(reading->chunk_rows, 2 * cap * sizeof(uint64_t));
        must(reading->chunk_rows != NULL, "memory for the list of chunks");
        reading->chunk_cap = cap;
    }
    reading->chunk_rows[2 * r->chunk.number] = reading->d->rows.count;
    reading->chunk_rows[2 * r->chunk.number + 1] = r->row_count;
    for (size_t i = 0; i < r->row_count; i++)
        keep_row(reading, &r->rows[i], i);
    pthread_mutex_unlock(&reading->dict_lock);
}

static bool take_chunk(struct reader *r)
{
    struct reading *reading = r->reading;
    bool got;

    pthread_mutex_lock(&reading->file_lock);
    got = reading->err->count == 0 && csv_chunk_next(&reading->csv, &r->chunk, reading->err);
    pthread_mutex_unlock(&reading->file_lock);
    return got;
}

static bool read_chunk(struct reader *r)
{
    struct reading *reading = r->reading;
    enum csv_got got;
    size_t count, bytes = (size_t)(r->chunk.rows.end - r->chunk.rows.p);

    r->row_count = 0;
    arena_reset(&r->arena);
    while ((got = csv_row(&r->chunk.rows, r->fields, CSV_COLUMNS_MAX, &count)) == CSV_ROW)
        read_row(r, count);
    if (got == CSV_BROKEN) {
        pthread_mutex_lock(&reading->file_lock);
        fail(reading->err, INVALID, "csv", "%s, line %llu: %s", reading->csv.path,
             (unsigned long long)r->chunk.rows.row_line, r->chunk.rows.broken);
        pthread_mutex_unlock(&reading->file_lock);
        return false;
    }
    keep_chunk(r);
    progress_add(&reading->progress, bytes);
    return true;
}

/* --- one file */

static int note_compare(const void *a, const void *b)
{
    const struct dataset_note *x = a, *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* The first ones of all threads. */
static void keep_notes(struct dataset *d, const struct reader *r)
{
    struct dataset_note all[2 * DATASET_NOTES];
    size_t n = d->note_count + r->note_count;

    memcpy(all, d->notes, d->note_count * sizeof(*all));
    memcpy(all + d->note_count, r->notes, r->note_count * sizeof(*all));
    qsort(all, n, sizeof(*all), note_compare);
    d->note_count = n < DATASET_NOTES ? n : DATASET_NOTES;
    memcpy(d->notes, all, d->note_count * sizeof(*all));
}

static void reader_run(void *context, int i)
{
    struct reading *reading = context;
    struct reader *r = calloc(1, sizeof(*r));

    (void)i;
    must(r != NULL, "memory for a reader");
    r->reading = reading;
    arena_init(&r->arena);
    arena_init(&r->row_arena);
    while (take_chunk(r) && read_chunk(r))
        ;
    pthread_mutex_lock(&reading->dict_lock);
    reading->d->date_hints[reading->file] += r->date_hint;
    reading->d->ragged += r->ragged;
    keep_notes(reading->d, r);
    pthread_mutex_unlock(&reading->dict_lock);
    csv_chunk_dispose(&r->chunk);
    arena_dispose(&r->arena);
    arena_dispose(&r->row_arena);
    free(r->rows);
    free(r);
}

/* Numbers the rows as the file has them, from 1. */
static void number_rows(struct reading *reading)
{
    struct dataset_row *rows = reading->d->rows.items;
    uint64_t number = 1;

    for (size_t chunk = 0; chunk < reading->csv.chunks; chunk++) {
        uint64_t first = reading->chunk_rows[2 * chunk], n = reading->chunk_rows[2 * chunk + 1];

        for (uint64_t i = 0; i < n; i++)
            rows[first + i].row = (uint32_t)(number + i);
        number += n;
    }
    reading->d->file_rows[reading->file] = number - 1;
}

static enum status bind_columns(struct reading *reading, bool *seen)
{
    const struct csv_file *csv = &reading->csv;
    const struct truth_rule *truth = reading->o->truth;

    column_map_make(reading->o->columns, 0, csv->header, csv->columns, &reading->map, seen);
    reading->truth_column = reading->id_column = -1;
    for (size_t i = reading->map.count; i-- > 0;)
        if (reading->map.list[i].role == COLUMN_id)
            reading->id_column = (ptrdiff_t)reading->map.list[i].column;
    if (truth == NULL || truth->column.n == 0)
        return OK;
    reading->truth_column = column_find(csv->header, csv->columns, truth->column);
    if (reading->truth_column < 0)
        return column_missing(reading->err, csv->path, truth->column, csv->header, csv->columns);
    return OK;
}

static enum status read_file(struct dataset *d, const struct dataset_options *o, size_t file,
                             bool *seen, struct arena *a, struct errors *err)
{
    struct reading reading = {.d = d, .o = o, .file = file, .err = err};
    enum status s;

    TRY(csv_open(&reading.csv, a, o->inputs[file], err));
    s = bind_columns(&reading, seen);
    if (s == OK) {
        pthread_mutex_init(&reading.file_lock, NULL);
        pthread_mutex_init(&reading.dict_lock, NULL);
        reading.progress = progress_begin_of("reading", reading.csv.size);
        crew_run(o->threads, reader_run, &reading);
        progress_end(&reading.progress);
        pthread_mutex_destroy(&reading.file_lock);
        pthread_mutex_destroy(&reading.dict_lock);
        s = err->status;
        if (s == OK)
            number_rows(&reading);
        free(reading.chunk_rows);
    }
    csv_close(&reading.csv);
    return s;
}

/* --- all files */

static int row_compare(const void *a, const void *b)
{
    const struct dataset_row *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void start(struct dataset *d)
{
    struct dataset_guess guess = d->guess;

    *d = (struct dataset){.guess = guess};
    mpi_dict_init(&d->dict, mpi_model_builtin(), 1 << 16);
    mpi_dict_init(&d->entities, mpi_model_builtin(), 64);
    growing_init(&d->words, sizeof(uint32_t));
    growing_init(&d->rows, sizeof(struct dataset_row));
    growing_init(&d->ids, sizeof(char));
}

static void put_in_order(struct dataset *d)
{
    struct dataset_row *rows = d->rows.items;

    d->count = d->rows.count;
    if (d->count == 0)
        return;
    qsort(rows, d->count, sizeof(*rows), row_compare);
    d->at = malloc(d->count * sizeof(*d->at));
    must(d->at != NULL, "memory for the records");
    for (size_t i = 0; i < d->count; i++)
        d->at[i] = rows[i].at;
}

static enum status check_columns(const struct dataset_options *o, const bool *seen, struct arena *a,
                                 struct errors *err)
{
    for (size_t i = 0; i < o->columns->count; i++) {
        struct csv_file csv;

        if (seen[i])
            continue;
        TRY(csv_open(&csv, a, o->inputs[0], err));
        csv_close(&csv);
        return column_missing(err, o->inputs[0], o->columns->list[i].header, csv.header,
                              csv.columns);
    }
    return OK;
}

static enum status read_files(struct dataset *d, const struct dataset_options *o, struct arena *a,
                              struct errors *err)
{
    bool seen[COLUMNS_MAX] = {false};

    for (size_t file = 0; file < o->input_count; file++)
        TRY(read_file(d, o, file, seen, a, err));
    TRY(check_columns(o, seen, a, err));
    put_in_order(d);
    return OK;
}

/* On failure nothing is left of it. */
static enum status read_all(struct dataset *d, const struct dataset_options *o, struct arena *a,
                            struct errors *err)
{
    enum status s;

    start(d);
    s = read_files(d, o, a, err);
    if (s != OK)
        dataset_dispose(d);
    return s;
}

/* --- what had to be guessed */

/* A file without a date that tells goes with the others. */
static bool orders_guessed(struct dataset *d, size_t files)
{
    int64_t all = 0;
    bool right = true;

    for (size_t i = 0; i < files; i++)
        all += d->date_hints[i];
    for (size_t i = 0; i < files; i++) {
        int64_t hint = d->date_hints[i] != 0 ? d->date_hints[i] : all;
        enum mpi_date_order order = hint > 0 ? MPI_DATE_DMY : MPI_DATE_MDY;

        right &= order == d->guess.order[i];
        d->guess.order[i] = order;
    }
    return right;
}

struct same_id {
    uint64_t hash;
    uint32_t record;
};

static int same_id_compare(const void *a, const void *b)
{
    const struct same_id *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

/* Two of given name, family name and birth date agree. */
static bool look_like_one(const struct dataset *d, size_t a, size_t b)
{
    struct mpi_view x = mpi_view_of(dataset_coded(d, a)), y = mpi_view_of(dataset_coded(d, b));
    struct mpi_vector v;

    mpi_compare(&d->dict, NULL, &x, &y, &v);
    return (v.level[MPI_COMPARE_GIVEN] == MPI_GIVEN_EXACT) +
               (v.level[MPI_COMPARE_FAMILY] == MPI_FAMILY_EXACT) +
               (v.level[MPI_COMPARE_DOB] == MPI_DOB_EXACT) >=
           2;
}

/* Do rows with one identifier look like one person? Then it is a person's number; one that is never
 * repeated, or repeated by rows of different people, only counts rows. */
static bool ids_of_people(const struct dataset *d)
{
    struct same_id *list = malloc((d->count + 1) * sizeof(*list));
    size_t n = 0, pairs = 0, alike = 0;
    enum { ENOUGH = 5000 };

    must(list != NULL, "memory for the identifiers");
    for (size_t i = 0; i < d->count; i++)
        if (dataset_row(d, i)->id_at != 0) {
            struct str id = str_from((const char *)d->ids.items + dataset_row(d, i)->id_at);

            list[n++] = (struct same_id){content_hash(0, &id, 1), (uint32_t)i};
        }
    qsort(list, n, sizeof(*list), same_id_compare);
    for (size_t i = 1; i < n && pairs < ENOUGH; i++)
        if (list[i].hash == list[i - 1].hash) {
            pairs++;
            alike += look_like_one(d, list[i - 1].record, list[i].record);
        }
    free(list);
    return pairs > 0 && alike * 2 >= pairs;
}

enum status dataset_read(struct dataset *d, const struct dataset_options *o, struct arena *a,
                         struct errors *err)
{
    bool right;

    d->guess = (struct dataset_guess){.ids = false};
    TRY(read_all(d, o, a, err));
    right = orders_guessed(d, o->input_count);
    if (ids_of_people(d)) {
        d->guess.ids = true;
        right = false;
    }
    if (!right) {
        dataset_dispose(d);
        TRY(read_all(d, o, a, err));
    }
    if (d->count < UINT32_MAX / 2)
        return OK;
    return fail(err, INVALID, "csv", "more than 2,147,483,647 records");
}

void dataset_dispose(struct dataset *d)
{
    mpi_dict_dispose(&d->dict);
    mpi_dict_dispose(&d->entities);
    growing_dispose(&d->words);
    growing_dispose(&d->rows);
    growing_dispose(&d->ids);
    free(d->at);
    d->at = NULL;
}

const char *dataset_id(const struct dataset *d, size_t i, char number[24])
{
    const struct dataset_row *row = dataset_row(d, i);

    if (row->id_at != 0)
        return (const char *)d->ids.items + row->id_at;
    snprintf(number, 24, "%u", row->row);
    return number;
}

struct mpi_corpus dataset_corpus(const struct dataset *d)
{
    return (struct mpi_corpus){&d->dict, d->words.items, d->at, d->count};
}

void dataset_tell(const struct dataset *d, const struct dataset_options *o)
{
    for (size_t i = 0; i < d->note_count; i++)
        fprintf(stderr, "causeway: %s, line %llu: %zu fields, the header has %zu\n",
                o->inputs[d->notes[i].file], (unsigned long long)d->notes[i].line,
                d->notes[i].fields, d->notes[i].columns);
    if (d->ragged > d->note_count)
        fprintf(stderr, "causeway: and %llu more rows like that\n",
                (unsigned long long)(d->ragged - d->note_count));
}
