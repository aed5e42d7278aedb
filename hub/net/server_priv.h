/* What the files of the network server share. Not for other folders. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "hub/net/guard.h"
#include "hub/net/quota.h"
#include "hub/net/server.h"
#include "hub/net/tls.h"

enum { LISTENERS_MAX = 16 };

struct io;
struct conn;

struct listener {
    struct net_server *server;
    int number, fd, port;
    enum wire wire;
    bool tls;
    struct event *ready, *retry; /* on the first I/O thread */
};

struct counters {
    atomic_uint_fast64_t accepted, turned_away, handshakes, handshake_failures, requests, bytes_in,
        bytes_out;
    atomic_int open;
};

struct net_server {
    struct net_settings settings;
    struct net_service service;
    struct io **ios;
    struct listener listeners[LISTENERS_MAX];
    int listener_count;
    bool started;
    struct quota *quota;
    struct guard *guard;
    struct budget memory; /* of all requests that are not yet answered */
    struct counters counters;
    atomic_uint_fast64_t connections; /* numbers given out */
    atomic_bool draining;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t closed;
    struct tls *tls;
    struct conn *registered; /* admitted connections, linked by conn.registered_next */
    uint64_t close_calls;    /* of net_close_peers, so that admission sees them */
    bool cut;                /* a drain had to cut a connection */
};
