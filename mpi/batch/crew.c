#include "mpi/batch/crew.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hub/base/err.h"

enum { CREW_MAX = 256, FIRST_BYTES = 1 << 20 };

struct member {
    void (*work)(void *context, int i);
    void *context;
    int i;
};

static void *member_run(void *p)
{
    const struct member *m = p;

    m->work(m->context, m->i);
    return NULL;
}

void crew_run(int threads, void (*work)(void *context, int i), void *context)
{
    struct member members[CREW_MAX];
    pthread_t ids[CREW_MAX];

    threads = threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
    for (int i = 0; i < threads; i++) {
        members[i] = (struct member){work, context, i};
        if (i > 0)
            must(pthread_create(&ids[i], NULL, member_run, &members[i]) == 0, "a thread");
    }
    member_run(&members[0]);
    for (int i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);
}

int crew_default(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (int)n;
}

void growing_init(struct growing *g, size_t size)
{
    *g = (struct growing){.size = size};
}

void *growing_add(struct growing *g, size_t count)
{
    size_t cap = g->cap > 0 ? g->cap : FIRST_BYTES / g->size + 1;
    char *at;

    while (cap - g->count < count)
        cap += cap / 2 + 1;
    if (cap > g->cap) {
        must(cap < SIZE_MAX / g->size, "memory");
        g->items = g->items == NULL
                       ? mmap(NULL, cap * g->size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                       : mremap(g->items, g->cap * g->size, cap * g->size, MREMAP_MAYMOVE);
        must(g->items != MAP_FAILED, "memory");
        g->cap = cap;
    }
    at = (char *)g->items + g->count * g->size;
    g->count += count;
    return at;
}

void growing_dispose(struct growing *g)
{
    if (g->items != NULL)
        munmap(g->items, g->cap * g->size);
    growing_init(g, g->size);
}
