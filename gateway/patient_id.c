#include "gateway/patient_id.h"

#include "hub/base/oid.h"

/* Does this member feed the region's XAD-PIDs? */
static bool feeds_xad(const struct request *rq)
{
    return str_eq(rq->principal.member->name, str_from(rq->config->xad_source)) &&
           !str_eq(str_from(rq->config->xad_source), STR("hub"));
}

/* Account numbers (AN and its kinds), visit numbers and social security numbers. */
static bool identifies_nobody(struct str type)
{
    static const char *const TYPES[] = {"AN", "ANC", "AND", "ANT", "VN", "SS"};

    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
        if (str_eq_nocase(type, str_from(TYPES[i])))
            return true;
    return false;
}

static struct str authority_of(struct request *rq, const struct hl7_message *m, struct str hd)
{
    struct arena *a = rq->arena;
    struct str name_space = hl7_text(a, m, hl7_subcomponent(m, hd, 1));
    struct str oid = hl7_text(a, m, hl7_subcomponent(m, hd, 2));
    struct str type = hl7_text(a, m, hl7_subcomponent(m, hd, 3));

    oid = oid_strip_urn(oid);
    if (!oid_valid(oid) || (type.n > 0 && !str_eq_nocase(type, STR("ISO"))))
        oid = STR_NONE;
    if (str_eq(oid, str_from(rq->config->xad_authority)))
        return oid;
    return member_authority_oid(rq->members, rq->principal.member, name_space, oid);
}

struct str patient_id_domain(struct request *rq, const struct hl7_message *m, struct str cx)
{
    return authority_of(rq, m, hl7_component(m, cx, 4));
}

/* The authority that a member without choice means when it names none. */
static struct str sole_authority(const struct request *rq)
{
    const struct member *m = rq->principal.member;

    return m->authority_count == 1 ? m->authorities[0].oid : STR_NONE;
}

/* No control characters, and none that a CX is cut by: an identifier is written into CXs, lines and
 * audit rows, and must not be able to look like two. */
static bool is_plain(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] < ' ' || id.p[i] == 0x7f || id.p[i] == '^' || id.p[i] == '&')
            return false;
    return true;
}

enum patient_id_kind patient_id_kind_of(struct request *rq, const struct identifier *id)
{
    if (id->id.n == 0 || id->id.n > PATIENT_ID_MAX || !is_plain(id->id))
        return PATIENT_ID_NONE;
    if (id->authority.n == 0)
        return PATIENT_ID_UNKNOWN;
    if (str_eq(id->authority, str_from(rq->config->xad_authority)))
        return feeds_xad(rq) ? PATIENT_ID_XAD : PATIENT_ID_FOREIGN;
    if (member_owns_authority(rq->principal.member, id->authority))
        return PATIENT_ID_OWN;
    return PATIENT_ID_FOREIGN;
}

enum patient_id_kind patient_id_read(struct request *rq, const struct hl7_message *m, struct str cx,
                                     struct identifier *out)
{
    struct str hd = hl7_component(m, cx, 4);

    out->id = hl7_text(rq->arena, m, hl7_component(m, cx, 1));
    if (identifies_nobody(hl7_text(rq->arena, m, hl7_component(m, cx, 5))))
        return PATIENT_ID_NONE;
    out->authority =
        hl7_text(rq->arena, m, hd).n > 0 ? authority_of(rq, m, hd) : sole_authority(rq);
    return patient_id_kind_of(rq, out);
}
