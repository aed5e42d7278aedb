#include "gateway/iti55.h"

#include "gateway/iti56.h"
#include "gateway/pdq_v3.h"
#include "gateway/v3_person.h"
#include "hub/outbox.h"

#define ANSWER     "PRPA_IN201306UV02"
#define ACTION     NS_HL7V3 ":" ANSWER ":CrossGatewayPatientDiscovery"
#define DEFERRED   NS_HL7V3 ":" ANSWER ":Deferred:CrossGatewayPatientDiscovery"
#define ISSUES     "2.16.840.1.113883.5.4"
#define WANTED     "1.3.6.1.4.1.19376.1.2.27.1"
#define MANAGEMENT "1.3.6.1.4.1.19376.1.2.27.3"

/* Somebody who fits less is somebody else. */
static const double FIT_LEAST = 0.7;

/* What may be told of somebody; how the operator, an agreement and the profile name it. */
static const struct {
    enum told told;
    const char *word;
    const char *wanted; /* a code of 3.55.4.2.2.7; NULL: every question has it */
} FACTS[] = {
    {TOLD_NAME, "name", NULL},
    {TOLD_BIRTH, "birth", NULL},
    {TOLD_SEX, "sex", "LivingSubjectAdministrativeGenderRequested"},
    {TOLD_ADDRESS, "address", "PatientAddressRequested"},
    {TOLD_TELECOM, "telecom", "PatientTelecomRequested"},
    {TOLD_MOTHER, "mother", "MothersMaidenNameRequested"},
};
enum { FACT_COUNT = sizeof(FACTS) / sizeof(FACTS[0]) };

/* --- what is wanted ----------------------------------------------------------------------------
 */

static unsigned fact_of(struct str word)
{
    for (size_t i = 0; i < FACT_COUNT; i++)
        if (str_eq(word, str_from(FACTS[i].word)))
            return FACTS[i].told;
    return 0;
}

enum status iti55_check(const struct config *config, struct errors *err)
{
    struct str rest = str_from(config->discovery_wants);

    while (rest.n > 0) {
        struct str word = str_cut(&rest, ' ');

        if (word.n > 0 && fact_of(word) == 0)
            return fail(err, INVALID, "discovery_wants",
                        "discovery_wants: '%.*s' is none of name, birth, sex, address, telecom, "
                        "mother",
                        STR_ARG(word));
    }
    return OK;
}

static unsigned wanted_always(const struct config *config)
{
    struct str rest = str_from(config->discovery_wants);
    unsigned facts = 0;

    while (rest.n > 0)
        facts |= fact_of(str_cut(&rest, ' '));
    return facts;
}

/* --- the decision ------------------------------------------------------------------------------
 */

struct decision {
    struct hl7v3 m;
    struct pdq_v3 question;
    struct pdq_answer found;
    unsigned wanted;     /* more is wanted: TOLD_... */
    const char *trouble; /* an error: a code of 3.55.4.2.2.8 */
};

static enum status refuse_pattern(struct request *rq)
{
    return fail_at(rq->err, STR("/PRPA_IN201305UV02/controlActProcess/queryByParameter"), INVALID,
                   "102", "A community asks about one person: names without a star");
}

/* Addresses and telephones change: they find and rank, but exclude nobody. */
static struct mpi_criteria lasting(const struct mpi_criteria *all)
{
    struct mpi_criteria c = *all;

    c.street = c.city = c.state = c.postcode = c.country = (struct mpi_pattern){STR_NONE, false};
    c.mother_family = c.mother_given = c.middle = (struct mpi_pattern){STR_NONE, false};
    c.phone = STR_NONE;
    return c;
}

/* Of several, those whose whole description fits, if there are any. */
static void narrow(struct request *rq, const struct mpi_criteria *all, struct pdq_answer *a)
{
    struct pdq_patient *kept = ARENA_ARRAY(rq->arena, a->count, struct pdq_patient);
    size_t n = 0;

    for (size_t i = 0; a->count > 1 && i < a->count; i++)
        if (mpi_criteria_fit(rq->arena, all, &a->patients[i].shown) >= FIT_LEAST)
            kept[n++] = a->patients[i];
    if (n == 0)
        return;
    a->patients = kept;
    a->count = n;
}

static bool has_xad(const struct request *rq, const struct pdq_patient *p)
{
    for (size_t i = 0; i < p->ids.count; i++)
        if (str_eq(p->ids.items[i].id.authority, str_from(rq->config->xad_authority)))
            return true;
    return false;
}

/* Who has no identifier by which the community could ask on is of no use to it. */
static void keep_known(struct request *rq, struct pdq_answer *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++)
        if (has_xad(rq, &a->patients[i]))
            a->patients[n++] = a->patients[i];
    a->count = n;
}

/* Too many, or not all looked at: what was not told would tell them apart. */
static void ask_for_more(struct decision *d, unsigned told)
{
    d->found.count = 0;
    d->wanted = (TOLD_SEX | TOLD_ADDRESS | TOLD_TELECOM | TOLD_MOTHER) & ~told;
    if (d->wanted == 0)
        d->trouble = "AnswerNotAvailable";
}

static enum status decide(struct request *rq, struct decision *d)
{
    const struct mpi_criteria *all = &d->question.query.criteria;
    struct mpi_criteria c = lasting(all);
    unsigned told = pdq_v3_told(all);
    bool more = false;

    if (all->family.open || all->given.open)
        return refuse_pattern(rq);
    if (d->question.nobody)
        return OK;
    if (all->id_count == 0) {
        d->wanted = wanted_always(rq->config) & ~told;
        if (d->wanted & (TOLD_NAME | TOLD_BIRTH))
            return fail_at(rq->err,
                           STR("/PRPA_IN201305UV02/controlActProcess/queryByParameter/"
                               "parameterList"),
                           INVALID, "101",
                           "Somebody's family name and whole date of birth have to be told");
        if (d->wanted != 0)
            return OK;
    }
    if (!mpi_criteria_enough(&c)) {
        d->wanted = (TOLD_ADDRESS | TOLD_TELECOM) & ~told;
        return OK;
    }
    TRY(pdq_match(rq, &c, FIT_LEAST, &d->found, &more));
    keep_known(rq, &d->found);
    narrow(rq, all, &d->found);
    if (d->found.count > (size_t)rq->config->discovery_matches || (more && d->found.count > 1))
        ask_for_more(d, told);
    return OK;
}

/* --- the answer --------------------------------------------------------------------------------
 */

/* No more than the agreement allows. */
static struct mpi_demographics allowed(const struct request *rq, const struct mpi_demographics *all)
{
    struct str tells = rq->principal.member->tells;
    struct mpi_demographics d = {
        .names = all->names,
        .name_count = all->name_count,
        .sex = all->sex,
        .birth_date = all->birth_date,
    };

    if (member_list_has(tells, STR("address"))) {
        d.addresses = all->addresses;
        d.address_count = all->address_count;
    }
    if (member_list_has(tells, STR("telecom"))) {
        d.telecoms = all->telecoms;
        d.telecom_count = all->telecom_count;
    }
    if (member_list_has(tells, STR("mother"))) {
        d.mother_family = all->mother_family;
        d.mother_given = all->mother_given;
    }
    return d;
}

static struct identifier xad_of(const struct request *rq, const struct pdq_patient *p)
{
    for (size_t i = 0; i < p->ids.count; i++)
        if (str_eq(p->ids.items[i].id.authority, str_from(rq->config->xad_authority)))
            return p->ids.items[i].id;
    return (struct identifier){STR_NONE, STR_NONE};
}

/* 3.55.4.2.2.5 */
static struct str locator(const struct request *rq)
{
    return rq->config->health_data_locator ? STR("SupportsHealthDataLocator")
                                           : STR("NotHealthDataLocator");
}

static void write_match(struct request *rq, struct xml_writer *w, const struct pdq_patient *p)
{
    struct mpi_demographics d = allowed(rq, &p->shown);
    struct identifier id = xad_of(rq, p);

    hl7v3_event_begin(w);
    xml_begin(w, "patient");
    xml_attribute(w, "classCode", STR("PAT"));
    hl7v3_ii_write(w, "id", (struct hl7v3_ii){id.authority, id.id});
    hl7v3_leaf(w, "statusCode", "code", STR("active"));
    v3_person_write(w, &d);
    v3_match_write(w, p->fit);
    xml_end(w, "patient");
    hl7v3_event_end(rq, w, locator(rq));
}

static void write_code(struct xml_writer *w, const char *code, const char *system)
{
    xml_begin(w, "code");
    xml_attribute(w, "code", str_from(code));
    xml_attribute(w, "codeSystem", str_from(system));
    xml_end(w, "code");
}

static void write_class(struct xml_writer *w, const char *element, const char *class,
                        const char *mood)
{
    xml_begin(w, element);
    xml_attribute(w, "classCode", str_from(class));
    xml_attribute(w, "moodCode", str_from(mood));
}

static void write_wanted(struct xml_writer *w, unsigned wanted)
{
    for (size_t i = 0; i < FACT_COUNT; i++) {
        if ((wanted & FACTS[i].told) == 0 || FACTS[i].wanted == NULL)
            continue;
        xml_begin(w, "triggerFor");
        xml_attribute(w, "typeCode", STR("TRIG"));
        write_class(w, "actOrderRequired", "ACT", "RQO");
        write_code(w, FACTS[i].wanted, WANTED);
        xml_end(w, "actOrderRequired");
        xml_end(w, "triggerFor");
    }
}

static void write_trouble(struct xml_writer *w, const char *trouble)
{
    xml_begin(w, "mitigatedBy");
    xml_attribute(w, "typeCode", STR("MITGT"));
    write_class(w, "detectedIssueManagement", "ACT", "EVN");
    write_code(w, trouble, MANAGEMENT);
    xml_end(w, "detectedIssueManagement");
    xml_end(w, "mitigatedBy");
}

/* 3.55.4.2.2.7 and 8: what is wanted, or why there is no answer. */
static void write_issue(struct xml_writer *w, const struct decision *d)
{
    if (d->wanted == 0 && d->trouble == NULL)
        return;
    xml_begin(w, "reasonOf");
    xml_attribute(w, "typeCode", STR("RSON"));
    write_class(w, "detectedIssueEvent", "ALRT", "EVN");
    write_code(w, "ActAdministrativeDetectedIssueCode", ISSUES);
    if (d->trouble != NULL)
        write_trouble(w, d->trouble);
    else
        write_wanted(w, d->wanted);
    xml_end(w, "detectedIssueEvent");
    xml_end(w, "reasonOf");
}

static void write_answer(struct request *rq, struct xml_writer *w, const struct decision *d)
{
    const char *code = d->trouble != NULL                     ? "AE"
                       : d->found.count > 0 || d->wanted != 0 ? "OK"
                                                              : "NF";

    hl7v3_answer_wrap(rq, w, &d->m, ANSWER, d->trouble != NULL ? "AE" : "AA");
    hl7v3_act_begin(w, "PRPA_TE201306UV02");
    for (size_t i = 0; i < d->found.count; i++)
        write_match(rq, w, &d->found.patients[i]);
    write_issue(w, d);
    hl7v3_query_ack_write(w, &d->m, code, NULL);
    if (xml_is(d->m.query, NS_HL7V3, "queryByParameter"))
        hl7v3_copy(rq->arena, w, d->m.query);
    hl7v3_act_end(w);
    xml_end(w, ANSWER);
}

/* For how long the community may keep it (3.55.4.2.2.6). */
static struct str time_to_live(struct request *rq, const struct decision *d)
{
    if (rq->config->discovery_days == 0 || d->found.count != 1)
        return STR_NONE;
    return str_printf(rq->arena,
                      "<xcpd:CorrelationTimeToLive xmlns:xcpd=\"urn:ihe:iti:xcpd:2009\">P%lldD"
                      "</xcpd:CorrelationTimeToLive>",
                      (long long)rq->config->discovery_days);
}

static enum status answer(struct request *rq, const struct decision *d, struct reply *rp)
{
    struct soap_answer soap;
    struct xml_writer *w;

    rq->message.soap->answer_block = time_to_live(rq, d);
    w = soap_answer_begin(rq, &soap, ACTION);
    write_answer(rq, w, d);
    return soap_answer_end(&soap, rp);
}

/* --- audit -------------------------------------------------------------------------------------
 */

/* A row for each patient who is told of; one without a patient when nobody is (3.55.5.1.2). */
static void audit(struct request *rq, const struct decision *d)
{
    for (size_t i = 0; i == 0 || i < d->found.count; i++) {
        struct audit_row *row = audit_add(rq->arena, &rq->audit);

        row->objects = rq->about;
        if (i == d->found.count) {
            row->description = d->trouble != NULL ? STR("Too many answer to this")
                               : d->wanted != 0   ? STR("More has to be told")
                                                  : STR_NONE;
            return;
        }
        row->patient = identifier_cx(rq->arena, xad_of(rq, &d->found.patients[i]));
        row->pkey = d->found.patients[i].person.pkey;
        row->person_id = d->found.patients[i].person.person_id;
    }
}

/* --- the handlers ------------------------------------------------------------------------------
 */

static enum status judge(struct request *rq, struct decision *d)
{
    TRY(hl7v3_read(rq, PDQ_V3_QUESTION, &d->m));
    request_about(rq, "query", hl7v3_ii_text(rq->arena, d->m.query_id),
                  xml_copy_text(rq->arena, d->m.query));
    rq->about->home = str_printf(rq->arena, "urn:oid:%s", rq->config->home_community_id);
    TRY(pdq_v3_read_discovery(rq, &d->m, &d->question));
    TRY(decide(rq, d));
    audit(rq, d);
    return OK;
}

/* Table 3.55.4.1.2.2-1: D is answered later, and has an action of its own (3.55.6.1). */
static enum status check_priority(struct request *rq)
{
    const struct hl7v3 m = hl7v3_look(rq);
    const xmlNode *act = m.root != NULL ? xml_child(m.root, NS_HL7V3, "controlActProcess") : NULL;
    const xmlNode *query = act != NULL ? xml_child(act, NS_HL7V3, "queryByParameter") : NULL;

    if (!str_eq(hl7v3_attr(query, "responsePriorityCode", "code"), STR("D")))
        return OK;
    return fail_at(
        rq->err, STR("/PRPA_IN201305UV02/controlActProcess/queryByParameter/responsePriorityCode"),
        INVALID, "102",
        "This action is answered at once; a deferred answer is asked for with the action "
        "PRPA_IN201305UV02:Deferred:CrossGatewayPatientDiscovery");
}

static enum status discover(struct request *rq, struct reply *rp)
{
    struct decision *d = ARENA_NEW(rq->arena, struct decision);

    TRY(check_priority(rq));
    TRY(judge(rq, d));
    return answer(rq, d, rp);
}

static enum status failure(struct request *rq, struct reply *rp)
{
    struct decision *d = ARENA_NEW(rq->arena, struct decision);
    enum status s = rq->err->status;

    d->m = hl7v3_look(rq);
    d->trouble = s == BUSY || s == TIMED_OUT || s == CONFLICT ? "ResponderBusy"
                 : s == UPSTREAM || s == INTERNAL             ? "InternalError"
                                                              : "AnswerNotAvailable";
    return answer(rq, d, rp);
}

/* --- deferred ----------------------------------------------------------------------------------
 */

/* Where the answer is wanted: one of the addresses that the community has registered. */
static enum status read_respond_to(struct request *rq, const struct hl7v3 *m, struct str *out)
{
    const struct member *member = rq->principal.member;
    struct str address = hl7v3_attr(xml_child(m->root, NS_HL7V3, "respondTo"), "telecom", "value");

    for (size_t i = 0; i < member->reply_to_count; i++)
        if (str_eq(address, member->reply_to[i])) {
            *out = address;
            return OK;
        }
    return fail_at(rq->err, STR("/PRPA_IN201305UV02/respondTo/telecom"), INVALID, "101",
                   "A deferred answer goes to an address that is registered for the community; "
                   "the operator of the hub registers it");
}

/* Who never takes its answers must not fill the hub's disks: it may ask for them at once. */
static enum status check_room(struct request *rq, const struct outbox_destination *to)
{
    bool full;

    TRY(outbox_is_full(rq, to, &full));
    if (!full)
        return OK;
    return fail_at(rq->err, STR("/PRPA_IN201305UV02/respondTo/telecom"), INVALID, "101",
                   "As many answers wait for this address, or could not be delivered there, as "
                   "are kept: take them first, or ask without deferring");
}

/* The deferred response option (3.55.4.1.2.5): the message is acknowledged now, and answered by a
 * message of the hub's own, which the outbox delivers. */
static enum status defer(struct request *rq, struct reply *rp)
{
    struct decision *d = ARENA_NEW(rq->arena, struct decision);
    struct outbox_destination to = {"soap", rq->principal.member->id, STR_NONE};
    struct strbuf b = strbuf_on(rq->arena, 8192);
    struct xml_writer w;

    TRY(judge(rq, d));
    TRY(read_respond_to(rq, &d->m, &to.address));
    TRY(check_room(rq, &to));
    strbuf_lit(&b, "application/soap+xml; charset=UTF-8\n");
    w = xml_writer_on(&b);
    soap_message_begin(&w, &(struct soap_addressing){
                               .action = STR(DEFERRED),
                               .message_id = uuid_urn(rq->arena, uuid_v4()),
                               .to = to.address,
                               .relates_to = rq->message.soap->message_id,
                           });
    write_answer(rq, &w, d);
    outbox_put(rq, &to, "ITI-55", soap_message_end(&w));
    return hl7v3_acknowledge(rq, &d->m, "AA", rp);
}

static enum status defer_failure(struct request *rq, struct reply *rp)
{
    struct hl7v3 m = hl7v3_look(rq);

    return hl7v3_acknowledge(rq, &m, "AE", rp);
}

const struct transaction iti55_transactions[] = {
    {
        .name = "ITI-55",
        .action = NS_HL7V3 ":" PDQ_V3_QUESTION ":CrossGatewayPatientDiscovery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = discover,
        .render_failure = failure,
        .door = DISCLOSES("that a patient is known here, and demographics, to another community"),
    },
    {
        .name = "ITI-55",
        .action = NS_HL7V3 ":" PDQ_V3_QUESTION ":Deferred:CrossGatewayPatientDiscovery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = defer,
        .render_failure = defer_failure,
        .door = DISCLOSES("the same, by the outbox"),
    },
    {
        .name = "ITI-56",
        .action = "urn:ihe:iti:2009:PatientLocationQuery",
        .isolation = REPEATABLE_READ,
        .audit = {"110112", 'E'},
        .handle = iti56_locate,
        .door = DISCLOSES("where else a patient is known, to another community"),
    },
    {.name = NULL},
};
