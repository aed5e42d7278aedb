#include "gateway/v3_identity.h"

static void write_patient(struct xml_writer *w, const struct identity_visible *v)
{
    xml_begin(w, "patient");
    xml_attribute(w, "classCode", STR("PAT"));
    for (size_t i = 0; i < v->count; i++)
        hl7v3_ii_write(w, "id", (struct hl7v3_ii){v->items[i].id.authority, v->items[i].id.id});
    hl7v3_leaf(w, "statusCode", "code", STR("active"));
    xml_begin(w, "patientPerson");
    xml_attribute(w, "classCode", STR("PSN"));
    xml_attribute(w, "determinerCode", STR("INSTANCE"));
    hl7v3_leaf(w, "name", "nullFlavor", STR("NA")); /* a PIX answer tells no demographics */
    xml_end(w, "patientPerson");
    xml_end(w, "patient");
}

void v3_identity_write(struct request *rq, struct xml_writer *w, const struct identity_visible *v)
{
    hl7v3_event_begin(w);
    write_patient(w, v);
    hl7v3_event_end(rq, w, STR_NONE);
}
