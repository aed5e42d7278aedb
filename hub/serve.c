/* `causeway serve`: start, wait for signals, stop. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub/audit_forward.h"
#include "hub/base/confine.h"
#include "hub/base/log.h"
#include "hub/data/migrate.h"
#include "hub/health.h"
#include "hub/keeper.h"
#include "hub/notices.h"
#include "hub/outbox_sender.h"
#include "hub/service.h"
#include "hub/syslog_udp.h"
#include "hub/worker.h"

enum { ADMIN_WORKERS = 1, KEPT_MEMORY = 1 << 20 /* bytes at the end of each of malloc's arenas */ };

struct serving {
    struct hub hub;
    struct arena arena;
    struct str configuration; /* config_digest */
    struct worker *workers[256 + 64 + ADMIN_WORKERS];
    size_t worker_count;
    struct keeper *keeper;
    struct outbox_sender *sender;
    struct audit_forward *forward;
    struct syslog_udp *syslog_udp; /* NULL: not configured */
    int syslog_udp_port;
};

static struct net_settings net_settings_of(const struct config *c)
{
    return (struct net_settings){
        .io_threads = (int)c->io_threads,
        .max_connections = (int)c->max_connections,
        .max_connections_per_peer = (int)c->max_connections_per_member,
        .handshakes_per_address =
            {
                .rate = {c->address_handshake_rate, 5 * c->address_handshake_rate},
                .under_way = (int)c->address_handshakes,
            },
        .max_head = 32 * 1024,
        .max_fields = 100,
        .handshake_timeout_us = c->handshake_seconds * US_PER_SECOND,
        .head_timeout_us = c->head_seconds * US_PER_SECOND,
        .idle_timeout_us = c->idle_seconds * US_PER_SECOND,
        .write_timeout_us = c->write_seconds * US_PER_SECOND,
        .min_body_rate = (uint64_t)c->min_body_rate,
        .max_request = (uint64_t)c->max_request_mb * 1024 * 1024,
        .max_parts = (size_t)c->max_parts,
        .max_mllp_message = (size_t)c->max_hl7_kb * 1024,
        .max_syslog_message = (size_t)c->max_syslog_kb * 1024,
        .max_memory = (size_t)c->max_memory_mb * 1024 * 1024,
    };
}

static struct net_tls_settings tls_settings_of(const struct config *c)
{
    return (struct net_tls_settings){
        .certificate_file = c->tls_certificate,
        .key_file = c->tls_key,
        .ca_file = c->tls_ca[0] ? c->tls_ca : NULL,
        .crl_file = c->tls_crl[0] ? c->tls_crl : NULL,
        .dhe = c->tls_dhe,
    };
}

static struct callout_settings callout_settings_of(const struct config *c)
{
    return (struct callout_settings){
        .tls = tls_settings_of(c),
        .leave_alone_us = c->community_leave_alone_ms * 1000,
        .most_attempts = (int)c->community_attempts,
    };
}

/* Binds one listener, unless its address is empty. */
static enum status listen_on(struct hub *hub, const char *address, enum wire wire, bool tls,
                             int *listener, struct errors *err)
{
    *listener = -1;
    if (address[0] == '\0')
        return OK;
    *listener = net_listen(hub->net, address, wire, tls, err);
    return *listener < 0 ? err->status : OK;
}

static enum status open_network(struct serving *s, struct errors *err)
{
    const struct config *c = s->hub.config;
    struct net_settings settings = net_settings_of(c);
    struct net_service service = hub_service(&s->hub);
    struct net_tls_settings tls = tls_settings_of(c);

    s->hub.net = net_server_new(&settings, &service);
    TRY(net_tls_reload(s->hub.net, &tls, err));
    TRY(listen_on(&s->hub, c->listen, WIRE_HTTP, true, &s->hub.member_listener, err));
    TRY(listen_on(&s->hub, c->mllp_listen, WIRE_MLLP, true, &s->hub.mllp_listener, err));
    TRY(listen_on(&s->hub, c->syslog_listen, WIRE_SYSLOG, true, &s->hub.syslog_listener, err));
    if (c->syslog_udp_listen[0] != '\0')
        TRY(syslog_udp_open(c->syslog_udp_listen, &s->syslog_udp, &s->syslog_udp_port, err));
    return listen_on(&s->hub, c->admin_listen, WIRE_HTTP, false, &s->hub.admin_listener, err);
}

static struct str with_port(struct serving *s, const char *address, int port)
{
    const char *colon = strrchr(address, ':');

    return str_printf(&s->arena, "%.*s:%d", (int)(colon - address), address, port);
}

/* host:port as it really is. */
static struct str actual_address(struct serving *s, const char *address, int listener)
{
    if (listener < 0 || strrchr(address, ':') == NULL)
        return STR("");
    return with_port(s, address, net_listener_port(s->hub.net, listener));
}

static void name_endpoint(struct serving *s)
{
    const struct config *c = s->hub.config;
    struct str address = actual_address(s, c->listen, s->hub.member_listener);

    s->hub.endpoint = c->public_url[0] ? str_from(c->public_url)
                                       : str_printf(&s->arena, "https://%.*s", STR_ARG(address));
}

static enum status start_modules(const struct hub *hub, struct errors *err)
{
    for (const struct hub_module *const *m = hub->modules; *m != NULL; m++)
        if ((*m)->init != NULL)
            TRY((*m)->init(hub->config, err));
    return OK;
}

static void stop_modules(const struct hub *hub)
{
    for (const struct hub_module *const *m = hub->modules; *m != NULL; m++)
        if ((*m)->stop != NULL)
            (*m)->stop();
}

static enum status start_workers(struct serving *s, enum lane lane, int64_t count,
                                 struct errors *err)
{
    for (int64_t i = 0; i < count; i++) {
        struct worker *w = worker_start(&s->hub, lane, err);

        if (w == NULL)
            return err->status;
        s->workers[s->worker_count++] = w;
    }
    return OK;
}

/* The database must be there, at this program's version, before anyone is let in. */
static enum status read_database(struct serving *s, struct errors *err)
{
    struct db *db = db_open(s->hub.config->database, "causeway start", err);
    enum status status;

    if (db == NULL)
        return err->status;
    db_attach(db, &s->arena, err, 0);
    status = migrate_check(db, &s->arena, migrate_directory(s->hub.config->migrations), err);
    if (status == OK)
        status = hub_directory_refresh(&s->hub, db);
    db_close(db);
    return status;
}

static enum status become_user(const char *name, struct errors *err)
{
    struct passwd *pw;

    if (name[0] == '\0' || geteuid() != 0) {
        if (geteuid() == 0)
            log_warn("running_as_root", "set `user` in the configuration");
        return OK;
    }
    pw = getpwnam(name);
    if (pw == NULL)
        return fail(err, INVALID, "user", "user = %s: there is no such user", name);
    if (initgroups(name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
        return fail(err, UPSTREAM, "user", "cannot become %s: %s", name, strerror(errno));
    return OK;
}

/* All descriptors allowed. Threads run as a batch: one that wakes up does not cut in on the one
 * that works, which cost a tenth of a busy machine's time. Where that is forbidden it only goes
 * slower. */
static void limit_process(void)
{
    struct sched_param batch = {0};
    struct rlimit files;

    sched_setscheduler(0, SCHED_BATCH, &batch);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* What one request gives back is the next one's: from the kernel it would come page by page, each
 * to be cleared and mapped anew. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT_MEMORY);
    mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
}

static void note(enum notice_kind kind, struct str words)
{
    struct notice n = {.kind = kind, .at_us = clock_now_us(), .request = uuid_v7()};

    snprintf(n.text, sizeof(n.text), "%.*s", STR_ARG(words));
    notice_leave(&n);
}

/* Application Activity (IHE ITI TF-2 3.20; DICOM PS3.15 A.5.3.1). By its digest a start with
 * another configuration shows. */
static void note_activity(struct serving *s, enum notice_kind kind, const char *words)
{
    note(kind, str_printf(&s->arena, "%s: %.*s, process %d, configuration %.*s", words,
                          STR_ARG(s->hub.endpoint), (int)getpid(), STR_ARG(s->configuration)));
}

/* A hub whose clock is wrong, for tests of what that does (tests/e2e/chaos.py). */
static void shift_clock(void)
{
    const char *ms = getenv("CAUSEWAY_TEST_CLOCK_MS");

    if (ms == NULL)
        return;
    clock_shift_for_tests(strtoll(ms, NULL, 10) * 1000);
    log_warn("clock_shifted", "CAUSEWAY_TEST_CLOCK_MS=%s: for tests alone", ms);
}

static enum status start(struct serving *s, struct errors *err)
{
    const unsigned char *master_key;
    const struct callout_settings calls = callout_settings_of(s->hub.config);

    limit_process();
    keep_memory();
    shift_clock();
    TRY(open_network(s, err));
    TRY(become_user(s->hub.config->user, err));
    TRY(confine(err));
    name_endpoint(s);
    TRY(hub_master_key(s->hub.config, &master_key, err));
    audit_init(master_key);
    outbox_init(master_key);
    s->configuration = config_digest(&s->arena, s->hub.config, master_key);
    TRY(start_modules(&s->hub, err));
    TRY(read_database(s, err));
    s->hub.callout = callout_new(&calls);
    s->hub.audit_group = s->hub.config->audit_group_commit ? audit_group_new() : NULL;
    TRY(start_workers(s, LANE_MEMBERS, s->hub.config->workers, err));
    TRY(start_workers(s, LANE_ADMIN, ADMIN_WORKERS, err));
    if (s->hub.syslog_listener >= 0)
        TRY(start_workers(s, LANE_SYSLOG, s->hub.config->syslog_workers, err));
    s->keeper = keeper_start(&s->hub, err);
    if (s->keeper == NULL)
        return err->status;
    s->sender = outbox_sender_start(&s->hub, err);
    if (s->sender == NULL)
        return err->status;
    s->forward = audit_forward_start(&s->hub, err);
    if (s->forward == NULL)
        return err->status;
    if (s->syslog_udp != NULL)
        TRY(syslog_udp_start(s->syslog_udp, &s->hub, err));
    note_activity(s, NOTICE_STARTED, "110120 Application Start");
    net_start(s->hub.net);
    return OK;
}

static void stop(struct serving *s)
{
    if (s->hub.net != NULL && s->keeper != NULL &&
        !net_drain(s->hub.net, s->hub.config->drain_seconds * US_PER_SECOND))
        log_warn("drain_cut", "connections were cut after drain_seconds");
    if (s->hub.callout != NULL)
        callout_stop(s->hub.callout); /* what waits goes back to the workers */
    for (int i = 0; i < LANES; i++)
        queue_close(s->hub.lanes[i]);
    for (size_t i = 0; i < s->worker_count; i++)
        worker_join(s->workers[i]);
    syslog_udp_stop(s->syslog_udp);
    if (s->sender != NULL)
        outbox_sender_stop(s->sender);
    if (s->forward != NULL)
        audit_forward_stop(s->forward);
    if (s->keeper != NULL) {
        note_activity(s, NOTICE_STOPPED, "110121 Application Stop");
        keeper_stop(s->keeper);
    }
    if (s->hub.net != NULL)
        net_server_free(s->hub.net);
    stop_modules(&s->hub);
    if (s->hub.callout != NULL)
        callout_free(s->hub.callout);
    audit_group_free(s->hub.audit_group);
    for (int i = 0; i < LANES; i++)
        queue_free(s->hub.lanes[i]);
    if (s->hub.directory != NULL)
        member_directory_release(s->hub.directory);
    arena_dispose(&s->arena);
}

static enum status write_ready_file(struct serving *s, const char *path, struct errors *err)
{
    const struct config *c = s->hub.config;
    struct str temporary = str_printf(&s->arena, "%s.new", path);
    struct str udp =
        s->syslog_udp == NULL ? STR("") : with_port(s, c->syslog_udp_listen, s->syslog_udp_port);
    FILE *f = fopen(temporary.p, "we");

    if (f == NULL)
        return fail(err, INVALID, "ready_file", "%s: %s", temporary.p, strerror(errno));
    fprintf(f,
            "{\"pid\": %d, \"listen\": \"%s\", \"mllp_listen\": \"%s\", \"admin_listen\": \"%s\","
            " \"syslog_listen\": \"%s\", \"syslog_udp_listen\": \"%s\"}\n",
            (int)getpid(), actual_address(s, c->listen, s->hub.member_listener).p,
            actual_address(s, c->mllp_listen, s->hub.mllp_listener).p,
            actual_address(s, c->admin_listen, s->hub.admin_listener).p,
            actual_address(s, c->syslog_listen, s->hub.syslog_listener).p, udp.p);
    if (fclose(f) != 0 || rename(temporary.p, path) != 0)
        return fail(err, UPSTREAM, "ready_file", "%s: %s", path, strerror(errno));
    return OK;
}

/* systemd's Type=notify, without its library: one datagram (sd_notify(3)). */
static void notify_supervisor(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (path == NULL || strlen(path) >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, strlen(path) + 1);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
        log_warn("notify_failed", "reason=%s", strerror(errno));
    close(fd);
}

static void reload(struct serving *s)
{
    struct net_tls_settings tls = tls_settings_of(s->hub.config);
    struct errors err;
    struct arena a;

    arena_init(&a);
    errors_init(&err, &a);
    if (net_tls_reload(s->hub.net, &tls, &err) == OK) {
        log_info("tls_reloaded", "certificate=%s", tls.certificate_file);
        note(NOTICE_RELOADED, str_printf(&a, "Certificates, CAs and CRLs were read again: %s",
                                         tls.certificate_file));
    } else {
        log_error("tls_reload_failed", "kept=old reason=%.*s", STR_ARG(err.first->text));
    }
    arena_dispose(&a);
}

static sigset_t block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

static void wait_for_the_end(struct serving *s, const sigset_t *signals)
{
    int sig = 0;

    while (sigwait(signals, &sig) == 0 && sig == SIGHUP)
        reload(s);
    log_info("stopping", "signal=%s", strsignal(sig));
    notify_supervisor("STOPPING=1");
}

enum status hub_serve(const struct config *config, const struct hub_module *const *modules,
                      const char *ready_file, struct errors *err)
{
    struct serving s = {.hub = {.config = config, .modules = modules}};
    sigset_t signals = block_signals();
    enum status status;

    arena_init(&s.arena);
    pthread_mutex_init(&s.hub.directory_lock, NULL);
    for (int i = 0; i < LANES; i++)
        s.hub.lanes[i] = queue_new(i == LANE_SYSLOG ? (size_t)config->max_connections
                                                    : (size_t)config->queue_length);
    status = start(&s, err);
    if (status == OK && ready_file != NULL)
        status = write_ready_file(&s, ready_file, err);
    if (status == OK) {
        log_info("serving", "endpoint=%.*s workers=%zu", STR_ARG(s.hub.endpoint), s.worker_count);
        notify_supervisor("READY=1");
        wait_for_the_end(&s, &signals);
    }
    stop(&s);
    return status;
}
