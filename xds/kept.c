#include "xds/kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/hints.h"
#include "hub/base/keep.h"
#include "hub/principal.h"
#include "xds/rows.h"

enum { ROWS_MOST = 100 /* of one answer */ };

/* What the server sent, for the entries whose texts lie in it. */
struct sent {
    struct rows rows;
    atomic_uint holders;
};

struct kept_document {
    struct kept kept;
    struct uuid uuid;
    struct row_version version;
    struct xds_document *document;
    struct sent *sent;
    struct arena arena;
};

static struct keep documents;
static struct hints worth_it; /* by caller and what was asked about */

void xds_kept_open(const struct config *c)
{
    documents.bytes_most = (size_t)c->entries_memory_mb << 20;
}

uint64_t xds_kept_entry(int64_t pkey, struct uuid uuid)
{
    uint64_t half;

    memcpy(&half, uuid.b + sizeof(uuid.b) - sizeof(half), sizeof(half));
    return (uint64_t)pkey ^ half;
}

uint64_t xds_kept_person(struct person_ref person)
{
    return (uint64_t)person.pkey ^ (uint64_t)person.person_id << 32;
}

bool xds_kept_for(struct request *rq, uint64_t what)
{
    bool yes;

    return hints_get(&worth_it, hints_key(principal_hash(rq), what), &yes, sizeof(yes));
}

static void let_go(struct sent *sent)
{
    if (atomic_fetch_sub(&sent->holders, 1) > 1)
        return;
    rows_free(&sent->rows);
    free(sent);
}

static void dispose(struct kept *k)
{
    struct kept_document *d = (struct kept_document *)k;

    arena_dispose(&d->arena);
    let_go(d->sent);
    free(d);
}

static struct kept_document *document_new(struct sent *sent, int row)
{
    struct kept_document *d = calloc(1, sizeof(*d));
    struct xds_object *o;

    must(d != NULL, "out of memory");
    arena_init(&d->arena);
    d->sent = sent;
    atomic_fetch_add(&sent->holders, 1);
    o = xds_rows_read(&d->arena, XDS_DOCUMENT, &sent->rows, row);
    d->document = xds_document(o);
    d->uuid = o->uuid;
    d->version = row_version(&sent->rows, row);
    d->kept = (struct kept){
        .key = (int64_t)xds_kept_entry(o->place.pkey, o->uuid),
        .bytes =
            sizeof(*d) + arena_held(&d->arena) + rows_bytes(&sent->rows) / (size_t)sent->rows.count,
        .dispose = dispose,
    };
    return d;
}

static enum keep_which choose(const struct kept *old, const struct kept *k)
{
    const struct kept_document *was = (const struct kept_document *)old;
    const struct kept_document *is = (const struct kept_document *)k;

    if (!uuid_eq(was->uuid, is->uuid))
        return KEEP_BOTH;
    return row_version_eq(&was->version, &is->version) ? KEEP_OLD : KEEP_NEW;
}

void xds_kept_put(struct request *rq, uint64_t what, const struct rows *rows)
{
    static const bool yes = true;
    uint64_t key = hints_key(principal_hash(rq), what);
    struct sent *sent;

    if (request_recalls(rq))
        return;
    if (rows->count == 0 || rows->count > ROWS_MOST) {
        hints_drop(&worth_it, key);
        return;
    }
    sent = malloc(sizeof(*sent));
    must(sent != NULL, "out of memory");
    sent->rows = rows_copy(rows);
    atomic_init(&sent->holders, 1);
    for (int i = 0; i < rows->count; i++)
        keep_put(&documents, &document_new(sent, i)->kept, choose);
    let_go(sent);
    hints_put(&worth_it, key, &yes, sizeof(yes));
}

struct wanted {
    struct uuid uuid;
    struct row_version version;
};

static bool is_wanted(const struct kept *k, const void *context)
{
    const struct kept_document *d = (const struct kept_document *)k;
    const struct wanted *w = context;

    return uuid_eq(d->uuid, w->uuid) && row_version_eq(&d->version, &w->version);
}

struct xds_object *xds_kept_take(struct request *rq, int64_t pkey, struct uuid uuid,
                                 struct row_version version)
{
    const struct wanted wanted = {uuid, version};
    struct xds_document *copy;
    struct kept *k;

    if (keep_take(&documents, rq->arena, (int64_t)xds_kept_entry(pkey, uuid), is_wanted, &wanted,
                  &k, 1) == 0)
        return NULL;
    copy = arena_copy(rq->arena, ((struct kept_document *)k)->document, sizeof(*copy));
    if (!request_epoch(rq, "labels", &copy->label_now))
        return NULL;
    return &copy->o;
}
