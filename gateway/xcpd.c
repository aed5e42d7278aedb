#include "gateway/xcpd.h"

#include <string.h>

#include "gateway/pdq.h"
#include "gateway/v3_person.h"
#include "hub/base/json_text.h"
#include "hub/base/oid.h"
#include "hub/principal.h"
#include "mpi/store.h"

#define QUESTION "PRPA_IN201305UV02"
#define ANSWER   "PRPA_IN201306UV02"
#define ACTION   NS_HL7V3 ":" QUESTION ":CrossGatewayPatientDiscovery"
#define NS_XCPD  "urn:ihe:iti:xcpd:2009"

enum {
    ANSWER_MAX = 4 << 20,
    MATCHES_MAX = 20, /* of one answer; more is as good as nobody */
    LIST_MAX = 4,     /* addresses and telephones that are told */
    DAYS_MOST = 366,  /* of a correlation, whatever the community says */
    ID_MAX = 256,     /* bytes of a patient's identifier: it is a key of the database */
};

/* A match must say the same name and date of birth, or nearly: as mpi_criteria_fit counts. */
static const double FIT_SURE = 0.7;

/* --- the question ------------------------------------------------------------------------------
 */

static void begin_parameter(struct xml_writer *w, const char *name)
{
    xml_begin(w, name);
}

static void end_parameter(struct xml_writer *w, const char *name, const char *semantics)
{
    xml_leaf(w, "semanticsText", str_from(semantics));
    xml_end(w, name);
}

static void write_value(struct xml_writer *w, const char *parameter, const char *semantics,
                        const char *attribute, struct str value)
{
    if (value.n == 0)
        return;
    begin_parameter(w, parameter);
    hl7v3_leaf(w, "value", attribute, value);
    end_parameter(w, parameter, semantics);
}

static void write_part(struct xml_writer *w, const char *name, struct str text)
{
    if (text.n > 0)
        xml_leaf(w, name, text);
}

/* AdministrativeGender; HL7 table 0001 has O where v3 has UN. */
static struct str v3_sex(struct str sex)
{
    if (str_eq(sex, STR("O")))
        return STR("UN");
    return str_eq(sex, STR("M")) || str_eq(sex, STR("F")) ? sex : STR_NONE;
}

static void write_name(struct xml_writer *w, const struct mpi_demographics *d)
{
    const struct mpi_name *n = mpi_demographics_name(d);

    if (n == NULL || n->family.n == 0)
        return;
    begin_parameter(w, "livingSubjectName");
    xml_begin(w, "value");
    write_part(w, "given", n->given);
    write_part(w, "given", n->middle);
    write_part(w, "family", n->family);
    xml_end(w, "value");
    end_parameter(w, "livingSubjectName", "LivingSubject.name");
}

/* There shall be one patientAddress, and one patientTelecom, whose values are combined with OR
 * (Table 3.55.4.1.2.2-1). */
static void write_addresses(struct xml_writer *w, const struct mpi_demographics *d)
{
    if (d->address_count == 0)
        return;
    begin_parameter(w, "patientAddress");
    for (size_t i = 0; i < d->address_count && i < LIST_MAX; i++) {
        const struct mpi_address *a = &d->addresses[i];

        xml_begin(w, "value");
        write_part(w, "streetAddressLine", a->street);
        write_part(w, "city", a->city);
        write_part(w, "state", a->state);
        write_part(w, "postalCode", a->postcode);
        write_part(w, "country", a->country);
        xml_end(w, "value");
    }
    end_parameter(w, "patientAddress", "Patient.addr");
}

static bool is_telephone(const struct mpi_telecom *t)
{
    return t->value.n > 0 && str_find(t->value, '@') < 0;
}

static void write_telecoms(struct arena *a, struct xml_writer *w, const struct mpi_demographics *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->telecom_count && n < LIST_MAX; i++) {
        if (!is_telephone(&d->telecoms[i]))
            continue;
        if (n++ == 0)
            begin_parameter(w, "patientTelecom");
        hl7v3_leaf(w, "value", "value", str_printf(a, "tel:%.*s", STR_ARG(d->telecoms[i].value)));
    }
    if (n > 0)
        end_parameter(w, "patientTelecom", "Patient.telecom");
}

/* In the order of PRPA_MT201306UV02.ParameterList. */
static void write_parameters(struct request *rq, struct xml_writer *w,
                             const struct mpi_demographics *d, struct str xad_pid)
{
    xml_begin(w, "parameterList");
    write_value(w, "livingSubjectAdministrativeGender", "LivingSubject.administrativeGender",
                "code", v3_sex(d->sex));
    write_value(w, "livingSubjectBirthTime", "LivingSubject.birthTime", "value",
                str_slice(d->birth_date, 0, 8));
    begin_parameter(w, "livingSubjectId");
    hl7v3_ii_write(w, "value", (struct hl7v3_ii){str_from(rq->config->xad_authority), xad_pid});
    end_parameter(w, "livingSubjectId", "LivingSubject.id");
    write_name(w, d);
    write_addresses(w, d);
    write_telecoms(rq->arena, w, d);
    xml_end(w, "parameterList");
}

/* By whose identifier the community may ask back (3.55.4.1.2.4): of which authority. */
static void write_author(struct request *rq, struct xml_writer *w)
{
    xml_begin(w, "authorOrPerformer");
    xml_attribute(w, "typeCode", STR("AUT"));
    xml_begin(w, "assignedDevice");
    xml_attribute(w, "classCode", STR("ASSIGNED"));
    hl7v3_leaf(w, "id", "root", str_from(rq->config->xad_authority));
    xml_end(w, "assignedDevice");
    xml_end(w, "authorOrPerformer");
}

static void write_query(struct request *rq, struct xml_writer *w, const struct mpi_demographics *d,
                        struct str xad_pid)
{
    hl7v3_act_begin(w, "PRPA_TE201305UV02");
    write_author(rq, w);
    xml_begin(w, "queryByParameter");
    hl7v3_ii_write(w, "queryId",
                   (struct hl7v3_ii){str_from(rq->config->home_community_id), request_id(rq)});
    hl7v3_leaf(w, "statusCode", "code", STR("new"));
    hl7v3_leaf(w, "responseModalityCode", "code", STR("R"));
    hl7v3_leaf(w, "responsePriorityCode", "code", STR("I"));
    write_parameters(rq, w, d, xad_pid);
    xml_end(w, "queryByParameter");
    hl7v3_act_end(w);
}

static struct str question_text(struct request *rq, const struct partner *p,
                                const struct mpi_demographics *d, struct str xad_pid)
{
    const struct hl7v3_wrapper wrapper = {
        .interaction = QUESTION,
        .id = {uuid_text(rq->arena, uuid_v4()), STR_NONE},
        .receiver = {p->home, STR_NONE},
        .community = str_from(rq->config->home_community_id),
        .accept = "AL",
    };
    struct strbuf b = strbuf_on(rq->arena, 4096);
    struct xml_writer w = xml_writer_on(&b);

    hl7v3_wrapper_begin(rq, &w, &wrapper);
    write_query(rq, &w, d, xad_pid);
    xml_end(&w, QUESTION);
    return strbuf_str(&b);
}

struct question xcpd_question(struct request *rq, const struct partner *p,
                              const struct mpi_demographics *told, struct str xad_pid)
{
    return (struct question){
        .partner = p,
        .action = ACTION,
        .url = p->discovery_url,
        .body = question_text(rq, p, told, xad_pid),
        .max_answer = ANSWER_MAX,
    };
}

/* --- whom to ask, and what may be told ---------------------------------------------------------
 */

/* What this community may see of the person, as a member that asks for the same purpose. */
static bool may_be_told(struct request *rq, const struct partner *p,
                        const struct mpi_found_person *found,
                        const struct consent_policies *policies, struct mpi_demographics *out)
{
    const struct principal asker = rq->principal;
    struct identity_seen seen = {0};
    bool known = principal_of_addressee(rq, p->member_id) == OK;

    rq->principal.purpose = asker.purpose;
    if (known)
        identity_gate_person(rq, found, policies, &seen);
    if (known && seen.record_count > 0)
        *out = pdq_shown(rq, &seen);
    rq->principal = asker;
    return known && seen.record_count > 0 && mpi_demographics_name(out) != NULL;
}

static void audit_question(struct request *rq, const struct discoveries *d,
                           const struct question *q)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->transaction = "ITI-55";
    row->initiator = true;
    row->partner = q->url;
    row->pkey = d->person.pkey;
    row->person_id = d->person.person_id;
    row->patient = rq->patient;
    audit_object_add(rq->arena, row, "query", request_id(rq), q->body);
    row->objects->home = partner_home_urn(rq->arena, q->partner);
}

static void add_question(struct request *rq, struct discoveries *d, const struct partner *p,
                         const struct mpi_demographics *told, struct str xad_pid)
{
    struct discovery *v = &d->v[d->n];

    *v = (struct discovery){.told = *told};
    v->question = xcpd_question(rq, p, told, xad_pid);
    d->calls[d->n++] = question_call(rq, &v->question);
    audit_question(rq, d, &v->question);
}

enum status xcpd_prepare(struct request *rq, const struct person *person,
                         const struct partner *const *partners, size_t count,
                         struct discoveries *out)
{
    struct consent_policies policies;
    struct mpi_demographics told;
    struct mpi_found found;

    *out = (struct discoveries){.person = person->ref};
    if (person->ref.person_id == 0 || person->place_count == 0)
        return OK;
    out->place = person->places[0];
    out->v = ARENA_ARRAY(rq->arena, count, struct discovery);
    out->calls = ARENA_ARRAY(rq->arena, count, struct call);
    TRY(mpi_find_people(rq, &person->ref, 1, &found));
    if (found.count != 1)
        return OK;
    TRY(pdq_policies(rq, &found, &policies));
    for (size_t i = 0; i < count; i++)
        if (may_be_told(rq, partners[i], &found.people[0], &policies, &told))
            add_question(rq, out, partners[i], &told, person->xad_pid);
    return OK;
}

/* --- the answer --------------------------------------------------------------------------------
 */

/* A number before its letter; *rest moves behind it. */
static bool cut_number(struct str *rest, uint64_t *n, char *unit)
{
    size_t i = 0;

    while (i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9')
        i++;
    if (i == 0 || i > 9 || i == rest->n || !str_to_u64(str_slice(*rest, 0, i), n))
        return false;
    *unit = rest->p[i];
    *rest = str_slice(*rest, i + 1, rest->n);
    return true;
}

static int64_t seconds_of(char unit, bool is_time)
{
    static const struct {
        char unit;
        bool is_time;
        int64_t seconds;
    } units[] = {
        {'Y', false, 365 * 86400},
        {'M', false, 30 * 86400},
        {'W', false, 7 * 86400},
        {'D', false, 86400},
        {'H', true, 3600},
        {'M', true, 60},
        {'S', true, 1},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].unit == unit && units[i].is_time == is_time)
            return units[i].seconds;
    return -1;
}

int64_t xcpd_duration(struct str text)
{
    struct str rest = str_trim(text);
    int64_t total = 0, most = (int64_t)DAYS_MOST * 86400;
    bool is_time = false;

    if (rest.n < 3 || rest.p[0] != 'P')
        return 0;
    for (rest = str_slice(rest, 1, rest.n); rest.n > 0;) {
        uint64_t n;
        char unit;
        int64_t each;

        if (rest.p[0] == 'T' && !is_time) {
            is_time = true;
            rest = str_slice(rest, 1, rest.n);
            continue;
        }
        if (!cut_number(&rest, &n, &unit) || (each = seconds_of(unit, is_time)) < 0)
            return 0;
        total += (int64_t)n * each;
        if (total > most)
            total = most;
    }
    return total * US_PER_SECOND;
}

static enum status bad(struct request *rq, const struct partner *p, struct errors *err,
                       const char *words)
{
    return fail_at(err, partner_home_urn(rq->arena, p), UPSTREAM, "XDSUnavailableCommunity",
                   "community %.*s (urn:oid:%.*s): %s", STR_ARG(p->name), STR_ARG(p->home), words);
}

/* 3.55.4.2.2: custodian/assignedEntity/id names the home of what is told, which may lie behind the
 * community that was asked; only its own is used here. */
static bool is_its_own(const struct partner *p, const xmlNode *event)
{
    const xmlNode *entity =
        xml_child(xml_child(event, NS_HL7V3, "custodian"), NS_HL7V3, "assignedEntity");
    struct str root = hl7v3_attr(entity, "id", "root");

    if (root.n == 0)
        return PARTNER_TAKES(p, NO_HOME);
    root = oid_strip_urn(root);
    return str_eq(root, p->home) || (PARTNER_TAKES(p, OTHER_HOME) && str_eq(root, p->other_home));
}

static double confidence_of(const xmlNode *patient)
{
    const xmlNode *subject = xml_child(patient, NS_HL7V3, "subjectOf1");
    const xmlNode *match = xml_child(subject, NS_HL7V3, "queryMatchObservation");
    struct str value = hl7v3_attr(match, "value", "value");
    uint64_t n;

    return str_to_u64(value, &n) && n <= 100 ? (double)n : -1;
}

static bool read_match(struct request *rq, const xmlNode *event, struct xcpd_match *out)
{
    const xmlNode *patient = xml_child(xml_child(event, NS_HL7V3, "subject1"), NS_HL7V3, "patient");
    struct hl7v3_ii id = hl7v3_ii_read(xml_child(patient, NS_HL7V3, "id"));
    struct errors *whole = rq->err, mine;
    enum status s;

    *out = (struct xcpd_match){.patient = {oid_strip_urn(id.root), id.extension}};
    if (patient == NULL || !oid_valid(out->patient.authority) || out->patient.id.n == 0 ||
        out->patient.id.n > ID_MAX)
        return false;
    errors_init(&mine, rq->arena);
    rq->err = &mine;
    s = v3_person_read(rq, patient, &out->said);
    rq->err = whole;
    out->confidence = confidence_of(patient);
    return s == OK;
}

static enum status read_events(struct request *rq, const struct partner *p, const xmlNode *act,
                               struct xcpd_answer *out, struct errors *err)
{
    out->v = ARENA_ARRAY(rq->arena, xml_count(act, NS_HL7V3, "subject"), struct xcpd_match);
    XML_EACH(subject, act, NS_HL7V3, "subject")
    {
        const xmlNode *event = xml_child(subject, NS_HL7V3, "registrationEvent");

        if (event == NULL)
            continue;
        if (!is_its_own(p, event))
            return bad(rq, p, err,
                       "a match of its answer is credited to another home community; the answer is "
                       "not used");
        if (!read_match(rq, event, &out->v[out->n]))
            return bad(rq, p, err, "a match of its answer cannot be read");
        out->n++;
    }
    return OK;
}

/* The five cases of 3.55.4.2.3: matches; no match (NF); more is wanted (OK without events); and two
 * kinds of errors, which name no patient. */
enum status xcpd_answer_read(struct request *rq, const struct partner *p,
                             const struct partner_answer *answer, struct xcpd_answer *out,
                             struct errors *err)
{
    const xmlNode *body = answer->body, *act, *ack;
    struct str code;

    *out = (struct xcpd_answer){0};
    if (body == NULL)
        return OK;
    if (!xml_is(body, NS_HL7V3, ANSWER))
        return bad(rq, p, err, "its answer is no " ANSWER);
    ack = xml_child(body, NS_HL7V3, "acknowledgement");
    act = xml_child(body, NS_HL7V3, "controlActProcess");
    code = hl7v3_attr(xml_child(act, NS_HL7V3, "queryAck"), "queryResponseCode", "code");
    if (!str_eq(hl7v3_attr(ack, "typeCode", "code"), STR("AA")) || str_eq(code, STR("AE")) ||
        str_eq(code, STR("QE")))
        return bad(rq, p, err, "it could not answer who the patient is there");
    if (xml_count(act, NS_HL7V3, "subject") > MATCHES_MAX)
        return bad(rq, p, err, "its answer names too many patients");
    out->time_to_live_us =
        xcpd_duration(xml_text_of(rq->arena, answer->header, NS_XCPD, "CorrelationTimeToLive"));
    return read_events(rq, p, act, out, err);
}

/* --- judgement ---------------------------------------------------------------------------------
 */

static struct mpi_criteria criteria_of(struct arena *a, const struct mpi_demographics *d)
{
    const struct mpi_name *n = mpi_demographics_name(d);
    struct mpi_criteria c = {.birth_date = str_slice(d->birth_date, 0, 8)};

    if (n != NULL && n->family.n > 0)
        (void)!mpi_pattern_read(a, n->family, &c.family);
    if (n != NULL && n->given.n > 0)
        (void)!mpi_pattern_read(a, n->given, &c.given);
    c.sex = d->sex.n > 0 ? d->sex.p[0] : 0;
    return c;
}

static void open_task(struct request *rq, const struct discoveries *d, const struct partner *p,
                      const char *why, size_t matches)
{
    struct strbuf b = strbuf_on(rq->arena, 256);

    strbuf_lit(&b, "{\"community\": ");
    json_text_add(&b, p->name);
    strbuf_lit(&b, ", \"reasons\": [");
    json_text_add(&b, str_from(why));
    strbuf_addf(&b, "], \"matches\": %zu}", matches);
    mpi_task_store(rq, &(struct mpi_task){
                           .kind = "foreign_match",
                           .place = d->place,
                           .person = d->person,
                           .detail = strbuf_str(&b),
                       });
}

static void unsure(struct request *rq, struct discoveries *d, struct discovery *v, const char *why,
                   size_t matches)
{
    v->end = DISCOVERY_UNSURE;
    open_task(rq, d, v->question.partner, why, matches);
}

/* A wrong match would show one patient another's documents: it must say who it is, and the same. */
static void judge(struct request *rq, struct discoveries *d, struct discovery *v,
                  const struct xcpd_answer *a)
{
    struct mpi_criteria c = criteria_of(rq->arena, &v->told);

    if (a->n == 0) {
        v->end = DISCOVERY_NOBODY;
    } else if (a->n > 1) {
        unsure(rq, d, v, "the community knows several patients like this", a->n);
    } else if (mpi_criteria_fit(rq->arena, &c, &a->v[0].said) < FIT_SURE) {
        unsure(rq, d, v, "who the community says it is differs in name, birth date or sex", 1);
    } else {
        v->end = DISCOVERY_FOUND;
        v->patient = a->v[0].patient;
    }
    v->expires_us = a->time_to_live_us > 0 ? rq->now_us + a->time_to_live_us : 0;
}

/* What it says for no time is good for this request; a task is opened once a day at most. */
static void keep(struct request *rq, const struct discoveries *d, const struct discovery *v)
{
    struct correlation c = {.community = v->question.partner->member_id,
                            .patient = v->patient,
                            .expires_us = v->expires_us};

    if (v->end == DISCOVERY_UNSURE)
        c.expires_us = rq->now_us + US_PER_DAY;
    if (v->end != DISCOVERY_FAILED && c.expires_us > 0)
        correlation_keep(rq, d->person, &c, !d->background);
}

static void conclude_one(struct request *rq, struct discoveries *d, size_t i)
{
    struct discovery *v = &d->v[i];
    const struct partner *p = v->question.partner;
    struct partner_answer answer;
    struct xcpd_answer said;
    struct errors mine;

    errors_init(&mine, rq->arena);
    v->patient = (struct identifier){STR_NONE, STR_NONE};
    v->expires_us = 0;
    if (partner_answer_read(rq->arena, p, &d->calls[i], v->question.message_id, &answer, &mine) !=
            OK ||
        xcpd_answer_read(rq, p, &answer, &said, &mine) != OK) {
        v->end = DISCOVERY_FAILED;
        v->failure = mine.first;
        return;
    }
    judge(rq, d, v, &said);
    keep(rq, d, v);
}

enum status xcpd_conclude(struct request *rq, struct discoveries *d)
{
    for (size_t i = 0; i < d->n; i++)
        conclude_one(rq, d, i);
    return d->n > 0 ? db_flush(rq->db) : OK;
}
