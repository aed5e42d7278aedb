/* Structs -> ebRIM 3.0, valid against the ebRIM schema. Called by encoders, which take only what
 * xds_gate let through (gate.h), and by tests. Pure. */
#pragma once

#include "hub/data/xml_write.h"
#include "xds/rim.h"

#define XDS_RIM_NS "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"

/* What is shown with an object but not stored in it. */
struct xds_face {
    struct str patient_id; /* CX of the person's XAD-PID now */
    struct str home;       /* urn:oid: of this community, where the object names none */
};

/* The whole object; the prefix rim: must be declared. lid, VersionInfo and status always stand. */
void xds_rim_write(struct xml_writer *w, struct arena *a, const struct xds_object *o,
                   const struct xds_face *face);
/* <rim:ObjectRef id=... home=.../> */
void xds_rim_write_ref(struct xml_writer *w, const struct xds_object *o,
                       const struct xds_face *face);
