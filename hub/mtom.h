/* MTOM: the packaging of a SOAP message with its binary content in MIME parts (XOP), both ways.
 * Pure; memory from the arena. */
#pragma once

#include "hub/data/xml.h"
#include "hub/net/exchange.h"

/* What an xs:base64Binary element holds: a part (its bytes, or what the sink stored), or the bytes
 * that stood inline. */
struct mtom_binary {
    struct part *part; /* NULL: inline */
    struct str bytes;  /* inline: decoded */
};

/* Reads <element>base64</element> or <element><xop:Include href="cid:..."/></element>; a sender may
 * mix both (XOP section 4.1; IHE ITI TF-2 V.8). `parts` is soap_message.parts. Fails INVALID with
 * the caller's code, and the reason. Two elements may name one part: whoever takes a stored part
 * over looks to that. */
enum status mtom_binary_read(struct arena *a, struct part *parts, const xmlNode *element,
                             const char *code, struct mtom_binary *out,
                             struct errors *err) MUST_CHECK;

/* A part of an answer. */
struct attachment {
    struct str content_id, content_type;
    struct byte_source *source;
    struct attachment *next;
};

/* A Content-ID that occurs nowhere else, without its angle brackets. */
struct str mtom_content_id(struct arena *a);

/* Fills Content-Type and the body of the reply: the envelope as the root part, then the parts. */
void mtom_package(struct reply *rp, struct str envelope, const struct attachment *parts);
