/* Birth dates: read or refused; an age begins at 0 and never falls. */
#include "consent/people.h"
#include "hub/base/clock.h"
#include "tests/fuzz/fuzz.h"

#define YEAR (INT64_C(365) * 86400 * US_PER_SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    int64_t at = -400 * YEAR;
    int32_t birth;

    if (!consent_birth_parse(str_of(bytes, n), &birth))
        return 0;
    must(birth % 100 >= 1 && birth % 100 <= 31, "a day");
    must(birth / 100 % 100 >= 1 && birth / 100 % 100 <= 12, "a month");
    for (int age = consent_age(birth, at); at < 400 * YEAR; at += YEAR / 3) {
        must(consent_age(birth, at) >= age, "nobody grows younger");
        age = consent_age(birth, at);
        for (int years = 14; years < 22; years++)
            must((birth > consent_birth_at_age(years, at)) == (age < years), "one order");
    }
    return 0;
}
