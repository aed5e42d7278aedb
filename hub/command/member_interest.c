/* `causeway member domain` and `causeway member notify`: what a member is told, and where. */
#include <string.h>

#include "hub/base/oid.h"
#include "hub/command/member_change.h"
#include "hub/command/member_check.h"
#include "hub/soap_post.h"

static const struct statement ADD_DOMAIN = {
    "member_add_domain",
    "INSERT INTO member_domain (member_id, oid)"
    " VALUES ($1, $2)"
    "     ON CONFLICT (member_id, oid) DO NOTHING",
};
static const struct statement REMOVE_DOMAIN = {
    "member_remove_domain",
    "DELETE FROM member_domain"
    " WHERE member_id = $1"
    "   AND oid = $2",
};
static const struct statement SET_NOTIFY = {
    "member_set_notify",
    "INSERT INTO member_notify (member_id, format, address, application, facility)"
    " VALUES ($1, $2, $3, $4, $5)"
    "     ON CONFLICT (member_id, format) DO UPDATE"
    "    SET address = EXCLUDED.address,"
    "        application = EXCLUDED.application,"
    "        facility = EXCLUDED.facility",
};
static const struct statement REMOVE_NOTIFY = {
    "member_remove_notify",
    "DELETE FROM member_notify"
    " WHERE member_id = $1"
    "   AND format = $2",
};

/* --- domains --------------------------------------------------------------------------------- */

enum status member_domains_queue(struct operation *o, int64_t member_id, size_t *count)
{
    const char *given[MEMBER_MANY];

    *count = cli_values(&o->args, "domain", given, MEMBER_MANY);
    if (*count > MEMBER_MANY)
        return fail(o->args.err, INVALID, "domain", "at most %d --domain at once", MEMBER_MANY);
    for (size_t i = 0; i < *count; i++) {
        struct str oid = oid_strip_urn(str_from(given[i]));

        if (!oid_valid(oid) || oid.n > MEMBER_OID_LENGTH)
            return fail(o->args.err, INVALID, "domain",
                        "--domain %s: the OID of an assigning authority, as 1.2.3.4", given[i]);
        db_queue(o->db, &ADD_DOMAIN, NULL, DB_INT8(member_id), DB_TEXT(oid));
    }
    return OK;
}

static enum status work_domain_add(struct operation *o, struct strbuf *out)
{
    const struct member *m;
    size_t count;

    TRY(member_named(o, &m));
    TRY(member_domains_queue(o, m->id, &count));
    if (count == 0)
        return fail(o->args.err, INVALID, "domain", "--domain is required");
    member_audit(o, m->name, str_printf(o->args.arena, "registered for %zu domains", count));
    return member_report(o, out, member_word(o), "is told of this domain now");
}

static enum status work_domain_remove(struct operation *o, struct strbuf *out)
{
    struct str oid = oid_strip_urn(str_from(cli_value(&o->args, "domain")));
    const struct member *m;
    bool has = false;

    TRY(member_named(o, &m));
    for (size_t i = 0; i < m->domain_count; i++)
        has |= str_eq(m->domains[i], oid);
    if (!has)
        return fail(o->args.err, NOT_FOUND, "domain", "%.*s is not registered for '%.*s'",
                    STR_ARG(m->name), STR_ARG(oid));
    db_queue(o->db, &REMOVE_DOMAIN, NULL, DB_INT8(m->id), DB_TEXT(oid));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "no longer registered for %.*s", STR_ARG(oid)));
    return member_report(o, out, member_word(o),
                         m->domain_count == 1
                             ? "is told of every domain now: this was the last of its list"
                             : "is no longer told of this domain");
}

/* --- notifications --------------------------------------------------------------------------- */

static bool is_soap(struct str format)
{
    return str_eq(format, STR("hl7v3"));
}

static bool format_known(struct str format)
{
    return str_eq(format, STR("hl7v2")) || is_soap(format) || str_eq(format, STR("links"));
}

static enum status format_given(struct operation *o, struct str *format)
{
    const char *text = cli_value(&o->args, "format");

    *format = text != NULL ? str_from(text) : STR("hl7v2");
    if (format_known(*format))
        return OK;
    return fail(o->args.err, INVALID, "format", "--format %s: hl7v2, hl7v3 or links", text);
}

static enum status address_given(struct operation *o, struct str format, struct str *address)
{
    struct soap_url url;
    const char *colon;
    uint64_t port;

    *address = str_from(cli_value(&o->args, "to"));
    if (is_soap(format))
        return address->p != NULL && soap_url_parse(o->args.arena, *address, &url)
                   ? OK
                   : fail(o->args.err, INVALID, "address",
                          "--to is required: https://HOST[:PORT]/PATH of its PIX consumer");
    colon = address->p != NULL ? strrchr(address->p, ':') : NULL;
    if (colon != NULL && colon > address->p && address->n <= 1000 &&
        str_to_u64(str_from(colon + 1), &port) && port > 0 && port < 65536)
        return OK;
    return fail(o->args.err, INVALID, "address",
                "--to is required: HOST:PORT of the member's MLLP listener");
}

static void application_given(struct operation *o, struct str *application, struct str *facility)
{
    const char *text = cli_value(&o->args, "application");
    struct str rest = text != NULL ? str_from(text) : STR("");

    *application = str_cut(&rest, '|');
    *facility = rest.p != NULL ? rest : STR("");
}

static enum status work_notify_add(struct operation *o, struct strbuf *out)
{
    struct str format, address, application, facility;
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(format_given(o, &format));
    TRY(address_given(o, format, &address));
    application_given(o, &application, &facility);
    db_queue(o->db, &SET_NOTIFY, NULL, DB_INT8(m->id), DB_TEXT(format), DB_TEXT(address),
             DB_TEXT(application), DB_TEXT(facility));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "notified at %.*s, %.*s", STR_ARG(address),
                            STR_ARG(format)));
    return member_report(o, out, member_word(o), "is told of changed identifiers from now on");
}

static enum status work_notify_remove(struct operation *o, struct strbuf *out)
{
    struct str format;
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(format_given(o, &format));
    if (member_notify_of(m, format) == NULL)
        return fail(o->args.err, NOT_FOUND, "notify", "%.*s is not notified in the format %.*s",
                    STR_ARG(m->name), STR_ARG(format));
    db_queue(o->db, &REMOVE_NOTIFY, NULL, DB_INT8(m->id), DB_TEXT(format));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "no longer notified, %.*s", STR_ARG(format)));
    return member_report(o, out, member_word(o),
                         "is no longer told; what still waits for it is not sent");
}

/* --- help ------------------------------------------------------------------------------------ */

static const struct cli_option domain_options[] = {
    {"domain", "OID", "an assigning authority of patient identifiers"},
    {NULL, NULL, NULL},
};
static const struct cli_option notify_options[] = {
    {"to", "ADDRESS", "HOST:PORT of its MLLP listener, or with hl7v3 an https URL (mutual TLS)"},
    {"format", "FORMAT", "hl7v2: ITI-10 (default); hl7v3: ITI-46; links: ITI-64, for a registry"},
    {"application", "APP[|FAC]", "MSH-5 and MSH-6 of the messages; default the member's name"},
    {NULL, NULL, NULL},
};
static const struct cli_option format_options[] = {
    {"format", "FORMAT", "hl7v2 (default), hl7v3 or links"},
    {NULL, NULL, NULL},
};

#define CHANGE(endpoint_, work_)                                                                   \
    .least = 1, .most = 1, .transaction = "CONFIG", .audit = {"110113", 'E'},                      \
    .endpoint = (endpoint_), .changes_members = true, .work = (work_)

static const struct operation_kind domain_add = {
    .cli = {"causeway member domain add NAME --domain OID...",
            "Registers a member for patient identification domains: identity answers (ITI-9, 21,\n"
            "22, 45, 47) and notifications then name identifiers of these and of its own only.\n"
            "Without any registration it gets those of every domain, as far as consent permits.\n"
            "\n"
            "  causeway member domain add st-mary --domain 2.25.1002.1",
            domain_options},
    CHANGE("causeway member domain add", work_domain_add),
};
static const struct operation_kind domain_remove = {
    .cli = {"causeway member domain remove NAME --domain OID",
            "Takes a registration back. A member without any gets every domain again.",
            domain_options},
    CHANGE("causeway member domain remove", work_domain_remove),
};
static const struct operation_kind notify_add = {
    .cli = {"causeway member notify add NAME --to ADDRESS [--format FORMAT] "
            "[--application APP[|FAC]]",
            "Tells a member of every change in the identifiers of a person, of its own and of the\n"
            "domains that it registered for. What cannot be delivered waits, in order; see\n"
            "`causeway outbox`.\n"
            "\n"
            "  causeway member notify add st-mary --to mllp.st-mary.example:2575",
            notify_options},
    CHANGE("causeway member notify add", work_notify_add),
};
static const struct operation_kind notify_remove = {
    .cli = {"causeway member notify remove NAME [--format FORMAT]",
            "Stops notifications. What still waits for this member is not sent any more.",
            format_options},
    CHANGE("causeway member notify remove", work_notify_remove),
};

const struct cli_verb member_domain_verbs[] = {
    {"add", "register for a domain", operation_run, &domain_add},
    {"remove", "take a registration back", operation_run, &domain_remove},
    {NULL, NULL, NULL, NULL},
};
const struct cli_verb member_notify_verbs[] = {
    {"add", "tell it of changed identifiers", operation_run, &notify_add},
    {"remove", "tell it no more", operation_run, &notify_remove},
    {NULL, NULL, NULL, NULL},
};
