#include "hub/net/io.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hub/net/conn.h"

enum { CALLBACKS_A_TURN = 16 }; /* before sockets and timers are looked at again */

struct task *task_new(void (*run)(struct io *, struct task *))
{
    struct task *t = calloc(1, sizeof(*t));

    must(t != NULL, "out of memory");
    t->run = run;
    t->fd = -1;
    return t;
}

static void wake(struct io *io)
{
    uint64_t one = 1;

    must(write(io->wake, &one, sizeof(one)) == sizeof(one), "an eventfd takes a count");
}

void io_post(struct io *io, struct task *task)
{
    pthread_mutex_lock(&io->lock);
    *io->tasks_end = task;
    io->tasks_end = &task->next;
    pthread_mutex_unlock(&io->lock);
    wake(io);
}

void io_reply(struct io *io, struct exchange *ex)
{
    bool first;

    ex->next = NULL;
    pthread_mutex_lock(&io->lock);
    first = io->replies == NULL;
    *io->replies_end = ex;
    io->replies_end = &ex->next;
    pthread_mutex_unlock(&io->lock);
    if (first)
        wake(io);
}

static void run_tasks(struct io *io, struct task *tasks)
{
    while (tasks != NULL) {
        struct task *t = tasks;

        tasks = t->next;
        t->run(io, t);
        free(t);
    }
}

static void hand_out_replies(struct exchange *replies)
{
    while (replies != NULL) {
        struct exchange *ex = replies;

        replies = ex->next;
        ex->next = NULL;
        conn_reply(ex->conn, ex);
    }
}

static void empty_inbox(struct io *io)
{
    struct task *tasks;
    struct exchange *replies;
    bool stopping;

    pthread_mutex_lock(&io->lock);
    tasks = io->tasks;
    replies = io->replies;
    stopping = io->stopping;
    io->tasks = NULL;
    io->tasks_end = &io->tasks;
    io->replies = NULL;
    io->replies_end = &io->replies;
    pthread_mutex_unlock(&io->lock);
    run_tasks(io, tasks);
    hand_out_replies(replies);
    if (stopping)
        event_base_loopbreak(io->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;

    (void)what;
    (void)!read(fd, &count, sizeof(count));
    empty_inbox(arg);
}

struct io *io_new(struct net_server *server)
{
    struct io *io = calloc(1, sizeof(*io));
    struct event_config *config = event_config_new();

    must(io != NULL && config != NULL, "out of memory");
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread a base */
    /* Timers of microseconds: an answer that waits for a millisecond's end (exchange.h,
     * not_before_us) must not keep the rest of its own time. */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    /* A connection that pauses is active again at once; without a bound libevent would go on with
     * such connections for as long as they have work, and never look at the sockets of the others.
     */
    event_config_set_max_dispatch_interval(config, NULL, CALLBACKS_A_TURN, 0);
    io->server = server;
    io->base = event_base_new_with_config(config);
    event_config_free(config);
    io->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    must(io->base != NULL && io->wake >= 0, "an I/O thread gets its event base");
    io->woken = event_new(io->base, io->wake, EV_READ | EV_PERSIST, on_wake, io);
    must(io->woken != NULL && event_add(io->woken, NULL) == 0, "an event can be added");
    pthread_mutex_init(&io->lock, NULL);
    io->tasks_end = &io->tasks;
    io->replies_end = &io->replies;
    return io;
}

static void *run(void *arg)
{
    struct io *io = arg;

    event_base_dispatch(io->base);
    return NULL;
}

/* Signals are the main thread's; SIGPIPE in particular shall be an error of the write. */
void io_start(struct io *io, int number)
{
    sigset_t all, before;
    char name[16];

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    must(pthread_create(&io->thread, NULL, run, io) == 0, "a thread can be started");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    snprintf(name, sizeof(name), "io-%d", number);
    pthread_setname_np(io->thread, name);
}

void io_stop(struct io *io)
{
    pthread_mutex_lock(&io->lock);
    io->stopping = true;
    pthread_mutex_unlock(&io->lock);
    wake(io);
    pthread_join(io->thread, NULL);
}

void io_free(struct io *io)
{
    while (io->conns != NULL) {
        must(!conn_is_lent(io->conns), "every exchange was given back before the end");
        conn_cut(io->conns);
    }
    event_free(io->woken);
    event_base_free(io->base);
    close(io->wake);
    pthread_mutex_destroy(&io->lock);
    free(io);
}
