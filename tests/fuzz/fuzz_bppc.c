/* Any bytes as a consent document: a header that is read has a patient and a policy. */
#include "consent/bppc.h"
#include "hub/base/arena.h"
#include "hub/data/xml.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), true))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct errors err;
    struct bppc_header h;

    arena_init(&a);
    errors_init(&err, &a);
    if (bppc_header_read(&a, str_of(data, n), &h, &err) == OK) {
        must(h.patient_count > 0 && h.patient_count <= BPPC_IDS_MAX, "no patient, or too many");
        must(h.policy_count > 0 && h.policy_count <= BPPC_ACTS_MAX, "no policy, or too many");
        must(!bppc_names_patient(&h, (struct identifier){STR("1.2"), STR("")}), "an empty id");
        must(bppc_names_policy(&h, h.policies[0]), "a policy that it does not name");
    } else {
        must(err.first != NULL, "a failure without a word");
    }
    arena_dispose(&a);
    return 0;
}
