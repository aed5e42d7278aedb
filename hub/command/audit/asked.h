/* What is asked of the audit log: the options of a search, read into a filter. */
#pragma once

#include "hub/audit/search.h"
#include "hub/command/operation.h"

enum { AUDIT_ASKED_LIMIT = 50 }; /* rows at a time, unless --limit says another number */
#define AUDIT_ASKED_US (30 * US_PER_DAY)

/* X(name, value, help): the conditions, which search, export and saved searches share. */
#define AUDIT_CONDITIONS(X)                                                                        \
    X("patient", "CX|ID", "an identifier, 'ID^^^&OID&ISO', or the ID alone")                       \
    X("user", "ID", "the person who asked, as the assertion proved it; an operator's login")       \
    X("member", "NAME", "what this member did")                                                    \
    X("role", "CODE", "by the role of who asked")                                                  \
    X("purpose", "CODE", "by the purpose of use: TREAT, BTG, HRESCH, ...")                         \
    X("document", "UID", "what named this document, by its uniqueId")                              \
    X("outcome", "WORD", "success, failure (whichever), minor, serious or major")                  \
    X("transaction", "NAME", "ITI-18, ITI-41, ..., CONFIG for an operator's change, START, STOP")  \
    X("from", "T", "since then (2026-11-22 or 2026-11-22T15:04:05Z)")                              \
    X("to", "T", "until just before then")                                                         \
    X("request", "ID", "the id that an error or a log line shows")
#define AUDIT_CONDITION_OPTION(name, value, help) {name, value, help},
#define AUDIT_CONDITION_USAGE                                                                      \
    "[--patient CX|ID] [--user ID] [--member NAME] [--role CODE] [--purpose CODE] "                \
    "[--document UID] [--outcome WORD] [--transaction NAME] [--from T] [--to T] [--request ID]"

/* A patient's identifier is looked up in the index too, when it is written out (CX): who was merged
 * into that person is sought as well. Without a patient, user, document or request, and without
 * --from, the last 30 days alone are searched. */
enum status audit_asked(struct operation *o, struct audit_filter *f) MUST_CHECK;

/* TIME/ID, as tables and cursors show a record. */
bool audit_record_read(struct str text, int64_t *at_us, struct uuid *id);
/* The record that an option names so. NOT_FOUND, or INVALID "usage". */
enum status audit_record_named(struct operation *o, const char *text,
                               struct audit_position *out) MUST_CHECK;
