#include "consent/meaning.h"

#include "consent/labels.h"
#include "hub/base/oid.h"

#define ROOT "Consent.provision"

const struct consent_rule CONSENT_DENY_ALL = {.effect = CONSENT_DENY};

/* Alternatives: sets of conditions, of which one must hold whole. */
struct ways {
    struct way {
        struct consent_condition v[CONSENT_ATTRIBUTE_COUNT];
        size_t n;
    } * v;
    size_t n;
};

struct maker {
    struct arena *arena;
    const struct consent_actors *actors;
    struct consent_meaning *out;
};

static void strange_at(struct maker *m, struct str path)
{
    struct consent_meaning *out = m->out;

    for (size_t i = 0; i < out->strange_count; i++)
        if (str_eq(out->strange[i], path))
            return;
    if (out->strange_count == FHIR_STRANGE_MAX)
        return;
    if (out->strange == NULL)
        out->strange = ARENA_ARRAY(m->arena, FHIR_STRANGE_MAX, struct str);
    out->strange[out->strange_count++] = path;
}

static void strange(struct maker *m, const char *path, const char *element, size_t i)
{
    strange_at(m, str_printf(m->arena, "%s.%s[%zu]", path, element, i));
}

/* --- alternatives ----------------------------------------------------------------------------- */

static struct ways one_way(struct maker *m)
{
    return (struct ways){ARENA_NEW(m->arena, struct way), 1};
}

static void require(struct ways *w, struct consent_condition c)
{
    for (size_t i = 0; i < w->n; i++)
        w->v[i].v[w->v[i].n++] = c;
}

/* Each way once with each of these conditions; without any they stay as they are. */
static void branch(struct maker *m, struct ways *w, const struct consent_condition *any, size_t n)
{
    struct ways out = {ARENA_ARRAY(m->arena, w->n * (n > 0 ? n : 1), struct way), 0};

    if (n == 0)
        return;
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < n; j++) {
            struct way *to = &out.v[out.n++];

            *to = w->v[i];
            to->v[to->n++] = any[j];
        }
    *w = out;
}

/* Values by attribute, as they are found. */
struct found {
    struct maker *m;
    size_t room;
    struct coded *values[CONSENT_ATTRIBUTE_COUNT];
    size_t counts[CONSENT_ATTRIBUTE_COUNT];
};

static void add_value(struct found *f, enum consent_attribute what, struct coded value)
{
    if (f->values[what] == NULL)
        f->values[what] = ARENA_ARRAY(f->m->arena, f->room, struct coded);
    f->values[what][f->counts[what]++] = value;
}

/* Of several attributes one must hold. */
static void branch_found(struct ways *w, const struct found *f)
{
    struct consent_condition any[CONSENT_ATTRIBUTE_COUNT];
    size_t n = 0;

    for (int i = 0; i < CONSENT_ATTRIBUTE_COUNT; i++)
        if (f->counts[i] > 0)
            any[n++] = (struct consent_condition){.what = (enum consent_attribute)i,
                                                  .values = f->values[i],
                                                  .count = f->counts[i]};
    branch(f->m, w, any, n);
}

static void require_period(struct ways *w, enum consent_attribute what, const struct fhir_period *p)
{
    if (p->from_us != INT64_MIN || p->until_us != INT64_MAX)
        require(w, (struct consent_condition){.what = what,
                                              .from_us = p->from_us,
                                              .until_us = p->until_us});
}

/* --- who and what for ------------------------------------------------------------------------- */

static struct str reference_id(struct str reference, struct str type)
{
    return str_starts(reference, type) ? str_slice(reference, type.n, reference.n) : STR_NONE;
}

static struct str member_of(const struct maker *m, const struct fhir_reference *who)
{
    struct str id = reference_id(who->reference, STR("Organization/")), found = STR_NONE;

    if (who->value.n > 0)
        found = m->actors->member(m->actors->context, oid_strip_urn(who->value));
    if (found.n == 0 && id.n > 0)
        found = m->actors->member(m->actors->context, id);
    return found;
}

/* A member; an organization by its OID; a person as audit records name them; the patient. */
static bool add_actor(struct found *f, const struct fhir_reference *who)
{
    struct str member = member_of(f->m, who), value = oid_strip_urn(who->value);

    if (member.n > 0)
        add_value(f, CONSENT_MEMBER, (struct coded){member, STR("")});
    else if (oid_valid(value) && !str_starts(who->reference, STR("Practitioner")))
        add_value(f, CONSENT_ORGANIZATION, (struct coded){value, STR("")});
    else if (str_find(value, '@') > 0)
        add_value(f, CONSENT_USER, (struct coded){value, STR("")});
    else if (str_starts(who->reference, STR("Patient/")))
        add_value(f, CONSENT_RELATION, (struct coded){STR("SELF"), STR("")});
    else
        return false;
    return true;
}

static void require_actors(struct maker *m, struct ways *w, const struct fhir_provision *p,
                           const char *path)
{
    struct found f = {.m = m, .room = p->actor_count};

    for (size_t i = 0; i < p->actor_count; i++)
        if (!add_actor(&f, &p->actors[i].who))
            strange(m, path, "actor", i);
    branch_found(w, &f);
}

static void require_codes(struct maker *m, struct ways *w, enum consent_attribute what,
                          const struct fhir_coding *codes, size_t n)
{
    struct found f = {.m = m, .room = n};

    for (size_t i = 0; i < n; i++)
        add_value(&f, what,
                  (struct coded){codes[i].code, codes[i].system.p ? codes[i].system : STR("")});
    branch_found(w, &f);
}

/* A disclosure is an access; a consent to collect or correct is about something else. */
static void check_actions(struct maker *m, const struct fhir_provision *p, const char *path)
{
    for (size_t i = 0; i < p->action_count; i++)
        if (!str_eq(p->actions[i].code, STR("access")) &&
            !str_eq(p->actions[i].code, STR("disclose")) && !str_eq(p->actions[i].code, STR("use")))
            strange(m, path, "action", i);
}

static struct ways scope_of(struct maker *m, const struct fhir_provision *p, const char *path)
{
    struct ways w = one_way(m);

    check_actions(m, p, path);
    require_period(&w, CONSENT_INSTANT, &p->period);
    require_codes(m, &w, CONSENT_PURPOSE, p->purposes, p->purpose_count);
    require_actors(m, &w, p, path);
    return w;
}

/* --- which data ------------------------------------------------------------------------------- */

/* Confidentiality up to the highest that is permitted, from the lowest that is denied. */
static void require_labels(struct maker *m, struct ways *w, const struct fhir_provision *p)
{
    static const struct str letters[] = {STR("U"), STR("L"), STR("M"),
                                         STR("N"), STR("R"), STR("V")};
    struct found f = {.m = m, .room = p->label_count + 6};
    bool permit = str_eq(p->type, STR("permit"));
    int low = 6, high = -1;

    for (size_t i = 0; i < p->label_count; i++) {
        int rank = label_confidentiality_rank(p->labels[i].code);

        if (rank < 0)
            add_value(&f, CONSENT_LABEL, (struct coded){p->labels[i].code, STR("")});
        else
            low = rank < low ? rank : low, high = rank > high ? rank : high;
    }
    for (int rank = 0; high >= 0 && rank < 6; rank++)
        if (permit ? rank <= high : rank >= low)
            add_value(&f, CONSENT_LABEL, (struct coded){letters[rank], STR("")});
    branch_found(w, &f);
}

/* What an XDS registry knows of a document: its uniqueId and its authors. */
static bool add_datum(struct found *f, const struct fhir_data *d)
{
    struct str value = oid_strip_urn(d->what.value),
               id = reference_id(d->what.reference, STR("DocumentReference/"));

    if (str_eq(d->meaning, STR("instance")) && (value.n > 0 || id.n > 0))
        add_value(f, CONSENT_DOCUMENT, (struct coded){value.n > 0 ? value : id, STR("")});
    else if (str_eq(d->meaning, STR("authoredby")) && value.n > 0)
        add_value(f, oid_valid(value) ? CONSENT_AUTHOR_ORGANIZATION : CONSENT_AUTHOR,
                  (struct coded){value, STR("")});
    else
        return false;
    return true;
}

static void require_data(struct maker *m, struct ways *w, const struct fhir_provision *p,
                         const char *path)
{
    struct found f = {.m = m, .room = p->data_count};

    for (size_t i = 0; i < p->data_count; i++)
        if (!add_datum(&f, &p->data[i]))
            strange(m, path, "data", i);
    branch_found(w, &f);
}

/* FHIR does not say where in the metadata a code stands: wherever it does, it is meant. */
static void require_content(struct maker *m, struct ways *w, const struct fhir_provision *p)
{
    static const enum consent_attribute places[] = {CONSENT_CLASS, CONSENT_TYPE, CONSENT_EVENT};
    struct found f = {.m = m, .room = p->code_count};

    for (size_t i = 0; i < p->code_count; i++)
        for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++)
            add_value(&f, places[j],
                      (struct coded){p->codes[i].code,
                                     p->codes[i].system.p ? p->codes[i].system : STR("")});
    branch_found(w, &f);
}

static bool names_data(const struct fhir_provision *p)
{
    return p->label_count > 0 || p->data_count > 0 || p->code_count > 0 || p->class_count > 0 ||
           p->data_period.from_us != INT64_MIN || p->data_period.until_us != INT64_MAX;
}

/* Adds the conditions about the data to those about the request. */
static void narrow(struct maker *m, struct ways *w, const struct fhir_provision *p,
                   const char *path)
{
    for (size_t i = 0; i < p->class_count; i++)
        strange(m, path, "class", i);
    require_period(w, CONSENT_CREATED, &p->data_period);
    require_labels(m, w, p);
    require_data(m, w, p, path);
    require_content(m, w, p);
}

/* --- rules ------------------------------------------------------------------------------------ */

struct rules {
    struct consent_rule *v;
    size_t n, room;
};

static void add_rule(struct maker *m, struct rules *list, struct consent_rule rule)
{
    if (list->n == list->room) {
        struct consent_rule *more = ARENA_ARRAY(m->arena, 2 * list->room + 4, struct consent_rule);

        if (list->n > 0)
            memcpy(more, list->v, list->n * sizeof(*more));
        list->v = more;
        list->room = 2 * list->room + 4;
    }
    list->v[list->n++] = rule;
}

/* One rule for each way, all with the same exceptions. */
static void add_ways(struct maker *m, struct rules *list, enum consent_effect effect,
                     const struct ways *w, const struct rules *exceptions)
{
    for (size_t i = 0; i < w->n; i++)
        add_rule(m, list,
                 (struct consent_rule){.effect = effect,
                                       .conditions = w->v[i].v,
                                       .condition_count = w->v[i].n,
                                       .exceptions = exceptions ? exceptions->v : NULL,
                                       .exception_count = exceptions ? exceptions->n : 0});
}

static enum consent_effect effect_of(const struct fhir_provision *p)
{
    return str_eq(p->type, STR("permit")) ? CONSENT_PERMIT : CONSENT_DENY;
}

static const char *nested_path(struct maker *m, const char *path, size_t i)
{
    return str_c(m->arena, str_printf(m->arena, "%s.provision[%zu]", path, i));
}

/* A nested provision as it stands: its scope, its data, its exceptions. */
static void add_nested(struct maker *m, struct rules *list, const struct fhir_provision *p,
                       const char *path)
{
    struct ways w = scope_of(m, p, path);
    struct rules exceptions = {NULL, 0, 0};

    narrow(m, &w, p, path);
    for (size_t i = 0; i < p->provision_count; i++)
        add_nested(m, &exceptions, &p->provisions[i], nested_path(m, path, i));
    add_ways(m, list, effect_of(p), &w, &exceptions);
}

static void add_all_nested(struct maker *m, struct rules *list, const struct fhir_provision *root,
                           enum consent_effect effect)
{
    for (size_t i = 0; i < root->provision_count; i++)
        if (effect_of(&root->provisions[i]) == effect)
            add_nested(m, list, &root->provisions[i], nested_path(m, ROOT, i));
}

/* In the scope of the rule that this is an exception of, nothing but these data. */
static void add_nothing_but(struct maker *m, struct rules *list, const struct fhir_provision *root)
{
    struct ways data = one_way(m), all = one_way(m);
    struct rules permits = {NULL, 0, 0};

    narrow(m, &data, root, ROOT);
    add_ways(m, &permits, CONSENT_PERMIT, &data, NULL);
    add_all_nested(m, &permits, root, CONSENT_PERMIT);
    add_ways(m, list, CONSENT_DENY, &all, &permits);
}

static bool among(const struct fhir_coding *code, const struct fhir_coding *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].code, code->code) && str_eq(v[i].system, code->system))
            return true;
    return n == 0;
}

/* Does it speak of requests that the root says nothing about? */
static bool beyond(const struct fhir_provision *root, const struct fhir_provision *p)
{
    for (size_t i = 0; i < p->purpose_count; i++)
        if (!among(&p->purposes[i], root->purposes, root->purpose_count))
            return true;
    return p->actor_count > 0 && root->actor_count > 0;
}

/* A nested permit for other purposes or actors: a rule beside the root's, within what of the root
 * it does not say itself. */
static void add_beyond(struct maker *m, const struct fhir_provision *root,
                       const struct fhir_provision *p, struct rules *list, const char *path)
{
    struct fhir_provision scope = *p;
    struct rules exceptions = {NULL, 0, 0};
    struct ways w;

    if (scope.purpose_count == 0)
        scope.purposes = root->purposes, scope.purpose_count = root->purpose_count;
    if (scope.actor_count == 0)
        scope.actors = root->actors, scope.actor_count = root->actor_count;
    w = scope_of(m, &scope, path);
    require_period(&w, CONSENT_INSTANT, &root->period);
    if (names_data(root))
        add_nothing_but(m, &exceptions, root);
    else
        narrow(m, &w, p, path);
    add_all_nested(m, &exceptions, root, CONSENT_DENY);
    add_ways(m, list, CONSENT_PERMIT, &w, &exceptions);
}

/* A nested permit within a permit of all data changes nothing; it has to be understood all the
 * same.
 */
static void look_at(struct maker *m, const struct fhir_provision *p, const char *path)
{
    struct rules none = {NULL, 0, 0};

    add_nested(m, &none, p, path);
}

static void mean_permit(struct maker *m, const struct fhir_provision *root, struct rules *list)
{
    struct ways scope = scope_of(m, root, ROOT);
    struct rules exceptions = {NULL, 0, 0};

    if (names_data(root))
        add_nothing_but(m, &exceptions, root);
    add_all_nested(m, &exceptions, root, CONSENT_DENY);
    add_ways(m, list, CONSENT_PERMIT, &scope, &exceptions);
    for (size_t i = 0; i < root->provision_count; i++) {
        const struct fhir_provision *p = &root->provisions[i];

        if (effect_of(p) == CONSENT_PERMIT && beyond(root, p))
            add_beyond(m, root, p, list, nested_path(m, ROOT, i));
        else if (effect_of(p) == CONSENT_PERMIT && !names_data(root))
            look_at(m, p, nested_path(m, ROOT, i));
    }
}

/* What the engine would not take for its size or depth is not understood either. */
static void check_caps(struct maker *m, const struct consent_rule *rule)
{
    struct consent_rule again;
    struct errors err;

    errors_init(&err, m->arena);
    if (consent_rule_read(m->arena, consent_rule_write(m->arena, rule), &again, &err) != OK)
        strange_at(m, STR(ROOT));
}

struct consent_meaning consent_meaning_of(struct arena *a, const struct fhir_provision *root,
                                          const struct consent_actors *actors)
{
    struct consent_meaning out = {NULL, 0, NULL, 0};
    struct maker m = {.arena = a, .actors = actors, .out = &out};
    struct rules list = {NULL, 0, 0};

    if (effect_of(root) == CONSENT_PERMIT)
        mean_permit(&m, root, &list);
    else
        add_nested(&m, &list, root, ROOT);
    for (size_t i = 0; i < list.n; i++)
        check_caps(&m, &list.v[i]);
    out.rules = list.v;
    out.count = list.n;
    return out;
}
