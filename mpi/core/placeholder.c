#include "mpi/core/placeholder.h"

#include "mpi/core/text.h"

static const char *const WORDS[] = {
    "UNKNOWN",     "UNK",        "UNKN",    "NONE",          "NULL",           "NA",
    "N A",         "NAN",        "NAT",     "NOT AVAILABLE", "NOT APPLICABLE", "NOT GIVEN",
    "NOT KNOWN",   "NOT STATED", "REFUSED", "DECLINED",      "UNDISCLOSED",    "MISSING",
    "UNSPECIFIED", "NIL",        "XX",      "XXX",           "XXXX",           "ZZ",
    "ZZZ",         "ZZZZ",       NULL,
};

static const char *const NAMES[] = {
    "NONAME",  "NO NAME",      "NAME UNKNOWN", "ANONYMOUS",   "ANON",       "TEST",     "TESTER",
    "TESTING", "TEST PATIENT", "PATIENT TEST", "TESTPATIENT", "ZZTEST",     "ZZZTEST",  "ZTEST",
    "DUMMY",   "FAKE",         "UNIDENTIFIED", "TRAUMA",      "DO NOT USE", "DONOTUSE", "DUPLICATE",
    "DELETE",  "MALE",         "FEMALE",       "PATIENT",     "EMERGENCY",  "NFN",      "NLN",
    "NMN",     "FNU",          "LNU",          "FETUS",       "STILLBORN",  NULL,
};

static const char *const NEWBORNS[] = {
    "BABY",  "BABYBOY", "BABYGIRL", "BB",       "BG",   "BBOY",  "BGIRL", "BOY",
    "GIRL",  "INFANT",  "NEWBORN",  "NEW BORN", "TWIN", "TWINA", "TWINB", "BOY A",
    "BOY B", "GIRL A",  "GIRL B",   "NB",       "INF",  NULL,
};

/* With anything after them. */
static const char *const NEWBORN_STARTS[] = {
    "BABY ", "BABYBOY ", "BABYGIRL ", "BB ", "BG ", "NEWBORN ", "INFANT ", "TWIN ", NULL,
};

static const char *const STREETS[] = {
    "HOMELESS",
    "NO FIXED ADDRESS",
    "NO FIXED ABODE",
    "NFA",
    "GENERAL DELIVERY",
    "NO ADDRESS",
    "ADDRESS UNKNOWN",
    "UNKNOWN ADDRESS",
    "UNDOMICILED",
    "TRANSIENT",
    "SHELTER",
    "SAME",
    "SAME AS ABOVE",
    "BAD ADDRESS",
    "RETURNED MAIL",
    "RETURN MAIL",
    "MOVED",
    NULL,
};

static bool begins(struct str s, const char *const *table)
{
    for (; *table != NULL; table++)
        if (s.n > 0 && s.p[0] == (*table)[0] && str_starts(s, str_from(*table)))
            return true;
    return false;
}

enum mpi_placeholder mpi_placeholder_name(struct str whole)
{
    if (mpi_text_listed(whole, NEWBORNS) || begins(whole, NEWBORN_STARTS))
        return MPI_PLACEHOLDER_NEWBORN;
    if (mpi_text_listed(whole, NAMES) || mpi_text_listed(whole, WORDS))
        return MPI_PLACEHOLDER_UNKNOWN;
    return MPI_PLACEHOLDER_NONE;
}

bool mpi_placeholder_person(struct str given, struct str family)
{
    static const char *const DOES[] = {"JOHN", "JANE", "JON", "JOHNNY", "JANIE", "BABY", NULL};

    return str_eq(family, STR("DOE")) && (given.n == 0 || mpi_text_listed(given, DOES));
}

bool mpi_placeholder_street(struct str street)
{
    return mpi_text_listed(street, STREETS) || mpi_text_listed(street, WORDS);
}

bool mpi_placeholder_word(struct str word)
{
    return mpi_text_listed(word, WORDS);
}

bool mpi_placeholder_digits(struct str digits)
{
    static const char *const NEVER[] = {"123456789", "987654321", "1234567890", "0123456789",
                                        "12345678",  "1234567",   "123456",     "9876543210",
                                        "078051120", "219099999", NULL};
    size_t equal = 1;

    while (equal < digits.n && digits.p[equal] == digits.p[0])
        equal++;
    return equal == digits.n || mpi_text_listed(digits, NEVER);
}
