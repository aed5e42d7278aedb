/* Any bytes through the XML parser; what it accepts is walked, written again and read again. */
#include <sodium.h>

#include "hub/base/arena.h"
#include "hub/data/xml.h"
#include "hub/data/xml_write.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

/* Names come from the document here, so a flat list of leaves is written: text and location. */
static void write_again(struct arena *a, struct xml_writer *w, const xmlNode *n, int depth)
{
    xml_begin(w, "leaf");
    xml_attribute(w, "at", xml_location(a, n));
    xml_attribute(w, "ns", xml_ns(n));
    xml_content(w, xml_text(a, n));
    xml_end(w, "leaf");
    if (depth < 8)
        XML_EACH(child, n, NULL, NULL)
    write_again(a, w, child, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xml_limits limits = XML_LIMITS;
    struct arena a;
    struct errors err;
    struct strbuf b;
    struct xml_writer w;
    xmlNode *root;

    limits.max_elements = 200; /* locations of many siblings are quadratic, and of no interest */
    arena_init(&a);
    errors_init(&err, &a);
    if (xml_parse(&a, str_of(data, n), &limits, &err, &root) == OK) {
        b = strbuf_on(&a, 256);
        w = xml_writer_on(&b);
        xml_begin(&w, "list");
        write_again(&a, &w, root, 0);
        xml_end(&w, "list");
        must(xml_parse(&a, strbuf_str(&b), &XML_LIMITS, &err, &root) == OK,
             "the writer wrote what the parser refuses");
    } else {
        must(err.count == 1, "a refusal without its one reason");
    }
    arena_dispose(&a);
    return 0;
}
