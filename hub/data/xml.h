/* XML in: a hardened libxml2 tree, and plain steps through it.
 *
 * No DOCTYPE, no processing instruction, no entity but the five of XML itself, no network, no
 * XInclude; bytes, depth, elements, attributes and the length of a start tag are capped while
 * parsing (SOAP 1.2 Part 1 section 5; reference: libxml2 hardening). Only XML 1.0 in UTF-8,
 * UTF-16, US-ASCII or ISO-8859-1. Comments are dropped and CDATA is text, so an element of simple
 * content has one text node. The document ends with the arena; strings taken from it borrow from
 * it. xml_init once, before threads; the rest has no global state, a document belongs to the
 * thread that owns its arena. No XPath here or anywhere on what a client sent. */
#pragma once

#include <libxml/tree.h>

#include "hub/base/err.h"
#include "hub/base/str.h"

struct xml_limits {
    size_t max_bytes;
    int max_depth;
    size_t max_elements;
    size_t max_attributes; /* of one element, namespace declarations included */
    size_t max_start_tag;  /* bytes: duplicate attributes are sought in quadratic time */
    bool loose_namespaces; /* an undeclared prefix is let pass, as part of the name */
};

/* 16 MB, 100 deep, 200,000 elements, 64 attributes, 32 kB a start tag. One text may have 10 MB:
 * some 7 MB of document in base64. */
extern const struct xml_limits XML_LIMITS;

void xml_init(void);

/* OK with the root element in *root, else INVALID with the line and the reason in err. */
enum status xml_parse(struct arena *a, struct str bytes, const struct xml_limits *limits,
                      struct errors *err, xmlNode **root) MUST_CHECK;

/* Elements only; NULL for ns or name matches any, "" for ns matches none. */
bool xml_is(const xmlNode *n, const char *ns, const char *name);
xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *name); /* first, or NULL */
xmlNode *xml_next(const xmlNode *n, const char *ns, const char *name);       /* next sibling */
size_t xml_count(const xmlNode *parent, const char *ns, const char *name);
#define XML_EACH(n, parent, ns, name)                                                              \
    for (xmlNode *n = xml_child((parent), (ns), (name)); n != NULL; n = xml_next(n, (ns), (name)))

/* Did a comment stand in this element, beside its children? */
bool xml_had_comment(const xmlNode *n);

/* The element behind n in the order of the document, within `top`; NULL: that was the last. */
const xmlNode *xml_following(const xmlNode *n, const xmlNode *top);

struct str xml_name(const xmlNode *n); /* local name */
struct str xml_ns(const xmlNode *n);   /* namespace URI, or STR_NONE */

/* The element's own text, untrimmed; empty when there is none. Borrowed from the tree, or joined
 * in the arena where elements stand between. xml_text_of takes a NULL node: STR_NONE. */
struct str xml_text(struct arena *a, const xmlNode *n);
struct str xml_text_of(struct arena *a, const xmlNode *parent, const char *ns, const char *name);

/* The element as it came, with the namespaces that it stands in declared: text that can be read by
 * itself, for records that keep a message whole. STR_NONE for NULL. */
struct str xml_copy_text(struct arena *a, const xmlNode *n);

/* Value of an attribute, untrimmed; STR_NONE when it is absent. */
struct str xml_attr(const xmlNode *n, const char *name); /* in no namespace */
struct str xml_attr_ns(const xmlNode *n, const char *ns, const char *name);

/* xs:boolean: 1 or true; anything else is false. */
bool xml_true(struct str s);

/* Where an element stands, for errors: Envelope/Body/AdhocQueryRequest/Slot[2] */
struct str xml_location(struct arena *a, const xmlNode *n);
