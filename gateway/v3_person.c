#include "gateway/v3_person.h"

#include <stdio.h>

#define SSN_ROOT "2.16.840.1.113883.4.1"

/* A code of HL7 v3 and what HL7 v2 calls it; the first of a pair is written. */
struct code {
    const char *v3, *v2;
};
static const struct code SEXES[] = {{"M", "M"}, {"F", "F"}, {"UN", "O"}, {NULL, NULL}};
static const struct code SCHEMES[] = {{"tel", "PH"}, {"fax", "FX"}, {"modem", "MD"}, {NULL, NULL}};
static const struct code NAME_USES[] = {
    {"L", "L"}, {"P", "S"}, {"A", "A"}, {"C", "C"}, {NULL, NULL}};
static const struct code ADDRESS_USES[] = {{"HP", "H"},   {"H", "H"},   {"WP", "B"}, {"TMP", "C"},
                                           {"BAD", "BA"}, {"PST", "M"}, {"HV", "V"}, {NULL, NULL}};
static const struct code TELECOM_USES[] = {{"HP", "PRN"}, {"H", "PRN"},  {"WP", "WPN"},
                                           {"HV", "VHN"}, {"EC", "EMR"}, {NULL, NULL}};

static struct str v2_code(const struct code *codes, struct str v3)
{
    for (; codes->v3 != NULL; codes++)
        if (str_eq(v3, str_from(codes->v3)))
            return str_from(codes->v2);
    return STR_NONE;
}

static struct str v3_code(const struct code *codes, struct str v2)
{
    for (; codes->v3 != NULL; codes++)
        if (str_eq(v2, str_from(codes->v2)))
            return str_from(codes->v3);
    return STR_NONE;
}

struct str v3_sex_read(struct str code)
{
    return v2_code(SEXES, code);
}

/* --- reading --------------------------------------------------------------------------------- */

static struct str joined(struct arena *a, struct str before, struct str more)
{
    return before.n > 0 ? str_printf(a, "%.*s %.*s", STR_ARG(before), STR_ARG(more)) : more;
}

static struct str text_of(struct arena *a, const xmlNode *n)
{
    return str_trim(xml_text(a, n));
}

static bool is_of_birth(const xmlNode *part)
{
    return str_eq(xml_attr(part, "qualifier"), STR("BR"));
}

struct mpi_name v3_name_read(struct arena *a, const xmlNode *name)
{
    struct mpi_name out = {.type = v2_code(NAME_USES, xml_attr(name, "use"))};

    XML_EACH(part, name, NS_HL7V3, NULL)
    {
        struct str text = text_of(a, part), kind = xml_name(part);

        if (text.n == 0)
            continue;
        if (str_eq(kind, STR("family"))) {
            if (!is_of_birth(part))
                out.family = joined(a, out.family, text);
        } else if (str_eq(kind, STR("given")))
            *(out.given.n == 0 ? &out.given : &out.middle) =
                out.given.n == 0 ? text : joined(a, out.middle, text);
        else if (str_eq(kind, STR("prefix")))
            out.prefix = joined(a, out.prefix, text);
        else if (str_eq(kind, STR("suffix")))
            out.suffix = joined(a, out.suffix, text);
    }
    return out;
}

/* The family name of birth, which v2 tells as a name of its own (HL7 table 0200: B). */
static struct mpi_name birth_name_read(struct arena *a, const xmlNode *name)
{
    struct mpi_name out = {.type = STR("B")};

    XML_EACH(part, name, NS_HL7V3, "family")
    if (is_of_birth(part))
        out.family = joined(a, out.family, text_of(a, part));
    return out;
}

struct mpi_address v3_address_read(struct arena *a, const xmlNode *addr)
{
    struct mpi_address out = {.type = v2_code(ADDRESS_USES, xml_attr(addr, "use"))};
    struct str number = str_trim(xml_text_of(a, addr, NS_HL7V3, "houseNumber"));
    struct str street = str_trim(xml_text_of(a, addr, NS_HL7V3, "streetName"));

    XML_EACH(line, addr, NS_HL7V3, "streetAddressLine")
    {
        if (out.street.n == 0)
            out.street = text_of(a, line);
        else
            out.other = joined(a, out.other, text_of(a, line));
    }
    if (out.street.n > 0 && number.n > 0)
        out.street = joined(a, out.street, number);
    else if (street.n > 0 && out.street.n == 0)
        out.street = number.n > 0 ? joined(a, number, street) : street;
    out.city = str_trim(xml_text_of(a, addr, NS_HL7V3, "city"));
    out.state = str_trim(xml_text_of(a, addr, NS_HL7V3, "state"));
    out.postcode = str_trim(xml_text_of(a, addr, NS_HL7V3, "postalCode"));
    out.country = str_trim(xml_text_of(a, addr, NS_HL7V3, "country"));
    out.county = str_trim(xml_text_of(a, addr, NS_HL7V3, "county"));
    return out;
}

struct mpi_telecom v3_telecom_read(const xmlNode *telecom)
{
    struct str rest = str_trim(xml_attr(telecom, "value")), scheme = str_cut(&rest, ':');
    struct str uses = xml_attr(telecom, "use");
    struct mpi_telecom out = {.value = rest.p != NULL ? rest : scheme};

    if (str_eq_nocase(scheme, STR("mailto")) || str_find(out.value, '@') >= 0) {
        out.use = STR("NET");
        out.equipment = STR("Internet");
        return out;
    }
    if (rest.p != NULL)
        out.equipment = v2_code(SCHEMES, scheme);
    while (uses.n > 0) { /* a set */
        struct str use = str_cut(&uses, ' '), known = v2_code(TELECOM_USES, use);

        if (known.n > 0)
            out.use = known;
        if (str_eq(use, STR("MC")))
            out.equipment = STR("CP");
    }
    return out;
}

static void read_names(struct arena *a, const xmlNode *person, struct mpi_demographics *d)
{
    d->names = ARENA_ARRAY(a, MPI_REPETITIONS_MAX, struct mpi_name);
    XML_EACH(n, person, NS_HL7V3, "name")
    {
        struct mpi_name names[] = {v3_name_read(a, n), birth_name_read(a, n)};

        for (size_t i = 0; i < 2; i++)
            if (d->name_count < MPI_REPETITIONS_MAX &&
                (names[i].family.n > 0 || names[i].given.n > 0))
                d->names[d->name_count++] = names[i];
    }
    d->names_given = d->name_count > 0;
}

/* Addresses and telecoms stand at the patient or at the person. */
static void read_contacts(struct arena *a, const xmlNode *at, struct mpi_demographics *d)
{
    XML_EACH(n, at, NS_HL7V3, "addr")
    if (d->address_count < MPI_REPETITIONS_MAX && xml_attr(n, "nullFlavor").n == 0)
        d->addresses[d->address_count++] = v3_address_read(a, n);
    XML_EACH(n, at, NS_HL7V3, "telecom")
    {
        struct mpi_telecom t = v3_telecom_read(n);

        if (d->telecom_count < MPI_REPETITIONS_MAX && t.value.n > 0)
            d->telecoms[d->telecom_count++] = t;
    }
    d->addresses_given = d->address_count > 0;
    d->telecoms_given = d->telecom_count > 0;
}

static void read_mother(struct arena *a, const xmlNode *person, struct mpi_demographics *d)
{
    XML_EACH(n, person, NS_HL7V3, "personalRelationship")
    {
        const xmlNode *holder = xml_child(n, NS_HL7V3, "relationshipHolder1");
        const xmlNode *name = xml_child(holder, NS_HL7V3, "name");
        struct mpi_name mother;

        if (name == NULL || !str_eq(hl7v3_attr(n, "code", "code"), STR("MTH")))
            continue;
        mother = v3_name_read(a, name);
        d->mother_family = mother.family;
        d->mother_given = mother.given;
    }
}

static void read_ssn(const xmlNode *person, struct mpi_demographics *d)
{
    XML_EACH(n, person, NS_HL7V3, "asOtherIDs")
    XML_EACH(id, n, NS_HL7V3, "id")
    {
        struct hl7v3_ii ii = hl7v3_ii_read(id);

        if (str_eq(ii.root, STR(SSN_ROOT)) && ii.extension.n > 0)
            d->ssn = ii.extension;
    }
}

static enum status check_date(struct request *rq, const xmlNode *person, const char *name,
                              struct str value)
{
    int64_t from, to;

    if (value.n == 0 || clock_parse_dtm(value, &from, &to))
        return OK;
    return fail_at(rq->err, xml_location(rq->arena, xml_child(person, NS_HL7V3, name)), INVALID,
                   "102", "%s is not a date of the form YYYY[MM[DD[HHMM[SS]]]]", name);
}

static struct str yes_or_no(struct str boolean)
{
    if (boolean.n == 0)
        return STR_NONE;
    return xml_true(boolean) ? STR("Y") : STR("N");
}

/* What is said to be unknown is known to be so; what is absent says nothing. */
static struct str sex_of(const xmlNode *person)
{
    struct str code = hl7v3_attr(person, "administrativeGenderCode", "code");

    if (code.n == 0 && hl7v3_attr(person, "administrativeGenderCode", "nullFlavor").n > 0)
        return STR("U");
    return v3_sex_read(code);
}

enum status v3_person_read(struct request *rq, const xmlNode *patient, struct mpi_demographics *out)
{
    const xmlNode *person = xml_child(patient, NS_HL7V3, "patientPerson");
    struct arena *a = rq->arena;

    *out = (struct mpi_demographics){
        .birth_date = hl7v3_attr(person, "birthTime", "value"),
        .sex = sex_of(person),
        .multiple_birth = yes_or_no(hl7v3_attr(person, "multipleBirthInd", "value")),
        .birth_order = hl7v3_attr(person, "multipleBirthOrderNumber", "value"),
        .deceased = yes_or_no(hl7v3_attr(person, "deceasedInd", "value")),
        .deceased_at = hl7v3_attr(person, "deceasedTime", "value"),
        .addresses = ARENA_ARRAY(a, MPI_REPETITIONS_MAX, struct mpi_address),
        .telecoms = ARENA_ARRAY(a, MPI_REPETITIONS_MAX, struct mpi_telecom),
    };
    read_names(a, person, out);
    read_contacts(a, person, out);
    read_contacts(a, patient, out);
    read_mother(a, person, out);
    read_ssn(person, out);
    TRY(check_date(rq, person, "birthTime", out->birth_date));
    return check_date(rq, person, "deceasedTime", out->deceased_at);
}

/* --- writing --------------------------------------------------------------------------------- */

static void leaf(struct xml_writer *w, const char *name, struct str text)
{
    if (text.n > 0)
        xml_leaf(w, name, text);
}

static void value(struct xml_writer *w, const char *name, const char *attribute, struct str v)
{
    if (v.n > 0)
        hl7v3_leaf(w, name, attribute, v);
}

static void write_name(struct xml_writer *w, const struct mpi_name *n)
{
    bool birth = str_eq(n->type, STR("M")) || str_eq(n->type, STR("B"));
    struct str use = v3_code(NAME_USES, n->type);

    xml_begin(w, "name");
    if (use.n > 0)
        xml_attribute(w, "use", use);
    leaf(w, "prefix", n->prefix);
    if (n->family.n > 0) {
        xml_begin(w, "family");
        if (birth)
            xml_attribute(w, "qualifier", STR("BR"));
        xml_content(w, n->family);
        xml_end(w, "family");
    }
    leaf(w, "given", n->given);
    leaf(w, "given", n->middle);
    leaf(w, "suffix", n->suffix);
    xml_end(w, "name");
}

static void write_telecom(struct xml_writer *w, const struct mpi_telecom *t)
{
    struct str use = v3_code(TELECOM_USES, t->use);
    char text[600];
    bool mail = str_find(t->value, '@') >= 0, fax = str_eq(t->equipment, STR("FX"));
    int n = snprintf(text, sizeof(text), "%s:%.*s",
                     mail  ? "mailto"
                     : fax ? "fax"
                           : "tel",
                     STR_ARG(t->value));

    if (n < 0 || (size_t)n >= sizeof(text))
        return;
    xml_begin(w, "telecom");
    xml_attribute(w, "value", str_of(text, (size_t)n));
    if (use.n > 0)
        xml_attribute(w, "use", use);
    xml_end(w, "telecom");
}

static void write_address(struct xml_writer *w, const struct mpi_address *x)
{
    struct str use = v3_code(ADDRESS_USES, x->type);

    xml_begin(w, "addr");
    if (use.n > 0)
        xml_attribute(w, "use", use);
    leaf(w, "streetAddressLine", x->street);
    leaf(w, "streetAddressLine", x->other);
    leaf(w, "city", x->city);
    leaf(w, "state", x->state);
    leaf(w, "postalCode", x->postcode);
    leaf(w, "county", x->county);
    leaf(w, "country", x->country);
    xml_end(w, "addr");
}

static void write_mother(struct xml_writer *w, const struct mpi_demographics *d)
{
    const struct mpi_name name = {.family = d->mother_family, .given = d->mother_given};

    if (name.family.n == 0 && name.given.n == 0)
        return;
    xml_begin(w, "personalRelationship");
    xml_attribute(w, "classCode", STR("PRS"));
    xml_begin(w, "code");
    xml_attribute(w, "code", STR("MTH"));
    xml_attribute(w, "codeSystem", STR("2.16.840.1.113883.5.111"));
    xml_end(w, "code");
    xml_begin(w, "relationshipHolder1");
    xml_attribute(w, "classCode", STR("PSN"));
    xml_attribute(w, "determinerCode", STR("INSTANCE"));
    write_name(w, &name);
    xml_end(w, "relationshipHolder1");
    xml_end(w, "personalRelationship");
}

static struct str truth(struct str yes)
{
    if (yes.n == 0)
        return STR_NONE;
    return str_eq(yes, STR("Y")) ? STR("true") : STR("false");
}

static bool is_number(struct str s)
{
    uint64_t n;

    return str_to_u64(s, &n);
}

void v3_person_write(struct xml_writer *w, const struct mpi_demographics *d)
{
    xml_begin(w, "patientPerson");
    xml_attribute(w, "classCode", STR("PSN"));
    xml_attribute(w, "determinerCode", STR("INSTANCE"));
    for (size_t i = 0; i < d->name_count; i++)
        write_name(w, &d->names[i]);
    if (d->name_count == 0)
        hl7v3_leaf(w, "name", "nullFlavor", STR("UNK"));
    for (size_t i = 0; i < d->telecom_count; i++)
        write_telecom(w, &d->telecoms[i]);
    value(w, "administrativeGenderCode", "code", v3_code(SEXES, d->sex));
    value(w, "birthTime", "value", d->birth_date);
    value(w, "deceasedInd", "value", truth(d->deceased));
    value(w, "deceasedTime", "value", d->deceased_at);
    value(w, "multipleBirthInd", "value", truth(d->multiple_birth));
    value(w, "multipleBirthOrderNumber", "value",
          is_number(d->birth_order) ? d->birth_order : STR_NONE);
    for (size_t i = 0; i < d->address_count; i++)
        write_address(w, &d->addresses[i]);
    write_mother(w, d);
    xml_end(w, "patientPerson");
}

void v3_match_write(struct xml_writer *w, double fit)
{
    char text[8];
    int n = snprintf(text, sizeof(text), "%.0f", fit * 100);

    xml_begin(w, "subjectOf1");
    xml_begin(w, "queryMatchObservation");
    xml_attribute(w, "classCode", STR("COND"));
    xml_attribute(w, "moodCode", STR("EVN"));
    hl7v3_leaf(w, "code", "code", STR("IHE_PDQ"));
    xml_begin(w, "value");
    xml_attribute(w, "xmlns:xsi", STR("http://www.w3.org/2001/XMLSchema-instance"));
    xml_attribute(w, "xsi:type", STR("INT"));
    xml_attribute(w, "value", str_of(text, (size_t)n));
    xml_end(w, "value");
    xml_end(w, "queryMatchObservation");
    xml_end(w, "subjectOf1");
}
