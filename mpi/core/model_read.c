/* The model file's reader; the header is mpi/core/model.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/json_text.h"
#include "mpi/core/model.h"
#include "mpi/core/placeholder.h"

enum { NAME_MAX_BYTES = 100, FORMAT = 1, VALUE_MAX = 255 };

static const double SMALLEST = 1e-12;

struct reading {
    struct arena *arena;
    struct errors *err;
    struct mpi_model *out;
};

#define BAD(r, ...) fail((r)->err, INVALID, "model", __VA_ARGS__)

/* A number in [least, most]. */
static enum status number(struct reading *r, const json_t *object, const char *key, double least,
                          double most, double *out)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_number(v))
        return BAD(r, "%s must be a number", key);
    *out = json_number_value(v);
    if (!(*out >= least && *out <= most))
        return BAD(r, "%s must lie in %g..%g", key, least, most);
    return OK;
}

/* Nothing beside the `known` keys: a misspelt one would be ignored silently. */
static enum status only(struct reading *r, const json_t *object, size_t known, const char *what)
{
    if (!json_is_object(object))
        return BAD(r, "%s must be an object", what);
    if (json_object_size(object) != known)
        return BAD(r, "%s has %zu keys, not %zu", what, json_object_size(object), known);
    return OK;
}

static enum status read_level(struct reading *r, const json_t *levels, int c, int l)
{
    const char *text = MPI_COMPARISON_TABLES[c].levels[l].text;
    const json_t *level = json_object_get(levels, text);

    TRY(only(r, level, 2, text));
    TRY(number(r, level, "m", SMALLEST, 1, &r->out->levels[c][l].m));
    return number(r, level, "u", SMALLEST, 1, &r->out->levels[c][l].u);
}

static enum status read_levels(struct reading *r, const json_t *root)
{
    const json_t *all = json_object_get(root, "levels");

    TRY(only(r, all, MPI_COMPARISON_COUNT, "levels"));
    for (int c = 0; c < MPI_COMPARISON_COUNT; c++) {
        const struct mpi_comparison_table *t = &MPI_COMPARISON_TABLES[c];
        const json_t *levels = json_object_get(all, t->key);

        TRY(only(r, levels, (size_t)t->count - 1, t->key));
        for (int l = 1; l < t->count; l++)
            TRY(read_level(r, levels, c, l));
    }
    return OK;
}

static int by_value(const void *a, const void *b)
{
    const struct mpi_frequent *x = a, *y = b;

    return str_compare(x->value, y->value);
}

static enum status read_values(struct reading *r, json_t *values, struct mpi_frequency_table *t)
{
    const char *key;
    json_t *v;

    if (!json_is_object(values) || json_object_size(values) > MPI_MODEL_VALUES_MAX)
        return BAD(r, "values must be an object of at most %d", MPI_MODEL_VALUES_MAX);
    t->values = ARENA_ARRAY(r->arena, json_object_size(values) + 1, struct mpi_frequent);
    json_object_foreach(values, key, v)
    {
        double f = json_is_number(v) ? json_number_value(v) : 0;

        if (!(f >= SMALLEST && f <= 1) || strlen(key) > VALUE_MAX || key[0] == '\0')
            return BAD(r, "a frequency must lie in %g..1, and its value have 1 to %d bytes",
                       SMALLEST, VALUE_MAX);
        t->values[t->count++] = (struct mpi_frequent){str_dup(r->arena, str_from(key)), f};
    }
    qsort(t->values, t->count, sizeof(*t->values), by_value);
    return OK;
}

static enum status read_frequencies(struct reading *r, const json_t *root)
{
    static const char *const KEYS[] = {
#define X(name, key, class) key,
        MPI_FREQUENCIES(X)
#undef X
    };
    const json_t *all = json_object_get(root, "frequencies");

    TRY(only(r, all, MPI_FREQUENCY_COUNT, "frequencies"));
    for (int f = 0; f < MPI_FREQUENCY_COUNT; f++) {
        const json_t *table = json_object_get(all, KEYS[f]);

        TRY(only(r, table, 2, KEYS[f]));
        TRY(number(r, table, "others", SMALLEST, 1, &r->out->frequencies[f].floor));
        TRY(read_values(r, json_object_get(table, "values"), &r->out->frequencies[f]));
    }
    return OK;
}

static enum status read_thresholds(struct reading *r, const json_t *root)
{
#define X(name, value, least, most) TRY(number(r, root, #name, least, most, &r->out->name));
    MPI_THRESHOLDS(X)
#undef X
    if (r->out->review > r->out->link)
        return BAD(r, "review must not be above link");
    return OK;
}

enum {
    THRESHOLD_COUNT = 0
#define X(name, value, least, most) +1
    MPI_THRESHOLDS(X)
#undef X
};

static enum status read_root(struct reading *r, const json_t *root)
{
    const json_t *name = json_object_get(root, "name");
    double format, placeholders;

    TRY(only(r, root, 7 + THRESHOLD_COUNT, "the model"));
    TRY(number(r, root, "format", FORMAT, FORMAT, &format));
    TRY(number(r, root, "placeholders", 1, MPI_PLACEHOLDERS_VERSION, &placeholders));
    if (!json_is_string(name) || json_string_length(name) > NAME_MAX_BYTES)
        return BAD(r, "name must be text of at most %d bytes", NAME_MAX_BYTES);
    r->out->name = str_dup(r->arena, str_of(json_string_value(name), json_string_length(name)));
    TRY(number(r, root, "records", 0, 1e12, &r->out->records));
    TRY(number(r, root, "lambda", 1e-12, .5, &r->out->lambda));
    TRY(read_thresholds(r, root));
    TRY(read_levels(r, root));
    return read_frequencies(r, root);
}

enum status mpi_model_parse(struct arena *a, struct str json, struct mpi_model *out,
                            struct errors *err)
{
    struct reading r = {a, err, out};
    json_error_t e;
    enum status s;
    json_t *root;

    *out = (struct mpi_model){0};
    if (json.n > MPI_MODEL_BYTES_MAX)
        return BAD(&r, "a model has at most %d bytes", MPI_MODEL_BYTES_MAX);
    root = json_loadb(json.n > 0 ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &e);
    if (root == NULL)
        return BAD(&r, "not JSON: %s, line %d", e.text, e.line);
    s = read_root(&r, root);
    json_decref(root);
    if (s == OK)
        mpi_model_seal(a, out);
    return s;
}
