/* The reader of blobs over arbitrary bytes: it never crashes, and gives no byte that was not
 * authenticated. The first byte of the input says what is done with the rest:
 *   even: the rest stands in the store in place of a blob;
 *   odd:  a true blob is spoiled: the rest is a list of (position, bits) of three bytes each.
 * Its second bit says whether the true blob is of text, and so packed. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/log.h"
#include "tests/fuzz/fuzz.h"
#include "xds/blob.h"

enum { DOCUMENT = BLOB_FRAME + 300 };

FUZZ_PREPARE((log_set_level(LOG_ERROR + 1), sodium_init() >= 0))

static struct blob_ref stored(struct blobs *b, struct arena *a, bool text)
{
    struct blob_writer *w = blob_begin(b, a);
    const struct blob_info *info;
    char bytes[DOCUMENT];

    memset(bytes, text ? 'x' : '\1', sizeof(bytes));
    must(blob_write(w, str_of(bytes, sizeof(bytes))) == OK && blob_end(w) == OK &&
             blob_commit(&w, 1) == OK,
         "a memory store fails");
    blob_keep(w);
    info = blob_info_of(w);
    return (struct blob_ref){info->id, str_of(info->wrapped_key, BLOB_WRAPPED_KEY), info->size,
                             info->stored_size};
}

/* Puts the input where the blob's bytes are, and takes the size that would fit it. */
static void replace(unsigned char *bytes, size_t *size, const uint8_t *data, size_t n,
                    struct blob_ref *ref)
{
    size_t frames;

    if (n > *size)
        n = *size;
    memcpy(bytes, data, n);
    *size = n;
    if (ref->stored_size > 0) {
        ref->stored_size = n;
    } else if (n >= BLOB_HEADER + BLOB_TAG) {
        frames = (n - BLOB_HEADER + BLOB_FRAME + BLOB_TAG - 1) / (BLOB_FRAME + BLOB_TAG);
        ref->size = n - BLOB_HEADER - frames * BLOB_TAG;
    }
}

/* True when something changed. */
static bool spoil(unsigned char *bytes, size_t size, const uint8_t *data, size_t n)
{
    unsigned char *before = malloc(size);
    bool changed;

    memcpy(before, bytes, size);
    for (; n >= 3; data += 3, n -= 3)
        bytes[(data[0] * 256u + data[1]) * 97 % size] ^= data[2];
    changed = memcmp(before, bytes, size) != 0;
    free(before);
    return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const unsigned char master[32] = {7};
    struct blobs *b;
    struct arena a;
    struct blob_ref ref;
    struct str got;
    unsigned char *bytes;
    size_t *size;
    bool changed = true;

    if (n < 1)
        return 0;
    b = blobs_new(store_mem_new(), master);
    arena_init(&a);
    ref = stored(b, &a, (data[0] & 2) != 0);
    bytes = store_mem_bytes(blobs_store(b), ref.id, &size);
    if (data[0] % 2 == 0)
        replace(bytes, size, data + 1, n - 1, &ref);
    else
        changed = spoil(bytes, *size, data + 1, n - 1);
    must((blob_read(b, &a, &ref, &got) == OK) == !changed, "the reader believes what is not so");
    arena_dispose(&a);
    blobs_free(b);
    return 0;
}
