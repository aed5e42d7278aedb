#include "hub/member.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/clock.h"
#include "hub/data/db.h"
#include "hub/data/dsig.h"

#define DIRECTORY_MAGIC 0x4d454d42u

/* What member_directory_read hands out: the public part first, its memory and its holders. */
struct snapshot {
    struct member_directory directory;
    unsigned magic;
    struct arena arena;
    atomic_int holders;
};

/* One statement, so that all of it is of one moment; a member a row, its tables as arrays in one
 * order each. Without any member the epoch still comes, with a NULL member. */
static const struct statement READ = {
    "member_directory_read",
    "SELECT e.value, m.member_id, m.name, m.organization, m.suspended_at IS NOT NULL,"
    " m.strict_adt, m.multi_patient, m.charset,"
    " ARRAY(SELECT a.oid FROM member_authority a"
    "  WHERE a.member_id = m.member_id ORDER BY a.oid),"
    " ARRAY(SELECT a.name_space FROM member_authority a"
    "  WHERE a.member_id = m.member_id ORDER BY a.oid),"
    " ARRAY(SELECT p.application FROM member_application p"
    "  WHERE p.member_id = m.member_id ORDER BY p.application, p.facility),"
    " ARRAY(SELECT p.facility FROM member_application p"
    "  WHERE p.member_id = m.member_id ORDER BY p.application, p.facility),"
    " ARRAY(SELECT c.fingerprint FROM member_cert c"
    "  WHERE c.member_id = m.member_id ORDER BY c.fingerprint),"
    " ARRAY(SELECT c.not_after FROM member_cert c"
    "  WHERE c.member_id = m.member_id ORDER BY c.fingerprint),"
    " ARRAY(SELECT c.direct::integer FROM member_cert c"
    "  WHERE c.member_id = m.member_id ORDER BY c.fingerprint),"
    " ARRAY(SELECT d.oid FROM member_domain d"
    "  WHERE d.member_id = m.member_id ORDER BY d.oid),"
    " ARRAY(SELECT n.format FROM member_notify n"
    "  WHERE n.member_id = m.member_id ORDER BY n.format),"
    " ARRAY(SELECT n.address FROM member_notify n"
    "  WHERE n.member_id = m.member_id ORDER BY n.format),"
    " ARRAY(SELECT n.application FROM member_notify n"
    "  WHERE n.member_id = m.member_id ORDER BY n.format),"
    " ARRAY(SELECT n.facility FROM member_notify n"
    "  WHERE n.member_id = m.member_id ORDER BY n.format),"
    " ARRAY(SELECT t.address FROM member_reply_to t"
    "  WHERE t.member_id = m.member_id ORDER BY t.address),"
    " m.xua, m.home_community, m.purposes,"
    " ARRAY(SELECT i.issuer FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT array_to_string(i.audiences, ' ') FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT array_to_string(i.organizations, ' ') FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT array_to_string(i.purpose_forms, ' ') FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT i.lifetime_seconds FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT i.skew_seconds FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT i.one_time::integer FROM member_idp i"
    "  WHERE i.member_id = m.member_id ORDER BY i.issuer),"
    " ARRAY(SELECT k.issuer FROM member_idp_key k"
    "  WHERE k.member_id = m.member_id ORDER BY k.issuer, k.added_at, k.fingerprint),"
    " ARRAY(SELECT k.certificate FROM member_idp_key k"
    "  WHERE k.member_id = m.member_id ORDER BY k.issuer, k.added_at, k.fingerprint),"
    " ARRAY(SELECT k.fingerprint FROM member_idp_key k"
    "  WHERE k.member_id = m.member_id ORDER BY k.issuer, k.added_at, k.fingerprint),"
    " ARRAY(SELECT k.not_before FROM member_idp_key k"
    "  WHERE k.member_id = m.member_id ORDER BY k.issuer, k.added_at, k.fingerprint),"
    " ARRAY(SELECT k.not_after FROM member_idp_key k"
    "  WHERE k.member_id = m.member_id ORDER BY k.issuer, k.added_at, k.fingerprint),"
    " m.audit_reader,"
    " coalesce(h.home, ''), coalesce(array_to_string(h.tells, ' '), ''),"
    " m.weight, coalesce(m.request_rate, 0), coalesce(m.most_waiting, 0),"
    " coalesce(m.most_running, 0)"
    " FROM epoch e"
    " LEFT JOIN member m ON true"
    " LEFT JOIN community h ON h.member_id = m.member_id"
    " WHERE e.name = 'member'"
    " ORDER BY m.name",
};

enum column {
    EPOCH,
    ID,
    NAME,
    ORGANIZATION,
    SUSPENDED,
    STRICT_ADT,
    MULTI_PATIENT,
    CHARSET,
    OIDS,
    NAME_SPACES,
    APPLICATIONS,
    FACILITIES,
    FINGERPRINTS,
    NOT_AFTERS,
    DIRECTS,
    DOMAINS,
    NOTIFY_FORMATS,
    NOTIFY_ADDRESSES,
    NOTIFY_APPLICATIONS,
    NOTIFY_FACILITIES,
    REPLY_TO,
    XUA,
    HOME_COMMUNITY,
    PURPOSES,
    IDP_ISSUERS,
    IDP_AUDIENCES,
    IDP_ORGANIZATIONS,
    IDP_FORMS,
    IDP_LIFETIMES,
    IDP_SKEWS,
    IDP_ONE_TIMES,
    KEY_ISSUERS,
    KEY_CERTIFICATES,
    KEY_FINGERPRINTS,
    KEY_NOT_BEFORES,
    KEY_NOT_AFTERS,
    AUDIT_READER,
    COMMUNITY,
    TELLS,
    WEIGHT,
    RATE,
    WAITING,
    RUNNING,
};

static void authorities_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *oids, *name_spaces;

    m->authority_count = row_texts(a, r, row, OIDS, &oids);
    must(row_texts(a, r, row, NAME_SPACES, &name_spaces) == m->authority_count,
         "arrays of one table");
    m->authorities = ARENA_ARRAY(a, m->authority_count, struct member_authority);
    for (size_t i = 0; i < m->authority_count; i++) {
        m->authorities[i].oid = str_dup(a, oids[i]);
        m->authorities[i].name_space = str_dup(a, name_spaces[i]);
    }
}

static void applications_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *applications, *facilities;

    m->application_count = row_texts(a, r, row, APPLICATIONS, &applications);
    must(row_texts(a, r, row, FACILITIES, &facilities) == m->application_count,
         "arrays of one table");
    m->applications = ARENA_ARRAY(a, m->application_count, struct member_application);
    for (size_t i = 0; i < m->application_count; i++) {
        m->applications[i].application = str_dup(a, applications[i]);
        m->applications[i].facility = str_dup(a, facilities[i]);
    }
}

static void certs_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *fingerprints;
    int64_t *not_afters, *directs;

    m->cert_count = row_texts(a, r, row, FINGERPRINTS, &fingerprints);
    must(row_ints(a, r, row, NOT_AFTERS, &not_afters) == m->cert_count &&
             row_ints(a, r, row, DIRECTS, &directs) == m->cert_count,
         "arrays of one table");
    m->certs = ARENA_ARRAY(a, m->cert_count, struct member_cert);
    for (size_t i = 0; i < m->cert_count; i++) {
        must(fingerprints[i].n == 32, "a fingerprint of 32 bytes");
        memcpy(m->certs[i].fingerprint, fingerprints[i].p, 32);
        m->certs[i].not_after_us = not_afters[i];
        m->certs[i].direct = directs[i] != 0;
    }
}

static void domains_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    m->domain_count = row_texts(a, r, row, DOMAINS, &m->domains);
    for (size_t i = 0; i < m->domain_count; i++)
        m->domains[i] = str_dup(a, m->domains[i]);
}

static void reply_to_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    m->reply_to_count = row_texts(a, r, row, REPLY_TO, &m->reply_to);
    for (size_t i = 0; i < m->reply_to_count; i++)
        m->reply_to[i] = str_dup(a, m->reply_to[i]);
}

static void notify_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *formats, *addresses, *applications, *facilities;

    m->notify_count = row_texts(a, r, row, NOTIFY_FORMATS, &formats);
    must(row_texts(a, r, row, NOTIFY_ADDRESSES, &addresses) == m->notify_count &&
             row_texts(a, r, row, NOTIFY_APPLICATIONS, &applications) == m->notify_count &&
             row_texts(a, r, row, NOTIFY_FACILITIES, &facilities) == m->notify_count,
         "arrays of one table");
    m->notify = ARENA_ARRAY(a, m->notify_count, struct member_notify);
    for (size_t i = 0; i < m->notify_count; i++)
        m->notify[i] = (struct member_notify){
            .format = str_dup(a, formats[i]),
            .address = str_dup(a, addresses[i]),
            .application = str_dup(a, applications[i]),
            .facility = str_dup(a, facilities[i]),
        };
}

const struct member_idp *member_idp_by_issuer(const struct member *m, struct str issuer)
{
    for (size_t i = 0; i < m->idp_count; i++)
        if (str_eq(m->idps[i].issuer, issuer))
            return &m->idps[i];
    return NULL;
}

bool member_list_has(struct str list, struct str word)
{
    while (list.p != NULL)
        if (str_eq(str_cut(&list, ' '), word))
            return word.n > 0;
    return false;
}

static unsigned forms_of(struct str words)
{
    return (member_list_has(words, STR("PurposeOfUse")) ? FORM_PURPOSE_OF_USE : 0u) |
           (member_list_has(words, STR("PurposeForUse")) ? FORM_PURPOSE_FOR_USE : 0u) |
           (member_list_has(words, STR("CodedValue")) ? FORM_CODED_VALUE : 0u);
}

static void idps_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *issuers, *audiences, *organizations, *forms;
    int64_t *lifetimes, *skews, *one_times;
    size_t n = row_texts(a, r, row, IDP_ISSUERS, &issuers);

    must(row_texts(a, r, row, IDP_AUDIENCES, &audiences) == n &&
             row_texts(a, r, row, IDP_ORGANIZATIONS, &organizations) == n &&
             row_texts(a, r, row, IDP_FORMS, &forms) == n &&
             row_ints(a, r, row, IDP_LIFETIMES, &lifetimes) == n &&
             row_ints(a, r, row, IDP_SKEWS, &skews) == n &&
             row_ints(a, r, row, IDP_ONE_TIMES, &one_times) == n,
         "arrays of one table");
    m->idp_count = n;
    m->idps = ARENA_ARRAY(a, n, struct member_idp);
    for (size_t i = 0; i < n; i++)
        m->idps[i] = (struct member_idp){
            .issuer = str_dup(a, issuers[i]),
            .audiences = str_dup(a, audiences[i]),
            .organizations = str_dup(a, organizations[i]),
            .lifetime_us = lifetimes[i] * US_PER_SECOND,
            .skew_us = skews[i] * US_PER_SECOND,
            .one_time = one_times[i] != 0,
            .purpose_forms = forms_of(forms[i]),
        };
}

/* Keys come in the order of their issuers, as the identity providers do. */
static void idp_keys_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str *issuers, *certificates, *fingerprints;
    int64_t *not_befores, *not_afters;
    size_t n = row_texts(a, r, row, KEY_ISSUERS, &issuers);
    struct member_idp_key *keys = ARENA_ARRAY(a, n, struct member_idp_key);

    must(row_texts(a, r, row, KEY_CERTIFICATES, &certificates) == n &&
             row_texts(a, r, row, KEY_FINGERPRINTS, &fingerprints) == n &&
             row_ints(a, r, row, KEY_NOT_BEFORES, &not_befores) == n &&
             row_ints(a, r, row, KEY_NOT_AFTERS, &not_afters) == n,
         "arrays of one table");
    for (size_t i = 0; i < n; i++) {
        struct member_idp *idp = (struct member_idp *)member_idp_by_issuer(m, issuers[i]);

        must(idp != NULL && fingerprints[i].n == 32, "a key of an identity provider");
        if (idp->key_count++ == 0)
            idp->keys = &keys[i];
        memcpy(keys[i].fingerprint, fingerprints[i].p, 32);
        keys[i].not_before_us = not_befores[i];
        keys[i].not_after_us = not_afters[i];
        keys[i].key = dsig_key_of_certificate(a, certificates[i]);
    }
}

static void trust_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    struct str xua = row_text(r, row, XUA);

    m->xua = str_eq(xua, STR("required"))      ? XUA_REQUIRED
             : str_eq(xua, STR("system-only")) ? XUA_SYSTEM_ONLY
                                               : XUA_OPTIONAL;
    m->community = str_dup(a, row_text(r, row, COMMUNITY));
    m->tells = str_dup(a, row_text(r, row, TELLS));
    m->home_community = str_dup(a, row_text(r, row, HOME_COMMUNITY));
    m->purpose_count = row_texts(a, r, row, PURPOSES, &m->purposes);
    for (size_t i = 0; i < m->purpose_count; i++)
        m->purposes[i] = str_dup(a, m->purposes[i]);
    idps_read(a, r, row, m);
    idp_keys_read(a, r, row, m);
}

static enum audit_reader audit_reader_of(struct str word)
{
    return str_eq(word, STR("all"))   ? AUDIT_READER_ALL
           : str_eq(word, STR("own")) ? AUDIT_READER_OWN
                                      : AUDIT_READER_NONE;
}

static void member_read(struct arena *a, const struct rows *r, int row, struct member *m)
{
    m->id = row_int(r, row, ID);
    m->name = str_dup(a, row_text(r, row, NAME));
    m->organization = str_dup(a, row_text(r, row, ORGANIZATION));
    m->suspended = row_bool(r, row, SUSPENDED);
    m->share = (struct member_share){
        .weight = row_int(r, row, WEIGHT),
        .rate = row_int(r, row, RATE),
        .waiting = row_int(r, row, WAITING),
        .running = row_int(r, row, RUNNING),
    };
    m->strict_adt = row_bool(r, row, STRICT_ADT);
    m->multi_patient = row_bool(r, row, MULTI_PATIENT);
    m->charset = str_dup(a, row_text(r, row, CHARSET));
    m->audit_reader = audit_reader_of(row_text(r, row, AUDIT_READER));
    authorities_read(a, r, row, m);
    applications_read(a, r, row, m);
    certs_read(a, r, row, m);
    domains_read(a, r, row, m);
    notify_read(a, r, row, m);
    reply_to_read(a, r, row, m);
    trust_read(a, r, row, m);
}

static struct snapshot *snapshot_new(void)
{
    struct snapshot *s = calloc(1, sizeof(*s));

    must(s != NULL, "memory");
    s->magic = DIRECTORY_MAGIC;
    atomic_init(&s->holders, 1);
    arena_init(&s->arena);
    return s;
}

enum status member_directory_read(struct db *db, struct member_directory **out)
{
    struct rows rows;
    struct snapshot *s;

    db_queue0(db, &READ, &rows);
    TRY(db_flush(db));
    must(rows.count > 0, "the epoch 'member', which migration 0001 inserts");
    s = snapshot_new();
    s->directory.epoch = row_int(&rows, 0, EPOCH);
    s->directory.count = row_null(&rows, 0, ID) ? 0 : (size_t)rows.count;
    s->directory.members = ARENA_ARRAY(&s->arena, s->directory.count, struct member);
    for (size_t i = 0; i < s->directory.count; i++)
        member_read(&s->arena, &rows, (int)i, &s->directory.members[i]);
    *out = &s->directory;
    return OK;
}

static struct snapshot *snapshot_of(struct member_directory *d)
{
    struct snapshot *s = (struct snapshot *)d;

    must(s->magic == DIRECTORY_MAGIC, "a directory that member_directory_read made");
    return s;
}

struct member_directory *member_directory_hold(struct member_directory *d)
{
    atomic_fetch_add_explicit(&snapshot_of(d)->holders, 1, memory_order_relaxed);
    return d;
}

void member_directory_release(struct member_directory *d)
{
    struct snapshot *s;

    if (d == NULL)
        return;
    s = snapshot_of(d);
    if (atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1)
        return;
    s->magic = 0;
    arena_dispose(&s->arena);
    free(s);
}

const struct member *member_by_id(const struct member_directory *d, int64_t id)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->members[i].id == id)
            return &d->members[i];
    return NULL;
}

const struct member *member_by_name(const struct member_directory *d, struct str name)
{
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->members[i].name, name))
            return &d->members[i];
    return NULL;
}

static const struct member_cert *cert_find(const struct member *m,
                                           const unsigned char fingerprint[32])
{
    for (size_t i = 0; i < m->cert_count; i++)
        if (memcmp(m->certs[i].fingerprint, fingerprint, 32) == 0)
            return &m->certs[i];
    return NULL;
}

const struct member *member_by_cert(const struct member_directory *d,
                                    const unsigned char fingerprint[32], bool chain_valid,
                                    int64_t now_us)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct member_cert *c = cert_find(&d->members[i], fingerprint);

        if (c != NULL)
            return (chain_valid || c->direct) && now_us <= c->not_after_us ? &d->members[i] : NULL;
    }
    return NULL;
}

bool member_owns_authority(const struct member *m, struct str oid)
{
    for (size_t i = 0; i < m->authority_count; i++)
        if (str_eq(m->authorities[i].oid, oid))
            return true;
    return false;
}

bool member_knows_domain(const struct member *m, struct str oid)
{
    for (size_t i = 0; i < m->domain_count; i++)
        if (str_eq(m->domains[i], oid))
            return true;
    return m->domain_count == 0 || member_owns_authority(m, oid);
}

bool member_may_claim(const struct member *m, struct str code, struct str system)
{
    for (size_t i = 0; i < m->purpose_count; i++) {
        struct str rest = m->purposes[i], first = str_cut(&rest, '|');

        if (rest.p == NULL ? str_eq(first, code) : str_eq(first, system) && str_eq(rest, code))
            return true;
    }
    return m->purpose_count == 0;
}

const struct member_notify *member_notify_of(const struct member *m, struct str format)
{
    for (size_t i = 0; i < m->notify_count; i++)
        if (str_eq(m->notify[i].format, format))
            return &m->notify[i];
    return NULL;
}

const struct member *member_by_authority(const struct member_directory *d, struct str oid)
{
    for (size_t i = 0; i < d->count; i++)
        if (member_owns_authority(&d->members[i], oid))
            return &d->members[i];
    return NULL;
}

struct str member_authority_oid(const struct member_directory *d, const struct member *m,
                                struct str name_space, struct str oid)
{
    if (oid.n > 0)
        return member_by_authority(d, oid) != NULL ? oid : STR_NONE;
    if (name_space.n == 0)
        return STR_NONE;
    for (size_t i = 0; i < m->authority_count; i++)
        if (str_eq(m->authorities[i].name_space, name_space))
            return m->authorities[i].oid;
    return STR_NONE;
}

/* How closely a member's registered applications match: both parts, the application with any
 * facility, or not at all. */
enum closeness { NOT_REGISTERED, ANY_FACILITY, EXACT };

static enum closeness application_match(const struct member *m, struct str application,
                                        struct str facility)
{
    enum closeness best = NOT_REGISTERED;

    for (size_t i = 0; i < m->application_count; i++) {
        const struct member_application *a = &m->applications[i];

        if (!str_eq(a->application, application))
            continue;
        if (a->facility.n == 0 && best < ANY_FACILITY)
            best = ANY_FACILITY;
        else if (a->facility.n > 0 && str_eq(a->facility, facility))
            best = EXACT;
    }
    return best;
}

bool member_owns_application(const struct member_directory *d, const struct member *m,
                             struct str application, struct str facility)
{
    enum closeness mine = application_match(m, application, facility);

    for (size_t i = 0; i < d->count; i++)
        if (d->members[i].id != m->id &&
            application_match(&d->members[i], application, facility) > mine)
            return false;
    return mine != NOT_REGISTERED || m->application_count == 0;
}
