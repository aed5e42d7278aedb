#include "xds/torn.h"

#include <string.h>

#include "hub/base/json_text.h"
#include "mpi/identity.h"
#include "mpi/store.h"
#include "xds/rim.h"

enum { NAMED_MAX = 100 }; /* associations of one task */

/* A set may refer to another patient's entry: that is no relationship. */
static const struct statement FIND_LINKS = {
    "xds_torn_links",
    "SELECT entry_uuid, source_pkey, source_record, target_pkey, target_record\n"
    "  FROM xds_association\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND status = 'approved'\n"
    "   AND NOT (source_kind = 'set' AND set_status = 'Reference')\n"
    "   AND (source_pkey, source_record) <> (target_pkey, target_record)",
};

static const struct statement FIND_VERSION = {
    "xds_torn_version",
    "SELECT max(version)\n"
    "  FROM mpi_record\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2",
};

static const struct statement HEAL = {
    "xds_torn_heal",
    "UPDATE mpi_task\n"
    "   SET state = 'closed',\n"
    "       closed_at = $5,\n"
    "       closed_by = $6,\n"
    "       resolution = 'healed'\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND other_pkey = $3\n"
    "   AND other_record = $4\n"
    "   AND kind = 'torn_association'\n"
    "   AND state <> 'closed'",
};

/* A record that went over, and another one that it has associations with. */
struct pair {
    const struct mpi_changed_record *moved;
    struct place other;
    struct xds_texts links; /* their ids */
};

struct torn {
    struct request *rq;
    const struct mpi_change *change;
    struct rows *links, *versions; /* by record of the change */
    struct pair *pairs;
    size_t n;
    struct mpi_owners owners; /* of the others, by pair */
};

static bool went_over(const struct mpi_changed_record *r)
{
    return r->from.person_id != 0 && !person_ref_eq(r->from, r->to);
}

static bool queue_links(struct torn *t)
{
    const struct mpi_change *c = t->change;
    bool any = false;

    t->links = ARENA_ARRAY(t->rq->arena, c->record_count, struct rows);
    t->versions = ARENA_ARRAY(t->rq->arena, c->record_count, struct rows);
    for (size_t i = 0; i < c->record_count; i++) {
        struct place place = c->records[i].place;

        if (!went_over(&c->records[i]))
            continue;
        db_queue(t->rq->db, &FIND_LINKS, &t->links[i], DB_INT8(place.pkey),
                 DB_INT8(place.record_id));
        db_queue(t->rq->db, &FIND_VERSION, &t->versions[i], DB_INT8(place.pkey),
                 DB_INT8(place.record_id));
        any = true;
    }
    return any;
}

static struct pair *pair_of(struct torn *t, const struct mpi_changed_record *moved,
                            struct place other)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pairs[i].moved == moved && place_eq(t->pairs[i].other, other))
            return &t->pairs[i];
    t->pairs = arena_grow(t->rq->arena, t->pairs, t->n, sizeof(*t->pairs));
    t->pairs[t->n] = (struct pair){.moved = moved, .other = other};
    return &t->pairs[t->n++];
}

static void read_links(struct torn *t, size_t record)
{
    const struct mpi_changed_record *moved = &t->change->records[record];
    const struct rows *rows = &t->links[record];

    for (int row = 0; row < rows->count; row++) {
        struct place source = {row_int(rows, row, 1), row_int(rows, row, 2)};
        struct place target = {row_int(rows, row, 3), row_int(rows, row, 4)};
        struct pair *p = pair_of(t, moved, place_eq(source, moved->place) ? target : source);

        if (p->links.n == NAMED_MAX)
            continue;
        p->links.v = arena_grow(t->rq->arena, p->links.v, p->links.n, sizeof(*p->links.v));
        p->links.v[p->links.n++] = uuid_urn(t->rq->arena, row_uuid(rows, row, 0));
    }
}

static enum status find_others(struct torn *t)
{
    struct place *places = ARENA_ARRAY(t->rq->arena, t->n, struct place);

    for (size_t i = 0; i < t->n; i++)
        places[i] = t->pairs[i].other;
    mpi_owners_queue(t->rq, places, t->n, &t->owners);
    TRY(db_flush(t->rq->db));
    return mpi_owners_read(t->rq, &t->owners);
}

/* Whose the other record was before the change: it may have gone over too. */
static struct person_ref before(const struct torn *t, size_t i)
{
    for (size_t j = 0; j < t->change->record_count; j++)
        if (place_eq(t->change->records[j].place, t->pairs[i].other))
            return t->change->records[j].from;
    return t->owners.refs[i];
}

static struct str detail(struct torn *t, const struct pair *p)
{
    struct strbuf b = strbuf_on(t->rq->arena, 256);

    strbuf_lit(&b, "{\"reasons\":[\"torn_association\"],\"associations\":[");
    for (size_t i = 0; i < p->links.n; i++) {
        if (i > 0)
            strbuf_addc(&b, ',');
        json_text_add(&b, p->links.v[i]);
    }
    strbuf_lit(&b, "]}");
    return strbuf_str(&b);
}

static void open_task(struct torn *t, size_t i)
{
    const struct pair *p = &t->pairs[i];
    const struct rows *version = &t->versions[p->moved - t->change->records];
    struct mpi_task task = {
        .kind = "torn_association",
        .place = p->moved->place,
        .version = version->count > 0 ? (int)row_int(version, 0, 0) : 0,
        .person = p->moved->to,
        .other = t->owners.refs[i],
        .other_place = p->other,
        .detail = detail(t, p),
    };

    mpi_task_store(t->rq, &task);
}

/* Whichever of the two went away then. */
static void heal(struct torn *t, const struct pair *p)
{
    struct place places[] = {p->moved->place, p->other};

    for (int i = 0; i < 2; i++)
        db_queue(t->rq->db, &HEAL, NULL, DB_INT8(places[i].pkey), DB_INT8(places[i].record_id),
                 DB_INT8(places[1 - i].pkey), DB_INT8(places[1 - i].record_id),
                 DB_TIME(t->rq->now_us), DB_TEXT(t->change->by));
}

enum status xds_torn_follow(struct request *rq, const struct mpi_change *change)
{
    struct torn t = {.rq = rq, .change = change};

    if (!queue_links(&t))
        return OK;
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < change->record_count; i++)
        read_links(&t, i);
    if (t.n == 0)
        return OK;
    TRY(find_others(&t));
    for (size_t i = 0; i < t.n; i++) {
        bool was = person_ref_eq(t.pairs[i].moved->from, before(&t, i));
        bool is = person_ref_eq(t.pairs[i].moved->to, t.owners.refs[i]);

        if (was && !is)
            open_task(&t, i);
        else if (is && !was)
            heal(&t, &t.pairs[i]);
    }
    return OK;
}
