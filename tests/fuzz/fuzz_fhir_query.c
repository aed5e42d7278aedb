/* FHIR search parameters, and the question of ITI-81 that is read from them. */
#include "hub/base/json_text.h"
#include "hub/iti81.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct fhir_query q;
    struct audit_question question;
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    q.n = 0;
    if (fhir_query_read(&a, str_of(data, n), &q, &err) == OK) {
        must(q.n <= FHIR_PARAMETERS_MAX, "parameters have a cap");
        for (size_t i = 0; i < q.n; i++)
            must(q.v[i].value.n <= FHIR_VALUE_MAX && utf8_valid(q.v[i].value), "a value is text");
        if (iti81_question_read(&a, &q, STR("1.2.3"), &question, &err) == OK)
            must(question.filter.from_us != INT64_MIN && question.count >= 1 &&
                     question.count <= AUDIT_SEARCH_MAX,
                 "a question has a beginning and a page");
    }
    arena_dispose(&a);
    return 0;
}
