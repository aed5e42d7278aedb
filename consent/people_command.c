#include "consent/people_command.h"

#include "consent/consent_command.h"
#include "consent/people.h"
#include "consent/people_store.h"
#include "consent/purpose.h"
#include "hub/command/cli_print.h"

static enum status (*birth_date)(struct request *rq, struct person_ref person, int32_t *out);

void consent_set_birth_date(enum status (*birth)(struct request *rq, struct person_ref person,
                                                 int32_t *out))
{
    birth_date = birth;
}

enum status consent_index_birth(struct operation *o, struct person_ref person, int32_t *out)
{
    return birth_date(operation_request(o), person, out);
}

static enum status given_number(struct operation *o, const char *option, int least, int most,
                                int *out)
{
    const char *text = cli_value(&o->args, option);
    int64_t n;

    if (text == NULL)
        return OK;
    if (!str_to_i64(str_from(text), &n) || n < least || n > most)
        return fail(o->args.err, INVALID, "usage", "--%s takes a number from %d to %d", option,
                    least, most);
    *out = (int)n;
    return OK;
}

static enum status domain_now(struct operation *o, const struct consent_domain **out)
{
    struct consent_policies now;

    consent_store_queue(o->db, o->args.arena, NULL, 0, 0, &now);
    TRY(db_flush(o->db));
    TRY(consent_store_read(o->db, o->args.arena, &now, o->args.err));
    *out = now.domain;
    return OK;
}

/* --- minors ---------------------------------------------------------------------------------- */

static enum status minors_show(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 3);
    const struct consent_domain *d;

    TRY(domain_now(o, &d));
    cli_table_row(&t, STR("ADOLESCENTS KEEP"), STR("CODE"), STR("FROM AGE"));
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_int(out, "majority", d->majority);
        cli_json_key(out, "categories");
        strbuf_lit(out, "[");
    }
    for (size_t i = 0; i < d->category_count; i++) {
        const struct consent_category *c = &d->categories[i];
        struct str what = str_from(c->everything ? "everything" : consent_attribute_word(c->what));
        struct str code = consent_code_text(o->args.arena, c->value);

        cli_table_row(&t, what, code, str_printf(o->args.arena, "%d", c->from_age));
        if (!o->args.json)
            continue;
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "attribute", what);
        cli_json_text(out, "code", code);
        cli_json_int(out, "from_age", c->from_age);
        strbuf_lit(out, "}");
    }
    if (o->args.json)
        strbuf_lit(out, "]}\n");
    else
        strbuf_addf(out, "Age of majority: %d\n", d->majority);
    if (!o->args.json && t.rows > 1)
        cli_table_write(&t, out);
    return OK;
}

static enum status work_minors_show(struct operation *o, struct strbuf *out)
{
    return minors_show(o, out);
}

static enum status age_set(struct operation *o, struct str attribute, struct str code, int age)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    struct rows ended;

    people_age_set(o->db, &change, attribute, code, age, &ended);
    TRY(db_flush(o->db));
    if (age < 0 && ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "minors",
                    "adolescents keep nothing of this; `causeway consent minors show` lists it");
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "minors",
                     str_printf(o->args.arena, "%.*s %.*s", STR_ARG(attribute), STR_ARG(code)),
                     age < 0 ? STR("removed") : str_printf(o->args.arena, "from age %d", age));
    return OK;
}

static enum status work_majority(struct operation *o, struct strbuf *out)
{
    int64_t age;

    if (!str_to_i64(str_from(o->args.positional[0]), &age) || age < 1 || age > 30)
        return fail(o->args.err, INVALID, "usage", "the age of majority is 1 to 30 years");
    TRY(age_set(o, STR("majority"), STR(""), (int)age));
    return minors_show(o, out);
}

/* ATTRIBUTE and CODE, as they are kept: attributes by their word, codes in one spelling. */
static enum status given_category(struct operation *o, struct str *attribute, struct str *code)
{
    enum consent_attribute what;

    *attribute = str_from(o->args.positional[0]);
    *code = consent_code_text(o->args.arena, consent_code_parse(str_from(o->args.positional[1])));
    if (!consent_attribute_parse(*attribute, &what) ||
        consent_attribute_of(what) != CONSENT_OF_OBJECT || code->n == 0)
        return fail(o->args.err, INVALID, "usage",
                    "say what of a document: label, class, type, format, event, facility, "
                    "practice; and its code");
    return OK;
}

static enum status work_keep(struct operation *o, struct strbuf *out)
{
    struct str attribute, code;
    int age = -1;

    TRY(given_category(o, &attribute, &code));
    TRY(given_number(o, "from-age", 0, 29, &age));
    if (age < 0)
        return fail(o->args.err, INVALID, "usage", "--from-age is required");
    TRY(age_set(o, attribute, code, age));
    return minors_show(o, out);
}

static enum status work_share(struct operation *o, struct strbuf *out)
{
    struct str attribute, code;

    TRY(given_category(o, &attribute, &code));
    TRY(age_set(o, attribute, code, -1));
    return minors_show(o, out);
}

/* --- minors list: who comes of age ----------------------------------------------------------- */

/* across places: whoever comes of age soon, wherever they are */
static const struct statement MINORS = {
    "consent_minors",
    "SELECT pkey, person_id, relation_id, user_id, birth"
    "  FROM consent_relation"
    " WHERE until IS NULL"
    "   AND by_minority"
    "   AND (valid_until IS NULL OR valid_until > $1)"
    "   AND birth > $2"
    " ORDER BY birth, pkey, person_id, relation_id"
    " LIMIT 1000",
};

static enum status work_minors_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 5);
    struct arena *a = o->args.arena;
    const struct consent_domain *d;
    struct rows r;

    TRY(domain_now(o, &d));
    db_queue(o->db, &MINORS, &r, DB_TIME(o->now_us),
             DB_INT4(consent_birth_at_age(d->majority, o->now_us)));
    TRY(db_flush(o->db));
    audit_object_add(a, audit_add(a, &o->audit), "minors", STR("list"),
                     str_printf(a, "%d relations", r.count));
    cli_table_row(&t, STR("OF AGE ON"), STR("PERSON"), STR("RELATION"), STR("USER"),
                  STR("INDEX SAYS"));
    for (int i = 0; i < r.count; i++) {
        struct person_ref person = {row_int(&r, i, 0), row_int(&r, i, 1)};
        int32_t birth = (int32_t)row_int(&r, i, 4), known;
        struct str says, of_age;

        TRY(consent_index_birth(o, person, &known));
        says = known == birth ? STR("")
               : known == 0   ? STR("unknown")
                              : consent_birth_text(a, known);
        of_age = consent_birth_text(a, birth + d->majority * 10000);
        cli_table_row(&t, of_age, str_printf(a, "%lld", (long long)person.person_id),
                      uuid_text(a, row_uuid(&r, i, 2)), row_text(&r, i, 3),
                      says.n > 0 ? str_printf(a, "born %.*s!", STR_ARG(says)) : STR("the same"));
        if (!o->args.json)
            continue;
        strbuf_lit(out, "{");
        cli_json_text(out, "of_age", of_age);
        cli_json_text(out, "relation", uuid_text(a, row_uuid(&r, i, 2)));
        cli_json_text(out, "user", row_text(&r, i, 3));
        cli_json_text(out, "index_says", says);
        strbuf_lit(out, "}\n");
    }
    if (!o->args.json && t.rows > 1)
        cli_table_write(&t, out);
    if (!o->args.json && t.rows == 1)
        strbuf_lit(out, "No minor has a representative whose relation ends with majority.\n");
    return OK;
}

/* --- emergencies ----------------------------------------------------------------------------- */

static enum status purposes_show(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 3);
    struct arena *a = o->args.arena;
    const struct consent_domain *d;

    TRY(domain_now(o, &d));
    cli_table_row(&t, STR("PURPOSE"), STR("TIME BOX"), STR("REVIEW DUE WITHIN"));
    if (o->args.json)
        strbuf_lit(out, "{\"purposes\":[");
    for (size_t i = 0; i < d->emergency_count; i++) {
        const struct consent_emergency_terms *e = &d->emergencies[i];
        long long minutes = e->box_us / (60 * US_PER_SECOND);
        long long hours = e->review_us / (3600 * US_PER_SECOND);

        cli_table_row(&t, consent_code_text(a, e->purpose), str_printf(a, "%lld min", minutes),
                      str_printf(a, "%lld h", hours));
        if (!o->args.json)
            continue;
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "purpose", consent_code_text(a, e->purpose));
        cli_json_int(out, "minutes", minutes);
        cli_json_int(out, "review_hours", hours);
        strbuf_lit(out, "}");
    }
    if (o->args.json)
        strbuf_lit(out, "]}\n");
    else if (t.rows > 1)
        cli_table_write(&t, out);
    else
        strbuf_lit(out, "No purpose of use opens an emergency: every denial stands.\n");
    return OK;
}

static struct str given_purpose(struct operation *o)
{
    struct coded code = consent_purpose(consent_code_parse(str_from(o->args.positional[0])));

    return consent_code_text(o->args.arena, code);
}

static void audit_purpose(struct operation *o, struct str purpose, const char *what)
{
    audit_object_add(o->args.arena, audit_add(o->args.arena, &o->audit), "emergency_purpose",
                     purpose, str_from(what));
}

static enum status work_emergency_purposes(struct operation *o, struct strbuf *out)
{
    return purposes_show(o, out);
}

static enum status work_emergency_add(struct operation *o, struct strbuf *out)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    struct str purpose = given_purpose(o);
    int minutes = 60, hours = 72;
    struct rows ended;

    TRY(given_number(o, "minutes", 1, 10080, &minutes));
    TRY(given_number(o, "review-hours", 1, 2160, &hours));
    if (str_starts(purpose, STR("^^")) || purpose.n == 0)
        return fail(o->args.err, INVALID, "usage", "PURPOSE is a code: BTG, or CODE^^OID");
    people_terms_set(o->db, &change, purpose, minutes, hours, &ended);
    audit_purpose(o, purpose, "opens emergencies");
    return purposes_show(o, out);
}

static enum status work_emergency_remove(struct operation *o, struct strbuf *out)
{
    struct domain_change change = {o->now_us, operator_name(o->args.arena)};
    struct str purpose = given_purpose(o);
    struct rows ended;

    people_terms_set(o->db, &change, purpose, 0, 0, &ended);
    TRY(db_flush(o->db));
    if (ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "emergency", "%.*s opens no emergencies",
                    STR_ARG(purpose));
    audit_purpose(o, purpose, "opens none any more");
    return purposes_show(o, out);
}

/* --- help ------------------------------------------------------------------------------------ */

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct cli_option none[] = {END};
static const struct cli_option keep_options[] = {
    {"from-age", "YEARS", "from this age on, until the age of majority"},
    END,
};
static const struct cli_option terms_options[] = {
    {"minutes", "N", "how long an emergency lasts; 60 unless said"},
    {"review-hours", "N", "until when its review is due; 72 unless said"},
    END,
};

#define DOMAIN(act, name, few)                                                                     \
    .least = (few), .most = (few), .transaction = "CONFIG", .audit = {"110113", act},              \
    .endpoint = (name)

static const struct operation_kind minors_kind = {
    .cli = {"causeway consent minors show",
            "Prints the age of majority, and what adolescents keep from whoever represents them.",
            none},
    DOMAIN('R', "causeway consent minors show", 0),
    .work = work_minors_show,
};
static const struct operation_kind minors_majority = {
    .cli = {"causeway consent minors majority YEARS",
            "Sets the age at which parents' and guardians' relations end: on the birthday (UTC),\n"
            "by each decision, with no job that could be late. 18 in a new domain.",
            none},
    DOMAIN('U', "causeway consent minors majority", 1),
    .work = work_majority,
};
static const struct operation_kind minors_keep = {
    .cli = {"causeway consent minors keep ATTRIBUTE CODE[^^OID] --from-age YEARS",
            "Adds a line to the table of what adolescents keep from whoever represents them, as\n"
            "the law of the domain has it: documents by label, class, type, format, event\n"
            "(services), facility or practice. Their submission sets and folders are kept too.\n"
            "\n"
            "  causeway consent minors keep label SEX --from-age 14\n"
            "  causeway consent minors keep event 76516-4^^2.16.840.1.113883.6.1 --from-age 12",
            keep_options},
    DOMAIN('C', "causeway consent minors keep", 2),
    .work = work_keep,
};
static const struct operation_kind minors_share = {
    .cli = {"causeway consent minors share ATTRIBUTE CODE[^^OID]",
            "Removes a line from the table: representatives see these documents again.", none},
    DOMAIN('D', "causeway consent minors share", 2),
    .work = work_share,
};
static const struct operation_kind minors_list = {
    .cli = {"causeway consent minors list",
            "Lists relations that end when a minor comes of age, the next one first, and where\n"
            "the index has come to know another birth date since: then end the relation, and add\n"
            "it again.",
            none},
    DOMAIN('R', "causeway consent minors list", 0),
    .work = work_minors_list,
};
static const struct operation_kind emergency_purposes = {
    .cli = {"causeway consent emergency purposes",
            "Lists the purposes of use that open an emergency, and its terms.", none},
    DOMAIN('R', "causeway consent emergency purposes", 0),
    .work = work_emergency_purposes,
};
static const struct operation_kind emergency_add = {
    .cli =
        {"causeway consent emergency add PURPOSE[^^OID] [--minutes N] [--review-hours N]",
         "Lets a purpose of use break the glass: who asserts it with a reason (originalText of\n"
         "the assertion's PurposeOfUse) sees, for so many minutes, what a denial that is marked\n"
         "overridable would hide; a domain default always is, a patient's denial where it says\n"
         "so. The patient's log tells of it, and a review is due (`causeway audit review\n"
         "breakglass`), or it escalates. After its time a new emergency takes a new assertion.\n"
         "\n"
         "  causeway consent emergency add BTG\n"
         "  causeway consent emergency add ETREAT --minutes 240 --review-hours 24",
         terms_options},
    DOMAIN('C', "causeway consent emergency add", 1),
    .work = work_emergency_add,
};
static const struct operation_kind emergency_remove = {
    .cli = {"causeway consent emergency remove PURPOSE[^^OID]",
            "No emergency is opened for this purpose any more, and none that is open goes on.",
            none},
    DOMAIN('D', "causeway consent emergency remove", 1),
    .work = work_emergency_remove,
};

static const struct cli_verb minors_verbs[] = {
    {"show", "the age of majority, and what adolescents keep", operation_run, &minors_kind},
    {"majority", "set the age of majority", operation_run, &minors_majority},
    {"keep", "what adolescents keep from representatives", operation_run, &minors_keep},
    {"share", "what they keep no more", operation_run, &minors_share},
    {"list", "whose relations end with majority, and when", operation_run, &minors_list},
    {NULL, NULL, NULL, NULL},
};
static const struct cli_verb emergency_verbs[] = {
    {"purposes", "which open an emergency, and its terms", operation_run, &emergency_purposes},
    {"add", "let a purpose open emergencies", operation_run, &emergency_add},
    {"remove", "let it open none", operation_run, &emergency_remove},
    {NULL, NULL, NULL, NULL},
};

int consent_minors_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent minors",
                        "When minors come of age, and what adolescents keep from their proxies.",
                        minors_verbs, argc, argv);
}

int consent_emergency_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent emergency", "Break-glass: for which purposes, for how long.",
                        emergency_verbs, argc, argv);
}
