/* Identifiers in HL7 v2 messages of ours. Pure over the members' directory. */
#pragma once

#include "gateway/hl7.h"
#include "gateway/identity_gate.h"

/* HD.1 of an authority: the namespace of its member's messages, else the member's name. */
struct str hl7_name_space(const struct request *rq, struct str authority);

/* id^^^NS&OID&ISO^PI */
void hl7_cx_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                struct identifier id);
/* All of them as repetitions, those of one authority together. Sorts the items. */
void hl7_cx_list_add(struct request *rq, struct strbuf *b, const struct hl7_separators *s,
                     struct identity_visible *v);
