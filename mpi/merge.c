#include "mpi/merge.h"

#include "hub/base/json_text.h"
#include "mpi/change.h"
#include "mpi/identity.h"
#include "mpi/keys.h"
#include "mpi/store.h"

/* One merge on its way. Index 0 is the surviving side, 1 the subsumed one. */
struct work {
    struct request *rq;
    const struct mpi_merge *merge;
    bool whole; /* XAD-PIDs: all records of the subsumed person go over */
    struct identifier ids[2];
    struct mpi_hit hits[2];
    struct mpi_person persons[2];
    bool same_person;

    struct mpi_record *records; /* of the subsumed person, as they are */
    size_t record_count;
    struct rows links, xads; /* current links of these records; the XAD-PIDs of both persons */
    bool *moves, *retires;   /* by record */
    bool emptied;

    struct mpi_id_list *before; /* of the records */
    struct mpi_person after[2];
};

static const char *const SIDES[] = {"surviving", "subsumed"};

static enum status moved(struct work *w)
{
    return fail(w->rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

/* Refusals 1 to 5 of ITI TF-2 3.8.4.2.4 but the authority, which the gateway knows. */
static enum status check(struct work *w, const struct mpi_hit hits[2])
{
    if (identifier_eq(w->ids[0], w->ids[1]))
        return fail_at(w->rq->err, STR("subsumed"), INVALID, "SameIdentifier",
                       "An identifier cannot be merged into itself");
    for (int side = 0; side < 2; side++) {
        struct str at = str_from(SIDES[side]);

        if (hits[side].known == MPI_UNKNOWN)
            return fail_at(w->rq->err, at, INVALID, "UnknownIdentifier",
                           "The %s patient identifier is not known", SIDES[side]);
        if (hits[side].known == MPI_SUBSUMED)
            return fail_at(w->rq->err, at, INVALID, "RetiredIdentifier",
                           "The %s patient identifier was merged into another before", SIDES[side]);
    }
    return OK;
}

/* First look, without locks: which persons, under which XAD-PIDs. */
static enum status look(struct work *w, struct mpi_people *people)
{
    struct request *rq = w->rq;
    struct mpi_lookup seen;
    struct person_ref *refs = ARENA_ARRAY(rq->arena, 2, struct person_ref);

    mpi_lookup_queue(rq, w->ids, 2, &seen);
    TRY(db_flush(rq->db));
    TRY(mpi_lookup_read(rq, &seen));
    TRY(check(w, seen.hits));
    for (int side = 0; side < 2; side++) {
        w->hits[side] = seen.hits[side];
        refs[side] = seen.hits[side].person;
    }
    w->same_person = person_ref_eq(refs[0], refs[1]);
    mpi_people_queue(rq, refs, 2, people);
    TRY(db_flush(rq->db));
    return mpi_people_read(rq, people);
}

static void lock(struct work *w, const struct mpi_people *people, struct mpi_locked *locked)
{
    struct request *rq = w->rq;
    struct person_ref refs[] = {w->hits[0].person, w->hits[1].person};
    int64_t keys[4];
    size_t n = 0;

    for (int side = 0; side < 2; side++) {
        keys[n++] = mpi_identifier_key(w->ids[side]);
        if (people->people[side].xad_pid.n > 0)
            keys[n++] = mpi_identifier_key(mpi_xad_identifier(rq, people->people[side].xad_pid));
    }
    mpi_lock_keys(rq, keys, n);
    mpi_persons_queue(rq, refs, 2, true, locked);
}

static enum status check_again(struct work *w, const struct mpi_people *people,
                               struct mpi_lookup *again, const struct mpi_locked *locked)
{
    TRY(mpi_lookup_read(w->rq, again));
    TRY(check(w, again->hits));
    for (int side = 0; side < 2; side++) {
        size_t i = 0;

        while (i + 1 < locked->count && !person_ref_eq(locked->refs[i], w->hits[side].person))
            i++;
        if (!person_ref_eq(again->hits[side].person, w->hits[side].person) ||
            !mpi_person_read(w->rq, &locked->rows[i], &w->persons[side]) ||
            !str_eq(w->persons[side].xad_pid, people->people[side].xad_pid))
            return moved(w);
    }
    return OK;
}

static enum status look_under_locks(struct work *w, const struct mpi_people *people)
{
    struct mpi_locked locked;
    struct mpi_lookup again;

    lock(w, people, &locked);
    mpi_lookup_queue(w->rq, w->ids, 2, &again);
    TRY(db_flush(w->rq->db));
    return check_again(w, people, &again, &locked);
}

/* What will change, as it is now. */
static enum status read_before(struct work *w)
{
    static const struct statement LINKS = {
        "mpi_merge_links",
        "SELECT l.pkey, l.record_id, l.version, to_jsonb(l)"
        "  FROM mpi_link l"
        " WHERE l.pkey = ANY($1)"
        "   AND l.record_id = ANY($2)"
        "   AND l.until IS NULL",
    };
    static const struct statement XADS = {
        "mpi_merge_xads",
        "SELECT x.xad_pid, to_jsonb(x)"
        "  FROM mpi_xad x"
        " WHERE x.ikey = ANY($1)",
    };
    struct request *rq = w->rq;
    const struct mpi_person *p = &w->persons[1];
    int64_t *pkeys = ARENA_ARRAY(rq->arena, p->place_count, int64_t);
    int64_t *ids = ARENA_ARRAY(rq->arena, p->place_count, int64_t);
    int64_t xad = mpi_identifier_key(mpi_xad_identifier(rq, p->xad_pid));
    struct rows rows;

    for (size_t i = 0; i < p->place_count; i++) {
        pkeys[i] = p->places[i].pkey;
        ids[i] = p->places[i].record_id;
    }
    mpi_records_queue(rq, p->places, p->place_count, &rows);
    db_queue(rq->db, &LINKS, &w->links, DB_INT8S(pkeys, p->place_count),
             DB_INT8S(ids, p->place_count));
    db_queue(rq->db, &XADS, &w->xads, DB_INT8S(&xad, 1));
    TRY(db_flush(rq->db));
    w->record_count = (size_t)rows.count;
    w->records = ARENA_ARRAY(rq->arena, w->record_count, struct mpi_record);
    for (int row = 0; row < rows.count; row++)
        w->records[row] = mpi_record_read(rq, &rows, row);
    return w->links.count == rows.count ? OK : moved(w);
}

/* What the source merged into a record that goes over, goes with it: A into B, then B into C. */
static bool followers_move(struct work *w)
{
    bool more = false;

    for (size_t i = 0; i < w->record_count; i++)
        for (size_t j = 0; j < w->record_count; j++)
            if (!w->moves[i] && w->moves[j] && place_eq(w->records[i].into, w->records[j].place))
                more = w->moves[i] = true;
    return more;
}

/* Which records go over. A person who keeps nothing but its anchor gives that too: it is empty. */
static void choose(struct work *w)
{
    size_t left = 0;

    w->moves = ARENA_ARRAY(w->rq->arena, w->record_count, bool);
    w->retires = ARENA_ARRAY(w->rq->arena, w->record_count, bool);
    if (w->same_person)
        return;
    for (size_t i = 0; i < w->record_count; i++)
        w->moves[i] = w->whole || place_eq(w->records[i].place, w->hits[1].place);
    while (followers_move(w))
        ;
    for (size_t i = 0; i < w->record_count; i++)
        left += !w->moves[i] && !w->records[i].anchor;
    w->emptied = left == 0;
    for (size_t i = 0; w->emptied && i < w->record_count; i++)
        w->moves[i] = true;
}

/* The identifier stands for nobody any more; its record gets a version that says so. */
static void retire(struct work *w, struct identifier id)
{
    static const struct statement RETIRE = {
        "mpi_identifier_retire",
        "UPDATE mpi_identifier"
        "   SET state = 2"
        " WHERE ikey = $1"
        "   AND authority = $2"
        "   AND id = $3",
    };

    for (size_t i = 0; i < w->record_count; i++)
        for (size_t j = 0; j < w->records[i].id_count; j++)
            if (identifier_eq(w->records[i].ids[j], id)) {
                w->records[i].states[j] = MPI_STATE_RETIRED;
                w->retires[i] = true;
                if (!w->whole && place_eq(w->records[i].place, w->hits[1].place))
                    w->records[i].into = w->hits[0].place;
            }
    db_queue(w->rq->db, &RETIRE, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(id.authority),
             DB_TEXT(id.id));
}

static void store_retired(struct work *w)
{
    for (size_t i = 0; i < w->record_count; i++) {
        w->records[i].version += w->retires[i];
        if (w->retires[i])
            mpi_record_store(w->rq, &w->records[i], "A40");
    }
}

static void move_link(struct work *w, int row)
{
    static const struct statement CLOSE = {
        "mpi_link_close",
        "UPDATE mpi_link"
        "   SET until = $4"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        "   AND version = $3",
    };
    const struct rows *rows = &w->links;
    struct mpi_link link = {
        .place = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .version = (int)row_int(rows, row, 2) + 1,
        .person = w->persons[0].ref,
        .reason = "merge",
        .decided_by = str_printf(w->rq->arena, "member:%.*s", STR_ARG(w->merge->member->name)),
    };

    db_queue(w->rq->db, &CLOSE, NULL, DB_INT8(link.place.pkey), DB_INT8(link.place.record_id),
             DB_INT4(link.version - 1), DB_TIME(w->rq->now_us));
    mpi_link_store(w->rq, &link);
}

/* The identifiers of a record that goes over name its new person. */
static void move_identifiers(struct work *w, const struct mpi_record *r)
{
    static const struct statement MOVE = {
        "mpi_identifier_move",
        "UPDATE mpi_identifier"
        "   SET person_pkey = $4,"
        "       person_id = $5"
        " WHERE ikey = ANY($1)"
        "   AND pkey = $2"
        "   AND record_id = $3",
    };
    int64_t *keys = ARENA_ARRAY(w->rq->arena, r->id_count, int64_t);

    for (size_t i = 0; i < r->id_count; i++)
        keys[i] = mpi_identifier_key(r->ids[i]);
    db_queue(w->rq->db, &MOVE, NULL, DB_INT8S(keys, r->id_count), DB_INT8(r->place.pkey),
             DB_INT8(r->place.record_id), DB_INT8(w->persons[0].ref.pkey),
             DB_INT8(w->persons[0].ref.person_id));
}

/* A row of mpi_person with its lists as they will be. */
static void person_update(struct work *w, const struct mpi_person *p)
{
    static const struct statement UPDATE = {
        "mpi_person_update",
        "UPDATE mpi_person"
        "   SET place_pkeys = $3,"
        "       place_records = $4,"
        "       constituent_pkeys = $5,"
        "       constituent_ids = $6,"
        "       merged_pkey = $7,"
        "       merged_id = $8,"
        "       xad_pid = $9,"
        "       link_epoch = link_epoch + 1,"
        "       changed_at = $10"
        " WHERE pkey = $1"
        "   AND person_id = $2",
    };
    struct arena *a = w->rq->arena;
    int64_t *pkeys = ARENA_ARRAY(a, p->place_count, int64_t);
    int64_t *records = ARENA_ARRAY(a, p->place_count, int64_t);
    int64_t *constituent_pkeys = ARENA_ARRAY(a, p->constituent_count, int64_t);
    int64_t *constituents = ARENA_ARRAY(a, p->constituent_count, int64_t);
    struct person_ref into = w->persons[0].ref;

    for (size_t i = 0; i < p->place_count; i++) {
        pkeys[i] = p->places[i].pkey;
        records[i] = p->places[i].record_id;
    }
    for (size_t i = 0; i < p->constituent_count; i++) {
        constituent_pkeys[i] = p->constituents[i].pkey;
        constituents[i] = p->constituents[i].person_id;
    }
    db_queue(w->rq->db, &UPDATE, NULL, DB_INT8(p->ref.pkey), DB_INT8(p->ref.person_id),
             DB_INT8S(pkeys, p->place_count), DB_INT8S(records, p->place_count),
             DB_INT8S(constituent_pkeys, p->constituent_count),
             DB_INT8S(constituents, p->constituent_count),
             p->merged ? DB_INT8(into.pkey) : DB_NULL(DB_TYPE_INT8),
             p->merged ? DB_INT8(into.person_id) : DB_NULL(DB_TYPE_INT8), DB_TEXT(p->xad_pid),
             DB_TIME(w->rq->now_us));
}

/* Both persons as they are afterwards. */
static void move_places(struct work *w, struct mpi_person *to, struct mpi_person *from)
{
    struct arena *a = w->rq->arena;
    struct place *places = ARENA_ARRAY(a, to->place_count + from->place_count, struct place);
    struct place *kept = ARENA_ARRAY(a, from->place_count, struct place);
    size_t n = 0, left = 0;

    for (size_t i = 0; i < to->place_count; i++)
        places[n++] = to->places[i];
    for (size_t i = 0; i < w->record_count; i++) {
        if (w->moves[i])
            places[n++] = w->records[i].place;
        else
            kept[left++] = w->records[i].place;
    }
    to->places = places;
    to->place_count = n;
    from->places = kept;
    from->place_count = left;
}

static void move_constituents(struct work *w, struct mpi_person *to, struct mpi_person *from)
{
    size_t n = to->constituent_count;
    struct person_ref *all =
        ARENA_ARRAY(w->rq->arena, n + from->constituent_count, struct person_ref);

    for (size_t i = 0; i < n; i++)
        all[i] = to->constituents[i];
    for (size_t i = 0; i < from->constituent_count; i++)
        all[n++] = from->constituents[i];
    to->constituents = all;
    to->constituent_count = n;
    from->merged = true;
}

/* The XAD-PID of a person that is no more: no content of its own, an edge to the survivor's. */
static void subsume_xad(struct work *w, struct str subsumed, struct str surviving)
{
    static const struct statement SUBSUME = {
        "mpi_xad_subsume",
        "UPDATE mpi_xad"
        "   SET status = 'subsumed',"
        "       subsumed_by = $3,"
        "       subsumed_at = $4"
        " WHERE ikey = $1"
        "   AND xad_pid = $2",
    };
    struct identifier id = mpi_xad_identifier(w->rq, subsumed);

    db_queue(w->rq->db, &SUBSUME, NULL, DB_INT8(mpi_identifier_key(id)), DB_TEXT(subsumed),
             DB_TEXT(surviving), DB_TIME(w->rq->now_us));
    retire(w, id);
}

/* A survivor without an XAD-PID (none was fed for it yet) takes over the other's. */
static void merge_xads(struct work *w, struct mpi_person *to, struct mpi_person *from)
{
    if (from->xad_pid.n == 0)
        return;
    if (to->xad_pid.n == 0) {
        to->xad_pid = from->xad_pid;
        from->xad_pid = STR_NONE;
    } else
        subsume_xad(w, from->xad_pid, to->xad_pid);
}

static void move_records(struct work *w)
{
    struct mpi_person to = w->persons[0], from = w->persons[1];

    for (size_t i = 0; i < w->record_count; i++)
        if (w->moves[i])
            move_identifiers(w, &w->records[i]);
    for (int row = 0; row < w->links.count; row++) {
        struct place place = {row_int(&w->links, row, 0), row_int(&w->links, row, 1)};

        for (size_t i = 0; i < w->record_count; i++)
            if (w->moves[i] && place_eq(w->records[i].place, place))
                move_link(w, row);
    }
    move_places(w, &to, &from);
    if (w->emptied) {
        move_constituents(w, &to, &from);
        merge_xads(w, &to, &from);
    }
    person_update(w, &to);
    person_update(w, &from);
    w->after[0] = to;
    w->after[1] = from;
}

static void image_add(struct strbuf *b, struct str image)
{
    if (b->p[b->n - 1] != '[')
        strbuf_addc(b, ',');
    strbuf_add(b, image);
}

/* An mpi_identifier row as it was, told from its record and link. */
static void identifier_image_add(struct work *w, struct strbuf *b, const struct mpi_record *r,
                                 size_t i)
{
    struct person_ref person = w->persons[1].ref;

    strbuf_addf(b, "%s{\"ikey\":%lld,\"authority\":", b->p[b->n - 1] == '[' ? "" : ",",
                (long long)mpi_identifier_key(r->ids[i]));
    json_text_add(b, r->ids[i].authority);
    strbuf_lit(b, ",\"id\":");
    json_text_add(b, r->ids[i].id);
    strbuf_addf(b,
                ",\"pkey\":%lld,\"record_id\":%lld,\"person_pkey\":%lld,\"person_id\":%lld,"
                "\"member_id\":%lld,\"state\":%lld}",
                (long long)r->place.pkey, (long long)r->place.record_id, (long long)person.pkey,
                (long long)person.person_id, (long long)r->member_id, (long long)r->states[i]);
}

static struct str before_json(struct work *w)
{
    struct strbuf b = strbuf_on(w->rq->arena, 2048);

    strbuf_lit(&b, "{\"persons\":[");
    image_add(&b, w->persons[0].image);
    if (!w->same_person)
        image_add(&b, w->persons[1].image);
    strbuf_lit(&b, "],\"links\":[");
    for (int row = 0; row < w->links.count; row++)
        image_add(&b, row_json(&w->links, row, 3));
    strbuf_lit(&b, "],\"xads\":[");
    for (int row = 0; row < w->xads.count; row++)
        image_add(&b, row_json(&w->xads, row, 1));
    strbuf_lit(&b, "],\"identifiers\":[");
    for (size_t i = 0; i < w->record_count; i++)
        for (size_t j = 0; j < w->records[i].id_count; j++)
            identifier_image_add(w, &b, &w->records[i], j);
    strbuf_lit(&b, "]}");
    return strbuf_str(&b);
}

static void log_merge(struct work *w)
{
    static const struct statement INSERT = {
        "mpi_merge_log_insert",
        "INSERT INTO mpi_merge_log (pkey, merge_id, person_id, other_pkey, other_id, kind, at,"
        "       request, decided_by, before)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    };
    struct request *rq = w->rq;
    struct str by = str_printf(rq->arena, "member:%.*s", STR_ARG(w->merge->member->name));

    db_queue(rq->db, &INSERT, NULL, DB_INT8(w->persons[0].ref.pkey), DB_UUID(uuid_v7()),
             DB_INT8(w->persons[0].ref.person_id), DB_INT8(w->persons[1].ref.pkey),
             DB_INT8(w->persons[1].ref.person_id), DB_TEXT(w->whole ? STR("xad") : STR("local")),
             DB_TIME(rq->now_us), DB_UUID(rq->id), DB_TEXT(by), DB_JSONB(before_json(w)));
}

static struct mpi_id_list ids_in(struct request *rq, const struct identifier *ids,
                                 const int64_t *states, size_t count)
{
    struct identifier *out = ARENA_ARRAY(rq->arena, count, struct identifier);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (states[i] == MPI_STATE_ACTIVE)
            out[n++] = ids[i];
    return (struct mpi_id_list){out, n};
}

/* Which identifiers stood for the records before anything was retired. */
static void note_before(struct work *w)
{
    w->before = ARENA_ARRAY(w->rq->arena, w->record_count, struct mpi_id_list);
    for (size_t i = 0; i < w->record_count; i++)
        w->before[i] =
            ids_in(w->rq, w->records[i].ids, w->records[i].states, w->records[i].id_count);
}

static struct mpi_changed_person person_told(const struct mpi_person *before,
                                             const struct mpi_person *after)
{
    return (struct mpi_changed_person){.ref = before->ref,
                                       .xad_before = before->xad_pid,
                                       .xad_after = after->xad_pid,
                                       .gone = after->merged,
                                       .places = after->places,
                                       .place_count = after->place_count};
}

static enum status tell(struct work *w)
{
    struct request *rq = w->rq;
    struct mpi_change change = {
        .kind = w->emptied ? MPI_CHANGE_MERGE : MPI_CHANGE_LINK,
        .by = str_printf(rq->arena, "member:%.*s", STR_ARG(w->merge->member->name)),
        .persons = {person_told(&w->persons[0], &w->after[0]),
                    person_told(&w->persons[1], &w->after[1])},
        .person_count = w->same_person ? 1 : 2,
        .records = ARENA_ARRAY(rq->arena, w->record_count, struct mpi_changed_record),
    };

    for (size_t i = 0; i < w->record_count; i++) {
        const struct mpi_record *r = &w->records[i];

        if (w->moves[i] || w->retires[i])
            change.records[change.record_count++] = (struct mpi_changed_record){
                .place = r->place,
                .member_id = r->member_id,
                .anchor = r->anchor,
                .from = w->persons[1].ref,
                .to = w->persons[w->moves[i] ? 0 : 1].ref,
                .before = w->before[i],
                .after = ids_in(rq, r->ids, r->states, r->id_count),
            };
    }
    return mpi_change_tell(rq, &change);
}

static enum status merge(struct request *rq, const struct mpi_merge *m, bool whole,
                         struct mpi_merged *out)
{
    struct work *w = ARENA_NEW(rq->arena, struct work);
    struct mpi_people people;

    *w = (struct work){.rq = rq, .merge = m, .whole = whole, .ids = {m->surviving, m->subsumed}};
    TRY(look(w, &people));
    TRY(look_under_locks(w, &people));
    TRY(read_before(w));
    choose(w);
    note_before(w);
    log_merge(w);
    w->after[0] = w->persons[0];
    w->after[1] = w->persons[1];
    if (!w->whole)
        retire(w, w->ids[1]);
    if (!w->same_person)
        move_records(w);
    store_retired(w);
    *out = (struct mpi_merged){
        .surviving = w->persons[0].ref,
        .subsumed = w->persons[1].ref,
        .emptied = w->emptied,
    };
    return tell(w);
}

enum status mpi_merge_local(struct request *rq, const struct mpi_merge *m, struct mpi_merged *out)
{
    return merge(rq, m, false, out);
}

enum status mpi_merge_xad(struct request *rq, const struct mpi_merge *m, struct mpi_merged *out)
{
    return merge(rq, m, true, out);
}
