#include "mpi/core/coded.h"

#include <string.h>

#include "mpi/core/date.h"

/* Words of an item, and how many items at the most. */
static const struct {
    uint8_t words, cap;
} SECTIONS[] = {
    [MPI_SECTION_GIVEN] = {1, 8},  [MPI_SECTION_FAMILY] = {1, 8},  [MPI_SECTION_OTHER] = {1, 10},
    [MPI_SECTION_DATE] = {1, 3},   [MPI_SECTION_ADDRESS] = {6, 6}, [MPI_SECTION_PHONE] = {2, 8},
    [MPI_SECTION_EMAIL] = {1, 4},  [MPI_SECTION_SSN] = {1, 2},     [MPI_SECTION_ID] = {2, 8},
    [MPI_SECTION_MOTHER] = {2, 1}, [MPI_SECTION_PLACE] = {1, 4},   [MPI_SECTION_WORK] = {1, 4},
};

/* Where a trait goes: section, word of the item, class; `opens` an item of its own. */
static const struct route {
    enum mpi_section section;
    int word;
    enum mpi_class class;
    bool routed, opens;
    uint32_t mark;
} ROUTES[MPI_TRAIT_KINDS] = {
    [MPI_TRAIT_GIVEN] = {MPI_SECTION_GIVEN, 0, MPI_CLASS_NAME, true, true, 0},
    [MPI_TRAIT_GIVEN_PART] = {MPI_SECTION_GIVEN, 0, MPI_CLASS_NAME, true, true, MPI_CODED_PART},
    [MPI_TRAIT_FAMILY] = {MPI_SECTION_FAMILY, 0, MPI_CLASS_NAME, true, true, 0},
    [MPI_TRAIT_FAMILY_PART] = {MPI_SECTION_FAMILY, 0, MPI_CLASS_NAME, true, true, MPI_CODED_PART},
    [MPI_TRAIT_OTHER_NAME] = {MPI_SECTION_OTHER, 0, MPI_CLASS_NAME, true, true, 0},
    [MPI_TRAIT_NUMBER] = {MPI_SECTION_ADDRESS, 0, MPI_CLASS_CODE, true, false, 0},
    [MPI_TRAIT_STREET] = {MPI_SECTION_ADDRESS, 1, MPI_CLASS_STREET, true, false, 0},
    [MPI_TRAIT_UNIT] = {MPI_SECTION_ADDRESS, 2, MPI_CLASS_CODE, true, false, 0},
    [MPI_TRAIT_CITY] = {MPI_SECTION_ADDRESS, 3, MPI_CLASS_PLACE, true, false, 0},
    [MPI_TRAIT_STATE] = {MPI_SECTION_ADDRESS, 4, MPI_CLASS_CODE, true, false, 0},
    [MPI_TRAIT_POSTCODE] = {MPI_SECTION_ADDRESS, 5, MPI_CLASS_POSTCODE, true, false, 0},
    [MPI_TRAIT_EMAIL] = {MPI_SECTION_EMAIL, 0, MPI_CLASS_EMAIL, true, true, 0},
    [MPI_TRAIT_SSN] = {MPI_SECTION_SSN, 0, MPI_CLASS_CODE, true, true, 0},
    [MPI_TRAIT_ID_TYPE] = {MPI_SECTION_ID, 0, MPI_CLASS_CODE, true, true, 0},
    [MPI_TRAIT_ID] = {MPI_SECTION_ID, 1, MPI_CLASS_CODE, true, false, 0},
    [MPI_TRAIT_MOTHER_GIVEN] = {MPI_SECTION_MOTHER, 0, MPI_CLASS_NAME, true, true, 0},
    [MPI_TRAIT_MOTHER_FAMILY] = {MPI_SECTION_MOTHER, 1, MPI_CLASS_NAME, true, true, 0},
    [MPI_TRAIT_BIRTHPLACE] = {MPI_SECTION_PLACE, 0, MPI_CLASS_PLACE, true, true, 0},
    [MPI_TRAIT_OCCUPATION] = {MPI_SECTION_WORK, 0, MPI_CLASS_WORK, true, true, 0},
};

/* Items by section before they are laid out one after the other. */
struct sorting {
    uint8_t count[MPI_SECTION_COUNT];
    uint32_t items[MPI_SECTION_COUNT][8 * 6];
};

/* A new item, zeroed; NULL when the list is full. */
static uint32_t *item_open(struct sorting *s, enum mpi_section section)
{
    uint32_t *item;

    if (section == MPI_SECTION_MOTHER && s->count[section] > 0)
        return s->items[section]; /* both names are of the one mother */
    if (s->count[section] == SECTIONS[section].cap)
        return NULL;
    item = s->items[section] + s->count[section]++ * SECTIONS[section].words;
    memset(item, 0, SECTIONS[section].words * sizeof(*item));
    return item;
}

static uint32_t *item_last(struct sorting *s, enum mpi_section section)
{
    return s->count[section] == 0
               ? NULL
               : s->items[section] + (s->count[section] - 1) * SECTIONS[section].words;
}

static uint64_t decimal(struct str s)
{
    uint64_t n = 0;

    return str_to_u64(s, &n) ? n : 0;
}

enum { SEX_M = 1, SEX_F, SEX_O, NEWBORN = 4, MULTIPLE = 8 };

/* The head's last word: sex and flags, suffix, birth order. */
struct facts {
    uint8_t flags, suffix, order;
};

static void put_fact(struct facts *f, enum mpi_trait kind, struct str value)
{
    static const char SEXES[] = "?MFO";

    if (kind == MPI_TRAIT_SUFFIX)
        f->suffix = (uint8_t)decimal(value);
    else if (kind == MPI_TRAIT_BIRTH_ORDER)
        f->order = (uint8_t)decimal(value);
    else if (kind == MPI_TRAIT_NEWBORN)
        f->flags |= NEWBORN;
    else if (kind == MPI_TRAIT_MULTIPLE_BIRTH)
        f->flags |= MULTIPLE;
    else if (kind == MPI_TRAIT_SEX && value.n > 0 && strchr(SEXES + 1, value.p[0]) != NULL)
        f->flags |= (uint8_t)(strchr(SEXES, value.p[0]) - SEXES);
}

static void put_phone(struct sorting *s, uint64_t n)
{
    uint32_t *item = item_open(s, MPI_SECTION_PHONE);

    if (item != NULL) {
        item[0] = (uint32_t)(n >> 32);
        item[1] = (uint32_t)n;
    }
}

static void put_value(struct mpi_dict *d, struct sorting *s, const struct route *r,
                      struct str value)
{
    uint32_t *item = r->opens ? item_open(s, r->section) : item_last(s, r->section);

    if (item != NULL)
        item[r->word] = mpi_dict_add(d, r->class, value) | r->mark;
}

static void sort_traits(struct mpi_dict *d, const struct mpi_traits *t, struct sorting *s,
                        struct facts *f)
{
    for (size_t i = 0; i < t->count; i++) {
        enum mpi_trait kind = t->list[i].kind;
        struct str value = t->list[i].value;
        uint32_t *item;

        if (ROUTES[kind].routed) {
            put_value(d, s, &ROUTES[kind], value);
        } else if (kind == MPI_TRAIT_BIRTH_DATE) {
            item = item_open(s, MPI_SECTION_DATE);
            if (item != NULL)
                *item = (uint32_t)decimal(value);
        } else if (kind == MPI_TRAIT_PHONE) {
            put_phone(s, decimal(value));
        } else if (kind == MPI_TRAIT_ADDRESS) {
            (void)item_open(s, MPI_SECTION_ADDRESS);
        } else {
            put_fact(f, kind, value);
        }
    }
}

size_t mpi_encode(struct mpi_dict *d, const struct mpi_traits *t, uint32_t *out)
{
    struct sorting s = {.count = {0}};
    struct facts f = {0, 0, 0};
    size_t used = MPI_CODED_HEAD;

    sort_traits(d, t, &s, &f);
    for (int section = 0; section < MPI_SECTION_COUNT; section++) {
        size_t words = (size_t)s.count[section] * SECTIONS[section].words;

        if (used + words > MPI_CODED_MAX) {
            s.count[section] = 0;
            continue;
        }
        memcpy(out + used, s.items[section], words * sizeof(*out));
        used += words;
    }
    memcpy(out, s.count, sizeof(s.count));
    memcpy((unsigned char *)out + sizeof(s.count), &f, sizeof(f));
    return used;
}

_Static_assert(MPI_SECTION_COUNT + sizeof(struct facts) <= MPI_CODED_HEAD * 4, "the head has room");

struct mpi_view mpi_view_of(const uint32_t *coded)
{
    static const char SEX_OF[] = {0, 'M', 'F', 'O'};
    struct mpi_view v;
    struct facts f;
    const uint32_t *at = coded + MPI_CODED_HEAD;

    memcpy(v.count, coded, sizeof(v.count));
    memcpy(&f, (const unsigned char *)coded + sizeof(v.count), sizeof(f));
    for (int section = 0; section < MPI_SECTION_COUNT; section++) {
        v.at[section] = at;
        at += v.count[section] * SECTIONS[section].words;
    }
    v.sex = SEX_OF[f.flags & 3];
    v.newborn = (f.flags & NEWBORN) != 0;
    v.multiple = (f.flags & MULTIPLE) != 0;
    v.suffix = f.suffix;
    v.birth_order = f.order;
    return v;
}

static bool numbers_of_a_dictionary(int section)
{
    return section != MPI_SECTION_DATE && section != MPI_SECTION_PHONE;
}

uint64_t mpi_coded_hash(const struct mpi_dict *d, const struct mpi_view *v)
{
    uint64_t h = (uint64_t)(unsigned char)v->sex << 24 | (uint64_t)v->suffix << 16 |
                 (uint64_t)v->birth_order << 8 | (uint64_t)v->newborn << 1 | v->multiple;

    for (int section = 0; section < MPI_SECTION_COUNT; section++)
        for (int i = 0; i < v->count[section] * SECTIONS[section].words; i++) {
            uint32_t word = v->at[section][i];
            uint64_t content =
                numbers_of_a_dictionary(section) ? d->values[MPI_CODED_ID(word)].hash : word;

            h = (h ^ (content + (uint64_t)section)) * UINT64_C(0x9E3779B97F4A7C15);
            h ^= h >> 29;
        }
    return h;
}
