#include "consent/labels.h"

#include <stdlib.h>

#include "hub/base/err.h"

static const char confidentialities[] = "ULMNRV";
enum { NORMAL = 3, RESTRICTED = 4 };

static const struct str field_words[LABEL_FIELD_COUNT] = {
#define X(name, word) [LABEL_##name] = STR(word),
    LABEL_FIELDS(X)
#undef X
};

/* What contains what (HL7 v3 ActCode, InformationSensitivityPolicy); SUD and ETH, PSY and MH are
 * two names for one thing in the field. */
static const struct {
    struct str label, broader;
} hierarchy[] = {
    {STR("ETHUD"), STR("ETH")}, {STR("OPIOIDUD"), STR("ETH")}, {STR("ETH"), STR("SUD")},
    {STR("SUD"), STR("ETH")},   {STR("PSYTHPN"), STR("PSY")},  {STR("PSY"), STR("MH")},
    {STR("MH"), STR("PSY")},    {STR("STD"), STR("SEX")},      {STR("REPRO"), STR("SEX")},
};

enum { HIERARCHY = sizeof(hierarchy) / sizeof(hierarchy[0]) };

struct entry {
    struct label_code code; /* of the table; code.p NULL where it is free */
    uint16_t set;
};

struct label_book {
    const struct label_set *sets;
    size_t set_count;
    int64_t version;
    struct entry *table;
    size_t mask;                      /* of the table's size, a power of two */
    uint16_t lengths[LABEL_CODE_MAX]; /* of prefixes that occur, ascending */
    size_t length_count;
};

struct str label_field_word(enum label_field field)
{
    return field_words[field];
}

bool label_field_parse(struct str word, enum label_field *out)
{
    for (int i = 0; i < LABEL_FIELD_COUNT; i++)
        if (str_eq(field_words[i], word)) {
            *out = (enum label_field)i;
            return true;
        }
    return false;
}

int label_confidentiality_rank(struct str code)
{
    const char *at = code.n == 1 ? strchr(confidentialities, code.p[0]) : NULL;

    return at && *at ? (int)(at - confidentialities) : -1;
}

bool label_valid(struct str label)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

    if (label.n == 0 || label.n > 64 || label_confidentiality_rank(label) >= 0)
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (memchr(allowed, label.p[i], sizeof(allowed) - 1) == NULL)
            return false;
    return true;
}

/* --- the table: open addressing, one entry for each code of each set -------------------------- */

static uint64_t mix(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u; /* FNV-1a */
    return (h ^ 0xff) * 0x100000001b3u;
}

static uint64_t hash_of(const struct label_code *c)
{
    uint64_t h = mix(mix(0xcbf29ce484222325u ^ (unsigned)c->field, c->system), c->code);

    h ^= c->prefix ? 0x9e3779b97f4a7c15u : 0;
    return h ^ (h >> 32);
}

static bool same(const struct label_code *a, const struct label_code *b)
{
    return a->field == b->field && a->prefix == b->prefix && str_eq(a->code, b->code) &&
           str_eq(a->system, b->system);
}

static void enter(struct label_book *book, const struct label_code *c, size_t set)
{
    size_t at = hash_of(c) & book->mask;

    while (book->table[at].code.code.p != NULL)
        at = (at + 1) & book->mask;
    book->table[at] = (struct entry){*c, (uint16_t)set};
}

static int compare_lengths(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void note_length(struct label_book *book, size_t n)
{
    for (size_t i = 0; i < book->length_count; i++)
        if (book->lengths[i] == n)
            return;
    must(book->length_count < LABEL_CODE_MAX, "prefixes are shorter than LABEL_CODE_MAX");
    book->lengths[book->length_count++] = (uint16_t)n;
}

static void enter_set(struct label_book *book, size_t set)
{
    for (size_t i = 0; i < book->sets[set].code_count; i++) {
        const struct label_code *c = &book->sets[set].codes[i];

        enter(book, c, set);
        if (c->prefix)
            note_length(book, c->code.n);
    }
}

struct label_book *label_book_make(struct arena *a, const struct label_set *sets, size_t count,
                                   int64_t version)
{
    struct label_book *book = ARENA_NEW(a, struct label_book);
    size_t codes = 0, size = 16;

    must(count <= LABEL_SETS_MAX, "more value sets than a book takes");
    for (size_t i = 0; i < count; i++)
        codes += sets[i].code_count;
    while (size < 2 * codes)
        size *= 2;
    *book = (struct label_book){.sets = sets, .set_count = count, .version = version};
    book->mask = size - 1;
    book->table = ARENA_ARRAY(a, size, struct entry);
    for (size_t i = 0; i < count; i++)
        enter_set(book, i);
    if (book->length_count > 1)
        qsort(book->lengths, book->length_count, sizeof(*book->lengths), compare_lengths);
    return book;
}

int64_t label_book_version(const struct label_book *book)
{
    return book->version;
}

/* --- applying it ------------------------------------------------------------------------------ */

/* What has been found so far about one document. */
struct finding {
    const struct label_book *book;
    struct arena *arena;
    bool hit[LABEL_SETS_MAX];
    int rank; /* -1: nothing said yet */
    struct label_texts labels;
    size_t room;
};

static void raise(struct finding *f, int rank)
{
    if (rank > f->rank)
        f->rank = rank;
}

static void add_label(struct finding *f, struct str label)
{
    for (size_t i = 0; i < f->labels.n; i++)
        if (str_eq(f->labels.v[i], label))
            return;
    if (f->labels.n == f->room) {
        struct str *more = ARENA_ARRAY(f->arena, 2 * f->room + 8, struct str);

        if (f->labels.n > 0)
            memcpy(more, f->labels.v, f->labels.n * sizeof(*more));
        f->labels.v = more;
        f->room = 2 * f->room + 8;
    }
    f->labels.v[f->labels.n++] = label;
}

static void look_up(struct finding *f, const struct label_code *c)
{
    const struct label_book *book = f->book;

    for (size_t at = hash_of(c) & book->mask; book->table[at].code.code.p != NULL;
         at = (at + 1) & book->mask)
        if (same(&book->table[at].code, c))
            f->hit[book->table[at].set] = true;
}

static void look_up_prefixes(struct finding *f, struct label_code c)
{
    struct str whole = c.code;

    c.prefix = true;
    for (size_t i = 0; i < f->book->length_count && f->book->lengths[i] <= whole.n; i++) {
        c.code = str_slice(whole, 0, f->book->lengths[i]);
        look_up(f, &c);
    }
}

/* By its own field and any, by its own system and any. */
static void look_everywhere(struct finding *f, const struct label_code *c)
{
    for (int field = 0; field < 2; field++)
        for (int system = 0; system < 2; system++) {
            struct label_code key = {field ? c->field : LABEL_ANY,
                                     system ? c->system : (struct str){"", 0}, c->code, false};

            look_up(f, &key);
            look_up_prefixes(f, key);
        }
}

/* What the source wrote into confidentialityCode: a letter of HL7's, or a code of its own, which
 * nobody here can rank. */
static void honour(struct finding *f, const struct label_code *c)
{
    int rank = label_confidentiality_rank(c->code);

    raise(f, rank >= 0 ? rank : RESTRICTED);
    if (rank < 0 && c->code.n > 0)
        add_label(f, c->code);
}

static void take_sets(struct finding *f)
{
    for (size_t i = 0; i < f->book->set_count; i++) {
        const struct label_set *set = &f->book->sets[i];

        if (!f->hit[i])
            continue;
        raise(f, label_confidentiality_rank(set->confidentiality));
        for (size_t j = 0; j < set->labels.n; j++)
            add_label(f, str_dup(f->arena, set->labels.v[j]));
    }
}

/* The list grows while it is walked: what contains what contains it follows. */
static void broaden(struct finding *f)
{
    for (size_t i = 0; i < f->labels.n; i++)
        for (size_t j = 0; j < HIERARCHY; j++)
            if (str_eq(hierarchy[j].label, f->labels.v[i]))
                add_label(f, hierarchy[j].broader);
}

static int compare_texts(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct label_texts in_order(const struct finding *f)
{
    static const struct str letters[] = {STR("U"), STR("L"), STR("M"),
                                         STR("N"), STR("R"), STR("V")};
    struct label_texts out = {ARENA_ARRAY(f->arena, f->labels.n + 1, struct str), f->labels.n + 1};

    out.v[0] = letters[f->rank < 0 ? NORMAL : f->rank];
    for (size_t i = 0; i < f->labels.n; i++)
        out.v[i + 1] = f->labels.v[i];
    qsort(out.v + 1, f->labels.n, sizeof(*out.v), compare_texts);
    return out;
}

struct label_texts label_book_apply(const struct label_book *book, struct arena *a,
                                    const struct label_code *codes, size_t count)
{
    struct finding f = {.book = book, .arena = a, .rank = -1};

    for (size_t i = 0; i < count; i++) {
        look_everywhere(&f, &codes[i]);
        if (codes[i].field == LABEL_CONFIDENTIALITY)
            honour(&f, &codes[i]);
    }
    take_sets(&f);
    broaden(&f);
    return in_order(&f);
}
