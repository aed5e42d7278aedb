/* A ZIP archive, written front to back: stored files, with the ZIP64 fields that large ones need
 * (PKWARE APPNOTE 6.3.4, sections 4.3 and 4.5.3). The output must be seekable. One thread. */
#pragma once

#include "hub/base/err.h"
#include "hub/base/str.h"

struct zip {
    int fd;
    struct arena *arena; /* of the directory, until zip_end */
    struct strbuf directory;
    uint64_t at, entries; /* bytes and files written */
    /* The file that is open. */
    uint64_t begun_at, size;
    uint32_t crc;
    struct str name;
    uint16_t date, time;
    bool failed;
};

/* `fd` is borrowed, at its beginning. The instant stands as every file's time, in UTC. */
void zip_begin(struct zip *z, struct arena *a, int fd, int64_t at_us);
/* `name` with '/' between folders, ASCII; borrowed until zip_end. */
void zip_open(struct zip *z, struct str name);
void zip_write(struct zip *z, struct str bytes);
void zip_close(struct zip *z);
/* The directory. UPSTREAM when any write failed; errno says why. */
enum status zip_end(struct zip *z) MUST_CHECK;
