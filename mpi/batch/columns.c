#include "mpi/batch/columns.h"

#include <stdio.h>
#include <string.h>

/* Where the values of a role go: into a field of every element of a list, or of the input. */
struct target {
    size_t at, stride, most;
    size_t counter; /* of the list; 0: none (names come first in the struct, so it is no counter) */
    bool number;    /* may have been through a table of floating point numbers: 2119.0 */
};

#define SINGLE(field, number)                                                                      \
    {                                                                                              \
        offsetof(struct mpi_input, field), 0, 1, 0, number                                         \
    }
#define LIST(field, most, counter, number)                                                         \
    {                                                                                              \
        offsetof(struct mpi_input, field), sizeof(struct str), most,                               \
            offsetof(struct mpi_input, counter), number                                            \
    }
#define PART(list, type, field, most, counter, number)                                             \
    {                                                                                              \
        offsetof(struct mpi_input, list) + offsetof(struct type, field), sizeof(struct type),      \
            most, offsetof(struct mpi_input, counter), number                                      \
    }
#define NAME(field) PART(names, mpi_input_name, field, MPI_INPUT_NAMES, name_count, false)
#define HOME(field, number)                                                                        \
    PART(addresses, mpi_input_address, field, MPI_INPUT_ADDRESSES, address_count, number)

static const struct target targets[COLUMN_ROLE_COUNT] = {
    [COLUMN_given] = NAME(given),
    [COLUMN_middle] = NAME(middle),
    [COLUMN_family] = NAME(family),
    [COLUMN_maiden] = NAME(maiden),
    [COLUMN_suffix] = NAME(suffix),
    [COLUMN_name] = NAME(whole),
    [COLUMN_dob] = LIST(birth_dates, MPI_INPUT_DATES, birth_date_count, true),
    [COLUMN_dob_year] = SINGLE(birth_year, true),
    [COLUMN_dob_month] = SINGLE(birth_month, true),
    [COLUMN_dob_day] = SINGLE(birth_day, true),
    [COLUMN_sex] = SINGLE(sex, true),
    [COLUMN_house_number] = HOME(number, true),
    [COLUMN_street] = HOME(street, false),
    [COLUMN_unit] = HOME(unit, true),
    [COLUMN_city] = HOME(city, false),
    [COLUMN_state] = HOME(state, false),
    [COLUMN_postcode] = HOME(postcode, true),
    [COLUMN_address] = HOME(whole, false),
    [COLUMN_country] = HOME(country, false),
    [COLUMN_phone] = LIST(phones, MPI_INPUT_PHONES, phone_count, true),
    [COLUMN_email] = LIST(emails, MPI_INPUT_EMAILS, email_count, false),
    [COLUMN_ssn] = SINGLE(ssn, true),
    [COLUMN_id] = PART(ids, mpi_input_id, value, MPI_INPUT_IDS, id_count, true),
    [COLUMN_mother_given] = SINGLE(mother_given, false),
    [COLUMN_mother_family] = SINGLE(mother_family, false),
    [COLUMN_birth_order] = SINGLE(birth_order, true),
    [COLUMN_birthplace] = LIST(birthplaces, MPI_INPUT_WORDS, birthplace_count, false),
    [COLUMN_occupation] = LIST(occupations, MPI_INPUT_WORDS, occupation_count, false),
};

static const char *const roles[COLUMN_ROLE_COUNT] = {
#define X(role, words) #role,
    COLUMN_ROLES(X)
#undef X
};

static bool role_named(struct str name, enum column_role *out)
{
    for (size_t i = 0; i < COLUMN_ROLE_COUNT; i++)
        if (str_eq_nocase(name, str_from(roles[i]))) {
            *out = (enum column_role)i;
            return true;
        }
    return false;
}

/* ROLE= or a.ROLE= in front of a header. Cuts it off. */
static bool cut_role(struct str *item, bool sides, enum column_role *role, char *side)
{
    ptrdiff_t equals = str_find(*item, '=');
    struct str name = str_trim(str_slice(*item, 0, equals > 0 ? (size_t)equals : 0));

    *side = 0;
    if (sides && name.n > 2 && name.p[1] == '.' && strchr("aAbB", name.p[0]) != NULL) {
        *side = (char)(name.p[0] | 0x20);
        name = str_slice(name, 2, name.n);
    }
    if ((sides && *side == 0) || !role_named(name, role))
        return false;
    *item = str_trim(str_slice(*item, (size_t)equals + 1, item->n));
    return true;
}

static enum status add_column(struct columns *c, enum column_role role, char side,
                              struct str header, struct errors *err)
{
    if (c->count == COLUMNS_MAX)
        return fail(err, INVALID, "columns", "--columns: more than %d columns", COLUMNS_MAX);
    c->list[c->count].role = role;
    c->list[c->count].side = side;
    c->list[c->count++].header = header;
    return OK;
}

enum status columns_parse(const char *text, bool sides, struct columns *out, struct errors *err)
{
    struct str rest = str_from(text);

    out->count = 0;
    while (rest.p != NULL) {
        struct str item = str_cut(&rest, ','), whole = item;
        enum column_role role;
        char side;

        if (cut_role(&item, sides, &role, &side)) {
            TRY(add_column(out, role, side, item, err));
        } else if (out->count > 0 && str_find(whole, '=') < 0) {
            struct str *header = &out->list[out->count - 1].header;

            header->n = (size_t)(whole.p + whole.n - header->p);
        } else {
            return fail(err, INVALID, "columns",
                        "--columns: '%.*s' is not %sROLE=HEADER with a known role (see --help)",
                        STR_ARG(str_trim(whole)), sides ? "a. or b." : "");
        }
    }
    return OK;
}

/* --- headers */

static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) ? c : '\0';
}

/* Equal but for case and everything that is no letter or digit. */
static bool alike(struct str a, struct str b)
{
    size_t i = 0, j = 0;

    for (;; i++, j++) {
        while (i < a.n && plain(a.p[i]) == '\0')
            i++;
        while (j < b.n && plain(b.p[j]) == '\0')
            j++;
        if (i == a.n || j == b.n)
            return i == a.n && j == b.n;
        if (plain(a.p[i]) != plain(b.p[j]))
            return false;
    }
}

ptrdiff_t column_find(const struct str *header, size_t count, struct str name)
{
    static bool (*const ways[])(struct str, struct str) = {str_eq, str_eq_nocase, alike};

    name = str_trim(name);
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++)
        for (size_t i = 0; i < count; i++)
            if (ways[way](header[i], name))
                return (ptrdiff_t)i;
    return -1;
}

void column_map_make(const struct columns *c, char side, const struct str *header, size_t count,
                     struct column_map *out, bool *seen)
{
    *out = (struct column_map){.count = 0};
    for (size_t i = 0; i < c->count; i++) {
        enum column_role role = c->list[i].role;
        ptrdiff_t column = column_find(header, count, c->list[i].header);

        if (c->list[i].side != side || column < 0)
            continue;
        seen[i] = true;
        if (role == COLUMN_ignore || out->times[role] == targets[role].most)
            continue;
        out->list[out->count++] = (struct column_place){role, (size_t)column, out->times[role]++};
        if (out->least < (size_t)column + 1)
            out->least = (size_t)column + 1;
    }
}

enum status column_missing(struct errors *err, const char *path, struct str name,
                           const struct str *header, size_t count)
{
    char list[1024] = "";
    size_t n = 0;

    for (size_t i = 0; i < count && n < sizeof(list); i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.*s", i > 0 ? ", " : "",
                              STR_ARG(header[i]));
    return fail(err, INVALID, "columns", "%s has no column '%.*s'; there are: %s", path,
                STR_ARG(name), list);
}

/* --- values */

struct str column_value(struct str field)
{
    static const struct str missing[] = {
        {"NA", 2},  {"N/A", 3},  {"NaN", 3},  {"nan", 3},  {"NAN", 3},  {"NaT", 3},
        {"\\N", 2}, {"None", 4}, {"NULL", 4}, {"null", 4}, {"Null", 4}, {"<NA>", 4},
    };

    if (field.n < 2 || field.n > 4)
        return field;
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        if (str_eq(field, missing[i]))
            return STR_NONE;
    return field;
}

/* 2119.0 -> 2119 */
static struct str whole_number(struct str s)
{
    if (s.n < 3 || !str_ends(s, STR(".0")))
        return s;
    for (size_t i = 0; i < s.n - 2; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return s;
    return str_slice(s, 0, s.n - 2);
}

static struct str *place_in(struct mpi_input *in, const struct target *t, size_t nth)
{
    return (struct str *)(void *)((char *)in + t->at + nth * t->stride);
}

/* Parts that a file has once belong to each of several addresses: two lines of street, one city.
 * An address that has nothing of its own is none. */
static void share_address_parts(const struct column_map *m, struct mpi_input *in)
{
    size_t kept = 1;

    for (size_t i = 1; i < in->address_count; i++) {
        const struct mpi_input_address *a = &in->addresses[i];

        if (a->whole.n + a->number.n + a->street.n + a->unit.n + a->city.n + a->postcode.n == 0)
            continue;
        if (kept != i)
            in->addresses[kept] = *a;
        for (int role = COLUMN_house_number; role <= COLUMN_country; role++)
            if (role != COLUMN_address && m->times[role] == 1)
                *place_in(in, &targets[role], kept) = *place_in(in, &targets[role], 0);
        kept++;
    }
    in->address_count = kept;
}

void column_input(const struct column_map *m, const struct str *fields, size_t count, bool ids,
                  struct mpi_input *out)
{
    static const char types[MPI_INPUT_IDS][2] = {"1", "2", "3", "4", "5", "6", "7", "8"};

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < m->count; i++) {
        const struct column_place *p = &m->list[i];
        const struct target *t = &targets[p->role];
        struct str value = p->column < count ? column_value(fields[p->column]) : STR_NONE;
        size_t *counter = (size_t *)(void *)((char *)out + t->counter);

        if (value.n == 0 || (p->role == COLUMN_id && !ids))
            continue;
        *place_in(out, t, p->nth) = t->number ? whole_number(value) : value;
        if (t->counter != 0 && *counter <= p->nth)
            *counter = p->nth + 1;
        if (p->role == COLUMN_id)
            out->ids[p->nth].type = str_of(types[p->nth], 1);
    }
    if (out->address_count > 1)
        share_address_parts(m, out);
}
