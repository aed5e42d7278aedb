#include "consent/purpose.h"

#include "consent/code_system.h"

#define EXCHANGE "2.16.840.1.113883.3.18.7.1" /* eHealth Exchange (NHIN) */
#define TEFCA    "2.16.840.1.113883.3.7204.1.5.2.1"

/* The value set that XUA names stands for its code system. */
#define PURPOSE_VALUE_SET "2.16.840.1.113883.1.11.20448"

static const struct {
    struct str system, code, hl7;
} names[] = {
    {STR(EXCHANGE), STR("TREATMENT"), STR("TREAT")},
    {STR(EXCHANGE), STR("PAYMENT"), STR("HPAYMT")},
    {STR(EXCHANGE), STR("OPERATIONS"), STR("HOPERAT")},
    {STR(EXCHANGE), STR("SYSADMIN"), STR("HSYSADMIN")},
    {STR(EXCHANGE), STR("FRAUD"), STR("FRAUD")},
    {STR(EXCHANGE), STR("TRAINING"), STR("TRAIN")},
    {STR(EXCHANGE), STR("LEGAL"), STR("LEGAL")},
    {STR(EXCHANGE), STR("MARKETING"), STR("HMARKT")},
    {STR(EXCHANGE), STR("DIRECTORY"), STR("HDIRECT")},
    {STR(EXCHANGE), STR("FAMILY"), STR("FAMRQT")},
    {STR(EXCHANGE), STR("EMERGENCY"), STR("ETREAT")},
    {STR(EXCHANGE), STR("DISASTER"), STR("DISASTER")},
    {STR(EXCHANGE), STR("PUBLICHEALTH"), STR("PUBHLTH")},
    {STR(EXCHANGE), STR("RESEARCH"), STR("HRESCH")},
    {STR(EXCHANGE), STR("REQUEST"), STR("PATRQT")},
    {STR(EXCHANGE), STR("COVERAGE"), STR("COVERAGE")},
    {STR(TEFCA), STR("T-TRTMNT"), STR("TREAT")},
    {STR(TEFCA), STR("T-TREAT"), STR("TREAT")},
    {STR(TEFCA), STR("T-PYMNT"), STR("HPAYMT")},
    {STR(TEFCA), STR("T-HCO"), STR("HOPERAT")},
    {STR(TEFCA), STR("T-HCO-CC"), STR("HOPERAT")},
    {STR(TEFCA), STR("T-PH"), STR("PUBHLTH")},
    {STR(TEFCA), STR("T-PH-ECR"), STR("PUBHLTH")},
    {STR(TEFCA), STR("T-PH-ELR"), STR("PUBHLTH")},
    {STR(TEFCA), STR("T-GOVDTRM"), STR("COVERAGE")},
    {STR(TEFCA), STR("T-IAS"), STR("PATRQT")},
};

static const struct {
    struct str narrow, broad;
} kinds[] = {
    {STR("BIORCH"), STR("HRESCH")},      {STR("CLINTRCH"), STR("HRESCH")},
    {STR("CLINTRCHNPC"), STR("HRESCH")}, {STR("CLINTRCHPC"), STR("HRESCH")},
    {STR("DSRCH"), STR("HRESCH")},       {STR("POARCH"), STR("HRESCH")},
    {STR("PRECLINTRCH"), STR("HRESCH")}, {STR("TRANSRCH"), STR("HRESCH")},
};

struct coded consent_purpose(struct coded purpose)
{
    struct str system = code_system(purpose.system);

    if (system.n == 0 || str_eq(system, STR(PURPOSE_VALUE_SET)))
        return (struct coded){purpose.code, STR(SYSTEM_PURPOSE)};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq(names[i].code, purpose.code) && str_eq(names[i].system, system))
            return (struct coded){names[i].hl7, STR(SYSTEM_PURPOSE)};
    return (struct coded){purpose.code, system};
}

bool consent_purpose_includes(struct coded named, struct coded asked)
{
    if (!str_eq(named.system, asked.system))
        return false;
    if (str_eq(named.code, asked.code))
        return true;
    if (!str_eq(named.system, STR(SYSTEM_PURPOSE)))
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (str_eq(kinds[i].narrow, asked.code) && str_eq(kinds[i].broad, named.code))
            return true;
    return false;
}
