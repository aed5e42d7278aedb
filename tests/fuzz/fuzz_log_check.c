#include "hub/audit/log_check.h"
#include "tests/fuzz/fuzz.h"

/* An exported log, or what somebody says is one. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const unsigned char public_key[NOTE_PUBLIC_KEY] = {7};
    struct note_key key = note_key_of(STR("oid/1.2.3/audit"), NOTE_LOG, public_key);
    struct str rest = str_of(bytes, n);
    struct log_verdict verdict;
    struct log_check *check;
    struct errors err;
    struct arena a;
    enum status status = OK;

    arena_init(&a);
    errors_init(&err, &a);
    check = log_check_new(&a, &key, STR_NONE);
    while (status == OK && rest.n > 0)
        status = log_check_line(check, str_cut(&rest, '\n'), &err);
    if (status == OK && log_check_end(check, &verdict, &err) == OK)
        must(verdict.signed_leaves == 0, "nobody has this key");
    arena_dispose(&a);
    return 0;
}
