#include "xds/consent_objects.h"

#include "consent/label_store.h"
#include "xds/label.h"
#include "xds/query_gather.h"
#include "xds/says.h"

static void add(struct request *rq, const struct person *person, struct xds_object *o,
                struct consent_document *out)
{
    struct xds_saying *saying = ARENA_NEW(rq->arena, struct xds_saying);

    *saying = (struct xds_saying){o, rq->members, ARENA_NEW(rq->arena, struct xds_said)};
    *out = (struct consent_document){
        .id = xds_text(o, "uniqueId"),
        .object = {.person = person,
                   .source_member = o->source_member,
                   .kind = xds_consent_kind(o->kind),
                   .reader = &xds_reader,
                   .about = saying},
    };
}

/* Labelled as now, or as the value sets of an instant would have it. */
static enum status label(struct request *rq, struct xds_object *o, const struct label_book *then)
{
    if (then == NULL)
        return xds_label_refresh(rq, o);
    xds_label_make(rq->arena, xds_document(o), then);
    return OK;
}

/* Was it registered, and the newest version of its document, at the instant? Now: is it? */
static bool counts(const struct xds_candidates *found, const struct xds_object *o, int64_t as_of_us)
{
    if (as_of_us == 0 || o->registered_us > as_of_us)
        return as_of_us == 0 && !o->superseded;
    for (size_t i = 0; i < found->n; i++) {
        const struct xds_object *other = found->v[i].object;

        if (other->kind == XDS_DOCUMENT && uuid_eq(other->logical, o->logical) &&
            other->version > o->version && other->registered_us <= as_of_us)
            return false;
    }
    return true;
}

enum status xds_consent_objects(struct request *rq, const struct person *person, int64_t as_of_us,
                                struct consent_document **out, size_t *count)
{
    struct label_book *then = NULL;
    struct xds_candidates found;
    struct xds_gather g;

    if (as_of_us != 0)
        TRY(label_book_as_of(rq->db, rq->arena, as_of_us, &then));
    xds_gather_init(&g, rq, &found);
    xds_gather_at(&g, person->places, person->place_count, XDS_BIT(XDS_DOCUMENT));
    TRY(xds_gather_round(&g));
    *out = ARENA_ARRAY(rq->arena, found.n, struct consent_document);
    *count = 0;
    for (size_t i = 0; i < found.n; i++) {
        if (found.v[i].object->kind != XDS_DOCUMENT || !counts(&found, found.v[i].object, as_of_us))
            continue;
        TRY(label(rq, found.v[i].object, then));
        add(rq, person, found.v[i].object, &(*out)[(*count)++]);
    }
    return OK;
}
