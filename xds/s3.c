#include "xds/s3.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/base/log.h"

enum {
    KEPT = 32,              /* connections that wait for the next call */
    CREDENTIALS_MAX = 1024, /* bytes of the file */
    ANSWER_MAX = 4 << 20,   /* of a list of 1,000 objects: some 400 kB */
    CONNECT_SECONDS = 10,
    STALL_SECONDS = 30, /* with less than STALL_BYTES a second */
    STALL_BYTES = 1024,
    BACK_OFF_US = 100 * 1000,
};

struct s3 {
    char *base;        /* https://host:port/bucket */
    char *scope;       /* aws:amz:REGION:s3 */
    const char *ca;    /* of the configuration; empty: the system's */
    char *credentials; /* sodium_malloc: access key, NUL, secret, NUL */
    const char *secret;
    pthread_mutex_t lock; /* over kept */
    CURL *kept[KEPT];
    size_t kept_count;
};

/* One attempt. */
struct attempt {
    struct s3_call *call;
    uint64_t sent, received;
    bool too_long;
};

/* --- bytes out and in --------------------------------------------------------------------- */

static size_t give(char *to, size_t size, size_t n, void *context)
{
    struct attempt *a = context;
    uint64_t left = a->call->length - a->sent;
    size_t room = size * n;
    ssize_t got;

    if (room > left)
        room = (size_t)left;
    if (room == 0)
        return 0;
    got = pread(a->call->fd, to, room, (off_t)(a->call->offset + a->sent));
    if (got <= 0)
        return CURL_READFUNC_ABORT;
    a->sent += (uint64_t)got;
    return (size_t)got;
}

static size_t take_file(struct attempt *a, const char *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t w = pwrite(a->call->to_fd, bytes + done, n - done, (off_t)(a->received + done));

        if (w <= 0)
            return 0;
        done += (size_t)w;
    }
    return n;
}

/* An error's answer is small, and read to its end so that the connection can be kept. */
static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct attempt *a = context;
    size_t n = size * count;

    if (a->call->to_fd >= 0 && take_file(a, bytes, n) != n)
        return 0;
    if (a->call->to_fd < 0 && a->received + n > ANSWER_MAX) {
        a->too_long = true;
        return 0;
    }
    if (a->call->to_fd < 0 && a->call->answer != NULL)
        strbuf_add(a->call->answer, str_of(bytes, n));
    a->received += n;
    return n;
}

/* --- one attempt -------------------------------------------------------------------------- */

static struct str md5_of_body(const struct s3_call *c, struct arena *a)
{
    unsigned char digest[S3_MD5], text[2 * S3_MD5], piece[65536];
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    uint64_t at = 0;

    must(md5 != NULL && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1, "OpenSSL lacks MD5");
    while (at < c->length) {
        size_t room = c->length - at < sizeof(piece) ? (size_t)(c->length - at) : sizeof(piece);
        ssize_t got = pread(c->fd, piece, room, (off_t)(c->offset + at));

        if (got <= 0)
            break;
        EVP_DigestUpdate(md5, piece, (size_t)got);
        at += (uint64_t)got;
    }
    EVP_DigestFinal_ex(md5, digest, NULL);
    EVP_MD_CTX_free(md5);
    EVP_EncodeBlock(text, digest, sizeof(digest));
    return str_dup(a, str_from((const char *)text));
}

static void add_header(struct curl_slist **list, const char *line)
{
    *list = curl_slist_append(*list, line);
    must(*list != NULL, "out of memory");
}

/* The payload is not part of the signature: TLS guards it on the way, and the server compares it
 * with its MD5. "Expect:" must not be set to nothing here: libcurl 7.88 would sign it. */
static struct curl_slist *headers_of(const struct s3_call *c, struct arena *a)
{
    struct curl_slist *list = NULL;

    add_header(&list, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    if (c->length > 0)
        add_header(&list, str_printf(a, "Content-MD5: %.*s", STR_ARG(md5_of_body(c, a))).p);
    if (c->text.n > 0)
        add_header(&list, "Content-Type: application/xml");
    return list;
}

static void set_common(CURL *h, const struct s3 *s, struct attempt *a)
{
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR,
                     strncmp(s->base, "https:", 6) == 0 ? "https" : "http");
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s->ca[0] != '\0')
        curl_easy_setopt(h, CURLOPT_CAINFO, s->ca);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(h, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
    curl_easy_setopt(h, CURLOPT_AWS_SIGV4, s->scope);
    curl_easy_setopt(h, CURLOPT_USERNAME, s->credentials);
    curl_easy_setopt(h, CURLOPT_PASSWORD, s->secret);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, a);
}

static void set_request(CURL *h, const struct s3 *s, struct attempt *attempt, struct arena *a)
{
    const struct s3_call *c = attempt->call;

    curl_easy_setopt(h, CURLOPT_URL,
                     str_printf(a, "%s%s%.*s%s%s", s->base, c->key.n > 0 ? "/" : "",
                                STR_ARG(c->key), c->query != NULL ? "?" : "",
                                c->query != NULL ? c->query : "")
                         .p);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, c->method);
    if (strcmp(c->method, "HEAD") == 0)
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    if (c->range != NULL)
        curl_easy_setopt(h, CURLOPT_RANGE, c->range);
    if (c->length > 0) {
        curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->length);
        curl_easy_setopt(h, CURLOPT_READFUNCTION, give);
        curl_easy_setopt(h, CURLOPT_READDATA, attempt);
    } else if (strcmp(c->method, "POST") == 0) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->text.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->text.n > 0 ? c->text.p : "");
    }
}

static const char *header(CURL *h, const char *name)
{
    struct curl_header *found;

    return curl_easy_header(h, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value
                                                                               : NULL;
}

/* "bytes 0-131071/5000000" */
static uint64_t size_of(CURL *h)
{
    const char *range = header(h, "Content-Range"), *slash;
    curl_off_t length = 0;
    uint64_t size;

    slash = range != NULL ? strchr(range, '/') : NULL;
    if (slash != NULL && str_to_u64(str_from(slash + 1), &size))
        return size;
    curl_easy_getinfo(h, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length > 0 ? (uint64_t)length : 0;
}

static void read_answer(CURL *h, struct s3_call *c)
{
    const char *etag = header(h, "ETag");
    long status = 0;

    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    c->http_status = (int)status;
    c->size = size_of(h);
    snprintf(c->etag, sizeof(c->etag), "%s", etag != NULL ? etag : "");
}

static CURLcode attempt_once(struct s3 *s, CURL *h, struct s3_call *c)
{
    struct attempt attempt = {.call = c};
    struct curl_slist *headers;
    struct arena a;
    CURLcode result;

    arena_init(&a);
    c->http_status = 0;
    if (c->answer != NULL)
        c->answer->n = 0;
    headers = headers_of(c, &a);
    set_common(h, s, &attempt);
    set_request(h, s, &attempt, &a);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    result = curl_easy_perform(h);
    if (result == CURLE_OK)
        read_answer(h, c);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    arena_dispose(&a);
    return result;
}

/* --- attempts ----------------------------------------------------------------------------- */

static CURL *connection_take(struct s3 *s)
{
    CURL *h = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->kept_count > 0)
        h = s->kept[--s->kept_count];
    pthread_mutex_unlock(&s->lock);
    if (h == NULL)
        h = curl_easy_init();
    must(h != NULL, "libcurl does not start");
    return h;
}

static void connection_keep(struct s3 *s, CURL *h)
{
    pthread_mutex_lock(&s->lock);
    if (s->kept_count < KEPT) {
        s->kept[s->kept_count++] = h;
        h = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (h != NULL)
        curl_easy_cleanup(h);
}

/* A certificate that does not hold today will not hold in a second. */
static bool worth_another(CURLcode result, const struct s3_call *c)
{
    if (result != CURLE_OK)
        return result != CURLE_PEER_FAILED_VERIFICATION && result != CURLE_SSL_CACERT_BADFILE &&
               result != CURLE_WRITE_ERROR && result != CURLE_ABORTED_BY_CALLBACK;
    return c->http_status >= 500 || c->http_status == 429 || c->http_status == 408;
}

static void back_off(int attempt)
{
    usleep(((unsigned)BACK_OFF_US << attempt) + randombytes_uniform(BACK_OFF_US));
}

static enum status conclude(const struct s3_call *c, CURLcode result)
{
    if (result == CURLE_OK && c->http_status / 100 == 2)
        return OK;
    if (result == CURLE_OK && c->http_status == 404)
        return NOT_FOUND;
    log_error("s3_failed", "method=%s object=%.*s http=%d error=\"%s\"", c->method, STR_ARG(c->key),
              c->http_status, curl_easy_strerror(result));
    return UPSTREAM;
}

enum status s3_perform(struct s3 *s, struct s3_call *c)
{
    CURL *h = connection_take(s);
    CURLcode result = attempt_once(s, h, c);

    for (int attempt = 0; attempt < S3_ATTEMPTS - 1 && worth_another(result, c); attempt++) {
        log_warn("s3_again", "method=%s object=%.*s http=%d error=\"%s\"", c->method,
                 STR_ARG(c->key), c->http_status, curl_easy_strerror(result));
        back_off(attempt);
        result = attempt_once(s, h, c);
    }
    connection_keep(s, h);
    return conclude(c, result);
}

/* --- opening ------------------------------------------------------------------------------ */

static bool is_loopback(const char *endpoint)
{
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t n = strlen(hosts[i]);

        if (strncmp(endpoint, hosts[i], n) == 0 &&
            (endpoint[n] == '\0' || endpoint[n] == ':' || endpoint[n] == '/'))
            return true;
    }
    return false;
}

static enum status check_settings(const struct config *c, struct errors *err)
{
    size_t n = strlen(c->s3_endpoint);

    if (strncmp(c->s3_endpoint, "https://", 8) != 0 && !is_loopback(c->s3_endpoint))
        return fail(err, INVALID, "config",
                    "s3_endpoint = %s: an https:// URL (http:// to a loopback address only)",
                    c->s3_endpoint);
    if (c->s3_endpoint[n - 1] == '/')
        return fail(err, INVALID, "config", "s3_endpoint = %s: without a path", c->s3_endpoint);
    if (c->s3_bucket[0] == '\0' ||
        strspn(c->s3_bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(c->s3_bucket))
        return fail(err, INVALID, "config",
                    "s3_bucket = %s: the bucket's name: lower case letters, digits, '.' and '-'",
                    c->s3_bucket);
    return OK;
}

/* Two lines: the access key, the secret. */
static enum status split_credentials(struct s3 *s, const char *path, struct errors *err)
{
    char *end = strchr(s->credentials, '\n'), *last;

    if (end == NULL)
        return fail(err, INVALID, "config", "%s: two lines: the access key, and the secret", path);
    *end = '\0';
    s->secret = end + 1;
    last = strchr(end + 1, '\n');
    if (last != NULL)
        *last = '\0';
    if (s->credentials[0] == '\0' || s->secret[0] == '\0')
        return fail(err, INVALID, "config", "%s: two lines: the access key, and the secret", path);
    return OK;
}

static enum status read_credentials(struct s3 *s, const char *path, struct errors *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return fail(err, INVALID, "config", "s3_credentials: %s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
        close(fd);
        return fail(err, INVALID, "config", "%s: others may read it; chmod 600 it", path);
    }
    s->credentials = sodium_malloc(CREDENTIALS_MAX);
    must(s->credentials != NULL, "no locked memory for the credentials");
    n = read(fd, s->credentials, CREDENTIALS_MAX - 1);
    close(fd);
    s->credentials[n > 0 ? n : 0] = '\0';
    return split_credentials(s, path, err);
}

static enum status find_bucket(struct s3 *s, const struct config *c, struct errors *err)
{
    struct s3_call head = S3_CALL(.method = "HEAD");

    switch (s3_perform(s, &head)) {
    case OK:
        return OK;
    case NOT_FOUND:
        return fail(err, UPSTREAM, "store", "there is no bucket %s at %s: make it", c->s3_bucket,
                    c->s3_endpoint);
    default:
        return fail(err, UPSTREAM, "store",
                    "the S3 server %s does not let us at the bucket %s (HTTP status %d): look at "
                    "address, certificate and credentials; the log says more",
                    c->s3_endpoint, c->s3_bucket, head.http_status);
    }
}

static char *joined(const char *a, const char *b, const char *c)
{
    size_t n = strlen(a) + strlen(b) + strlen(c) + 1;
    char *out = malloc(n);

    must(out != NULL, "out of memory");
    snprintf(out, n, "%s%s%s", a, b, c);
    return out;
}

enum status s3_open(const struct config *config, struct s3 **out, struct errors *err)
{
    enum status status;
    struct s3 *s;

    TRY(check_settings(config, err));
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl does not start");
    s = calloc(1, sizeof(*s));
    must(s != NULL, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->base = joined(config->s3_endpoint, "/", config->s3_bucket);
    s->scope = joined("aws:amz:", config->s3_region, ":s3");
    s->ca = config->s3_ca;
    status = read_credentials(s, config->s3_credentials, err);
    if (status == OK)
        status = find_bucket(s, config, err);
    if (status == OK)
        *out = s;
    else
        s3_free(s);
    return status;
}

void s3_free(struct s3 *s)
{
    for (size_t i = 0; i < s->kept_count; i++)
        curl_easy_cleanup(s->kept[i]);
    pthread_mutex_destroy(&s->lock);
    sodium_free(s->credentials);
    free(s->base);
    free(s->scope);
    free(s);
    curl_global_cleanup();
}
