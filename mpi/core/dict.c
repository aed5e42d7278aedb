#include "mpi/core/dict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/err.h"
#include "mpi/core/model.h"
#include "mpi/core/nickname.h"
#include "mpi/core/phonetic.h"

enum { SLOTS_MIN = 64, VALUE_MAX = 255 };

/* FNV-1a over the class and the bytes. */
static uint32_t hash_of(enum mpi_class class, struct str value)
{
    uint32_t h = 2166136261u ^ (uint32_t) class * 0x9E3779B9u;

    for (size_t i = 0; i < value.n; i++)
        h = (h ^ (unsigned char)value.p[i]) * 16777619u;
    return h ^ h >> 15;
}

static void *grown(void *p, size_t bytes)
{
    void *q = realloc(p, bytes);

    must(q != NULL, "memory for the dictionary");
    return q;
}

static void slots_make(struct mpi_dict *d, uint32_t count)
{
    free(d->slots);
    d->slots = calloc(count, sizeof(*d->slots));
    must(d->slots != NULL, "memory for the dictionary");
    d->slot_count = count;
    for (uint32_t id = 1; id < d->count; id++) {
        uint32_t at = d->values[id].hash & (count - 1);

        while (d->slots[at] != 0)
            at = (at + 1) & (count - 1);
        d->slots[at] = id;
    }
}

void mpi_dict_init(struct mpi_dict *d, const struct mpi_model *model, size_t expected)
{
    uint32_t slots = SLOTS_MIN;

    while (slots < expected * 2 && slots < 1u << 30)
        slots *= 2;
    *d = (struct mpi_dict){.model = model, .count = 1, .cap = slots / 2};
    d->values = grown(NULL, d->cap * sizeof(*d->values));
    d->values[0] = (struct mpi_value){0};
    d->text_cap = (size_t)slots * 4;
    d->text = grown(NULL, d->text_cap);
    slots_make(d, slots);
}

void mpi_dict_dispose(struct mpi_dict *d)
{
    free(d->values);
    free(d->text);
    free(d->slots);
    *d = (struct mpi_dict){0};
}

static void set_rarity(const struct mpi_dict *d, struct mpi_value *v)
{
    static const struct {
        enum mpi_frequency frequency;
        enum mpi_class class;
    } TABLES[] = {
#define X(name, key, class) {MPI_FREQUENCY_##name, class},
        MPI_FREQUENCIES(X)
#undef X
    };
    struct str value = {d->text + v->at, v->n};

    v->rarity[0] = v->rarity[1] = 0;
    for (size_t i = 0; i < sizeof(TABLES) / sizeof(TABLES[0]); i++)
        if (TABLES[i].class == (enum mpi_class)v->class)
            v->rarity[mpi_rarity_slot(TABLES[i].frequency)] =
                (float)log2(mpi_model_frequency(d->model, TABLES[i].frequency, value));
}

static uint32_t append(struct mpi_dict *d, enum mpi_class class, struct str value, uint32_t hash)
{
    struct mpi_value *v;

    must(d->count < MPI_CODED_IDS && d->text_n + VALUE_MAX < UINT32_MAX, "the dictionary is full");
    if (d->count == d->cap) {
        d->cap += d->cap / 2 + 16;
        d->values = grown(d->values, d->cap * sizeof(*d->values));
    }
    if (d->text_n + value.n > d->text_cap) {
        d->text_cap += d->text_cap / 2 + VALUE_MAX;
        d->text = grown(d->text, d->text_cap);
    }
    v = &d->values[d->count];
    *v = (struct mpi_value){.at = (uint32_t)d->text_n,
                            .hash = hash,
                            .n = (uint8_t)value.n,
                            .class = (uint8_t) class};
    for (size_t i = 0; i < value.n; i++)
        v->letters |= 1u << ((unsigned char)value.p[i] & 31);
    memcpy(d->text + d->text_n, value.p, value.n);
    d->text_n += value.n;
    if (class == MPI_CLASS_NAME) {
        v->sound = mpi_phonetic(value);
        v->nickname = mpi_nickname_find(value);
    }
    set_rarity(d, v);
    return d->count++;
}

uint32_t mpi_dict_add(struct mpi_dict *d, enum mpi_class class, struct str value)
{
    uint32_t hash, at, id;

    value = str_slice(value, 0, VALUE_MAX);
    if (value.n == 0)
        return 0;
    if (d->count >= d->slot_count - d->slot_count / 4)
        slots_make(d, d->slot_count * 2);
    hash = hash_of(class, value);
    for (at = hash & (d->slot_count - 1); (id = d->slots[at]) != 0;
         at = (at + 1) & (d->slot_count - 1))
        if (d->values[id].hash == hash && d->values[id].class == class &&
            str_eq(mpi_dict_text(d, id), value))
            return id;
    id = append(d, class, value, hash);
    d->slots[at] = id;
    return id;
}

void mpi_dict_set_model(struct mpi_dict *d, const struct mpi_model *model)
{
    d->model = model;
    for (uint32_t id = 1; id < d->count; id++)
        set_rarity(d, &d->values[id]);
}
