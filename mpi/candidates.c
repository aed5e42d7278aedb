#include "mpi/candidates.h"

#include <math.h>
#include <stdlib.h>

#include "mpi/no_link.h"

enum { BELOW_REVIEW = 8 }; /* bits: who is further below the threshold cannot come to matter */

/* A record that shares a key. */
struct found {
    struct place place;
    int version;
    int64_t member_id;
    struct person_ref person;
    struct str packed;
    double rank; /* bits of rarity of the keys shared */
    double weight;
};

void mpi_search_queue(struct request *rq, struct mpi_block *keys, size_t count,
                      struct mpi_search *out)
{
    /* $3: also what is crowded is read with its refinement; 401 is one above MPI_BLOCK_CROWDED */
    static const struct statement SEARCH = {
        "mpi_block_search",
        "SELECT k.number, b.pkey, b.record_id, b.version, b.member_id, b.person_pkey, b.person_id,"
        "       b.packed"
        "  FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS k (bkey, fine, number)"
        " CROSS JOIN LATERAL ("
        "       (SELECT w.pkey, w.record_id, w.version, w.member_id, w.person_pkey, w.person_id,"
        "               w.packed"
        "          FROM mpi_block_key w"
        "         WHERE w.bkey = k.bkey"
        "           AND NOT EXISTS (SELECT FROM mpi_block_crowded c WHERE c.bkey = k.bkey)"
        "         LIMIT 401)"
        "        UNION ALL"
        "       (SELECT n.pkey, n.record_id, n.version, n.member_id, n.person_pkey, n.person_id,"
        "               n.packed"
        "          FROM mpi_block_key n"
        "         WHERE n.bkey = k.bkey"
        "           AND n.fine = k.fine"
        "           AND EXISTS (SELECT FROM mpi_block_crowded c WHERE c.bkey = k.bkey)"
        "         LIMIT 401)) AS b",
    };
    int64_t *coarse = ARENA_ARRAY(rq->arena, count, int64_t);
    int64_t *fine = ARENA_ARRAY(rq->arena, count, int64_t);

    *out = (struct mpi_search){.keys = keys, .key_count = count};
    for (size_t i = 0; i < count; i++) {
        coarse[i] = (int64_t)keys[i].key;
        fine[i] = (int64_t)keys[i].fine;
    }
    if (count > 0)
        db_queue(rq->db, &SEARCH, &out->rows, DB_INT8S(coarse, count), DB_INT8S(fine, count));
}

/* --- crowded keys ---------------------------------------------------------------------------- */

static size_t *rows_by_key(struct request *rq, const struct mpi_search *s)
{
    size_t *n = ARENA_ARRAY(rq->arena, s->key_count + 1, size_t);

    for (int row = 0; row < s->rows.count; row++)
        n[row_int(&s->rows, row, 0)]++;
    return n;
}

static void crowded_store(struct request *rq, const int64_t *keys, size_t count)
{
    static const struct statement INSERT = {
        "mpi_block_crowded_insert",
        "INSERT INTO mpi_block_crowded (bkey, since)"
        " SELECT DISTINCT k.bkey, $2::timestamptz"
        "   FROM unnest($1::bigint[]) AS k (bkey)"
        "  ORDER BY k.bkey"
        "     ON CONFLICT (bkey) DO NOTHING",
    };

    db_queue(rq->db, &INSERT, NULL, DB_INT8S(keys, count), DB_TIME(rq->now_us));
}

/* A key that has just become crowded is noted, and searched again with its refinement. */
static enum status refine(struct request *rq, struct mpi_search *s)
{
    const size_t *n = rows_by_key(rq, s);
    int64_t *full = ARENA_ARRAY(rq->arena, s->key_count, int64_t);
    size_t count = 0;

    for (size_t i = 0; i < s->key_count; i++)
        if (n[i + 1] > MPI_BLOCK_CROWDED)
            full[count++] = (int64_t)s->keys[i].key;
    if (count == 0)
        return OK;
    crowded_store(rq, full, count);
    mpi_search_queue(rq, s->keys, s->key_count, s);
    TRY(db_flush(rq->db));
    n = rows_by_key(rq, s);
    for (size_t i = 0; i < s->key_count; i++)
        s->truncated |= n[i + 1] > MPI_BLOCK_CROWDED;
    return OK;
}

/* --- what was found -------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->place.record_id != y->place.record_id)
        return x->place.record_id < y->place.record_id ? -1 : 1;
    return (x->place.pkey > y->place.pkey) - (x->place.pkey < y->place.pkey);
}

static int by_rank(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return by_place(a, b);
}

static int by_weight(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return by_place(a, b);
}

/* Each record once, ranked by how rare the keys are that it shares; the rarest in front. */
static size_t distinct(struct request *rq, const struct mpi_search *s, struct person_ref own,
                       struct found *out)
{
    const size_t *n = rows_by_key(rq, s);
    size_t all = 0, count = 0;

    for (int row = 0; row < s->rows.count; row++) {
        const struct rows *r = &s->rows;
        struct person_ref person = {row_int(r, row, 5), row_int(r, row, 6)};

        if (!person_ref_eq(person, own))
            out[all++] = (struct found){
                .place = {row_int(r, row, 1), row_int(r, row, 2)},
                .version = (int)row_int(r, row, 3),
                .member_id = row_int(r, row, 4),
                .person = person,
                .packed = row_bytea(r, row, 7),
                .rank = 1 + log2((double)MPI_BLOCK_CROWDED / (double)n[row_int(r, row, 0)] + 1)};
    }
    if (all > 0)
        qsort(out, all, sizeof(*out), by_place);
    for (size_t i = 0; i < all; i++) {
        if (count > 0 && by_place(&out[count - 1], &out[i]) == 0)
            out[count - 1].rank += out[i].rank;
        else
            out[count++] = out[i];
    }
    if (count > 0)
        qsort(out, count, sizeof(*out), by_rank);
    return count;
}

static enum status weigh(struct request *rq, struct mpi_coding *c, struct str subject,
                         struct found *found, size_t count)
{
    const uint32_t *coded = mpi_code(c, subject);
    struct mpi_view mine;

    must(coded != NULL, "a subject that cannot be unpacked");
    mine = mpi_view_of(coded);
    for (size_t i = 0; i < count; i++) {
        const uint32_t *other = mpi_code(c, found[i].packed);
        struct mpi_vector v;
        struct mpi_view theirs;

        if (other == NULL)
            return fail(rq->err, INTERNAL, "StoredRecord", "A stored record cannot be unpacked");
        theirs = mpi_view_of(other);
        mpi_compare(&c->dict, NULL, &mine, &theirs, &v);
        found[i].weight = mpi_weigh(c->model, &v);
    }
    if (count > 0)
        qsort(found, count, sizeof(*found), by_weight);
    return OK;
}

/* --- the persons ----------------------------------------------------------------------------- */

/* Those with a record that comes near the threshold, the likest first. */
static size_t choose(const struct mpi_coding *c, const struct found *found, size_t count,
                     struct person_ref refs[MPI_LOOKALIKES_MAX], bool *truncated)
{
    double least = mpi_posterior_bits(c->model->review) - BELOW_REVIEW;
    size_t n = 0;

    for (size_t i = 0; i < count && found[i].weight >= least; i++) {
        bool had = false;

        for (size_t j = 0; j < n; j++)
            had |= person_ref_eq(refs[j], found[i].person);
        if (!had && n < MPI_LOOKALIKES_MAX)
            refs[n++] = found[i].person;
        else if (!had)
            *truncated = true;
    }
    return n;
}

struct reading {
    struct rows persons, records, parted;
    struct mpi_apart apart;
};

static void persons_queue(struct request *rq, const struct person_ref *refs, size_t count,
                          const struct mpi_case *in, struct reading *r)
{
    static const struct statement PERSONS = {
        "mpi_lookalike_persons",
        MPI_PERSON_COLUMNS("NULL::jsonb") "  FROM mpi_person p"
                                          " WHERE (p.pkey, p.person_id) IN ("
                                          "       SELECT place, person"
                                          "         FROM unnest($1::bigint[], $2::bigint[])"
                                          "           AS w (place, person))"
                                          " ORDER BY p.pkey, p.person_id",
    };
    static const struct statement RECORDS = {
        "mpi_lookalike_records",
        MPI_RECORD_COLUMNS
        "  FROM mpi_record"
        " WHERE (pkey, record_id) IN ("
        "       SELECT unnest(p.place_pkeys), unnest(p.place_records)"
        "         FROM mpi_person p"
        "        WHERE (p.pkey, p.person_id) IN ("
        "              SELECT place, person"
        "                FROM unnest($1::bigint[], $2::bigint[]) AS w (place, person)))"
        " ORDER BY pkey, record_id, version DESC",
    };
    static const struct statement PARTED = {
        "mpi_parted",
        "SELECT pkey, person_id, other_pkey, other_id"
        "  FROM mpi_merge_log"
        " WHERE pkey = ANY($1)"
        "   AND undone_at IS NOT NULL"
        "   AND kind <> 'unlink'",
    };
    int64_t *pkeys = ARENA_ARRAY(rq->arena, count + 1, int64_t);
    int64_t *ids = ARENA_ARRAY(rq->arena, count, int64_t);

    for (size_t i = 0; i < count; i++) {
        pkeys[i] = refs[i].pkey;
        ids[i] = refs[i].person_id;
    }
    pkeys[count] = in->own.pkey;
    db_queue(rq->db, &PERSONS, &r->persons, DB_INT8S(pkeys, count), DB_INT8S(ids, count));
    db_queue(rq->db, &RECORDS, &r->records, DB_INT8S(pkeys, count), DB_INT8S(ids, count));
    if (!in->known)
        return;
    db_queue(rq->db, &PARTED, &r->parted, DB_INT8S(pkeys, count + 1));
    mpi_apart_queue(rq, &in->place, 1, &r->apart);
}

/* A merge of the two that was taken back. */
static bool was_parted(const struct rows *parted, struct person_ref a, struct person_ref b)
{
    for (int row = 0; row < parted->count; row++) {
        struct person_ref one = {row_int(parted, row, 0), row_int(parted, row, 1)};
        struct person_ref other = {row_int(parted, row, 2), row_int(parted, row, 3)};

        if ((person_ref_eq(one, a) && person_ref_eq(other, b)) ||
            (person_ref_eq(one, b) && person_ref_eq(other, a)))
            return true;
    }
    return false;
}

static bool is_apart(const struct mpi_lookalike *l, const struct reading *r,
                     const struct mpi_case *in)
{
    if (was_parted(&r->parted, in->own, l->person.ref))
        return true;
    for (size_t i = 0; i < l->record_count; i++)
        if (mpi_apart_has(&r->apart, in->place, l->records[i].place))
            return true;
    return false;
}

static void take_record(struct mpi_search *s, struct mpi_record r)
{
    for (size_t i = 0; i < s->count; i++) {
        struct mpi_lookalike *l = &s->lookalikes[i];

        for (size_t j = 0; j < l->person.place_count; j++)
            if (place_eq(l->person.places[j], r.place)) {
                l->records[l->record_count++] = r;
                return;
            }
    }
}

static enum status persons_read(struct request *rq, struct reading *r, const struct mpi_case *in,
                                struct mpi_search *s)
{
    s->lookalikes = ARENA_ARRAY(rq->arena, (size_t)r->persons.count, struct mpi_lookalike);
    for (int row = 0; row < r->persons.count; row++) {
        struct mpi_lookalike *l = &s->lookalikes[s->count];

        if (!mpi_person_read(rq, &r->persons, row, &l->person))
            continue;
        l->records = ARENA_ARRAY(rq->arena, l->person.place_count, struct mpi_record);
        s->count++;
    }
    for (int row = 0; row < r->records.count; row++)
        take_record(s, mpi_record_read(rq, &r->records, row));
    mpi_apart_read(rq, &r->apart);
    for (size_t i = 0; in->known && i < s->count; i++)
        s->lookalikes[i].apart = is_apart(&s->lookalikes[i], r, in);
    return OK;
}

/* --- the candidates -------------------------------------------------------------------------- */

static mpi_reasons facts_of(const struct mpi_lookalike *l, const struct mpi_record *r,
                            int64_t member_id, struct str xad_pid)
{
    mpi_reasons facts = 0;

    if (r->member_id == member_id)
        facts |= MPI_WHY(SAME_SOURCE);
    if (xad_pid.n > 0 && l->person.xad_pid.n > 0 && !str_eq(xad_pid, l->person.xad_pid))
        facts |= MPI_WHY(OTHER_XAD);
    if (l->apart)
        facts |= MPI_WHY(KEPT_APART);
    return facts;
}

static void consider_persons(struct request *rq, const struct mpi_search *s, int64_t member_id,
                             struct str xad_pid, struct mpi_case *in)
{
    size_t most = 0;

    for (size_t i = 0; i < s->count; i++)
        most += s->lookalikes[i].record_count;
    in->considered = ARENA_ARRAY(rq->arena, most, struct mpi_considered);
    for (size_t i = 0; i < s->count; i++)
        for (size_t j = 0; j < s->lookalikes[i].record_count; j++) {
            const struct mpi_lookalike *l = &s->lookalikes[i];
            const struct mpi_record *r = &l->records[j];

            if (r->packed.p != NULL)
                in->considered[in->count++] =
                    (struct mpi_considered){.place = r->place,
                                            .version = r->version,
                                            .member_id = r->member_id,
                                            .person = l->person.ref,
                                            .packed = r->packed,
                                            .facts = facts_of(l, r, member_id, xad_pid)};
        }
}

/* Nobody comes near: the likest record alone, so that the decision says how far off it is. */
static void consider_likest(struct request *rq, const struct found *found, struct mpi_case *in)
{
    struct mpi_considered x = {.place = found->place,
                               .version = found->version,
                               .member_id = found->member_id,
                               .person = found->person,
                               .packed = found->packed};

    in->considered = arena_copy(rq->arena, &x, sizeof(x));
    in->count = 1;
}

enum status mpi_search_read(struct request *rq, struct mpi_coding *c, struct mpi_search *s,
                            int64_t member_id, struct str xad_pid, struct mpi_case *in)
{
    struct person_ref refs[MPI_LOOKALIKES_MAX];
    struct reading r = {0};
    struct found *found;
    size_t count, persons;

    TRY(refine(rq, s));
    found = ARENA_ARRAY(rq->arena, (size_t)s->rows.count, struct found);
    count = distinct(rq, s, in->own, found);
    if (count > MPI_CANDIDATES_MAX) {
        s->truncated = true;
        count = MPI_CANDIDATES_MAX;
    }
    in->truncated = s->truncated;
    if (count == 0)
        return OK;
    TRY(weigh(rq, c, in->packed, found, count));
    persons = choose(c, found, count, refs, &in->truncated);
    if (persons == 0) {
        consider_likest(rq, found, in);
        return OK;
    }
    persons_queue(rq, refs, persons, in, &r);
    TRY(db_flush(rq->db));
    TRY(persons_read(rq, &r, in, s));
    consider_persons(rq, s, member_id, xad_pid, in);
    return OK;
}

const struct mpi_lookalike *mpi_search_person(const struct mpi_search *s, struct person_ref ref)
{
    for (size_t i = 0; i < s->count; i++)
        if (person_ref_eq(s->lookalikes[i].person.ref, ref))
            return &s->lookalikes[i];
    return NULL;
}
