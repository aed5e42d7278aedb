#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/base/clock.h"
#include "hub/base/log.h"
#include "hub/data/xml.h"
#include "xds/s3.h"
#include "xds/store.h"
#include "xds/store_remover.h"
#include "xds/store_stage.h"

/* An object is uploaded from its staged file when it is committed: in one request, or in parts that
 * may each be sent again. What is read comes with the first request up to HEAD_SIZE; the rest of a
 * larger one is fetched to a file without a name. */
enum {
    PART_SIZE = 8 << 20,
    PARTS_MAX = 9000, /* S3 takes 10,000 */
    HEAD_SIZE = 128 << 10,
    LIST_PAGE = 1000,
    S3_KEY_MAX = 1024,
};

#define HEAD_RANGE "0-131071"
#define REST_RANGE "131072-"

struct s3_store {
    struct store base;
    struct stage stage;
    struct s3 *s3;
    struct store_remover *remover;
};

struct store_file {
    struct s3_store *store;
    struct staged staged;
    struct uuid id;
};

struct store_object {
    struct s3_store *store;
    struct uuid id;
    struct arena arena; /* of the head */
    struct str head;
    uint64_t size;
    int fd; /* the rest, from HEAD_SIZE on; -1: not fetched */
};

/* --- writing ------------------------------------------------------------------------------ */

static struct store_file *s3_begin(struct store *s, struct uuid id)
{
    struct store_file *f = calloc(1, sizeof(*f));

    must(f != NULL, "out of memory");
    f->store = (struct s3_store *)s;
    f->id = id;
    if (stage_begin(&f->store->stage, id, &f->staged) == OK)
        return f;
    free(f);
    return NULL;
}

static enum status s3_write(struct store_file *f, const void *bytes, size_t n)
{
    return stage_write(&f->staged, bytes, n);
}

static void s3_abort(struct store_file *f)
{
    stage_drop(&f->store->stage, &f->staged);
    free(f);
}

static enum status upload_whole(const struct store_file *f)
{
    struct s3_call put = S3_CALL(.method = "PUT", .key = str_from(f->staged.name));

    put.fd = f->staged.fd;
    put.length = f->staged.written;
    return s3_perform(f->store->s3, &put);
}

/* Percent-encoded as the signature wants it: all but unreserved characters, in upper case. */
static struct str query_value(struct arena *a, struct str value)
{
    struct strbuf b = strbuf_on(a, 3 * value.n);

    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~", c) != NULL)
            strbuf_addc(&b, (char)c);
        else
            strbuf_addf(&b, "%%%02X", c);
    }
    return strbuf_str(&b);
}

static enum status parse(struct arena *a, const struct strbuf *answer, const char *name,
                         xmlNode **root)
{
    struct errors err;

    errors_init(&err, a);
    if (xml_parse(a, strbuf_str(answer), &XML_LIMITS, &err, root) == OK &&
        xml_is(*root, NULL, name))
        return OK;
    log_error("s3_answer", "wanted=%s", name);
    return UPSTREAM;
}

static enum status begin_parts(const struct store_file *f, struct arena *a, struct str *upload)
{
    struct strbuf answer = strbuf_on(a, 1024);
    struct s3_call post = S3_CALL(.method = "POST", .key = str_from(f->staged.name),
                                  .query = "uploads=", .answer = &answer);
    xmlNode *root;

    TRY(s3_perform(f->store->s3, &post));
    TRY(parse(a, &answer, "InitiateMultipartUploadResult", &root));
    *upload = query_value(a, str_trim(xml_text_of(a, root, NULL, "UploadId")));
    return upload->n > 0 ? OK : UPSTREAM;
}

static uint64_t part_size(uint64_t size)
{
    return size / PARTS_MAX > PART_SIZE ? size / PARTS_MAX : PART_SIZE;
}

static enum status upload_parts(const struct store_file *f, struct arena *a, struct str upload,
                                struct strbuf *list)
{
    uint64_t size = f->staged.written, part = part_size(size);

    for (uint64_t at = 0, number = 1; at < size; at += part, number++) {
        struct s3_call put = S3_CALL(.method = "PUT", .key = str_from(f->staged.name));

        put.query = str_printf(a, "partNumber=%llu&uploadId=%.*s", (unsigned long long)number,
                               STR_ARG(upload))
                        .p;
        put.fd = f->staged.fd;
        put.offset = at;
        put.length = size - at < part ? size - at : part;
        TRY(s3_perform(f->store->s3, &put));
        strbuf_addf(list, "<Part><PartNumber>%llu</PartNumber><ETag>%s</ETag></Part>",
                    (unsigned long long)number, put.etag);
    }
    return OK;
}

/* An error may come under HTTP status 200, when the server had begun to answer before it knew. An
 * answer that was lost shows as an upload that is not there any more: then the object is. */
static enum status complete_parts(const struct store_file *f, struct arena *a, struct str upload,
                                  struct str list)
{
    struct strbuf answer = strbuf_on(a, 1024);
    struct s3_call post =
        S3_CALL(.method = "POST", .key = str_from(f->staged.name), .text = list, .answer = &answer);
    struct s3_call head = S3_CALL(.method = "HEAD", .key = str_from(f->staged.name));
    xmlNode *root;
    enum status s;

    post.query = str_printf(a, "uploadId=%.*s", STR_ARG(upload)).p;
    s = s3_perform(f->store->s3, &post);
    if (s == OK)
        return parse(a, &answer, "CompleteMultipartUploadResult", &root);
    if (s == NOT_FOUND && s3_perform(f->store->s3, &head) == OK && head.size == f->staged.written)
        return OK;
    return UPSTREAM;
}

static void abort_parts(const struct store_file *f, struct arena *a, struct str upload)
{
    struct s3_call stop = S3_CALL(.method = "DELETE", .key = str_from(f->staged.name));

    stop.query = str_printf(a, "uploadId=%.*s", STR_ARG(upload)).p;
    if (s3_perform(f->store->s3, &stop) != OK)
        log_warn("s3_upload_left", "object=%s", f->staged.name);
}

static enum status upload_in_parts(const struct store_file *f)
{
    struct str upload = STR_NONE;
    struct strbuf list;
    struct arena a;
    enum status s;

    arena_init(&a);
    list = strbuf_on(&a, 4096);
    strbuf_lit(&list, "<CompleteMultipartUpload>");
    s = begin_parts(f, &a, &upload);
    if (s == OK)
        s = upload_parts(f, &a, upload, &list);
    strbuf_lit(&list, "</CompleteMultipartUpload>");
    if (s == OK)
        s = complete_parts(f, &a, upload, strbuf_str(&list));
    if (s != OK && upload.n > 0)
        abort_parts(f, &a, upload);
    arena_dispose(&a);
    return s == NOT_FOUND ? UPSTREAM : s;
}

static enum status s3_remove(struct store *s, struct uuid id)
{
    char name[UUID_TEXT + 1];
    struct s3_call call = S3_CALL(.method = "DELETE");

    uuid_write(id, name);
    call.key = str_from(name);
    return s3_perform(((struct s3_store *)s)->s3, &call);
}

static void s3_forget(struct store *s, struct uuid id)
{
    store_remover_ask(((struct s3_store *)s)->remover, id);
}

static enum status s3_commit(struct store *s, struct store_file **files, size_t count)
{
    enum status status = OK;
    size_t uploaded = 0;

    for (; uploaded < count && status == OK; uploaded++)
        status = files[uploaded]->staged.written <= PART_SIZE ? upload_whole(files[uploaded])
                                                              : upload_in_parts(files[uploaded]);
    for (size_t i = 0; i < count; i++) {
        if (status != OK && i < uploaded && s3_remove(s, files[i]->id) == UPSTREAM)
            log_warn("s3_object_left", "object=%s", files[i]->staged.name);
        s3_abort(files[i]);
    }
    return status == NOT_FOUND ? UPSTREAM : status;
}

/* --- reading ------------------------------------------------------------------------------ */

static void s3_close(struct store_object *o)
{
    if (o->fd >= 0)
        close(o->fd);
    arena_dispose(&o->arena);
    free(o);
}

static enum status s3_open_object(struct store *s, struct uuid id, struct store_object **out)
{
    struct store_object *o = calloc(1, sizeof(*o));
    char name[UUID_TEXT + 1];
    struct strbuf head;
    struct s3_call get;
    enum status status;

    must(o != NULL, "out of memory");
    *o = (struct store_object){.store = (struct s3_store *)s, .id = id, .fd = -1};
    arena_init(&o->arena);
    head = strbuf_on(&o->arena, 4096);
    uuid_write(id, name);
    get = S3_CALL(.method = "GET", .key = str_from(name), .range = HEAD_RANGE, .answer = &head);
    status = s3_perform(o->store->s3, &get);
    o->head = strbuf_str(&head);
    o->size = get.size;
    if (status == OK) {
        *out = o;
        return OK;
    }
    s3_close(o);
    return status;
}

static uint64_t s3_size(const struct store_object *o)
{
    return o->size;
}

static enum status s3_fetch(struct store_object *o)
{
    char name[UUID_TEXT + 1];
    struct s3_call get;
    enum status s;

    if (o->fd >= 0 || o->size <= o->head.n)
        return OK;
    o->fd = openat(o->store->stage.own, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (o->fd < 0)
        return store_broken("store_fetch_failed", "temporary");
    uuid_write(o->id, name);
    get = S3_CALL(.method = "GET", .key = str_from(name), .range = REST_RANGE);
    get.to_fd = o->fd;
    s = s3_perform(o->store->s3, &get);
    return s == NOT_FOUND ? UPSTREAM : s;
}

/* One pread may give less than there is. */
static enum status read_fetched(const struct store_object *o, uint64_t offset, char *to,
                                size_t size, size_t *n)
{
    while (*n < size) {
        ssize_t got = pread(o->fd, to + *n, size - *n, (off_t)(offset + *n));

        if (got < 0)
            return store_broken("store_read_failed", "fetched");
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return OK;
}

static enum status s3_read(struct store_object *o, uint64_t offset, void *to, size_t size,
                           size_t *n)
{
    struct str near = offset < o->head.n ? str_slice(o->head, (size_t)offset, o->head.n) : STR("");

    *n = size < near.n ? size : near.n;
    if (*n > 0)
        memcpy(to, near.p, *n);
    if (*n == size || offset + *n >= o->size)
        return OK;
    TRY(s3_fetch(o));
    return read_fetched(o, offset - HEAD_SIZE, to, size, n);
}

/* --- the walk ----------------------------------------------------------------------------- */

struct store_walk {
    struct s3_store *store;
    struct store_entry page[LIST_PAGE];
    size_t count, at;
    char last[3 * S3_KEY_MAX + 1]; /* the key that the page ended with, encoded; ours or not */
    bool ended;
};

static struct store_walk *s3_walk(struct store *s)
{
    struct store_walk *w = calloc(1, sizeof(*w));

    must(w != NULL, "out of memory");
    w->store = (struct s3_store *)s;
    return w;
}

static bool read_entry(struct arena *a, const xmlNode *n, struct store_entry *out)
{
    struct str key = str_trim(xml_text_of(a, n, NULL, "Key"));
    struct str size = str_trim(xml_text_of(a, n, NULL, "Size"));
    struct str at = str_trim(xml_text_of(a, n, NULL, "LastModified"));

    return uuid_parse(key, &out->id) && str_to_u64(size, &out->size) &&
           clock_parse_iso(at, &out->since_us);
}

static enum status take_page(struct store_walk *w, struct arena *a, const xmlNode *root)
{
    struct str key = STR("");

    XML_EACH(n, root, NULL, "Contents")
    {
        key = str_trim(xml_text_of(a, n, NULL, "Key"));
        if (w->count < LIST_PAGE && read_entry(a, n, &w->page[w->count]))
            w->count++;
    }
    key = query_value(a, str_slice(key, 0, S3_KEY_MAX));
    w->ended = !xml_true(str_trim(xml_text_of(a, root, NULL, "IsTruncated")));
    if (!w->ended && (key.n == 0 || str_eq(key, str_from(w->last)))) {
        log_error("s3_answer", "a list that is cut does not go on");
        return UPSTREAM;
    }
    memcpy(w->last, key.p, key.n);
    w->last[key.n] = '\0';
    return OK;
}

static enum status read_page(struct store_walk *w)
{
    struct arena a;
    struct strbuf answer;
    struct s3_call get;
    xmlNode *root;
    enum status s;

    arena_init(&a);
    answer = strbuf_on(&a, 65536);
    get = S3_CALL(.method = "GET", .answer = &answer);
    get.query = str_printf(&a, "list-type=2&max-keys=%d%s%s", LIST_PAGE,
                           w->last[0] != '\0' ? "&start-after=" : "", w->last)
                    .p;
    w->count = w->at = 0;
    s = s3_perform(w->store->s3, &get);
    if (s == OK)
        s = parse(&a, &answer, "ListBucketResult", &root);
    if (s == OK)
        s = take_page(w, &a, root);
    arena_dispose(&a);
    return s == NOT_FOUND ? UPSTREAM : s;
}

static enum status s3_walk_next(struct store_walk *w, struct store_entry *out, bool *found)
{
    while (w->at == w->count && !w->ended)
        TRY(read_page(w));
    *found = w->at < w->count;
    if (*found)
        *out = w->page[w->at++];
    return OK;
}

static void s3_walk_end(struct store_walk *w)
{
    free(w);
}

/* --- the store ---------------------------------------------------------------------------- */

static void s3_store_free(struct store *s)
{
    struct s3_store *store = (struct s3_store *)s;

    store_remover_stop(store->remover);
    s3_free(store->s3);
    stage_close(&store->stage);
    free(store);
}

static const struct store_ops S3_OPS = {
    .name = "s3",
    .begin = s3_begin,
    .write = s3_write,
    .commit = s3_commit,
    .abort = s3_abort,
    .open = s3_open_object,
    .size = s3_size,
    .read = s3_read,
    .fetch = s3_fetch,
    .close = s3_close,
    .remove = s3_remove,
    .forget = s3_forget,
    .walk = s3_walk,
    .walk_next = s3_walk_next,
    .walk_end = s3_walk_end,
    .free = s3_store_free,
};

enum status store_s3_open(const struct config *config, struct store **out, struct errors *err)
{
    struct s3_store *s = calloc(1, sizeof(*s));
    enum status status;

    must(s != NULL, "out of memory");
    s->base.ops = &S3_OPS;
    status = stage_open(&s->stage, config->store_dir, err);
    if (status == OK) {
        status = s3_open(config, &s->s3, err);
        if (status == OK) {
            s->remover = store_remover_start(&s->base);
            *out = &s->base;
            return OK;
        }
        stage_close(&s->stage);
    }
    free(s);
    return status;
}
