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

static void ask_owners(struct request *rq, struct foreign *f, struct rows *rows)
{
    struct identifier *ids = ARENA_ARRAY(rq->arena, f->found.n, struct identifier);
    size_t n = 0;

    for (size_t i = 0; i < f->found.n; i++)
        n += patient_of(f->found.v[i], &ids[n]) && !identifier_eq(ids[n], f->asked);
    if (n > 0)
        correlation_owners_queue(rq, f->partner->member_id, ids, n, rows);
}

static bool owner_of(const struct foreign *f, const struct rows *rows, const struct xds_object *o,
                     struct person_ref *out)
{
    struct identifier id;

    if (!patient_of(o, &id))
        return false;
    if (f->asked.id.n > 0 && identifier_eq(id, f->asked)) {
        *out = f->person;
        return true;
    }
    return f->asked.id.n == 0 && correlation_owner(rows, id, out);
}

struct owners {
    struct person_ref *v;
    size_t n;
};

static void add_owner(struct owners *all, struct person_ref ref)
{
    for (size_t i = 0; i < all->n; i++)
        if (person_ref_eq(all->v[i], ref))
            return;
    all->v[all->n++] = ref;
}

static struct owners all_owners(struct request *rq, const struct foreign *v, size_t count,
                                const struct rows *rows)
{
    struct owners all = {0};
    struct person_ref ref;
    size_t most = count;

    for (size_t i = 0; i < count; i++)
        most += v[i].found.n;
    all.v = ARENA_ARRAY(rq->arena, most, struct person_ref);
    for (size_t i = 0; i < count; i++) {
        if (v[i].asked.id.n > 0)
            add_owner(&all, v[i].person);
        for (size_t k = 0; k < v[i].found.n; k++)
            if (owner_of(&v[i], &rows[i], v[i].found.v[k], &ref))
                add_owner(&all, ref);
    }
    return all;
}

/* --- candidates --------------------------------------------------------------------------------
 */

static struct xds_object *object_by_uuid(const struct foreign *f, struct uuid uuid)
{
    for (size_t i = 0; i < f->found.n; i++)
        if (uuid_eq(f->found.v[i]->uuid, uuid))
            return f->found.v[i];
    return NULL;
}

static const struct person *person_of(const struct foreign *f, const struct rows *rows,
                                      const struct xds_candidates *c, const struct xds_object *o)
{
    struct person_ref ref;

    return owner_of(f, rows, o, &ref) ? xds_find_person(c, ref) : NULL;
}

/* What an association leads to, and the answer does not hold: it counts as an object of the same
 * patient of which nothing is known, so that consent decides about it by patient and community. */
static const struct person *add_end(struct request *rq, const struct foreign *f,
                                    struct xds_candidates *c, const struct rows *rows,
                                    struct xds_end *end)
{
    struct xds_object *o = object_by_uuid(f, end->uuid);
    const struct person *person;

    if (o != NULL) {
        end->kind = o->kind;
        return o->kind != XDS_ASSOCIATION ? person_of(f, rows, c, o) : NULL;
    }
    person = f->asked.id.n > 0 ? xds_find_person(c, f->person) : NULL;
    end->kind = XDS_DOCUMENT;
    o = xds_object_new(rq->arena, XDS_DOCUMENT);
    o->uuid = end->uuid;
    o->source_member = f->partner->member_id;
    xds_candidates_add(rq, c, o, person, true);
    return person;
}

static void add_object(struct request *rq, struct foreign *f, struct xds_candidates *c,
                       const struct rows *rows, struct xds_object *o)
{
    struct xds_association *link = xds_association(o);
    const struct person *from, *to;

    if (link == NULL) {
        const struct person *person = person_of(f, rows, c, o);

        f->strangers += person == NULL;
        if (person != NULL)
            xds_candidates_add(rq, c, o, person, false);
        return;
    }
    from = add_end(rq, f, c, rows, &link->from);
    to = add_end(rq, f, c, rows, &link->to);
    xds_candidates_add(rq, c, o, from != NULL ? from : to, false);
}

static enum status gate_one(struct request *rq, struct foreign *f, const struct rows *rows,
                            const struct xds_candidates *known)
{
    struct xds_candidates c = *known;

    c.v = NULL;
    c.n = 0;
    for (size_t i = 0; i < f->found.n; i++)
        add_object(rq, f, &c, rows, f->found.v[i]);
    TRY(xds_gate(rq, &c, &f->seen));
    f->withheld = xds_visible_withheld(f->seen);
    return OK;
}

enum status foreign_gate(struct request *rq, struct foreign *v, size_t count)
{
    struct rows *rows = ARENA_ARRAY(rq->arena, count, struct rows);
    struct xds_candidates known = {0};
    struct owners owners;

    for (size_t i = 0; i < count; i++)
        ask_owners(rq, &v[i], &rows[i]);
    TRY(db_flush(rq->db));
    owners = all_owners(rq, v, count, rows);
    if (owners.n > 0)
        TRY(xds_find_people(rq, owners.v, owners.n, &known));
    for (size_t i = 0; i < count; i++)
        TRY(gate_one(rq, &v[i], &rows[i], &known));
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

static bool is_kept(const struct known_document *v, size_t n, const struct known_document *d)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].community == d->community && str_eq(v[i].unique_id, d->unique_id))
            return true;
    return false;
}

static size_t remember_one(struct request *rq, const struct foreign *f, struct known_document *to,
                           size_t n)
{
    for (size_t i = 0; i < xds_visible_count(f->seen); i++) {
        const struct xds_object *o = xds_visible_object(f->seen, i);
        struct known_document d = {
            .unique_id = xds_text(o, "uniqueId"),
            .community = f->partner->member_id,
            .person = xds_visible_person(f->seen, i)->ref,
        };

        if (o->kind != XDS_DOCUMENT || d.unique_id.n == 0 || is_kept(to, n, &d))
            continue;
        d.entry = entry_text(rq, o);
        to[n++] = d;
    }
    return n;
}

void foreign_remember(struct request *rq, const struct foreign *v, size_t count)
{
    struct known_document *kept;
    size_t most = 0, n = 0;

    for (size_t i = 0; i < count; i++)
        most += xds_visible_count(v[i].seen);
    kept = ARENA_ARRAY(rq->arena, most, struct known_document);
    for (size_t i = 0; i < count; i++)
        n = remember_one(rq, &v[i], kept, n);
    known_documents_keep(rq, kept, n);
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
