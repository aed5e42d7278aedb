/* What the detection rules read of others' text: working hours of a staff list, and patient numbers
 * as messages name them. */
#include "hub/audit/rules.h"

#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

enum { STEPS = 64 };

static void hours(struct str text)
{
    struct audit_hours h;

    if (audit_hours_read(text, &h))
        must(h.from >= 0 && h.from <= MINUTES_OF_DAY && h.to >= 0 && h.to <= MINUTES_OF_DAY,
             "minutes of a day");
}

static void walk(struct str text)
{
    struct audit_step steps[STEPS] = {{0}};
    size_t count = 0, first, longest;

    while (text.p != NULL && count < STEPS) {
        steps[count] = (struct audit_step){(int64_t)count * US_PER_SECOND, str_cut(&text, '\n')};
        count++;
    }
    longest = audit_walk_longest(steps, count, &first);
    must(longest <= count && first < count, "a run within the steps");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str text = str_of(bytes, n);

    if (n == 0)
        return 0;
    hours(text);
    walk(text);
    must(audit_class_of(text) <= AUDIT_CARE, "a class");
    (void)audit_purpose_word(text);
    (void)audit_purpose_accountable(text);
    return 0;
}
