/* Requests to an S3 server: signed by libcurl (SigV4), over verified TLS, within time limits, and
 * tried again where that cannot hurt. Credentials are read from a file and never logged.
 *
 * Any thread; each call borrows one of the connections that are kept. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"
#include "hub/base/str.h"
#include "hub/config.h"

enum { S3_MD5 = 16, S3_ETAG_MAX = 80, S3_ATTEMPTS = 4 };

struct s3;

/* Reads s3_endpoint, s3_bucket, s3_region, s3_credentials and s3_ca, and asks whether the bucket is
 * there. Plain http is taken for loopback addresses alone. */
enum status s3_open(const struct config *config, struct s3 **out, struct errors *err) MUST_CHECK;
void s3_free(struct s3 *s);

struct s3_call {
    /* What is asked. */
    const char *method;
    struct str key;    /* of the object; empty: the bucket itself */
    const char *query; /* sorted and encoded, "uploads="; NULL: none */
    const char *range; /* "0-131071"; NULL: all */
    int fd;            /* the body, when length > 0: of this file, which may be read again, */
    uint64_t offset, length;
    struct str text; /* or this */
    /* The answer: to this file, from its beginning on; -1: to `answer`. */
    int to_fd;
    struct strbuf *answer; /* capped; NULL: it is dropped */
    int http_status;
    char etag[S3_ETAG_MAX];
    uint64_t size; /* of the whole object: Content-Range, else Content-Length */
};

/* All of it unset: to be filled by name. */
#define S3_CALL(...) ((struct s3_call){.fd = -1, .to_fd = -1, __VA_ARGS__})

/* OK: 2xx. NOT_FOUND: 404. UPSTREAM: everything else, when all attempts have failed (logged, by
 * method, key and HTTP status). */
enum status s3_perform(struct s3 *s, struct s3_call *c) MUST_CHECK;
