#include "gateway/xca_merge.h"

#include "xds/find.h"
#include "xds/rim_write.h"

/* --- whose they are ----------------------------------------------------------------------------
 */

/* Of an association: nobody's by itself. */
static bool patient_of(const struct xds_object *o, struct identifier *out)
{
    return identifier_parse_cx(xds_text(o, "patientId"), out);
}

/* An answer that is being judged: its objects and its patients are found by one look each. */
struct judged {
    struct foreign *f;
    struct correlation_owners owners;
    struct pair_index objects; /* by UUID: numbers of f->found */
};

static void begin_judging(struct request *rq, struct foreign *f, struct judged *out)
{
    struct identifier *ids = ARENA_ARRAY(rq->arena, f->found.n, struct identifier);
    size_t n = 0;

    *out = (struct judged){.f = f, .objects = pair_index_on(rq->arena, f->found.n)};
    for (size_t i = 0; i < f->found.n; i++) {
        (void)pair_index_put_uuid(&out->objects, f->found.v[i]->uuid, i);
        n += patient_of(f->found.v[i], &ids[n]) && !identifier_eq(ids[n], f->asked);
    }
    if (n > 0)
        correlation_owners_queue(rq, f->partner->member_id, ids, n, &out->owners);
}

static bool owner_of(struct request *rq, const struct judged *j, const struct xds_object *o,
                     struct person_ref *out)
{
    const struct foreign *f = j->f;
    struct identifier id;

    if (!patient_of(o, &id))
        return false;
    if (f->asked.id.n > 0 && identifier_eq(id, f->asked)) {
        *out = f->person;
        return true;
    }
    return f->asked.id.n == 0 && correlation_owner(rq, &j->owners, id, out);
}

struct owners {
    struct person_ref *v;
    size_t n;
    struct pair_index known;
};

static void add_owner(struct owners *all, struct person_ref ref)
{
    if (pair_index_put(&all->known, ref.pkey, ref.person_id, all->n) == all->n)
        all->v[all->n++] = ref;
}

static struct owners all_owners(struct request *rq, const struct judged *v, size_t count)
{
    struct owners all = {.known = pair_index_on(rq->arena, 0)};
    struct person_ref ref;
    size_t most = count;

    for (size_t i = 0; i < count; i++)
        most += v[i].f->found.n;
    all.v = ARENA_ARRAY(rq->arena, most, struct person_ref);
    for (size_t i = 0; i < count; i++) {
        if (v[i].f->asked.id.n > 0)
            add_owner(&all, v[i].f->person);
        for (size_t k = 0; k < v[i].f->found.n; k++)
            if (owner_of(rq, &v[i], v[i].f->found.v[k], &ref))
                add_owner(&all, ref);
    }
    return all;
}

/* --- candidates --------------------------------------------------------------------------------
 */

static struct xds_object *object_by_uuid(const struct judged *j, struct uuid uuid)
{
    size_t at = pair_index_find_uuid(&j->objects, uuid);

    return at != PAIR_NONE ? j->f->found.v[at] : NULL;
}

static const struct person *person_of(struct request *rq, const struct judged *j,
                                      const struct xds_candidates *c, const struct xds_object *o)
{
    struct person_ref ref;

    return owner_of(rq, j, o, &ref) ? xds_find_person(c, ref) : NULL;
}

/* What an association leads to, and the answer does not hold: it counts as an object of the same
 * patient of which nothing is known, so that consent decides about it by patient and community. */
static const struct person *add_end(struct request *rq, const struct judged *j,
                                    struct xds_candidates *c, struct xds_end *end)
{
    const struct foreign *f = j->f;
    struct xds_object *o = object_by_uuid(j, end->uuid);
    const struct person *person;

    if (o != NULL) {
        end->kind = o->kind;
        return o->kind != XDS_ASSOCIATION ? person_of(rq, j, c, o) : NULL;
    }
    person = f->asked.id.n > 0 ? xds_find_person(c, f->person) : NULL;
    end->kind = XDS_DOCUMENT;
    o = xds_object_new(rq->arena, XDS_DOCUMENT);
    o->uuid = end->uuid;
    o->source_member = f->partner->member_id;
    xds_candidates_add(rq, c, o, person, true);
    return person;
}

static void add_object(struct request *rq, struct judged *j, struct xds_candidates *c,
                       struct xds_object *o)
{
    struct xds_association *link = xds_association(o);
    const struct person *from, *to;

    if (link == NULL) {
        const struct person *person = person_of(rq, j, c, o);

        j->f->strangers += person == NULL;
        if (person != NULL)
            xds_candidates_add(rq, c, o, person, false);
        return;
    }
    from = add_end(rq, j, c, &link->from);
    to = add_end(rq, j, c, &link->to);
    xds_candidates_add(rq, c, o, from != NULL ? from : to, false);
}

static enum status gate_one(struct request *rq, struct judged *j,
                            const struct xds_candidates *known)
{
    struct xds_candidates c = *known;
    struct foreign *f = j->f;

    c.v = NULL;
    c.n = 0;
    for (size_t i = 0; i < f->found.n; i++)
        add_object(rq, j, &c, f->found.v[i]);
    TRY(xds_gate(rq, &c, &f->seen));
    f->withheld = xds_visible_withheld(f->seen);
    return OK;
}

enum status foreign_gate(struct request *rq, struct foreign *v, size_t count)
{
    struct judged *judged = ARENA_ARRAY(rq->arena, count, struct judged);
    struct xds_candidates known = {0};
    struct owners owners;

    for (size_t i = 0; i < count; i++)
        begin_judging(rq, &v[i], &judged[i]);
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < count; i++)
        correlation_owners_read(rq, &judged[i].owners);
    owners = all_owners(rq, judged, count);
    if (owners.n > 0)
        TRY(xds_find_people(rq, owners.v, owners.n, &known));
    for (size_t i = 0; i < count; i++)
        TRY(gate_one(rq, &judged[i], &known));
    return OK;
}

/* --- out ---------------------------------------------------------------------------------------
 */

static struct str entry_text(struct request *rq, const struct xds_object *o)
{
    struct strbuf b = strbuf_on(rq->arena, 4096);
    struct xml_writer w = xml_writer_on(&b);
    struct xds_face face = {.patient_id = xds_text(o, "patientId")};

    xml_begin(&w, "rim:RegistryObjectList");
    xml_attribute(&w, "xmlns:rim", STR(XDS_RIM_NS));
    xds_rim_write(&w, rq->arena, o, &face);
    xml_end(&w, "rim:RegistryObjectList");
    return strbuf_str(&b);
}

struct keeping {
    struct known_document *v;
    size_t n;
    struct pair_index known; /* by community and uniqueId */
};

static bool is_kept(struct request *rq, struct keeping *k, const struct known_document *d)
{
    struct str name =
        str_printf(rq->arena, "%lld|%.*s", (long long)d->community, STR_ARG(d->unique_id));

    return pair_index_put_text(&k->known, name, k->n) != k->n;
}

static void remember_one(struct request *rq, const struct foreign *f, struct keeping *k)
{
    for (size_t i = 0; i < xds_visible_count(f->seen); i++) {
        const struct xds_object *o = xds_visible_object(f->seen, i);
        struct known_document d = {
            .unique_id = xds_text(o, "uniqueId"),
            .community = f->partner->member_id,
            .person = xds_visible_person(f->seen, i)->ref,
        };

        if (o->kind != XDS_DOCUMENT || d.unique_id.n == 0 || is_kept(rq, k, &d))
            continue;
        d.entry = entry_text(rq, o);
        k->v[k->n++] = d;
    }
}

void foreign_remember(struct request *rq, const struct foreign *v, size_t count)
{
    struct keeping kept = {.known = pair_index_on(rq->arena, 0)};
    size_t most = 0;

    for (size_t i = 0; i < count; i++)
        most += xds_visible_count(v[i].seen);
    kept.v = ARENA_ARRAY(rq->arena, most, struct known_document);
    for (size_t i = 0; i < count; i++)
        remember_one(rq, &v[i], &kept);
    known_documents_keep(rq, kept.v, kept.n);
}

void foreign_write(struct request *rq, struct xml_writer *w, const struct foreign *f,
                   bool leaf_class)
{
    struct xds_face face = {.home = partner_home_urn(rq->arena, f->partner)};

    for (size_t i = 0; i < xds_visible_count(f->seen); i++) {
        const struct xds_object *o = xds_visible_object(f->seen, i);

        face.patient_id = xds_text(o, "patientId");
        if (leaf_class)
            xds_rim_write(w, rq->arena, o, &face);
        else
            xds_rim_write_ref(w, o, &face);
    }
}
