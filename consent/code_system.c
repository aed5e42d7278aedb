#include "consent/code_system.h"

#include "hub/base/oid.h"

/* The first name of an OID is the one that FHIR writes. */
static const struct {
    struct str name, oid;
} systems[] = {
    {STR("http://terminology.hl7.org/CodeSystem/v3-ActReason"), STR(SYSTEM_PURPOSE)},
    {STR("http://hl7.org/fhir/v3/ActReason"), STR(SYSTEM_PURPOSE)},
    {STR("http://terminology.hl7.org/CodeSystem/v3-Confidentiality"), STR(SYSTEM_CONFIDENTIALITY)},
    {STR("http://hl7.org/fhir/v3/Confidentiality"), STR(SYSTEM_CONFIDENTIALITY)},
    {STR("http://terminology.hl7.org/CodeSystem/v3-ActCode"), STR(SYSTEM_ACT_CODE)},
    {STR("http://hl7.org/fhir/v3/ActCode"), STR(SYSTEM_ACT_CODE)},
    {STR("http://terminology.hl7.org/CodeSystem/v3-ParticipationType"), STR(SYSTEM_PARTICIPATION)},
    {STR("http://hl7.org/fhir/v3/ParticipationType"), STR(SYSTEM_PARTICIPATION)},
    {STR("http://loinc.org"), STR("2.16.840.1.113883.6.1")},
    {STR("LOINC"), STR("2.16.840.1.113883.6.1")},
    {STR("LN"), STR("2.16.840.1.113883.6.1")},
    {STR("http://snomed.info/sct"), STR("2.16.840.1.113883.6.96")},
    {STR("SNOMED"), STR("2.16.840.1.113883.6.96")},
    {STR("SNOMED-CT"), STR("2.16.840.1.113883.6.96")},
    {STR("SCT"), STR("2.16.840.1.113883.6.96")},
    {STR("http://hl7.org/fhir/sid/icd-10"), STR("2.16.840.1.113883.6.3")},
    {STR("I10"), STR("2.16.840.1.113883.6.3")},
    {STR("http://hl7.org/fhir/sid/icd-10-cm"), STR("2.16.840.1.113883.6.90")},
    {STR("http://hl7.org/fhir/sid/icd-9-cm"), STR("2.16.840.1.113883.6.103")},
    {STR("http://www.nlm.nih.gov/research/umls/rxnorm"), STR("2.16.840.1.113883.6.88")},
    {STR("http://www.ama-assn.org/go/cpt"), STR("2.16.840.1.113883.6.12")},
    {STR("http://nucc.org/provider-taxonomy"), STR("2.16.840.1.113883.6.101")},
    {STR("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode"), STR(SYSTEM_FORMAT)},
    {STR("http://dicom.nema.org/resources/ontology/DCM"), STR("1.2.840.10008.2.16.4")},
    {STR("DCM"), STR("1.2.840.10008.2.16.4")},
};

enum { SYSTEMS = sizeof(systems) / sizeof(systems[0]) };

struct str code_system(struct str name)
{
    for (size_t i = 0; i < SYSTEMS; i++)
        if (str_eq(systems[i].name, name))
            return systems[i].oid;
    return oid_strip_urn(name);
}

struct str code_system_uri(struct arena *a, struct str system)
{
    for (size_t i = 0; i < SYSTEMS; i++)
        if (str_eq(systems[i].oid, system))
            return systems[i].name;
    return oid_valid(system) ? str_printf(a, "urn:oid:%.*s", STR_ARG(system)) : system;
}
