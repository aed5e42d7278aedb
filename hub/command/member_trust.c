/* `causeway member set` and `causeway member idp`: what a member's assertions may say, and who may
 * vouch for its persons (ITI-40). */
#include <string.h>

#include "hub/base/hex.h"
#include "hub/base/oid.h"
#include "hub/command/cli_print.h"
#include "hub/command/member_change.h"
#include "hub/command/member_check.h"
#include "hub/command/member_print.h"
#include "hub/data/dsig.h"

enum { IDP_KEYS = 2, ISSUER_LENGTH = 1024, LIFETIME_MINUTES = 24 * 60, SKEW_SECONDS = 600 };

static const struct statement SET_XUA = {
    "member_set_xua",
    "UPDATE member"
    " SET xua = $2"
    " WHERE member_id = $1",
};
static const struct statement SET_HOME = {
    "member_set_home_community",
    "UPDATE member"
    " SET home_community = $2"
    " WHERE member_id = $1",
};
static const struct statement SET_PURPOSES = {
    "member_set_purposes",
    "UPDATE member"
    " SET purposes = $2"
    " WHERE member_id = $1",
};
static const struct statement ADD_IDP = {
    "member_add_idp",
    "INSERT INTO member_idp (member_id, issuer, audiences, organizations, lifetime_seconds,"
    "  skew_seconds, one_time, purpose_forms)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
};
static const struct statement REMOVE_IDP = {
    "member_remove_idp",
    "DELETE FROM member_idp"
    " WHERE member_id = $1"
    "   AND issuer = $2",
};
static const struct statement ADD_KEY = {
    "member_add_idp_key",
    "INSERT INTO member_idp_key (member_id, issuer, fingerprint, subject, not_before, not_after,"
    "  certificate)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
};
static const struct statement REMOVE_KEYS = {
    "member_remove_idp_keys",
    "DELETE FROM member_idp_key"
    " WHERE member_id = $1"
    "   AND issuer = $2"
    "   AND ($3::bytea IS NULL OR fingerprint = $3)",
};

static enum status wrong(struct operation *o, const char *why)
{
    return fail(o->args.err, INVALID, "idp", "%s", why);
}

/* --- member set ---------------------------------------------------------------------------- */

static enum status set_xua(struct operation *o, const struct member *m, const char *given)
{
    static const char *const words[] = {"required", "optional", "system-only"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(given, words[i]) == 0) {
            db_queue(o->db, &SET_XUA, NULL, DB_INT8(m->id), DB_TEXT(str_from(given)));
            member_audit(o, m->name, str_printf(o->args.arena, "assertions are %s", given));
            return OK;
        }
    return wrong(o, "--xua is required, optional or system-only");
}

static enum status set_home(struct operation *o, const struct member *m, const char *given)
{
    struct str oid = strcmp(given, "ours") == 0 ? STR("") : oid_strip_urn(str_from(given));

    if (oid.n > 0 && (!oid_valid(oid) || oid.n > MEMBER_OID_LENGTH))
        return wrong(o, "--home-community takes an OID, as 1.2.3.4, or ours");
    db_queue(o->db, &SET_HOME, NULL, DB_INT8(m->id), DB_TEXT(oid));
    member_audit(o, m->name, str_printf(o->args.arena, "home community %s", given));
    return OK;
}

/* CODE or SYSTEM|CODE */
static bool purpose_valid(struct str s)
{
    struct str rest = s, first = str_cut(&rest, '|');

    if (str_find(s, ' ') >= 0)
        return false;
    return rest.p == NULL
               ? first.n > 0
               : oid_valid(oid_strip_urn(first)) && rest.n > 0 && str_find(rest, '|') < 0;
}

static enum status set_purposes(struct operation *o, const struct member *m)
{
    const char *given[MEMBER_MANY];
    struct str *purposes = ARENA_ARRAY(o->args.arena, MEMBER_MANY, struct str);
    size_t count = cli_values(&o->args, "purpose", given, MEMBER_MANY);

    if (count == 0)
        return OK;
    if (count > MEMBER_MANY)
        return fail(o->args.err, INVALID, "idp", "at most %d --purpose", MEMBER_MANY);
    for (size_t i = 0; i < count; i++) {
        purposes[i] = oid_strip_urn(str_from(given[i]));
        if (!purpose_valid(purposes[i]))
            return wrong(o, "--purpose takes CODE or OID|CODE, as TREAT, or any");
        member_audit(o, m->name, str_printf(o->args.arena, "may name the purpose %s", given[i]));
    }
    if (count == 1 && strcmp(given[0], "any") == 0)
        count = 0;
    db_queue(o->db, &SET_PURPOSES, NULL, DB_INT8(m->id), DB_TEXTS(purposes, count));
    return OK;
}

static enum status work_set(struct operation *o, struct strbuf *out)
{
    const char *xua = cli_value(&o->args, "xua"), *home = cli_value(&o->args, "home-community");
    const struct member *m;

    TRY(member_named(o, &m));
    if (xua == NULL && home == NULL && cli_value(&o->args, "purpose") == NULL)
        return wrong(o, "say what: --xua, --home-community or --purpose");
    if (xua != NULL)
        TRY(set_xua(o, m, xua));
    if (home != NULL)
        TRY(set_home(o, m, home));
    TRY(set_purposes(o, m));
    return member_report(o, out, member_word(o), "is changed; it holds from the next request on");
}

/* --- what an identity provider is given ----------------------------------------------------- */

static enum status issuer_given(struct operation *o, struct str *issuer)
{
    *issuer = str_from(cli_value(&o->args, "issuer"));
    if (issuer->n > 0 && issuer->n <= ISSUER_LENGTH)
        return OK;
    return wrong(o, "--issuer is required: saml:Issuer of its assertions, character by character");
}

static enum status idp_named(struct operation *o, const struct member **m,
                             const struct member_idp **idp)
{
    struct str issuer;

    TRY(member_named(o, m));
    TRY(issuer_given(o, &issuer));
    *idp = member_idp_by_issuer(*m, issuer);
    if (*idp != NULL)
        return OK;
    return fail(o->args.err, NOT_FOUND, "idp", "%.*s has no identity provider '%.*s'",
                STR_ARG((*m)->name), STR_ARG(issuer));
}

static enum status key_given(struct operation *o, struct certificate *c)
{
    const char *path = cli_value(&o->args, "cert");

    if (path == NULL)
        return wrong(o, "--cert is required: the certificate that its assertions are signed with");
    TRY(certificate_read(o->args.arena, path, c, o->args.err));
    TRY(certificate_usable(c, path, o->now_us, o->args.err));
    if (dsig_key_of_certificate(o->args.arena, c->der) == NULL)
        return fail(o->args.err, INVALID, "idp",
                    "%s: signatures by this key would be refused: RSA from 2048 bits, or P-256, "
                    "P-384 or P-521",
                    path);
    return OK;
}

static void key_queue(struct operation *o, int64_t member_id, struct str issuer,
                      const struct certificate *c)
{
    struct str fingerprint = str_dup(o->args.arena, str_of(c->fingerprint, 32));

    db_queue(o->db, &ADD_KEY, NULL, DB_INT8(member_id), DB_TEXT(issuer), DB_BYTEA(fingerprint),
             DB_TEXT(c->subject), DB_TIME(c->not_before_us), DB_TIME(c->not_after_us),
             DB_BYTEA(c->der));
}

static enum status number_given(struct operation *o, const char *name, uint64_t otherwise,
                                uint64_t most, int64_t *out)
{
    const char *given = cli_value(&o->args, name);
    uint64_t n = otherwise;

    if (given != NULL && (!str_to_u64(str_from(given), &n) || n > most))
        return fail(o->args.err, INVALID, "idp", "--%s takes a number up to %llu", name,
                    (unsigned long long)most);
    *out = (int64_t)n;
    return OK;
}

struct list {
    struct str items[MEMBER_MANY];
    size_t count;
};

/* Words without spaces, since the directory puts spaces between them. */
static enum status list_given(struct operation *o, const char *name, struct list *out)
{
    const char *given[MEMBER_MANY];

    out->count = cli_values(&o->args, name, given, MEMBER_MANY);
    if (out->count > MEMBER_MANY)
        return fail(o->args.err, INVALID, "idp", "at most %d --%s", MEMBER_MANY, name);
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = str_from(given[i]);
        if (out->items[i].n == 0 || str_find(out->items[i], ' ') >= 0)
            return fail(o->args.err, INVALID, "idp", "--%s takes one word at a time", name);
    }
    return OK;
}

static enum status organizations_given(struct operation *o, struct list *out)
{
    TRY(list_given(o, "organization", out));
    for (size_t i = 0; i < out->count; i++) {
        out->items[i] = oid_strip_urn(out->items[i]);
        if (!oid_valid(out->items[i]))
            return wrong(o, "--organization takes an OID, as 1.2.3.4");
    }
    return OK;
}

static enum status forms_given(struct operation *o, struct list *out)
{
    TRY(list_given(o, "purpose-form", out));
    for (size_t i = 0; i < out->count; i++)
        if (!member_list_has(STR("PurposeOfUse PurposeForUse CodedValue"), out->items[i]))
            return wrong(o, "--purpose-form is PurposeOfUse, PurposeForUse or CodedValue");
    if (out->count == 0)
        out->items[out->count++] = STR("PurposeOfUse");
    return OK;
}

/* --- member idp add, remove, rotate, list --------------------------------------------------- */

static enum status idp_queue(struct operation *o, const struct member *m, struct str issuer)
{
    struct list *audiences = ARENA_NEW(o->args.arena, struct list);
    struct list *organizations = ARENA_NEW(o->args.arena, struct list);
    struct list *forms = ARENA_NEW(o->args.arena, struct list);
    int64_t minutes, skew;

    TRY(list_given(o, "audience", audiences));
    TRY(organizations_given(o, organizations));
    TRY(forms_given(o, forms));
    TRY(number_given(o, "lifetime", 60, LIFETIME_MINUTES, &minutes));
    TRY(number_given(o, "skew", 60, SKEW_SECONDS, &skew));
    if (minutes == 0)
        return wrong(o, "--lifetime takes minutes, one or more");
    db_queue(o->db, &ADD_IDP, NULL, DB_INT8(m->id), DB_TEXT(issuer),
             DB_TEXTS(audiences->items, audiences->count),
             DB_TEXTS(organizations->items, organizations->count), DB_INT4((int)minutes * 60),
             DB_INT4((int)skew), DB_BOOL(cli_value(&o->args, "one-time") != NULL),
             DB_TEXTS(forms->items, forms->count));
    return OK;
}

static struct str idp_words(struct operation *o, const char *verb, struct str issuer,
                            const unsigned char *fingerprint)
{
    return str_printf(o->args.arena, "%s identity provider %.*s, key %.*s", verb, STR_ARG(issuer),
                      STR_ARG(fingerprint != NULL ? hex_encode(o->args.arena, fingerprint, 32)
                                                  : STR("all")));
}

static enum status work_add(struct operation *o, struct strbuf *out)
{
    struct certificate *c = ARENA_NEW(o->args.arena, struct certificate); /* until the flush */
    const struct member *m;
    struct str issuer;

    TRY(member_named(o, &m));
    TRY(issuer_given(o, &issuer));
    TRY(key_given(o, c));
    if (member_idp_by_issuer(m, issuer) != NULL)
        return fail(o->args.err, INVALID, "idp",
                    "%.*s has this identity provider already; a new key comes by `causeway member "
                    "idp rotate`",
                    STR_ARG(m->name));
    TRY(idp_queue(o, m, issuer));
    key_queue(o, m->id, issuer, c);
    member_audit(o, m->name, idp_words(o, "added", issuer, c->fingerprint));
    return member_report(o, out, member_word(o),
                         "may name persons for whom this identity provider vouches");
}

static enum status work_remove(struct operation *o, struct strbuf *out)
{
    const struct member_idp *idp;
    const struct member *m;

    TRY(idp_named(o, &m, &idp));
    db_queue(o->db, &REMOVE_KEYS, NULL, DB_INT8(m->id), DB_TEXT(idp->issuer),
             DB_NULL(DB_TYPE_BYTEA));
    db_queue(o->db, &REMOVE_IDP, NULL, DB_INT8(m->id), DB_TEXT(idp->issuer));
    member_audit(o, m->name, idp_words(o, "removed", idp->issuer, NULL));
    return member_report(o, out, member_word(o),
                         "can no longer use assertions of this identity provider");
}

static void key_drop(struct operation *o, const struct member *m, const struct member_idp *idp,
                     const struct member_idp_key *key)
{
    db_queue(o->db, &REMOVE_KEYS, NULL, DB_INT8(m->id), DB_TEXT(idp->issuer),
             DB_BYTEA(str_dup(o->args.arena, str_of(key->fingerprint, 32))));
    member_audit(o, m->name, idp_words(o, "dropped a key of", idp->issuer, key->fingerprint));
}

static bool has_key(const struct member_idp *idp, const unsigned char fingerprint[32])
{
    for (size_t i = 0; i < idp->key_count; i++)
        if (memcmp(idp->keys[i].fingerprint, fingerprint, 32) == 0)
            return true;
    return false;
}

/* Keys stand in the order in which they came. */
static enum status work_rotate(struct operation *o, struct strbuf *out)
{
    struct certificate *c = ARENA_NEW(o->args.arena, struct certificate); /* until the flush */
    const struct member_idp *idp;
    const struct member *m;

    TRY(idp_named(o, &m, &idp));
    if (cli_value(&o->args, "drop-old") != NULL) {
        if (idp->key_count < 2)
            return wrong(o, "it has one key: bring the new one first, with --cert");
        key_drop(o, m, idp, &idp->keys[0]);
        return member_report(o, out, member_word(o), "has the identity provider's newer key alone");
    }
    TRY(key_given(o, c));
    if (has_key(idp, c->fingerprint))
        return wrong(o, "this key is registered already");
    if (idp->key_count >= IDP_KEYS)
        key_drop(o, m, idp, &idp->keys[0]);
    key_queue(o, m->id, idp->issuer, c);
    member_audit(o, m->name, idp_words(o, "added to", idp->issuer, c->fingerprint));
    return member_report(o, out, member_word(o),
                         "has the new key beside the old one; when the identity provider signs "
                         "with it: `causeway member idp rotate ... --drop-old`");
}

static enum status work_list(struct operation *o, struct strbuf *out)
{
    const struct member *m;

    TRY(member_named(o, &m));
    member_print_idps(out, o->args.arena, m, o->args.json);
    return OK;
}

/* --- help ---------------------------------------------------------------------------------- */

#define CHANGE(endpoint_, work_)                                                                   \
    .least = 1, .most = 1, .transaction = "CONFIG", .audit = {"110113", 'E'},                      \
    .endpoint = (endpoint_), .changes_members = true, .work = (work_)

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};
static const struct cli_option set_options[] = {
    {"xua", "WORD", "required, optional or system-only: do its requests name a person?"},
    {"purpose", "[OID|]CODE", "a purpose of use that its assertions may name; any: every one"},
    {"home-community", "OID", "that its assertions may name; ours: the hub's own"},
    {NULL, NULL, NULL},
};
static const struct cli_option add_options[] = {
    {"issuer", "TEXT", "saml:Issuer of its assertions, character by character"},
    {"cert", "FILE", "the certificate that it signs with, PEM or DER; its chain is not looked at"},
    {"audience", "URI", "what it calls this hub; none: home community id, xad_authority, address"},
    {"organization", "OID", "an organization beside the member's own whose persons it knows"},
    {"lifetime", "MINUTES", "of an assertion, at most; default 60"},
    {"skew", "SECONDS", "by which its clock may be off; default 60"},
    {"one-time", NULL, "an assertion is good for one message"},
    {"purpose-form", "NAME", "PurposeOfUse (default), PurposeForUse or CodedValue"},
    {NULL, NULL, NULL},
};
static const struct cli_option remove_options[] = {
    {"issuer", "TEXT", "as `causeway member idp list` shows it"},
    {NULL, NULL, NULL},
};
static const struct cli_option rotate_options[] = {
    {"issuer", "TEXT", "as `causeway member idp list` shows it"},
    {"cert", "FILE", "the new certificate"},
    {"drop-old", NULL, "instead: forget the older of the two"},
    {NULL, NULL, NULL},
};

const struct operation_kind member_set = {
    .cli = {"causeway member set NAME [--xua WORD] [--purpose [OID|]CODE]... "
            "[--home-community OID]",
            "Says what a member's requests prove about the person behind them (XUA, ITI-40).\n"
            "With --xua required no SOAP request, and no HL7 v2 query, is answered without one.\n"
            "--purpose replaces the list of purposes of use:\n"
            "\n"
            "  causeway member set st-mary --xua required --purpose TREAT --purpose PAYMENT",
            set_options},
    CHANGE("causeway member set", work_set),
};

static const struct operation_kind add = {
    .cli = {"causeway member idp add NAME --issuer TEXT --cert FILE [--audience URI]... "
            "[--organization OID]... [--lifetime MINUTES] [--skew SECONDS] [--one-time] "
            "[--purpose-form NAME]...",
            "Lets an identity provider vouch for the persons behind a member's requests. Its key\n"
            "is pinned: what an assertion says of its own key is not looked at.\n"
            "\n"
            "  causeway member idp add st-mary --issuer https://sts.st-mary.example \\\n"
            "      --cert sts.pem",
            add_options},
    CHANGE("causeway member idp add", work_add),
};
static const struct operation_kind list = {
    .cli = {"causeway member idp list NAME", "Lists a member's identity providers.", no_options},
    .least = 1,
    .most = 1,
    .work = work_list,
};
static const struct operation_kind remove_one = {
    .cli = {"causeway member idp remove NAME --issuer TEXT",
            "Its assertions are refused from the next request on.", remove_options},
    CHANGE("causeway member idp remove", work_remove),
};
static const struct operation_kind rotate = {
    .cli = {"causeway member idp rotate NAME --issuer TEXT (--cert FILE | --drop-old)",
            "Brings a new key beside the old one (of two, the older goes). Both hold until the\n"
            "old one is dropped, or its certificate ends.",
            rotate_options},
    CHANGE("causeway member idp rotate", work_rotate),
};

const struct cli_verb member_idp_verbs[] = {
    {"add", "let one vouch for the member's persons", operation_run, &add},
    {"list", "all of a member's", operation_run, &list},
    {"remove", "believe one no longer", operation_run, &remove_one},
    {"rotate", "bring a new key, or drop the old one", operation_run, &rotate},
    {NULL, NULL, NULL, NULL},
};
