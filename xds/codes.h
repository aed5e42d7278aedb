/* The affinity domain's codes from a codes.xml (the form of NIST's toolkit): <Codes> of <CodeType
 * name="classCode"> of <Code code="..." codingScheme="..." display="..."/>. Pure. */
#pragma once

#include "hub/data/xml.h"

struct xds_code_list {
    size_t n;
    struct xds_listed_code {
        struct str kind, scheme, code, display;
    } * v;
    size_t repeated; /* that stand in the file before: left out */
};

/* INVALID with what is wrong where. Caps: those of XML_LIMITS. */
enum status xds_codes_read(struct arena *a, struct str xml, struct xds_code_list *out,
                           struct errors *err) MUST_CHECK;
