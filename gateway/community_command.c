#include "gateway/community_command.h"

#include <string.h>

#include "gateway/community_import.h"
#include "gateway/community_test.h"
#include "gateway/partner_call.h"
#include "hub/base/json_text.h"
#include "hub/base/oid.h"
#include "hub/command/member_change.h"

static const struct statement ADD = {
    "community_add",
    "INSERT INTO community (member_id, home)\n"
    "VALUES ($1, $2)\n"
    "    ON CONFLICT (member_id) DO UPDATE\n"
    "   SET home = excluded.home",
};
/* What its assertions may name as their home community (hub/principal.c). */
static const struct statement SET_HOME = {
    "community_set_home",
    "UPDATE member\n"
    "   SET home_community = $2\n"
    " WHERE member_id = $1",
};
static const struct statement ADD_ENDPOINT = {
    "community_endpoint_add",
    "INSERT INTO community_endpoint (member_id, service, url)\n"
    "VALUES ($1, $2, $3)\n"
    "    ON CONFLICT (member_id, service) DO UPDATE\n"
    "   SET url = excluded.url",
};
static const struct statement REMOVE_ENDPOINT = {
    "community_endpoint_remove",
    "DELETE FROM community_endpoint\n"
    " WHERE member_id = $1\n"
    "   AND service = $2",
};
static const struct statement SET_TELLS = {
    "community_set_tells",
    "UPDATE community\n"
    "   SET tells = $2\n"
    " WHERE member_id = $1",
};
/* Agreements of the whole region leave communities out: whoever decides reads anew who is one. */
static const struct statement BUMP_CONSENT = {
    "community_consent_epoch",
    "UPDATE epoch\n"
    "   SET value = value + 1\n"
    " WHERE name = 'consent'",
};
static const struct statement REMOVE[] = {
    {
        "community_remove_endpoints",
        "DELETE FROM community_endpoint\n"
        " WHERE member_id = $1",
    },
    {
        "community_remove_quirks",
        "DELETE FROM community_quirk\n"
        " WHERE member_id = $1",
    },
    {
        "community_remove_past",
        "INSERT INTO community_past (member_id, home, added_at, removed_at)\n"
        "SELECT member_id, home, added_at, now()\n"
        "  FROM community\n"
        " WHERE member_id = $1",
    },
    {
        "community_remove",
        "DELETE FROM community\n"
        " WHERE member_id = $1",
    },
    {
        "community_remove_suspension",
        "INSERT INTO member_suspension (member_id, since)\n"
        "VALUES ($1, now())\n"
        "    ON CONFLICT (member_id) WHERE until IS NULL DO NOTHING",
    },
    {
        "community_remove_member",
        "UPDATE member\n"
        "   SET suspended_at = coalesce(suspended_at, now())\n"
        " WHERE member_id = $1",
    },
};
static const struct statement LIST = {
    "community_list",
    "SELECT m.name, c.home, m.suspended_at IS NOT NULL, coalesce(e.endpoints, '{}'),\n"
    "       coalesce(q.quirks, '{}'), c.tells\n"
    "  FROM community AS c\n"
    "  JOIN member AS m ON m.member_id = c.member_id\n"
    "  LEFT JOIN (\n"
    "       SELECT member_id, array_agg(service || ' ' || url ORDER BY service) AS endpoints\n"
    "         FROM community_endpoint\n"
    "        GROUP BY member_id) AS e ON e.member_id = c.member_id\n"
    "  LEFT JOIN (\n"
    "       SELECT member_id, array_agg(rtrim(quirk || ' ' || value) ORDER BY quirk) AS quirks\n"
    "         FROM community_quirk\n"
    "        GROUP BY member_id) AS q ON q.member_id = c.member_id\n"
    " ORDER BY m.name",
};
static const struct statement KNOWN = {
    "community_known",
    "SELECT home\n"
    "  FROM community\n"
    " WHERE member_id = $1",
};
static const struct statement ADD_QUIRK = {
    "community_quirk_add",
    "INSERT INTO community_quirk (member_id, quirk, value)\n"
    "VALUES ($1, $2, $3)\n"
    "    ON CONFLICT (member_id, quirk) DO UPDATE\n"
    "   SET value = excluded.value",
};
static const struct statement REMOVE_QUIRK = {
    "community_quirk_remove",
    "DELETE FROM community_quirk\n"
    " WHERE member_id = $1\n"
    "   AND quirk = $2",
};

/* --- add ---------------------------------------------------------------------------------------
 */

static const char *const services[] = {"query", "retrieve", "discovery", "provide"};
enum { SERVICES = sizeof(services) / sizeof(services[0]) };

void community_put(struct operation *o, const struct member *m, struct str home)
{
    db_queue(o->db, &ADD, NULL, DB_INT8(m->id), DB_TEXT(home));
    db_queue(o->db, &SET_HOME, NULL, DB_INT8(m->id), DB_TEXT(home));
}

void community_put_endpoint(struct operation *o, const struct member *m, const char *service,
                            struct str url)
{
    db_queue(o->db, &ADD_ENDPOINT, NULL, DB_INT8(m->id), DB_TEXT(str_from(service)), DB_TEXT(url));
}

static enum status add_endpoints(struct operation *o, const struct member *m)
{
    for (int i = 0; i < SERVICES; i++) {
        struct str url = str_from(cli_value(&o->args, services[i]));

        if (url.p == NULL)
            continue;
        if (str_eq(url, STR("none"))) {
            db_queue(o->db, &REMOVE_ENDPOINT, NULL, DB_INT8(m->id), DB_TEXT(str_from(services[i])));
            continue;
        }
        if (!question_url_valid(url))
            return fail(o->args.err, INVALID, services[i],
                        "--%s: https://HOST[:PORT]/PATH is wanted", services[i]);
        community_put_endpoint(o, m, services[i], url);
    }
    return OK;
}

enum status community_check_home(struct operation *o, struct str home)
{
    if (!oid_valid(home))
        return fail(o->args.err, INVALID, "home", "--home is required: the OID of the community");
    if (str_eq(home, str_from(o->config.home_community_id)))
        return fail(o->args.err, INVALID, "home", "%.*s is this community itself", STR_ARG(home));
    return OK;
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    struct str home = oid_strip_urn(str_from(cli_value(&o->args, "home")));
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(community_check_home(o, home));
    db_queue0(o->db, &BUMP_CONSENT, NULL);
    community_put(o, m, home);
    TRY(add_endpoints(o, m));
    member_audit(o, m->name, str_printf(o->args.arena, "is community %.*s", STR_ARG(home)));
    return member_report(o, out, member_word(o), "is a community");
}

/* --- list --------------------------------------------------------------------------------------
 */

static void write_json_list(struct strbuf *b, const char *key, const struct str *v, size_t n)
{
    strbuf_addf(b, ", \"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        strbuf_add(b, i > 0 ? STR(", ") : STR(""));
        json_text_add(b, v[i]);
    }
    strbuf_lit(b, "]");
}

static void write_one(struct operation *o, struct strbuf *b, const struct rows *r, int i)
{
    struct str *endpoints, *quirks, *told;
    size_t endpoint_count = row_texts(o->args.arena, r, i, 3, &endpoints);
    size_t quirk_count = row_texts(o->args.arena, r, i, 4, &quirks);
    size_t told_count = row_texts(o->args.arena, r, i, 5, &told);

    if (o->args.json) {
        strbuf_lit(b, "{\"name\": ");
        json_text_add(b, row_text(r, i, 0));
        strbuf_lit(b, ", \"home\": ");
        json_text_add(b, row_text(r, i, 1));
        strbuf_addf(b, ", \"suspended\": %s", row_bool(r, i, 2) ? "true" : "false");
        write_json_list(b, "endpoints", endpoints, endpoint_count);
        write_json_list(b, "quirks", quirks, quirk_count);
        write_json_list(b, "tells", told, told_count);
        strbuf_lit(b, "}\n");
        return;
    }
    strbuf_addf(b, "%.*s  urn:oid:%.*s%s\n", STR_ARG(row_text(r, i, 0)), STR_ARG(row_text(r, i, 1)),
                row_bool(r, i, 2) ? "  suspended" : "");
    for (size_t k = 0; k < endpoint_count; k++)
        strbuf_addf(b, "  %.*s\n", STR_ARG(endpoints[k]));
    for (size_t k = 0; k < quirk_count; k++)
        strbuf_addf(b, "  quirk %.*s\n", STR_ARG(quirks[k]));
    for (size_t k = 0; k < told_count; k++)
        strbuf_addf(b, "  is told %.*s\n", STR_ARG(told[k]));
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    struct rows rows;
    size_t shown = 0;

    db_queue0(o->db, &LIST, &rows);
    TRY(db_flush(o->db));
    for (int i = 0; i < rows.count; i++) {
        if (o->args.positional_count > 0 && !str_eq(row_text(&rows, i, 0), member_word(o)))
            continue;
        write_one(o, out, &rows, i);
        shown++;
    }
    if (o->args.positional_count > 0 && shown == 0)
        return fail(o->args.err, NOT_FOUND, "community", "there is no community %.*s",
                    STR_ARG(member_word(o)));
    return OK;
}

/* --- quirks ------------------------------------------------------------------------------------
 */

static enum status unknown_quirk(struct operation *o, struct str key)
{
    struct strbuf b = strbuf_on(o->args.arena, 1024);

    for (int i = 0; i < QUIRKS; i++)
        strbuf_addf(&b, "\n  %-17s %s%s", partner_quirks[i].key, partner_quirks[i].words,
                    partner_quirks[i].wants_value ? " (--value)" : "");
    return fail(o->args.err, INVALID, "quirk",
                "%.*s is no quirk, or its --value is missing or not one. There are:%.*s",
                STR_ARG(key), STR_ARG(strbuf_str(&b)));
}

static enum status check_community(struct operation *o, const struct member *m)
{
    struct rows rows;

    db_queue(o->db, &KNOWN, &rows, DB_INT8(m->id));
    TRY(db_flush(o->db));
    if (rows.count == 1)
        return OK;
    return fail(o->args.err, NOT_FOUND, "community",
                "%.*s is no community: `causeway community add`", STR_ARG(m->name));
}

/* --- set and remove ----------------------------------------------------------------------------
 */

static bool is_told(struct str word)
{
    return str_eq(word, STR("address")) || str_eq(word, STR("telecom")) ||
           str_eq(word, STR("mother"));
}

/* --tell, given as often as there is something; "nothing" takes all of it back. */
static enum status set_tells(struct operation *o, const struct member *m)
{
    const char *given[8];
    size_t count = cli_values(&o->args, "tell", given, 8), n = 0;
    struct str *words = ARENA_ARRAY(o->args.arena, 8, struct str);

    if (count == 0)
        return OK;
    for (size_t i = 0; i < count && i < 8; i++) {
        struct str word = str_from(given[i]);

        if (str_eq(word, STR("nothing")))
            continue;
        if (!is_told(word))
            return fail(o->args.err, INVALID, "tell",
                        "--tell: address, telecom, mother or nothing, not '%.*s'", STR_ARG(word));
        words[n++] = word;
    }
    db_queue(o->db, &SET_TELLS, NULL, DB_INT8(m->id), DB_TEXTS(words, n));
    return OK;
}

static enum status work_set(struct operation *o, struct strbuf *out)
{
    struct str home = str_from(cli_value(&o->args, "home"));
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(check_community(o, m));
    if (home.p != NULL) {
        home = oid_strip_urn(home);
        TRY(community_check_home(o, home));
        community_put(o, m, home);
    }
    TRY(add_endpoints(o, m));
    TRY(set_tells(o, m));
    member_audit(o, m->name, STR("community changed"));
    return member_report(o, out, member_word(o), "is changed");
}

/* What was a community must not find itself a member of this region, with a member's doors. */
static enum status work_remove(struct operation *o, struct strbuf *out)
{
    const struct member *m;

    TRY(member_named(o, &m));
    TRY(check_community(o, m));
    db_queue0(o->db, &BUMP_CONSENT, NULL);
    for (size_t i = 0; i < sizeof(REMOVE) / sizeof(REMOVE[0]); i++)
        db_queue(o->db, &REMOVE[i], NULL, DB_INT8(m->id));
    member_audit(o, m->name, STR("is no community any more, and suspended"));
    return member_report(o, out, member_word(o),
                         "is no community any more; as a member it is suspended");
}

static enum status work_quirk(struct operation *o, struct strbuf *out)
{
    struct str verb = str_from(o->args.positional[1]), key = str_from(o->args.positional[2]);
    struct str value = str_from(cli_value(&o->args, "value"));
    bool adds = str_eq(verb, STR("add"));
    enum partner_quirk quirk;
    const struct member *m;

    value = value.p != NULL ? value : STR("");
    TRY(member_named(o, &m));
    TRY(check_community(o, m));
    if (!adds && !str_eq(verb, STR("remove")))
        return fail(o->args.err, INVALID, "quirk", "add or remove, not '%.*s'", STR_ARG(verb));
    if (adds && !partner_quirk_read(key, value, &quirk))
        return unknown_quirk(o, key);
    if (adds)
        db_queue(o->db, &ADD_QUIRK, NULL, DB_INT8(m->id), DB_TEXT(key), DB_TEXT(value));
    else
        db_queue(o->db, &REMOVE_QUIRK, NULL, DB_INT8(m->id), DB_TEXT(key));
    member_audit(o, m->name,
                 str_printf(o->args.arena, "quirk %.*s %s", STR_ARG(key),
                            adds ? "added" : "removed"));
    strbuf_addf(out, "%.*s: %.*s is %s\n", STR_ARG(m->name), STR_ARG(key), adds ? "on" : "off");
    return OK;
}

/* --- the table ---------------------------------------------------------------------------------
 */

static const struct cli_option add_options[] = {
    {"home", "OID", "its home community id"},     {"query", "URL", "where it takes ITI-38"},
    {"retrieve", "URL", "where it takes ITI-39"}, {"discovery", "URL", "where it takes ITI-55"},
    {"provide", "URL", "where it takes ITI-80"},  {NULL, NULL, NULL},
};
static const struct cli_option set_options[] = {
    {"home", "OID", "its home community id"},
    {"query", "URL", "where it takes ITI-38; none: nowhere"},
    {"retrieve", "URL", "where it takes ITI-39; none: nowhere"},
    {"discovery", "URL", "where it takes ITI-55; none: nowhere"},
    {"provide", "URL", "where it takes ITI-80; none: nowhere"},
    {"tell", "WHAT",
     "of patients, beside name, sex and birth date: address, telecom, mother; nothing"},
    {NULL, NULL, NULL},
};
static const struct cli_option quirk_options[] = {
    {"value", "VALUE", "of quirks that have one"},
    {NULL, NULL, NULL},
};
static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

#define CHANGE(endpoint_, least_, most_, work_)                                                    \
    .least = (least_), .most = (most_), .transaction = "CONFIG", .audit = {"110113", 'E'},         \
    .endpoint = (endpoint_), .changes_members = true, .work = (work_)

static const struct operation_kind add = {
    .cli =
        {"causeway community add NAME --home OID [--query URL] [--retrieve URL] [--discovery URL]",
         "Makes a member (`causeway member add`) a community: another region's hub, which this "
         "one\n"
         "asks at these addresses and nowhere else. A service without an address is not asked.\n"
         "\n"
         "  causeway community add aurora --home 1.2.3.4 \\\n"
         "      --discovery https://hub.aurora.example:8443/xcpd \\\n"
         "      --query https://hub.aurora.example:8443/xca/rg/query \\\n"
         "      --retrieve https://hub.aurora.example:8443/xca/rg/retrieve",
         add_options},
    CHANGE("causeway community add", 1, 1, work_add),
};
static const struct operation_kind list = {
    .cli = {"causeway community list", "Shows the communities, their addresses and quirks.",
            no_options},
    .least = 0,
    .most = 0,
    .transaction = "CONFIG",
    .audit = {"110113", 'R'},
    .endpoint = "causeway community list",
    .work = work_list,
};
static const struct operation_kind show = {
    .cli = {"causeway community show NAME", "Shows one community.", no_options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'R'},
    .endpoint = "causeway community show",
    .work = work_list,
};
static const struct operation_kind set = {
    .cli =
        {"causeway community set NAME [--home OID] [--query URL] ... [--tell WHAT ...]",
         "Changes where a community is asked, and what it is told of patients when it asks who\n"
         "somebody is. By itself it is told what the profile wants: an identifier, the name, the\n"
         "sex and the date of birth.\n"
         "\n"
         "  causeway community set aurora --tell address --tell telecom",
         set_options},
    CHANGE("causeway community set", 1, 1, work_set),
};
static const struct operation_kind removal = {
    .cli = {"causeway community remove NAME",
            "Forgets its home community id, addresses and quirks, and suspends the member.",
            no_options},
    CHANGE("causeway community remove", 1, 1, work_remove),
};
static const struct operation_kind quirk = {
    .cli =
        {"causeway community quirk NAME add|remove QUIRK [--value VALUE]",
         "What is put up with from one community, each thing by its name; all are off at first.\n"
         "A wrong name lists them.\n"
         "\n"
         "  causeway community quirk aurora add documents --value 3",
         quirk_options},
    CHANGE("causeway community quirk", 3, 3, work_quirk),
};

static const struct cli_verb verbs[] = {
    {"add", "make a member a community, and say where it is reached", operation_run, &add},
    {"show", "show one of them", operation_run, &show},
    {"set", "change its addresses, and what it is told of patients", operation_run, &set},
    {"suspend", "keep one out, and from being asked", operation_run, &member_suspend},
    {"resume", "let it in again", operation_run, &member_resume},
    {"remove", "forget one", operation_run, &removal},
    {"list", "show communities, their addresses and quirks", operation_run, &list},
    {"import", "take them and their addresses over from a directory", operation_run,
     &community_import_kind},
    {"quirk", "put up with something that one of them does", operation_run, &quirk},
    {"test", "ask one about a synthetic patient, step by step", operation_run,
     &community_test_kind},
    {NULL, NULL, NULL, NULL},
};

static int run(int argc, char **argv)
{
    return cli_dispatch("community",
                        "Other communities (XCA, XCPD): who they are, how they are asked, and\n"
                        "what they are told.",
                        verbs, argc, argv);
}

const struct command community_command = {"community", "other communities, and how they are asked",
                                          run};
