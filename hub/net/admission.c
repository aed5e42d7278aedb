#include "hub/net/admission.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum key_kind { BY_MEMBER = 1, BY_ADDRESS };

/* By member with TLS, whichever of its certificates it shows; else by address without port. */
static void set_quota_key(struct conn *c)
{
    struct sockaddr_storage ss = {0};
    socklen_t size = sizeof(ss);
    unsigned char *key = c->quota_key + 1;
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;

    c->quota_key[0] = c->listener->tls ? BY_MEMBER : BY_ADDRESS;
    if (c->listener->tls) {
        memcpy(key, &c->peer.member_id, sizeof(c->peer.member_id));
        return;
    }
    getpeername(c->stream.fd, (struct sockaddr *)&ss, &size);
    memcpy(&in6, &ss, sizeof(in6));
    memcpy(&in4, &ss, sizeof(in4));
    if (ss.ss_family == AF_INET6)
        memcpy(key, &in6.sin6_addr, sizeof(in6.sin6_addr));
    else
        memcpy(key, &in4.sin_addr, sizeof(in4.sin_addr));
}

static bool service_admits(struct conn *c)
{
    const struct net_service *service = &c->io->server->service;

    return !c->listener->tls || service->admit(service->context, &c->peer);
}

/* The register's lock is not held while the service is asked, so net_close_peers may come between
 * its answer and our entry: then it is asked again. */
static bool admit_and_register(struct conn *c)
{
    struct net_server *s = c->io->server;
    uint64_t calls;

    pthread_mutex_lock(&s->lock);
    do {
        calls = s->close_calls;
        pthread_mutex_unlock(&s->lock);
        if (!service_admits(c))
            return false;
        pthread_mutex_lock(&s->lock);
    } while (calls != s->close_calls);
    c->registered_next = s->registered;
    c->registered_link = &s->registered;
    if (s->registered != NULL)
        s->registered->registered_link = &c->registered_next;
    s->registered = c;
    c->registered = true;
    pthread_mutex_unlock(&s->lock);
    return true;
}

/* The CRLs may be newer than the handshake's. */
static bool revoked_meanwhile(struct conn *c)
{
    struct net_server *s = c->io->server;
    struct tls *now;
    bool revoked;

    pthread_mutex_lock(&s->lock);
    now = tls_hold(s->tls);
    pthread_mutex_unlock(&s->lock);
    revoked = now != c->tls && tls_revoked(now, c->stream.session);
    tls_release(now);
    return revoked;
}

const char *admission_ask(struct conn *c)
{
    struct net_server *s = c->io->server;
    struct budget *peer;

    if (c->listener->tls)
        tls_identify(c->stream.session, &c->verdict, &c->peer);
    if (!service_admits(c))
        return "no member has this certificate";
    set_quota_key(c);
    peer = quota_take(s->quota, c->quota_key);
    if (peer == NULL)
        return "too many connections of this peer";
    c->has_quota = true;
    c->memory.head = c->memory.body = c->ahead = (struct holding){&s->memory, peer, 0};
    if (!admit_and_register(c))
        return "no member has this certificate";
    if (c->listener->tls && revoked_meanwhile(c))
        return "certificate revoked";
    return NULL;
}

void admission_leave(struct conn *c)
{
    struct net_server *s = c->io->server;

    if (c->registered) {
        pthread_mutex_lock(&s->lock);
        *c->registered_link = c->registered_next;
        if (c->registered_next != NULL)
            c->registered_next->registered_link = c->registered_link;
        pthread_mutex_unlock(&s->lock);
    }
    if (c->has_quota)
        quota_give(s->quota, c->quota_key);
    c->registered = c->has_quota = false;
}
