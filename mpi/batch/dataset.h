/* The records of one run, read from CSV and coded for comparison, all in memory: some 250 bytes
 * each, their values once.
 *
 * Records stand in an order that their content alone decides (a hash of all their fields), not
 * their place in the file: so everything after it gives the same result for any order of rows. */
#pragma once

#include "mpi/batch/columns.h"
#include "mpi/batch/crew.h"
#include "mpi/batch/truth.h"
#include "mpi/core/coded.h"
#include "mpi/core/train.h"

enum { DATASET_FILES_MAX = 64, DATASET_NOTES = 5 };

struct dataset_row {
    uint64_t order;  /* hash of the content */
    uint64_t at;     /* of its words */
    uint64_t id_at;  /* of its identifier's text in ids; 0: none, the row's number stands for it */
    uint32_t row;    /* of its file, from 1 */
    uint32_t entity; /* the truth, as a number of `entities`; 0: not known */
    uint8_t file;
};

struct dataset_options {
    const char *inputs[DATASET_FILES_MAX];
    size_t input_count;
    const struct columns *columns;
    const struct truth_rule *truth; /* NULL, or whose entities are kept */
    int threads;
};

/* Found while reading, and needed for reading: a second pass is made when it was guessed wrong. */
struct dataset_guess {
    enum mpi_date_order order[DATASET_FILES_MAX];
    bool ids; /* identifiers are of people, not of rows */
};

/* A row that has more or fewer fields than the header. */
struct dataset_note {
    size_t file, fields, columns;
    uint64_t line;
};

struct dataset {
    struct mpi_dict dict;
    struct growing words; /* uint32_t: the coded records */
    struct growing rows;  /* struct dataset_row, in order once read */
    struct growing ids;   /* char: identifiers, each ended by NUL */
    struct mpi_dict entities;
    uint64_t *at; /* where each record's words begin, in order */
    size_t count;
    struct dataset_guess guess;
    int64_t date_hints[DATASET_FILES_MAX]; /* above 0: the day stands before the month */
    uint64_t file_rows[DATASET_FILES_MAX];
    uint64_t ragged;
    struct dataset_note notes[DATASET_NOTES]; /* the first ones */
    size_t note_count;
};

enum status dataset_read(struct dataset *d, const struct dataset_options *o, struct arena *a,
                         struct errors *err) MUST_CHECK;
void dataset_dispose(struct dataset *d);

static inline const struct dataset_row *dataset_row(const struct dataset *d, size_t i)
{
    return (const struct dataset_row *)d->rows.items + i;
}
static inline const uint32_t *dataset_coded(const struct dataset *d, size_t i)
{
    return (const uint32_t *)d->words.items + d->at[i];
}

/* Its identifier, or the number of its row; `number` has 24 bytes. */
const char *dataset_id(const struct dataset *d, size_t i, char number[24]);

struct mpi_corpus dataset_corpus(const struct dataset *d);

/* Says on standard error which rows were ragged. */
void dataset_tell(const struct dataset *d, const struct dataset_options *o);
