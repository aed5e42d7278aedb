/* Submissions and what is found of them, over a real database: exact return, places, effects of
 * replacements, and the number of flushes. */
#include "tests/db/xds/bench.h"

/* The sample with uniqueIds of its own. */
static struct str fresh(struct bench *t)
{
    static int serial;
    struct str text = sample_submission(&t->arena, NULL, NULL);
    char to[64];

    serial++;
    for (int i = 1; i <= 3; i++) {
        char from[64];

        snprintf(from, sizeof(from), "value='1.2.42.2026.%d'", i);
        snprintf(to, sizeof(to), "value='1.2.42.%d.%d'", 3000 + serial, i);
        text = sample_replace(&t->arena, text, from, to);
    }
    return text;
}

static struct str patient(struct bench *t, struct str text, const char *from, const char *to)
{
    char old[32], new[32];

    snprintf(old, sizeof(old), "value='%s^^^", from);
    snprintf(new, sizeof(new), "value='%s^^^", to);
    for (int i = 0; i < 3; i++)
        text = sample_replace(&t->arena, text, old, new);
    return text;
}

static enum status submit(struct bench *t, struct str text, struct xds_submission *s)
{
    xmlNode *list = sample_list(&t->arena, text);
    enum status status;

    CU_ASSERT_FATAL(list != NULL);
    bench_begin(t, READ_COMMITTED);
    status = xds_rim_read(&t->arena, list, s, &t->err);
    if (status == OK)
        status = xds_submit(&t->rq, s);
    if (status == OK)
        status = db_commit(t->db);
    return status;
}

static const char *code(const struct bench *t)
{
    return t->err.first ? t->err.first->code : "";
}

static struct str shown(struct bench *t, const struct xds_object *o)
{
    struct strbuf b = strbuf_on(&t->arena, 16384);
    struct xml_writer w = xml_writer_on(&b);

    xds_rim_write(&w, &t->arena, o, &(struct xds_face){STR("P"), STR_NONE});
    return strbuf_str(&b);
}

static void what_is_registered_comes_back_exactly(void)
{
    struct bench t;
    struct xds_submission s;
    struct xds_candidates found;
    const struct xds_visible *seen;
    struct xds_object *d;
    uint64_t before;

    if (!bench_open(&t))
        return;
    before = db_flushes(t.db);
    CU_ASSERT_EQUAL_FATAL(submit(&t, fresh(&t), &s), OK);
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 2);
    d = s.objects.v[0];
    bench_begin(&t, REPEATABLE_READ);
    before = db_flushes(t.db);
    CU_ASSERT_EQUAL_FATAL(xds_find_documents_by_id(&t.rq, &xds_document(d)->unique_id, 1, NULL,
                                                   &found),
                          OK);
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 2);
    CU_ASSERT_EQUAL_FATAL(xds_gate(&t.rq, &found, &seen), OK);
    CU_ASSERT_EQUAL_FATAL(xds_visible_count(seen), 1);
    d->id = d->lid = uuid_urn(&t.arena, d->uuid);
    CHECK_STR(shown(&t, xds_visible_object(seen, 0)), shown(&t, d));
    CHECK_STR(xds_visible_person(seen, 0)->xad_pid, STR("P1"));
    bench_close(&t);
}

static void a_submission_lies_with_the_sources_record_else_with_the_anchor(void)
{
    struct bench t;
    struct xds_submission s;

    if (!bench_open(&t))
        return;
    CU_ASSERT_EQUAL_FATAL(submit(&t, fresh(&t), &s), OK);
    CU_ASSERT(s.place.pkey == 1 && s.place.record_id == 11);
    CU_ASSERT_EQUAL_FATAL(submit(&t, patient(&t, fresh(&t), "P1", "P2"), &s), OK);
    CU_ASSERT(s.place.pkey == 2 && s.place.record_id == 20); /* the record is of P1 */
    bench_close(&t);
}

static void patients_that_are_unknown_subsumed_or_foreign_are_refused(void)
{
    static const char *const others[] = {"P3", "P4"};
    struct bench t;
    struct xds_submission s;
    struct str text;

    if (!bench_open(&t))
        return;
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(submit(&t, patient(&t, fresh(&t), "P1", others[i]), &s), INVALID);
        CU_ASSERT_STRING_EQUAL(code(&t), "XDSUnknownPatientId");
        CU_ASSERT(str_find_str(t.err.first->text, str_from(others[i])) >= 0);
    }
    text = fresh(&t);
    for (int i = 0; i < 3; i++)
        text = sample_replace(&t.arena, text, "P1^^^&amp;" XAD, "89765a87b^^^&amp;" LOCAL);
    CU_ASSERT_EQUAL(submit(&t, text, &s), INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "XDSUnknownPatientId");
    bench_close(&t);
}

/* The sample's membership in its folder becomes a relation to a registered document. */
static struct str relating(struct bench *t, const char *type, struct uuid target)
{
    struct str text = fresh(t), urn = uuid_urn(&t->arena, target);
    char to[256];

    snprintf(to, sizeof(to),
             "<rim:Association id='a3' associationType='urn:ihe:iti:2007:AssociationType:%s' "
             "sourceObject='Document01' targetObject='%.*s'/>",
             type, STR_ARG(urn));
    text = sample_replace(
        &t->arena, text,
        "<rim:Association id='a3' "
        "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
        "sourceObject='Folder01' targetObject='Document01'/>",
        to);
    return sample_replace(
        &t->arena, text,
        "<rim:Association id='a4' "
        "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
        "sourceObject='Set01' targetObject='a3'/>",
        "");
}

static const struct statement FOLDER_MEMBERSHIPS = {
    "test_folders",
    "SELECT count(*)\n"
    "  FROM xds_association\n"
    " WHERE source_kind = 'folder'\n"
    "   AND target_uuid = $1",
};

static const struct statement SET_MEMBERSHIPS = {
    "test_sets",
    "SELECT count(*)\n"
    "  FROM xds_association AS a\n"
    "  JOIN xds_association AS b ON b.entry_uuid = a.target_uuid\n"
    " WHERE a.source_kind = 'set'\n"
    "   AND b.source_kind = 'folder'\n"
    "   AND b.target_uuid = $1",
};

static const struct statement IS_DEPRECATED = {
    "test_deprecated",
    "SELECT count(*)\n"
    "  FROM xds_document_entry\n"
    " WHERE entry_uuid = $1\n"
    "   AND status = 'deprecated'",
};

static const struct statement PLACES = {
    "test_places",
    "SELECT count(DISTINCT (pkey, record_id))\n"
    "  FROM xds_association\n"
    " WHERE target_uuid = $1",
};

static void a_replacement_takes_its_place_in_the_folders_and_deprecates_the_children(void)
{
    struct bench t;
    struct xds_submission original, addendum, replacement, late;
    struct uuid old, new;
    uint64_t before;

    if (!bench_open(&t))
        return;
    CU_ASSERT_EQUAL_FATAL(submit(&t, fresh(&t), &original), OK);
    old = original.objects.v[0]->uuid;
    CU_ASSERT_EQUAL_FATAL(submit(&t, relating(&t, "APND", old), &addendum), OK);
    before = db_flushes(t.db);
    CU_ASSERT_EQUAL_FATAL(submit(&t, relating(&t, "RPLC", old), &replacement), OK);
    /* Two of them ask whether what it names is hidden, and whether an addendum is a consent. */
    CU_ASSERT_EQUAL(db_flushes(t.db) - before, 6);
    new = replacement.objects.v[0]->uuid;
    CU_ASSERT_EQUAL(number(&t, &IS_DEPRECATED, old), 1);
    CU_ASSERT_EQUAL(number(&t, &IS_DEPRECATED, addendum.objects.v[0]->uuid), 1);
    CU_ASSERT_EQUAL(number(&t, &IS_DEPRECATED, new), 0);
    CU_ASSERT_EQUAL(number(&t, &FOLDER_MEMBERSHIPS, new), 1);
    CU_ASSERT_EQUAL(number(&t, &SET_MEMBERSHIPS, new), 1);
    CU_ASSERT_EQUAL(submit(&t, relating(&t, "APND", old), &late), INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "XDSRegistryDeprecatedDocumentError");
    bench_close(&t);
}

static void references_are_resolved_of_the_right_kind_and_patient(void)
{
    struct bench t;
    struct xds_submission original, s;
    struct uuid set, document;

    if (!bench_open(&t))
        return;
    CU_ASSERT_EQUAL_FATAL(submit(&t, fresh(&t), &original), OK);
    document = original.objects.v[0]->uuid;
    set = original.set->o.uuid;
    CU_ASSERT_EQUAL(submit(&t, relating(&t, "XFRM", uuid_v4()), &s), INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "UnresolvedReferenceException");
    CU_ASSERT_EQUAL(submit(&t, relating(&t, "XFRM", set), &s), INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "UnresolvedReferenceException");
    CU_ASSERT_EQUAL(submit(&t, patient(&t, relating(&t, "XFRM", document), "P1", "P2"), &s),
                    INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "XDSPatientIdDoesNotMatch");
    CU_ASSERT_EQUAL(submit(&t, relating(&t, "XFRM", document), &s), OK);
    bench_close(&t);
}

/* Mother and child: a set may refer to what is another patient's (TF-2 3.18, GetAll). */
static void an_association_lies_under_both_ends_places(void)
{
    struct bench t;
    struct xds_submission original, s;
    struct str text;
    char to[512];

    if (!bench_open(&t))
        return;
    CU_ASSERT_EQUAL_FATAL(submit(&t, fresh(&t), &original), OK);
    snprintf(to, sizeof(to),
             "<rim:Association id='a5' "
             "associationType='urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember' "
             "sourceObject='Set01' targetObject='%.*s'><rim:Slot name='SubmissionSetStatus'>"
             "<rim:ValueList><rim:Value>Reference</rim:Value></rim:ValueList></rim:Slot>"
             "</rim:Association></rim:RegistryObjectList>",
             STR_ARG(uuid_urn(&t.arena, original.objects.v[0]->uuid)));
    text = sample_replace(&t.arena, patient(&t, fresh(&t), "P1", "P2"), "</rim:RegistryObjectList>",
                          to);
    CU_ASSERT_EQUAL(submit(&t, text, &s), OK);
    CU_ASSERT_EQUAL(number(&t, &PLACES, original.objects.v[0]->uuid), 2);
    text = sample_replace(&t.arena, text, "<rim:Value>Reference<", "<rim:Value>Original<");
    CU_ASSERT_EQUAL(submit(&t, text, &s), INVALID);
    bench_close(&t);
}

static void a_resent_submission_is_refused_by_its_sets_unique_id(void)
{
    struct bench t;
    struct xds_submission s;
    struct str text;

    if (!bench_open(&t))
        return;
    text = fresh(&t);
    text = sample_replace(&t.arena, text, "id='Document01' mimeType",
                          "id='urn:uuid:22222222-2222-4222-8222-222222222222' mimeType");
    for (int i = 0; i < 40; i++)
        text = sample_replace(&t.arena, text, "'Document01'",
                              "'urn:uuid:22222222-2222-4222-8222-222222222222'");
    CU_ASSERT_EQUAL_FATAL(submit(&t, text, &s), OK);
    CU_ASSERT_EQUAL(submit(&t, text, &s), INVALID);
    CU_ASSERT_STRING_EQUAL(code(&t), "XDSDuplicateUniqueIdInRegistry");
    bench_close(&t);
}

SUITE(test_registry, CASE(what_is_registered_comes_back_exactly),
      CASE(a_submission_lies_with_the_sources_record_else_with_the_anchor),
      CASE(patients_that_are_unknown_subsumed_or_foreign_are_refused),
      CASE(a_replacement_takes_its_place_in_the_folders_and_deprecates_the_children),
      CASE(references_are_resolved_of_the_right_kind_and_patient),
      CASE(an_association_lies_under_both_ends_places),
      CASE(a_resent_submission_is_refused_by_its_sets_unique_id));
