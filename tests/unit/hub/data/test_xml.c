/* hub/data/xml and xml_write: what is refused, what is found, what is written. */
#include "hub/data/xml.h"

#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/data/xml_write.h"
#include "tests/support/suite.h"

static struct arena arena;
static struct errors err;

static xmlNode *parse(struct str s)
{
    xmlNode *root;

    xml_init();
    errors_init(&err, &arena);
    return xml_parse(&arena, s, &XML_LIMITS, &err, &root) == OK ? root : NULL;
}

static bool refused_for(struct str s, struct str reason)
{
    return parse(s) == NULL && err.count == 1 && err.status == INVALID &&
           str_find_str(err.first->text, reason) >= 0;
}

static void what_soap_forbids_is_refused_with_its_reason(void)
{
    static const struct {
        struct str xml, reason;
    } cases[] = {
        {STR("<!DOCTYPE a><a/>"), STR("DOCTYPE")},
        {STR("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"), STR("DOCTYPE")},
        {STR("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), STR("DOCTYPE")},
        {STR("<?xml-stylesheet href=\"x\"?><a/>"), STR("processing instruction")},
        {STR("<a><?b c?></a>"), STR("processing instruction")},
        {STR("<?xml version=\"1.1\"?><a/>"), STR("XML 1.0")},
        {STR("<?xml version=\"1.0\" encoding=\"EUC-JP\"?><a/>"), STR("encoding")},
        {STR("<a>&nbsp;</a>"), STR("nbsp")},
        {STR("<p:a/>"), STR("prefix")},
        {STR("<a b=\"1\" b=\"2\"/>"), STR("b")},
        {STR("<a>\xff</a>"), STR("line 1")},
        {STR("<a>\x01</a>"), STR("line 1")},
        {STR("<a>\n<b></a>"), STR("line 2")},
        {STR("<a/><a/>"), STR("line 1")},
        {STR(""), STR("")},
        {STR("   "), STR("")},
        {STR("<a>"), STR("")},
    };

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!refused_for(cases[i].xml, cases[i].reason))
            CHECK_STR(err.first != NULL ? err.first->text : STR("accepted"), cases[i].reason);
    arena_dispose(&arena);
}

/* libxml2 seeks the semicolon from the ampersand again with each chunk: 10 MB took 20 seconds. */
static void a_reference_without_an_end_is_not_sought_to_the_end(void)
{
    struct strbuf b;

    arena_init(&arena);
    b = strbuf_on(&arena, 1 << 20);
    strbuf_lit(&b, "<a>&");
    while (b.n < 1 << 20)
        strbuf_lit(&b, "xxxxxxxxxxxxxxxx");
    CU_ASSERT(refused_for(strbuf_str(&b), STR("reference")));
    arena_dispose(&arena);
}

static void plain_documents_of_the_allowed_encodings_are_read(void)
{
    static const struct str utf16 = {"\xff\xfe<\0a\0>\0\xfc\0<\0/\0a\0>\0", 18};
    static const struct str good[] = {
        STR("<a>\xc3\xbc</a>"),
        STR("\xef\xbb\xbf<a>\xc3\xbc</a>"),
        STR("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<a>\xc3\xbc</a>\n"),
        STR("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>"),
        STR("<a>&#252;</a>"),
        STR("<a><!-- c --><![CDATA[\xc3\xbc]]></a>"),
    };

    arena_init(&arena);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        xmlNode *root = parse(good[i]);

        CU_ASSERT_PTR_NOT_NULL_FATAL(root);
        CHECK_STR(xml_text(&arena, root), STR("\xc3\xbc"));
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(parse(utf16));
    CHECK_STR(xml_text(&arena, parse(utf16)), STR("\xc3\xbc"));
    arena_dispose(&arena);
}

static struct str nested(int depth)
{
    struct strbuf b = strbuf_on(&arena, 1024);

    for (int i = 0; i < depth; i++)
        strbuf_lit(&b, "<a>");
    for (int i = 0; i < depth; i++)
        strbuf_lit(&b, "</a>");
    return strbuf_str(&b);
}

static struct str siblings(int count)
{
    struct strbuf b = strbuf_on(&arena, 1 << 20);

    strbuf_lit(&b, "<a>");
    for (int i = 0; i < count - 1; i++)
        strbuf_lit(&b, "<a/>");
    strbuf_lit(&b, "</a>");
    return strbuf_str(&b);
}

static struct str attributes(int count)
{
    struct strbuf b = strbuf_on(&arena, 1024);

    strbuf_lit(&b, "<a");
    for (int i = 0; i < count; i++)
        strbuf_addf(&b, " x%d=\"\"", i);
    strbuf_lit(&b, "/>");
    return strbuf_str(&b);
}

static struct str text_of_size(size_t n)
{
    struct strbuf b = strbuf_on(&arena, n + 16);

    strbuf_lit(&b, "<a>");
    strbuf_add(&b, str_of(memset(arena_alloc(&arena, n), 'x', n), n));
    strbuf_lit(&b, "</a>");
    return strbuf_str(&b);
}

static void each_cap_lets_its_last_value_pass_and_no_more(void)
{
    arena_init(&arena);
    CU_ASSERT_PTR_NOT_NULL(parse(nested(XML_LIMITS.max_depth)));
    CU_ASSERT(refused_for(nested(XML_LIMITS.max_depth + 1), STR("deep")));
    CU_ASSERT_PTR_NOT_NULL(parse(siblings((int)XML_LIMITS.max_elements)));
    CU_ASSERT(refused_for(siblings((int)XML_LIMITS.max_elements + 1), STR("elements")));
    CU_ASSERT_PTR_NOT_NULL(parse(attributes((int)XML_LIMITS.max_attributes)));
    CU_ASSERT(refused_for(attributes((int)XML_LIMITS.max_attributes + 1), STR("attributes")));
    CU_ASSERT(refused_for(text_of_size(XML_LIMITS.max_bytes), STR("MTOM")));
    arena_dispose(&arena);
}

static void a_document_of_7_MB_in_base64_passes(void)
{
    size_t n = 7 * 1000 * 1000 / 3 * 4;
    xmlNode *root;

    arena_init(&arena);
    root = parse(text_of_size(n));
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(xml_text(&arena, root).n, n);
    CU_ASSERT(refused_for(text_of_size(10 * 1000 * 1000 + 1), STR("MTOM")));
    arena_dispose(&arena);
}

static void a_start_tag_of_a_million_attributes_costs_no_time(void)
{
    int64_t began = clock_monotonic_us();

    arena_init(&arena);
    CU_ASSERT(refused_for(attributes(1000000), STR("start tag")));
    CU_ASSERT(refused_for(attributes(4000), STR("attributes")));
    CU_ASSERT(clock_monotonic_us() - began < 30 * US_PER_SECOND);
    arena_dispose(&arena);
}

/* The push parser sees the bytes in chunks: a tag may be cut anywhere, '>' may stand in it. */
static void it_does_not_matter_where_a_chunk_ends(void)
{
    xmlNode *root;

    arena_init(&arena);
    for (int pad = 4096 - 64; pad <= 4096; pad++) {
        struct strbuf b = strbuf_on(&arena, 8192);

        strbuf_lit(&b, "<a>");
        strbuf_addf(&b, "%*s", pad - 3, "");
        strbuf_lit(&b, "<b c='>\"' d=\"><'>&gt;\" e='>'>\xc3\xbc&amp;<![CDATA[<]]></b></a>");
        if (parse(strbuf_str(&b)) == NULL)
            continue; /* '<' in an attribute: not well-formed, wherever it is cut */
        CU_FAIL("an attribute with '<' was accepted");
    }
    for (int pad = 4096 - 64; pad <= 4096; pad++) {
        struct strbuf b = strbuf_on(&arena, 8192);

        strbuf_addf(&b, "<a>%*s", pad - 3, "");
        strbuf_lit(&b, "<b c='>\"' d=\">'>&gt;\" e='>'>\xc3\xbc&amp;<![CDATA[<]]></b></a>");
        root = parse(strbuf_str(&b));
        CU_ASSERT_PTR_NOT_NULL_FATAL(root);
        CHECK_STR(xml_attr(xml_child(root, "", "b"), "c"), STR(">\""));
        CHECK_STR(xml_attr(xml_child(root, "", "b"), "d"), STR(">'>>"));
        CHECK_STR(xml_text_of(&arena, root, "", "b"), STR("\xc3\xbc&<"));
    }
    arena_dispose(&arena);
}

static void elements_are_found_by_namespace_and_name(void)
{
    xmlNode *root, *b;

    arena_init(&arena);
    root = parse(STR("<p:a xmlns:p='urn:p' xmlns='urn:d' x='1' p:x='2' y=''>"
                     "one<b>x</b><p:b/>two<b xmlns=''>y</b><b>z<i/></b></p:a>"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT(xml_is(root, "urn:p", "a") && !xml_is(root, "urn:d", "a"));
    CU_ASSERT_EQUAL(xml_count(root, "urn:d", "b"), 2);
    CU_ASSERT_EQUAL(xml_count(root, "", "b"), 1);
    CU_ASSERT_EQUAL(xml_count(root, NULL, NULL), 4);
    CHECK_STR(xml_text(&arena, root), STR("onetwo"));
    CHECK_STR(xml_attr(root, "x"), STR("1"));
    CHECK_STR(xml_attr_ns(root, "urn:p", "x"), STR("2"));
    CU_ASSERT(xml_attr(root, "y").p != NULL && xml_attr(root, "y").n == 0);
    CU_ASSERT_PTR_NULL(xml_attr(root, "z").p);
    b = xml_child(root, "urn:d", "b");
    CHECK_STR(xml_text(&arena, b), STR("x"));
    b = xml_next(b, "urn:d", "b");
    CHECK_STR(xml_text(&arena, b), STR("z"));
    CHECK_STR(xml_location(&arena, xml_child(b, NULL, "i")), STR("a/b[4]/i"));
    CU_ASSERT_PTR_NULL(xml_text_of(&arena, root, "urn:d", "c").p);
    arena_dispose(&arena);
}

static void what_is_written_reads_back(void)
{
    static const struct str value = STR("<&>\"'\t\r\n \xc3\xbc");
    struct xml_writer w;
    struct strbuf b;
    xmlNode *root;

    arena_init(&arena);
    b = strbuf_on(&arena, 0);
    w = xml_writer_on(&b);
    xml_begin(&w, "p:a");
    xml_attribute(&w, "xmlns:p", STR("urn:p"));
    xml_attribute(&w, "v", value);
    xml_leaf(&w, "b", value);
    xml_leaf(&w, "c", STR(""));
    xml_end(&w, "p:a");
    CU_ASSERT_EQUAL(w.depth, 0);
    root = parse(strbuf_str(&b));
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CHECK_STR(xml_attr(root, "v"), value);
    CHECK_STR(xml_text_of(&arena, root, "", "b"), value);
    CHECK_STR(xml_text_of(&arena, root, "", "c"), STR(""));
    arena_dispose(&arena);
}

static void what_xml_cannot_carry_becomes_a_replacement_character(void)
{
    struct xml_writer w;
    struct strbuf b;

    arena_init(&arena);
    b = strbuf_on(&arena, 0);
    w = xml_writer_on(&b);
    xml_leaf(&w, "a",
             STR("\x01"
                 "b\xff\xef\xbf\xbf\xed\xa0\x80"));
    CHECK_STR(strbuf_str(&b), STR("<a>\xef\xbf\xbd"
                                  "b\xef\xbf\xbd\xef\xbf\xbd"
                                  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</a>"));
    CU_ASSERT_PTR_NOT_NULL(parse(strbuf_str(&b)));
    arena_dispose(&arena);
}

SUITE(test_xml, CASE(what_soap_forbids_is_refused_with_its_reason),
      CASE(a_reference_without_an_end_is_not_sought_to_the_end),
      CASE(plain_documents_of_the_allowed_encodings_are_read),
      CASE(each_cap_lets_its_last_value_pass_and_no_more),
      CASE(a_document_of_7_MB_in_base64_passes),
      CASE(a_start_tag_of_a_million_attributes_costs_no_time),
      CASE(it_does_not_matter_where_a_chunk_ends), CASE(elements_are_found_by_namespace_and_name),
      CASE(what_is_written_reads_back),
      CASE(what_xml_cannot_carry_becomes_a_replacement_character));
