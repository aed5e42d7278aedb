#include "gateway/pdq_v3.h"

#include "gateway/v3_person.h"

#define SSN_ROOT "2.16.840.1.113883.4.1"
#define AT       "/" PDQ_V3_QUESTION "/controlActProcess/queryByParameter"

/* One value of one parameter. */
struct reading {
    struct request *rq;
    struct pdq_v3 *out;
    const char *parameter;
    const xmlNode *value;
};

static enum status refuse(struct reading *r, const char *code, const char *words)
{
    return fail_at(r->rq->err, str_printf(r->rq->arena, AT "/parameterList/%s/value", r->parameter),
                   INVALID, code, "%s: %s", r->parameter, words);
}

/* A second value of what may be asked once would be another query. */
static enum status take_pattern(struct reading *r, struct str text, struct mpi_pattern *to)
{
    if (text.n == 0)
        return OK;
    if (to->text.n > 0 || to->open)
        return refuse(r, "102", "the hub searches by one value of each part");
    return mpi_pattern_read(r->rq->arena, text, to)
               ? OK
               : refuse(r, "102", "a star may only stand at the end");
}

static enum status take_sex(struct reading *r)
{
    struct str code = str_trim(xml_attr(r->value, "code")), sex = v3_sex_read(code);

    if (code.n == 0)
        return OK;
    if (sex.n == 0)
        return refuse(r, "103", "the code is one of AdministrativeGender: F, M, UN");
    r->out->query.criteria.sex = sex.p[0];
    return OK;
}

static enum status take_birth(struct reading *r)
{
    struct str date = str_trim(xml_attr(r->value, "value"));
    int64_t from, to;

    if (!clock_parse_dtm(date, &from, &to))
        return refuse(r, "102",
                      "a birth time has the form YYYY[MM[DD]]; intervals are not searched");
    r->out->query.criteria.birth_date = str_slice(date, 0, date.n < 8 ? date.n : 8);
    return OK;
}

static enum status take_number(struct reading *r, struct str text, struct str *out)
{
    return mpi_criteria_number(r->rq->arena, text, out)
               ? OK
               : refuse(r, "102", "a number of at least four digits is needed");
}

static enum status take_id(struct reading *r)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct hl7v3_ii ii = hl7v3_ii_read(r->value);
    struct identifier id;

    if (str_eq(ii.root, STR(SSN_ROOT)))
        return take_number(r, ii.extension, &c->ssn);
    switch (hl7v3_patient_id(r->rq, ii, &id)) {
    case PATIENT_ID_NONE:
        return refuse(r, "101", "an id needs a root and an extension");
    case PATIENT_ID_UNKNOWN:
        r->out->nobody = true;
        return OK;
    default:
        if (c->id_count == MPI_CRITERIA_IDS_MAX)
            return refuse(r, "102", "there are too many identifiers");
        if (c->id_count == 0)
            r->rq->patient = identifier_cx(r->rq->arena, id);
        c->ids[c->id_count++] = id;
        return OK;
    }
}

static enum status take_name(struct reading *r)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct mpi_name n = v3_name_read(r->rq->arena, r->value);

    TRY(take_pattern(r, n.family, &c->family));
    TRY(take_pattern(r, n.given, &c->given));
    return take_pattern(r, n.middle, &c->middle);
}

static enum status take_mother(struct reading *r)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct mpi_name n = v3_name_read(r->rq->arena, r->value);

    TRY(take_pattern(r, n.family, &c->mother_family));
    return take_pattern(r, n.given, &c->mother_given);
}

static enum status take_address(struct reading *r)
{
    struct mpi_criteria *c = &r->out->query.criteria;
    struct mpi_address x = v3_address_read(r->rq->arena, r->value);

    TRY(take_pattern(r, x.street, &c->street));
    TRY(take_pattern(r, x.city, &c->city));
    TRY(take_pattern(r, x.state, &c->state));
    TRY(take_pattern(r, x.postcode, &c->postcode));
    return take_pattern(r, x.country, &c->country);
}

static enum status take_telecom(struct reading *r)
{
    struct mpi_telecom t = v3_telecom_read(r->value);

    return take_number(r, t.value, &r->out->query.criteria.phone);
}

/* Each domain that nobody registered gets a detail of its own (3.47.4.2.3, case 3). */
static enum status take_domain(struct reading *r)
{
    struct pdq_query *q = &r->out->query;
    struct str oid = hl7v3_domain(r->rq, hl7v3_ii_read(r->value));

    if (oid.n == 0)
        return fail_at(r->rq->err, STR(AT "/parameterList/otherIDsScopingOrganization/value"),
                       NOT_FOUND, "204",
                       "A scoping organization is not a patient identification domain");
    if (q->domain_count == PIX_DOMAINS_MAX)
        return refuse(r, "102", "there are too many domains");
    q->domains[q->domain_count++] = oid;
    return OK;
}

struct parameter {
    const char *name;
    enum status (*take)(struct reading *r);
};

static const struct parameter PARAMETERS[] = {
    {"livingSubjectAdministrativeGender", take_sex},
    {"livingSubjectBirthTime", take_birth},
    {"livingSubjectId", take_id},
    {"livingSubjectName", take_name},
    {"mothersMaidenName", take_mother},
    {"otherIDsScopingOrganization", take_domain},
    {"patientAddress", take_address},
    {"patientTelecom", take_telecom},
};

/* As a community asks (3.55.4.1.2.4): the identifier is the patient's there. */
static enum status take_known_id(struct reading *r)
{
    struct hl7v3_ii ii = hl7v3_ii_read(r->value);

    return str_eq(ii.root, str_from(r->rq->config->xad_authority)) ? take_id(r) : OK;
}

static const struct parameter DISCOVERY[] = {
    {"livingSubjectAdministrativeGender", take_sex},
    {"livingSubjectBirthTime", take_birth},
    {"livingSubjectId", take_known_id},
    {"livingSubjectName", take_name},
    {"mothersMaidenName", take_mother},
    {"patientAddress", take_address},
    {"patientTelecom", take_telecom},
};

unsigned pdq_v3_told(const struct mpi_criteria *c)
{
    return (c->family.text.n > 0 && !c->family.open ? TOLD_NAME : 0u) |
           (c->birth_date.n == 8 ? TOLD_BIRTH : 0u) | (c->sex != 0 ? TOLD_SEX : 0u) |
           (c->street.text.n > 0 || c->city.text.n > 0 || c->postcode.text.n > 0 ? TOLD_ADDRESS
                                                                                 : 0u) |
           (c->phone.n > 0 ? TOLD_TELECOM : 0u) | (c->mother_family.text.n > 0 ? TOLD_MOTHER : 0u);
}

/* All values are read, so that each fault is told. */
static enum status take_parameter(struct reading *r, const xmlNode *n)
{
    enum status result = OK;

    for (size_t i = 0; i < sizeof(PARAMETERS) / sizeof(PARAMETERS[0]); i++) {
        if (!xml_is(n, NS_HL7V3, PARAMETERS[i].name))
            continue;
        r->parameter = PARAMETERS[i].name;
        XML_EACH(value, n, NS_HL7V3, "value")
        {
            enum status s;

            r->value = value;
            s = PARAMETERS[i].take(r);
            result = result == OK ? s : result;
        }
        return result;
    }
    r->parameter = (const char *)n->name;
    return xml_is(n, NS_HL7V3, "id")
               ? OK
               : refuse(r, "103", "the hub does not search by this parameter");
}

static enum status read_page(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out)
{
    struct str text = hl7v3_attr(m->query, "initialQuantity", "value");
    uint64_t n = 0;

    if (text.n == 0)
        return OK;
    if (!str_to_u64(text, &n) || n == 0)
        return fail_at(rq->err, STR(AT "/initialQuantity"), INVALID, "102",
                       "initialQuantity has to be a number of patients");
    out->query.page = n < 1000 ? (size_t)n : 1000;
    return OK;
}

/* The list of parameters. */
static enum status begin(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out,
                         const xmlNode **list)
{
    *list = xml_child(m->query, NS_HL7V3, "parameterList");
    *out = (struct pdq_v3){.query = {.id = hl7v3_ii_text(rq->arena, m->query_id)}};
    if (*list == NULL)
        return fail_at(rq->err, STR(AT), INVALID, "100",
                       "The message has no queryByParameter with a parameterList");
    if (out->query.id.n == 0 || out->query.id.n > PDQ_QUERY_ID_MAX)
        return fail_at(rq->err, STR(AT "/queryId"), INVALID, "101",
                       "The query has to have a queryId with a root");
    return OK;
}

enum status pdq_v3_read(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out)
{
    struct reading r = {.rq = rq, .out = out};
    enum status result = OK;
    const xmlNode *list;

    TRY(begin(rq, m, out, &list));
    TRY(read_page(rq, m, out));
    XML_EACH(n, list, NS_HL7V3, NULL)
    {
        enum status s = take_parameter(&r, n);

        result = result == OK ? s : result;
    }
    return result;
}

enum status pdq_v3_read_discovery(struct request *rq, const struct hl7v3 *m, struct pdq_v3 *out)
{
    struct reading r = {.rq = rq, .out = out};
    enum status result = OK;
    const xmlNode *list;

    TRY(begin(rq, m, out, &list));
    for (size_t i = 0; i < sizeof(DISCOVERY) / sizeof(DISCOVERY[0]); i++) {
        const xmlNode *n = xml_child(list, NS_HL7V3, DISCOVERY[i].name);
        enum status s;

        r.parameter = DISCOVERY[i].name;
        r.value = xml_child(n, NS_HL7V3, "value");
        if (r.value == NULL || xml_attr(r.value, "nullFlavor").n > 0)
            continue;
        s = DISCOVERY[i].take(&r);
        result = result == OK ? s : result;
    }
    return result;
}
