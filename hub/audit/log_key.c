#include "hub/audit/log_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/hex.h"

static const struct str PRIVATE = {"PRIVATE+KEY+", 12};

enum { KEY_FILE_MAX = 1024 };

/* --- files --------------------------------------------------------------------------------- */

static bool read_all(int fd, char *p, size_t max, size_t *n)
{
    ssize_t got = 1;

    for (*n = 0; *n < max && got > 0; *n += got > 0 ? (size_t)got : 0)
        got = read(fd, p + *n, max - *n);
    return got >= 0;
}

enum status log_file_read(struct arena *a, const char *file, size_t max, struct str *out,
                          struct errors *err)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *p = arena_bytes(a, max + 1);
    bool whole;
    size_t n;

    if (fd < 0)
        return fail(err, errno == ENOENT ? NOT_FOUND : UPSTREAM, "file", "%s: %s", file,
                    strerror(errno));
    whole = read_all(fd, p, max + 1, &n);
    close(fd);
    if (!whole)
        return fail(err, UPSTREAM, "file", "%s: %s", file, strerror(errno));
    if (n > max)
        return fail(err, INVALID, "file", "%s: larger than %zu bytes", file, max);
    *out = str_of(p, n);
    return OK;
}

static bool write_all(int fd, struct str bytes)
{
    size_t done = 0;

    while (done < bytes.n) {
        ssize_t n = write(fd, bytes.p + done, bytes.n - done);

        if (n < 0)
            return false;
        done += (size_t)n;
    }
    return fsync(fd) == 0;
}

static bool sync_folder(struct arena *a, const char *file)
{
    const char *slash = strrchr(file, '/');
    struct str folder = slash != NULL ? str_of(file, (size_t)(slash - file + 1)) : STR(".");
    int fd = open(str_c(a, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return synced;
}

enum status log_file_write(struct arena *a, const char *file, struct str bytes, unsigned mode,
                           struct errors *err)
{
    const char *draft = str_printf(a, "%s.%d", file, (int)getpid()).p;
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    bool written;

    if (fd < 0)
        return fail(err, UPSTREAM, "file", "%s: %s", draft, strerror(errno));
    written = write_all(fd, bytes);
    close(fd);
    if (written && rename(draft, file) == 0 && sync_folder(a, file))
        return OK;
    fail(err, UPSTREAM, "file", "%s: %s", file, strerror(errno));
    unlink(draft);
    return UPSTREAM;
}

/* --- keys ---------------------------------------------------------------------------------- */

static struct str private_text(struct arena *a, const struct note_key *key,
                               const unsigned char *secret)
{
    unsigned char bytes[1 + crypto_sign_SEEDBYTES] = {(unsigned char)key->type};
    struct str text;

    memcpy(bytes + 1, secret, crypto_sign_SEEDBYTES);
    text = note_base64(a, str_of(bytes, sizeof(bytes)));
    sodium_memzero(bytes, sizeof(bytes));
    return str_printf(a, "%.*s%.*s+%08x+%.*s\n", STR_ARG(PRIVATE), STR_ARG(key->name),
                      (unsigned)key->id, STR_ARG(text));
}

static enum status must_be_new(const char *file, struct errors *err)
{
    if (access(file, F_OK) != 0)
        return OK;
    return fail(err, CONFLICT, "key", "%s is there already; a log keeps its key", file);
}

enum status log_key_make(struct arena *a, const char *file, struct str name,
                         enum note_key_type type, struct note_key *out, struct errors *err)
{
    const char *public_file = str_printf(a, "%s.pub", file).p;
    unsigned char public_key[NOTE_PUBLIC_KEY], secret[NOTE_SECRET_KEY];
    struct str text;
    enum status status;

    if (!note_key_name_valid(name))
        return fail(err, INVALID, "key",
                    "'%.*s' is no key name: printable ASCII without spaces and +", STR_ARG(name));
    TRY(must_be_new(file, err));
    TRY(must_be_new(public_file, err));
    crypto_sign_keypair(public_key, secret);
    *out = note_key_of(name, type, public_key);
    text = private_text(a, out, secret);
    sodium_memzero(secret, sizeof(secret));
    status = log_file_write(a, file, text, 0600, err);
    sodium_memzero((char *)text.p, text.n);
    if (status != OK)
        return status;
    text = note_key_text(a, out);
    return log_file_write(a, public_file, str_printf(a, "%.*s\n", STR_ARG(text)), 0644, err);
}

static enum status check_owner(const char *file, struct errors *err)
{
    struct stat st;

    if (stat(file, &st) != 0)
        return fail(err, errno == ENOENT ? NOT_FOUND : UPSTREAM, "key",
                    "%s: %s; `causeway audit key` makes one", file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(err, INVALID, "key", "%s: not a file", file);
    if (st.st_uid != geteuid())
        return fail(err, INVALID, "key", "%s: belongs to another user than the one that signs",
                    file);
    if ((st.st_mode & 077) != 0)
        return fail(err, INVALID, "key",
                    "%s: others may read it (mode %04o); chmod 600 it, and consider it known", file,
                    (unsigned)st.st_mode & 07777u);
    return OK;
}

/* NAME+KEYID+BASE64 after the words that say it is private. */
static bool private_parse(struct arena *a, struct str text, struct log_key *out)
{
    struct str rest = text, name, id, bytes;
    unsigned char public_key[NOTE_PUBLIC_KEY];

    if (!str_starts(text, PRIVATE))
        return false;
    rest = str_slice(text, PRIVATE.n, text.n);
    name = str_cut(&rest, '+');
    id = str_cut(&rest, '+');
    if (!note_key_name_valid(name) || rest.p == NULL || !base64_decode(a, rest, &bytes) ||
        bytes.n != 1 + crypto_sign_SEEDBYTES ||
        (bytes.p[0] != NOTE_LOG && bytes.p[0] != NOTE_COSIGNER))
        return false;
    crypto_sign_seed_keypair(public_key, out->secret, (const unsigned char *)bytes.p + 1);
    out->public = note_key_of(str_dup(a, name), (enum note_key_type)bytes.p[0], public_key);
    sodium_memzero((char *)bytes.p, bytes.n);
    return str_eq(id, str_printf(a, "%08x", (unsigned)out->public.id));
}

enum status log_key_read(struct arena *a, const char *file, struct log_key *out, struct errors *err)
{
    struct str text;

    TRY(check_owner(file, err));
    TRY(log_file_read(a, file, KEY_FILE_MAX, &text, err));
    out->secret = sodium_malloc(NOTE_SECRET_KEY);
    must(out->secret != NULL, "locked memory");
    if (!private_parse(a, str_trim(text), out))
        return fail(err, INVALID, "key", "%s: not a key that `causeway audit key` made", file);
    sodium_mprotect_readonly(out->secret);
    sodium_memzero((char *)text.p, text.n);
    return OK;
}

enum status log_key_public(struct arena *a, const char *given, struct note_key *out,
                           struct errors *err)
{
    struct str text = str_from(given);

    if (note_key_parse(a, text, out))
        return OK;
    TRY(log_file_read(a, given, KEY_FILE_MAX, &text, err));
    if (note_key_parse(a, str_trim(text), out))
        return OK;
    return fail(err, INVALID, "key",
                "%s: not a public key (NAME+KEYID+BASE64, as `causeway audit key` writes FILE.pub)",
                given);
}
