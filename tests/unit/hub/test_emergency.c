/* What the audit rows of a request tell of broken glass. */
#include "hub/emergency.h"
#include "tests/support/suite.h"

static const struct person_ref ANNA = {70, 7}, BELLA = {80, 8};

static size_t emergencies_in(const struct audit_row *row)
{
    size_t n = 0;

    for (const struct audit_object *o = row->objects; o != NULL; o = o->next)
        n += str_eq(str_from(o->kind), STR("emergency"));
    return n;
}

static struct audit_row *row_about(struct request *rq, struct person_ref person)
{
    struct audit_row *row = audit_add(rq->arena, &rq->audit);

    row->pkey = person.pkey;
    row->person_id = person.person_id;
    return row;
}

static void rows_about_the_patient_name_it_and_an_opening_has_its_own(void)
{
    struct emergency open = {.person = ANNA, .detail = STR("d")}, opened = open;
    struct audit_row *annas, *bellas;
    struct request rq = {0};
    struct arena a;

    arena_init(&a);
    rq.arena = &a;
    annas = row_about(&rq, ANNA);
    bellas = row_about(&rq, BELLA);
    emergency_note(&rq, &open);
    CU_ASSERT(emergency_is_noted(&rq, ANNA));
    CU_ASSERT_FALSE(emergency_is_noted(&rq, BELLA));
    emergencies_tell(&rq);
    CU_ASSERT_EQUAL(emergencies_in(annas), 1);
    CU_ASSERT_EQUAL(emergencies_in(bellas), 0);
    CU_ASSERT_EQUAL(rq.audit.count, 2); /* it was open: no row of its own */

    rq.emergencies = NULL;
    opened.person = BELLA;
    opened.patient = STR("1^^^&1.2&ISO");
    opened.id = uuid_v7();
    emergency_note(&rq, &opened);
    emergencies_tell(&rq);
    CU_ASSERT_EQUAL(emergencies_in(bellas), 1);
    CU_ASSERT_EQUAL_FATAL(rq.audit.count, 3);
    CHECK_STR(str_from(rq.audit.last->transaction), STR("EMERGENCY"));
    CHECK_STR(rq.audit.last->purpose, STR("BTG"));
    CHECK_STR(rq.audit.last->patient, opened.patient);
    CU_ASSERT(uuid_eq(rq.audit.last->id, opened.id));
    CU_ASSERT_EQUAL(emergencies_in(rq.audit.last), 1);
    arena_dispose(&a);
}

static void the_reason_is_what_follows_the_time(void)
{
    static const struct {
        const char *detail, *reason;
    } table[] = {
        {"patient-deny 01a v1, until 2026-01-01T00:00:00.000000Z: found: unconscious",
         "found: unconscious"},
        {"domain-default 01a v1, until 2026-01-01T00:00:00.000000Z: ", ""},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        CHECK_STR(emergency_reason(str_from(table[i].detail)), str_from(table[i].reason));
}

SUITE(test_emergency, CASE(rows_about_the_patient_name_it_and_an_opening_has_its_own),
      CASE(the_reason_is_what_follows_the_time));
