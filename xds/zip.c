#include "xds/zip.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    VERSION_ZIP64 = 45,
    LOCAL_HEAD = 30,
    LOCAL_EXTRA = 20, /* ZIP64: size and stored size */
};

#define CRC_POLYNOMIAL 0xEDB88320u

static uint32_t crc_table[256];

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c & 1) != 0 ? CRC_POLYNOMIAL ^ (c >> 1) : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t crc_add(uint32_t crc, struct str bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.n; i++)
        crc = crc_table[(crc ^ (unsigned char)bytes.p[i]) & 0xff] ^ (crc >> 8);
    return ~crc;
}

/* --- numbers, little-endian --------------------------------------------------------------- */

static void add(struct strbuf *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        strbuf_addc(b, (char)(value >> (8 * i)));
}

static void write_at(struct zip *z, uint64_t at, struct str bytes)
{
    while (bytes.n > 0 && !z->failed) {
        ssize_t n = pwrite(z->fd, bytes.p, bytes.n, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        z->failed = n <= 0;
        if (n <= 0)
            return;
        bytes = str_slice(bytes, (size_t)n, bytes.n);
        at += (uint64_t)n;
    }
}

static void write_on(struct zip *z, struct str bytes)
{
    write_at(z, z->at, bytes);
    z->at += bytes.n;
}

/* --- files -------------------------------------------------------------------------------- */

void zip_begin(struct zip *z, struct arena *a, int fd, int64_t at_us)
{
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm t;

    make_crc_table();
    gmtime_r(&seconds, &t);
    *z = (struct zip){.fd = fd, .arena = a, .directory = strbuf_on(a, 4096)};
    z->date = (uint16_t)((unsigned)(t.tm_year - 80) << 9 | (unsigned)(t.tm_mon + 1) << 5 |
                         (unsigned)t.tm_mday);
    z->time =
        (uint16_t)((unsigned)t.tm_hour << 11 | (unsigned)t.tm_min << 5 | (unsigned)t.tm_sec / 2);
}

/* What local header and directory share, from the version on. The sizes stand in the ZIP64 field.
 */
static void add_description(const struct zip *z, struct strbuf *b, size_t extra)
{
    add(b, VERSION_ZIP64, 2);
    add(b, 0, 2); /* flags */
    add(b, 0, 2); /* stored */
    add(b, z->time, 2);
    add(b, z->date, 2);
    add(b, z->crc, 4);
    add(b, UINT32_MAX, 4);
    add(b, UINT32_MAX, 4);
    add(b, z->name.n, 2);
    add(b, extra, 2);
}

static void add_sizes(const struct zip *z, struct strbuf *b, size_t length)
{
    add(b, 1, 2); /* the ZIP64 field */
    add(b, length - 4, 2);
    add(b, z->size, 8);
    add(b, z->size, 8);
}

static struct str local_header(const struct zip *z)
{
    struct strbuf b = strbuf_on(z->arena, LOCAL_HEAD + z->name.n + LOCAL_EXTRA);

    strbuf_lit(&b, "PK\3\4");
    add_description(z, &b, LOCAL_EXTRA);
    strbuf_add(&b, z->name);
    add_sizes(z, &b, LOCAL_EXTRA);
    return strbuf_str(&b);
}

void zip_open(struct zip *z, struct str name)
{
    z->name = name;
    z->begun_at = z->at;
    z->size = 0;
    z->crc = 0;
    write_on(z, local_header(z));
}

void zip_write(struct zip *z, struct str bytes)
{
    z->crc = crc_add(z->crc, bytes);
    z->size += bytes.n;
    write_on(z, bytes);
}

void zip_close(struct zip *z)
{
    enum { EXTRA = 28 };
    struct strbuf *d = &z->directory;

    write_at(z, z->begun_at, local_header(z));
    strbuf_lit(d, "PK\1\2");
    add(d, VERSION_ZIP64, 2);
    add_description(z, d, EXTRA);
    add(d, 0, 2); /* comment */
    add(d, 0, 2); /* disk */
    add(d, 0, 2); /* internal attributes */
    add(d, 0, 4); /* external attributes */
    add(d, UINT32_MAX, 4);
    strbuf_add(d, z->name);
    add_sizes(z, d, EXTRA);
    add(d, z->begun_at, 8);
    z->entries++;
}

/* --- the directory ------------------------------------------------------------------------ */

static void add_end_64(const struct zip *z, struct strbuf *b, uint64_t directory_at)
{
    uint64_t here = z->at;

    strbuf_lit(b, "PK\6\6");
    add(b, 44, 8); /* what follows */
    add(b, VERSION_ZIP64, 2);
    add(b, VERSION_ZIP64, 2);
    add(b, 0, 4);
    add(b, 0, 4);
    add(b, z->entries, 8);
    add(b, z->entries, 8);
    add(b, z->directory.n, 8);
    add(b, directory_at, 8);
    strbuf_lit(b, "PK\6\7");
    add(b, 0, 4);
    add(b, here, 8);
    add(b, 1, 4);
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

enum status zip_end(struct zip *z)
{
    uint64_t directory_at = z->at;
    struct strbuf b = strbuf_on(z->arena, 128);

    write_on(z, strbuf_str(&z->directory));
    add_end_64(z, &b, directory_at);
    strbuf_lit(&b, "PK\5\6");
    add(&b, 0, 2);
    add(&b, 0, 2);
    add(&b, at_most(z->entries, UINT16_MAX), 2);
    add(&b, at_most(z->entries, UINT16_MAX), 2);
    add(&b, at_most(z->directory.n, UINT32_MAX), 4);
    add(&b, at_most(directory_at, UINT32_MAX), 4);
    add(&b, 0, 2);
    write_on(z, strbuf_str(&b));
    return z->failed ? UPSTREAM : OK;
}
