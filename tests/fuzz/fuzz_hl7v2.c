/* HL7 v2: header, tokens, escapes, character sets and the acknowledgement of whatever came. */
#include <stdlib.h>

#include "gateway/hl7.h"
#include "gateway/hl7_charset.h"
#include "hub/base/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Touches every component of every field. */
static void walk(struct arena *a, const struct hl7_message *m)
{
    for (size_t i = 0; i < m->segment_count; i++)
        for (int f = 1; f < 32; f++) {
            struct str rest = hl7_field(m, &m->segments[i], f);

            for (int r = 0; rest.p != NULL && r < 8; r++) {
                struct str repetition = hl7_repetition(m, &rest);

                for (int c = 1; c < 8; c++) {
                    struct str component = hl7_component(m, repetition, c);
                    struct str text = hl7_text(a, m, hl7_subcomponent(m, component, 1));
                    struct strbuf b = strbuf_on(a, text.n);

                    if (!utf8_valid(text))
                        abort();
                    hl7_escape(&b, &m->separators, text);
                }
            }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct errors err;
    struct hl7_message m;

    if (n > 1 << 14)
        return 0;
    arena_init(&a);
    errors_init(&err, &a);
    if (hl7_parse(&a, str_of(data, n), STR("8859/1"), &m, &err) == OK) {
        walk(&a, &m);
        hl7_encode(&a, m.text, m.charset);
    }
    arena_dispose(&a);
    return 0;
}
