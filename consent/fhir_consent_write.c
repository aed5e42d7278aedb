/* Writing: the JSON of what fhir_consent.c reads. */
#include "consent/code_system.h"
#include "consent/fhir_consent.h"
#include "hub/base/json_text.h"

/* Before a member or an element: the comma, where one is wanted. */
static void next(struct strbuf *b)
{
    char last = b->p[b->n - 1];

    if (last != '{' && last != '[')
        strbuf_addc(b, ',');
}

static void add_key(struct strbuf *b, const char *key)
{
    next(b);
    strbuf_addf(b, "\"%s\":", key);
}

static void add_text(struct strbuf *b, const char *key, struct str value)
{
    if (value.n == 0)
        return;
    add_key(b, key);
    json_text_add(b, value);
}

static void add_coding(struct strbuf *b, const struct fhir_coding *c)
{
    strbuf_addc(b, '{');
    if (c->system.n > 0)
        add_text(b, "system", code_system_uri(b->arena, c->system));
    add_text(b, "code", c->code);
    strbuf_addc(b, '}');
}

static void add_concept(struct strbuf *b, const struct fhir_coding *c)
{
    strbuf_lit(b, "{\"coding\":[");
    add_coding(b, c);
    strbuf_lit(b, "]}");
}

static void add_codings(struct strbuf *b, const char *key, const struct fhir_coding *v, size_t n,
                        void (*add)(struct strbuf *b, const struct fhir_coding *c))
{
    if (n == 0)
        return;
    add_key(b, key);
    strbuf_addc(b, '[');
    for (size_t i = 0; i < n; i++) {
        next(b);
        add(b, &v[i]);
    }
    strbuf_addc(b, ']');
}

static void add_reference(struct strbuf *b, const struct fhir_reference *r)
{
    strbuf_addc(b, '{');
    add_text(b, "reference", r->reference);
    if (r->value.n > 0) {
        add_key(b, "identifier");
        strbuf_addc(b, '{');
        add_text(b, "system", r->system);
        add_text(b, "value", r->value);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, '}');
}

static bool given(const struct fhir_reference *r)
{
    return r->reference.n > 0 || r->value.n > 0;
}

static void add_references(struct strbuf *b, const char *key, const struct fhir_reference *v,
                           size_t n)
{
    if (n == 0)
        return;
    add_key(b, key);
    strbuf_addc(b, '[');
    for (size_t i = 0; i < n; i++) {
        next(b);
        add_reference(b, &v[i]);
    }
    strbuf_addc(b, ']');
}

static void add_period(struct strbuf *b, const char *key, const struct fhir_period *p)
{
    if (p->start.n == 0 && p->end.n == 0)
        return;
    add_key(b, key);
    strbuf_addc(b, '{');
    add_text(b, "start", p->start);
    add_text(b, "end", p->end);
    strbuf_addc(b, '}');
}

static void add_actors(struct strbuf *b, const struct fhir_provision *p)
{
    if (p->actor_count == 0)
        return;
    add_key(b, "actor");
    strbuf_addc(b, '[');
    for (size_t i = 0; i < p->actor_count; i++) {
        next(b);
        strbuf_lit(b, "{\"role\":");
        add_concept(b, &p->actors[i].role);
        strbuf_lit(b, ",\"reference\":");
        add_reference(b, &p->actors[i].who);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

static void add_data(struct strbuf *b, const struct fhir_provision *p)
{
    if (p->data_count == 0)
        return;
    add_key(b, "data");
    strbuf_addc(b, '[');
    for (size_t i = 0; i < p->data_count; i++) {
        next(b);
        strbuf_addc(b, '{');
        add_text(b, "meaning", p->data[i].meaning);
        add_key(b, "reference");
        add_reference(b, &p->data[i].what);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

static void add_provision(struct strbuf *b, const struct fhir_provision *p)
{
    strbuf_addc(b, '{');
    add_text(b, "type", p->type);
    add_period(b, "period", &p->period);
    add_actors(b, p);
    add_codings(b, "action", p->actions, p->action_count, add_concept);
    add_codings(b, "securityLabel", p->labels, p->label_count, add_coding);
    add_codings(b, "purpose", p->purposes, p->purpose_count, add_coding);
    add_codings(b, "class", p->classes, p->class_count, add_coding);
    add_codings(b, "code", p->codes, p->code_count, add_concept);
    add_period(b, "dataPeriod", &p->data_period);
    add_data(b, p);
    if (p->provision_count > 0) {
        add_key(b, "provision");
        strbuf_addc(b, '[');
        for (size_t i = 0; i < p->provision_count; i++) {
            next(b);
            add_provision(b, &p->provisions[i]);
        }
        strbuf_addc(b, ']');
    }
    strbuf_addc(b, '}');
}

static void add_identifier(struct strbuf *b, const struct fhir_consent *c)
{
    if (c->identifier_value.n == 0)
        return;
    add_key(b, "identifier");
    strbuf_lit(b, "[{");
    add_text(b, "system", c->identifier_system);
    add_text(b, "value", c->identifier_value);
    strbuf_lit(b, "}]");
}

static void add_policies(struct strbuf *b, const struct fhir_consent *c)
{
    if (c->policy_count == 0)
        return;
    add_key(b, "policy");
    strbuf_addc(b, '[');
    for (size_t i = 0; i < c->policy_count; i++) {
        next(b);
        strbuf_addc(b, '{');
        add_text(b, "uri", c->policies[i]);
        strbuf_addc(b, '}');
    }
    strbuf_addc(b, ']');
}

static void add_source(struct strbuf *b, const struct fhir_consent *c)
{
    if (given(&c->source)) {
        add_key(b, "sourceReference");
        add_reference(b, &c->source);
    }
    if (c->attachment.n > 0) {
        add_key(b, "sourceAttachment");
        strbuf_add(b, c->attachment);
    }
}

struct str fhir_consent_write(struct arena *a, const struct fhir_consent *c)
{
    struct strbuf b = strbuf_on(a, 1024);

    strbuf_lit(&b, "{\"resourceType\":\"Consent\"");
    add_text(&b, "id", c->id);
    add_identifier(&b, c);
    add_text(&b, "status", c->status);
    add_key(&b, "scope");
    add_concept(&b, &c->scope);
    add_codings(&b, "category", c->categories, c->category_count, add_concept);
    add_key(&b, "patient");
    add_reference(&b, &c->patient);
    add_text(&b, "dateTime", c->date_time);
    add_references(&b, "performer", c->performers, c->performer_count);
    add_references(&b, "organization", c->organizations, c->organization_count);
    add_source(&b, c);
    add_policies(&b, c);
    if (c->policy_rule.code.n > 0) {
        add_key(&b, "policyRule");
        add_concept(&b, &c->policy_rule);
    }
    if (c->has_provision) {
        add_key(&b, "provision");
        add_provision(&b, &c->provision);
    }
    strbuf_addc(&b, '}');
    return strbuf_str(&b);
}

struct str fhir_provision_write(struct arena *a, const struct fhir_provision *p)
{
    struct strbuf b = strbuf_on(a, 512);

    add_provision(&b, p);
    return strbuf_str(&b);
}
