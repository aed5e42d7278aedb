#include "mpi/core/block.h"

#include "mpi/core/date.h"

unsigned mpi_blocks_live(void)
{
    return 0
#define X(name, live, words) | (live ? MPI_BLOCK(name) : 0)
        MPI_BLOCK_RULES(X)
#undef X
            ;
}

enum { NAMES_MAX = 6, DATES_MAX = 2, DELETION_MIN = 5, DELETION_MAX = 12, YEARS = 10000 };

struct blocking {
    const struct mpi_dict *dict;
    const struct mpi_view *view;
    struct mpi_block *out;
    size_t count;
    unsigned rules;
    uint32_t names[NAMES_MAX]; /* wholes and other names, each once */
    size_t name_count;
    uint32_t dates[DATES_MAX];
    size_t date_count;
    uint32_t year; /* of the first date */
    uint32_t given_initial;
};

/* splitmix64's finish: every bit of the parts reaches every bit of the key. */
static uint64_t mix(uint64_t h, uint64_t part)
{
    h = (h ^ part) + UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ h >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ h >> 27) * UINT64_C(0x94D049BB133111EB);
    return h ^ h >> 31;
}

static void emit(struct blocking *b, enum mpi_block_rule rule, const uint64_t *parts, size_t n,
                 uint64_t narrower)
{
    uint64_t key = mix(0, (uint64_t)rule + 1);

    if (b->count == MPI_BLOCKS_MAX || (b->rules & 1u << rule) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        key = mix(key, parts[i]);
    for (size_t i = b->count; i > 0 && b->out[i - 1].rule == rule; i--)
        if (b->out[i - 1].key == key)
            return;
    b->out[b->count++] = (struct mpi_block){key, mix(key, narrower), (uint8_t)rule};
}
#define EMIT(b, rule, narrower, ...)                                                               \
    emit((b), MPI_BLOCK_##rule, (const uint64_t[]){__VA_ARGS__},                                   \
         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (narrower))

static uint64_t hash_of(const struct blocking *b, uint32_t id)
{
    return b->dict->values[id].hash;
}

static uint64_t sound_of(const struct blocking *b, uint32_t id)
{
    return b->dict->values[id].sound;
}

static uint64_t first_letter(const struct blocking *b, uint32_t id)
{
    return (unsigned char)mpi_dict_text(b->dict, id).p[0];
}

static void name_add(struct blocking *b, uint32_t id)
{
    if (b->name_count == NAMES_MAX || b->dict->values[id].n < 2)
        return;
    for (size_t i = 0; i < b->name_count; i++)
        if (b->names[i] == id)
            return;
    b->names[b->name_count++] = id;
}

/* Names that tell: of compounds the words, else the whole. */
static void names_from(struct blocking *b, enum mpi_section section)
{
    bool parts = false;

    for (int i = 0; i < b->view->count[section]; i++)
        parts |= (b->view->at[section][i] & MPI_CODED_PART) != 0;
    for (int i = 0; i < b->view->count[section]; i++)
        if (!parts || (b->view->at[section][i] & MPI_CODED_PART) != 0)
            name_add(b, MPI_CODED_ID(b->view->at[section][i]));
    for (int i = 0; parts && i < b->view->count[section]; i++)
        name_add(b, MPI_CODED_ID(b->view->at[section][i]));
}

static void prepare(struct blocking *b)
{
    const struct mpi_view *v = b->view;

    names_from(b, MPI_SECTION_GIVEN);
    names_from(b, MPI_SECTION_FAMILY);
    names_from(b, MPI_SECTION_OTHER);
    for (int i = 0; i < v->count[MPI_SECTION_DATE] && b->date_count < DATES_MAX; i++)
        b->dates[b->date_count++] = v->at[MPI_SECTION_DATE][i];
    b->year = b->date_count > 0 ? MPI_DATE_YEAR(b->dates[0]) : 0;
    if (v->count[MPI_SECTION_GIVEN] > 0)
        b->given_initial = (uint32_t)first_letter(b, MPI_CODED_ID(v->at[MPI_SECTION_GIVEN][0]));
}

static void by_identifier(struct blocking *b)
{
    const struct mpi_view *v = b->view;

    for (int i = 0; i < v->count[MPI_SECTION_SSN]; i++)
        if (b->dict->values[v->at[MPI_SECTION_SSN][i]].n > 4)
            EMIT(b, IDENTIFIER, b->year, hash_of(b, v->at[MPI_SECTION_SSN][i]));
    for (int i = 0; i < v->count[MPI_SECTION_ID]; i++)
        EMIT(b, IDENTIFIER, b->year, hash_of(b, v->at[MPI_SECTION_ID][2 * i + 1]));
}

static void by_contact(struct blocking *b)
{
    const struct mpi_view *v = b->view;

    for (int i = 0; i < v->count[MPI_SECTION_PHONE]; i++) {
        const uint32_t *w = v->at[MPI_SECTION_PHONE] + 2 * i;

        EMIT(b, PHONE, b->given_initial, ((uint64_t)w[0] << 32 | w[1]) % 10000000);
    }
    for (int i = 0; i < v->count[MPI_SECTION_EMAIL]; i++)
        EMIT(b, EMAIL, b->given_initial, hash_of(b, v->at[MPI_SECTION_EMAIL][i]));
}

/* Day, month and the year's last two digits, sorted, survive any swap of the parts. */
static uint64_t date_unordered(uint32_t date)
{
    uint32_t p[3] = {MPI_DATE_YEAR(date) % 100, MPI_DATE_MONTH(date), MPI_DATE_DAY(date)};

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 2; i++)
            if (p[i] > p[i + 1]) {
                uint32_t t = p[i];

                p[i] = p[i + 1];
                p[i + 1] = t;
            }
    return p[0] * 10000 + p[1] * 100 + p[2];
}

static void by_date(struct blocking *b)
{
    uint64_t family = b->view->count[MPI_SECTION_FAMILY] > 0
                          ? sound_of(b, MPI_CODED_ID(b->view->at[MPI_SECTION_FAMILY][0]))
                          : 0;

    for (size_t d = 0; d < b->date_count; d++) {
        if (MPI_DATE_DAY(b->dates[d]) == 0)
            continue;
        for (size_t i = 0; i < b->name_count; i++)
            EMIT(b, DATE_INITIAL, family, date_unordered(b->dates[d]),
                 first_letter(b, b->names[i]));
    }
}

static void by_names(struct blocking *b)
{
    for (size_t i = 0; i < b->name_count; i++)
        for (size_t j = i + 1; j < b->name_count; j++) {
            uint64_t x = sound_of(b, b->names[i]), y = sound_of(b, b->names[j]);
            uint64_t low = x < y ? x : y, high = x < y ? y : x;

            for (size_t d = 0; d < b->date_count; d++)
                EMIT(b, NAMES_YEAR, b->dates[d] % YEARS, low, high, MPI_DATE_YEAR(b->dates[d]));
        }
}

static void by_names_only(struct blocking *b)
{
    uint64_t day = b->date_count > 0 ? b->dates[0] % YEARS : 0;

    for (size_t i = 0; i < b->name_count; i++)
        for (size_t j = i + 1; j < b->name_count; j++) {
            uint64_t x = sound_of(b, b->names[i]), y = sound_of(b, b->names[j]);

            EMIT(b, NAMES, day, x < y ? x : y, x < y ? y : x);
        }
}

static const uint32_t *address(const struct blocking *b, int i)
{
    return b->view->at[MPI_SECTION_ADDRESS] + MPI_ADDRESS_WORDS * i;
}

static void by_postcode(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_ADDRESS]; i++) {
        uint32_t code = address(b, i)[MPI_ADDRESS_POSTCODE];

        for (size_t j = 0; code != 0 && j < b->name_count; j++)
            EMIT(b, NAME_POSTCODE, b->year, hash_of(b, code), sound_of(b, b->names[j]));
    }
}

/* The first letters of a street outlive most typing errors. */
static uint64_t street_start(const struct blocking *b, uint32_t id)
{
    struct str s = str_slice(mpi_dict_text(b->dict, id), 0, 4);
    uint64_t h = 0;

    for (size_t i = 0; i < s.n; i++)
        h = h << 8 | (unsigned char)s.p[i];
    return h;
}

static void by_house(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_ADDRESS]; i++) {
        const uint32_t *w = address(b, i);

        for (size_t j = 0;
             w[MPI_ADDRESS_NUMBER] != 0 && w[MPI_ADDRESS_STREET] != 0 && j < b->name_count; j++)
            EMIT(b, HOUSE, w[MPI_ADDRESS_POSTCODE] == 0 ? 0 : hash_of(b, w[MPI_ADDRESS_POSTCODE]),
                 hash_of(b, w[MPI_ADDRESS_NUMBER]), street_start(b, w[MPI_ADDRESS_STREET]),
                 first_letter(b, b->names[j]));
    }
}

static uint64_t hash_without(struct str s, size_t left_out)
{
    uint64_t h = 0;

    for (size_t i = 0; i < s.n; i++)
        if (i != left_out)
            h = mix(h, (unsigned char)s.p[i]);
    return h;
}

/* Every way to leave one letter out, and none (SymSpell's neighbourhood at distance one). */
static void by_family_day(struct blocking *b)
{
    struct str family;
    uint64_t day;

    if (b->view->count[MPI_SECTION_FAMILY] == 0 || b->date_count == 0)
        return;
    family = mpi_dict_text(b->dict, MPI_CODED_ID(b->view->at[MPI_SECTION_FAMILY][0]));
    day = b->dates[0] % YEARS;
    if (day == 0 || family.n < DELETION_MIN)
        return;
    for (size_t i = 0; i <= family.n && i <= DELETION_MAX; i++)
        EMIT(b, FAMILY_DAY, b->year, hash_without(family, i == DELETION_MAX ? family.n : i),
             b->given_initial, day);
}

static void by_city(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_ADDRESS]; i++) {
        uint32_t city = address(b, i)[MPI_ADDRESS_CITY];

        for (size_t j = 0; city != 0 && j < b->name_count; j++)
            EMIT(b, NAME_CITY, b->year, hash_of(b, city), sound_of(b, b->names[j]));
    }
}

static void by_place(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_PLACE]; i++)
        for (size_t j = 0; j < b->name_count; j++)
            EMIT(b, NAME_PLACE, b->year, hash_of(b, b->view->at[MPI_SECTION_PLACE][i]),
                 sound_of(b, b->names[j]));
}

static void by_work(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_WORK]; i++)
        for (size_t j = 0; j < b->name_count; j++)
            for (size_t k = 0; k < b->name_count; k++)
                if (j != k)
                    EMIT(b, NAME_WORK, b->year, hash_of(b, b->view->at[MPI_SECTION_WORK][i]),
                         sound_of(b, b->names[j]), first_letter(b, b->names[k]));
}

static void by_date_only(struct blocking *b)
{
    uint64_t city = 0;

    if (b->view->count[MPI_SECTION_ADDRESS] > 0 && address(b, 0)[MPI_ADDRESS_CITY] != 0)
        city = hash_of(b, address(b, 0)[MPI_ADDRESS_CITY]);
    for (size_t d = 0; d < b->date_count; d++)
        if (MPI_DATE_DAY(b->dates[d]) != 0 && b->dates[d] % YEARS != 101) /* 01-01: a year */
            EMIT(b, DATE, city, b->dates[d]);
}

static void by_street(struct blocking *b)
{
    for (int i = 0; i < b->view->count[MPI_SECTION_ADDRESS]; i++) {
        const uint32_t *w = address(b, i);

        if (w[MPI_ADDRESS_STREET] == 0)
            continue;
        if (w[MPI_ADDRESS_NUMBER] != 0)
            EMIT(b, STREET, b->year, hash_of(b, w[MPI_ADDRESS_STREET]),
                 hash_of(b, w[MPI_ADDRESS_NUMBER]));
        if (w[MPI_ADDRESS_POSTCODE] != 0)
            EMIT(b, STREET, b->year, hash_of(b, w[MPI_ADDRESS_STREET]), 0,
                 hash_of(b, w[MPI_ADDRESS_POSTCODE]));
    }
}

static void by_where_and_work(struct blocking *b)
{
    const struct mpi_view *v = b->view;

    if (v->count[MPI_SECTION_WORK] == 0 || b->year == 0)
        return;
    for (int i = 0; i < v->count[MPI_SECTION_PLACE]; i++)
        EMIT(b, WHERE_WORK, b->dates[0] % YEARS, b->year, hash_of(b, v->at[MPI_SECTION_WORK][0]),
             hash_of(b, v->at[MPI_SECTION_PLACE][i]));
    for (int i = 0; i < v->count[MPI_SECTION_ADDRESS]; i++)
        if (address(b, i)[MPI_ADDRESS_POSTCODE] != 0)
            EMIT(b, WHERE_WORK, b->dates[0] % YEARS, b->year,
                 hash_of(b, v->at[MPI_SECTION_WORK][0]),
                 hash_of(b, address(b, i)[MPI_ADDRESS_POSTCODE]));
}

size_t mpi_blocks(const struct mpi_dict *d, const struct mpi_view *v, unsigned rules,
                  struct mpi_block out[MPI_BLOCKS_MAX])
{
    static const struct {
        unsigned rules;
        void (*emit)(struct blocking *);
    } EMITTERS[] = {
        {MPI_BLOCK(IDENTIFIER), by_identifier}, {MPI_BLOCK(PHONE) | MPI_BLOCK(EMAIL), by_contact},
        {MPI_BLOCK(DATE_INITIAL), by_date},     {MPI_BLOCK(NAMES_YEAR), by_names},
        {MPI_BLOCK(NAMES), by_names_only},      {MPI_BLOCK(NAME_POSTCODE), by_postcode},
        {MPI_BLOCK(HOUSE), by_house},           {MPI_BLOCK(FAMILY_DAY), by_family_day},
        {MPI_BLOCK(NAME_CITY), by_city},        {MPI_BLOCK(NAME_PLACE), by_place},
        {MPI_BLOCK(NAME_WORK), by_work},        {MPI_BLOCK(DATE), by_date_only},
        {MPI_BLOCK(STREET), by_street},         {MPI_BLOCK(WHERE_WORK), by_where_and_work},
    };
    struct blocking b = {.dict = d, .view = v, .out = out, .rules = rules};

    prepare(&b);
    for (size_t i = 0; i < sizeof(EMITTERS) / sizeof(EMITTERS[0]); i++)
        if ((EMITTERS[i].rules & rules) != 0)
            EMITTERS[i].emit(&b);
    return b.count;
}
