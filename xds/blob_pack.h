/* Frames of text, compressed by zstd, each by itself: a reader needs no more memory than a frame,
 * and what a frame may become is known before it is unpacked. Any thread. */
#pragma once

#include "hub/base/err.h"
#include "xds/blob.h"

enum {
    BLOB_PACK_LENGTH = 4, /* in front of each packed frame: how many bytes follow, big-endian */
};

/* Is it worth it? `bytes` is the first frame of a document: text, and not a little of it. */
bool blob_pack_helps(const unsigned char *bytes, size_t n);

/* Packs n plain bytes (up to BLOB_FRAME) in place: the length, then what is to be encrypted. Bytes
 * that do not become less stay as they are, and their length says so. Wants BLOB_PACK_LENGTH bytes
 * of room behind. Returns the bytes that follow the length. */
size_t blob_pack_frame(unsigned char *bytes, size_t n);

/* How many bytes follow; more than BLOB_FRAME is not a length. */
size_t blob_pack_length(const unsigned char length[BLOB_PACK_LENGTH]);

/* Unpacks to exactly `size` bytes, or says that these are not a frame of that size. */
bool blob_unpack_frame(const unsigned char *bytes, size_t n, unsigned char *to,
                       size_t size) MUST_CHECK;
