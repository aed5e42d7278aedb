#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/hub.h"

enum { MASTER_KEY_BYTES = 32 };

static enum status check_file(int fd, const char *path, struct errors *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(err, INVALID, "master_key", "%s: not a file", path);
    if ((st.st_mode & 077) != 0)
        return fail(err, INVALID, "master_key",
                    "%s: others may read it (mode %04o); chmod 600 it, and consider it known", path,
                    (unsigned)st.st_mode & 07777u);
    if (st.st_size != MASTER_KEY_BYTES)
        return fail(err, INVALID, "master_key",
                    "%s: has %lld bytes, not 32; `causeway doctor --make-key FILE` makes one", path,
                    (long long)st.st_size);
    return OK;
}

static enum status read_key(int fd, const char *path, unsigned char *key, struct errors *err)
{
    TRY(check_file(fd, path, err));
    if (read(fd, key, MASTER_KEY_BYTES) != MASTER_KEY_BYTES)
        return fail(err, UPSTREAM, "master_key", "%s: %s", path, strerror(errno));
    return OK;
}

enum status hub_key_file(const char *path, const unsigned char **key, struct errors *err)
{
    unsigned char *bytes;
    enum status s;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(err, INVALID, "master_key", "%s: %s; `causeway doctor --make-key %s` makes one",
                    path, strerror(errno), path);
    bytes = sodium_malloc(MASTER_KEY_BYTES);
    must(bytes != NULL, "no locked memory for the master key");
    s = read_key(fd, path, bytes, err);
    close(fd);
    if (s != OK) {
        sodium_free(bytes);
        return s;
    }
    sodium_mprotect_readonly(bytes);
    *key = bytes;
    return OK;
}

enum status hub_master_key(const struct config *config, const unsigned char **key,
                           struct errors *err)
{
    static const unsigned char *known; /* one process, one key: the modules' init ask in turn */

    if (known == NULL)
        TRY(hub_key_file(config->master_key, &known, err));
    *key = known;
    return OK;
}
