#include "consent/ways_command.h"

#include <string.h>

#include "consent/consent_command.h"
#include "consent/filing.h"
#include "hub/base/clock.h"
#include "hub/base/oid.h"
#include "hub/command/cli_print.h"

/* --- import ----------------------------------------------------------------------------------- */

/* The policies that the same resource gave before, one row for each constituent. */
static void queue_earlier(struct operation *o, const struct person *person, struct str resource,
                          struct rows *out)
{
    static const struct statement EARLIER = {
        "consent_resource_earlier",
        "SELECT DISTINCT policy_id\n"
        "  FROM consent_resource\n"
        " WHERE pkey = ANY($1)\n"
        "   AND person_id = ANY($2)\n"
        "   AND resource_id = $3",
    };
    int64_t *pkeys = ARENA_ARRAY(o->args.arena, person->constituent_count, int64_t);
    int64_t *ids = ARENA_ARRAY(o->args.arena, person->constituent_count, int64_t);

    for (size_t i = 0; i < person->constituent_count; i++) {
        pkeys[i] = person->constituents[i].pkey;
        ids[i] = person->constituents[i].person_id;
    }
    db_queue(o->db, &EARLIER, out, DB_INT8S(pkeys, person->constituent_count),
             DB_INT8S(ids, person->constituent_count), DB_TEXT(resource));
}

static enum status end_earlier(struct operation *o, const struct person *person,
                               struct str resource, size_t *ended)
{
    struct consent_change change = consent_change_of(o, person);
    struct rows earlier, *each;

    *ended = 0;
    if (resource.n == 0)
        return OK;
    queue_earlier(o, person, resource, &earlier);
    TRY(db_flush(o->db));
    each = ARENA_ARRAY(o->args.arena, (size_t)earlier.count, struct rows);
    for (int i = 0; i < earlier.count; i++)
        consent_store_end(o->db, o->args.arena, &change, row_uuid(&earlier, i, 0), &each[i]);
    TRY(db_flush(o->db));
    for (int i = 0; i < earlier.count; i++)
        *ended += each[i].count > 0;
    return OK;
}

static void keep_resource(struct operation *o, const struct person *person, struct uuid policy,
                          struct str id, struct str json)
{
    static const struct statement KEEP = {
        "consent_resource_keep",
        "INSERT INTO consent_resource (pkey, person_id, policy_id, resource_id, resource,\n"
        "       imported_at, imported_by)\n"
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
    };

    for (size_t i = 0; i < person->constituent_count; i++)
        db_queue(o->db, &KEEP, NULL, DB_INT8(person->constituents[i].pkey),
                 DB_INT8(person->constituents[i].person_id), DB_UUID(policy), DB_TEXT(id),
                 DB_TEXT(json), DB_TIME(o->now_us), DB_TEXT(operator_name(o->args.arena)));
}

/* By which the resource is known when it comes again. */
static struct str resource_id(struct arena *a, const struct fhir_consent *c)
{
    if (c->id.n > 0)
        return c->id;
    if (c->identifier_value.n > 0)
        return str_printf(a, "%.*s|%.*s", STR_ARG(c->identifier_system),
                          STR_ARG(c->identifier_value));
    return STR_NONE;
}

/* An identifier in Consent.patient has to be the patient's; a literal reference names a resource of
 * somebody's server, and --patient says whom it means. */
static enum status check_patient(struct operation *o, const struct fhir_consent *c,
                                 const struct person *person)
{
    struct identifier id = {oid_strip_urn(c->patient.system), c->patient.value};
    struct person named;

    if (c->patient.value.n == 0)
        return OK;
    if (oid_valid(id.authority) && consent_resolve(operation_request(o), id, &named) == OK &&
        person_ref_eq(named.ref, person->ref))
        return OK;
    return fail(o->args.err, INVALID, "fhir",
                "Consent.patient names another patient than --patient does, or nobody");
}

static struct consent_meaning meaning_of(struct operation *o, const struct fhir_consent *c)
{
    struct consent_actors actors = consent_actors_of(o->members);

    if (c->strange_count > 0)
        return (struct consent_meaning){.strange = c->strange, .strange_count = c->strange_count};
    return consent_meaning_of(o->args.arena, &c->provision, &actors);
}

static void print_import(struct operation *o, const struct consent_meaning *meaning,
                         const struct consent_filed *filed, size_t ended, struct strbuf *out)
{
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_key(out, "policies");
        strbuf_lit(out, "[");
        for (size_t i = 0; i < filed->count; i++)
            strbuf_addf(out, "%s\"%.*s\"", i > 0 ? "," : "",
                        STR_ARG(uuid_text(o->args.arena, filed->policies[i])));
        strbuf_lit(out, "]");
        cli_json_int(out, "ended", (int64_t)ended);
        cli_json_int(out, "flags", (int64_t)filed->flags);
        strbuf_lit(out, "}\n");
        return;
    }
    for (size_t i = 0; i < filed->count; i++)
        strbuf_addf(out, "policy %.*s\n", STR_ARG(uuid_text(o->args.arena, filed->policies[i])));
    if (ended > 0)
        strbuf_addf(out, "%zu earlier policies of this resource ended\n", ended);
    for (size_t i = 0; filed->flags > 0 && i < meaning->strange_count; i++)
        strbuf_addf(out, "not understood: %.*s\n", STR_ARG(meaning->strange[i]));
    if (filed->flags > 0)
        strbuf_lit(out, "so it denies everyone, until a steward has seen to it (consent flags)\n");
}

static enum status work_import(struct operation *o, struct strbuf *out)
{
    struct consent_filing filing = {.from_us = INT64_MIN,
                                    .until_us = INT64_MAX,
                                    .origin = STR("fhir")};
    struct consent_filed filed = {NULL, 0, 0};
    struct consent_meaning meaning = {NULL, 0, NULL, 0};
    struct audit_row *audit;
    struct fhir_consent c;
    struct person person;
    struct str json, id;
    size_t ended;

    TRY(consent_given_patient(o, &person, &audit));
    TRY(cli_read_file(&o->args, o->args.positional[0], FHIR_CONSENT_MAX, &json));
    TRY(fhir_consent_read(o->args.arena, json, &c, o->args.err));
    TRY(check_patient(o, &c, &person));
    id = resource_id(o->args.arena, &c);
    TRY(end_earlier(o, &person, id, &ended));
    filing.change = consent_change_of(o, &person);
    if (c.strange_count > 0 || str_eq(c.status, STR("active"))) {
        meaning = meaning_of(o, &c);
        filed = consent_file(o->db, o->args.arena, &filing, &meaning);
    }
    for (size_t i = 0; i < filed.count; i++)
        keep_resource(o, &person, filed.policies[i],
                      id.n > 0 ? id : uuid_text(o->args.arena, filed.policies[0]), json);
    TRY(db_flush(o->db));
    audit_object_add(o->args.arena, audit, "consent", id.n > 0 ? id : STR("Consent"),
                     filed.flags > 0 ? STR("flagged") : c.status);
    print_import(o, &meaning, &filed, ended, out);
    return OK;
}

/* --- export ----------------------------------------------------------------------------------- */

static enum status work_export(struct operation *o, struct strbuf *out)
{
    static const struct statement EXPORT = {
        "consent_resource_export",
        "SELECT DISTINCT ON (r.resource_id) r.resource\n"
        "  FROM consent_resource AS r\n"
        "  JOIN consent_policy AS p\n"
        "    ON p.pkey = r.pkey\n"
        "   AND p.person_id = r.person_id\n"
        "   AND p.policy_id = r.policy_id\n"
        " WHERE r.pkey = ANY($1)\n"
        "   AND r.person_id = ANY($2)\n"
        "   AND p.until IS NULL\n"
        "   AND ($3::uuid IS NULL OR r.policy_id = $3)\n"
        " ORDER BY r.resource_id, r.imported_at DESC",
    };
    const char *policy = cli_value(&o->args, "policy");
    struct db_value wanted = DB_NULL(DB_TYPE_UUID);
    struct audit_row *audit;
    struct person person;
    struct uuid id;
    struct rows rows;
    int64_t *pkeys, *ids;

    if (policy && !uuid_parse(str_from(policy), &id))
        return fail(o->args.err, INVALID, "usage", "--policy takes the policy's id");
    if (policy)
        wanted = DB_UUID(id);
    TRY(consent_given_patient(o, &person, &audit));
    pkeys = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    ids = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    for (size_t i = 0; i < person.constituent_count; i++) {
        pkeys[i] = person.constituents[i].pkey;
        ids[i] = person.constituents[i].person_id;
    }
    db_queue(o->db, &EXPORT, &rows, DB_INT8S(pkeys, person.constituent_count),
             DB_INT8S(ids, person.constituent_count), wanted);
    TRY(db_flush(o->db));
    for (int i = 0; i < rows.count; i++)
        strbuf_addf(out, "%.*s\n", STR_ARG(str_trim(row_text(&rows, i, 0))));
    return OK;
}

/* --- the domain's policies -------------------------------------------------------------------- */

static void audit_change(struct operation *o, const char *kind, struct str id, struct str words)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    row->description = words;
    audit_object_add(o->args.arena, row, kind, id, STR_NONE);
}

/* A provision from --file, or the plain one of --effect; checked as a consent would be. */
static enum status given_rules(struct operation *o, struct str *rules)
{
    const char *file = cli_value(&o->args, "file"), *effect = cli_value(&o->args, "effect");
    struct consent_actors actors = consent_actors_of(o->members);
    struct consent_meaning meaning;
    struct fhir_provision p;
    struct str *strange;
    size_t n;

    if ((file == NULL) == (effect == NULL))
        return fail(o->args.err, INVALID, "usage", "say one of --file and --effect");
    if (file)
        TRY(cli_read_file(&o->args, file, FHIR_CONSENT_MAX, rules));
    else
        *rules = str_printf(o->args.arena, "{\"type\":\"%s\"}", effect);
    TRY(fhir_provision_read(o->args.arena, *rules, &p, &strange, &n, o->args.err));
    if (n > 0)
        return fail(o->args.err, INVALID, "fhir", "not understood: %.*s", STR_ARG(strange[0]));
    meaning = consent_meaning_of(o->args.arena, &p, &actors);
    if (meaning.strange_count > 0)
        return fail(o->args.err, INVALID, "fhir", "not understood: %.*s",
                    STR_ARG(meaning.strange[0]));
    *rules = fhir_provision_write(o->args.arena, &p);
    return OK;
}

static void end_policy(struct operation *o, struct str oid, struct rows *ended)
{
    static const struct statement END = {
        "consent_domain_policy_end",
        "UPDATE consent_domain_policy\n"
        "   SET until = $2, ended_by = $3\n"
        " WHERE oid = $1\n"
        "   AND until IS NULL\n"
        " RETURNING version",
    };

    db_queue(o->db, &END, ended, DB_TEXT(oid), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)));
}

static enum status work_policy_add(struct operation *o, struct strbuf *out)
{
    static const struct statement ADD = {
        "consent_domain_policy_add",
        "INSERT INTO consent_domain_policy (oid, version, name, rules, since, set_by)\n"
        "SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4, $5\n"
        "  FROM consent_domain_policy\n"
        " WHERE oid = $1",
    };
    struct str oid = oid_strip_urn(str_from(o->args.positional[0])),
               name = str_from(cli_value(&o->args, "name")), rules;

    if (oid.n == 0 || oid.n > 256)
        return fail(o->args.err, INVALID, "usage", "a policy is named by an OID or a URN");
    TRY(given_rules(o, &rules));
    end_policy(o, oid, NULL);
    db_queue(o->db, &ADD, NULL, DB_TEXT(oid), DB_TEXT(name.n > 0 ? name : oid), DB_TEXT(rules),
             DB_TIME(o->now_us), DB_TEXT(operator_name(o->args.arena)));
    TRY(db_flush(o->db));
    audit_change(o, "domain_policy", oid, rules);
    if (!o->args.json)
        strbuf_addf(out, "%.*s: %.*s\n", STR_ARG(oid), STR_ARG(rules));
    return OK;
}

static enum status work_policy_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 4);
    struct rows rows;

    consent_domain_policies_queue(o->db, NULL, 0, &rows);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("POLICY"), STR("NAME"), STR("SINCE"), STR("RULES"));
    if (o->args.json)
        strbuf_lit(out, "[");
    for (int i = 0; i < rows.count; i++) {
        struct str since = clock_iso(o->args.arena, row_time(&rows, i, DOMAIN_SINCE));

        if (!o->args.json) {
            cli_table_row(&t, row_text(&rows, i, DOMAIN_OID), row_text(&rows, i, DOMAIN_NAME),
                          since, row_text(&rows, i, DOMAIN_RULES));
            continue;
        }
        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "oid", row_text(&rows, i, DOMAIN_OID));
        cli_json_text(out, "name", row_text(&rows, i, DOMAIN_NAME));
        cli_json_int(out, "version", row_int(&rows, i, DOMAIN_VERSION));
        cli_json_text(out, "since", since);
        cli_json_key(out, "rules");
        strbuf_addf(out, "%.*s}", STR_ARG(row_text(&rows, i, DOMAIN_RULES)));
    }
    if (o->args.json)
        strbuf_lit(out, "]\n");
    else
        cli_table_write(&t, out);
    return OK;
}

static enum status work_policy_remove(struct operation *o, struct strbuf *out)
{
    struct str oid = oid_strip_urn(str_from(o->args.positional[0]));
    struct rows ended;

    end_policy(o, oid, &ended);
    TRY(db_flush(o->db));
    if (ended.count == 0)
        return fail(o->args.err, NOT_FOUND, "consent", "the domain has no policy %.*s",
                    STR_ARG(oid));
    audit_change(o, "domain_policy", oid, STR("removed"));
    if (!o->args.json)
        strbuf_addf(out, "%.*s removed; consents filed under it stay in force\n", STR_ARG(oid));
    return OK;
}

/* --- flags ------------------------------------------------------------------------------------ */

/* across places: a steward sees all that is open. */
static const struct statement OPEN_FLAGS = {
    "consent_flags_open",
    "SELECT pkey, person_id, policy_id, element, origin, raised_at\n"
    "  FROM consent_flag\n"
    " WHERE resolved_at IS NULL\n"
    " ORDER BY raised_at, policy_id, element\n"
    " LIMIT 10000",
};

static void flag_row(struct operation *o, struct cli_table *t, const struct rows *rows, int i,
                     struct strbuf *out)
{
    struct arena *a = o->args.arena;
    struct str policy = uuid_text(a, row_uuid(rows, i, 2)), at = clock_iso(a, row_time(rows, i, 5));

    if (!o->args.json) {
        cli_table_row(t, policy, str_printf(a, "%lld", (long long)row_int(rows, i, 1)),
                      row_text(rows, i, 3), row_text(rows, i, 4), at);
        return;
    }
    cli_json_comma(out);
    strbuf_lit(out, "{");
    cli_json_text(out, "policy", policy);
    cli_json_int(out, "person", row_int(rows, i, 1));
    cli_json_text(out, "element", row_text(rows, i, 3));
    cli_json_text(out, "origin", row_text(rows, i, 4));
    cli_json_text(out, "raised_at", at);
    strbuf_lit(out, "}");
}

static enum status work_flags_list(struct operation *o, struct strbuf *out)
{
    struct cli_table t = cli_table_on(o->args.arena, 5);
    struct rows rows;

    db_queue0(o->db, &OPEN_FLAGS, &rows);
    TRY(db_flush(o->db));
    cli_table_row(&t, STR("POLICY"), STR("PERSON"), STR("NOT UNDERSTOOD"), STR("FROM"),
                  STR("SINCE"));
    if (o->args.json)
        strbuf_lit(out, "[");
    for (int i = 0; i < rows.count; i++)
        flag_row(o, &t, &rows, i, out);
    if (o->args.json)
        strbuf_lit(out, "]\n");
    else
        cli_table_write(&t, out);
    return OK;
}

static enum status work_flags_resolve(struct operation *o, struct strbuf *out)
{
    /* across places: the steward names the policy, whoever it is about. */
    static const struct statement RESOLVE = {
        "consent_flag_resolve",
        "UPDATE consent_flag\n"
        "   SET resolved_at = $2, resolved_by = $3, note = $4\n"
        " WHERE policy_id = $1\n"
        "   AND resolved_at IS NULL\n"
        " RETURNING element",
    };
    struct str note = str_from(cli_value(&o->args, "note"));
    struct uuid policy;
    struct rows rows;

    if (!uuid_parse(str_from(o->args.positional[0]), &policy))
        return fail(o->args.err, INVALID, "usage", "name the policy, as `consent flags list` does");
    if (note.n == 0)
        return fail(o->args.err, INVALID, "usage", "--note says what was done about it");
    db_queue(o->db, &RESOLVE, &rows, DB_UUID(policy), DB_TIME(o->now_us),
             DB_TEXT(operator_name(o->args.arena)), DB_TEXT(note));
    TRY(db_flush(o->db));
    if (rows.count == 0)
        return fail(o->args.err, NOT_FOUND, "consent", "policy %s has no open flag",
                    o->args.positional[0]);
    audit_change(o, "consent", str_from(o->args.positional[0]), note);
    if (!o->args.json)
        strbuf_addf(out, "%d flags resolved; the policy itself denies until it is revoked\n",
                    rows.count);
    return OK;
}

/* --- help ------------------------------------------------------------------------------------- */

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
#define PATIENT                                                                                    \
    {                                                                                              \
        "patient", "CX", "the patient: any identifier that the hub knows, 'ID^^^&OID&ISO'"         \
    }

static const struct cli_option import_options[] = {PATIENT, END};
static const struct cli_option export_options[] = {
    PATIENT, {"policy", "ID", "the resource of this policy alone"}, END};
static const struct cli_option policy_options[] = {
    {"effect", "permit|deny", "everything, to everyone"},
    {"file", "FILE", "a provision of FHIR Consent, as JSON"},
    {"name", "TEXT", "for people"},
    END,
};
static const struct cli_option resolve_options[] = {{"note", "TEXT", "what was done about it"},
                                                    END};

#define CONSENT(action, name)                                                                      \
    .transaction = "CONSENT", .audit = {"110110", action}, .endpoint = "causeway consent " name
#define CONFIG(name)                                                                               \
    .transaction = "CONSENT", .audit = {"110113", 'E'}, .endpoint = "causeway consent " name

const struct operation_kind consent_import_kind = {
    .cli =
        {"causeway consent import --patient CX FILE",
         "Takes a FHIR R4 Consent (JSON; - is standard input), as IHE's Privacy Consent on FHIR\n"
         "has it, and puts it in force. A resource with the same id that came before is\n"
         "replaced; one whose status is not active only ends it. An element that is not\n"
         "understood makes the whole consent deny, and is flagged for a steward.\n"
         "\n"
         "  causeway consent import --patient 'P-17^^^&1.2.3.4&ISO' consent.json",
         import_options},
    .least = 1,
    .most = 1,
    CONSENT('C', "import"),
    .work = work_import,
};
const struct operation_kind consent_export_kind = {
    .cli = {"causeway consent export --patient CX [--policy ID]",
            "Prints the patient's FHIR Consents in force, as they came, one a line.",
            export_options},
    CONSENT('R', "export"),
    .work = work_export,
};

static const struct operation_kind policy_add = {
    .cli =
        {"causeway consent policy add OID --effect permit|deny | --file FILE [--name TEXT]",
         "Sets what a policy of the domain says, which consent documents (IHE BPPC) name. The\n"
         "file holds a provision of FHIR Consent. Consents that were filed before keep what the\n"
         "policy said then.\n"
         "\n"
         "  causeway consent policy add 1.3.6.1.4.1.21367.2006.7.106 --effect deny --name opt-out",
         policy_options},
    .least = 1,
    .most = 1,
    CONFIG("policy add"),
    .work = work_policy_add,
};
static const struct operation_kind policy_list = {
    .cli = {"causeway consent policy list", "Shows the domain's policies.", NULL},
    .endpoint = "causeway consent policy list",
    .work = work_policy_list,
};
static const struct operation_kind policy_remove = {
    .cli = {"causeway consent policy remove OID",
            "Takes a policy back: documents that name it from now on deny, flagged.", NULL},
    .least = 1,
    .most = 1,
    CONFIG("policy remove"),
    .work = work_policy_remove,
};
static const struct operation_kind flags_list = {
    .cli = {"causeway consent flags list",
            "Shows what in consents was not understood, and which policy denies for it.", NULL},
    .endpoint = "causeway consent flags list",
    .work = work_flags_list,
};
static const struct operation_kind flags_resolve = {
    .cli =
        {"causeway consent flags resolve POLICY --note TEXT",
         "Says that a steward has seen to it: the right consent was taken instead and the policy\n"
         "revoked, or the denial is as the patient wants it.",
         resolve_options},
    .least = 1,
    .most = 1,
    CONSENT('U', "flags resolve"),
    .work = work_flags_resolve,
};

static const struct cli_verb policy_verbs[] = {
    {"add", "set what a policy says", operation_run, &policy_add},
    {"list", "the domain's policies", operation_run, &policy_list},
    {"remove", "take one back", operation_run, &policy_remove},
    {NULL, NULL, NULL, NULL},
};
static const struct cli_verb flags_verbs[] = {
    {"list", "what is open", operation_run, &flags_list},
    {"resolve", "say that it was seen to", operation_run, &flags_resolve},
    {NULL, NULL, NULL, NULL},
};

int consent_policy_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent policy", "Policies of the domain, which consent documents name.",
                        policy_verbs, argc, argv);
}

int consent_flags_run(const void *context, int argc, char **argv)
{
    (void)context;
    return cli_dispatch("consent flags", "Consents that deny because they were not understood.",
                        flags_verbs, argc, argv);
}
