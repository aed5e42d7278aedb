/* Reading: each object by the table of its keys, so that no key can be passed over. */
#include "consent/fhir_consent.h"

#include <stdlib.h>

#include "consent/code_system.h"
#include "hub/base/clock.h"
#include "hub/base/json_text.h"
#include "hub/data/json.h"

static const struct json_limits LIMITS = {FHIR_CONSENT_MAX, FHIR_CONSENT_DEPTH};

/* Where the reader stands: the way back to the root makes the path. */
struct at {
    const struct at *up;
    const char *name;
    size_t index; /* of an array; SIZE_MAX: no array */
};

struct reader {
    struct arena *arena;
    struct str *strange;
    size_t count;
};

static void add_path(struct strbuf *b, const struct at *at)
{
    if (at->up) {
        add_path(b, at->up);
        strbuf_addc(b, '.');
    }
    strbuf_add(b, str_slice(str_from(at->name), 0, 80));
    if (at->index != SIZE_MAX)
        strbuf_addf(b, "[%zu]", at->index);
}

static void strange(struct reader *r, const struct at *at)
{
    struct strbuf b = strbuf_on(r->arena, 64);

    if (r->count == FHIR_STRANGE_MAX)
        return;
    add_path(&b, at);
    for (size_t i = 0; i < r->count; i++)
        if (str_eq(r->strange[i], strbuf_str(&b)))
            return;
    r->strange[r->count++] = strbuf_str(&b);
}

/* --- tables of keys ---------------------------------------------------------------------------
 */

/* How a member of an object is read into the struct at `to`. */
struct key {
    const char *name;
    void (*read)(struct reader *r, const struct at *at, json_t *value, void *to);
};

static void read_object(struct reader *r, const struct at *at, json_t *object, void *to,
                        const struct key *keys)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object)) {
        strange(r, at);
        return;
    }
    json_object_foreach(object, name, value)
    {
        struct at here = {at, name, SIZE_MAX};
        const struct key *k = keys;

        while (k->name && strcmp(k->name, name) != 0)
            k++;
        if (k->name == NULL)
            strange(r, &here);
        else
            k->read(r, &here, value, to);
    }
}

/* Reads each element of an array into an element of `size` bytes. */
static size_t
read_array(struct reader *r, const struct at *at, json_t *array, size_t size, void **out,
           void (*read)(struct reader *r, const struct at *at, json_t *value, void *to))
{
    size_t n = json_array_size(array);
    char *v = arena_array(r->arena, n > 0 ? n : 1, size);
    json_t *item;
    size_t i;

    if (n == 0) /* an empty array is no FHIR */
        strange(r, at);
    json_array_foreach(array, i, item)
    {
        struct at here = {at->up, at->name, i};

        read(r, &here, item, v + i * size);
    }
    *out = v;
    return n;
}

#define LIST(name, type, list, count, element, each)                                               \
    static void name(struct reader *r, const struct at *at, json_t *value, void *to)               \
    {                                                                                              \
        type *in = to;                                                                             \
        void *v;                                                                                   \
                                                                                                   \
        in->count = read_array(r, at, value, sizeof(element), &v, each);                           \
        in->list = v;                                                                              \
    }

/* Members of no meaning for a decision. */
static void pass(struct reader *r, const struct at *at, json_t *value, void *to)
{
    (void)r, (void)at, (void)value, (void)to;
}

static void read_text(struct reader *r, const struct at *at, json_t *value, void *to)
{
    struct str text = json_str(value);

    if (text.n == 0)
        strange(r, at);
    *(struct str *)to = text;
}

#define TEXT(name, type, member)                                                                   \
    static void name(struct reader *r, const struct at *at, json_t *value, void *to)               \
    {                                                                                              \
        read_text(r, at, value, &((type *)to)->member);                                            \
    }

/* One of these words, or strange. */
static void check_word(struct reader *r, const struct at *at, struct str word,
                       const char *const *words)
{
    for (; *words; words++)
        if (str_eq(word, str_from(*words)))
            return;
    strange(r, at);
}

/* --- data types -------------------------------------------------------------------------------
 */

TEXT(coding_system, struct fhir_coding, system)
TEXT(coding_code, struct fhir_coding, code)

static void read_coding(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"system", coding_system}, {"code", coding_code},
                                      {"version", pass},         {"display", pass},
                                      {"userSelected", pass},    {NULL, NULL}};
    struct fhir_coding *c = to;

    *c = (struct fhir_coding){STR_NONE, STR_NONE};
    read_object(r, at, value, c, keys);
    c->system = code_system(c->system);
    if (c->code.n == 0)
        strange(r, at);
}

/* The only coding of a CodeableConcept: several are translations of which nobody says here that
 * they mean the same, and a text alone is no code. */
static void concept_coding(struct reader *r, const struct at *at, json_t *value, void *to)
{
    struct at here = {at->up, at->name, 0};

    if (json_array_size(value) != 1)
        strange(r, at);
    else
        read_coding(r, &here, json_array_get(value, 0), to);
}

static void read_concept(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"coding", concept_coding}, {"text", pass}, {NULL, NULL}};
    struct fhir_coding *c = to;

    *c = (struct fhir_coding){STR_NONE, STR_NONE};
    read_object(r, at, value, c, keys);
    if (c->code.n == 0)
        strange(r, at);
}

TEXT(identifier_system, struct fhir_reference, system)
TEXT(identifier_value, struct fhir_reference, value)
TEXT(reference_literal, struct fhir_reference, reference)

static void reference_identifier(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"system", identifier_system},
                                      {"value", identifier_value},
                                      {"use", pass},
                                      {"type", pass},
                                      {"assigner", pass},
                                      {NULL, NULL}};

    read_object(r, at, value, to, keys);
}

static void read_reference(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"reference", reference_literal},
                                      {"identifier", reference_identifier},
                                      {"type", pass},
                                      {"display", pass},
                                      {NULL, NULL}};
    struct fhir_reference *ref = to;

    *ref = (struct fhir_reference){STR_NONE, STR_NONE, STR_NONE};
    read_object(r, at, value, ref, keys);
    if (ref->reference.n == 0 && ref->value.n == 0)
        strange(r, at);
}

/* YYYY, YYYY-MM, YYYY-MM-DD, or an instant with its zone: [from, until). */
static bool read_date(struct str s, int64_t *from, int64_t *until)
{
    char digits[8];
    size_t n = 0;
    int64_t us;

    if (clock_parse_iso(s, &us) && s.n > 10) {
        *from = us;
        *until = us + 1;
        return true;
    }
    if (s.n != 4 && s.n != 7 && s.n != 10)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (i == 4 || i == 7) {
            if (s.p[i] != '-')
                return false;
        } else {
            digits[n++] = s.p[i];
        }
    }
    return clock_parse_dtm(str_of(digits, n), from, until);
}

TEXT(period_start, struct fhir_period, start)
TEXT(period_end, struct fhir_period, end)

static void read_period(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"start", period_start}, {"end", period_end}, {NULL, NULL}};
    struct fhir_period *p = to;
    int64_t other;

    read_object(r, at, value, p, keys);
    if (p->start.n > 0 && !read_date(p->start, &p->from_us, &other))
        strange(r, at);
    if (p->end.n > 0 && !read_date(p->end, &other, &p->until_us))
        strange(r, at);
    if ((p->start.n == 0 && p->end.n == 0) || p->from_us >= p->until_us)
        strange(r, at);
}

/* --- provision --------------------------------------------------------------------------------
 */

static void read_provision(struct reader *r, const struct at *at, json_t *value, void *to);

static void provision_type(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const char *const words[] = {"permit", "deny", NULL};
    struct fhir_provision *p = to;

    read_text(r, at, value, &p->type);
    check_word(r, at, p->type, words);
}

static void provision_period(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_period(r, at, value, &((struct fhir_provision *)to)->period);
}

static void provision_data_period(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_period(r, at, value, &((struct fhir_provision *)to)->data_period);
}

static void actor_role(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_concept(r, at, value, &((struct fhir_actor *)to)->role);
}

static void actor_who(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_reference(r, at, value, &((struct fhir_actor *)to)->who);
}

/* Recipients only: IRCP (PCF), PRCP (primary recipient); whoever else is meant is none that a
 * decision knows. */
static void read_actor(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"role", actor_role},
                                      {"reference", actor_who},
                                      {"id", pass},
                                      {NULL, NULL}};
    static const char *const roles[] = {"IRCP", "PRCP", NULL};
    const struct at role = {at, "role", SIZE_MAX}, who = {at, "reference", SIZE_MAX};
    struct fhir_actor *actor = to;

    read_object(r, at, value, actor, keys);
    check_word(r, &role, actor->role.code, roles);
    if (actor->who.reference.n == 0 && actor->who.value.n == 0)
        strange(r, &who);
}

static void data_meaning(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const char *const words[] = {"instance", "related", "dependents", "authoredby", NULL};
    struct fhir_data *d = to;

    read_text(r, at, value, &d->meaning);
    check_word(r, at, d->meaning, words);
}

static void data_reference(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_reference(r, at, value, &((struct fhir_data *)to)->what);
}

static void read_data(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"meaning", data_meaning},
                                      {"reference", data_reference},
                                      {"id", pass},
                                      {NULL, NULL}};
    struct fhir_data *d = to;

    read_object(r, at, value, d, keys);
    if (d->meaning.n == 0 || (d->what.reference.n == 0 && d->what.value.n == 0))
        strange(r, at);
}

LIST(provision_actors, struct fhir_provision, actors, actor_count, struct fhir_actor, read_actor)
LIST(provision_actions, struct fhir_provision, actions, action_count, struct fhir_coding,
     read_concept)
LIST(provision_labels, struct fhir_provision, labels, label_count, struct fhir_coding, read_coding)
LIST(provision_purposes, struct fhir_provision, purposes, purpose_count, struct fhir_coding,
     read_coding)
LIST(provision_classes, struct fhir_provision, classes, class_count, struct fhir_coding,
     read_coding)
LIST(provision_codes, struct fhir_provision, codes, code_count, struct fhir_coding, read_concept)
LIST(provision_data, struct fhir_provision, data, data_count, struct fhir_data, read_data)
LIST(provision_nested, struct fhir_provision, provisions, provision_count, struct fhir_provision,
     read_provision)

static const struct key provision_keys[] = {{"type", provision_type},
                                            {"period", provision_period},
                                            {"actor", provision_actors},
                                            {"action", provision_actions},
                                            {"securityLabel", provision_labels},
                                            {"purpose", provision_purposes},
                                            {"class", provision_classes},
                                            {"code", provision_codes},
                                            {"dataPeriod", provision_data_period},
                                            {"data", provision_data},
                                            {"provision", provision_nested},
                                            {"id", pass},
                                            {NULL, NULL}};

/* Without a type nobody knows whether it permits or denies. The recursion is bounded by LIMITS. */
static void read_provision(struct reader *r, const struct at *at, json_t *value, void *to)
{
    const struct at type = {at, "type", SIZE_MAX};
    struct fhir_provision *p = to;

    *p = (struct fhir_provision){
        .period = {.from_us = INT64_MIN, .until_us = INT64_MAX},
        .data_period = {.from_us = INT64_MIN, .until_us = INT64_MAX},
    };
    read_object(r, at, value, p, provision_keys);
    if (p->type.n == 0)
        strange(r, &type);
}

/* --- Consent ----------------------------------------------------------------------------------
 */

TEXT(consent_id, struct fhir_consent, id)
TEXT(consent_date_time, struct fhir_consent, date_time)

static void consent_status(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const char *const words[] = {"draft",    "proposed",         "active", "rejected",
                                        "inactive", "entered-in-error", NULL};
    struct fhir_consent *c = to;

    read_text(r, at, value, &c->status);
    check_word(r, at, c->status, words);
}

static void consent_identifier(struct reader *r, const struct at *at, json_t *value, void *to)
{
    struct fhir_consent *c = to;
    struct fhir_reference id = {STR_NONE, STR_NONE, STR_NONE};
    struct at here = {at->up, at->name, 0};

    if (json_array_size(value) == 0)
        strange(r, at);
    else
        reference_identifier(r, &here, json_array_get(value, 0), &id);
    c->identifier_system = id.system;
    c->identifier_value = id.value;
}

/* Other scopes (research, advance directives) are no privacy consents. */
static void consent_scope(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const char *const words[] = {"patient-privacy", NULL};
    struct fhir_consent *c = to;

    read_concept(r, at, value, &c->scope);
    check_word(r, at, c->scope.code, words);
}

static void consent_patient(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_reference(r, at, value, &((struct fhir_consent *)to)->patient);
}

static void consent_source(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_reference(r, at, value, &((struct fhir_consent *)to)->source);
}

static void free_text(void *p)
{
    free(p);
}

static void consent_attachment(struct reader *r, const struct at *at, json_t *value, void *to)
{
    char *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;

    if (text == NULL) {
        strange(r, at);
        return;
    }
    arena_defer(r->arena, free_text, text);
    ((struct fhir_consent *)to)->attachment = str_from(text);
}

static void read_policy(struct reader *r, const struct at *at, json_t *value, void *to)
{
    static const struct key keys[] = {{"uri", read_text},
                                      {"authority", pass},
                                      {"id", pass},
                                      {NULL, NULL}};

    read_object(r, at, value, to, keys);
}

static void consent_policy_rule(struct reader *r, const struct at *at, json_t *value, void *to)
{
    read_concept(r, at, value, &((struct fhir_consent *)to)->policy_rule);
}

/* Each must say that it was verified. */
static void consent_verification(struct reader *r, const struct at *at, json_t *value, void *to)
{
    json_t *item;
    size_t i;

    (void)to;
    json_array_foreach(value, i, item) if (!json_is_true(json_object_get(item, "verified")))
        strange(r, at);
    if (json_array_size(value) == 0)
        strange(r, at);
}

static void consent_provision(struct reader *r, const struct at *at, json_t *value, void *to)
{
    struct fhir_consent *c = to;

    c->has_provision = true;
    read_provision(r, at, value, &c->provision);
}

LIST(consent_categories, struct fhir_consent, categories, category_count, struct fhir_coding,
     read_concept)
LIST(consent_performers, struct fhir_consent, performers, performer_count, struct fhir_reference,
     read_reference)
LIST(consent_organizations, struct fhir_consent, organizations, organization_count,
     struct fhir_reference, read_reference)
LIST(consent_policies, struct fhir_consent, policies, policy_count, struct str, read_policy)

static const struct key consent_keys[] = {{"resourceType", pass},
                                          {"id", consent_id},
                                          {"meta", pass},
                                          {"language", pass},
                                          {"text", pass},
                                          {"identifier", consent_identifier},
                                          {"status", consent_status},
                                          {"scope", consent_scope},
                                          {"category", consent_categories},
                                          {"patient", consent_patient},
                                          {"dateTime", consent_date_time},
                                          {"performer", consent_performers},
                                          {"organization", consent_organizations},
                                          {"sourceReference", consent_source},
                                          {"sourceAttachment", consent_attachment},
                                          {"policy", consent_policies},
                                          {"policyRule", consent_policy_rule},
                                          {"verification", consent_verification},
                                          {"provision", consent_provision},
                                          {NULL, NULL}};

/* What must be there for anything to be decided by it. */
static void check_required(struct reader *r, const struct at *root, const struct fhir_consent *c)
{
    const struct {
        const char *name;
        bool given;
    } required[] = {{"status", c->status.n > 0},
                    {"scope", c->scope.code.n > 0},
                    {"patient", c->patient.reference.n > 0 || c->patient.value.n > 0},
                    {"provision", c->has_provision}};

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        struct at at = {root, required[i].name, SIZE_MAX};

        if (!required[i].given)
            strange(r, &at);
    }
}

static struct reader reader_on(struct arena *a)
{
    return (struct reader){a, ARENA_ARRAY(a, FHIR_STRANGE_MAX, struct str), 0};
}

enum status fhir_consent_read(struct arena *a, struct str json, struct fhir_consent *out,
                              struct errors *err)
{
    static const struct at root = {NULL, "Consent", SIZE_MAX};
    struct reader r = reader_on(a);
    json_t *tree;

    *out = (struct fhir_consent){0};
    TRY(json_read(a, json, &LIMITS, "fhir", err, &tree));
    if (!str_eq(json_member(tree, "resourceType"), STR("Consent")))
        return fail(err, INVALID, "fhir", "the JSON is no FHIR Consent");
    read_object(&r, &root, tree, out, consent_keys);
    check_required(&r, &root, out);
    out->strange = r.strange;
    out->strange_count = r.count;
    return OK;
}

enum status fhir_provision_read(struct arena *a, struct str json, struct fhir_provision *out,
                                struct str **strange_out, size_t *strange_count, struct errors *err)
{
    static const struct at root = {NULL, "provision", SIZE_MAX};
    struct reader r = reader_on(a);
    json_t *tree;

    TRY(json_read(a, json, &LIMITS, "fhir", err, &tree));
    read_provision(&r, &root, tree, out);
    *strange_out = r.strange;
    *strange_count = r.count;
    return OK;
}
