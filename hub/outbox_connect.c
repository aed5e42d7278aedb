#include "hub/outbox_connect.h"

#include <stdio.h>

void outbox_hang_up(void *connection)
{
    dial_close(connection);
}

enum outbox_verdict outbox_trouble(struct outbox_delivery *d, enum outbox_verdict v, struct str why)
{
    snprintf(d->trouble, sizeof(d->trouble), "%.*s", STR_ARG(why));
    return v;
}

static bool is_trusted(const struct outbox_delivery *d, const struct dialed *connection)
{
    struct dial_trust t = dial_trust(connection);
    const struct member *m =
        member_by_cert(d->members, t.fingerprint, t.chain_valid, clock_now_us());

    if (m != NULL && m->id == d->item->to.member_id)
        return true;
    return m == NULL && t.chain_valid && t.name_valid;
}

enum status outbox_connect(struct outbox_delivery *d, struct str address, int64_t deadline_us,
                           struct errors *err)
{
    const struct config *c = d->config;
    struct net_tls_settings tls = {
        .certificate_file = c->tls_certificate,
        .key_file = c->tls_key,
        .ca_file = c->tls_ca[0] ? c->tls_ca : NULL,
        .crl_file = c->tls_crl[0] ? c->tls_crl : NULL,
    };
    struct dialed *fresh;

    if (*d->connection != NULL)
        return OK;
    TRY(dial(&tls, address, deadline_us, &fresh, err));
    *d->connection = fresh;
    if (is_trusted(d, fresh))
        return OK;
    return fail(err, DENIED, "dial",
                "its certificate is neither registered for this member nor of a configured CA for"
                " this host");
}
