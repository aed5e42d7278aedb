#include "tests/unit/hub/net/support_rig.h"

#include <CUnit/CUnit.h>
#include <unistd.h>

#include "hub/base/clock.h"

struct rig rig;

struct net_settings rig_settings(void)
{
    return (struct net_settings){
        .io_threads = 2,
        .max_connections = 100,
        .max_connections_per_peer = 20,
        .max_head = 4096,
        .max_fields = 20,
        .handshake_timeout_us = 5 * US_PER_SECOND,
        .head_timeout_us = 5 * US_PER_SECOND,
        .idle_timeout_us = 5 * US_PER_SECOND,
        .write_timeout_us = 5 * US_PER_SECOND,
        .min_body_rate = 1000,
        .max_request = 1 << 24,
        .max_parts = 4,
        .max_mllp_message = 1000,
        .max_memory = 1 << 26,
    };
}

static void make_pki(void)
{
    struct pki_cert *own;

    pki_begin();
    rig.ca = pki_make(&(struct pki_wish){.name = "CA", .ca = true});
    own = pki_make(&(struct pki_wish){.name = "hub", .issuer = rig.ca});
    rig.client =
        pki_make(&(struct pki_wish){.name = "hospital", .issuer = rig.ca, .usage = "clientAuth"});
    rig.tls_settings = (struct net_tls_settings){
        .certificate_file = pki_cert_file("hub", own),
        .key_file = pki_key_file("hub", own),
        .ca_file = pki_cert_file("ca", rig.ca),
        .crl_file = pki_crl_file("none", rig.ca, NULL),
    };
}

static int listen_on(enum wire wire, bool with_tls, struct errors *err)
{
    int number = net_listen(rig.server, "127.0.0.1:0", wire, with_tls, err);

    must(number >= 0, "a free port can be listened on");
    return net_listener_port(rig.server, number);
}

void rig_begin(const struct net_settings *settings)
{
    struct net_settings usual = rig_settings();
    struct net_service service = service_begin();
    struct errors err;

    arena_init(&rig.arena);
    errors_init(&err, &rig.arena);
    make_pki();
    rig.server = net_server_new(settings != NULL ? settings : &usual, &service);
    must(net_tls_reload(rig.server, &rig.tls_settings, &err) == OK, "TLS can be set up");
    rig.http = listen_on(WIRE_HTTP, false, &err);
    rig.tls = listen_on(WIRE_HTTP, true, &err);
    rig.mllp = listen_on(WIRE_MLLP, false, &err);
    rig.mllp_tls = listen_on(WIRE_MLLP, true, &err);
    net_start(rig.server);
}

void rig_end(void)
{
    net_drain(rig.server, 3 * US_PER_SECOND);
    service_end();
    net_server_free(rig.server);
    pki_end();
    arena_dispose(&rig.arena);
}

void rig_await_open(uint64_t n)
{
    for (int i = 0; i < 12000 && net_figures(rig.server).open != n; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(net_figures(rig.server).open, n);
}

void rig_await_requests(uint64_t n)
{
    for (int i = 0; i < 12000 && net_figures(rig.server).requests != n; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(net_figures(rig.server).requests, n);
}

int status_of(struct str response)
{
    uint64_t status = 0;

    if (!str_starts(response, STR("HTTP/1.1 ")))
        return 0;
    str_to_u64(str_slice(response, 9, 12), &status);
    return (int)status;
}

struct str body_of(struct str response)
{
    ptrdiff_t at = str_find_str(response, STR("\r\n\r\n"));

    return at < 0 ? STR_NONE : str_slice(response, (size_t)at + 4, response.n);
}

bool contains(struct str s, const char *words)
{
    return str_find_str(s, str_from(words)) >= 0;
}
