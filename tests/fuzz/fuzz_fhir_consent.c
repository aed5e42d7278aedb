/* Any JSON as a FHIR Consent: what is understood is written and read the same again, and what is
 * not leaves nothing to anyone. */
#include "consent/code_system.h"
#include "consent/residual.h"
#include "tests/fuzz/fuzz.h"

static void check_again(struct arena *a, const struct fhir_consent *c, struct errors *err)
{
    struct str once = fhir_consent_write(a, c);
    struct fhir_consent again;

    /* Escapes may make the writing longer than what may be read. */
    if (once.n > FHIR_CONSENT_MAX)
        return;
    must(fhir_consent_read(a, once, &again, err) == OK, "what was written is no Consent");
    must(again.strange_count == 0, "what was understood is written so that it is not");
    must(str_eq(fhir_consent_write(a, &again), once), "written twice, and not the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct residual_request request = {.purpose = {STR(SYSTEM_PURPOSE), STR("TREAT")}};
    struct arena a;
    struct errors err;
    struct fhir_consent c;
    struct residual left;

    arena_init(&a);
    errors_init(&err, &a);
    if (fhir_consent_read(&a, str_of(data, n), &c, &err) == OK) {
        left = consent_residual(&a, &c, &request);
        must(c.strange_count == 0 || !left.token, "a token by what is not understood");
        if (c.strange_count == 0)
            check_again(&a, &c, &err);
    } else {
        must(err.first != NULL, "a failure without a word");
    }
    arena_dispose(&a);
    return 0;
}
