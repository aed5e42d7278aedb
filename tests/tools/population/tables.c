#include "tests/tools/population/tables.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "hub/data/csv.h"

enum { LINE = 512, NICKS = 15 };

struct words {
    struct arena *arena;
    const char **words;
    double *weights;
    size_t count, cap;
};

static void words_add(struct words *w, struct str word, double weight)
{
    if (w->count == w->cap) {
        const char **words = ARENA_ARRAY(w->arena, 2 * w->cap + 64, const char *);
        double *weights = ARENA_ARRAY(w->arena, 2 * w->cap + 64, double);

        if (w->count > 0) {
            memcpy(words, w->words, w->count * sizeof(*words));
            memcpy(weights, w->weights, w->count * sizeof(*weights));
        }
        w->words = words;
        w->weights = weights;
        w->cap = 2 * w->cap + 64;
    }
    w->words[w->count] = str_c(w->arena, word);
    w->weights[w->count++] = weight;
}

static void alias_build(struct weighted *out, double *share, uint32_t *small, uint32_t *large)
{
    size_t smalls = 0, larges = 0;

    for (uint32_t i = 0; i < out->count; i++)
        if (share[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
    while (smalls > 0 && larges > 0) {
        uint32_t s = small[--smalls], l = large[larges - 1];

        out->limit[s] = (uint32_t)(share[s] * UINT32_MAX);
        out->alias[s] = l;
        share[l] -= 1 - share[s];
        if (share[l] < 1) {
            larges--;
            small[smalls++] = l;
        }
    }
    while (larges > 0)
        out->limit[large[--larges]] = UINT32_MAX;
    while (smalls > 0)
        out->limit[small[--smalls]] = UINT32_MAX;
}

static struct weighted weighted_of(const struct words *w)
{
    struct weighted out = {.words = w->words, .count = w->count};
    double sum = 0, *share = ARENA_ARRAY(w->arena, w->count, double);

    must(w->count > 0, "a table of words has some");
    for (size_t i = 0; i < w->count; i++)
        sum += w->weights[i];
    for (size_t i = 0; i < w->count; i++)
        share[i] = w->weights[i] * (double)w->count / sum;
    out.alias = ARENA_ARRAY(w->arena, w->count, uint32_t);
    out.limit = ARENA_ARRAY(w->arena, w->count, uint32_t);
    alias_build(&out, share, ARENA_ARRAY(w->arena, w->count, uint32_t),
                ARENA_ARRAY(w->arena, w->count, uint32_t));
    return out;
}

const char *weighted_draw(const struct weighted *w, struct random *r)
{
    uint32_t i = random_below(r, (uint32_t)w->count);

    return w->words[(uint32_t)random_next(r) <= w->limit[i] ? i : w->alias[i]];
}

/* SMITH -> Smith */
static struct str capitalised(struct arena *a, struct str s)
{
    struct str copy = str_lower(a, s);

    if (copy.n > 0)
        ((char *)copy.p)[0] = (char)toupper((unsigned char)copy.p[0]);
    return copy;
}

/* Lines of NAME,count. */
static bool read_counts(struct words *w, const char *folder, const char *file)
{
    char path[1024], line[LINE];
    FILE *f;

    snprintf(path, sizeof(path), "%s/jempi-metadata/%s", folder, file);
    f = fopen(path, "r");
    if (f == NULL)
        return false;
    while (fgets(line, sizeof(line), f) != NULL) {
        struct str rest = str_trim(str_from(line)), name = str_cut(&rest, ',');
        uint64_t count;

        if (name.n > 1 && name.n < 24 && str_to_u64(rest, &count) && count > 0)
            words_add(w, capitalised(w->arena, name), (double)count);
    }
    fclose(f);
    return w->count > 0;
}

static bool read_streets(struct words *w, const char *folder)
{
    char path[1024];
    struct errors err;
    struct csv_file f;
    struct csv_chunk chunk = {.number = 0};
    struct str fields[32];
    size_t count, column = 0;

    errors_init(&err, w->arena);
    snprintf(path, sizeof(path), "%s/pseudopeople/decennial_census.csv", folder);
    if (csv_open(&f, w->arena, path, &err) != OK)
        return false;
    while (column < f.columns && !str_eq(f.header[column], STR("street_name")))
        column++;
    while (csv_chunk_next(&f, &chunk, &err))
        while (csv_row(&chunk.rows, fields, 32, &count) == CSV_ROW)
            if (column < count && column < 32 && fields[column].n > 3 && fields[column].n < 40)
                words_add(w, fields[column], 1);
    csv_close(&f);
    csv_chunk_dispose(&chunk);
    return w->count > 0;
}

/* Names of syllables, the earlier the more frequent: where no counts are at hand. */
static void make_names(struct words *w, const char *const *ends, size_t count)
{
    static const char *const starts[] = {"Al", "Bar", "Cor", "Da",  "El",  "Fer", "Gar",
                                         "Ha", "In",  "Jo",  "Kel", "Lan", "Mar", "Nor",
                                         "Os", "Pal", "Ro",  "Sal", "Tor", "Wil"};
    static const char *const middles[] = {"", "be", "di", "ga", "li", "mo", "ne", "ri", "sa", "to"};
    enum { STARTS = 20, MIDDLES = 10 };

    for (size_t m = 0; m < MIDDLES; m++)
        for (size_t e = 0; e < count; e++)
            for (size_t s = 0; s < STARTS; s++)
                words_add(w, str_printf(w->arena, "%s%s%s", starts[s], middles[m], ends[e]),
                          1000.0 / (double)(w->count + 10));
}

static struct weighted names(struct arena *a, const char *data, const char *file,
                             const char *const *ends, size_t count)
{
    struct words w = {.arena = a};

    if (data == NULL || !read_counts(&w, data, file))
        make_names(&w, ends, count);
    return weighted_of(&w);
}

static struct weighted streets(struct arena *a, const char *data)
{
    static const char *const ends[] = {"ton st", "wood ave", "field rd", "view dr", "brook ln"};
    struct words w = {.arena = a};

    if (data == NULL || !read_streets(&w, data))
        make_names(&w, ends, sizeof(ends) / sizeof(ends[0]));
    return weighted_of(&w);
}

/* --- nicknames */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct nicknames *)a)->name, ((const struct nicknames *)b)->name);
}

static void nickname_line(struct tables *t, struct arena *a, struct str line)
{
    struct nicknames *n = &t->nicknames[t->nickname_count];

    n->name = str_c(a, str_lower(a, str_cut(&line, ',')));
    n->nicks = ARENA_ARRAY(a, NICKS, const char *);
    n->count = 0;
    while (line.p != NULL && n->count < NICKS) {
        struct str nick = str_trim(str_cut(&line, ','));

        if (nick.n > 0)
            n->nicks[n->count++] = str_c(a, nick);
    }
    t->nickname_count += n->count > 0;
}

static void load_nicknames(struct tables *t, struct arena *a, const char *data)
{
    static const char *const own[] = {"william,bill,will,billy",  "robert,bob,rob,bobby",
                                      "elizabeth,liz,beth,betty", "margaret,peggy,meg,maggie",
                                      "james,jim,jimmy",          "john,jack,johnny"};
    enum { OWN = 6, MOST = 8192 };
    char path[1024], line[LINE];
    FILE *f = NULL;

    t->nicknames = ARENA_ARRAY(a, MOST, struct nicknames);
    snprintf(path, sizeof(path), "%s/nicknames/pseudopeople_nicknames.csv", data ? data : "");
    if (data != NULL && (f = fopen(path, "r")) != NULL) {
        bool header = fgets(line, sizeof(line), f) != NULL;

        while (header && t->nickname_count < MOST && fgets(line, sizeof(line), f) != NULL)
            nickname_line(t, a, str_trim(str_from(line)));
        fclose(f);
    }
    for (size_t i = 0; t->nickname_count < OWN && i < OWN; i++)
        nickname_line(t, a, str_from(own[i]));
    qsort(t->nicknames, t->nickname_count, sizeof(*t->nicknames), by_name);
}

const struct nicknames *tables_nicknames(const struct tables *t, const char *name)
{
    char lower[64];
    struct nicknames key = {.name = lower};
    size_t n = 0;

    for (; name[n] != '\0' && n + 1 < sizeof(lower); n++)
        lower[n] = (char)tolower((unsigned char)name[n]);
    lower[n] = '\0';
    return bsearch(&key, t->nicknames, t->nickname_count, sizeof(key), by_name);
}

/* --- errors of spelling and typing */

static void add_spelling(struct spelling *list, size_t *count, struct arena *a, char where,
                         struct str from, struct str to)
{
    if (from.n == 0 || from.n > 8 || to.n > 8)
        return;
    if (str_eq(to, STR("@"))) /* as pseudopeople writes: nothing */
        to = STR_NONE;
    list[*count] = (struct spelling){where, str_c(a, from), str_c(a, to)};
    ++*count;
}

/* ALL,ph,f,None,...: those that depend on the letters around are left out. */
static void phonetic_line(struct tables *t, struct arena *a, struct str line)
{
    struct str where = str_cut(&line, ','), from = str_cut(&line, ','), to = str_cut(&line, ',');

    if (where.n > 0 && str_eq(line, STR("None,None,None,None")))
        add_spelling(t->phonetic, &t->phonetic_count, a, where.p[0], from, to);
}

static void ocr_line(struct tables *t, struct arena *a, struct str line)
{
    struct str from = str_cut(&line, ',');

    add_spelling(t->ocr, &t->ocr_count, a, 'A', from, line);
}

static void load_lines(struct tables *t, struct arena *a, const char *data, const char *file,
                       void (*take)(struct tables *t, struct arena *a, struct str line))
{
    char path[1024], line[LINE];
    FILE *f;

    snprintf(path, sizeof(path), "%s/pseudopeople/%s", data ? data : "", file);
    if (data == NULL || (f = fopen(path, "r")) == NULL)
        return;
    while (fgets(line, sizeof(line), f) != NULL)
        if (line[0] != '#')
            take(t, a, str_trim(str_from(line)));
    fclose(f);
}

static void load_spellings(struct tables *t, struct arena *a, const char *data)
{
    static const char *const phonetic[] = {"ALL,ph,f,None,None,None,None",
                                           "ALL,ck,k,None,None,None,None",
                                           "ALL,ie,y,None,None,None,None",
                                           "ALL,c,k,None,None,None,None",
                                           "ALL,ll,l,None,None,None,None",
                                           "END,e,@,None,None,None,None"};
    static const char *const ocr[] = {"5,S", "0,O", "1,l", "m,rn", "cl,d", "8,B", "u,v"};
    enum { MOST = 1024 };

    t->phonetic = ARENA_ARRAY(a, MOST, struct spelling);
    t->ocr = ARENA_ARRAY(a, MOST, struct spelling);
    load_lines(t, a, data, "phonetic_variations.csv", phonetic_line);
    load_lines(t, a, data, "ocr_errors.csv", ocr_line);
    for (size_t i = 0; t->phonetic_count < 6 && i < 6; i++)
        phonetic_line(t, a, str_from(phonetic[i]));
    for (size_t i = 0; t->ocr_count < 7 && i < 7; i++)
        ocr_line(t, a, str_from(ocr[i]));
}

/* A list of lists in YAML: "q:" and then "- w" lines. */
struct keyboard {
    struct tables *tables;
    char key;
};

static void keyboard_line(struct keyboard *k, struct arena *a, struct str line)
{
    struct str rest = line;
    char c = line.n > 1 && line.p[0] == '\'' ? line.p[1] : line.n > 0 ? line.p[0] : '\0';
    const char **near;

    if (!str_starts(line, STR("-"))) {
        k->key = c;
        return;
    }
    (void)str_cut(&rest, ' ');
    rest = str_trim(rest);
    c = rest.n > 2 && rest.p[0] == '\'' ? rest.p[1] : rest.n > 0 ? rest.p[0] : '\0';
    near = &k->tables->keys[(unsigned char)k->key & 127];
    if (c != '\0' && strchr(*near ? *near : "", c) == NULL)
        *near = str_c(a, str_printf(a, "%s%c", *near ? *near : "", c));
}

static void load_keyboard(struct tables *t, struct arena *a, const char *data)
{
    static const char *const rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890"};
    struct keyboard k = {.tables = t};
    char path[1024], line[LINE];
    FILE *f = NULL;

    snprintf(path, sizeof(path), "%s/pseudopeople/qwerty_errors.yaml", data ? data : "");
    if (data != NULL && (f = fopen(path, "r")) != NULL) {
        while (fgets(line, sizeof(line), f) != NULL)
            keyboard_line(&k, a, str_trim(str_from(line)));
        fclose(f);
        return;
    }
    for (size_t row = 0; row < 4; row++)
        for (size_t i = 0; rows[row][i] != '\0'; i++)
            t->keys[(int)rows[row][i]] =
                str_c(a, str_printf(a, "%.*s%.1s", i > 0, rows[row] + (i > 0 ? i - 1 : 0),
                                    rows[row] + i + 1));
}

void tables_load(struct tables *t, struct arena *a, const char *data)
{
    static const char *const male[] = {"n", "rd", "ro", "s", "k"};
    static const char *const female[] = {"a", "ie", "ya", "lyn", "ette"};
    static const char *const family[] = {"son",  "er",  "man", "ez",   "ley",
                                         "wood", "ski", "ton", "berg", "stein"};

    *t = (struct tables){.nickname_count = 0};
    t->male = names(a, data, "males.csv", male, 5);
    t->female = names(a, data, "females.csv", female, 5);
    t->family = names(a, data, "last_names.csv", family, 10);
    t->streets = streets(a, data);
    load_nicknames(t, a, data);
    load_spellings(t, a, data);
    load_keyboard(t, a, data);
}
