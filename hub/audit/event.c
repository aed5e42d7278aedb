#include "hub/audit/event.h"

#include <arpa/inet.h>
#include <jansson.h>

#include "hub/base/hex.h"

#define ANONYMOUS STR("http://www.w3.org/2005/08/addressing/anonymous")

/* --- reading --------------------------------------------------------------------------------- */

static struct str text_of(struct arena *a, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_string(v))
        return STR("");
    return str_dup(a, str_of(json_string_value(v), json_string_length(v)));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void read_objects(struct arena *a, const json_t *list, struct audit_event *e)
{
    struct audit_object **end = &e->objects;
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        struct audit_object *o = ARENA_NEW(a, struct audit_object);

        o->kind = text_of(a, item, "kind").p;
        o->id = text_of(a, item, "id");
        o->detail = text_of(a, item, "detail");
        o->home = text_of(a, item, "home");
        *end = o;
        end = &o->next;
    }
}

static void read_first_version(struct arena *a, const json_t *r, struct audit_event *e)
{
    const json_t *member = json_object_get(r, "member");

    e->id = text_of(a, r, "id");
    e->at = text_of(a, r, "at");
    e->request = text_of(a, r, "request");
    e->transaction = text_of(a, r, "transaction");
    e->event = text_of(a, r, "event");
    e->action = text_of(a, r, "action");
    e->outcome = (int)number_of(r, "outcome");
    e->member_id = number_of(member, "id");
    e->member = text_of(a, member, "name");
    e->user = text_of(a, r, "user");
    e->role = text_of(a, r, "role");
    e->purpose = text_of(a, r, "purpose");
    e->peer = text_of(a, r, "peer");
    e->endpoint = text_of(a, r, "endpoint");
    e->patient = text_of(a, r, "patient");
    e->description = text_of(a, r, "description");
    read_objects(a, json_object_get(r, "objects"), e);
}

static void read_second_version(struct arena *a, const json_t *r, struct audit_event *e)
{
    e->initiator = str_eq(text_of(a, r, "side"), STR("initiator"));
    e->partner = text_of(a, r, "partner");
    e->user_name = text_of(a, r, "user_name");
    e->organization = text_of(a, r, "organization");
    e->role_system = text_of(a, r, "role_system");
    e->purpose_system = text_of(a, r, "purpose_system");
    e->assertion = text_of(a, r, "assertion");
    e->sender = text_of(a, r, "sender");
    e->process = number_of(r, "process");
    e->fingerprint = text_of(a, r, "fingerprint");
    if (!base64_decode(a, text_of(a, r, "verbatim"), &e->verbatim))
        e->verbatim = STR("");
}

bool audit_event_read(struct arena *a, struct str record, struct audit_event *out)
{
    json_t *r = record.p != NULL ? json_loadb(record.p, record.n, JSON_ALLOW_NUL, NULL) : NULL;
    bool is_record = json_is_object(r) && number_of(r, "v") >= 1;

    *out = (struct audit_event){0};
    if (is_record) {
        read_first_version(a, r, out);
        read_second_version(a, r, out);
        out->row = audit_transaction_find(out->transaction, out->initiator);
    }
    json_decref(r);
    return is_record;
}

/* --- who ------------------------------------------------------------------------------------- */

const struct audit_object *audit_event_object(const struct audit_event *e, const char *kind)
{
    for (const struct audit_object *o = e->objects; o != NULL; o = o->next)
        if (strcmp(o->kind, kind) == 0)
            return o;
    return NULL;
}

/* The host of scheme://host:port/path, host:port or [v6]:port. */
static struct str host_of(struct str s)
{
    ptrdiff_t at = str_find_str(s, STR("://"));

    if (at >= 0)
        s = str_slice(s, (size_t)at + 3, s.n);
    s = str_cut(&s, '/');
    if (str_starts(s, STR("[")))
        return str_slice(s, 1, str_find(s, ']') > 0 ? (size_t)str_find(s, ']') : s.n);
    at = str_find(s, ':');
    return at >= 0 ? str_slice(s, 0, (size_t)at) : s;
}

static void set_network(struct arena *a, struct audit_party *p, struct str address)
{
    unsigned char binary[sizeof(struct in6_addr)];
    const char *host;

    p->network = host_of(address);
    host = str_c(a, p->network);
    p->network_is_address =
        inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1;
}

static struct str first_of(struct str one, struct str other)
{
    return one.n > 0 ? one : other;
}

static void describe_hub(struct arena *a, const struct audit_event *e, struct str hub,
                         struct audit_party *p)
{
    struct str name = first_of(e->endpoint, hub);

    *p = (struct audit_party){.id = e->initiator ? first_of(e->sender, name) : name};
    if (e->process > 0)
        p->process = str_printf(a, "%lld", (long long)e->process);
    if (str_find_str(name, STR("://")) > 0)
        set_network(a, p, name);
}

/* "ADDRESS SUBJECT" of a connection, "local command on HOST" of an operator. */
static void describe_other(struct arena *a, const struct audit_event *e, struct audit_party *p)
{
    static const struct str local = {"local command on ", 17};
    struct str rest = first_of(e->partner, e->peer), address = str_cut(&rest, ' ');
    bool by_command = str_starts(e->peer, local);

    if (by_command)
        address = str_slice(e->peer, local.n, e->peer.n);
    if (e->initiator)
        *p = (struct audit_party){.id = first_of(address, STR("unknown"))};
    else
        *p = (struct audit_party){.id = first_of(e->sender, by_command ? address : ANONYMOUS)};
    if (e->initiator && str_find(address, ':') < 0 && e->peer.n > 0)
        address = e->peer; /* the partner is named by its application */
    if (address.n > 0)
        set_network(a, p, address);
}

void audit_event_parties(struct arena *a, const struct audit_event *e, struct str hub,
                         struct audit_party *asker, struct audit_party *answerer)
{
    describe_hub(a, e, hub, e->initiator ? asker : answerer);
    describe_other(a, e, e->initiator ? answerer : asker);
    asker->requestor = true;
    answerer->requestor = false;
}

bool audit_event_has_person(const struct audit_event *e)
{
    return e->user.n > 0;
}

/* user and issuer of alias<user@issuer>; the whole and none when it has another form. */
static void split_person(struct str whole, struct str *user, struct str *issuer)
{
    ptrdiff_t open = str_find(whole, '<');
    struct str inside = open >= 0 ? str_slice(whole, (size_t)open + 1, whole.n) : STR_NONE;

    while (inside.n > 0 && inside.p[inside.n - 1] == '>')
        inside.n--;
    *user = first_of(inside, whole);
    *issuer = STR_NONE;
    for (size_t i = inside.n; i-- > 1;) /* a user's name may be an address itself */
        if (inside.p[i] == '@') {
            *user = str_slice(inside, 0, i);
            *issuer = str_slice(inside, i + 1, inside.n);
            return;
        }
}

struct str audit_event_person(const struct audit_event *e)
{
    struct str user, issuer;

    split_person(e->user, &user, &issuer);
    return user;
}

struct str audit_event_issuer(const struct audit_event *e)
{
    struct str user, issuer;

    split_person(e->user, &user, &issuer);
    return issuer;
}

/* --- what ------------------------------------------------------------------------------------ */

/* "110137 User Security Attributes Changed" */
static struct audit_code alert_code(struct str alert)
{
    struct str words = alert, code = str_cut(&words, ' ');

    return (struct audit_code){code, STR("DCM"), first_of(words, code)};
}

struct audit_code audit_event_type(const struct audit_event *e)
{
    const struct audit_object *alert = audit_event_object(e, "alert");

    if (alert != NULL && alert->id.n > 0)
        return alert_code(alert->id);
    if (e->row == NULL)
        return (struct audit_code){e->transaction, STR("Causeway"), e->transaction};
    if (e->row->code != NULL)
        return (struct audit_code){str_from(e->row->code), STR("DCM"), str_from(e->row->words)};
    return (struct audit_code){
        e->transaction,
        str_starts(e->transaction, STR("ITI-")) ? STR("IHE Transactions") : STR("Causeway"),
        str_from(e->row->words),
    };
}

const char *audit_event_words(struct str event_id)
{
    static const struct {
        const char *code, *words;
    } known[] = {
        {"110100", "Application Activity"},
        {"110101", "Audit Log Used"},
        {"110106", "Export"},
        {"110107", "Import"},
        {"110110", "Patient Record"},
        {"110112", "Query"},
        {"110113", "Security Alert"},
        {"110114", "User Authentication"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq(event_id, str_from(known[i].code)))
            return known[i].words;
    return "Security Alert";
}

struct str audit_event_message(const struct audit_event *e)
{
    const struct audit_object *message = audit_event_object(e, "message");

    return message != NULL && e->row != NULL && e->row->message != NULL ? message->id : STR_NONE;
}

/* --- for who asked --------------------------------------------------------------------------- */

static bool is_kept(const struct audit_object *o, bool nothing_told)
{
    return strcmp(o->kind, "decision") != 0 && !(nothing_told && strcmp(o->kind, "patient") == 0);
}

bool audit_event_for_asker(struct audit_event *e, bool by_patient)
{
    ptrdiff_t at = str_find_str(e->description, STR(AUDIT_WITHHELD));
    bool nothing_told = str_find_str(e->description, STR(AUDIT_NOTHING_OF_THEM)) >= 0;
    bool beside = str_find_str(e->description, STR(AUDIT_NOTHING_BESIDE)) >= 0;

    if (at >= 0)
        e->description = str_slice(e->description, 0, (size_t)at);
    while (e->description.n > 0 && strchr(";: ", e->description.p[e->description.n - 1]) != NULL)
        e->description.n--;
    if (nothing_told)
        e->patient = STR_NONE;
    for (struct audit_object **o = &e->objects; *o != NULL;)
        if (is_kept(*o, nothing_told))
            o = &(*o)->next;
        else
            *o = (*o)->next;
    return !beside && !(nothing_told && by_patient);
}
