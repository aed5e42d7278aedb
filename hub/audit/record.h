/* The record of an audit row: canonical JSON, the same bytes for the same event, for ever.
 *
 * One line of UTF-8 without white space outside strings; every key present, in this order; text
 * escaped as hub/base/json_text.h does. Version 3:
 *
 *     {"v":3,"id":UUIDv7,"at":"2026-11-22T15:04:05.123456Z","request":UUID,
 *      "transaction":"ITI-18","event":"110112","action":"E","outcome":0,
 *      "member":{"id":7,"name":"st-mary"},"user":"","role":"system","purpose":"TREAT",
 *      "peer":"","endpoint":"","person":{"pkey":"-4611686018427387904","id":"12"},
 *      "patient":"123^^^&1.2.3&ISO","description":"",
 *      "objects":[{"kind":"query","id":"urn:uuid:...","detail":"","home":""}],
 *      "side":"responder","partner":"","user_name":"","organization":"","role_system":"",
 *      "purpose_system":"","assertion":"","sender":"","process":4711,"fingerprint":"",
 *      "verbatim":"",
 *      "decisions":[{"effect":"deny","rule":"patient-deny","overrode":"","policy":UUID,"version":1,
 *                    "reason":"171.202(e) ...","obligations":"","count":3}]}
 *
 * side: "initiator" where the hub itself asked or told. fingerprint: SHA-256 of the peer's
 * certificate, hexadecimal; verbatim: a received message, base64; decisions: consent's, about how
 * many objects (struct audit_decision). Version 1 ended with objects, and they with detail; version
 * 2 with verbatim. What is unknown is "" or 0. Numbers of the index are strings: they do not fit a
 * double. Later versions add keys at the end. Pure, but for the process id; any thread. */
#pragma once

#include "hub/audit/audit.h"

/* A longer detail is cut, and says so: a client's query may be large, the log is for ever. What the
 * rows of one request repeat is whole in the first alone; the others share AUDIT_REPEATED_MAX, each
 * with AUDIT_REPEATED_LEAST at least. */
enum {
    AUDIT_DETAIL_MAX = 65536,
    AUDIT_ID_MAX = 1024,
    AUDIT_REPEATED_MAX = 1 << 18,
    AUDIT_REPEATED_LEAST = 256,
};

/* detail_max: bytes of an object's detail, more than three. */
struct str audit_record_write(struct arena *a, const struct audit_context *context,
                              const struct audit_row *row, struct uuid id, size_t detail_max);

/* The row's own, or its request's. */
const char *audit_row_transaction(const struct audit_context *context, const struct audit_row *row);
struct audit_kind audit_row_kind(const struct audit_context *context, const struct audit_row *row);

/* Place of a row without a person: the hash_key of the request's id. */
int64_t audit_request_pkey(struct uuid request);
