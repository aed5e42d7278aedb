#include "mpi/input.h"

/* HL7 table 0200: a maiden name is a family name of before; so is the name at birth (B), unless it
 * is the only one that there is. */
static bool is_former(const struct mpi_demographics *d, const struct mpi_name *n)
{
    if (str_eq(n->type, STR("M")))
        return true;
    for (size_t i = 0; str_eq(n->type, STR("B")) && i < d->name_count; i++)
        if (d->names[i].family.n > 0 && !str_eq(d->names[i].type, n->type))
            return true;
    return false;
}

static void read_names(const struct mpi_demographics *d, struct mpi_input *out)
{
    for (size_t i = 0; i < d->name_count && out->name_count < MPI_INPUT_NAMES; i++) {
        const struct mpi_name *n = &d->names[i];
        bool maiden = is_former(d, n);

        out->names[out->name_count++] =
            (struct mpi_input_name){.given = n->given,
                                    .middle = n->middle,
                                    .family = maiden ? STR_NONE : n->family,
                                    .maiden = maiden ? n->family : STR_NONE,
                                    .suffix = n->suffix};
    }
}

static void read_addresses(const struct mpi_demographics *d, struct mpi_input *out)
{
    for (size_t i = 0; i < d->address_count && out->address_count < MPI_INPUT_ADDRESSES; i++) {
        const struct mpi_address *a = &d->addresses[i];

        out->addresses[out->address_count++] = (struct mpi_input_address){.street = a->street,
                                                                          .unit = a->other,
                                                                          .city = a->city,
                                                                          .state = a->state,
                                                                          .postcode = a->postcode,
                                                                          .country = a->country};
    }
}

/* HL7 table 0201: NET is an e-mail address, as is whatever has an @. */
static void read_telecoms(const struct mpi_demographics *d, struct mpi_input *out)
{
    for (size_t i = 0; i < d->telecom_count; i++) {
        struct str value = d->telecoms[i].value;
        bool email = str_eq(d->telecoms[i].use, STR("NET")) || str_find(value, '@') >= 0;

        if (email && out->email_count < MPI_INPUT_EMAILS)
            out->emails[out->email_count++] = value;
        else if (!email && out->phone_count < MPI_INPUT_PHONES)
            out->phones[out->phone_count++] = value;
    }
}

void mpi_demographics_input(const struct mpi_demographics *d, struct mpi_input *out)
{
    *out = (struct mpi_input){.sex = d->sex,
                              .ssn = d->ssn,
                              .mother_given = d->mother_given,
                              .mother_family = d->mother_family,
                              .birth_order = d->birth_order,
                              .multiple_birth = d->multiple_birth};
    if (d->birth_date.n > 0)
        out->birth_dates[out->birth_date_count++] = str_slice(d->birth_date, 0, 8);
    read_names(d, out);
    read_addresses(d, out);
    read_telecoms(d, out);
}
