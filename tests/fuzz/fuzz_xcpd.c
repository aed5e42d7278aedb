/* What a community answers to ITI-55; and the duration of its correlations. */
#include <stdlib.h>

#include "gateway/xcpd.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), true))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct partner p = {.member_id = 7, .name = STR("aurora"), .home = STR("1.2.3")};
    struct call call = {.end = CALL_ANSWERED, .http_status = 200, .max_answer = 1 << 20};
    struct partner_answer answer;
    struct xcpd_answer said;
    struct errors err;
    struct arena a;
    struct request rq = {.arena = &a, .err = &err};

    arena_init(&a);
    errors_init(&err, &a);
    must(xcpd_duration(str_of(data, n)) >= 0, "a negative time to live");
    call.answer.bytes = str_of(data, n);
    if (partner_answer_read(&a, &p, &call, STR("urn:uuid:1"), &answer, &err) == OK &&
        xcpd_answer_read(&rq, &p, &answer, &said, &err) == OK)
        for (size_t i = 0; i < said.n; i++)
            must(said.v[i].patient.authority.n > 0 && said.v[i].patient.id.n > 0,
                 "a match without a patient");
    arena_dispose(&a);
    return 0;
}
