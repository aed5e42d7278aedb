/* The I/O threads: each runs one event base and owns its connections for life. Other threads hand
 * over tasks and answers through the thread's inbox, which an eventfd announces. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "hub/net/server_priv.h"

enum { SCRATCH = 64 * 1024 };

/* Something to run on an I/O thread. Freed after it has run. */
struct task {
    void (*run)(struct io *io, struct task *task);
    int fd;          /* a connection that was accepted */
    int listener;    /* where */
    int guard_slot;  /* that it holds */
    struct tls *tls; /* a reference, which `run` releases */
    struct task *next;
};

struct io {
    struct net_server *server;
    pthread_t thread;
    struct event_base *base;
    struct conn *conns;    /* linked by conn.next; this thread's alone */
    atomic_int open;       /* how many, for whoever distributes new ones */
    char scratch[SCRATCH]; /* what was just read, while it is handled */

    int wake; /* eventfd */
    struct event *woken;
    pthread_mutex_t lock; /* for the inbox */
    struct task *tasks, **tasks_end;
    struct exchange *replies, **replies_end;
    bool stopping;
};

struct io *io_new(struct net_server *server);
void io_start(struct io *io, int number);
void io_stop(struct io *io); /* waits for the thread's end */
void io_free(struct io *io);

struct task *task_new(void (*run)(struct io *, struct task *));
void io_post(struct io *io, struct task *task);
void io_reply(struct io *io, struct exchange *ex);
