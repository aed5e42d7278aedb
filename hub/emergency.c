#include "hub/emergency.h"

bool emergency_is_noted(const struct request *rq, struct person_ref person)
{
    for (const struct emergency *e = rq->emergencies; e != NULL; e = e->next)
        if (person_ref_eq(e->person, person))
            return true;
    return false;
}

void emergency_note(struct request *rq, const struct emergency *e)
{
    struct emergency *kept = ARENA_NEW(rq->arena, struct emergency);

    *kept = *e;
    kept->next = rq->emergencies;
    rq->emergencies = kept;
}

static void name_in(struct request *rq, struct audit_row *row, const struct emergency *e)
{
    audit_object_add(rq->arena, row, "emergency", uuid_text(rq->arena, e->id), e->detail);
}

/* As HL7 names it, whatever word the domain has for it: by that the log's queue finds it. */
static void add_opening(struct request *rq, const struct emergency *e)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->transaction = "EMERGENCY";
    row->id = e->id;
    row->pkey = e->person.pkey;
    row->person_id = e->person.person_id;
    row->patient = e->patient;
    row->purpose = STR("BTG");
    name_in(rq, row, e);
}

void emergencies_tell(struct request *rq)
{
    for (const struct emergency *e = rq->emergencies; e != NULL; e = e->next)
        for (struct audit_row *row = rq->audit.first; row != NULL; row = row->next)
            if (row->pkey == e->person.pkey && row->person_id == e->person.person_id)
                name_in(rq, row, e);
    for (const struct emergency *e = rq->emergencies; e != NULL; e = e->next)
        if (e->patient.p != NULL)
            add_opening(rq, e);
}

struct str emergency_reason(struct str detail)
{
    /* RULE POLICY vVERSION, until TIME: the time's own colons have no space behind them. */
    for (size_t i = 0; i + 1 < detail.n; i++)
        if (detail.p[i] == ':' && detail.p[i + 1] == ' ')
            return str_trim(str_slice(detail, i + 2, detail.n));
    return STR("");
}
