/* What a request about many patients looks up: pairs of a place and what lies there. Every place
 * here also holds the next one's number, so that a place and a number asked for in two different
 * pairs match a row that nobody asked for. */
#include "consent/consent.h"
#include "mpi/identity.h"
#include "tests/db/xds/bench.h"
#include "xds/repository.h"

enum {
    PAIRS = 1000,
    FIRST = 700000,       /* places FIRST and on: away from the bench's people */
    AT_PLACES = 2 * PAIRS /* all that lies there: no look-up may read more */
};

static const struct statement FILL[] = {
    {"test_pairs_people",
     "INSERT INTO mpi_person (pkey, person_id, place_pkeys, place_records, xad_pid,\n"
     "    constituent_pkeys, constituent_ids, created_at, changed_at)\n"
     "SELECT p, p + k, ARRAY[p], ARRAY[p + k], p || '/' || k, ARRAY[p], ARRAY[p + k], now(), "
     "now()\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k"},
    {"test_pairs_links",
     "INSERT INTO mpi_link (pkey, record_id, version, person_pkey, person_id, since, reason,\n"
     "    decided_by)\n"
     "SELECT p, p + k, 1, p, p + k, now(), 'new', 'test'\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k"},
    {"test_pairs_records",
     "INSERT INTO mpi_record (pkey, record_id, version, member_id, anchor, event, at, said_at,\n"
     "    request, authorities, identifiers, states)\n"
     "SELECT p, p + k, v, 7, false, 'A01', now(), now(), gen_random_uuid(), ARRAY['a'],\n"
     "       ARRAY[p || '/' || k || '/' || v], ARRAY[1]::smallint[]\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k,\n"
     "       generate_series(1, 2) v"},
    {"test_pairs_policies",
     "INSERT INTO consent_policy (pkey, person_id, policy_id, version, effect, since,\n"
     "    recorded_by)\n"
     "SELECT p, p + k, gen_random_uuid(), 1, 'deny', now(), 'test'\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k"},
    {"test_pairs_epochs",
     "INSERT INTO consent_epoch (pkey, person_id, epoch)\n"
     "SELECT p, p + k, 1\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k"},
    {"test_pairs_blobs",
     "INSERT INTO xds_blob (pkey, entry_uuid, blob_id, store, wrapped_key, size, sha1, sha256,\n"
     "    stored_at)\n"
     "SELECT p, lpad((p + k)::text, 32, '0')::uuid, gen_random_uuid(), 'fs',\n"
     "       decode(repeat('00', 72), 'hex'), 2 * p + k, decode(repeat('00', 20), 'hex'),\n"
     "       decode(repeat('00', 32), 'hex'), now()\n"
     "  FROM generate_series($1::bigint, $1 + 999) p, generate_series(0::bigint, 1) k"},
};

/* Backwards: the order asked for is not that of any index. */
static int64_t number_of(size_t i)
{
    return FIRST + PAIRS - 1 - (int64_t)i;
}

/* Never committed. */
static bool pairs_open(struct bench *t)
{
    if (!bench_open(t))
        return false;
    bench_begin(t, READ_COMMITTED);
    for (size_t i = 0; i < sizeof(FILL) / sizeof(FILL[0]); i++)
        db_queue(t->db, &FILL[i], NULL, DB_INT8(FIRST));
    CU_ASSERT_EQUAL_FATAL(db_flush(t->db), OK);
    return true;
}

static struct person_ref *asked_people(struct bench *t)
{
    struct person_ref *refs = ARENA_ARRAY(&t->arena, PAIRS, struct person_ref);

    for (size_t i = 0; i < PAIRS; i++)
        refs[i] = (struct person_ref){number_of(i), number_of(i)};
    return refs;
}

static struct place *asked_places(struct bench *t)
{
    struct place *places = ARENA_ARRAY(&t->arena, PAIRS, struct place);

    for (size_t i = 0; i < PAIRS; i++)
        places[i] = (struct place){number_of(i), number_of(i)};
    return places;
}

static void a_thousand_people_are_those_asked_for_in_their_order(void)
{
    struct mpi_people people;
    struct bench t;
    size_t right = 0;

    if (!pairs_open(&t))
        return;
    mpi_people_queue(&t.rq, asked_people(&t), PAIRS, &people);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL(people.rows.count, AT_PLACES);
    CU_ASSERT_EQUAL_FATAL(mpi_people_read(&t.rq, &people), OK);
    for (size_t i = 0; i < PAIRS; i++)
        right += str_eq(people.people[i].xad_pid,
                        str_printf(&t.arena, "%lld/0", (long long)number_of(i)));
    CU_ASSERT_EQUAL(right, PAIRS);
    bench_close(&t);
}

static void a_thousand_places_have_their_own_owners_in_their_order(void)
{
    struct mpi_owners owners;
    struct bench t;
    size_t right = 0;

    if (!pairs_open(&t))
        return;
    mpi_owners_queue(&t.rq, asked_places(&t), PAIRS, &owners);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL(owners.rows.count, AT_PLACES);
    CU_ASSERT_EQUAL_FATAL(mpi_owners_read(&t.rq, &owners), OK);
    for (size_t i = 0; i < PAIRS; i++)
        right += person_ref_eq(owners.refs[i], (struct person_ref){number_of(i), number_of(i)}) &&
                 person_ref_eq(owners.people[i].ref, owners.refs[i]);
    CU_ASSERT_EQUAL(right, PAIRS);
    bench_close(&t);
}

static void a_person_of_a_thousand_places_has_the_identifiers_of_its_own_records(void)
{
    struct mpi_identifiers found;
    struct bench t;
    size_t right = 0;

    if (!pairs_open(&t))
        return;
    t.config.xad_authority = XAD;
    mpi_identifiers_queue(&t.rq, &(struct person){.places = asked_places(&t), .place_count = PAIRS},
                          &found);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    found.person = &(struct person){.ref = {FIRST, FIRST}};
    CU_ASSERT_EQUAL_FATAL(mpi_identifiers_read(&t.rq, &found), OK);
    CU_ASSERT_EQUAL_FATAL(found.count, PAIRS);
    for (size_t i = 0; i < PAIRS; i++) /* sorted by place, each in its newest version */
        right += str_eq(found.items[i].id.id, str_printf(&t.arena, "%zu/0/2", (size_t)FIRST + i));
    CU_ASSERT_EQUAL(right, PAIRS);
    bench_close(&t);
}

static void a_thousand_people_have_their_own_policies(void)
{
    struct consent_policies policies;
    struct bench t;
    size_t own = 0;

    if (!pairs_open(&t))
        return;
    consent_queue(&t.rq, asked_people(&t), PAIRS, &policies);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL_FATAL(consent_read(&t.rq, &policies), OK);
    CU_ASSERT_EQUAL_FATAL(policies.count, AT_PLACES);
    for (size_t i = 0; i < policies.count; i++)
        own += policies.items[i].person.pkey == policies.items[i].person.person_id;
    CU_ASSERT_EQUAL(own, PAIRS);
    bench_close(&t);
}

/* A place's number as the UUID whose digits it is. */
static struct uuid entry_of(struct bench *t, int64_t n)
{
    struct uuid u;
    struct str text = str_printf(&t->arena, "00000000-0000-0000-0000-%012lld", (long long)n);

    CU_ASSERT_TRUE_FATAL(uuid_parse(text, &u));
    return u;
}

static void a_thousand_entries_have_the_bytes_of_their_own_place(void)
{
    struct uuid entries[PAIRS];
    int64_t pkeys[PAIRS];
    struct blob_ref ref;
    struct rows rows;
    struct bench t;
    size_t right = 0;

    if (!pairs_open(&t))
        return;
    for (size_t i = 0; i < PAIRS; i++) {
        pkeys[i] = number_of(i);
        entries[i] = entry_of(&t, number_of(i));
    }
    blob_rows_queue(&t.rq, pkeys, entries, PAIRS, &rows);
    CU_ASSERT_EQUAL_FATAL(db_flush(t.db), OK);
    CU_ASSERT_EQUAL(rows.count, PAIRS);
    for (size_t i = 0; i < PAIRS; i++)
        right += blob_rows_find(&rows, entries[i], &ref) && ref.size == 2 * (uint64_t)pkeys[i];
    CU_ASSERT_EQUAL(right, PAIRS);
    bench_close(&t);
}

SUITE(test_pairs, CASE(a_thousand_people_are_those_asked_for_in_their_order),
      CASE(a_thousand_places_have_their_own_owners_in_their_order),
      CASE(a_person_of_a_thousand_places_has_the_identifiers_of_its_own_records),
      CASE(a_thousand_people_have_their_own_policies),
      CASE(a_thousand_entries_have_the_bytes_of_their_own_place));
