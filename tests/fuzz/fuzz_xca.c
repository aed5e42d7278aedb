/* What a community answers to ITI-38 and ITI-39: envelope, errors, objects, documents. The first
 * byte chooses the quirks. Whatever comes, nothing that is taken over is credited to another
 * community. */
#include <stdlib.h>

#include "gateway/xca_answer.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), true))

static void check_found(struct arena *a, const struct partner *p,
                        const struct partner_answer *answer)
{
    struct xca_found found;
    struct errors err;

    errors_init(&err, a);
    if (xca_found_read(a, p, answer->body, &found, &err) != OK) {
        must(err.first != NULL, "a refusal without words");
        return;
    }
    for (size_t i = 0; i < found.n; i++)
        must(str_eq(found.v[i]->home, STR("urn:oid:1.2.3")) &&
                 found.v[i]->source_member == p->member_id,
             "an object that is credited to another community");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct partner p = {.member_id = 7, .name = STR("aurora"), .home = STR("1.2.3")};
    struct call call = {.end = CALL_ANSWERED, .http_status = 200, .max_answer = 1 << 20};
    struct partner_answer answer;
    struct xca_documents documents;
    struct errors err;
    struct arena a;

    if (n == 0)
        return 0;
    arena_init(&a);
    errors_init(&err, &a);
    if (data[0] & 1)
        p.quirks |= 1u << QUIRK_LOOSE_NAMESPACES;
    if (data[0] & 2)
        p.quirks |= 1u << QUIRK_NO_HOME | 1u << QUIRK_BARE_OIDS;
    if (data[0] & 4)
        p.quirks |= 1u << QUIRK_EMPTY_BODY | 1u << QUIRK_SOAP11_FAULTS;
    call.answer.bytes = str_of(data + 1, n - 1);
    if (partner_answer_read(&a, &p, &call, STR("urn:uuid:1"), &answer, &err) == OK) {
        check_found(&a, &p, &answer);
        (void)!xca_documents_read(&a, &p, &answer, &documents, &err);
    }
    arena_dispose(&a);
    return 0;
}
