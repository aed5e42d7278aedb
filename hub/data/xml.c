#include "hub/data/xml.h"

#include <libxml/SAX2.h>
#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "hub/base/arena.h"

enum {
    CHUNK = 4096,
    NAMESPACES_IN_SCOPE_MAX = 512, /* each prefix is sought in linear time */
    REASON_MAX = 160,
    REFERENCE_MAX = 2 * CHUNK, /* bytes of &name; */
};

const struct xml_limits XML_LIMITS = {
    .max_bytes = 16 << 20,
    .max_depth = 100,
    .max_elements = 200000,
    .max_attributes = 64,
    .max_start_tag = 32 << 10,
};

/* One parse. Hangs on ctxt->_private; libxml2 hands the ctxt to every callback. */
struct parse {
    const struct xml_limits *limits;
    size_t elements;
    int depth;
    int line;
    char reason[REASON_MAX]; /* empty: nothing wrong so far */
};

static xmlParserInputPtr deny_entity(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
    (void)url;
    (void)id;
    (void)ctxt;
    return NULL;
}

void xml_init(void)
{
    LIBXML_TEST_VERSION
    xmlInitParser();
    xmlSetExternalEntityLoader(deny_entity);
    xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
}

/* --- while parsing ------------------------------------------------------------------------ */

static void stop(xmlParserCtxt *ctxt, const char *reason)
{
    struct parse *p = ctxt->_private;

    if (p->reason[0] == '\0') {
        p->line = ctxt->input != NULL ? ctxt->input->line : 0;
        strncpy(p->reason, reason, REASON_MAX - 1);
    }
    xmlStopParser(ctxt);
}

/* libxml2's words name elements and entities, never their content. Its last byte is a newline. */
static void on_error(void *context, xmlErrorPtr e)
{
    xmlParserCtxt *ctxt = context;
    const struct parse *p = ctxt->_private;
    char words[REASON_MAX] = "";
    size_t n = 0;

    if (e->level < XML_ERR_ERROR ||
        (e->domain == XML_FROM_NAMESPACE && p->limits->loose_namespaces))
        return;
    if (e->code == XML_ERR_NO_MEMORY) { /* so libxml2 says that a text has more than 10 MB */
        stop(ctxt, "a text is too long; send documents as MTOM attachments");
        return;
    }
    for (const char *s = e->message; s != NULL && *s != '\0' && n < sizeof(words) - 1; s++)
        if (*s != '\n')
            words[n++] = *s >= ' ' && *s <= '~' ? *s : '?';
    stop(ctxt, n > 0 ? words : "it cannot be parsed");
}

static void on_start_document(void *context)
{
    static const char *const encodings[] = {"UTF-8",    "UTF-16", "UTF-16LE",  "UTF-16BE",
                                            "US-ASCII", "ASCII",  "ISO-8859-1"};
    xmlParserCtxt *ctxt = context;
    bool known = ctxt->encoding == NULL;

    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        known = known || xmlStrcasecmp(ctxt->encoding, BAD_CAST encodings[i]) == 0;
    if (!known)
        stop(ctxt, "its encoding is none of UTF-8, UTF-16, US-ASCII and ISO-8859-1");
    else if (ctxt->version != NULL && strcmp((const char *)ctxt->version, "1.0") != 0)
        stop(ctxt, "it is not XML 1.0");
    else
        xmlSAX2StartDocument(ctxt);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *public_id,
                       const xmlChar *system_id)
{
    (void)name;
    (void)public_id;
    (void)system_id;
    stop(context, "it has a DOCTYPE");
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    (void)target;
    (void)data;
    stop(context, "it has a processing instruction");
}

/* Not kept, but remembered at the element that it stood in: a signature does not cover comments, so
 * what is signed must have none. */
static void on_comment(void *context, const xmlChar *text)
{
    static char commented;
    xmlParserCtxt *ctxt = context;

    (void)text;
    if (ctxt->node != NULL)
        ctxt->node->_private = &commented;
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespaces, const xmlChar **ns, int attributes, int defaulted,
                     const xmlChar **attrs)
{
    xmlParserCtxt *ctxt = context;
    struct parse *p = ctxt->_private;

    if (++p->depth > p->limits->max_depth)
        stop(ctxt, "its elements are nested too deep");
    else if (++p->elements > p->limits->max_elements)
        stop(ctxt, "it has too many elements");
    else if ((size_t)namespaces + (size_t)attributes > p->limits->max_attributes)
        stop(ctxt, "an element has too many attributes");
    else if (ctxt->nsNr / 2 > NAMESPACES_IN_SCOPE_MAX)
        stop(ctxt, "too many namespaces are in scope");
    else
        xmlSAX2StartElementNs(ctxt, name, prefix, uri, namespaces, ns, attributes, defaulted,
                              attrs);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    xmlParserCtxt *ctxt = context;
    struct parse *p = ctxt->_private;

    p->depth--;
    xmlSAX2EndElementNs(ctxt, name, prefix, uri);
}

/* --- the parse ---------------------------------------------------------------------------- */

static xmlParserCtxt *parser_new(struct parse *p)
{
    xmlParserCtxt *ctxt = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);

    must(ctxt != NULL, "out of memory");
    xmlCtxtUseOptions(ctxt, XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_NOCDATA);
    ctxt->_private = p;
    ctxt->sax->startDocument = on_start_document;
    ctxt->sax->internalSubset = on_doctype;
    ctxt->sax->processingInstruction = on_instruction;
    ctxt->sax->comment = on_comment;
    ctxt->sax->startElementNs = on_start;
    ctxt->sax->endElementNs = on_end;
    ctxt->sax->serror = on_error;
    return ctxt;
}

/* What has come and is not parsed yet. */
static size_t backlog(const xmlParserCtxt *ctxt)
{
    return ctxt->input != NULL ? (size_t)(ctxt->input->end - ctxt->input->cur) : 0;
}

static bool stopped(const xmlParserCtxt *ctxt)
{
    const struct parse *p = ctxt->_private;

    return p->reason[0] != '\0';
}

/* The backlog shows a start tag or a reference without an end before libxml2 looks into it, again
 * with each chunk. */
static void check_backlog(xmlParserCtxt *ctxt)
{
    const struct parse *p = ctxt->_private;

    if (backlog(ctxt) > p->limits->max_start_tag && ctxt->instate == XML_PARSER_START_TAG)
        stop(ctxt, "a start tag is too long");
    else if (backlog(ctxt) > REFERENCE_MAX && *ctxt->input->cur == '&')
        stop(ctxt, "a reference is too long");
}

/* Chunks keep the backlog small. A parser that was stopped has let go of its input: it is not
 * looked into any more. */
static void feed(xmlParserCtxt *ctxt, struct str bytes)
{
    const struct xml_limits *limits = ((const struct parse *)ctxt->_private)->limits;

    for (size_t at = 0; at < bytes.n && !stopped(ctxt); at += CHUNK) {
        struct str chunk = str_slice(bytes, at, at + CHUNK);

        xmlParseChunk(ctxt, chunk.p, (int)chunk.n, 0);
        if (!stopped(ctxt))
            check_backlog(ctxt);
    }
    if (!stopped(ctxt))
        xmlParseChunk(ctxt, NULL, 0, 1);
    if (!stopped(ctxt) && (!ctxt->wellFormed || (!ctxt->nsWellFormed && !limits->loose_namespaces)))
        stop(ctxt, "it is not well-formed");
}

static void free_document(void *doc)
{
    xmlFreeDoc(doc);
}

enum status xml_parse(struct arena *a, struct str bytes, const struct xml_limits *limits,
                      struct errors *err, xmlNode **root)
{
    struct parse p = {.limits = limits};
    xmlParserCtxt *ctxt;

    *root = NULL;
    if (bytes.n > limits->max_bytes)
        return fail(err, INVALID, "XML",
                    "the XML is larger than %zu bytes; send documents as MTOM attachments",
                    limits->max_bytes);
    ctxt = parser_new(&p);
    feed(ctxt, bytes);
    if (ctxt->myDoc != NULL)
        arena_defer(a, free_document, ctxt->myDoc);
    if (p.reason[0] == '\0' && ctxt->myDoc != NULL)
        *root = xmlDocGetRootElement(ctxt->myDoc);
    ctxt->myDoc = NULL;
    xmlFreeParserCtxt(ctxt);
    if (p.reason[0] != '\0')
        return fail(err, INVALID, "XML", "the XML is refused at line %d: %s", p.line, p.reason);
    return *root != NULL ? OK : fail(err, INVALID, "XML", "there is no XML document");
}

/* --- steps -------------------------------------------------------------------------------- */

static struct str of(const xmlChar *s)
{
    return str_from((const char *)s);
}

bool xml_is(const xmlNode *n, const char *ns, const char *name)
{
    if (n == NULL || n->type != XML_ELEMENT_NODE)
        return false;
    if (name != NULL && strcmp((const char *)n->name, name) != 0)
        return false;
    if (ns == NULL)
        return true;
    return n->ns == NULL ? ns[0] == '\0' : strcmp((const char *)n->ns->href, ns) == 0;
}

static xmlNode *first_from(xmlNode *n, const char *ns, const char *name)
{
    while (n != NULL && !xml_is(n, ns, name))
        n = n->next;
    return n;
}

xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *name)
{
    return parent != NULL ? first_from(parent->children, ns, name) : NULL;
}

xmlNode *xml_next(const xmlNode *n, const char *ns, const char *name)
{
    return first_from(n->next, ns, name);
}

const xmlNode *xml_following(const xmlNode *n, const xmlNode *top)
{
    const xmlNode *next = xml_child(n, NULL, NULL);

    while (next == NULL && n != top) {
        next = xml_next(n, NULL, NULL);
        n = n->parent;
    }
    return next;
}

size_t xml_count(const xmlNode *parent, const char *ns, const char *name)
{
    size_t count = 0;

    XML_EACH(n, parent, ns, name)
    count++;
    return count;
}

bool xml_had_comment(const xmlNode *n)
{
    return n->_private != NULL;
}

struct str xml_name(const xmlNode *n)
{
    return of(n->name);
}

struct str xml_ns(const xmlNode *n)
{
    return n->ns != NULL ? of(n->ns->href) : STR_NONE;
}

static bool is_text(const xmlNode *n)
{
    return n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE;
}

struct str xml_text(struct arena *a, const xmlNode *n)
{
    const xmlNode *only = n->children;
    struct strbuf b;

    if (only == NULL)
        return STR("");
    if (only->next == NULL)
        return is_text(only) ? of(only->content) : STR("");
    b = strbuf_on(a, 64);
    for (const xmlNode *c = n->children; c != NULL; c = c->next)
        if (is_text(c))
            strbuf_add(&b, of(c->content));
    return strbuf_str(&b);
}

struct str xml_text_of(struct arena *a, const xmlNode *parent, const char *ns, const char *name)
{
    const xmlNode *n = xml_child(parent, ns, name);

    return n != NULL ? xml_text(a, n) : STR_NONE;
}

static struct str value_of(const xmlAttr *attr)
{
    const xmlNode *text = attr->children;

    must(text == NULL || text->next == NULL, "an attribute of more than text");
    return text != NULL ? of(text->content) : STR("");
}

struct str xml_copy_text(struct arena *a, const xmlNode *n)
{
    xmlNode *copy = n != NULL ? xmlDocCopyNode((xmlNode *)n, n->doc, 1) : NULL;
    xmlBuffer *buffer = xmlBufferCreate();
    struct str text = STR_NONE;

    if (copy != NULL && buffer != NULL && xmlNodeDump(buffer, n->doc, copy, 0, 0) >= 0)
        text = str_dup(a, str_of(xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer)));
    xmlBufferFree(buffer);
    xmlFreeNode(copy);
    return text;
}

struct str xml_attr(const xmlNode *n, const char *name)
{
    for (const xmlAttr *t = n->properties; t != NULL; t = t->next)
        if (t->ns == NULL && strcmp((const char *)t->name, name) == 0)
            return value_of(t);
    return STR_NONE;
}

struct str xml_attr_ns(const xmlNode *n, const char *ns, const char *name)
{
    for (const xmlAttr *t = n->properties; t != NULL; t = t->next)
        if (t->ns != NULL && strcmp((const char *)t->ns->href, ns) == 0 &&
            strcmp((const char *)t->name, name) == 0)
            return value_of(t);
    return STR_NONE;
}

bool xml_true(struct str s)
{
    s = str_trim(s);
    return str_eq(s, STR("1")) || str_eq(s, STR("true"));
}

/* Its number among the siblings of its name, from 1; 0 when it is alone. */
static size_t number_of(const xmlNode *n)
{
    const char *name = (const char *)n->name;
    size_t before = 0;

    for (const xmlNode *s = n->prev; s != NULL; s = s->prev)
        before += xml_is(s, NULL, name);
    return before == 0 && xml_next(n, NULL, name) == NULL ? 0 : before + 1;
}

struct str xml_location(struct arena *a, const xmlNode *n)
{
    struct str path = STR("");

    for (; n != NULL && n->type == XML_ELEMENT_NODE; n = n->parent) {
        size_t number = number_of(n);
        struct str step = number > 0 ? str_printf(a, "%s[%zu]", n->name, number) : of(n->name);

        path = str_printf(a, "%.*s%s%.*s", STR_ARG(step), path.n > 0 ? "/" : "", STR_ARG(path));
    }
    return path;
}
