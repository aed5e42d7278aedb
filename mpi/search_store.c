#include "mpi/search.h"

#include "hub/base/hash.h"
#include "mpi/core/text.h"
#include "mpi/search_keys.h"

enum { ROWS_MAX = 12 };

/* Rows of one version, each once. */
struct rows_of {
    size_t count;
    int64_t keys[ROWS_MAX];
    struct str sorts[ROWS_MAX];
};

int64_t mpi_search_key(char rule, struct str value)
{
    const struct str parts[] = {{&rule, 1}, STR("|"), value};

    return hash_key(parts, 3);
}

/* The first three characters of folded text, blanks left out. */
struct str mpi_search_beginning(struct arena *a, struct str folded)
{
    struct strbuf b = strbuf_on(a, 16);
    int n = 0;

    for (size_t i = 0; i < folded.n; i++) {
        bool starts = ((unsigned char)folded.p[i] & 0xC0) != 0x80;

        if (folded.p[i] == ' ')
            continue;
        if (starts && n++ == MPI_SEARCH_BEGINNING)
            break;
        strbuf_addc(&b, folded.p[i]);
    }
    return strbuf_str(&b);
}

static void row_add(struct rows_of *r, char rule, struct str value, struct str sort)
{
    int64_t key = mpi_search_key(rule, value);

    for (size_t i = 0; i < r->count; i++)
        if (r->keys[i] == key && str_eq(r->sorts[i], sort))
            return;
    if (value.n == 0 || r->count == ROWS_MAX)
        return;
    r->keys[r->count] = key;
    r->sorts[r->count++] = sort;
}

/* FAMILY|GIVEN|YYYYMMDD|S| */
static struct str sort_of(struct arena *a, struct str family, struct str given,
                          const struct mpi_demographics *d)
{
    struct str date = str_slice(d->birth_date, 0, 8), sex = str_slice(d->sex, 0, 1);

    return str_printf(a, "%.*s|%.*s|%.*s|%.*s|", STR_ARG(family), STR_ARG(given), STR_ARG(date),
                      STR_ARG(sex));
}

static void add_name(struct arena *a, const struct mpi_demographics *d, const struct mpi_name *n,
                     struct rows_of *out)
{
    struct str family = mpi_text_fold(a, n->family), given = mpi_text_fold(a, n->given);
    struct str sort = sort_of(a, family, given, d), date = str_slice(d->birth_date, 0, 8);

    row_add(out, MPI_SEARCH_FAMILY, mpi_search_beginning(a, family), sort);
    if (date.n == 8)
        row_add(out, MPI_SEARCH_DATE, date, sort);
}

static struct str number_of(struct str cx)
{
    struct identifier id;

    return identifier_parse_cx(cx, &id) ? id.id : cx;
}

static void rows_of(struct arena *a, const struct mpi_demographics *d, struct rows_of *out)
{
    *out = (struct rows_of){0};
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->name_count; i++)
        add_name(a, d, &d->names[i], out);
    row_add(out, MPI_SEARCH_ACCOUNT, number_of(d->account), STR(""));
    row_add(out, MPI_SEARCH_VISIT, number_of(d->visit), STR(""));
}

static bool has(const struct rows_of *r, int64_t key, struct str sort)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->keys[i] == key && str_eq(r->sorts[i], sort))
            return true;
    return false;
}

/* What `of` has and `other` has not; on the arena, because a queued statement borrows it. */
static size_t difference(struct arena *a, const struct rows_of *of, const struct rows_of *other,
                         int64_t **keys, struct str **sorts)
{
    size_t n = 0;

    *keys = ARENA_ARRAY(a, of->count, int64_t);
    *sorts = ARENA_ARRAY(a, of->count, struct str);
    for (size_t i = 0; i < of->count; i++) {
        if (has(other, of->keys[i], of->sorts[i]))
            continue;
        (*keys)[n] = of->keys[i];
        (*sorts)[n++] = of->sorts[i];
    }
    return n;
}

void mpi_search_store(struct request *rq, struct place place, const struct mpi_demographics *before,
                      const struct mpi_demographics *after)
{
    static const struct statement REMOVE = {
        "mpi_search_remove",
        "DELETE FROM mpi_search"
        " WHERE (skey, sort) IN ("
        "       SELECT k, s"
        "         FROM unnest($1::bigint[], $2::text[]) AS w (k, s))"
        "   AND pkey = $3"
        "   AND record_id = $4",
    };
    static const struct statement ADD = {
        "mpi_search_add",
        "INSERT INTO mpi_search (skey, sort, pkey, record_id)"
        "SELECT k, s, $3, $4"
        "  FROM unnest($1::bigint[], $2::text[]) AS w (k, s)"
        "    ON CONFLICT (skey, sort, pkey, record_id) DO NOTHING",
    };
    struct rows_of old, new;
    struct str *sorts;
    int64_t *keys;
    size_t n;

    rows_of(rq->arena, before, &old);
    rows_of(rq->arena, after, &new);
    n = difference(rq->arena, &old, &new, &keys, &sorts);
    if (n > 0)
        db_queue(rq->db, &REMOVE, NULL, DB_INT8S(keys, n), DB_TEXTS(sorts, n), DB_INT8(place.pkey),
                 DB_INT8(place.record_id));
    n = difference(rq->arena, &new, &old, &keys, &sorts);
    if (n > 0)
        db_queue(rq->db, &ADD, NULL, DB_INT8S(keys, n), DB_TEXTS(sorts, n), DB_INT8(place.pkey),
                 DB_INT8(place.record_id));
}
