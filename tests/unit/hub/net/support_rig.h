/* A server on free ports of 127.0.0.1 with the service of support_service.h, for one case at a
 * time: plain and TLS, HTTP and MLLP, and a CA whose certificates it trusts. */
#pragma once

#include "hub/net/server.h"
#include "tests/unit/hub/net/support_client.h"
#include "tests/unit/hub/net/support_service.h"

#define HOST "Host: h\r\n"

struct rig {
    struct arena arena;
    struct net_server *server;
    int http, tls, mllp, mllp_tls; /* ports */
    struct pki_cert *ca, *client;
    struct net_tls_settings tls_settings;
};
extern struct rig rig;

struct net_settings rig_settings(void);              /* generous enough for all cases */
void rig_begin(const struct net_settings *settings); /* NULL: rig_settings() */
void rig_end(void);

/* Wait up to five seconds until the figures are so. */
void rig_await_open(uint64_t n);
void rig_await_requests(uint64_t n);

int status_of(struct str response); /* 0 when it is none */
struct str body_of(struct str response);
bool contains(struct str s, const char *words);
