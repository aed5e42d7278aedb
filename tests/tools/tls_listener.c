/* tls_listener CERTIFICATE KEY: the hub's own TLS settings on a listener that only asks for a
 * client certificate, for scanners that have none (tests/tls/run). Prints its port; serves until
 * killed. */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/net/tls.h"

enum { SECONDS = 10 };

static struct tls *tls;

static void answer(SSL *session)
{
    static const char words[] =
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char asked[8192];

    if (SSL_accept(session) != 1 || SSL_read(session, asked, sizeof(asked)) <= 0)
        return;
    SSL_write(session, words, sizeof(words) - 1);
    SSL_shutdown(session);
}

static void *serve(void *p)
{
    const struct timeval limit = {.tv_sec = SECONDS};
    struct tls_verdict verdict = {.refusal = NULL};
    int fd = (int)(intptr_t)p;
    SSL *session = tls_session(tls, fd, &verdict);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    SSL_set_verify(session, SSL_VERIFY_PEER, NULL);
    answer(session);
    SSL_free(session);
    close(fd);
    return NULL;
}

static int open_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 128) == 0 &&
             getsockname(fd, (struct sockaddr *)&at, &size) == 0,
         "a port on the loopback interface");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct net_tls_settings settings = {0};
    struct errors err;
    struct arena a;
    int listener, fd;

    if (argc != 3) {
        fputs("usage: tls_listener CERTIFICATE KEY\n", stderr);
        return 2;
    }
    arena_init(&a);
    errors_init(&err, &a);
    signal(SIGPIPE, SIG_IGN);
    settings.certificate_file = argv[1];
    settings.key_file = argv[2];
    tls = tls_new(&settings, &err);
    if (tls == NULL) {
        fprintf(stderr, "tls_listener: %.*s\n", STR_ARG(err.first->text));
        return 1;
    }
    listener = open_port();
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;

        must(pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0, "a thread");
        pthread_detach(thread);
    }
    return 1;
}
