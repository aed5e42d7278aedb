/* Consent rules: what is read is written, and read the same again. */
#include "consent/rule.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct consent_rule rule, again;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    if (consent_rule_read(&a, str_of(data, n), &rule, &err) == OK) {
        struct str text = consent_rule_write(&a, &rule);

        must(consent_rule_read(&a, text, &again, &err) == OK || text.n > CONSENT_RULES_BYTES_MAX,
             "what was written is read");
        if (text.n <= CONSENT_RULES_BYTES_MAX)
            must(str_eq(consent_rule_write(&a, &again), text), "and is the same");
    }
    arena_dispose(&a);
    return 0;
}
