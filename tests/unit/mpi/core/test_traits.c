/* mpi/core/traits and what it stands on: text, names, dates, addresses, contacts. */
#include "mpi/core/traits.h"

#include "mpi/core/address.h"
#include "mpi/core/contact.h"
#include "mpi/core/name.h"
#include "mpi/core/text.h"
#include "tests/support/suite.h"

static struct arena a;

static void folding_makes_spellings_one(void)
{
    static const struct {
        const char *in, *out;
    } CASES[] = {
        {"Müller-Lüdenscheidt", "MULLER LUDENSCHEIDT"},
        {"  O'Brien, ", "OBRIEN"},
        {"Weiß", "WEISS"},
        {"Øster Ærø", "OSTER AERO"},
        {"ﬁnn", "FINN"},
        {"Łódź", "LODZ"},
        {"Иванов", "ИВАНОВ"},
        {"\xff\xfe smith", "SMITH"},
        {"...", ""},
    };

    arena_init(&a);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct str once = mpi_text_fold(&a, str_from(CASES[i].in));

        CHECK_STR(once, str_from(CASES[i].out));
        CHECK_STR(mpi_text_fold(&a, once), once);
    }
    arena_dispose(&a);
}

static void dates_are_read_in_any_common_form(void)
{
    static const struct {
        const char *in;
        enum mpi_date_order order;
        uint32_t date;
    } CASES[] = {
        {"1980-02-03", MPI_DATE_MDY, 19800203},
        {"1980-02-03T00:00:00", MPI_DATE_MDY, 19800203},
        {"19800203", MPI_DATE_MDY, 19800203},
        {"1980/02/03", MPI_DATE_MDY, 19800203},
        {"02/03/1980", MPI_DATE_MDY, 19800203},
        {"03/02/1980", MPI_DATE_DMY, 19800203},
        {"13/02/1980", MPI_DATE_MDY, 19800213},
        {"3.2.80", MPI_DATE_DMY, 19800203},
        {"3 Feb 1980", MPI_DATE_MDY, 19800203},
        {"February 3, 1980", MPI_DATE_DMY, 19800203},
        {"03-Feb-1980", MPI_DATE_MDY, 19800203},
        {"1980", MPI_DATE_MDY, 19800000},
        {"1980-02", MPI_DATE_MDY, 19800200},
        {"198002", MPI_DATE_MDY, 19800200},
        {"1856-86-18", MPI_DATE_MDY, 18568618},
        {"1900-01-01", MPI_DATE_MDY, 0},
        {"9999-12-31", MPI_DATE_MDY, 0},
        {"", MPI_DATE_MDY, 0},
        {"unknown", MPI_DATE_MDY, 0},
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        CU_ASSERT_EQUAL(mpi_date_read(str_from(CASES[i].in), CASES[i].order), CASES[i].date);
    CU_ASSERT_EQUAL(mpi_date_of_parts(STR("1980"), STR("2"), STR("3")), 19800203);
    CU_ASSERT_EQUAL(mpi_date_order_hint(STR("13/02/1980")), 1);
    CU_ASSERT_EQUAL(mpi_date_order_hint(STR("02/13/1980")), -1);
    CU_ASSERT_EQUAL(mpi_date_order_hint(STR("1980-02-13")), 0);
}

static void names_are_taken_apart(void)
{
    struct mpi_person_name n;

    arena_init(&a);
    mpi_name_read(&a, &(struct mpi_input_name){.whole = STR("Dr. John A. van der Berg Jr.")}, &n);
    CHECK_STR(n.given, STR("JOHN"));
    CHECK_STR(n.family, STR("VANDERBERG"));
    CHECK_STR(n.family_parts[0], STR("BERG"));
    CHECK_STR(n.others[0], STR("A"));
    CU_ASSERT_EQUAL(n.suffix, MPI_SUFFIX_JR);
    mpi_name_read(&a, &(struct mpi_input_name){.whole = STR("Smith, Mary Ann")}, &n);
    CHECK_STR(n.given, STR("MARY"));
    CHECK_STR(n.family, STR("SMITH"));
    CHECK_STR(n.others[0], STR("ANN"));
    mpi_name_read(&a,
                  &(struct mpi_input_name){.given = STR("Maria"), .family = STR("García-López")},
                  &n);
    CHECK_STR(n.family, STR("GARCIALOPEZ"));
    CU_ASSERT_EQUAL(n.family_part_count, 2);
    CHECK_STR(n.family_parts[1], STR("LOPEZ"));
    arena_dispose(&a);
}

static void placeholders_say_nothing(void)
{
    struct mpi_person_name n;
    struct mpi_place_name p;

    arena_init(&a);
    mpi_name_read(&a, &(struct mpi_input_name){.given = STR("Baby Boy"), .family = STR("Smith")},
                  &n);
    CU_ASSERT(n.newborn && n.given.n == 0);
    CHECK_STR(n.family, STR("SMITH"));
    mpi_name_read(&a, &(struct mpi_input_name){.given = STR("John"), .family = STR("Doe")}, &n);
    CU_ASSERT(n.placeholder && n.family.n == 0);
    mpi_address_read(&a, &(struct mpi_input_address){.street = STR("Homeless")}, &p);
    CU_ASSERT_EQUAL(p.street.n, 0);
    CU_ASSERT_EQUAL(mpi_phone_read(&a, STR("555-555-5555")), 0);
    CU_ASSERT_EQUAL(mpi_ssn_read(&a, STR("999-99-9999")).n, 0);
    CU_ASSERT_EQUAL(mpi_ssn_read(&a, STR("000-12-3456")).n, 0);
    arena_dispose(&a);
}

static void addresses_are_taken_apart(void)
{
    struct mpi_place_name p;

    arena_init(&a);
    mpi_address_read(&a,
                     &(struct mpi_input_address){
                         .whole = STR("123 North Main Street Apt 4B, Springfield, IL 62704-1234")},
                     &p);
    CHECK_STR(p.number, STR("123"));
    CHECK_STR(p.street, STR("N MAIN ST"));
    CHECK_STR(p.unit, STR("4B"));
    CHECK_STR(p.city, STR("SPRINGFIELD"));
    CHECK_STR(p.state, STR("IL"));
    CHECK_STR(p.postcode, STR("62704"));
    mpi_address_read(&a, &(struct mpi_input_address){.street = STR("P.O. Box 7091")}, &p);
    CHECK_STR(p.street, STR("PO BOX"));
    CHECK_STR(p.number, STR("7091"));
    mpi_address_read(&a, &(struct mpi_input_address){.street = STR("Hauptstraße 12")}, &p);
    CHECK_STR(p.number, STR("12"));
    arena_dispose(&a);
}

static void contacts_have_one_form(void)
{
    arena_init(&a);
    CU_ASSERT_EQUAL(mpi_phone_read(&a, STR("+1 (617) 555-0143")), 6175550143);
    CU_ASSERT_EQUAL(mpi_phone_read(&a, STR("617.555.0143 x12")), 6175550143);
    CU_ASSERT_EQUAL(mpi_phone_read(&a, STR("16175550143")), 6175550143);
    CU_ASSERT_EQUAL(mpi_phone_read(&a, STR("+44 20 7946 0958")),
                    mpi_phone_read(&a, STR("020 7946 0958")));
    CHECK_STR(mpi_email_read(&a, STR("Bob+shop@Example.COM")), STR("bob@example.com"));
    CU_ASSERT_EQUAL(mpi_email_read(&a, STR("none@example.com")).n, 0);
    CHECK_STR(mpi_ssn_read(&a, STR("446-25-5155")), STR("446255155"));
    CHECK_STR(mpi_id_read(&a, STR(""), STR("00-ab 123")), STR("AB123"));
    CU_ASSERT(mpi_check_nhs(STR("9434765919")) && !mpi_check_nhs(STR("9434765918")));
    CU_ASSERT(mpi_check_luhn(STR("79927398713")) && !mpi_check_luhn(STR("79927398710")));
    CU_ASSERT(mpi_check_gs1(STR("4006381333931")) && !mpi_check_gs1(STR("4006381333932")));
    CU_ASSERT_EQUAL(mpi_id_read(&a, STR("NHS"), STR("943 476 5918")).n, 0);
    arena_dispose(&a);
}

static void what_is_packed_is_unpacked(void)
{
    struct mpi_input in = {.names = {{.given = STR("Mary Ann"), .family = STR("Smith-Jones")}},
                           .name_count = 1,
                           .birth_dates = {STR("1980-02-03")},
                           .birth_date_count = 1,
                           .sex = STR("female"),
                           .addresses = {{.street = STR("12 Main St"), .city = STR("Boston")}},
                           .address_count = 1,
                           .ssn = STR("446-25-5155")};
    struct mpi_traits t, back;
    struct str packed;

    arena_init(&a);
    mpi_traits_read(&a, &in, &t);
    packed = mpi_traits_pack(&a, &t);
    CU_ASSERT(mpi_traits_unpack(packed, &back));
    CU_ASSERT_EQUAL(back.count, t.count);
    CHECK_STR(mpi_traits_pack(&a, &back), packed);
    CU_ASSERT(!mpi_traits_unpack(str_slice(packed, 0, packed.n - 1), &back));
    CU_ASSERT(!mpi_traits_unpack(STR(""), &back));
    arena_dispose(&a);
}

SUITE(test_traits, CASE(folding_makes_spellings_one), CASE(dates_are_read_in_any_common_form),
      CASE(names_are_taken_apart), CASE(placeholders_say_nothing), CASE(addresses_are_taken_apart),
      CASE(contacts_have_one_form), CASE(what_is_packed_is_unpacked));
