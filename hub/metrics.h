/* Counters and histograms, from one table, in Prometheus' text form. Any thread. */
#pragma once

#include "hub/base/str.h"

/* X(name, help) */
#define METRIC_COUNTERS(X)                                                                         \
    X(requests_refused_total, "Requests answered before a worker saw them (413, 431, 503, ...)")   \
    X(requests_recalled_total, "Requests answered from memory, proven in their commit")            \
    X(requests_moved_total, "Requests whose answer from memory was not proven: asked again")       \
    X(requests_retried_total, "Requests run again after a serialisation failure")                  \
    X(answers_broken_total, "Answers that broke off midway")                                       \
    X(handshakes_refused_total, "TLS connections refused: unknown, expired, revoked, suspended")   \
    X(assertions_accepted_total, "SAML assertions that proved who asks (XUA)")                     \
    X(assertions_refused_total, "Requests refused for their SAML assertion, or for want of one")   \
    X(hl7_duplicates_total, "HL7 v2 messages answered from the stored acknowledgement")            \
    X(hl7_control_id_reused_total,                                                                 \
      "HL7 v2 messages whose control id came before with other bytes")                             \
    X(hl7_odd_endings_total, "HL7 v2 messages whose segments end in LF or CRLF")                   \
    X(hl7_unused_events_total, "ADT events stored and acknowledged, but not used")                 \
    X(outbox_delivered_total, "Messages of the hub's own that were acknowledged")                  \
    X(outbox_failures_total, "Attempts to send one that failed; it is tried again")                \
    X(outbox_dead_total, "Messages given up: dead letters, see `causeway outbox`")                 \
    X(audit_forwarded_total, "Audit records handed to repositories (ITI-20)")                      \
    X(audit_forward_failures_total,                                                                \
      "Connections to repositories that failed; they are tried again")                             \
    X(syslog_received_total, "Syslog messages stored")                                             \
    X(syslog_replays_total, "Of these, such as had come before")                                   \
    X(syslog_unreadable_total, "Of these, such as are no RFC 5424")                                \
    X(community_asked_again_total, "Questions who a patient is elsewhere that nobody waited for")  \
    X(community_rows_pruned_total, "Rows about other communities removed, out of date")            \
    X(consent_denials_total, "Objects that consent withheld")                                      \
    X(consent_emergencies_total, "Emergencies that were opened (break-glass)")                     \
    X(documents_stored_total, "Documents stored")                                                  \
    X(documents_retrieved_total, "Documents retrieved")                                            \
    X(blob_fsyncs_total, "fsync calls for documents and their folders")

enum metric {
#define X(name, help) METRIC_##name,
    METRIC_COUNTERS(X)
#undef X
        METRIC_COUNT
};

void metric_add(enum metric m, uint64_t n);
/* What this thread counts from now on counts if it is released so: of work that may turn out never
 * to have been. */
void metrics_hold(void);
void metrics_release(bool counts);

/* One finished request: count by transaction and outcome, seconds in a histogram, flushes. */
void metric_request(const char *transaction, const char *outcome, int64_t duration_us,
                    uint64_t flushes);

/* Everything, in the exposition format (version 0.0.4). */
void metrics_write(struct strbuf *b);
