#include "mpi/record.h"

#include <jansson.h>

#include "hub/base/json_text.h"

const struct mpi_name *mpi_demographics_name(const struct mpi_demographics *d)
{
    const struct mpi_name *untyped = NULL;

    for (size_t i = 0; i < d->name_count; i++) {
        if (str_eq(d->names[i].type, STR("L")))
            return &d->names[i];
        if (untyped == NULL && d->names[i].type.n == 0)
            untyped = &d->names[i];
    }
    if (untyped != NULL)
        return untyped;
    return d->name_count > 0 ? &d->names[0] : NULL;
}

struct mpi_demographics mpi_demographics_update(const struct mpi_demographics *known,
                                                const struct mpi_demographics *update)
{
    struct mpi_demographics d = *known;

#define OVERLAY(field)                                                                             \
    if (update->field.p != NULL)                                                                   \
        d.field = update->field;
    MPI_SINGLE_FIELDS(OVERLAY)
#undef OVERLAY
    if (update->names_given) {
        d.names = update->names;
        d.name_count = update->name_count;
    }
    if (update->addresses_given) {
        d.addresses = update->addresses;
        d.address_count = update->address_count;
    }
    if (update->telecoms_given) {
        d.telecoms = update->telecoms;
        d.telecom_count = update->telecom_count;
    }
    return d;
}

/* Appends "key":"value", where there is a value. */
static void field_add(struct strbuf *b, const char *key, struct str value)
{
    if (value.n == 0)
        return;
    if (b->n > 0 && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
        strbuf_addc(b, ',');
    strbuf_addf(b, "\"%s\":", key);
    json_text_add(b, value);
}

static void list_begin(struct strbuf *b, const char *key)
{
    strbuf_addf(b, "%s\"%s\":[", b->p[b->n - 1] == '{' ? "" : ",", key);
}

static void item_begin(struct strbuf *b, size_t i)
{
    strbuf_add(b, i > 0 ? STR(",{") : STR("{"));
}

struct str mpi_demographics_json(struct arena *a, const struct mpi_demographics *d)
{
    struct strbuf b = strbuf_on(a, 512);

    strbuf_addc(&b, '{');
    list_begin(&b, "names");
    for (size_t i = 0; i < d->name_count; i++) {
        item_begin(&b, i);
#define ADD(field) field_add(&b, #field, d->names[i].field);
        MPI_NAME_FIELDS(ADD)
#undef ADD
        strbuf_addc(&b, '}');
    }
    strbuf_addc(&b, ']');
    list_begin(&b, "addresses");
    for (size_t i = 0; i < d->address_count; i++) {
        item_begin(&b, i);
#define ADD(field) field_add(&b, #field, d->addresses[i].field);
        MPI_ADDRESS_FIELDS(ADD)
#undef ADD
        strbuf_addc(&b, '}');
    }
    strbuf_addc(&b, ']');
    list_begin(&b, "telecoms");
    for (size_t i = 0; i < d->telecom_count; i++) {
        item_begin(&b, i);
#define ADD(field) field_add(&b, #field, d->telecoms[i].field);
        MPI_TELECOM_FIELDS(ADD)
#undef ADD
        strbuf_addc(&b, '}');
    }
    strbuf_addc(&b, ']');
#define ADD(field) field_add(&b, #field, d->field);
    MPI_SINGLE_FIELDS(ADD)
#undef ADD
    strbuf_addc(&b, '}');
    return strbuf_str(&b);
}

static struct str text_of(struct arena *a, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return STR_NONE;
    return str_dup(a, str_of(json_string_value(value), json_string_length(value)));
}

static void names_parse(struct arena *a, const json_t *list, struct mpi_demographics *d)
{
    d->name_count = json_array_size(list);
    d->names = ARENA_ARRAY(a, d->name_count, struct mpi_name);
    for (size_t i = 0; i < d->name_count; i++) {
        const json_t *item = json_array_get(list, i);
#define READ(field) d->names[i].field = text_of(a, item, #field);
        MPI_NAME_FIELDS(READ)
#undef READ
    }
}

static void addresses_parse(struct arena *a, const json_t *list, struct mpi_demographics *d)
{
    d->address_count = json_array_size(list);
    d->addresses = ARENA_ARRAY(a, d->address_count, struct mpi_address);
    for (size_t i = 0; i < d->address_count; i++) {
        const json_t *item = json_array_get(list, i);
#define READ(field) d->addresses[i].field = text_of(a, item, #field);
        MPI_ADDRESS_FIELDS(READ)
#undef READ
    }
}

static void telecoms_parse(struct arena *a, const json_t *list, struct mpi_demographics *d)
{
    d->telecom_count = json_array_size(list);
    d->telecoms = ARENA_ARRAY(a, d->telecom_count, struct mpi_telecom);
    for (size_t i = 0; i < d->telecom_count; i++) {
        const json_t *item = json_array_get(list, i);
#define READ(field) d->telecoms[i].field = text_of(a, item, #field);
        MPI_TELECOM_FIELDS(READ)
#undef READ
    }
}

enum status mpi_demographics_parse(struct arena *a, struct str json, struct mpi_demographics *out,
                                   struct errors *err)
{
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);

    *out = (struct mpi_demographics){.names_given = true,
                                     .addresses_given = true,
                                     .telecoms_given = true};
    if (!json_is_object(root)) {
        json_decref(root);
        return fail(err, INTERNAL, "StoredRecord", "A stored record is not a JSON object");
    }
    names_parse(a, json_object_get(root, "names"), out);
    addresses_parse(a, json_object_get(root, "addresses"), out);
    telecoms_parse(a, json_object_get(root, "telecoms"), out);
#define READ(field) out->field = text_of(a, root, #field);
    MPI_SINGLE_FIELDS(READ)
#undef READ
    json_decref(root);
    return OK;
}

struct str mpi_number_masked(struct arena *a, struct str number)
{
    enum { SHOWN = 4 };

    if (number.n <= 2 * SHOWN)
        return number.n > 0 ? STR("****") : number;
    return str_printf(a, "****%.*s", STR_ARG(str_slice(number, number.n - SHOWN, SHOWN)));
}
