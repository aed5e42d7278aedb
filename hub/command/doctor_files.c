#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "hub/certificate.h"
#include "hub/command/doctor.h"
#include "hub/hub.h"

#define GIGABYTE (1024.0 * 1024 * 1024)

/* A key that others than its owner may read is everyone's. */
static void key_mode(struct doctor *d, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return; /* said by who reads it */
    if ((st.st_mode & 077) != 0)
        doctor_say(d, DOCTOR_PROBLEM, "chmod 600 it, and consider it known to others",
                   "%s: others may read it (mode %04o)", path, (unsigned)st.st_mode & 07777u);
}

static void key_fits(struct doctor *d, const struct certificate *c)
{
    bool matches;

    if (certificate_key_matches(c, d->config.tls_key, &matches, d->args.err) != OK) {
        doctor_say_failures(d, "set tls_key to the key that belongs to tls_certificate");
        return;
    }
    if (!matches)
        doctor_say(d, DOCTOR_PROBLEM, "set tls_key to the key that belongs to tls_certificate",
                   "%s is not the key of %s", d->config.tls_key, d->config.tls_certificate);
    key_mode(d, d->config.tls_key);
}

/* Members decide whom they trust; what neither our CAs nor this machine vouches for is odd. */
static void chain(struct doctor *d, const struct certificate *c)
{
    struct certificate_trust ours = {.ca_file = d->config.tls_ca}, machines = {.ca_file = NULL};
    const char *fault = NULL;

    if (d->config.tls_ca[0] != '\0')
        fault = certificate_chain_fault(c, &ours, CERTIFICATE_SERVER, d->now_us);
    if (d->config.tls_ca[0] == '\0' || fault != NULL) {
        const char *other = certificate_chain_fault(c, &machines, CERTIFICATE_SERVER, d->now_us);

        fault = other == NULL ? NULL : fault != NULL ? fault : other;
    }
    if (fault != NULL)
        doctor_say(d, DOCTOR_WARNING,
                   "put its intermediates into the same file; members must trust its issuer",
                   "neither tls_ca nor this machine vouches for it: %s", fault);
}

void doctor_certificate(struct doctor *d)
{
    const char *path = d->config.tls_certificate;
    struct certificate c;

    if (certificate_read(d->args.arena, path, &c, d->args.err) != OK) {
        doctor_say_failures(d, "set tls_certificate to the hub's certificate chain (PEM)");
        return;
    }
    doctor_say_expiry(
        d, c.subject, c.not_after_us,
        "get a new one, put it in its place and `systemctl reload causeway` (SIGHUP)");
    if (c.not_before_us > d->now_us)
        doctor_say(d, DOCTOR_PROBLEM, "check this machine's clock", "it is not valid yet");
    key_fits(d, &c);
    if (c.not_after_us >= d->now_us)
        chain(d, &c);
}

void doctor_authorities(struct doctor *d)
{
    struct certificate *all;
    size_t count;

    if (d->config.tls_ca[0] == '\0') {
        doctor_say(d, DOCTOR_FINE, NULL, "none: members' certificates are trusted directly");
        return;
    }
    if (certificates_read(d->args.arena, d->config.tls_ca, &all, &count, d->args.err) != OK) {
        doctor_say_failures(d, "set tls_ca to a PEM file of CAs, or leave it empty");
        return;
    }
    for (size_t i = 0; i < count; i++)
        doctor_say_expiry(d, all[i].subject, all[i].not_after_us,
                          "get the CA's new certificate; its members are refused afterwards");
}

static bool covered(const struct certificate *ca, const struct revocation_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (revocation_list_covers(&lists[i], ca))
            return true;
    return false;
}

/* With tls_crl every CA needs a list: the handshake refuses whom it cannot check. */
static void lists_cover_authorities(struct doctor *d, const struct revocation_list *lists,
                                    size_t count)
{
    struct certificate *all;
    size_t authorities = 0;

    if (d->config.tls_ca[0] == '\0' ||
        certificates_read(d->args.arena, d->config.tls_ca, &all, &authorities, d->args.err) != OK)
        errors_init(d->args.err, d->args.arena); /* said by doctor_authorities */
    for (size_t i = 0; i < authorities; i++)
        if (!covered(&all[i], lists, count))
            doctor_say(d, DOCTOR_PROBLEM, "add its list to tls_crl: its members are refused",
                       "no list of %.*s", STR_ARG(all[i].subject));
}

void doctor_revocation(struct doctor *d)
{
    static const char advice[] =
        "fetch the CA's current list and `systemctl reload causeway` (SIGHUP); do so regularly";
    struct revocation_list *lists;
    size_t count;

    if (d->config.tls_crl[0] == '\0') {
        doctor_say(d, DOCTOR_FINE, NULL, "none (tls_crl): to shut a member out, suspend it");
        return;
    }
    if (revocation_lists_read(d->args.arena, d->config.tls_crl, &lists, &count, d->args.err) !=
        OK) {
        doctor_say_failures(d, "set tls_crl to a PEM file of revocation lists, or leave it empty");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t next = lists[i].next_update_us;

        if (next < d->now_us)
            doctor_say(d, DOCTOR_PROBLEM, advice, "the list of %.*s is out of date since %.10s",
                       STR_ARG(lists[i].issuer), clock_iso(d->args.arena, next).p);
        else
            doctor_say(d, DOCTOR_FINE, NULL, "the list of %.*s is current",
                       STR_ARG(lists[i].issuer));
    }
    lists_cover_authorities(d, lists, count);
}

void doctor_master_key(struct doctor *d)
{
    const unsigned char *key;

    if (hub_master_key(&d->config, &key, d->args.err) == OK)
        doctor_say(d, DOCTOR_FINE, NULL, "32 bytes that only their owner may read");
    else
        doctor_say_failures(d, "restore it from its safe copy; on a new hub, `causeway doctor "
                               "--make-key FILE`");
}

/* Can a document be made durable here? Tries it with an empty file. */
static bool writable(struct doctor *d)
{
    const char *path =
        str_printf(d->args.arena, "%s/.doctor-%d", d->config.store_dir, (int)getpid()).p;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int fault = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    if (fault != 0)
        doctor_say(d, DOCTOR_PROBLEM, "make it, and give it to the service's user with mode 700",
                   "%s: cannot be written to: %s", d->config.store_dir, strerror(fault));
    return fault == 0;
}

static void space(struct doctor *d)
{
    struct statvfs fs;
    double free_bytes, share;
    enum doctor_level level;

    if (statvfs(d->config.store_dir, &fs) != 0)
        return;
    free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
    share = fs.f_blocks > 0 ? (double)fs.f_bavail / (double)fs.f_blocks : 1;
    level = free_bytes < GIGABYTE ? DOCTOR_PROBLEM : share < 0.1 ? DOCTOR_WARNING : DOCTOR_FINE;
    doctor_say(d, level,
               level != DOCTOR_FINE ? "give it more room: without, every submission is refused"
                                    : NULL,
               "%s: %.1f GB free (%.0f %%)", d->config.store_dir, free_bytes / GIGABYTE,
               100 * share);
    if (fs.f_files > 0 && (double)fs.f_favail < 0.05 * (double)fs.f_files)
        doctor_say(d, DOCTOR_WARNING, "a document is a file: use a file system with more inodes",
                   "%s: few inodes are left", d->config.store_dir);
}

/* Root may write anywhere; the service, which gives root up, may not. */
static void owner(struct doctor *d, const struct stat *st)
{
    const struct passwd *user;

    if (geteuid() != 0 || d->config.user[0] == '\0')
        return;
    user = getpwnam(d->config.user);
    if (user == NULL)
        doctor_say(d, DOCTOR_PROBLEM, "make the user, or set `user` to another",
                   "there is no user %s", d->config.user);
    else if (user->pw_uid != st->st_uid)
        doctor_say(d, DOCTOR_PROBLEM, "chown it to the service's user", "%s is not owned by %s",
                   d->config.store_dir, d->config.user);
}

void doctor_store(struct doctor *d)
{
    struct stat st;

    if (!writable(d) || stat(d->config.store_dir, &st) != 0)
        return;
    owner(d, &st);
    if ((st.st_mode & 027) != 0)
        doctor_say(d, DOCTOR_WARNING, "chmod 700 it", "%s: others may look in (mode %04o)",
                   d->config.store_dir, (unsigned)st.st_mode & 07777u);
    space(d);
}

/* Listeners, database connections, documents under way, logs. */
enum { OTHER_DESCRIPTORS = 256 };

void doctor_descriptors(struct doctor *d)
{
    int64_t wanted = d->config.max_connections + 4 * d->config.workers + OTHER_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max != RLIM_INFINITY && (int64_t)limit.rlim_max < wanted)
        doctor_say(d, DOCTOR_WARNING,
                   "set LimitNOFILE in the service (the packaged one does), or lower "
                   "max_connections",
                   "this session may open %lld, max_connections = %lld wants %lld",
                   (long long)limit.rlim_max, (long long)d->config.max_connections,
                   (long long)wanted);
    else
        doctor_say(d, DOCTOR_FINE, NULL, "enough for max_connections = %lld",
                   (long long)d->config.max_connections);
}
