/* The limit for handshakes: OpenSSL client and server in memory, mutual TLS 1.3 with P-256, two
 * threads, no socket and no hub. Prints one JSON object. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/base/clock.h"

static SSL_CTX *server_tls, *client_tls;
static int64_t deadline_us;

static SSL_CTX *context(const SSL_METHOD *method, const char *cert, const char *key, const char *ca)
{
    SSL_CTX *c = SSL_CTX_new(method);

    if (c == NULL || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(c, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(c, ca, NULL) != 1) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(c, 0);
    return c;
}

static int shake_hands(void)
{
    SSL *server = SSL_new(server_tls), *client = SSL_new(client_tls);
    BIO *a, *b;
    int done = 0;

    BIO_new_bio_pair(&a, 32768, &b, 32768);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && !done; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
        done = SSL_is_init_finished(client) && SSL_is_init_finished(server);
    }
    SSL_free(server);
    SSL_free(client);
    return done;
}

static void *run(void *p)
{
    long *count = p;

    while (clock_monotonic_us() < deadline_us) {
        if (!shake_hands()) {
            ERR_print_errors_fp(stderr);
            exit(2);
        }
        (*count)++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    long counts[2] = {0, 0};
    double seconds;

    if (argc != 7) {
        fputs("usage: bench_handshake_pairs SECONDS CA SERVER-CERT SERVER-KEY CLIENT-CERT "
              "CLIENT-KEY\n",
              stderr);
        return 2;
    }
    seconds = atof(argv[1]);
    server_tls = context(TLS_server_method(), argv[3], argv[4], argv[2]);
    client_tls = context(TLS_client_method(), argv[5], argv[6], argv[2]);
    deadline_us = clock_monotonic_us() + (int64_t)(seconds * US_PER_SECOND);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run, &counts[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("{\"done\": %ld, \"per_second\": %.2f}\n", counts[0] + counts[1],
           (double)(counts[0] + counts[1]) / seconds);
    return 0;
}
