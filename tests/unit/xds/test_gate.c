/* The gate: what consent hides is not there, and takes its associations with it. */
#include <string.h>
#include <time.h>

#include "hub/base/clock.h"
#include "tests/support/consent_region.h"
#include "tests/support/suite.h"
#include "xds/query.h"

static const struct member asker = {.id = 7, .name = {"north", 5}};

struct scene {
    struct arena arena;
    struct errors err;
    struct exchange exchange;
    struct request rq;
    struct person people[2];
    struct person_ref refs[2];
    struct consent_policy deny;
    struct xds_candidates found;
};

/* Two patients under a permitting default; the second denied everybody. */
static void set_up(struct scene *s)
{
    *s = (struct scene){.refs = {{1, 1}, {2, 2}}};
    arena_init(&s->arena);
    errors_init(&s->err, &s->arena);
    for (int i = 0; i < 2; i++)
        s->people[i] =
            (struct person){.ref = s->refs[i], .constituents = &s->refs[i], .constituent_count = 1};
    s->deny = (struct consent_policy){.person = s->refs[1],
                                      .effect = CONSENT_DENY,
                                      .valid_from_us = INT64_MIN,
                                      .valid_until_us = INT64_MAX};
    s->found.policies = (struct consent_policies){.readable = true,
                                                  .domain = &REGION,
                                                  .persons = s->refs,
                                                  .person_count = 2,
                                                  .items = &s->deny,
                                                  .count = 1};
    s->rq = (struct request){.magic = REQUEST_MAGIC,
                             .arena = &s->arena,
                             .err = &s->err,
                             .exchange = &s->exchange,
                             .principal = {.member = &asker},
                             .now_us = clock_now_us(),
                             .deadline_us = INT64_MAX};
}

static struct xds_object *add(struct scene *s, enum xds_kind kind, unsigned char id,
                              const struct person *person, bool witness)
{
    struct xds_object *o = xds_object_new(&s->arena, kind);

    o->uuid.b[15] = id;
    o->source_member = 8;
    xds_candidates_add(&s->rq, &s->found, o, person, witness);
    return o;
}

static struct xds_association *join(struct scene *s, unsigned char id,
                                    const struct xds_object *from, const struct xds_object *to)
{
    struct xds_association *link =
        xds_association(add(s, XDS_ASSOCIATION, id, &s->people[0], false));

    link->from = (struct xds_end){.uuid = from->uuid, .kind = from->kind};
    link->to = (struct xds_end){.uuid = to->uuid, .kind = to->kind};
    return link;
}

static const struct xds_visible *pass(struct scene *s)
{
    const struct xds_visible *seen = NULL;

    CU_ASSERT_EQUAL_FATAL(xds_gate(&s->rq, &s->found, &seen), OK);
    return seen;
}

static void what_is_denied_is_not_there(void)
{
    struct scene s;
    const struct xds_visible *seen;

    set_up(&s);
    add(&s, XDS_DOCUMENT, 1, &s.people[0], false);
    add(&s, XDS_DOCUMENT, 2, &s.people[1], false);
    add(&s, XDS_DOCUMENT, 3, NULL, false); /* a record without a person */
    seen = pass(&s);
    CU_ASSERT_EQUAL_FATAL(xds_visible_count(seen), 1);
    CU_ASSERT_EQUAL(xds_visible_object(seen, 0)->uuid.b[15], 1);
    CU_ASSERT_PTR_EQUAL(xds_visible_person(seen, 0), &s.people[0]);
    CU_ASSERT_EQUAL(xds_visible_withheld(seen), 2);
    arena_dispose(&s.arena);
}

static void what_decided_is_noted_for_the_record(void)
{
    struct scene s;
    const struct audit_decision *d;

    set_up(&s);
    add(&s, XDS_DOCUMENT, 1, &s.people[1], false);
    add(&s, XDS_DOCUMENT, 2, &s.people[1], false);
    add(&s, XDS_DOCUMENT, 3, &s.people[1], true); /* nobody asked about it */
    (void)pass(&s);
    d = s.rq.audit.decisions;
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CU_ASSERT_STRING_EQUAL(d->rule, "patient-deny");
    CU_ASSERT_EQUAL(d->person_id, 2);
    CU_ASSERT_EQUAL(d->count, 2);
    CU_ASSERT_FALSE(d->permits);
    CU_ASSERT_PTR_NULL(d->next);
    arena_dispose(&s.arena);
}

static void an_association_needs_both_its_ends(void)
{
    struct scene s;
    const struct xds_visible *seen;
    struct xds_object *set, *shown, *hidden, *folder;

    set_up(&s);
    set = add(&s, XDS_SET, 1, &s.people[0], true);
    shown = add(&s, XDS_DOCUMENT, 2, &s.people[0], true);
    hidden = add(&s, XDS_DOCUMENT, 3, &s.people[1], true);
    folder = xds_object_new(&s.arena, XDS_FOLDER); /* not looked up at all */
    folder->uuid.b[15] = 4;
    join(&s, 10, set, shown);
    join(&s, 11, set, hidden);
    join(&s, 12, folder, shown);
    seen = pass(&s);
    CU_ASSERT_EQUAL_FATAL(xds_visible_count(seen), 1); /* witnesses are never in the answer */
    CU_ASSERT_EQUAL(xds_visible_object(seen, 0)->uuid.b[15], 10);
    arena_dispose(&s.arena);
}

static void a_hidden_association_takes_the_one_that_points_to_it(void)
{
    struct scene s;
    const struct xds_visible *seen;
    struct xds_object *set, *folder, *hidden;

    set_up(&s);
    set = add(&s, XDS_SET, 1, &s.people[0], false);
    folder = add(&s, XDS_FOLDER, 2, &s.people[0], false);
    hidden = add(&s, XDS_DOCUMENT, 3, &s.people[1], false);
    join(&s, 10, folder, hidden);
    join(&s, 11, set, s.found.v[s.found.n - 1].object);
    seen = pass(&s);
    CU_ASSERT_EQUAL(xds_visible_count(seen), 2); /* the set and the folder */
    arena_dispose(&s.arena);
}

/* Both patients permit: an unlink has parted the ends. */
static void a_torn_association_is_hidden_but_for_a_sets_reference(void)
{
    struct scene s;
    const struct xds_visible *seen;
    struct xds_object *set, *mine, *others;

    set_up(&s);
    s.found.policies.count = 0;
    set = add(&s, XDS_SET, 1, &s.people[0], true);
    mine = add(&s, XDS_DOCUMENT, 2, &s.people[0], true);
    others = add(&s, XDS_DOCUMENT, 3, &s.people[1], true);
    join(&s, 10, mine, others);
    join(&s, 11, set, others)->set_status = STR("Original");
    join(&s, 12, set, others)->set_status = STR("Reference");
    join(&s, 13, mine, others)->set_status = STR("Reference");
    seen = pass(&s);
    CU_ASSERT_EQUAL_FATAL(xds_visible_count(seen), 1);
    CU_ASSERT_EQUAL(xds_visible_object(seen, 0)->uuid.b[15], 12);
    arena_dispose(&s.arena);
}

static void a_choice_is_made_among_what_is_visible(void)
{
    struct scene s;
    const struct xds_visible *seen;
    size_t n;

    set_up(&s);
    add(&s, XDS_DOCUMENT, 1, &s.people[0], true);
    add(&s, XDS_DOCUMENT, 2, &s.people[1], false);
    add(&s, XDS_DOCUMENT, 3, &s.people[0], false);
    seen = pass(&s);
    (void)xds_visible_all(seen, &n);
    CU_ASSERT_EQUAL_FATAL(n, 2); /* a witness, and what was looked for */
    CU_ASSERT_EQUAL(xds_visible_count(seen), 1);
    seen = xds_visible_choose(&s.rq, seen, (const bool[]){true, false});
    CU_ASSERT_EQUAL_FATAL(xds_visible_count(seen), 1);
    CU_ASSERT_EQUAL(xds_visible_object(seen, 0)->uuid.b[15], 1);
    arena_dispose(&s.arena);
}

static void unread_policies_hide_everything(void)
{
    struct scene s;

    set_up(&s);
    add(&s, XDS_DOCUMENT, 1, &s.people[0], false);
    s.found.policies.readable = false;
    CU_ASSERT_EQUAL(xds_visible_count(pass(&s)), 0);
    arena_dispose(&s.arena);
}

/* Of the processor: other tests run beside this one. */
static double seconds_since(clock_t begin)
{
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* A folder of each of so many, with a member: what comparing each with each would take minutes. */
static void many_folders_and_members_cost_no_product_of_both(void)
{
    enum { FOLDERS = 40000, HIDDEN_LATER = 17 };
    struct scene s;
    struct xds_object *document;
    const struct xds_visible *seen;
    struct xds_folder *folder = NULL;
    clock_t begin;

    set_up(&s);
    document = add(&s, XDS_DOCUMENT, 1, &s.people[1], false); /* denied */
    for (int i = 0; i < FOLDERS; i++) {
        struct xds_object *o = add(&s, XDS_FOLDER, 2, &s.people[0], false);
        struct xds_association *link;

        memcpy(o->uuid.b, &i, sizeof(i));
        xds_folder(o)->last_update_time = STR("20991231");
        link = join(&s, 3, o, document);
        memcpy(link->o.uuid.b, &i, sizeof(i));
        folder = i == HIDDEN_LATER ? xds_folder(o) : folder;
    }
    seen = pass(&s);
    begin = clock();
    xds_query_show_times(&s.rq, &s.found, seen);
    CU_ASSERT(seconds_since(begin) < 1);
    CU_ASSERT(str_eq(str_slice(folder->last_update_time, 0, 4), STR("1970")));
    arena_dispose(&s.arena);
}

SUITE(test_gate, CASE(what_is_denied_is_not_there), CASE(what_decided_is_noted_for_the_record),
      CASE(an_association_needs_both_its_ends),
      CASE(a_hidden_association_takes_the_one_that_points_to_it),
      CASE(a_torn_association_is_hidden_but_for_a_sets_reference),
      CASE(a_choice_is_made_among_what_is_visible), CASE(unread_policies_hide_everything),
      CASE(many_folders_and_members_cost_no_product_of_both));
