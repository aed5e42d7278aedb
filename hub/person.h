/* The words that every room shares about people. */
#pragma once

#include "hub/base/str.h"

/* A patient identifier: who issued it (an OID) and the number. Written CX in HL7 v2 and XDS. */
struct identifier {
    struct str authority; /* OID, dotted */
    struct str id;
};

/* id^^^&authority&ISO */
struct str identifier_cx(struct arena *a, struct identifier id);

/* Reads id^^^&oid&ISO; also namespace&oid&ISO. Compares by id and OID only, so other components
 * are let pass. False without an id, an OID, with another type than ISO, or with control
 * characters in the id. */
bool identifier_parse_cx(struct str cx, struct identifier *out);
bool identifier_eq(struct identifier a, struct identifier b);

/* Where a record's rows live: the partition key and the record. Never changes. */
struct place {
    int64_t pkey, record_id;
};
bool place_eq(struct place a, struct place b);
int place_order(struct place a, struct place b); /* as of strcmp, by pkey and then record */

/* A person of the index. `pkey` is where the person's own row lives. */
struct person_ref {
    int64_t pkey, person_id;
};
bool person_ref_eq(struct person_ref a, struct person_ref b);

/* A person as a query needs it. */
struct person {
    struct person_ref ref;
    struct str xad_pid;   /* the surviving XAD-PID, id part only; what answers show */
    struct place *places; /* every record that is linked now */
    size_t place_count;
    struct person_ref *constituents; /* persons merged into this one, itself included: consent is
                                        decided once for each, the strictest wins */
    size_t constituent_count;
};

/* Nobody was merged into it: it is its own only constituent. */
bool person_is_alone(const struct person *p);
