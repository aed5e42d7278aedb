/* A FHIR Consent on standard input, a request in the arguments: what the consent leaves to it, as
 * JSON. Asked by tests/conformance/run_pcf.
 *
 *     pcf_check PURPOSE-SYSTEM PURPOSE-CODE YYYY-MM-DD [REFERENCE...] < consent.json */
#include <stdio.h>

#include "consent/code_system.h"
#include "consent/residual.h"
#include "hub/base/clock.h"
#include "hub/base/json_text.h"

enum { REFERENCES_MAX = 20 };

static struct str read_input(struct arena *a)
{
    char *bytes = arena_alloc(a, FHIR_CONSENT_MAX + 1);

    return str_of(bytes, fread(bytes, 1, FHIR_CONSENT_MAX + 1, stdin));
}

/* The rule as a provision, so that one writer serves both. */
static void print_rule(struct arena *a, const struct residual_rule *rule)
{
    struct fhir_provision p = {.type = rule->permit ? STR("permit") : STR("forbid")};

    if (rule->label_count > 0)
        p.labels = arena_copy(a, rule->labels, rule->label_count * sizeof(*p.labels));
    if (rule->data_count > 0)
        p.data = arena_copy(a, rule->data, rule->data_count * sizeof(*p.data));
    if (rule->period)
        p.data_period = *rule->period;
    p.label_count = rule->label_count;
    p.data_count = rule->data_count;
    printf("%.*s", STR_ARG(fhir_provision_write(a, &p)));
}

static void print(struct arena *a, const struct fhir_consent *c, const struct residual *r)
{
    printf("{\"token\":%s,\"why\":\"%s\",\"strange\":[", r->token ? "true" : "false", r->why);
    for (size_t i = 0; i < c->strange_count; i++) {
        struct strbuf b = strbuf_on(a, 64);

        json_text_add(&b, c->strange[i]);
        printf("%s%.*s", i > 0 ? "," : "", STR_ARG(strbuf_str(&b)));
    }
    printf("],\"residual\":[");
    for (size_t i = 0; i < r->count; i++) {
        printf("%s", i > 0 ? "," : "");
        print_rule(a, &r->rules[i]);
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct residual_request request = {0};
    struct str is[REFERENCES_MAX];
    struct fhir_consent c;
    struct residual r;
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    if (argc < 4 || argc > 4 + REFERENCES_MAX ||
        !clock_parse_iso(str_from(argv[3]), &request.at_us))
        return 2;
    request.purpose = (struct fhir_coding){code_system(str_from(argv[1])), str_from(argv[2])};
    request.is = is;
    for (int i = 4; i < argc; i++)
        is[request.is_count++] = str_from(argv[i]);
    if (fhir_consent_read(&a, read_input(&a), &c, &err) != OK) {
        fprintf(stderr, "%.*s\n", STR_ARG(err.first->text));
        return 1;
    }
    r = consent_residual(&a, &c, &request);
    print(&a, &c, &r);
    arena_dispose(&a);
    return 0;
}
