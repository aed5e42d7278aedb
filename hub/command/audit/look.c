#include "hub/command/audit/look.h"

#include <string.h>

void audit_look(struct operation *o, struct str what, const struct audit_filter *f,
                const struct audit_found *found)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);
    struct strbuf asked = strbuf_on(o->args.arena, 128);

    for (size_t i = 0; i < o->args.given_count; i++)
        if (strcmp(o->args.given[i].name, "config") != 0)
            strbuf_addf(&asked, "--%s %s ", o->args.given[i].name, o->args.given[i].value);
    row->patient = f->patient;
    row->pkey = found->pkey;
    row->person_id = found->person_id;
    row->description = str_printf(o->args.arena, "%zu rows shown", found->count);
    audit_object_add(o->args.arena, row, "query", what, str_trim(strbuf_str(&asked)));
}
