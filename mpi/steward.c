#include "mpi/steward.h"

#include "mpi/identity.h"
#include "mpi/no_link.h"
#include "mpi/relink.h"

static enum status moved(struct request *rq)
{
    return fail(rq->err, CONFLICT, "moved", "Another feed or merge changed the same patient");
}

static struct mpi_relink *relink_of(struct request *rq, const struct mpi_word *word,
                                    const char *kind, enum mpi_change_kind change)
{
    struct mpi_relink *l = ARENA_NEW(rq->arena, struct mpi_relink);

    l->rq = rq;
    l->kind = kind;
    l->reason = "steward";
    l->event = "merge";
    l->change = change;
    l->by = word->by;
    return l;
}

static void report(const struct mpi_relink *l, struct mpi_stewarded *out)
{
    *out = (struct mpi_stewarded){
        .log = l->log,
        .to = l->persons[MPI_TO].ref,
        .from = l->persons[MPI_FROM].ref,
        .emptied = l->emptied,
    };
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++)
        out->moved += l->moves[i];
}

/* --- persons and records --------------------------------------------------------------------- */

/* Locks both, ascending. Each must be there; one that was merged away is refused. */
static enum status lock_persons(struct request *rq, const struct person_ref refs[2],
                                struct mpi_person persons[2])
{
    struct mpi_locked locked;

    mpi_persons_queue(rq, refs, 2, true, &locked);
    TRY(db_flush(rq->db));
    for (int side = MPI_TO; side <= MPI_FROM; side++)
        for (size_t i = 0; i < locked.count; i++)
            if (person_ref_eq(locked.refs[i], refs[side]) &&
                !mpi_person_read(rq, &locked.rows[i], 0, &persons[side]))
                return fail(rq->err, NOT_FOUND, "UnknownPerson",
                            persons[side].merged ? "That person is part of another one since a"
                                                   " merge; name the surviving one"
                                                 : "There is no such person");
    return OK;
}

static enum status owner_of(struct request *rq, struct place record, struct person_ref *out)
{
    struct mpi_owners owners;

    mpi_owners_queue(rq, &record, 1, &owners);
    TRY(db_flush(rq->db));
    TRY(mpi_owners_read(rq, &owners));
    *out = owners.refs[0];
    if (out->person_id == 0)
        return fail(rq->err, NOT_FOUND, "UnknownRecord", "There is no such record");
    return OK;
}

static bool owns(const struct mpi_person *p, struct place place)
{
    for (size_t i = 0; i < p->place_count; i++)
        if (place_eq(p->places[i], place))
            return true;
    return false;
}

/* No steward's no-link may stand between what goes over and where it goes. */
static enum status check_apart(struct mpi_relink *l, const struct mpi_apart *apart)
{
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++)
        for (size_t j = 0; l->moves[i] && j < l->counts[MPI_TO]; j++) {
            struct place one = l->records[MPI_FROM][i].place, other = l->records[MPI_TO][j].place;

            if (mpi_apart_has(apart, one, other))
                return fail(l->rq->err, INVALID, "KeptApart",
                            "A steward keeps record %lld.%lld apart from %lld.%lld; end that"
                            " first: causeway mpi no-link --end",
                            (long long)one.pkey, (long long)one.record_id, (long long)other.pkey,
                            (long long)other.record_id);
        }
    return OK;
}

/* Two XAD-PIDs that a member feeds are merged by that member (ADT^A40), not here. */
static enum status check_xads(struct mpi_relink *l)
{
    const struct mpi_person *to = &l->persons[MPI_TO], *from = &l->persons[MPI_FROM];

    if (str_eq(str_from(l->rq->config->xad_source), STR("hub")) || to->xad_pid.n == 0 ||
        from->xad_pid.n == 0)
        return OK;
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++)
        for (size_t j = 0; l->moves[i] && j < l->before[i].count; j++)
            if (mpi_is_xad(l->rq, l->before[i].items[j]))
                return fail(l->rq->err, INVALID, "OtherXadPid",
                            "Both have an affinity domain identifier of %s's; that member merges"
                            " the two with ADT^A40",
                            l->rq->config->xad_source);
    return OK;
}

static enum status read_with_no_links(struct mpi_relink *l, struct mpi_apart *apart)
{
    const struct mpi_person *from = &l->persons[MPI_FROM];

    mpi_apart_queue(l->rq, from->places, from->place_count, apart);
    TRY(mpi_relink_read(l));
    mpi_apart_read(l->rq, apart);
    return OK;
}

/* --- merge and link -------------------------------------------------------------------------- */

static enum status same_person(struct request *rq)
{
    return fail(rq->err, INVALID, "SamePerson", "Both are one person already");
}

static enum status write_checked(struct mpi_relink *l, const struct mpi_apart *apart,
                                 struct mpi_stewarded *out)
{
    TRY(check_apart(l, apart));
    TRY(check_xads(l));
    TRY(mpi_relink_write(l));
    report(l, out);
    return OK;
}

enum status mpi_steward_merge(struct request *rq, const struct mpi_word *word,
                              struct person_ref surviving, struct person_ref subsumed,
                              struct mpi_stewarded *out)
{
    struct mpi_relink *l = relink_of(rq, word, "steward", MPI_CHANGE_MERGE);
    struct mpi_apart apart;

    if (person_ref_eq(surviving, subsumed))
        return same_person(rq);
    TRY(lock_persons(rq, (struct person_ref[]){surviving, subsumed}, l->persons));
    TRY(read_with_no_links(l, &apart));
    mpi_relink_all(l);
    return write_checked(l, &apart, out);
}

enum status mpi_steward_link(struct request *rq, const struct mpi_word *word, struct place record,
                             struct person_ref person, struct mpi_stewarded *out)
{
    struct mpi_relink *l = relink_of(rq, word, "link", MPI_CHANGE_LINK);
    struct mpi_apart apart;
    struct person_ref owner;

    TRY(owner_of(rq, record, &owner));
    if (person_ref_eq(owner, person))
        return same_person(rq);
    TRY(lock_persons(rq, (struct person_ref[]){person, owner}, l->persons));
    if (!owns(&l->persons[MPI_FROM], record))
        return moved(rq);
    TRY(read_with_no_links(l, &apart));
    mpi_relink_record(l, record);
    if (l->emptied)
        l->change = MPI_CHANGE_MERGE;
    return write_checked(l, &apart, out);
}

/* --- unlink ---------------------------------------------------------------------------------- */

/* What an unlink must know beside the record's person: the persons that it was before, the next
 * numbers, and who else of the person's records was one of these. */
struct unlinking {
    struct mpi_relink *l;
    struct place record;
    struct rows history, numbers, were_there;
    struct person_ref former; /* zero: none */
    struct mpi_record anchor; /* of a new person */
};

static void history_queue(struct unlinking *u)
{
    static const struct statement HISTORY = {
        "mpi_link_history",
        "SELECT person_pkey, person_id"
        "  FROM mpi_link"
        " WHERE pkey = $1"
        "   AND record_id = $2"
        " ORDER BY version DESC",
    };
    static const struct statement NUMBERS = {
        "mpi_unlink_numbers",
        "SELECT nextval('mpi_person_seq'), nextval('mpi_record_seq')",
    };
    struct db *db = u->l->rq->db;

    db_queue(db, &HISTORY, &u->history, DB_INT8(u->record.pkey), DB_INT8(u->record.record_id));
    db_queue0(db, &NUMBERS, &u->numbers);
}

/* The person that the record was last, before it came to this one. */
static struct person_ref former_person(const struct unlinking *u, struct person_ref now)
{
    for (int row = 0; row < u->history.count; row++) {
        struct person_ref p = {row_int(&u->history, row, 0), row_int(&u->history, row, 1)};

        if (!person_ref_eq(p, now))
            return p;
    }
    return (struct person_ref){0, 0};
}

/* Locks the record's person and the former one, if any. */
static enum status lock_for_unlink(struct unlinking *u, struct person_ref owner)
{
    struct mpi_relink *l = u->l;
    struct request *rq = l->rq;
    struct person_ref refs[] = {owner, u->former};
    struct mpi_locked locked;

    mpi_persons_queue(rq, refs, u->former.person_id != 0 ? 2 : 1, true, &locked);
    TRY(db_flush(rq->db));
    for (size_t i = 0; i < locked.count; i++) {
        bool is_owner = person_ref_eq(locked.refs[i], owner);
        bool alive =
            mpi_person_read(rq, &locked.rows[i], 0, &l->persons[is_owner ? MPI_FROM : MPI_TO]);

        if (is_owner && (!alive || !owns(&l->persons[MPI_FROM], u->record)))
            return moved(rq);
    }
    return OK;
}

static bool carries(const struct mpi_record *r, struct identifier id)
{
    for (size_t i = 0; i < r->id_count; i++)
        if (identifier_eq(r->ids[i], id))
            return true;
    return false;
}

static bool is_constituent(const struct mpi_person *p, struct person_ref ref)
{
    for (size_t i = 0; i < p->constituent_count; i++)
        if (person_ref_eq(p->constituents[i], ref))
            return true;
    return false;
}

/* The former person can live again if it became part of this one, and its XAD-PID can come along:
 * it was issued by the hub, or the record itself brings it. */
static bool can_revive(const struct unlinking *u)
{
    const struct mpi_relink *l = u->l;
    const struct mpi_person *q = &l->persons[MPI_TO];
    struct identifier xad = mpi_xad_identifier(l->rq, q->xad_pid);

    if (u->former.person_id == 0 || !q->merged || !is_constituent(&l->persons[MPI_FROM], q->ref))
        return false;
    if (q->xad_pid.n == 0)
        return true;
    for (size_t i = 0; i < l->counts[MPI_FROM]; i++) {
        const struct mpi_record *r = &l->records[MPI_FROM][i];

        if (carries(r, xad))
            return r->anchor || place_eq(r->place, u->record);
    }
    return false;
}

static void activate(struct mpi_relink *l, size_t i, struct identifier id)
{
    struct mpi_record *r = &l->records[MPI_FROM][i];

    for (size_t j = 0; j < r->id_count; j++)
        if (identifier_eq(r->ids[j], id))
            r->states[j] = MPI_STATE_ACTIVE;
    l->changes[i] = true;
    mpi_identifier_set_state(l->rq, id, MPI_STATE_ACTIVE);
}

/* The constituents of `p` without those of `gone`. */
static void without_constituents(struct request *rq, struct mpi_person *p,
                                 const struct mpi_person *gone)
{
    struct person_ref *kept = ARENA_ARRAY(rq->arena, p->constituent_count, struct person_ref);
    size_t n = 0;

    for (size_t i = 0; i < p->constituent_count; i++)
        if (!is_constituent(gone, p->constituents[i]))
            kept[n++] = p->constituents[i];
    p->constituents = kept;
    p->constituent_count = n;
}

/* Did a record that stays come from the person that lives again? Its consents then stay too. */
static bool others_stay(const struct unlinking *u)
{
    const struct mpi_relink *l = u->l;

    for (int row = 0; row < u->were_there.count; row++)
        for (size_t i = 0; i < l->counts[MPI_FROM]; i++) {
            const struct mpi_record *r = &l->records[MPI_FROM][i];

            if (!l->moves[i] && place_eq(r->place, (struct place){row_int(&u->were_there, row, 0),
                                                                  row_int(&u->were_there, row, 1)}))
                return true;
        }
    return false;
}

static void were_there_queue(struct unlinking *u)
{
    static const struct statement WERE = {
        "mpi_links_with",
        "SELECT pkey, record_id"
        "  FROM mpi_link"
        " WHERE (pkey, record_id) IN ("
        "       SELECT place, record"
        "         FROM unnest($1::bigint[], $2::bigint[]) AS w (place, record))"
        "   AND person_pkey = $3"
        "   AND person_id = $4",
    };
    struct request *rq = u->l->rq;
    const struct mpi_person *p = &u->l->persons[MPI_FROM];
    int64_t *pkeys = ARENA_ARRAY(rq->arena, p->place_count, int64_t);
    int64_t *ids = ARENA_ARRAY(rq->arena, p->place_count, int64_t);

    for (size_t i = 0; i < p->place_count; i++) {
        pkeys[i] = p->places[i].pkey;
        ids[i] = p->places[i].record_id;
    }
    db_queue(rq->db, &WERE, &u->were_there, DB_INT8S(pkeys, p->place_count),
             DB_INT8S(ids, p->place_count), DB_INT8(u->former.pkey), DB_INT8(u->former.person_id));
}

static void plan_revival(struct unlinking *u)
{
    struct mpi_relink *l = u->l;
    const struct mpi_person *q = &l->persons[MPI_TO];
    struct identifier xad = mpi_xad_identifier(l->rq, q->xad_pid);

    l->revives = true;
    l->event = "unmerge";
    for (size_t i = 0; q->xad_pid.n > 0 && i < l->counts[MPI_FROM]; i++)
        if (carries(&l->records[MPI_FROM][i], xad)) {
            l->moves[i] = true;
            activate(l, i, xad);
            mpi_xad_revive(l->rq, q->xad_pid);
        }
    l->after[MPI_TO].merged = false;
    if (!others_stay(u))
        without_constituents(l->rq, &l->after[MPI_FROM], q);
}

static void plan_new_person(struct unlinking *u)
{
    struct mpi_relink *l = u->l;
    struct request *rq = l->rq;
    struct mpi_person p = {.ref = {u->record.pkey, row_int(&u->numbers, 0, 0)}};

    l->is_new = true;
    l->counts[MPI_TO] = 0;
    if (str_eq(str_from(rq->config->xad_source), STR("hub"))) {
        p.xad_pid = uuid_text(rq->arena, uuid_v4());
        u->anchor = mpi_anchor_store(rq, p.ref, row_int(&u->numbers, 0, 1), p.xad_pid);
        p.places = &u->anchor.place;
        p.place_count = 1;
        l->born = &u->anchor;
    }
    l->persons[MPI_TO] = p;
    l->after[MPI_TO] = p;
}

/* A human says that these are two people: for good. */
static void keep_from_the_rest(struct unlinking *u, const struct mpi_word *word)
{
    struct mpi_relink *l = u->l;
    struct str why =
        str_printf(l->rq->arena, "unlink %.*s%s%.*s", STR_ARG(uuid_text(l->rq->arena, l->log)),
                   word->why.n > 0 ? ": " : "", STR_ARG(word->why));

    for (size_t i = 0; i < l->counts[MPI_FROM]; i++)
        for (size_t j = 0; j < l->counts[MPI_FROM]; j++)
            if (l->moves[i] && !l->moves[j] && !l->records[MPI_FROM][i].anchor &&
                !l->records[MPI_FROM][j].anchor)
                mpi_apart_store(l->rq, l->records[MPI_FROM][i].place, l->records[MPI_FROM][j].place,
                                word->by, why);
}

enum status mpi_steward_unlink(struct request *rq, const struct mpi_word *word, struct place record,
                               struct mpi_stewarded *out)
{
    struct unlinking *u = ARENA_NEW(rq->arena, struct unlinking);
    struct person_ref owner;

    u->l = relink_of(rq, word, "unlink", MPI_CHANGE_UNLINK);
    u->record = record;
    history_queue(u);
    TRY(owner_of(rq, record, &owner));
    u->former = former_person(u, owner);
    TRY(lock_for_unlink(u, owner));
    were_there_queue(u);
    TRY(mpi_relink_read(u->l));
    mpi_relink_record(u->l, record);
    if (u->l->emptied)
        return fail(rq->err, INVALID, "OnlyRecord",
                    "The person has no other record; there is nothing to unlink it from");
    if (can_revive(u))
        plan_revival(u);
    else
        plan_new_person(u);
    TRY(mpi_relink_write(u->l));
    keep_from_the_rest(u, word);
    report(u->l, out);
    return OK;
}

/* --- no-link --------------------------------------------------------------------------------- */

enum status mpi_keep_apart(struct request *rq, const struct mpi_word *word, struct place one,
                           struct place other)
{
    struct person_ref owners[2];
    struct mpi_person persons[2];
    struct mpi_apart apart;

    TRY(owner_of(rq, one, &owners[0]));
    TRY(owner_of(rq, other, &owners[1]));
    if (person_ref_eq(owners[0], owners[1]))
        return fail(rq->err, INVALID, "SamePerson",
                    "Both are linked to one person; unlink one of them, which keeps them apart");
    mpi_apart_queue(rq, &one, 1, &apart);
    TRY(lock_persons(rq, owners, persons));
    mpi_apart_read(rq, &apart);
    if (!owns(&persons[0], one) || !owns(&persons[1], other))
        return moved(rq);
    if (!mpi_apart_has(&apart, one, other))
        mpi_apart_store(rq, one, other, word->by, word->why);
    return OK;
}

enum status mpi_keep_apart_end(struct request *rq, struct place one, struct place other)
{
    struct mpi_apart apart;

    mpi_apart_queue(rq, &one, 1, &apart);
    TRY(db_flush(rq->db));
    mpi_apart_read(rq, &apart);
    if (!mpi_apart_has(&apart, one, other))
        return fail(rq->err, NOT_FOUND, "NotApart", "Nothing keeps these records apart");
    mpi_apart_end(rq, one, other);
    return OK;
}
