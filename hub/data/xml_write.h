/* XML out: straight into a buffer, escaped, without a tree.
 *
 *     struct strbuf b = strbuf_on(a, 4096);
 *     struct xml_writer w = xml_writer_on(&b);
 *
 *     xml_begin(&w, "rs:RegistryResponse");
 *     xml_attribute(&w, "xmlns:rs", NS_RS);
 *     xml_leaf(&w, "rs:Note", text);
 *     xml_end(&w, "rs:RegistryResponse");
 *
 * Names are literals with the caller's own prefixes, whose declarations are attributes like any
 * other. What a name closes must be what was opened last: anything else ends the process. Bytes
 * that XML 1.0 cannot carry (controls, broken UTF-8) become U+FFFD. */
#pragma once

#include "hub/base/str.h"

enum { XML_WRITER_DEPTH = 64 };

struct xml_writer {
    struct strbuf *out;
    struct str open[XML_WRITER_DEPTH];
    int depth;
    bool in_tag; /* attributes may still be added */
};

struct xml_writer xml_writer_on(struct strbuf *out);
void xml_content(struct xml_writer *w, struct str text);

/* What the four below are: a literal's length is known where they are written. */
void xml_begin_name(struct xml_writer *w, struct str name);
void xml_attribute_name(struct xml_writer *w, struct str name, struct str value);
void xml_end_name(struct xml_writer *w, struct str name);
void xml_leaf_name(struct xml_writer *w, struct str name, struct str text);

static inline void xml_begin(struct xml_writer *w, const char *name)
{
    xml_begin_name(w, str_from(name));
}

static inline void xml_attribute(struct xml_writer *w, const char *name, struct str value)
{
    xml_attribute_name(w, str_from(name), value);
}

static inline void xml_end(struct xml_writer *w, const char *name)
{
    xml_end_name(w, str_from(name));
}

/* <name>text</name> */
static inline void xml_leaf(struct xml_writer *w, const char *name, struct str text)
{
    xml_leaf_name(w, str_from(name), text);
}
