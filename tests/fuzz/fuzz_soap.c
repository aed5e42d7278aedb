/* The first line is a Content-Type, the rest a body, packaged or not. What is accepted gets its
 * binary content read; what is refused gets a fault, which must be well-formed. */
#include <sodium.h>

#include "hub/mtom.h"
#include "hub/net/multipart.h"
#include "hub/soap.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

static void open_parts(struct arena *a, struct str type, struct str bytes, struct body *body)
{
    static const struct multipart_limits limits = {.max_parts = 20, .max_memory = 1 << 20};
    struct multipart *m = multipart_new(a, type, NULL, &limits);

    if (!multipart_feed(m, bytes) || !multipart_end(m))
        return;
    body->parts = multipart_parts(m);
    body->root = multipart_root(m);
}

static void check_fault(struct arena *a, struct errors *err, struct soap_message *m,
                        enum status status)
{
    struct request rq = {.arena = a, .err = err, .message.soap = m};
    struct errors mine;
    struct reply rp;
    xmlNode *root;

    reply_init(&rp, a);
    errors_init(&mine, a);
    soap_render_failure(&rq, status, &rp);
    if (m->is_mtom)
        return; /* the parts are segments: the envelope is the second */
    must(rp.first != NULL && xml_parse(a, rp.first->bytes, &XML_LIMITS, &mine, &root) == OK,
         "a fault that is not well-formed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_of(data, n), type = str_cut(&rest, '\n');
    struct body body = {.bytes = rest};
    struct soap_message m;
    struct mtom_binary d;
    struct arena a;
    struct errors err;
    enum status s;

    arena_init(&a);
    errors_init(&err, &a);
    open_parts(&a, type, rest, &body);
    s = soap_read(&a, type, &body, &m, &err);
    if (s != OK)
        check_fault(&a, &err, &m, s);
    else
        XML_EACH(element, m.body, NULL, NULL)
    if (mtom_binary_read(&a, m.parts, element, "code", &d, &err) == OK)
        must((d.part != NULL) != (d.bytes.p != NULL), "binary content in two places");
    arena_dispose(&a);
    return 0;
}
