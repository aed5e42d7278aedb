/* What happened outside of any request's transaction and must reach the audit log all the same:
 * refused connections, answers that broke off, requests that found the queue full, and that the
 * hub itself started, read its certificates again, and stopped.
 *
 * I/O threads leave a notice, which never blocks; the keeper writes them as audit rows. The list
 * is bounded, and so is the rate of refused peers: past the bound notices of a kind are only
 * counted, and the count is written. */
#pragma once

#include "hub/data/db.h"

enum notice_kind {
    NOTICE_REFUSED_PEER,
    NOTICE_BROKEN_ANSWER,
    NOTICE_BUSY,
    NOTICE_STARTED,
    NOTICE_STOPPED,
    NOTICE_RELOADED,
    NOTICE_KINDS
};

struct notice {
    enum notice_kind kind;
    int64_t at_us;
    struct uuid request;  /* BROKEN_ANSWER, BUSY */
    char transaction[16]; /* BROKEN_ANSWER */
    int64_t member_id;
    char member[64];
    char peer[384];                /* address and subject */
    unsigned char fingerprint[32]; /* REFUSED_PEER: of the certificate that it showed, or zeroes */
    char text[256];
};

void notice_leave(const struct notice *n);

/* Writes all that is pending, in transactions of its own. What could not be written stays. */
enum status notices_write(struct db *db) MUST_CHECK;
