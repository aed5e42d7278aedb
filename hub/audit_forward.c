#include "hub/audit_forward.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hub/audit/dicom.h"
#include "hub/audit/leaves.h"
#include "hub/audit/syslog.h"
#include "hub/base/halt.h"
#include "hub/base/hash.h"
#include "hub/base/log.h"
#include "hub/net/dial.h"
#include "hub/net/octet_count.h"

enum {
    DESTINATIONS_MAX = 8,
    BATCH = 100,
    SENT_AGAIN = 300, /* leaves, after a connection that broke */
    DATABASE_SECONDS = 10,
    DATAGRAM_MAX = 65000,
    TROUBLE_MAX = 200,
};

#define POLL_US (US_PER_SECOND / 4)

/* One destination, and the thread that serves it. */
struct destination {
    struct audit_forward *forward;
    struct str address; /* as configured */
    struct str host;    /* HOST:PORT */
    bool tls;
    pthread_t thread;

    struct uuid owner;
    struct db *db;
    struct arena arena; /* of one batch */
    struct errors err;
    struct dialed *dialed;
    int udp;            /* -1: none */
    int64_t next_leaf;  /* to be sent */
    int64_t renewed_us; /* when the lease was last ours; monotonic */
};

struct audit_forward {
    struct hub *hub;
    struct arena arena;
    struct audit_source source;
    struct str host_name;
    struct destination destinations[DESTINATIONS_MAX];
    size_t count, started;
    struct halt halt;
};

static int64_t dkey_of(const struct destination *d)
{
    return hash_key(&d->address, 1);
}

/* --- the cursor ------------------------------------------------------------------------------ */

static void attach(struct destination *d)
{
    errors_init(&d->err, &d->arena);
    db_attach(d->db, &d->arena, &d->err, clock_monotonic_us() + DATABASE_SECONDS * US_PER_SECOND);
}

/* Begins where the log ends, unless it is known. */
static enum status introduce(struct destination *d)
{
    static const struct statement INTRODUCE = {
        "audit_destination_introduce",
        "INSERT INTO audit_destination (dkey, address, next_leaf)"
        " VALUES ($1, $2, $3)"
        " ON CONFLICT (dkey) DO NOTHING",
    };
    int64_t end;

    attach(d);
    TRY(audit_leaves_end(d->db, &end));
    db_queue(d->db, &INTRODUCE, NULL, DB_INT8(dkey_of(d)), DB_TEXT(d->address), DB_INT8(end));
    return db_flush(d->db);
}

/* Longer than a batch may take: three steps on the network. */
static double lease_seconds(const struct destination *d)
{
    return (double)(3 * d->forward->hub->config->outbox_ack_seconds + 5);
}

static bool is_connected(const struct destination *d)
{
    return d->dialed != NULL || d->udp >= 0;
}

/* True when the destination is ours, now or still. */
static bool claim(struct destination *d)
{
    static const struct statement CLAIM = {
        "audit_destination_claim",
        "UPDATE audit_destination"
        " SET lease_owner = $2,"
        " lease_until = now() + make_interval(secs => $3)"
        " WHERE dkey = $1"
        " AND (lease_owner = $2 OR lease_until <= now())"
        " AND not_before <= now()"
        " RETURNING next_leaf, mid_session",
    };
    int64_t now_us = clock_monotonic_us();
    struct rows r;

    if (is_connected(d) && now_us - d->renewed_us < US_PER_SECOND)
        return true;
    attach(d);
    db_queue(d->db, &CLAIM, &r, DB_INT8(dkey_of(d)), DB_UUID(d->owner),
             DB_FLOAT8(lease_seconds(d)));
    if (db_flush(d->db) != OK || r.count == 0)
        return false;
    d->renewed_us = now_us;
    if (!is_connected(d)) {
        d->next_leaf = row_int(&r, 0, 0);
        if (d->tls && row_bool(&r, 0, 1))
            d->next_leaf = d->next_leaf > SENT_AGAIN ? d->next_leaf - SENT_AGAIN : 0;
    }
    return true;
}

/* The lease must still be ours: else another process has gone on from the old cursor. */
static enum status move_cursor(struct destination *d, int64_t next_leaf)
{
    static const struct statement MOVE = {
        "audit_destination_move",
        "UPDATE audit_destination"
        " SET next_leaf = greatest(next_leaf, $3),"
        " mid_session = true,"
        " failures = 0,"
        " trouble = '',"
        " sent_at = now(),"
        " lease_until = now() + make_interval(secs => $4)"
        " WHERE dkey = $1"
        " AND lease_owner = $2"
        " AND lease_until > now()",
    };
    struct rows r;

    attach(d);
    db_queue(d->db, &MOVE, &r, DB_INT8(dkey_of(d)), DB_UUID(d->owner), DB_INT8(next_leaf),
             DB_FLOAT8(lease_seconds(d)));
    TRY(db_flush(d->db));
    if (r.affected != 1)
        return fail(&d->err, CONFLICT, "lease", "another process has taken the destination over");
    d->next_leaf = next_leaf;
    d->renewed_us = clock_monotonic_us();
    return OK;
}

/* Marks the session as open before its first byte, so that a kill leaves a trace. */
static enum status open_session(struct destination *d)
{
    static const struct statement OPEN = {
        "audit_destination_open",
        "UPDATE audit_destination"
        " SET mid_session = true"
        " WHERE dkey = $1"
        " AND lease_owner = $2",
    };

    attach(d);
    db_queue(d->db, &OPEN, NULL, DB_INT8(dkey_of(d)), DB_UUID(d->owner));
    return db_flush(d->db);
}

/* Gives the destination back: after a failure for a while, else at the end, in order. */
static void release(struct destination *d, bool failed, struct str trouble)
{
    static const struct statement RELEASE = {
        "audit_destination_release",
        "UPDATE audit_destination"
        " SET lease_owner = NULL,"
        " lease_until = '-infinity',"
        " mid_session = mid_session AND $3,"
        " failures = CASE WHEN $3 THEN failures + 1 ELSE 0 END,"
        " not_before = now() + make_interval(secs => CASE WHEN $3"
        "  THEN least($5, 2 ^ least(failures, 20)) ELSE 0 END),"
        " trouble = $4"
        " WHERE dkey = $1"
        " AND lease_owner = $2",
    };

    db_queue(d->db, &RELEASE, NULL, DB_INT8(dkey_of(d)), DB_UUID(d->owner), DB_BOOL(failed),
             DB_TEXT(trouble), DB_FLOAT8((double)d->forward->hub->config->outbox_pause_seconds));
    if (db_flush(d->db) != OK)
        log_warn("audit_forward_release", "the lease runs out by itself");
}

/* --- the connection -------------------------------------------------------------------------- */

static int64_t network_deadline(const struct destination *d)
{
    return clock_monotonic_us() + d->forward->hub->config->outbox_ack_seconds * US_PER_SECOND;
}

/* A repository is a host of a configured CA by its name, or a member by its certificate. */
static bool is_trusted(struct destination *d)
{
    struct dial_trust t = dial_trust(d->dialed);
    struct member_directory *members = hub_directory(d->forward->hub);
    const struct member *m = member_by_cert(members, t.fingerprint, t.chain_valid, clock_now_us());
    bool trusted = (t.chain_valid && t.name_valid) || (m != NULL && !m->suspended);

    member_directory_release(members);
    return trusted;
}

static enum status open_tls(struct destination *d)
{
    const struct config *c = d->forward->hub->config;
    struct net_tls_settings tls = {
        .certificate_file = c->tls_certificate,
        .key_file = c->tls_key,
        .ca_file = c->tls_ca[0] ? c->tls_ca : NULL,
        .crl_file = c->tls_crl[0] ? c->tls_crl : NULL,
    };

    TRY(dial(&tls, d->host, network_deadline(d), &d->dialed, &d->err));
    if (!is_trusted(d))
        return fail(&d->err, DENIED, "trust",
                    "its certificate is not of a configured CA for this host, nor a member's");
    return OK;
}

static enum status open_udp(struct destination *d)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    ptrdiff_t colon = (ptrdiff_t)d->host.n - 1;
    int n;

    while (colon > 0 && d->host.p[colon] != ':')
        colon--;
    n = getaddrinfo(str_c(&d->arena, str_slice(d->host, 0, (size_t)colon)),
                    str_c(&d->arena, str_slice(d->host, (size_t)colon + 1, d->host.n)), &hints,
                    &found);
    if (n != 0)
        return fail(&d->err, UPSTREAM, "udp", "the host is not known: %s", gai_strerror(n));
    d->udp = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    n = d->udp < 0 ? -1 : connect(d->udp, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (n != 0)
        return fail(&d->err, UPSTREAM, "udp", "%s", strerror(errno));
    return OK;
}

static enum status connect_to(struct destination *d)
{
    if (is_connected(d))
        return OK;
    TRY(d->tls ? open_tls(d) : open_udp(d));
    log_info("audit_forward_connected", "to=%.*s from_leaf=%lld", STR_ARG(d->address),
             (long long)d->next_leaf);
    return open_session(d);
}

static void hang_up(struct destination *d)
{
    dial_close(d->dialed);
    d->dialed = NULL;
    if (d->udp >= 0)
        close(d->udp);
    d->udp = -1;
}

/* --- the records ----------------------------------------------------------------------------- */

/* What was received goes on unchanged; a further row about the same message adds nothing. */
static struct str message_of(struct destination *d, const struct audit_leaf *leaf)
{
    const struct audit_forward *f = d->forward;
    struct audit_event e;

    if (!audit_event_read(&d->arena, leaf->record, &e))
        return STR_NONE;
    if (str_eq(e.transaction, STR("ITI-20")))
        return e.verbatim.n > 0 ? e.verbatim : STR_NONE;
    return syslog_write(&d->arena, e.at, f->host_name, e.process,
                        audit_dicom_write(&d->arena, &e, &f->source));
}

static enum status send_stream(struct destination *d, const struct audit_leaf *leaves, size_t n)
{
    struct strbuf b = strbuf_on(&d->arena, 64 * 1024);

    for (size_t i = 0; i < n; i++) {
        struct str message = message_of(d, &leaves[i]);

        if (message.n > 0)
            octet_count_add(&b, message);
    }
    TRY(dial_settle(d->dialed, network_deadline(d),
                    &d->err)); /* did it go while nothing was sent? */
    TRY(dial_write(d->dialed, strbuf_str(&b), network_deadline(d), &d->err));
    return dial_settle(d->dialed, network_deadline(d), &d->err);
}

/* A refusal (ICMP) is told at the next call: so each datagram asks how the last one fared. */
static enum status send_datagrams(struct destination *d, const struct audit_leaf *leaves, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str message = message_of(d, &leaves[i]);
        int error = 0;
        socklen_t size = sizeof(error);

        if (message.n == 0)
            continue;
        if (send(d->udp, message.p, message.n < DATAGRAM_MAX ? message.n : DATAGRAM_MAX, 0) < 0)
            return fail(&d->err, UPSTREAM, "udp", "%s", strerror(errno));
        if (i + 1 == n)
            usleep(1000);
        if (getsockopt(d->udp, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
            return fail(&d->err, UPSTREAM, "udp", "%s", strerror(error));
    }
    return OK;
}

/* One batch; *sent 0: there was none. */
static enum status serve_batch(struct destination *d, size_t *sent)
{
    struct audit_leaf *leaves;

    attach(d);
    TRY(audit_leaves_read(d->db, &d->arena, d->next_leaf, BATCH, &leaves, sent));
    TRY(connect_to(d));
    if (*sent == 0)
        return d->tls ? dial_settle(d->dialed, network_deadline(d), &d->err) : OK;
    TRY(d->tls ? send_stream(d, leaves, *sent) : send_datagrams(d, leaves, *sent));
    metric_add(METRIC_audit_forwarded_total, *sent);
    return move_cursor(d, leaves[*sent - 1].leaf + 1);
}

static void note_failure(struct destination *d)
{
    char why[TROUBLE_MAX];
    const struct failure *f = d->err.first;
    struct str words = f != NULL ? str_slice(f->text, 0, TROUBLE_MAX - 1) : STR("unknown");

    memcpy(why, words.p, words.n);
    why[words.n] = '\0';
    log_warn("audit_forward_failed", "to=%.*s why=%s", STR_ARG(d->address), why);
    metric_add(METRIC_audit_forward_failures_total, 1);
    hang_up(d);
    arena_reset(&d->arena);
    attach(d);
    release(d, true, str_from(why));
}

/* While the destination is ours: batch after batch. */
static void serve(struct destination *d)
{
    while (!halt_asked(&d->forward->halt) && claim(d)) {
        size_t sent = 0;

        if (serve_batch(d, &sent) != OK) {
            note_failure(d);
            return;
        }
        arena_reset(&d->arena);
        if (sent < BATCH)
            (void)halt_pause(&d->forward->halt, POLL_US);
    }
    if (!halt_asked(&d->forward->halt))
        hang_up(d); /* another process serves it */
    arena_reset(&d->arena);
}

/* A session that ends in order is not sent again from its middle. */
static void leave(struct destination *d)
{
    hang_up(d);
    attach(d);
    release(d, false, STR(""));
}

static void *run(void *p)
{
    struct destination *d = p;
    bool known = false;

    while (!halt_asked(&d->forward->halt)) {
        known = known || introduce(d) == OK;
        if (known)
            serve(d);
        arena_reset(&d->arena);
        (void)halt_pause(&d->forward->halt, POLL_US);
    }
    leave(d);
    arena_dispose(&d->arena);
    return NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

static enum status destination_read(struct audit_forward *f, struct str address, struct errors *err)
{
    static const struct str tls = {"tls://", 6}, udp = {"udp://", 6};
    struct destination *d = &f->destinations[f->count];

    *d = (struct destination){.forward = f,
                              .address = address,
                              .owner = uuid_v4(),
                              .udp = -1,
                              .tls = str_starts(address, tls)};
    if ((!d->tls && !str_starts(address, udp)) ||
        str_find(str_slice(address, 6, address.n), ':') < 1)
        return fail(err, INVALID, "audit_forward",
                    "audit_forward: '%.*s' is not tls://HOST:PORT or udp://HOST:PORT",
                    STR_ARG(address));
    if (f->count == DESTINATIONS_MAX)
        return fail(err, INVALID, "audit_forward", "audit_forward: at most %d destinations",
                    DESTINATIONS_MAX - 1);
    d->host = str_slice(address, 6, address.n);
    arena_init(&d->arena);
    d->db = db_open(f->hub->config->database, "causeway audit forward", err);
    if (d->db == NULL)
        return err->status;
    f->count++;
    return OK;
}

static enum status destinations_read(struct audit_forward *f, struct errors *err)
{
    struct str rest = str_from(f->hub->config->audit_forward);

    while (rest.p != NULL) {
        struct str address = str_trim(str_cut(&rest, ','));

        if (address.n > 0)
            TRY(destination_read(f, address, err));
    }
    return OK;
}

struct audit_forward *audit_forward_start(struct hub *hub, struct errors *err)
{
    struct audit_forward *f = calloc(1, sizeof(*f));
    char name[256] = "";

    must(f != NULL, "out of memory");
    f->hub = hub;
    arena_init(&f->arena);
    gethostname(name, sizeof(name) - 1);
    f->host_name = name[0] ? str_dup(&f->arena, str_from(name)) : STR("-");
    f->source = (struct audit_source){str_from(hub->config->home_community_id),
                                      str_from(hub->config->audit_site)};
    halt_init(&f->halt);
    if (destinations_read(f, err) != OK) {
        audit_forward_stop(f);
        return NULL;
    }
    for (; f->started < f->count; f->started++)
        must(pthread_create(&f->destinations[f->started].thread, NULL, run,
                            &f->destinations[f->started]) == 0,
             "no thread to forward audit records");
    return f;
}

void audit_forward_stop(struct audit_forward *f)
{
    halt_ask(&f->halt);
    for (size_t i = 0; i < f->started; i++)
        pthread_join(f->destinations[i].thread, NULL);
    for (size_t i = 0; i < f->count; i++)
        db_close(f->destinations[i].db);
    arena_dispose(&f->arena);
    free(f);
}
