#include "mpi/core/traits.h"

#include "mpi/core/address.h"
#include "mpi/core/contact.h"
#include "mpi/core/name.h"
#include "mpi/core/placeholder.h"
#include "mpi/core/text.h"

enum { VALUE_MAX = 255 };

static bool known(const struct mpi_traits *t, enum mpi_trait kind, struct str value)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].kind == kind && str_eq(t->list[i].value, value))
            return true;
    return false;
}

static void put(struct mpi_traits *t, enum mpi_trait kind, struct str value)
{
    if (t->count == MPI_TRAITS_MAX)
        return;
    t->list[t->count].kind = kind;
    t->list[t->count].value = str_slice(value, 0, VALUE_MAX);
    t->count++;
}

/* A value that is known and not yet there. */
static void add(struct mpi_traits *t, enum mpi_trait kind, struct str value)
{
    if (value.n > 0 && !known(t, kind, value))
        put(t, kind, value);
}

static void add_flag(struct mpi_traits *t, enum mpi_trait kind)
{
    if (!known(t, kind, STR_NONE))
        put(t, kind, STR_NONE);
}

static void add_number(struct arena *a, struct mpi_traits *t, enum mpi_trait kind, uint64_t n)
{
    if (n > 0)
        add(t, kind, str_printf(a, "%llu", (unsigned long long)n));
}

static void add_name(struct arena *a, const struct mpi_input_name *in, struct mpi_traits *t)
{
    struct mpi_person_name name;

    mpi_name_read(a, in, &name);
    add(t, MPI_TRAIT_GIVEN, name.given);
    for (size_t i = 0; i < name.given_part_count; i++)
        add(t, MPI_TRAIT_GIVEN_PART, name.given_parts[i]);
    add(t, MPI_TRAIT_FAMILY, name.family);
    for (size_t i = 0; i < name.family_part_count; i++)
        add(t, MPI_TRAIT_FAMILY_PART, name.family_parts[i]);
    for (size_t i = 0; i < name.other_count; i++)
        add(t, MPI_TRAIT_OTHER_NAME, name.others[i]);
    if (name.suffix != MPI_SUFFIX_NONE)
        add_number(a, t, MPI_TRAIT_SUFFIX, (uint64_t)name.suffix);
    if (name.newborn)
        add_flag(t, MPI_TRAIT_NEWBORN);
}

/* Only what is not empty: an address of nothing but a state says too little. */
static void add_address(struct arena *a, const struct mpi_input_address *in, struct mpi_traits *t)
{
    struct mpi_place_name p;

    mpi_address_read(a, in, &p);
    if (p.street.n + p.city.n + p.postcode.n + p.number.n == 0 || t->count + 7 > MPI_TRAITS_MAX)
        return;
    put(t, MPI_TRAIT_ADDRESS, STR_NONE);
    const struct {
        enum mpi_trait kind;
        struct str value;
    } parts[] = {{MPI_TRAIT_NUMBER, p.number}, {MPI_TRAIT_STREET, p.street},
                 {MPI_TRAIT_UNIT, p.unit},     {MPI_TRAIT_CITY, p.city},
                 {MPI_TRAIT_STATE, p.state},   {MPI_TRAIT_POSTCODE, p.postcode}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].value.n > 0)
            put(t, parts[i].kind, parts[i].value);
}

static void add_birth_dates(struct arena *a, const struct mpi_input *in, struct mpi_traits *t)
{
    for (size_t i = 0; i < in->birth_date_count; i++)
        add_number(a, t, MPI_TRAIT_BIRTH_DATE, mpi_date_read(in->birth_dates[i], in->date_order));
    add_number(a, t, MPI_TRAIT_BIRTH_DATE,
               mpi_date_of_parts(in->birth_year, in->birth_month, in->birth_day));
}

/* HL7 table 0001, words, and the codes of ISO 5218 (1 male, 2 female). */
static struct str sex_of(struct str s)
{
    static const struct {
        char first;
        const char *sex;
    } SEXES[] = {{'m', "M"}, {'M', "M"}, {'1', "M"}, {'f', "F"}, {'F', "F"},
                 {'2', "F"}, {'w', "F"}, {'W', "F"}, {'O', "O"}, {'o', "O"}};

    s = str_trim(s);
    for (size_t i = 0; s.n > 0 && i < sizeof(SEXES) / sizeof(SEXES[0]); i++)
        if (s.p[0] == SEXES[i].first)
            return str_from(SEXES[i].sex);
    return STR_NONE;
}

static void add_ids(struct arena *a, const struct mpi_input *in, struct mpi_traits *t)
{
    add(t, MPI_TRAIT_SSN, mpi_ssn_read(a, in->ssn));
    for (size_t i = 0; i < in->id_count; i++) {
        struct str value = mpi_id_read(a, in->ids[i].type, in->ids[i].value);

        if (value.n == 0 || t->count + 2 > MPI_TRAITS_MAX)
            continue;
        put(t, MPI_TRAIT_ID_TYPE, in->ids[i].type);
        put(t, MPI_TRAIT_ID, value);
    }
}

static struct str mother_name(struct arena *a, struct str s)
{
    struct str words[MPI_TOKENS_MAX], folded = mpi_text_fold(a, s);

    if (mpi_placeholder_name(folded) != MPI_PLACEHOLDER_NONE)
        return STR_NONE;
    return mpi_text_join(a, words, mpi_text_tokens(folded, words, MPI_TOKENS_MAX), 0);
}

static bool is_yes(struct str s)
{
    s = str_trim(s);
    return s.n > 0 && (s.p[0] == 'Y' || s.p[0] == 'y' || s.p[0] == 'T' || s.p[0] == 't' ||
                       (s.p[0] >= '1' && s.p[0] <= '9'));
}

static void add_birth(struct arena *a, const struct mpi_input *in, struct mpi_traits *t)
{
    struct str order = mpi_text_digits(a, str_slice(in->birth_order, 0, 8), 2);

    add(t, MPI_TRAIT_MOTHER_GIVEN, mother_name(a, in->mother_given));
    add(t, MPI_TRAIT_MOTHER_FAMILY, mother_name(a, in->mother_family));
    if (!str_eq(order, STR("0")))
        add(t, MPI_TRAIT_BIRTH_ORDER, order);
    if (is_yes(in->multiple_birth))
        add_flag(t, MPI_TRAIT_MULTIPLE_BIRTH);
    for (size_t i = 0; i < in->birthplace_count; i++)
        add(t, MPI_TRAIT_BIRTHPLACE, mpi_place_read(a, in->birthplaces[i]));
    for (size_t i = 0; i < in->occupation_count; i++)
        add(t, MPI_TRAIT_OCCUPATION, mpi_place_read(a, in->occupations[i]));
}

void mpi_traits_read(struct arena *a, const struct mpi_input *in, struct mpi_traits *out)
{
    out->count = 0;
    for (size_t i = 0; i < in->name_count; i++)
        add_name(a, &in->names[i], out);
    add_birth_dates(a, in, out);
    add(out, MPI_TRAIT_SEX, sex_of(in->sex));
    for (size_t i = 0; i < in->address_count; i++)
        add_address(a, &in->addresses[i], out);
    for (size_t i = 0; i < in->phone_count; i++)
        add_number(a, out, MPI_TRAIT_PHONE, mpi_phone_read(a, in->phones[i]));
    for (size_t i = 0; i < in->email_count; i++)
        add(out, MPI_TRAIT_EMAIL, mpi_email_read(a, in->emails[i]));
    add_ids(a, in, out);
    add_birth(a, in, out);
}

struct str mpi_traits_pack(struct arena *a, const struct mpi_traits *t)
{
    struct strbuf b = strbuf_on(a, 160);

    strbuf_addc(&b, MPI_TRAITS_VERSION);
    for (size_t i = 0; i < t->count; i++) {
        strbuf_addc(&b, (char)t->list[i].kind);
        strbuf_addc(&b, (char)t->list[i].value.n);
        strbuf_add(&b, t->list[i].value);
    }
    return strbuf_str(&b);
}

bool mpi_traits_unpack(struct str packed, struct mpi_traits *out)
{
    struct str rest = str_slice(packed, 1, packed.n);

    out->count = 0;
    if (packed.n == 0 || packed.p[0] != MPI_TRAITS_VERSION)
        return false;
    while (rest.n > 0) {
        unsigned char kind = (unsigned char)rest.p[0];
        size_t n = rest.n > 1 ? (unsigned char)rest.p[1] : VALUE_MAX;

        if (kind >= MPI_TRAIT_KINDS || rest.n < 2 + n || out->count == MPI_TRAITS_MAX)
            return false;
        put(out, (enum mpi_trait)kind, str_slice(rest, 2, 2 + n));
        rest = str_slice(rest, 2 + n, rest.n);
    }
    return true;
}
