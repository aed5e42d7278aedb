#include "mpi/golden.h"

#include <stddef.h>
#include <stdlib.h>

/* In the order of their weight for what a person keeps for life. */
enum rule { RULE_ONLY, RULE_AGREED, RULE_TRUST, RULE_COMPLETENESS, RULE_RECENCY, RULE_ORDER };

static const char *const RULE_NAMES[] = {"only",         "agreed",  "trust",
                                         "completeness", "recency", "order"};

/* What one record says about one field. */
struct claim {
    const struct mpi_golden_source *source;
    const struct str *values; /* the texts of the single value or of the list's best item */
    size_t completeness;      /* 0: it says nothing */
};

/* Lists are of structs that consist of texts alone. */
struct list_field {
    const char *name;
    size_t items, count; /* offsets in struct mpi_demographics */
    size_t texts;        /* of an item */
    size_t compared;     /* the first so many make two items the same */
    bool changes;
};

#define TEXTS(type) (sizeof(struct type) / sizeof(struct str))
static const struct list_field LISTS[] = {
    {"names", offsetof(struct mpi_demographics, names),
     offsetof(struct mpi_demographics, name_count), TEXTS(mpi_name), 4, false},
    {"addresses", offsetof(struct mpi_demographics, addresses),
     offsetof(struct mpi_demographics, address_count), TEXTS(mpi_address), 6, true},
    {"telecoms", offsetof(struct mpi_demographics, telecoms),
     offsetof(struct mpi_demographics, telecom_count), TEXTS(mpi_telecom), 1, true},
};

static const struct single_field {
    const char *name;
    size_t offset;
} SINGLES[] = {
#define X(field) {#field, offsetof(struct mpi_demographics, field)},
    MPI_SINGLE_FIELDS(X)
#undef X
};

enum {
    LIST_COUNT = sizeof(LISTS) / sizeof(LISTS[0]),
    SINGLE_COUNT = sizeof(SINGLES) / sizeof(SINGLES[0]),
};

static bool changes_in_life(const char *field)
{
    return str_starts(str_from(field), STR("deceased"));
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Which of two claims wins (negative: a), and by which rule. */
static int compare(const struct claim *a, const struct claim *b, bool changes, enum rule *by)
{
    int trust = compare_numbers(a->source->trust, b->source->trust);
    int completeness = compare_numbers((int64_t)b->completeness, (int64_t)a->completeness);
    int recency = compare_numbers(b->source->said_at_us, a->source->said_at_us);
    int place = compare_numbers(a->source->place.pkey, b->source->place.pkey);
    const struct {
        int order;
        enum rule rule;
    } steps[] = {
        {trust, RULE_TRUST},
        {changes ? recency : completeness, changes ? RULE_RECENCY : RULE_COMPLETENESS},
        {changes ? completeness : recency, changes ? RULE_COMPLETENESS : RULE_RECENCY},
        {place, RULE_ORDER},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].order != 0) {
            *by = steps[i].rule;
            return steps[i].order;
        }
    *by = RULE_ORDER;
    return compare_numbers(a->source->place.record_id, b->source->place.record_id);
}

/* Insertion: a person has a handful of records. */
static void sort_claims(struct claim *claims, size_t count, bool changes)
{
    enum rule ignored;

    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && compare(&claims[j], &claims[j - 1], changes, &ignored) < 0;
             j--) {
            struct claim swap = claims[j];

            claims[j] = claims[j - 1];
            claims[j - 1] = swap;
        }
}

static bool same_texts(const struct str *a, const struct str *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!str_eq_nocase(a[i], b[i]))
            return false;
    return true;
}

static enum rule rule_of(const struct claim *claims, size_t count, size_t compared, bool changes)
{
    enum rule by = RULE_ONLY;
    bool agreed = count > 1;

    for (size_t i = 1; i < count; i++)
        agreed = agreed && same_texts(claims[0].values, claims[i].values, compared);
    if (agreed)
        return RULE_AGREED;
    if (count > 1)
        compare(&claims[0], &claims[1], changes, &by);
    return by;
}

static void source_add(struct strbuf *b, const char *field, const struct claim *c, enum rule rule)
{
    strbuf_addf(b, "%s\"%s\":{\"pkey\":%lld,\"record\":%lld,\"rule\":\"%s\"}",
                b->p[b->n - 1] == '{' ? "" : ",", field, (long long)c->source->place.pkey,
                (long long)c->source->place.record_id, RULE_NAMES[rule]);
}

/* Longer dates are more precise; other single values are there or not. */
static size_t completeness_of(const char *field, struct str value)
{
    if (str_ends(str_from(field), STR("_date")) || str_ends(str_from(field), STR("_at")))
        return value.n > 8 ? 8 : value.n;
    return value.n > 0;
}

static void build_single(const struct single_field *f, const struct mpi_golden_source *sources,
                         size_t count, struct claim *claims, struct mpi_demographics *out,
                         struct strbuf *b)
{
    bool changes = changes_in_life(f->name);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const struct str *value =
            (const struct str *)((const char *)&sources[i].demographics + f->offset);
        size_t completeness = completeness_of(f->name, *value);

        if (completeness > 0)
            claims[n++] = (struct claim){&sources[i], value, completeness};
    }
    if (n == 0)
        return;
    sort_claims(claims, n, changes);
    *(struct str *)((char *)out + f->offset) = claims[0].values[0];
    source_add(b, f->name, &claims[0], rule_of(claims, n, 1, changes));
}

static const struct str *list_items(const struct list_field *f, const struct mpi_demographics *d,
                                    size_t *count)
{
    *count = *(const size_t *)((const char *)d + f->count);
    return *(const struct str *const *)((const char *)d + f->items);
}

static size_t texts_present(const struct str *item, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += item[i].n > 0;
    return n;
}

/* The item of a record's list that stands for it: the legal name, else the first. */
static const struct str *best_item(const struct list_field *f, const struct mpi_demographics *d)
{
    size_t count;
    const struct str *items = list_items(f, d, &count);

    if (f->items == offsetof(struct mpi_demographics, names))
        return (const struct str *)mpi_demographics_name(d);
    return count > 0 ? items : NULL;
}

static void item_add(const struct list_field *f, struct str *list, size_t *count,
                     const struct str *item)
{
    for (size_t i = 0; i < *count; i++)
        if (same_texts(list + i * f->texts, item, f->compared))
            return;
    if (*count == MPI_GOLDEN_LIST_MAX || texts_present(item, f->compared) == 0)
        return;
    for (size_t i = 0; i < f->texts; i++)
        list[*count * f->texts + i] = item[i];
    (*count)++;
}

/* The best item of each record in their order, then whatever else they have. */
static void join_lists(struct arena *a, const struct list_field *f, const struct claim *claims,
                       size_t n, struct mpi_demographics *out)
{
    struct str *list = ARENA_ARRAY(a, MPI_GOLDEN_LIST_MAX * f->texts, struct str);
    size_t *count = (size_t *)((char *)out + f->count);

    *(struct str **)((char *)out + f->items) = list;
    for (size_t i = 0; i < n; i++)
        item_add(f, list, count, claims[i].values);
    for (size_t i = 0; i < n; i++) {
        size_t most;
        const struct str *items = list_items(f, &claims[i].source->demographics, &most);

        for (size_t j = 0; j < most; j++)
            item_add(f, list, count, items + j * f->texts);
    }
}

static void build_list(struct arena *a, const struct list_field *f,
                       const struct mpi_golden_source *sources, size_t count, struct claim *claims,
                       struct mpi_demographics *out, struct strbuf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const struct str *item = best_item(f, &sources[i].demographics);
        size_t completeness = item != NULL ? texts_present(item, f->compared) : 0;

        if (completeness > 0)
            claims[n++] = (struct claim){&sources[i], item, completeness};
    }
    if (n == 0)
        return;
    sort_claims(claims, n, f->changes);
    join_lists(a, f, claims, n, out);
    source_add(b, f->name, &claims[0], rule_of(claims, n, f->compared, f->changes));
}

void mpi_golden_build(struct arena *a, const struct mpi_golden_source *sources, size_t count,
                      struct mpi_golden *out)
{
    struct claim *claims = ARENA_ARRAY(a, count, struct claim);
    struct strbuf b = strbuf_on(a, 512);

    *out = (struct mpi_golden){
        .demographics = {.names_given = true, .addresses_given = true, .telecoms_given = true}};
    strbuf_addc(&b, '{');
    for (size_t i = 0; i < LIST_COUNT; i++)
        build_list(a, &LISTS[i], sources, count, claims, &out->demographics, &b);
    for (size_t i = 0; i < SINGLE_COUNT; i++)
        build_single(&SINGLES[i], sources, count, claims, &out->demographics, &b);
    strbuf_addc(&b, '}');
    out->sources = strbuf_str(&b);
}

int mpi_golden_trust(struct str list, struct str member)
{
    int rank = 0;

    for (; list.p != NULL; rank++)
        if (str_eq(str_trim(str_cut(&list, ',')), member))
            return rank;
    return rank;
}
