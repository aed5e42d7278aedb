/* The configuration: causeway.conf, an ini file of key = value lines, read once at the start.
 *
 * Every key stands in this one table with its default, its range and its line of documentation;
 * the struct, the reader, `causeway serve --help-config` and the packaged causeway.conf all come
 * from it. An unknown key, a value out of range or a missing required one stops the start.
 * Immutable after config_read: any thread may read it. */
#pragma once

#include "hub/base/arena.h"
#include "hub/base/err.h"

/* X(type, name, default, least, most, documentation); for TEXT the range is of its length. A NULL
 * default makes the key required. */
#define CONFIG_KEYS(X)                                                                             \
    X(SECTION, region, "Who this hub is", 0, 0, "")                                                \
    X(TEXT, home_community_id, NULL, 3, 64,                                                        \
      "OID of this community (homeCommunityId), without urn:oid:")                                 \
    X(TEXT, xad_authority, NULL, 3, 64,                                                            \
      "OID of the affinity domain's patient identifiers (XAD-PID)")                                \
    X(TEXT, repository_unique_id, NULL, 3, 64, "OID of the document repository of this hub")       \
    X(TEXT, xad_source, "hub", 1, 64,                                                              \
      "Who issues XAD-PIDs: 'hub', or the name of the member that feeds them by ITI-8")            \
    X(TEXT, golden_trust, "", 0, 2000,                                                             \
      "Members whose demographics are believed first, best in front, separated by commas")         \
    X(TEXT, unknown_patient, "error", 5, 5,                                                        \
      "A query for an unknown patient: 'error' (XDSUnknownPatientId) or 'empty'")                  \
    X(SECTION, database, "PostgreSQL", 0, 0, "")                                                   \
    X(TEXT, database, NULL, 1, 1000, "libpq connection string of the role causeway_hub")           \
    X(NUMBER, workers, "16", 1, 256,                                                               \
      "Worker threads, one database connection each: twice the database's cores")                  \
    X(SWITCH, audit_group_commit, "on", 0, 1,                                                      \
      "Requests that only read share the commits of their audit rows; off where PostgreSQL is "    \
      "distributed: a shared commit has several groups")                                           \
    X(SECTION, listeners, "Listeners (address:port; port 0 takes a free one; empty: none)", 0, 0,  \
      "")                                                                                          \
    X(TEXT, listen, "0.0.0.0:8443", 0, 200, "Members: SOAP over mutual TLS")                       \
    X(TEXT, mllp_listen, "0.0.0.0:2575", 0, 200, "Members: HL7 v2 over MLLP over mutual TLS")      \
    X(TEXT, admin_listen, "127.0.0.1:9090", 0, 200,                                                \
      "Health and metrics: plain HTTP, keep it on loopback")                                       \
    X(TEXT, public_url, "", 0, 500,                                                                \
      "How members reach `listen`, for audit records; default https://HOST:PORT")                  \
    X(SECTION, tls, "Transport security (PEM files; re-read on SIGHUP)", 0, 0, "")                 \
    X(TEXT, tls_certificate, NULL, 1, 4000, "This hub's certificate chain")                        \
    X(TEXT, tls_key, NULL, 1, 4000, "Its private key; readable by the service user only")          \
    X(TEXT, tls_ca, "", 0, 4000,                                                                   \
      "CAs that members' certificates may chain to; empty: direct trust only")                     \
    X(TEXT, tls_crl, "", 0, 4000, "Certificate revocation lists of these CAs")                     \
    X(SWITCH, tls_dhe, "off", 0, 1,                                                                \
      "Also offer DHE-RSA suites (ITI-19 STX); RFC 9325 advises against them")                     \
    X(SECTION, limits, "Limits", 0, 0, "")                                                         \
    X(NUMBER, io_threads, "2", 1, 64, "Threads that own the connections")                          \
    X(NUMBER, max_connections, "12000", 1, 1000000, "Open connections over all listeners")         \
    X(NUMBER, max_connections_per_member, "3000", 1, 1000000, "Open connections of one member")    \
    X(NUMBER, queue_length, "512", 1, 100000,                                                      \
      "Requests that may wait for a worker; then 503 with Retry-After, to whom most are of")       \
    X(NUMBER, member_waiting, "256", 1, 100000,                                                    \
      "Requests of one member that may wait for a worker; then 503 (`causeway member share`)")     \
    X(NUMBER, member_running, "75", 1, 100,                                                        \
      "Percent of the workers that one member's requests may occupy at a time")                    \
    X(NUMBER, member_asking, "256", 1, 100000,                                                     \
      "Requests of one member that may wait for other communities' answers; then its next ones "   \
      "wait")                                                                                      \
    X(NUMBER, member_rate, "1000", 0, 1000000,                                                     \
      "Requests a second of one member, and as many at once; then 503. HL7 v2 messages are only "  \
      "slowed down. 0: no limit")                                                                  \
    X(NUMBER, address_handshakes, "256", 0, 1000000,                                               \
      "TLS handshakes of one address under way at a time; behind a balancer all come from one. "   \
      "0: no limit")                                                                               \
    X(NUMBER, address_handshake_rate, "100", 0, 1000000,                                           \
      "TLS handshakes a second of one address, and five times as many at once; 0: no limit")       \
    X(NUMBER, max_message_kb, "10240", 64, 65536,                                                  \
      "Kilobytes of a SOAP message without its MTOM parts")                                        \
    X(NUMBER, max_request_mb, "4096", 1, 1048576,                                                  \
      "Megabytes of a whole request, MTOM parts included")                                         \
    X(NUMBER, max_parts, "1000", 1, 10000, "MTOM parts of one request")                            \
    X(NUMBER, max_memory_mb, "1024", 64, 1048576,                                                  \
      "Megabytes of all requests not yet answered, a quarter for one member; then 503")            \
    X(NUMBER, entries_memory_mb, "256", 1, 1048576,                                                \
      "Megabytes of document entries that are kept for who lists them again: some 7 kB each")      \
    X(NUMBER, max_inline_kb, "7168", 1, 7168,                                                      \
      "Kilobytes of base64 inside XML; larger documents must use MTOM")                            \
    X(NUMBER, max_hl7_kb, "1024", 1, 65536, "Kilobytes of one HL7 v2 message")                     \
    X(NUMBER, max_results, "5000", 1, 100000,                                                      \
      "Visible objects of one stored query; more is XDSTooManyResults")                            \
    X(NUMBER, max_scanned, "50000", 100, 1000000,                                                  \
      "Associations that one query may follow, and objects that one without a patient may meet")   \
    X(NUMBER, max_patients, "100", 1, 500,                                                         \
      "Patients that a demographics query answers at most, the best first")                        \
    X(NUMBER, continuation_minutes, "30", 1, 1440,                                                 \
      "For which the rest of a demographics query can be fetched")                                 \
    X(NUMBER, request_seconds, "30", 1, 3600, "Deadline of a request once it is complete")         \
    X(NUMBER, handshake_seconds, "5", 1, 60, "For a TLS handshake")                                \
    X(NUMBER, head_seconds, "10", 1, 60, "For the head of a request")                              \
    X(NUMBER, idle_seconds, "300", 1, 86400, "Of a connection between requests")                   \
    X(NUMBER, write_seconds, "60", 1, 3600, "Without progress while an answer goes out")           \
    X(NUMBER, min_body_rate, "10240", 0, 100000000, "Least bytes a second while a body comes in")  \
    X(NUMBER, drain_seconds, "30", 0, 3600, "For requests under way when the hub is told to stop") \
    X(SECTION, storage, "Documents and keys", 0, 0, "")                                            \
    X(TEXT, store, "fs", 2, 2, "Where documents lie: 'fs' (store_dir) or 's3' (the keys below)")   \
    X(TEXT, store_dir, "/var/lib/causeway/documents", 1, 3000,                                     \
      "Folder of the encrypted documents; with s3, of those on their way")                         \
    X(TEXT, s3_endpoint, "", 0, 500, "https://HOST[:PORT] of the S3 server")                       \
    X(TEXT, s3_bucket, "", 0, 63, "Bucket of the encrypted documents, which must be there")        \
    X(TEXT, s3_region, "us-east-1", 1, 64, "Region that requests are signed for")                  \
    X(TEXT, s3_credentials, "", 0, 4000,                                                           \
      "File of two lines, access key and secret; readable by the service user only")               \
    X(TEXT, s3_ca, "", 0, 4000, "CAs of the S3 server's certificate; empty: the system's")         \
    X(TEXT, master_key, NULL, 1, 4000,                                                             \
      "File with the hub's master key (32 bytes; made by `causeway doctor --make-key`)")           \
    X(TEXT, document_key, "", 0, 4000,                                                             \
      "File with the key that wraps the documents' keys (32 bytes); empty: master_key")            \
    X(TEXT, document_keys_known, "", 0, 12000,                                                     \
      "Further such files, to open documents with until `causeway xds rekey` has rewrapped them")  \
    X(NUMBER, fsync_group_us, "0", 0, 100000,                                                      \
      "Microseconds that a document may wait to share an fsync with others")                       \
    X(SECTION, outbox, "What the hub sends by itself", 0, 0, "")                                   \
    X(NUMBER, outbox_senders, "2", 0, 64,                                                          \
      "Threads that send notifications; 0: this process sends none")                               \
    X(NUMBER, outbox_ack_seconds, "30", 1, 3600,                                                   \
      "For a connection to a destination, and for its answer; then the connection is closed")      \
    X(NUMBER, outbox_attempts, "20", 1, 10000,                                                     \
      "Attempts to send one message; then it is a dead letter")                                    \
    X(NUMBER, outbox_pause_seconds, "300", 1, 86400,                                               \
      "Longest pause between attempts; the first is one second, and each twice the one before")    \
    X(NUMBER, outbox_kept, "10000", 1, 10000000,                                                   \
      "Answers and dead letters kept for one address of wsa:ReplyTo; one more is refused")         \
    X(NUMBER, outbox_kept_mb, "1024", 1, 1048576, "Megabytes of them")                             \
    X(SECTION, communities, "Calls to other communities (XCA, XCPD)", 0, 0, "")                    \
    X(NUMBER, community_soft_ms, "5000", 10, 600000,                                               \
      "Milliseconds until a community's answer has begun; then the caller is told without it")     \
    X(NUMBER, community_hard_ms, "30000", 10, 3600000, "Milliseconds until it is whole")           \
    X(NUMBER, community_in_flight, "8", 1, 1000, "Calls to one community at a time; more wait")    \
    X(NUMBER, community_attempts, "3", 1, 10,                                                      \
      "Attempts of a question that a community did not get, or was too busy for")                  \
    X(NUMBER, community_leave_alone_ms, "10000", 10, 300000,                                       \
      "For which a community that failed five times in a row is not called; twice as long each "   \
      "time that it fails again")                                                                  \
    X(TEXT, discovery_wants, "name birth", 0, 200,                                                 \
      "What a community has to tell of somebody to be answered (ITI-55), separated by spaces: "    \
      "name, "                                                                                     \
      "birth, sex, address, telecom, mother")                                                      \
    X(NUMBER, discovery_matches, "3", 1, 20,                                                       \
      "Patients that one answer to a community names; for more it is asked to tell more")          \
    X(NUMBER, discovery_days, "7", 0, 366,                                                         \
      "Days for which a community may keep who a patient is here; 0: not at all")                  \
    X(SWITCH, health_data_locator, "off", 0, 1,                                                    \
      "Tell communities where else a patient is known whom they may see here (ITI-56)")            \
    X(NUMBER, community_transfer_mb, "4096", 1, 1048576,                                           \
      "Megabytes of one answer of a community, documents included")                                \
    X(NUMBER, community_memory_days, "30", 0, 3660,                                                \
      "Days for which it is kept who a patient was in another community, and which documents it "  \
      "showed, once that is out of date")                                                          \
    X(TEXT, rediscovery_purpose, "", 0, 64,                                                        \
      "Purpose of use (a code, as TREAT) for which communities are asked again, before what they " \
      "said runs out, who a patient is there; empty: only when somebody asks about the patient")   \
    X(NUMBER, rediscovery_days, "30", 1, 366,                                                      \
      "Days for which this is done after somebody asked about the patient")                        \
    X(SECTION, audit, "The audit log", 0, 0, "")                                                   \
    X(TEXT, seal_database, "", 0, 1000,                                                            \
      "libpq connection string of the role causeway_seal; empty: `database` with that user")       \
    X(TEXT, checkpoint_key, "/var/lib/causeway-seal/checkpoint.key", 1, 4000,                      \
      "Key that signs the log's checkpoints; only the sealer's user may read it")                  \
    X(NUMBER, seal_interval_ms, "1000", 10, 60000,                                                 \
      "Milliseconds between two checkpoints while records come")                                   \
    X(NUMBER, audit_retention_years, "10", 1, 200,                                                 \
      "For which audit records are kept, in the database or in archives")                          \
    X(TEXT, audit_forward, "", 0, 4000,                                                            \
      "Repositories that get every record: tls://HOST:PORT or udp://HOST:PORT, by commas")         \
    X(TEXT, audit_site, "", 0, 64, "AuditEnterpriseSiteID in what is forwarded; empty: none")      \
    X(TEXT, syslog_listen, "", 0, 200,                                                             \
      "Members' audit records by syslog over mutual TLS (RFC 5425; its port is 6514)")             \
    X(TEXT, syslog_udp_listen, "", 0, 200,                                                         \
      "The same by UDP, from anyone (RFC 5426; its port is 514): keep it on a trusted network")    \
    X(NUMBER, syslog_workers, "2", 1, 64, "Threads that store what comes in by syslog")            \
    X(NUMBER, max_syslog_kb, "256", 1, 4096, "Kilobytes of one syslog message")                    \
    X(SECTION, operation, "Operation", 0, 0, "")                                                   \
    X(TEXT, user, "", 0, 32,                                                                       \
      "System user to become when started as root, after the listeners are bound")                 \
    X(NUMBER, answer_step_ms, "2", 0, 1000,                                                        \
      "What discloses is answered at multiples of so many milliseconds, so that its time tells "   \
      "nothing of what consent hides; 2 costs an answer about one. 0: as soon as it can, which "   \
      "who asks often enough can tell apart")                                                      \
    X(TEXT, migrations, "", 0, 4000,                                                               \
      "Folder of the migrations; empty: where the program was installed")                          \
    X(TEXT, log_level, "info", 4, 5, "debug, info, warn or error")                                 \
    X(NUMBER, resend_hours, "72", 0, 8760,                                                         \
      "An identical HL7 v2 message within this time gets the stored answer")

struct config {
#define CONFIG_MEMBER_TEXT(name)                const char *name;
#define CONFIG_MEMBER_NUMBER(name)              int64_t name;
#define CONFIG_MEMBER_SWITCH(name)              bool name;
#define CONFIG_MEMBER_SECTION(name)             const char *section_##name;
#define X(type, name, preset, least, most, doc) CONFIG_MEMBER_##type(name)
    CONFIG_KEYS(X)
#undef X
};

/* Reads the file; what is wrong is recorded in err, each with its line. Memory from a. */
enum status config_read(struct arena *a, const char *path, struct config *out,
                        struct errors *err) MUST_CHECK;
/* 16 hexadecimal digits that tell one configuration from another, and nothing else of it: keyed by
 * the master key, since a connection string may hold a password. */
struct str config_digest(struct arena *a, const struct config *c,
                         const unsigned char master_key[32]);
/* The manual: every key with default, range and words, as a commented causeway.conf. */
struct str config_manual(struct arena *a);
