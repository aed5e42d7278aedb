#include "hub/base/hex.h"
#include "hub/base/oid.h"
#include "hub/command/commands.h"
#include "hub/command/member_change.h"
#include "hub/command/member_check.h"
#include "hub/command/member_print.h"
#include "hub/command/operation.h"

static const struct statement ADD_MEMBER = {
    "member_add",
    "INSERT INTO member (name, organization, strict_adt, multi_patient, charset)"
    " VALUES ($1, $2, $3, $4, $5)"
    " RETURNING member_id",
};
static const struct statement SUSPEND = {
    "member_suspend",
    "UPDATE member"
    " SET suspended_at = CASE WHEN $2 THEN now() END"
    " WHERE member_id = $1",
};
/* For decisions of the past. */
static const struct statement SUSPENSION_BEGIN = {
    "member_suspension_begin",
    "INSERT INTO member_suspension (member_id, since)"
    " VALUES ($1, now())",
};
static const struct statement SUSPENSION_END = {
    "member_suspension_end",
    "UPDATE member_suspension"
    " SET until = now()"
    " WHERE member_id = $1"
    "   AND until IS NULL",
};
static const struct statement PERMIT_MULTI_PATIENT = {
    "member_permit_multi_patient",
    "UPDATE member"
    " SET multi_patient = $2"
    " WHERE member_id = $1",
};
static const struct statement PERMIT_AUDIT_READER = {
    "member_permit_audit_reader",
    "UPDATE member"
    " SET audit_reader = $2"
    " WHERE member_id = $1",
};
static const struct statement ADD_AUTHORITY = {
    "member_add_authority",
    "INSERT INTO member_authority (oid, member_id, name_space)"
    " VALUES ($1, $2, $3)",
};
static const struct statement REMOVE_AUTHORITY = {
    "member_remove_authority",
    "DELETE FROM member_authority"
    " WHERE oid = $1",
};
static const struct statement ADD_APPLICATION = {
    "member_add_application",
    "INSERT INTO member_application (application, facility, member_id)"
    " VALUES ($1, $2, $3)",
};
static const struct statement ADD_CERT = {
    "member_add_cert",
    "INSERT INTO member_cert (fingerprint, member_id, direct, subject, issuer, not_before,"
    "  not_after, certificate)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};
static const struct statement REMOVE_CERT = {
    "member_remove_cert",
    "DELETE FROM member_cert"
    " WHERE fingerprint = $1",
};

/* --- rows ---------------------------------------------------------------------------------- */

static void authorities_queue(struct operation *o, int64_t member_id,
                              const struct member_authority *new, size_t count)
{
    for (size_t i = 0; i < count; i++)
        db_queue(o->db, &ADD_AUTHORITY, NULL, DB_TEXT(new[i].oid), DB_INT8(member_id),
                 DB_TEXT(new[i].name_space));
}

static void cert_queue(struct operation *o, int64_t member_id, const struct certificate *c)
{
    struct str fingerprint = str_dup(o->args.arena, str_of(c->fingerprint, 32));

    db_queue(o->db, &ADD_CERT, NULL, DB_BYTEA(fingerprint), DB_INT8(member_id),
             DB_BOOL(cli_value(&o->args, "direct") != NULL), DB_TEXT(c->subject),
             DB_TEXT(c->issuer), DB_TIME(c->not_before_us), DB_TIME(c->not_after_us),
             DB_BYTEA(c->der));
}

static struct str cert_words(struct operation *o, const char *verb, const struct certificate *c)
{
    return str_printf(o->args.arena, "%s certificate %.*s of %.*s%s", verb,
                      STR_ARG(hex_encode(o->args.arena, c->fingerprint, 32)), STR_ARG(c->subject),
                      cli_value(&o->args, "direct") != NULL ? ", trusted by itself" : "");
}

/* --- member add ---------------------------------------------------------------------------- */

struct new_member {
    struct str name, organization, charset;
    struct member_authority authorities[MEMBER_MANY];
    struct member_application applications[MEMBER_MANY];
    size_t authority_count, application_count;
    struct certificate cert;
};

static enum status new_member_names(struct operation *o, struct new_member *n)
{
    const char *organization = cli_value(&o->args, "organization");
    const char *charset = cli_value(&o->args, "charset");

    n->name = member_word(o);
    n->organization = oid_strip_urn(str_from(organization));
    n->charset = charset != NULL ? str_from(charset) : STR("");
    if (!member_name_valid(n->name))
        return fail(o->args.err, INVALID, "member",
                    "'%.*s': a name has 1 to 64 letters, digits, '.', '_' or '-', and begins with "
                    "a letter or digit",
                    STR_ARG(n->name));
    if (member_by_name(o->members, n->name) != NULL)
        return fail(o->args.err, INVALID, "member", "there is a member called %.*s already",
                    STR_ARG(n->name));
    if (!oid_valid(n->organization) || n->organization.n > MEMBER_OID_LENGTH)
        return fail(o->args.err, INVALID, "member",
                    "--organization %s: the organization's OID is required, as 1.2.3.4",
                    organization != NULL ? organization : "");
    if (!member_charset_known(n->charset))
        return fail(
            o->args.err, INVALID, "member",
            "--charset %s: one of HL7 table 0211: ASCII, 'UNICODE UTF-8', 8859/1 to 8859/9, "
            "8859/15, 'GB 18030-2000', BIG-5, ...",
            charset);
    return OK;
}

static void new_member_audit(struct operation *o, const struct new_member *n)
{
    struct strbuf b = strbuf_on(o->args.arena, 256);

    strbuf_addf(&b, "added, organization %.*s", STR_ARG(n->organization));
    for (size_t i = 0; i < n->authority_count; i++)
        strbuf_addf(&b, ", authority %.*s=%.*s", STR_ARG(n->authorities[i].oid),
                    STR_ARG(n->authorities[i].name_space));
    for (size_t i = 0; i < n->application_count; i++)
        strbuf_addf(&b, ", application %.*s|%.*s", STR_ARG(n->applications[i].application),
                    STR_ARG(n->applications[i].facility));
    strbuf_addf(&b, ", %.*s", STR_ARG(cert_words(o, "with", &n->cert)));
    member_audit(o, n->name, strbuf_str(&b));
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    struct new_member *n = ARENA_NEW(o->args.arena, struct new_member);
    struct rows added;
    size_t domains;
    int64_t id;

    TRY(new_member_names(o, n));
    TRY(member_authorities_given(o, n->name, n->authorities, &n->authority_count));
    TRY(member_applications_given(o, n->applications, &n->application_count));
    TRY(member_cert_given(o, NULL, &n->cert));
    db_queue(o->db, &ADD_MEMBER, &added, DB_TEXT(n->name), DB_TEXT(n->organization),
             DB_BOOL(cli_value(&o->args, "strict-adt") != NULL),
             DB_BOOL(cli_value(&o->args, "multi-patient") != NULL), DB_TEXT(n->charset));
    TRY(db_flush(o->db));
    id = row_int(&added, 0, 0);
    authorities_queue(o, id, n->authorities, n->authority_count);
    for (size_t i = 0; i < n->application_count; i++)
        db_queue(o->db, &ADD_APPLICATION, NULL, DB_TEXT(n->applications[i].application),
                 DB_TEXT(n->applications[i].facility), DB_INT8(id));
    cert_queue(o, id, &n->cert);
    TRY(member_domains_queue(o, id, &domains));
    new_member_audit(o, n);
    return member_report(o, out, n->name, "is enrolled, and may connect at once");
}

/* --- the other verbs ----------------------------------------------------------------------- */

static enum status work_list(struct operation *o, struct strbuf *out)
{
    member_print_list(out, o->args.arena, o->members, o->args.json);
    return OK;
}

static enum status work_show(struct operation *o, struct strbuf *out)
{
    const struct member *m;

    TRY(member_named(o, &m));
    member_print(out, o->args.arena, m, o->args.json);
    return OK;
}

static enum status set_suspended(struct operation *o, struct strbuf *out, bool suspended)
{
    const struct member *m;

    TRY(member_named(o, &m));
    if (m->suspended == suspended)
        return member_report(o, out, member_word(o),
                             suspended ? "is suspended already" : "is not suspended");
    db_queue(o->db, &SUSPEND, NULL, DB_INT8(m->id), DB_BOOL(suspended));
    db_queue(o->db, suspended ? &SUSPENSION_BEGIN : &SUSPENSION_END, NULL, DB_INT8(m->id));
    member_audit(o, m->name, suspended ? STR("suspended") : STR("resumed"));
    return member_report(o, out, member_word(o),
                         suspended ? "is suspended; its open connections are being closed"
                                   : "may connect again");
}

static enum status work_suspend(struct operation *o, struct strbuf *out)
{
    return set_suspended(o, out, true);
}

static enum status work_resume(struct operation *o, struct strbuf *out)
{
    return set_suspended(o, out, false);
}

static enum status set_multi_patient(struct operation *o, struct strbuf *out,
                                     const struct member *m, bool permitted)
{
    db_queue(o->db, &PERMIT_MULTI_PATIENT, NULL, DB_INT8(m->id), DB_BOOL(permitted));
    member_audit(o, m->name,
                 permitted ? STR("permitted multi-patient") : STR("forbade multi-patient"));
    return member_report(o, out, member_word(o),
                         permitted ? "may ask about several patients at once"
                                   : "can no longer ask about several patients at once");
}

/* `what`: own, all or none. */
static enum status set_audit_reader(struct operation *o, struct strbuf *out, const struct member *m,
                                    struct str what)
{
    static const struct {
        struct str word;
        const char *change, *sentence;
    } rights[] = {
        {{"own", 3},
         "permitted audit-reader own",
         "may read the audit records of its own requests"},
        {{"all", 3}, "permitted audit-reader all", "may read the whole audit log"},
        {{"none", 4}, "forbade audit-reader", "can no longer read the audit log"},
    };

    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
        if (str_eq(what, rights[i].word)) {
            db_queue(o->db, &PERMIT_AUDIT_READER, NULL, DB_INT8(m->id), DB_TEXT(what));
            member_audit(o, m->name, str_from(rights[i].change));
            return member_report(o, out, member_word(o), rights[i].sentence);
        }
    return fail(o->args.err, INVALID, "member", "--audit-reader %.*s: own or all", STR_ARG(what));
}

static enum status set_permitted(struct operation *o, struct strbuf *out, bool permitted)
{
    const char *audit_reader = cli_value(&o->args, "audit-reader");
    bool multi_patient = cli_value(&o->args, "multi-patient") != NULL;
    const struct member *m;

    TRY(member_named(o, &m));
    if (multi_patient == (audit_reader != NULL))
        return fail(o->args.err, INVALID, "member", "say what: --multi-patient or --audit-reader");
    if (multi_patient)
        return set_multi_patient(o, out, m, permitted);
    return set_audit_reader(o, out, m, permitted ? str_from(audit_reader) : STR("none"));
}

static enum status work_permit(struct operation *o, struct strbuf *out)
{
    return set_permitted(o, out, true);
}

static enum status work_forbid(struct operation *o, struct strbuf *out)
{
    return set_permitted(o, out, false);
}

static enum status work_cert_add(struct operation *o, struct strbuf *out)
{
    struct certificate *c = ARENA_NEW(o->args.arena, struct certificate); /* until the flush */
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(member_cert_given(o, m, c));
    cert_queue(o, m->id, c);
    member_audit(o, m->name, cert_words(o, "added", c));
    return member_report(o, out, member_word(o), "may connect with this certificate too");
}

static enum status work_cert_remove(struct operation *o, struct strbuf *out)
{
    const char *text = cli_value(&o->args, "fingerprint");
    unsigned char *fingerprint = arena_alloc(o->args.arena, 32); /* until the flush */
    const struct member *m;

    TRY(member_named(o, &m));
    if (text == NULL || !fingerprint_parse(str_from(text), fingerprint))
        return fail(o->args.err, INVALID, "certificate",
                    "--fingerprint takes 64 hexadecimal digits, as `causeway member show` prints "
                    "them");
    if (member_cert_owner(o->members, fingerprint) != m)
        return fail(o->args.err, NOT_FOUND, "certificate", "%.*s has no such certificate",
                    STR_ARG(m->name));
    db_queue(o->db, &REMOVE_CERT, NULL, DB_BYTEA(str_dup(o->args.arena, str_of(fingerprint, 32))));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "removed certificate %.*s",
                            STR_ARG(hex_encode(o->args.arena, fingerprint, 32))));
    return member_report(o, out, member_word(o), "can no longer connect with this certificate");
}

static enum status work_authority_add(struct operation *o, struct strbuf *out)
{
    struct member_authority new[MEMBER_MANY];
    const struct member *m;
    size_t count;

    TRY(member_named(o, &m));
    TRY(member_authorities_given(o, m->name, new, &count));
    if (count == 0)
        return fail(o->args.err, INVALID, "authority", "--authority is required");
    authorities_queue(o, m->id, new, count);
    for (size_t i = 0; i < count; i++)
        member_audit(o, m->name,
                     str_printf(o->args.arena, "added authority %.*s=%.*s", STR_ARG(new[i].oid),
                                STR_ARG(new[i].name_space)));
    return member_report(o, out, member_word(o), "feeds this authority now");
}

static enum status work_authority_remove(struct operation *o, struct strbuf *out)
{
    const char *text = cli_value(&o->args, "authority");
    struct member_authority old;
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(member_authority_parse(o, text != NULL ? text : "", &old));
    if (!member_owns_authority(m, old.oid))
        return fail(o->args.err, NOT_FOUND, "authority", "%.*s does not feed authority %.*s",
                    STR_ARG(m->name), STR_ARG(old.oid));
    db_queue(o->db, &REMOVE_AUTHORITY, NULL, DB_TEXT(old.oid));
    member_audit(o, m->name, str_printf(o->args.arena, "removed authority %.*s", STR_ARG(old.oid)));
    return member_report(o, out, member_word(o),
                         "no longer feeds this authority; its records stay");
}

/* --- help ---------------------------------------------------------------------------------- */

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option add_options[] = {
    {"organization", "OID", "the organization's OID"},
    {"authority", "OID[=NS]", "issues patient identifiers; NS: its name in messages (HD.1)"},
    {"cert", "FILE", "its certificate, PEM or DER"},
    {"direct", NULL, "trust this certificate by itself, without a CA"},
    {"application", "APP[|FAC]", "MSH-3 and MSH-4 of its HL7 v2 messages; none: any free one"},
    {"charset", "CS", "of HL7 v2 messages without MSH-18, as '8859/1'; default ASCII"},
    {"domain", "OID", "a domain that answers to it may name; none: every one"},
    {"strict-adt", NULL, "answer AR, not AA, to ADT events that the hub does not use"},
    {"multi-patient", NULL, "it may ask about several patients at once (ITI-51)"},
    {NULL, NULL, NULL},
};
static const struct cli_option permit_options[] = {
    {"multi-patient", NULL, "asking about several patients at once (ITI-51)"},
    {"audit-reader", "own|all",
     "reading the audit log (ITI-81): of its own requests, or all of it"},
    {NULL, NULL, NULL},
};
static const struct cli_option forbid_options[] = {
    {"multi-patient", NULL, "asking about several patients at once (ITI-51)"},
    {"audit-reader", NULL, "reading the audit log (ITI-81)"},
    {NULL, NULL, NULL},
};
static const struct cli_option cert_add_options[] = {
    {"cert", "FILE", "the certificate, PEM or DER"},
    {"direct", NULL, "trust this certificate by itself, without a CA"},
    {NULL, NULL, NULL},
};
static const struct cli_option cert_remove_options[] = {
    {"fingerprint", "HEX", "SHA-256, with or without colons"},
    {NULL, NULL, NULL},
};
static const struct cli_option authority_options[] = {
    {"authority", "OID[=NS]", "the authority; NS: its name in this member's messages (HD.1)"},
    {NULL, NULL, NULL},
};

#define CHANGE(endpoint_, work_)                                                                   \
    .least = 1, .most = 1, .transaction = "CONFIG", .audit = {"110113", 'E'},                      \
    .endpoint = (endpoint_), .changes_members = true, .work = (work_)

static const struct operation_kind add = {
    .cli =
        {"causeway member add NAME --organization OID [--authority OID[=NS]]... --cert FILE "
         "[--direct] [--application APP[|FAC]]... [--charset CS] [--domain OID]... [--strict-adt] "
         "[--multi-patient]",
         "Enrols an organization: who it is, which patient identifiers it issues, and the\n"
         "certificate by which it is known. It may connect at once; no restart is needed.\n"
         "The certificate must chain to a CA of tls_ca, unless --direct trusts it by itself.\n"
         "\n"
         "  causeway member add st-mary --organization 2.25.1001 --authority 2.25.1001.1=EPIC \\\n"
         "      --application 'EPICADT|ST-MARY' --cert st-mary.pem",
         add_options},
    CHANGE("causeway member add", work_add),
};
static const struct operation_kind list = {
    .cli = {"causeway member list", "Lists the members.", no_options},
    .work = work_list,
};
static const struct operation_kind show = {
    .cli = {"causeway member show NAME",
            "Shows one member: state, authorities, applications, certificates.", no_options},
    .least = 1,
    .most = 1,
    .work = work_show,
};
const struct operation_kind member_suspend = {
    .cli = {"causeway member suspend NAME",
            "Stops a member from connecting, and closes its open connections. Its records and\n"
            "documents stay. `causeway member resume NAME` undoes it.",
            no_options},
    CHANGE("causeway member suspend", work_suspend),
};
const struct operation_kind member_resume = {
    .cli = {"causeway member resume NAME", "Lets a suspended member connect again.", no_options},
    CHANGE("causeway member resume", work_resume),
};
static const struct operation_kind permit = {
    .cli = {"causeway member permit NAME --multi-patient|--audit-reader own|all",
            "Lets a member do what is not every member's. `causeway member forbid` takes it back.",
            permit_options},
    CHANGE("causeway member permit", work_permit),
};
static const struct operation_kind forbid = {
    .cli = {"causeway member forbid NAME --multi-patient|--audit-reader",
            "Takes a permission back.", forbid_options},
    CHANGE("causeway member forbid", work_forbid),
};
static const struct operation_kind cert_add = {
    .cli = {"causeway member cert add NAME --cert FILE [--direct]",
            "Adds a second certificate, so that the member can change over to it in its own time.\n"
            "A member has at most two that have not expired. When it has changed over:\n"
            "\n"
            "  causeway member show st-mary\n"
            "  causeway member cert remove st-mary --fingerprint 3f8a...",
            cert_add_options},
    CHANGE("causeway member cert add", work_cert_add),
};
static const struct operation_kind cert_remove = {
    .cli = {"causeway member cert remove NAME --fingerprint HEX",
            "Takes a certificate away and closes the connections that came with it.",
            cert_remove_options},
    CHANGE("causeway member cert remove", work_cert_remove),
};
static const struct operation_kind authority_add = {
    .cli =
        {"causeway member authority add NAME --authority OID[=NS]...",
         "Lets a member feed the patients of one more assigning authority. An authority has one\n"
         "source. NS is the namespace (HD.1) by which the member's messages call it when they\n"
         "leave the OID out, as in 123^^^EPIC^MR:\n"
         "\n"
         "  causeway member authority add st-mary --authority 2.25.1001.2=EPICLAB",
         authority_options},
    CHANGE("causeway member authority add", work_authority_add),
};
static const struct operation_kind authority_remove = {
    .cli = {"causeway member authority remove NAME --authority OID",
            "Takes an authority away from a member: its messages can no longer name it. What it\n"
            "has fed stays as it is.",
            authority_options},
    CHANGE("causeway member authority remove", work_authority_remove),
};

static const struct cli_verb cert_verbs[] = {
    {"add", "add a certificate, for a change-over", operation_run, &cert_add},
    {"remove", "take one away", operation_run, &cert_remove},
    {NULL, NULL, NULL, NULL},
};
static const struct cli_verb authority_verbs[] = {
    {"add", "let a member feed an authority", operation_run, &authority_add},
    {"remove", "take it away", operation_run, &authority_remove},
    {NULL, NULL, NULL, NULL},
};

static int run_cert(const void *context, int argc, char **argv)
{
    return cli_dispatch("member cert", "The certificates by which a member is known.", context,
                        argc, argv);
}

static int run_authority(const void *context, int argc, char **argv)
{
    return cli_dispatch("member authority",
                        "The assigning authorities whose patients a member feeds.", context, argc,
                        argv);
}

static int run_domain(const void *context, int argc, char **argv)
{
    return cli_dispatch("member domain",
                        "The patient identification domains that a member registered for.", context,
                        argc, argv);
}

static int run_cosigner(const void *context, int argc, char **argv)
{
    return cli_dispatch("member cosigner",
                        "Keys by which a member cosigns the audit log's checkpoints.", context,
                        argc, argv);
}

static int run_reply_to(const void *context, int argc, char **argv)
{
    return cli_dispatch("member reply-to",
                        "Where answers to a member's asynchronous requests may be sent.", context,
                        argc, argv);
}

static int run_idp(const void *context, int argc, char **argv)
{
    return cli_dispatch("member idp",
                        "The identity providers who vouch for the persons behind a member's "
                        "requests (XUA).",
                        context, argc, argv);
}

static int run_notify(const void *context, int argc, char **argv)
{
    return cli_dispatch("member notify", "Whom the hub tells of changed identifiers, and where.",
                        context, argc, argv);
}

/* The consent room's, which stands above this one. */
static const struct cli_verb *agreement_verbs;

void member_command_set_agreements(const struct cli_verb *given)
{
    agreement_verbs = given;
}

static int run_agreement(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("member agreement",
                        "Data-sharing agreements. Without one nothing flows between members.",
                        agreement_verbs, argc, argv);
}

static const struct cli_verb verbs[] = {
    {"add", "enrol an organization", operation_run, &add},
    {"list", "all members", operation_run, &list},
    {"show", "one member", operation_run, &show},
    {"suspend", "stop a member from connecting", operation_run, &member_suspend},
    {"resume", "let it connect again", operation_run, &member_resume},
    {"permit", "let a member do what is not every member's", operation_run, &permit},
    {"forbid", "take that back", operation_run, &forbid},
    {"set", "what its requests prove about persons", operation_run, &member_set},
    {"share", "what it may have of the hub beside the others", operation_run, &member_share},
    {"idp", "its identity providers: add, list, remove, rotate", run_idp, member_idp_verbs},
    {"cert", "its certificates: add, remove", run_cert, cert_verbs},
    {"authority", "its assigning authorities: add, remove", run_authority, authority_verbs},
    {"domain", "the domains that it is told of: add, remove", run_domain, member_domain_verbs},
    {"notify", "notifications of changed identifiers: add, remove", run_notify,
     member_notify_verbs},
    {"agreement", "what may flow between members: add, list, end", run_agreement, NULL},
    {"reply-to", "addresses of asynchronous answers: add, remove", run_reply_to,
     member_reply_to_verbs},
    {"cosigner", "keys that cosign the audit log: add, remove", run_cosigner,
     member_cosigner_verbs},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch(
        "member",
        "The organizations that connect by mutual TLS. Every change holds at once,\n"
        "without a restart, and leaves a row in the audit log.",
        verbs, argc, argv);
}

const struct command member_command = {
    "member",
    "enrol, suspend and change member organizations",
    run,
};
