#include "consent/residual.h"

#include "consent/code_system.h"
#include "consent/purpose.h"

static struct coded coded_of(const struct fhir_coding *c)
{
    return (struct coded){c->code, c->system};
}

static bool purpose_fits(const struct fhir_provision *p, const struct fhir_coding *purpose)
{
    for (size_t i = 0; i < p->purpose_count; i++)
        if (consent_purpose_includes(coded_of(&p->purposes[i]), coded_of(purpose)))
            return true;
    return p->purpose_count == 0;
}

static bool actor_fits(const struct fhir_provision *p, const struct residual_request *request)
{
    for (size_t i = 0; i < p->actor_count; i++)
        for (size_t j = 0; j < request->is_count; j++)
            if (str_eq(p->actors[i].who.reference, request->is[j]))
                return true;
    return p->actor_count == 0;
}

/* Does it speak about this request, whatever the data? */
static bool fits(const struct fhir_provision *p, const struct residual_request *request)
{
    return p->period.from_us <= request->at_us && request->at_us < p->period.until_us &&
           purpose_fits(p, &request->purpose) && actor_fits(p, request);
}

static bool has_period(const struct fhir_provision *p)
{
    return p->data_period.start.n > 0 || p->data_period.end.n > 0;
}

static bool names_data(const struct fhir_provision *p)
{
    return p->label_count > 0 || p->data_count > 0 || has_period(p);
}

/* --- the rules -------------------------------------------------------------------------------- */

static void add_rule(struct residual *out, bool permit, const struct fhir_provision *p)
{
    struct residual_rule *rule = &out->rules[out->count++];

    *rule = (struct residual_rule){.permit = permit};
    if (p == NULL)
        return;
    rule->labels = p->labels;
    rule->label_count = p->label_count;
    rule->data = p->data;
    rule->data_count = p->data_count;
    rule->period = has_period(p) ? &p->data_period : NULL;
}

static bool confidentiality_only(const struct residual_rule *rule)
{
    for (size_t i = 0; i < rule->label_count; i++)
        if (!str_eq(rule->labels[i].system, STR(SYSTEM_CONFIDENTIALITY)))
            return false;
    return rule->label_count > 0 && rule->data_count == 0 && rule->period == NULL;
}

/* Normal, and also restricted: one rule of both, as the guide writes it. */
static bool join_labels(struct arena *a, struct residual_rule *into,
                        const struct residual_rule *more)
{
    struct fhir_coding *both;

    if (!into->permit || !confidentiality_only(into) || !confidentiality_only(more))
        return false;
    both = ARENA_ARRAY(a, into->label_count + more->label_count, struct fhir_coding);
    memcpy(both, into->labels, into->label_count * sizeof(*both));
    memcpy(both + into->label_count, more->labels, more->label_count * sizeof(*both));
    into->labels = both;
    into->label_count += more->label_count;
    return true;
}

static void add_permit(struct arena *a, struct residual *out, const struct fhir_provision *p)
{
    add_rule(out, true, p);
    if (out->count > 2 && join_labels(a, &out->rules[out->count - 2], &out->rules[out->count - 1]))
        out->count--;
}

/* What the root permits, with its exceptions that speak about this request. */
static struct residual of_permit(struct arena *a, const struct fhir_provision *root,
                                 const struct residual_request *request)
{
    struct residual out = {.why = "not-for-this-request",
                           .rules =
                               ARENA_ARRAY(a, root->provision_count + 2, struct residual_rule)};

    out.token = fits(root, request);
    for (size_t i = 0; i < root->provision_count; i++)
        out.token |=
            str_eq(root->provisions[i].type, STR("permit")) && fits(&root->provisions[i], request);
    if (!out.token)
        return out;
    out.why = "permit";
    if (names_data(root)) {
        add_rule(&out, false, NULL);
        add_rule(&out, true, root);
    }
    for (size_t i = 0; i < root->provision_count; i++) {
        const struct fhir_provision *p = &root->provisions[i];

        if (!fits(p, request))
            continue;
        if (str_eq(p->type, STR("deny")))
            add_rule(&out, false, p);
        else if (names_data(root))
            add_permit(a, &out, p);
    }
    return out;
}

/* What the exceptions of a denial permit. */
static struct residual of_deny(struct arena *a, const struct fhir_provision *root,
                               const struct residual_request *request)
{
    struct residual out = {.why = fits(root, request) ? "deny" : "not-for-this-request",
                           .rules =
                               ARENA_ARRAY(a, root->provision_count + 1, struct residual_rule)};
    bool all = false;

    add_rule(&out, false, NULL);
    for (size_t i = 0; i < root->provision_count; i++) {
        const struct fhir_provision *p = &root->provisions[i];

        if (!str_eq(p->type, STR("permit")) || !fits(p, request))
            continue;
        out.token = true;
        out.why = "permit";
        all |= !names_data(p);
        add_rule(&out, true, p);
    }
    if (!out.token || all)
        out.count = 0;
    return out;
}

/* Exceptions of exceptions are the engine's: a token cannot say them. */
static bool nested_deeper(const struct fhir_provision *root)
{
    for (size_t i = 0; i < root->provision_count; i++)
        if (root->provisions[i].provision_count > 0)
            return true;
    return false;
}

struct residual consent_residual(struct arena *a, const struct fhir_consent *c,
                                 const struct residual_request *request)
{
    const struct fhir_provision *root = &c->provision;

    if (c->strange_count > 0 || nested_deeper(root))
        return (struct residual){.why = "not-understood"};
    if (!str_eq(c->status, STR("active")))
        return (struct residual){.why = "not-active"};
    if (request->at_us < root->period.from_us || request->at_us >= root->period.until_us)
        return (struct residual){.why = "not-in-its-time"};
    return str_eq(root->type, STR("permit")) ? of_permit(a, root, request)
                                             : of_deny(a, root, request);
}
