/* What the files of a connection share: conn.c (events, timers, beginning and end),
 * conn_request.c (bytes in) and conn_answer.c (bytes out). Each state has a step, which does what
 * can be done without waiting and says what the connection waits for. */
#pragma once

#include "hub/net/conn.h"

enum next {
    AGAIN, /* the state has changed or there is more to do at once */
    WAIT_READ,
    WAIT_WRITE,
    WAIT_NOTHING, /* only the timer or the service goes on */
    PAUSE,        /* the others' turn, then again */
    OVER,         /* close and free */
};

static inline const struct net_settings *conn_settings(const struct conn *c)
{
    return &c->io->server->settings;
}

static inline const struct net_service *conn_service(const struct conn *c)
{
    return &c->io->server->service;
}

void conn_set_deadline(struct conn *c, int64_t timeout_us); /* from now; 0: none */
void conn_enter(struct conn *c, enum conn_state state, int64_t timeout_us);

/* Closes the socket under an exchange that the service still has: the answer will end it. */
enum next conn_orphan(struct conn *c);

/* conn_request.c */
enum next conn_on_reading(struct conn *c); /* IDLE, READING */
enum next conn_on_continue(struct conn *c);
enum next conn_on_handling(struct conn *c);
enum next conn_reading_expired(struct conn *c);

/* conn_answer.c */
enum next conn_begin_answer(struct conn *c); /* ex->reply goes out */
enum next conn_hold_answer(struct conn *c);  /* not before its time */
enum next conn_on_writing(struct conn *c);
/* Answers with one line of text; closes then, unless the request has been read to its end. */
enum next conn_refuse(struct conn *c, int status, struct str why);
enum next conn_become_idle(struct conn *c);
/* Nothing more to say: closes when the peer has read our last bytes. */
enum next conn_farewell(struct conn *c);
void conn_end_exchange(struct conn *c, enum answer_end end, uint64_t sent);
/* Ends an exchange that the service does not have, in the middle. */
enum next conn_give_up(struct conn *c);
