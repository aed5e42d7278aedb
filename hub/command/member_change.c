#include "hub/command/member_change.h"

#include "hub/command/member_print.h"

/* DICOM PS3.16 CID 403: what kind of security alert a change of members is. */
#define ALERT_MEMBER STR("110137 User Security Attributes Changed")

struct str member_word(struct operation *o)
{
    return str_from(o->args.positional[0]);
}

enum status member_named(struct operation *o, const struct member **m)
{
    *m = member_by_name(o->members, member_word(o));
    if (*m != NULL)
        return OK;
    return fail(o->args.err, NOT_FOUND, "member",
                "no member is called '%s'; `causeway member list` shows them",
                o->args.positional[0]);
}

void member_audit(struct operation *o, struct str member, struct str change)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    audit_object_add(o->args.arena, row, "alert", ALERT_MEMBER, STR_NONE);
    audit_object_add(o->args.arena, row, "member", member, change);
}

enum status member_report(struct operation *o, struct strbuf *out, struct str member,
                          const char *sentence)
{
    struct member_directory *now;

    if (!o->args.json) {
        strbuf_addf(out, "%.*s %s\n", STR_ARG(member), sentence);
        return OK;
    }
    TRY(member_directory_read(o->db, &now));
    member_print(out, o->args.arena, member_by_name(now, member), true);
    member_directory_release(now);
    return OK;
}
