#include "mpi/refine.h"

#include <stdlib.h>

#include "hub/command/progress.h"

/* A word about two records, the lower place first, and the evidence once it is found. */
struct word {
    struct place one, other;
    bool same, seen;
    struct mpi_vector vector;
};

struct collecting {
    const struct mpi_model *model;
    struct progress *progress;
    uint64_t done;
    struct word *words;
    size_t word_count;
    struct mpi_judged *out;
};

static struct word word_about(struct place one, struct place other)
{
    bool ascending = place_order(one, other) <= 0;

    return (struct word){.one = ascending ? one : other, .other = ascending ? other : one};
}

/* Of one pair, "different" in front. */
static int by_pair(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    int order = place_order(x->one, y->one);

    if (order == 0)
        order = place_order(x->other, y->other);
    return order != 0 ? order : x->same - y->same;
}

static enum status words_read(struct request *rq, struct rows *rows)
{
    /* across places: all that people have judged, and still holds */
    static const struct statement WORDS = {
        "mpi_words",
        "SELECT n.pkey, n.record_id, n.other_pkey, n.other_record, false AS same"
        "  FROM mpi_no_link n"
        " WHERE n.until IS NULL"
        " UNION ALL "
        "SELECT t.pkey, t.record_id, t.other_pkey, t.other_record, true"
        "  FROM mpi_task t"
        "  JOIN mpi_link l ON l.pkey = t.pkey"
        "   AND l.record_id = t.record_id"
        "   AND l.until IS NULL"
        "  JOIN mpi_link o ON o.pkey = t.other_pkey"
        "   AND o.record_id = t.other_record"
        "   AND o.until IS NULL"
        " WHERE t.kind = 'possible_duplicate'"
        "   AND t.state = 'closed'"
        "   AND t.resolution = 'linked'"
        "   AND (l.person_pkey, l.person_id) = (o.person_pkey, o.person_id)"
        " UNION ALL "
        "SELECT l.pkey, l.record_id, o.pkey, o.record_id, true"
        "  FROM mpi_link l"
        "  JOIN mpi_link o ON o.person_pkey = l.person_pkey"
        "   AND o.person_id = l.person_id"
        " WHERE l.reason = 'steward'"
        "   AND l.until IS NULL"
        "   AND o.reason NOT IN ('steward', 'anchor')"
        "   AND o.until IS NULL"
        "   AND NOT EXISTS ("
        "       SELECT 1"
        "         FROM mpi_record r"
        "        WHERE r.pkey = l.pkey"
        "          AND r.record_id = l.record_id"
        "          AND r.anchor)",
    };

    db_queue0(rq->db, &WORDS, rows);
    return db_flush(rq->db);
}

/* Each pair once. */
static void words_sort(struct collecting *c, const struct rows *rows, struct arena *keep)
{
    size_t n = 0;

    c->words = ARENA_ARRAY(keep, (size_t)rows->count, struct word);
    for (int row = 0; row < rows->count; row++) {
        c->words[row] = word_about((struct place){row_int(rows, row, 0), row_int(rows, row, 1)},
                                   (struct place){row_int(rows, row, 2), row_int(rows, row, 3)});
        c->words[row].same = row_bool(rows, row, 4);
    }
    if (rows->count > 0)
        qsort(c->words, (size_t)rows->count, sizeof(*c->words), by_pair);
    for (size_t i = 0; i < (size_t)rows->count; i++)
        if (n == 0 || place_order(c->words[i].one, c->words[n - 1].one) != 0 ||
            place_order(c->words[i].other, c->words[n - 1].other) != 0)
            c->words[n++] = c->words[i];
    c->word_count = n;
}

static struct word *word_find(const struct collecting *c, struct place one, struct place other)
{
    struct word key = word_about(one, other);
    size_t low = 0, high = c->word_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (by_pair(&c->words[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->word_count || place_order(c->words[low].one, key.one) != 0 ||
        place_order(c->words[low].other, key.other) != 0)
        return NULL;
    return &c->words[low];
}

/* What it linked by itself: the best record of that person, if nobody has judged that pair. */
static void believe(struct collecting *c, const struct mpi_decided *d,
                    const struct mpi_ruling *ruling)
{
    if (d->in.known || !str_eq(d->outcome, str_from(mpi_verdict_name(MPI_VERDICT_LINK))))
        return;
    for (size_t i = 0; i < ruling->score_count; i++) {
        const struct mpi_considered *x = &d->in.considered[ruling->scores[i].rival];

        if (!person_ref_eq(x->person, d->person))
            continue;
        if (word_find(c, d->in.place, x->place) == NULL)
            c->out->pairs[c->out->count++] =
                (struct mpi_labelled){.vector = ruling->scores[i].vector, .same = true};
        return;
    }
}

static enum status collect_each(struct request *rq, const struct mpi_decided *d, void *p)
{
    struct collecting *c = p;
    struct mpi_replayed again;
    const struct mpi_ruling *ruling = &again.made.ruling;

    TRY(mpi_replay_one(rq, mpi_coding_new(rq->arena, c->model), d, &again));
    progress_at(c->progress, ++c->done);
    for (size_t i = 0; i < ruling->score_count; i++) {
        struct word *w = word_find(c, d->in.place, d->in.considered[ruling->scores[i].rival].place);

        if (w == NULL || w->seen)
            continue;
        w->seen = true;
        w->vector = ruling->scores[i].vector;
    }
    believe(c, d, ruling);
    return OK;
}

static void words_take(const struct collecting *c)
{
    struct mpi_judged *out = c->out;

    for (size_t i = 0; i < c->word_count; i++) {
        const struct word *w = &c->words[i];

        if (!w->seen) {
            out->unseen++;
            continue;
        }
        out->same += w->same;
        out->different += !w->same;
        out->pairs[out->count++] =
            (struct mpi_labelled){.vector = w->vector, .same = w->same, .judged = true};
    }
}

enum status mpi_judged_collect(struct request *rq, const struct mpi_model *model, uint64_t limit,
                               struct arena *keep, struct progress *progress,
                               struct mpi_judged *out)
{
    struct collecting c = {.model = model, .progress = progress, .out = out};
    struct rows rows;

    *out = (struct mpi_judged){0};
    db_attach(rq->db, rq->arena, rq->err, 0);
    TRY(words_read(rq, &rows));
    words_sort(&c, &rows, keep);
    out->pairs = ARENA_ARRAY(keep, limit + c.word_count, struct mpi_labelled);
    TRY(mpi_decisions_visit(rq, limit, collect_each, &c));
    words_take(&c);
    return OK;
}
