/* hub/data/dsig: what a signature may be, and that only what was signed is taken for signed. */
#include "hub/data/dsig.h"

#include <string.h>

#include "hub/base/arena.h"
#include "tests/support/signer.h"
#include "tests/support/suite.h"

#define NS   "urn:oasis:names:tc:SAML:2.0:assertion"
#define HEAD "<a xmlns=\"" NS "\" ID=\"i1\"><issuer>hospital</issuer>"
#define TAIL "<user>anna</user></a>"

static struct arena arena;
static struct errors err;
static struct signer *rsa, *ec, *stranger;

static void begin(void)
{
    arena_init(&arena);
    xml_init();
    rsa = signer_new(&arena, "RSA");
    ec = signer_new(&arena, "EC");
    stranger = signer_new(&arena, "RSA");
}

static struct str envelop(struct signer *s, const struct signature_options *o)
{
    return signer_envelop(s, &arena, o, "i1", STR(HEAD), STR(TAIL));
}

static xmlNode *find(xmlNode *n, const char *name)
{
    xmlNode *found = NULL;

    if (xml_is(n, NULL, name))
        return n;
    XML_EACH(child, n, NULL, NULL)
    if (found == NULL)
        found = find(child, name);
    return found;
}

/* The code that verification of <a> inside of this text ends with; "" for OK. */
static struct str verdict(struct signer *s, struct str xml)
{
    struct dsig what = {.enveloped = true};
    xmlNode *root;

    errors_init(&err, &arena);
    if (xml_parse(&arena, xml, &XML_LIMITS, &err, &root) != OK)
        return STR("not XML");
    what.key = dsig_key_of_certificate(&arena, signer_certificate(s));
    what.node = find(root, "a");
    what.signature = xml_child(what.node, NS_DSIG, "Signature");
    what.id = dsig_id(what.node, "ID");
    if (what.signature == NULL || what.id == NULL)
        return STR("no signature");
    return dsig_ids_unique(&arena, what.node, &err) == OK && dsig_verify(&arena, &what, &err) == OK
               ? STR("")
               : str_from(err.first->code);
}

static struct str replaced(struct str s, const char *what, const char *by)
{
    ptrdiff_t at = str_find_str(s, str_from(what));

    must(at >= 0, what);
    return str_printf(&arena, "%.*s%s%.*s", (int)at, s.p, by,
                      STR_ARG(str_slice(s, (size_t)at + strlen(what), s.n)));
}

static void what_the_pinned_key_signed_is_good(void)
{
    begin();
    CHECK_STR(verdict(rsa, envelop(rsa, &SIGNER_DEFAULTS)), STR(""));
    CHECK_STR(verdict(ec, envelop(ec, &SIGNER_DEFAULTS)), STR(""));
    /* Standing inside of another document changes nothing: C14N is exclusive. */
    CHECK_STR(verdict(ec, str_printf(&arena, "<x xmlns:y=\"urn:y\"><y:z>\n%.*s</y:z></x>",
                                     STR_ARG(envelop(ec, &SIGNER_DEFAULTS)))),
              STR(""));
    arena_dispose(&arena);
}

/* Exclusive C14N may be told to treat some prefixes inclusively: then what the ancestors declare is
 * signed too. */
static void inclusive_prefixes_bring_what_ancestors_declare(void)
{
    static const char transforms[] =
        "<ds:Transform Algorithm=\"" NS_DSIG "enveloped-signature\"></ds:Transform>"
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">"
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" "
        "PrefixList=\"y xs\"></ec:InclusiveNamespaces></ds:Transform>";
    struct signature_options o = SIGNER_DEFAULTS;
    struct str signed_text;

    begin();
    o.transforms = transforms;
    signed_text = signer_envelop(ec, &arena, &o, "i1",
                                 replaced(STR(HEAD), " ID=", " xmlns:y=\"urn:y\" ID="), STR(TAIL));
    signed_text = replaced(signed_text, " xmlns:y=\"urn:y\"", "");
    CHECK_STR(verdict(ec,
                      str_printf(&arena, "<r xmlns:y=\"urn:y\">%.*s</r>", STR_ARG(signed_text))),
              STR(""));
    CHECK_STR(verdict(ec,
                      str_printf(&arena, "<r xmlns:y=\"urn:z\">%.*s</r>", STR_ARG(signed_text))),
              STR("wsse:FailedCheck"));
    arena_dispose(&arena);
}

/* What hangs beside the node and the signature in it is put back as it was. */
static void verification_leaves_the_tree_as_it_was(void)
{
    xmlNode *root, *node;
    struct dsig what = {.enveloped = true};

    begin();
    errors_init(&err, &arena);
    CU_ASSERT_FATAL(xml_parse(&arena,
                              str_printf(&arena, "<r><b></b>%.*s<c></c></r>",
                                         STR_ARG(envelop(ec, &SIGNER_DEFAULTS))),
                              &XML_LIMITS, &err, &root) == OK);
    node = find(root, "a");
    what.key = dsig_key_of_certificate(&arena, signer_certificate(ec));
    what.node = node;
    what.signature = xml_child(node, NS_DSIG, "Signature");
    what.id = dsig_id(node, "ID");
    CU_ASSERT(dsig_verify(&arena, &what, &err) == OK);
    CU_ASSERT(xml_child(node, NS_DSIG, "Signature") == what.signature);
    CU_ASSERT(xml_count(node, NULL, NULL) == 3 && xml_count(root, NULL, NULL) == 3);
    CU_ASSERT(xml_is(what.signature->prev, NULL, "issuer"));
    CU_ASSERT(xml_is(what.signature->next, NULL, "user"));
    arena_dispose(&arena);
}

static void a_second_look_at_one_document_gives_the_same(void)
{
    struct dsig what = {.enveloped = true};
    xmlNode *root;

    begin();
    errors_init(&err, &arena);
    CU_ASSERT_FATAL(xml_parse(&arena, envelop(ec, &SIGNER_DEFAULTS), &XML_LIMITS, &err, &root) ==
                    OK);
    what.key = dsig_key_of_certificate(&arena, signer_certificate(ec));
    what.node = root;
    what.signature = xml_child(root, NS_DSIG, "Signature");
    what.id = dsig_id(root, "ID");
    CU_ASSERT(dsig_verify(&arena, &what, &err) == OK);
    CU_ASSERT(dsig_verify(&arena, &what, &err) == OK);
    arena_dispose(&arena);
}

static void a_changed_byte_is_seen(void)
{
    struct str good;

    begin();
    good = envelop(rsa, &SIGNER_DEFAULTS);
    CHECK_STR(verdict(rsa, replaced(good, "anna", "anne")), STR("wsse:FailedCheck"));
    CHECK_STR(verdict(rsa, replaced(good, "<user>", "<admin>x</admin><user>")),
              STR("wsse:FailedCheck"));
    CHECK_STR(verdict(rsa, replaced(good, "<ds:DigestValue>", "<ds:DigestValue>AA")),
              STR("wsse:FailedCheck"));
    CHECK_STR(verdict(rsa, replaced(good, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA")),
              STR("wsse:FailedCheck"));
    arena_dispose(&arena);
}

static void a_key_in_the_message_is_not_believed(void)
{
    struct signature_options o = SIGNER_DEFAULTS;

    begin();
    o.more = str_printf(&arena, "<ds:KeyInfo>%.*s</ds:KeyInfo>",
                        STR_ARG(signer_key_value(stranger, &arena)))
                 .p;
    CHECK_STR(verdict(rsa, envelop(stranger, &o)), STR("wsse:FailedCheck"));
    CHECK_STR(verdict(ec, envelop(stranger, &o)), STR("wsse:FailedCheck"));
    /* Nor does it do harm to what the right key signed. */
    CHECK_STR(verdict(rsa, envelop(rsa, &o)), STR(""));
    arena_dispose(&arena);
}

static void weak_algorithms_are_refused_by_name(void)
{
    static const struct signature_options cases[] = {
        {.method = NS_DSIG "rsa-sha1", .c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"},
        {.method = NS_DSIG "hmac-sha1", .c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"},
        {.method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
         .c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"},
        {.method = "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
         .c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"},
        {.c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#", .digest = NS_DSIG "sha1"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#",
         .digest = "http://www.w3.org/2001/04/xmldsig-more#md5"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#",
         .transforms = "<ds:Transform Algorithm=\"" NS_DSIG "enveloped-signature\"></ds:Transform>"
                       "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/"
                       "REC-xslt-19991116\"></ds:Transform>"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#",
         .transforms = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/"
                       "REC-xpath-19991116\"></ds:Transform><ds:Transform "
                       "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>"},
        {.c14n = "http://www.w3.org/2001/10/xml-exc-c14n#",
         .transforms = "<ds:Transform Algorithm=\"" NS_DSIG "enveloped-signature\"></ds:Transform>"
                       "<ds:Transform Algorithm=\"" NS_DSIG "base64\"></ds:Transform>"},
    };

    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signature_options o = cases[i];

        if (o.digest == NULL)
            o.digest = SIGNER_DEFAULTS.digest;
        CHECK_STR(verdict(rsa, envelop(rsa, &o)), STR("wsse:UnsupportedAlgorithm"));
    }
    arena_dispose(&arena);
}

static void a_signature_has_one_shape(void)
{
#define ENVELOPED "<ds:Transform Algorithm=\"" NS_DSIG "enveloped-signature\"></ds:Transform>"
#define EXCLUSIVE                                                                                  \
    "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>"
    static const struct signature_options cases[] = {
        {.uri = ""},
        {.uri = "#other"},
        {.uri = "i1"},
        {.uri = "file:///etc/passwd"},
        {.uri = "http://127.0.0.1/"},
        {.uri = "#xpointer(/)"},
        {.uri = "#xpointer(id('i1'))"},
        {.transforms = ENVELOPED},
        {.transforms = ENVELOPED EXCLUSIVE EXCLUSIVE},
        {.transforms = ""},
        {.more = "<ds:Object></ds:Object>"},
        {.more = "<ds:KeyInfo></ds:KeyInfo><ds:Object></ds:Object>"},
        {.more_info = "<ds:Reference URI=\"#i1\"></ds:Reference>"},
    };

    begin();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signature_options o = cases[i];

        o.c14n = SIGNER_DEFAULTS.c14n;
        o.digest = SIGNER_DEFAULTS.digest;
        CHECK_STR(verdict(rsa, envelop(rsa, &o)), STR("wsse:InvalidSecurity"));
    }
    CHECK_STR(verdict(rsa, replaced(envelop(rsa, &SIGNER_DEFAULTS), "<ds:Transforms>",
                                    "<ds:Transforms><other></other>")),
              STR("wsse:InvalidSecurity"));
    CHECK_STR(verdict(rsa, replaced(envelop(rsa, &SIGNER_DEFAULTS),
                                    "xmldsig-more#rsa-sha256\"></ds:SignatureMethod>",
                                    "xmldsig-more#rsa-sha256\"><ds:HMACOutputLength>0"
                                    "</ds:HMACOutputLength></ds:SignatureMethod>")),
              STR("wsse:InvalidSecurity"));
    arena_dispose(&arena);
}

static void an_id_that_stands_twice_is_refused(void)
{
    static const char *const others[] = {
        "<x ID=\"i1\"></x>",
        "<x Id=\"i1\"></x>",
        "<x id=\"i1\"></x>",
        "<x xml:id=\"i1\"></x>",
        "<x xmlns:u=\"" NS_WSU "\" u:Id=\"i1\"></x>",
    };
    struct str good;

    begin();
    good = envelop(ec, &SIGNER_DEFAULTS);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK_STR(verdict(ec, str_printf(&arena, "<r>%s%.*s</r>", others[i], STR_ARG(good))),
                  STR("wsse:FailedCheck"));
        CHECK_STR(verdict(ec, str_printf(&arena, "<r>%.*s%s</r>", STR_ARG(good), others[i])),
                  STR("wsse:FailedCheck"));
    }
    CHECK_STR(verdict(ec,
                      str_printf(&arena, "<r><x id=\"i2\"/><y id=\"i2\"/>%.*s</r>", STR_ARG(good))),
              STR(""));
    arena_dispose(&arena);
}

static void a_comment_in_what_is_signed_is_refused(void)
{
    struct str good;

    begin();
    good = envelop(ec, &SIGNER_DEFAULTS);
    CHECK_STR(verdict(ec, replaced(good, "anna", "an<!-- x -->na")), STR("wsse:InvalidSecurity"));
    CHECK_STR(verdict(ec, replaced(good, "<user>", "<!-- x --><user>")),
              STR("wsse:InvalidSecurity"));
    CHECK_STR(verdict(ec, replaced(good, "<ds:DigestValue>", "<ds:DigestValue><!-- x -->")),
              STR("wsse:InvalidSecurity"));
    CHECK_STR(verdict(ec, str_printf(&arena, "<r><!-- x -->%.*s</r>", STR_ARG(good))), STR(""));
    arena_dispose(&arena);
}

static void a_signature_elsewhere_verifies_what_it_names(void)
{
    static const char text[] = "<t xmlns=\"urn:t\" ID=\"t1\">now</t>";
    struct dsig what = {0};
    xmlNode *root;

    begin();
    errors_init(&err, &arena);
    CU_ASSERT_FATAL(xml_parse(&arena,
                              str_printf(&arena, "<s>%s%.*s</s>", text,
                                         STR_ARG(signer_detach(ec, &arena, &SIGNER_DEFAULTS, "t1",
                                                               str_from(text)))),
                              &XML_LIMITS, &err, &root) == OK);
    what.key = dsig_key_of_certificate(&arena, signer_certificate(ec));
    what.node = find(root, "t");
    what.signature = find(root, "Signature");
    what.id = dsig_id(what.node, "ID");
    CU_ASSERT(dsig_verify(&arena, &what, &err) == OK);
    what.enveloped = true;
    CU_ASSERT(dsig_verify(&arena, &what, &err) == INVALID);
    arena_dispose(&arena);
}

static void weak_and_broken_keys_are_none(void)
{
    struct signer *weak;
    xmlNode *root;
    unsigned char one[32], other[32];

    begin();
    weak = signer_new(&arena, "RSA1024");
    CU_ASSERT(dsig_key_of_certificate(&arena, signer_certificate(weak)) == NULL);
    CU_ASSERT(dsig_key_of_certificate(&arena, STR("no certificate")) == NULL);
    CU_ASSERT(dsig_key_of_certificate(&arena, STR("")) == NULL);
    errors_init(&err, &arena);
    CU_ASSERT_FATAL(xml_parse(&arena,
                              str_printf(&arena,
                                         "<ds:KeyInfo xmlns:ds=\"" NS_DSIG "\">%.*s"
                                         "</ds:KeyInfo>",
                                         STR_ARG(signer_key_value(rsa, &arena))),
                              &XML_LIMITS, &err, &root) == OK);
    dsig_key_hash(dsig_key_of_info(&arena, root), one);
    dsig_key_hash(dsig_key_of_certificate(&arena, signer_certificate(rsa)), other);
    CU_ASSERT(memcmp(one, other, sizeof(one)) == 0);
    dsig_key_hash(dsig_key_of_certificate(&arena, signer_certificate(stranger)), other);
    CU_ASSERT(memcmp(one, other, sizeof(one)) != 0);
    arena_dispose(&arena);
}

SUITE(test_dsig, CASE(what_the_pinned_key_signed_is_good),
      CASE(inclusive_prefixes_bring_what_ancestors_declare),
      CASE(verification_leaves_the_tree_as_it_was),
      CASE(a_second_look_at_one_document_gives_the_same), CASE(a_changed_byte_is_seen),
      CASE(a_key_in_the_message_is_not_believed), CASE(weak_algorithms_are_refused_by_name),
      CASE(a_signature_has_one_shape), CASE(an_id_that_stands_twice_is_refused),
      CASE(a_comment_in_what_is_signed_is_refused),
      CASE(a_signature_elsewhere_verifies_what_it_names), CASE(weak_and_broken_keys_are_none));
