#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hub/base/clock.h"
#include "xds/store.h"

struct mem_object {
    struct uuid id;
    unsigned char *bytes;
    size_t size;
    int64_t since_us;
    struct mem_object *next;
};

struct mem_store {
    struct store base;
    pthread_mutex_t lock; /* over objects */
    struct mem_object *objects;
    bool fail_commits;
};

struct store_file {
    struct mem_object *object;
};

struct store_object {
    const struct mem_object *object;
};

struct store_walk {
    struct mem_store *store;
    struct uuid last;
};

static struct store_file *mem_begin(struct store *s, struct uuid id)
{
    struct store_file *f = calloc(1, sizeof(*f));

    (void)s;
    must(f != NULL, "out of memory");
    f->object = calloc(1, sizeof(*f->object));
    must(f->object != NULL, "out of memory");
    f->object->id = id;
    return f;
}

static enum status mem_write(struct store_file *f, const void *bytes, size_t n)
{
    struct mem_object *o = f->object;

    o->bytes = realloc(o->bytes, o->size + n + 1);
    must(o->bytes != NULL, "out of memory");
    if (n > 0)
        memcpy(o->bytes + o->size, bytes, n);
    o->size += n;
    return OK;
}

static void object_free(struct mem_object *o)
{
    free(o->bytes);
    free(o);
}

static void mem_abort(struct store_file *f)
{
    object_free(f->object);
    free(f);
}

static enum status mem_commit(struct store *s, struct store_file **files, size_t count)
{
    struct mem_store *m = (struct mem_store *)s;
    bool failing;

    pthread_mutex_lock(&m->lock);
    failing = m->fail_commits;
    for (size_t i = 0; i < count && !failing; i++) {
        files[i]->object->since_us = clock_now_us();
        files[i]->object->next = m->objects;
        m->objects = files[i]->object;
        free(files[i]);
    }
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < count && failing; i++)
        mem_abort(files[i]);
    return failing ? UPSTREAM : OK;
}

/* The link that points to the object, or to the NULL at the end. Under the lock. */
static struct mem_object **find(struct mem_store *m, struct uuid id)
{
    struct mem_object **at = &m->objects;

    while (*at != NULL && !uuid_eq((*at)->id, id))
        at = &(*at)->next;
    return at;
}

static enum status mem_open(struct store *s, struct uuid id, struct store_object **out)
{
    struct mem_store *m = (struct mem_store *)s;
    struct mem_object *found;

    pthread_mutex_lock(&m->lock);
    found = *find(m, id);
    pthread_mutex_unlock(&m->lock);
    if (found == NULL)
        return NOT_FOUND;
    *out = calloc(1, sizeof(**out));
    must(*out != NULL, "out of memory");
    (*out)->object = found;
    return OK;
}

static uint64_t mem_size(const struct store_object *o)
{
    return o->object->size;
}

static enum status mem_read(struct store_object *o, uint64_t offset, void *to, size_t size,
                            size_t *n)
{
    size_t left = offset < o->object->size ? o->object->size - (size_t)offset : 0;

    *n = size < left ? size : left;
    if (*n > 0)
        memcpy(to, o->object->bytes + offset, *n);
    return OK;
}

static void mem_close(struct store_object *o)
{
    free(o);
}

static enum status mem_remove(struct store *s, struct uuid id)
{
    struct mem_store *m = (struct mem_store *)s;
    struct mem_object **at, *found;

    pthread_mutex_lock(&m->lock);
    at = find(m, id);
    found = *at;
    if (found != NULL)
        *at = found->next;
    pthread_mutex_unlock(&m->lock);
    if (found == NULL)
        return NOT_FOUND;
    object_free(found);
    return OK;
}

static struct store_walk *mem_walk(struct store *s)
{
    struct store_walk *w = calloc(1, sizeof(*w));

    must(w != NULL, "out of memory");
    w->store = (struct mem_store *)s;
    return w;
}

/* The least id behind the last one. */
static enum status mem_walk_next(struct store_walk *w, struct store_entry *out, bool *found)
{
    const struct mem_object *least = NULL;

    pthread_mutex_lock(&w->store->lock);
    for (const struct mem_object *o = w->store->objects; o != NULL; o = o->next)
        if (uuid_compare(o->id, w->last) > 0 &&
            (least == NULL || uuid_compare(o->id, least->id) < 0))
            least = o;
    *found = least != NULL;
    if (*found)
        *out = (struct store_entry){least->id, least->size, least->since_us};
    pthread_mutex_unlock(&w->store->lock);
    if (*found)
        w->last = out->id;
    return OK;
}

static void mem_walk_end(struct store_walk *w)
{
    free(w);
}

static void mem_free(struct store *s)
{
    struct mem_store *m = (struct mem_store *)s;

    while (m->objects != NULL) {
        struct mem_object *o = m->objects;

        m->objects = o->next;
        object_free(o);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct store_ops MEM_OPS = {
    .name = "mem",
    .begin = mem_begin,
    .write = mem_write,
    .commit = mem_commit,
    .abort = mem_abort,
    .open = mem_open,
    .size = mem_size,
    .read = mem_read,
    .close = mem_close,
    .remove = mem_remove,
    .walk = mem_walk,
    .walk_next = mem_walk_next,
    .walk_end = mem_walk_end,
    .free = mem_free,
};

struct store *store_mem_new(void)
{
    struct mem_store *m = calloc(1, sizeof(*m));

    must(m != NULL, "out of memory");
    m->base.ops = &MEM_OPS;
    pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}

unsigned char *store_mem_bytes(struct store *s, struct uuid id, size_t **size)
{
    struct mem_object *o = *find((struct mem_store *)s, id);

    if (o == NULL)
        return NULL;
    *size = &o->size;
    return o->bytes;
}

size_t store_mem_count(struct store *s)
{
    size_t count = 0;

    for (const struct mem_object *o = ((struct mem_store *)s)->objects; o != NULL; o = o->next)
        count++;
    return count;
}

void store_mem_fail_commits(struct store *s, bool fail)
{
    ((struct mem_store *)s)->fail_commits = fail;
}
