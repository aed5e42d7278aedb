#include "mpi/search.h"

#include <stdlib.h>

#include "hub/person_rows.h"
#include "mpi/active_model.h"
#include "mpi/candidates.h"
#include "mpi/identity.h"
#include "mpi/search_keys.h"

enum { PEOPLE_MAX = 512, ACTIVE = 1 /* mpi_record.states */ };

/* A row of mpi_search that fits. */
struct hit {
    struct place place;
    double fit;
};

/* A person that shares a block key with what is asked. */
struct alike {
    struct person_ref person;
    double fit;
};

/* One search on its way. */
struct searching {
    struct request *rq;
    const struct mpi_criteria *c;
    struct mpi_lookup ids;
    struct rows family, namesakes, date, account, visit;

    struct mpi_model_seen model;
    struct mpi_search blocks;
    struct mpi_traits *traits; /* of the row at hand */
    struct alike *alike;
    size_t alike_count;

    struct hit *hits;
    size_t hit_count;
    struct mpi_owners owners;

    struct person_ref *refs;
    size_t ref_count;
    bool truncated;
};

/* --- by beginning ---------------------------------------------------------------------------- */

static void range_queue(struct request *rq, char rule, struct str value, struct str prefix,
                        struct rows *rows)
{
    static const struct statement RANGE = {
        "mpi_search_range",
        "SELECT sort, pkey, record_id"
        "  FROM mpi_search"
        " WHERE skey = $1"
        "   AND sort >= $2"
        "   AND sort < $3"
        " ORDER BY sort"
        " LIMIT 1001",
    };
    /* U+10FFFF, behind everything that begins with the prefix. */
    struct str end = str_printf(rq->arena, "%.*s\xF4\x8F\xBF\xBF", STR_ARG(prefix));

    db_queue(rq->db, &RANGE, rows, DB_INT8(mpi_search_key(rule, value)), DB_TEXT(prefix),
             DB_TEXT(end));
}

/* As much of FAMILY|GIVEN| as the query pins down. */
static struct str prefix_of(struct request *rq, const struct mpi_criteria *c)
{
    struct strbuf b = strbuf_on(rq->arena, 64);

    strbuf_add(&b, c->family.text);
    if (c->family.open)
        return strbuf_str(&b);
    strbuf_addc(&b, '|');
    strbuf_add(&b, c->given.text);
    if (c->given.text.n > 0 && !c->given.open)
        strbuf_addc(&b, '|');
    return strbuf_str(&b);
}

static void ranges_queue(struct searching *s)
{
    const struct mpi_criteria *c = s->c;
    struct request *rq = s->rq;

    if (c->family.text.n > 0)
        range_queue(rq, MPI_SEARCH_FAMILY, mpi_search_beginning(rq->arena, c->family.text),
                    prefix_of(rq, c), &s->family);
    if (c->family.text.n > 0 && !c->family.open && c->given.text.n > 0 && c->birth_date.n < 8)
        range_queue(rq, MPI_SEARCH_FAMILY, mpi_search_beginning(rq->arena, c->family.text),
                    str_printf(rq->arena, "%.*s|", STR_ARG(c->family.text)), &s->namesakes);
    if (c->birth_date.n == 8)
        range_queue(rq, MPI_SEARCH_DATE, c->birth_date, STR(""), &s->date);
    if (c->account.id.n > 0)
        range_queue(rq, MPI_SEARCH_ACCOUNT, c->account.id, STR(""), &s->account);
    if (c->visit.id.n > 0)
        range_queue(rq, MPI_SEARCH_VISIT, c->visit.id, STR(""), &s->visit);
}

/* How well it fits by names, birth date and sex alone. */
static double brief_fit(struct searching *s, const struct mpi_demographics *d)
{
    struct mpi_criteria some = {
        .family = s->c->family,
        .given = s->c->given,
        .birth_date = s->c->birth_date,
        .sex = s->c->sex,
    };

    return mpi_criteria_fit(s->rq->arena, &some, d);
}

/* How well a row fits by what its sort text says. */
static double row_fit(struct searching *s, struct str sort)
{
    struct str rest = sort;
    struct mpi_name name = {0};
    struct mpi_demographics d = {.names = &name, .name_count = 1};

    if (sort.n == 0)
        return 1; /* an account's or a visit's row */
    name.family = str_cut(&rest, '|');
    name.given = str_cut(&rest, '|');
    d.birth_date = str_cut(&rest, '|');
    d.sex = str_cut(&rest, '|');
    return brief_fit(s, &d);
}

static void take_rows(struct searching *s, const struct rows *rows)
{
    /* Namesakes are looked through for given names that are near; the exact ones come by their own
     * range, so that none of these is missed. */
    s->truncated |= rows->count > MPI_SEARCH_ROWS_MAX && rows != &s->namesakes;
    for (int row = 0; row < rows->count; row++) {
        double fit = row_fit(s, row_text(rows, row, 0));

        if (fit > 0)
            s->hits[s->hit_count++] =
                (struct hit){{row_int(rows, row, 1), row_int(rows, row, 2)}, fit};
    }
}

/* Best first; of equals the elder, so that the same query gives the same answer. */
static int by_fit(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;

    if (x->fit != y->fit)
        return x->fit > y->fit ? -1 : 1;
    if (x->place.record_id != y->place.record_id)
        return x->place.record_id < y->place.record_id ? -1 : 1;
    return 0;
}

static bool is_listed(const struct place *places, size_t count, struct place place)
{
    for (size_t i = 0; i < count; i++)
        if (place_eq(places[i], place))
            return true;
    return false;
}

/* The best rows' records, each once; their persons are asked for. */
static void owners_queue(struct searching *s)
{
    struct place *places = ARENA_ARRAY(s->rq->arena, s->hit_count, struct place);
    size_t n = 0;

    if (s->hit_count > 0)
        qsort(s->hits, s->hit_count, sizeof(*s->hits), by_fit);
    for (size_t i = 0; i < s->hit_count; i++) {
        if (is_listed(places, n, s->hits[i].place))
            continue;
        if (n == PEOPLE_MAX) {
            s->truncated = true;
            break;
        }
        places[n++] = s->hits[i].place;
    }
    mpi_owners_queue(s->rq, places, n, &s->owners);
}

static enum status read_rows(struct searching *s)
{
    const struct rows *all[] = {&s->family, &s->namesakes, &s->date, &s->account, &s->visit};
    size_t most = 0;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        most += (size_t)all[i]->count;
    s->hits = ARENA_ARRAY(s->rq->arena, most, struct hit);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        take_rows(s, all[i]);
    if (s->hit_count == 0)
        return OK;
    owners_queue(s);
    TRY(db_flush(s->rq->db));
    return mpi_owners_read(s->rq, &s->owners);
}

/* --- by resemblance -------------------------------------------------------------------------- */

/* The block keys that a record with just these values would have. They do not depend on a model. */
static void blocks_queue(struct searching *s)
{
    struct arena *a = s->rq->arena;
    struct mpi_demographics d = mpi_criteria_demographics(a, s->c);
    struct mpi_coding *coding = mpi_coding_new(a, mpi_model_builtin());
    struct mpi_block *keys = ARENA_ARRAY(a, MPI_BLOCKS_MAX, struct mpi_block);
    const uint32_t *coded = mpi_code(coding, mpi_packed_of(a, &d));

    must(coded != NULL, "what was packed is unpacked");
    mpi_search_queue(s->rq, keys, mpi_keys(coding, coded, keys), &s->blocks);
}

static struct str trait_of(const struct mpi_traits *t, enum mpi_trait kind)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->list[i].kind == kind)
            return t->list[i].value;
    return STR_NONE;
}

static double packed_fit(struct searching *s, struct str packed)
{
    struct mpi_traits *t = s->traits;
    struct mpi_name name;
    struct mpi_demographics d = {.names = &name, .name_count = 1};

    if (!mpi_traits_unpack(packed, t))
        return 0;
    name = (struct mpi_name){
        .family = trait_of(t, MPI_TRAIT_FAMILY),
        .given = trait_of(t, MPI_TRAIT_GIVEN),
    };
    d.birth_date = trait_of(t, MPI_TRAIT_BIRTH_DATE);
    d.sex = trait_of(t, MPI_TRAIT_SEX);
    return brief_fit(s, &d);
}

static int by_likeness(const void *a, const void *b)
{
    const struct alike *x = a, *y = b;

    if (x->fit != y->fit)
        return x->fit > y->fit ? -1 : 1;
    if (x->person.person_id != y->person.person_id)
        return x->person.person_id < y->person.person_id ? -1 : 1;
    return 0;
}

static void read_blocks(struct searching *s)
{
    const struct rows *rows = &s->blocks.rows;

    s->traits = ARENA_NEW(s->rq->arena, struct mpi_traits);
    s->alike = ARENA_ARRAY(s->rq->arena, (size_t)rows->count, struct alike);
    for (int row = 0; row < rows->count; row++) {
        double fit = packed_fit(s, row_bytea(rows, row, 7));

        if (fit > 0)
            s->alike[s->alike_count++] =
                (struct alike){{row_int(rows, row, 5), row_int(rows, row, 6)}, fit};
    }
    if (s->alike_count > 0)
        qsort(s->alike, s->alike_count, sizeof(*s->alike), by_likeness);
}

/* --- persons --------------------------------------------------------------------------------- */

static void add_ref(struct searching *s, struct person_ref ref)
{
    if (ref.person_id == 0)
        return;
    for (size_t i = 0; i < s->ref_count; i++)
        if (person_ref_eq(s->refs[i], ref))
            return;
    if (s->ref_count < PEOPLE_MAX)
        s->refs[s->ref_count++] = ref;
    else
        s->truncated = true;
}

static void people_queue(struct request *rq, const struct person_ref *refs, size_t count,
                         struct mpi_people *people, struct rows *records)
{
    static const struct statement RECORDS = {
        "mpi_search_records",
        "SELECT DISTINCT ON (pkey, record_id)"
        "       pkey, record_id, member_id, anchor, authorities, identifiers, states,"
        "       demographics, said_at"
        "  FROM mpi_record"
        " WHERE (pkey, record_id) IN ("
        "       SELECT unnest(p.place_pkeys), unnest(p.place_records)"
        "         FROM mpi_person p"
        "        WHERE (p.pkey, p.person_id) IN ("
        "              SELECT place, person"
        "                FROM unnest($1::bigint[], $2::bigint[]) AS w (place, person)))"
        " ORDER BY pkey, record_id, version DESC",
    };
    struct pairs of = pairs_of_persons(rq->arena, refs, count);

    mpi_people_queue(rq, refs, count, people);
    db_queue(rq->db, &RECORDS, records, of.pkeys, of.numbers);
}

static enum status record_read(struct request *rq, const struct rows *rows, int row,
                               struct mpi_found_record *out)
{
    struct str *authorities, *ids;
    int64_t *states;

    *out = (struct mpi_found_record){
        .place = {row_int(rows, row, 0), row_int(rows, row, 1)},
        .member_id = row_int(rows, row, 2),
        .anchor = row_bool(rows, row, 3),
        .said_at_us = row_time(rows, row, 8),
    };
    out->id_count = row_texts(rq->arena, rows, row, 4, &authorities);
    must(row_texts(rq->arena, rows, row, 5, &ids) == out->id_count &&
             row_ints(rq->arena, rows, row, 6, &states) == out->id_count,
         "mpi_record lists of two lengths");
    out->ids = ARENA_ARRAY(rq->arena, out->id_count, struct identifier);
    out->active = ARENA_ARRAY(rq->arena, out->id_count, bool);
    for (size_t i = 0; i < out->id_count; i++) {
        out->ids[i] = (struct identifier){authorities[i], ids[i]};
        out->active[i] = states[i] == ACTIVE;
    }
    if (row_null(rows, row, 7))
        return OK;
    return mpi_demographics_parse(rq->arena, row_json(rows, row, 7), &out->demographics, rq->err);
}

static struct mpi_found_person *owner_of(struct mpi_found *found, struct place place)
{
    for (size_t i = 0; i < found->count; i++)
        for (size_t j = 0; j < found->people[i].person.place_count; j++)
            if (place_eq(found->people[i].person.places[j], place))
                return &found->people[i];
    return NULL;
}

static enum status people_read(struct request *rq, struct mpi_people *people,
                               const struct rows *records, struct mpi_found *out)
{
    TRY(mpi_people_read(rq, people));
    out->people = ARENA_ARRAY(rq->arena, people->count, struct mpi_found_person);
    for (size_t i = 0; i < people->count; i++) {
        struct mpi_found_person *p = &out->people[out->count];

        if (people->people[i].ref.person_id == 0)
            continue; /* merged away */
        p->person = people->people[i];
        p->records = ARENA_ARRAY(rq->arena, p->person.place_count, struct mpi_found_record);
        out->count++;
    }
    for (int row = 0; row < records->count; row++) {
        struct mpi_found_record r;
        struct mpi_found_person *p;

        TRY(record_read(rq, records, row, &r));
        p = owner_of(out, r.place);
        if (p != NULL && p->record_count < p->person.place_count)
            p->records[p->record_count++] = r;
    }
    return OK;
}

enum status mpi_find_people(struct request *rq, const struct person_ref *refs, size_t count,
                            struct mpi_found *out)
{
    struct mpi_people people;
    struct rows records;

    *out = (struct mpi_found){0};
    if (count == 0)
        return OK;
    people_queue(rq, refs, count, &people, &records);
    TRY(db_flush(rq->db));
    return people_read(rq, &people, &records, out);
}

enum status mpi_find(struct request *rq, const struct mpi_criteria *c, struct mpi_found *out)
{
    struct searching s = {.rq = rq, .c = c};
    const struct mpi_model *model;

    s.refs = ARENA_ARRAY(rq->arena, PEOPLE_MAX, struct person_ref);
    mpi_lookup_queue(rq, c->ids, c->id_count, &s.ids);
    mpi_active_model_queue(rq, &s.model);
    if (c->id_count == 0) {
        ranges_queue(&s);
        blocks_queue(&s);
    }
    TRY(db_flush(rq->db));
    TRY(mpi_active_model_read(rq, &s.model, &model));
    TRY(mpi_lookup_read(rq, &s.ids));
    read_blocks(&s);
    TRY(read_rows(&s));
    for (size_t i = 0; i < s.ids.count; i++)
        if (s.ids.hits[i].known == MPI_ACTIVE)
            add_ref(&s, s.ids.hits[i].person);
    for (size_t i = 0; i < s.owners.count; i++)
        add_ref(&s, s.owners.refs[i]);
    for (size_t i = 0; i < s.alike_count; i++)
        add_ref(&s, s.alike[i].person);
    TRY(mpi_find_people(rq, s.refs, s.ref_count, out));
    out->truncated = s.truncated;
    out->model = model;
    return OK;
}
