/* SOAP messages that the hub sends by itself, over the outbox's connections (hub/outbox_connect.h):
 * an address, a POST, its answer. */
#pragma once

#include "hub/net/http_answer.h"
#include "hub/outbox.h"

/* https://HOST[:PORT][/PATH] */
struct soap_url {
    struct str authority; /* as the Host field has it */
    struct str address;   /* HOST:PORT */
    struct str path;
};

bool soap_url_parse(struct arena *a, struct str url, struct soap_url *out) MUST_CHECK;

/* POSTs to the address of d->item on a connection of its own, and waits for the whole answer.
 * UPSTREAM or TIMED_OUT, with the reason in err and without patient data, when there is none. */
enum status soap_post(struct outbox_delivery *d, const struct soap_url *url, struct str type,
                      struct str body, struct http_answer *answer, struct errors *err) MUST_CHECK;

/* What an HTTP status means for the outbox: a sender's mistake will not mend itself, a server's
 * may. */
enum outbox_verdict soap_post_verdict(struct outbox_delivery *d, int http_status);
