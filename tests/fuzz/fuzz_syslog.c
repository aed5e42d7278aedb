/* RFC 5424 headers: what is read lies inside the message, and what the hub writes is read back. */
#include "hub/audit/syslog.h"
#include "hub/base/err.h"
#include "tests/fuzz/fuzz.h"

static void check_inside(struct str part, struct str whole)
{
    must(part.n == 0 || str_eq(part, STR("")) ||
             (part.p >= whole.p && part.p + part.n <= whole.p + whole.n),
         "a field lies inside its message");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str bytes = str_of(data, n);
    struct syslog_message m, own;
    struct arena a;

    arena_init(&a);
    if (syslog_read(bytes, &m)) {
        must(m.priority >= 0 && m.priority <= 191, "a priority of RFC 5424");
        check_inside(m.host, bytes);
        check_inside(m.structured_data, bytes);
        check_inside(m.text, bytes);
    }
    must(syslog_read(syslog_write(&a, STR("2026-11-22T15:04:05Z"), STR("hub"), 7, bytes), &own) &&
             own.priority == 85 && str_ends(bytes, own.text),
         "what is written is read back");
    arena_dispose(&a);
    return 0;
}
