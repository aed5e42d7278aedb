#include "xds/blob_pack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    LEVEL = 1,         /* CDA becomes a sixth; higher levels cost more time than they save */
    WORTH_IT = 4096,   /* a file takes a block anyhow */
    LOOKED_AT = 4096,  /* bytes of the first frame */
    SCRATCH = 1 << 16, /* a frame that does not fit there packed is kept as it is */
};

/* One of each a thread. */
struct packer {
    ZSTD_CCtx *in;
    ZSTD_DCtx *out;
    unsigned char scratch[SCRATCH];
};

static pthread_key_t packers;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void packer_free(void *p)
{
    struct packer *packer = p;

    ZSTD_freeCCtx(packer->in);
    ZSTD_freeDCtx(packer->out);
    free(packer);
}

static void make_key(void)
{
    must(pthread_key_create(&packers, packer_free) == 0, "no key for the threads' packers");
}

static struct packer *packer(void)
{
    struct packer *p;

    pthread_once(&once, make_key);
    p = pthread_getspecific(packers);
    if (p != NULL)
        return p;
    p = calloc(1, sizeof(*p));
    must(p != NULL, "out of memory");
    p->in = ZSTD_createCCtx();
    p->out = ZSTD_createDCtx();
    must(p->in != NULL && p->out != NULL, "out of memory");
    must(pthread_setspecific(packers, p) == 0, "out of memory");
    return p;
}

bool blob_pack_helps(const unsigned char *bytes, size_t n)
{
    if (n < WORTH_IT)
        return false;
    for (size_t i = 0; i < LOOKED_AT; i++)
        if (bytes[i] < ' ' && bytes[i] != '\n' && bytes[i] != '\r' && bytes[i] != '\t')
            return false;
    return true;
}

static void write_length(unsigned char *to, size_t n)
{
    for (int i = 0; i < BLOB_PACK_LENGTH; i++)
        to[i] = (unsigned char)(n >> (8 * (BLOB_PACK_LENGTH - 1 - i)));
}

size_t blob_pack_length(const unsigned char length[BLOB_PACK_LENGTH])
{
    size_t n = 0;

    for (int i = 0; i < BLOB_PACK_LENGTH; i++)
        n = n << 8 | length[i];
    return n;
}

size_t blob_pack_frame(unsigned char *bytes, size_t n)
{
    struct packer *p = packer();
    size_t packed = n > 0 ? ZSTD_compressCCtx(p->in, p->scratch, SCRATCH, bytes, n, LEVEL) : 0;

    if (ZSTD_isError(packed) || packed >= n) {
        memmove(bytes + BLOB_PACK_LENGTH, bytes, n);
        packed = n;
    } else {
        memcpy(bytes + BLOB_PACK_LENGTH, p->scratch, packed);
    }
    write_length(bytes, packed);
    return packed;
}

bool blob_unpack_frame(const unsigned char *bytes, size_t n, unsigned char *to, size_t size)
{
    if (n == size) {
        memcpy(to, bytes, n);
        return true;
    }
    return n < size && ZSTD_decompressDCtx(packer()->out, to, size, bytes, n) == size;
}
