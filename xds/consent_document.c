#include "xds/consent_document.h"

#include "consent/bppc.h"
#include "consent/filing.h"
#include "hub/base/oid.h"
#include "xds/rows.h"
#include "xds/validate_update.h"

bool xds_is_consent(struct str format_code)
{
    static const struct str formats[] = {STR("urn:ihe:iti:bppc:2007"),
                                         STR("urn:ihe:iti:bppc-sd:2007")};
    ptrdiff_t end = str_find_str(format_code, STR("^^"));
    struct str code = end < 0 ? format_code : str_slice(format_code, 0, (size_t)end);

    return str_eq(code, formats[0]) || str_eq(code, formats[1]);
}

/* --- what a submission does to consents ------------------------------------------------------- */

struct entry {
    struct place place;
    struct uuid uuid;
};

/* Consents that end, and documents that take effect. */
struct effect {
    struct entry *ended;
    size_t ended_count;
    const struct xds_document **filed;
    size_t filed_count;
    struct entry *revived; /* registered ones that become Approved again */
    size_t revived_count;
};

static void end(struct effect *e, struct place place, struct uuid uuid)
{
    e->ended[e->ended_count++] = (struct entry){place, uuid};
}

static void collect_filed(struct effect *e, const struct xds_submission *s)
{
    for (size_t i = 0; i < s->objects.n; i++) {
        const struct xds_document *d = xds_document(s->objects.v[i]);

        if (d && d->o.status == XDS_APPROVED && xds_is_consent(d->format_code.code))
            e->filed[e->filed_count++] = d;
    }
}

/* Of a replaced document's addenda and transformations only the places are known here: whether they
 * are consents, consent_document says. */
static void collect_replaced(struct effect *e, const struct xds_links *links)
{
    for (size_t i = 0; i < links->n; i++) {
        const struct xds_ref *ref = &links->refs[i];

        if (!ref->replaced)
            continue;
        if (xds_is_consent(row_text(&ref->row, 0, XDS_LOCKED_FORMAT)))
            end(e, ref->place, ref->uuid);
        for (int row = 0; row < ref->children.count; row++)
            end(e, (struct place){row_int(&ref->children, row, 0), row_int(&ref->children, row, 1)},
                row_uuid(&ref->children, row, 2));
    }
}

static void collect_restated(struct effect *e, const struct xds_links *links)
{
    for (size_t i = 0; i < links->s->triggers.n; i++) {
        const struct xds_association *trigger = xds_association(links->s->triggers.v[i]);
        const struct xds_ref *ref;
        enum xds_status status;

        if (xds_link(trigger->association_type) != XDS_UPDATE_STATUS || trigger->to.object ||
            !xds_status_parse(trigger->new_status, &status))
            continue;
        ref = xds_links_ref(links, trigger->to.uuid);
        if (ref->kind != XDS_DOCUMENT || !xds_is_consent(row_text(&ref->row, 0, XDS_LOCKED_FORMAT)))
            continue;
        if (status == XDS_APPROVED)
            e->revived[e->revived_count++] = (struct entry){ref->place, ref->uuid};
        else
            end(e, ref->place, ref->uuid);
    }
}

static void collect_versions(struct effect *e, const struct xds_versions *versions)
{
    for (size_t i = 0; i < versions->n; i++) {
        const struct xds_document *d = xds_document(versions->v[i].latest);

        if (d && xds_is_consent(d->format_code.code))
            end(e, d->o.place, d->o.uuid);
    }
}

static struct effect effect_of(struct arena *a, const struct xds_submission *s,
                               const struct xds_links *links, const struct xds_versions *versions)
{
    size_t most = links->n + s->triggers.n + versions->n;
    struct effect e = {.filed = ARENA_ARRAY(a, s->objects.n, const struct xds_document *),
                       .revived = ARENA_ARRAY(a, s->triggers.n, struct entry)};

    for (size_t i = 0; i < links->n; i++)
        most += (size_t)links->refs[i].children.count;
    e.ended = ARENA_ARRAY(a, most, struct entry);
    collect_filed(&e, s);
    collect_replaced(&e, links);
    collect_restated(&e, links);
    collect_versions(&e, versions);
    return e;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void queue_filed(struct request *rq, const struct entry *entries, size_t n, struct rows *out)
{
    static const struct statement FILED = {
        "consent_documents_filed",
        "SELECT pkey, entry_uuid, policy_id, person_pkey, person_id\n"
        "  FROM consent_document\n"
        " WHERE (pkey, entry_uuid) IN (\n"
        "       SELECT place, entry\n"
        "         FROM unnest($1::bigint[], $2::uuid[]) AS w (place, entry))\n"
        "   AND ended_at IS NULL",
    };
    int64_t *pkeys = ARENA_ARRAY(rq->arena, n, int64_t);
    struct uuid *uuids = ARENA_ARRAY(rq->arena, n, struct uuid);

    for (size_t i = 0; i < n; i++) {
        pkeys[i] = entries[i].place.pkey;
        uuids[i] = entries[i].uuid;
    }
    db_queue(rq->db, &FILED, out, DB_INT8S(pkeys, n), DB_UUIDS(uuids, n));
}

/* The policies that these documents brought, wherever their persons lie. Nothing where there are
 * none. */
static void queue_ends(struct request *rq, const struct rows *filed)
{
    static const struct statement CLOSE = {
        "consent_document_close",
        "UPDATE consent_document\n"
        "   SET ended_at = $4\n"
        " WHERE pkey = $1\n"
        "   AND entry_uuid = $2\n"
        "   AND policy_id = $3\n"
        "   AND ended_at IS NULL",
    };
    struct person_ref *persons = ARENA_ARRAY(rq->arena, (size_t)filed->count, struct person_ref);

    for (int i = 0; i < filed->count; i++) {
        struct consent_change change = {.persons = &persons[i],
                                        .count = 1,
                                        .at_us = rq->now_us,
                                        .by = rq->principal.member ? rq->principal.member->name
                                                                   : STR("hub")};

        persons[i] = (struct person_ref){row_int(filed, i, 3), row_int(filed, i, 4)};
        consent_store_end(rq->db, rq->arena, &change, row_uuid(filed, i, 2), NULL);
        db_queue(rq->db, &CLOSE, NULL, DB_INT8(row_int(filed, i, 0)),
                 DB_UUID(row_uuid(filed, i, 1)), DB_UUID(row_uuid(filed, i, 2)),
                 DB_TIME(rq->now_us));
    }
}

/* --- taking effect ---------------------------------------------------------------------------- */

static void list_oids(struct arena *a, const struct xds_document *const *documents, size_t n,
                      struct xds_texts *out)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        most += documents[i]->event_code.n;
    *out = (struct xds_texts){ARENA_ARRAY(a, most + 1, struct str), 0};
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < documents[i]->event_code.n; j++)
            out->v[out->n++] = oid_strip_urn(documents[i]->event_code.v[j].code);
}

static int find_policy(const struct rows *policies, struct str oid)
{
    for (int i = 0; i < policies->count; i++)
        if (str_eq(row_text(policies, i, DOMAIN_OID), oid))
            return i;
    return -1;
}

static void add_meaning(struct arena *a, struct consent_meaning *all,
                        const struct consent_meaning *more)
{
    struct consent_rule *rules = ARENA_ARRAY(a, all->count + more->count, struct consent_rule);
    struct str *strange = ARENA_ARRAY(a, all->strange_count + more->strange_count, struct str);

    if (all->count > 0)
        memcpy(rules, all->rules, all->count * sizeof(*rules));
    if (more->count > 0)
        memcpy(rules + all->count, more->rules, more->count * sizeof(*rules));
    if (all->strange_count > 0)
        memcpy(strange, all->strange, all->strange_count * sizeof(*strange));
    if (more->strange_count > 0)
        memcpy(strange + all->strange_count, more->strange, more->strange_count * sizeof(*strange));
    all->rules = rules;
    all->count += more->count;
    all->strange = strange;
    all->strange_count += more->strange_count;
}

static struct consent_meaning strange_one(struct arena *a, struct str what)
{
    struct str *v = ARENA_NEW(a, struct str);

    *v = what;
    return (struct consent_meaning){.strange = v, .strange_count = 1};
}

/* What one acknowledged policy says. */
static struct consent_meaning meaning_of_policy(struct request *rq, const struct rows *policies,
                                                struct str oid)
{
    struct consent_actors actors = consent_actors_of(rq->members);
    int row = find_policy(policies, oid);
    struct errors err;
    struct fhir_provision *p = ARENA_NEW(rq->arena, struct fhir_provision);
    struct str *strange;
    size_t n;

    errors_init(&err, rq->arena);
    if (row < 0)
        return strange_one(rq->arena, str_printf(rq->arena, "eventCodeList: policy %.*s",
                                                 STR_ARG(str_slice(oid, 0, 200))));
    if (fhir_provision_read(rq->arena, row_text(policies, row, DOMAIN_RULES), p, &strange, &n,
                            &err) != OK ||
        n > 0)
        return strange_one(rq->arena, str_printf(rq->arena, "rules of policy %.*s", STR_ARG(oid)));
    return consent_meaning_of(rq->arena, p, &actors);
}

static struct consent_meaning meaning_of(struct request *rq, const struct rows *policies,
                                         const struct xds_document *d)
{
    struct consent_meaning all = {NULL, 0, NULL, 0};

    if (d->event_code.n == 0)
        all = strange_one(rq->arena, STR("eventCodeList"));
    for (size_t i = 0; i < d->event_code.n; i++) {
        struct consent_meaning one =
            meaning_of_policy(rq, policies, oid_strip_urn(d->event_code.v[i].code));

        add_meaning(rq->arena, &all, &one);
    }
    return all;
}

static void read_times(const struct xds_document *d, struct consent_filing *f)
{
    int64_t other;

    f->from_us = INT64_MIN;
    f->until_us = INT64_MAX;
    if (d->service_start_time.n > 0)
        (void)clock_parse_dtm(d->service_start_time, &f->from_us, &other);
    if (d->service_stop_time.n > 0)
        (void)clock_parse_dtm(d->service_stop_time, &other, &f->until_us);
}

static void remember(struct request *rq, const struct xds_document *d,
                     const struct consent_filing *f, struct uuid policy)
{
    static const struct statement REMEMBER = {
        "consent_document_file",
        "INSERT INTO consent_document (pkey, entry_uuid, policy_id, person_pkey, person_id,\n"
        "       filed_at)\n"
        "VALUES ($1, $2, $3, $4, $5, $6)",
    };

    for (size_t i = 0; i < f->change.count; i++)
        db_queue(rq->db, &REMEMBER, NULL, DB_INT8(d->o.place.pkey), DB_UUID(d->o.uuid),
                 DB_UUID(policy), DB_INT8(f->change.persons[i].pkey),
                 DB_INT8(f->change.persons[i].person_id), DB_TIME(rq->now_us));
}

static void file(struct request *rq, const struct person *person, const struct rows *policies,
                 const struct xds_document *d)
{
    struct consent_filing f = {.change = {.persons = person->constituents,
                                          .count = person->constituent_count,
                                          .at_us = rq->now_us,
                                          .by = rq->principal.member->name},
                               .origin = uuid_text(rq->arena, d->o.uuid)};
    struct consent_meaning meaning = meaning_of(rq, policies, d);
    struct consent_filed filed;

    read_times(d, &f);
    if (f.from_us >= f.until_us)
        meaning = strange_one(rq->arena, STR("serviceStopTime"));
    filed = consent_file(rq->db, rq->arena, &f, &meaning);
    for (size_t i = 0; i < filed.count; i++)
        remember(rq, d, &f, filed.policies[i]);
    request_about(rq, "consent", d->unique_id,
                  filed.flags > 0 ? STR("denies: not understood") : STR("in force"));
}

/* --- a submission ----------------------------------------------------------------------------- */

static enum status check_filer(struct request *rq, const struct xds_source *source, bool own)
{
    if (str_eq(source->consents, STR("any")) || (own && str_eq(source->consents, STR("own"))))
        return OK;
    return fail(rq->err, DENIED, "XDSRegistryError",
                "%.*s may not file or change consent documents for this patient: it may do so for "
                "%s (causeway xds source --consents)",
                STR_ARG(rq->principal.member->name),
                str_eq(source->consents, STR("own"))
                    ? "patients whom it names by a sourcePatientId of its own"
                    : "nobody");
}

static enum status unlike(struct request *rq, const struct xds_document *d, const char *what,
                          struct str value)
{
    return fail_at(rq->err, d->o.id, INVALID, "XDSRepositoryMetadataError",
                   "the header of consent document %.*s does not name %s %.*s of its metadata",
                   STR_ARG(str_slice(d->unique_id, 0, 120)), what,
                   STR_ARG(str_slice(value, 0, 120)));
}

/* A consent of another patient, or to another policy than the metadata say, must not take effect.
 */
static enum status check_header(struct request *rq, const struct xds_submission *s,
                                const struct xds_document *d)
{
    struct identifier source;
    struct bppc_header header;
    struct errors err;
    struct str bytes;

    errors_init(&err, rq->arena);
    TRY(s->read_bytes(rq, s->context, d, &bytes));
    if (bppc_header_read(rq->arena, bytes, &header, &err) != OK)
        return fail_at(rq->err, d->o.id, INVALID, "XDSRepositoryMetadataError",
                       "formatCode of %.*s says consent document: %.*s",
                       STR_ARG(str_slice(d->unique_id, 0, 120)), STR_ARG(err.first->text));
    if (!bppc_names_patient(&header, s->patient) &&
        !(identifier_parse_cx(d->source_patient_id, &source) &&
          bppc_names_patient(&header, source)))
        return unlike(rq, d, "the patient", d->source_patient_id);
    for (size_t i = 0; i < d->event_code.n; i++)
        if (!bppc_names_policy(&header, d->event_code.v[i].code))
            return unlike(rq, d, "policy", d->event_code.v[i].code);
    return OK;
}

static const struct statement REGISTERED = {
    "xds_consent_registered",
    "SELECT " XDS_DOCUMENT_COLUMNS "\n"
    "  FROM xds_document_entry\n"
    " WHERE pkey = $1\n"
    "   AND record_id = $2\n"
    "   AND entry_uuid = $3",
};

/* Documents that become Approved again take effect as they were registered. */
static enum status read_revived(struct request *rq, struct effect *e,
                                const struct xds_document ***documents)
{
    struct rows *rows = ARENA_ARRAY(rq->arena, e->revived_count, struct rows);

    *documents =
        ARENA_ARRAY(rq->arena, e->filed_count + e->revived_count, const struct xds_document *);
    for (size_t i = 0; i < e->filed_count; i++)
        (*documents)[i] = e->filed[i];
    for (size_t i = 0; i < e->revived_count; i++)
        db_queue(rq->db, &REGISTERED, &rows[i], DB_INT8(e->revived[i].place.pkey),
                 DB_INT8(e->revived[i].place.record_id), DB_UUID(e->revived[i].uuid));
    if (e->revived_count > 0)
        TRY(db_flush(rq->db));
    for (size_t i = 0; i < e->revived_count; i++)
        (*documents)[e->filed_count + i] =
            xds_document(xds_rows_read(rq->arena, XDS_DOCUMENT, &rows[i], 0));
    e->filed = *documents;
    e->filed_count += e->revived_count;
    return OK;
}

static bool replaces_consents(const struct xds_links *links)
{
    for (size_t i = 0; i < links->n; i++)
        if (links->refs[i].replaced &&
            xds_is_consent(row_text(&links->refs[i].row, 0, XDS_LOCKED_FORMAT)))
            return true;
    return false;
}

/* Whoever replaces a consent that has effect has to know the patient; a new status is for who
 * published the document to give, which was checked. */
static enum status check_right(struct request *rq, const struct effect *e,
                               const struct xds_links *links, const struct xds_source *source,
                               bool own, const struct rows *ended)
{
    if (links->s->publisher != 0)
        return OK;
    if (ended->count > 0 && replaces_consents(links))
        return check_filer(rq, source, own);
    return e->revived_count > 0 ? check_filer(rq, source, true) : OK;
}

static enum status apply(struct request *rq, struct effect *e, const struct xds_links *links,
                         const struct xds_source *source, bool own)
{
    const struct xds_document **documents;
    struct mpi_people people;
    struct rows filed, policies;
    struct xds_texts oids;

    TRY(read_revived(rq, e, &documents));
    list_oids(rq->arena, documents, e->filed_count, &oids);
    mpi_people_queue(rq, &links->s->person, 1, &people);
    consent_domain_policies_queue(rq->db, oids.v, oids.n, &policies);
    queue_filed(rq, e->ended, e->ended_count, &filed);
    TRY(db_flush(rq->db));
    TRY(mpi_people_read(rq, &people));
    TRY(check_right(rq, e, links, source, own, &filed));
    queue_ends(rq, &filed);
    for (size_t i = 0; i < e->filed_count; i++)
        file(rq, &people.people[0], &policies, documents[i]);
    return OK;
}

enum status xds_consents_submit(struct request *rq, const struct xds_submission *s,
                                const struct xds_links *links, const struct xds_versions *versions,
                                const struct xds_source *source, bool own)
{
    struct effect e = effect_of(rq->arena, s, links, versions);

    if (str_eq(source->consents, STR("off")))
        e.filed_count = e.revived_count = 0;
    if (e.filed_count + e.revived_count + e.ended_count == 0)
        return OK;
    if (e.filed_count > 0 && s->publisher == 0)
        TRY(check_filer(rq, source, own));
    for (size_t i = 0; i < e.filed_count && s->read_bytes && source->consent_headers; i++)
        TRY(check_header(rq, s, e.filed[i]));
    return apply(rq, &e, links, source, own);
}

enum status xds_consents_remove(struct request *rq, const struct xds_objects *objects)
{
    struct entry *entries = ARENA_ARRAY(rq->arena, objects->n, struct entry);
    struct rows filed;
    size_t n = 0;

    for (size_t i = 0; i < objects->n; i++) {
        const struct xds_document *d = xds_document(objects->v[i]);

        if (d && xds_is_consent(d->format_code.code))
            entries[n++] = (struct entry){d->o.place, d->o.uuid};
    }
    if (n == 0)
        return OK;
    queue_filed(rq, entries, n, &filed);
    TRY(db_flush(rq->db));
    queue_ends(rq, &filed);
    return OK;
}
