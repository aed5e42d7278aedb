/* A whole Security header: the first line is the issuer's certificate in base64, the rest a SOAP
 * envelope. The road is that of hub/xua.c, except that what does not verify is read nevertheless:
 * otherwise nothing behind the signature would ever be reached. */
#include <sodium.h>

#include "hub/assertion.h"
#include "hub/base/clock.h"
#include "hub/base/hex.h"
#include "hub/soap.h"
#include "hub/wsse.h"
#include "tests/fuzz/fuzz.h"

FUZZ_PREPARE((xml_init(), sodium_init() >= 0))

static void verify(struct arena *a, struct str certificate, const struct wsse *w)
{
    struct errors err;
    struct str der;
    struct dsig what = {.node = w->assertion,
                        .signature = xml_child(w->assertion, NS_DSIG, "Signature"),
                        .id = dsig_id(w->assertion, "ID"),
                        .enveloped = true};

    errors_init(&err, a);
    if (base64_decode(a, certificate, &der))
        what.key = dsig_key_of_certificate(a, der);
    if (what.key == NULL || what.signature == NULL || what.id == NULL ||
        dsig_verify(a, &what, &err) != OK)
        return;
    must(dsig_verify(a, &what, &err) == OK, "a verdict that changes");
}

static void read_and_check(struct arena *a, const struct wsse *w)
{
    static const struct str audiences[] = {STR("urn:oid:1.2.3")};
    static const unsigned char peer[32];
    static const struct member_idp idp = {.lifetime_us = 3600 * US_PER_SECOND,
                                          .skew_us = 60 * US_PER_SECOND,
                                          .purpose_forms = 7};
    struct assertion_context c = {
        .idp = &idp, .audiences = audiences, .audience_count = 1, .peer_key = peer, .wsse = w};
    struct assertion s;
    struct errors err;

    errors_init(&err, a);
    if (assertion_read(a, w->assertion, idp.purpose_forms, &s, &err) != OK)
        return;
    c.now_us = s.issued_us;
    must(s.user.n > 0 && s.id.n > 0 && s.issuer.n > 0 && s.confirmation_count > 0,
         "an assertion that says what it must");
    if (assertion_check(a, &s, &c, &err) == OK)
        must(s.not_on_or_after_us - s.issued_us <= idp.lifetime_us, "a life that is capped");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_of(data, n), certificate = str_cut(&rest, '\n');
    struct body body = {.bytes = rest};
    struct soap_message m;
    struct wsse w;
    struct arena a;
    struct errors err;

    arena_init(&a);
    errors_init(&err, &a);
    if (soap_read(&a, STR("application/soap+xml"), &body, &m, &err) == OK &&
        wsse_read(m.header, &w, &err) == OK && w.assertion != NULL &&
        assertion_bounded(w.assertion, &err) == OK && dsig_ids_unique(&a, m.header, &err) == OK) {
        verify(&a, certificate, &w);
        read_and_check(&a, &w);
    }
    arena_dispose(&a);
    return 0;
}
