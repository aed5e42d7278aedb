/* Reading the audit log back: newest first, a page at a time, decrypted.
 *
 * A patient is found by identifier as messages named it, and from there by person: what was done
 * under another identifier of the same person is found too. The caller may name persons that only
 * the index knows of, such as those merged into this one. Who reads the log writes a row about
 * it (110101 Audit Log Used) in the same transaction: that is the caller's to do. */
#pragma once

#include "hub/audit/record_cipher.h"
#include "hub/base/err.h"
#include "hub/data/db.h"

enum { AUDIT_SEARCH_MAX = 1000 };

struct audit_filter {
    struct str patient;                /* CX, or an id alone; empty: any */
    const int64_t *pkeys, *person_ids; /* further persons, with `patient` */
    size_t person_count;
    int64_t member_id;      /* 0: any */
    struct str transaction; /* empty: any; so are the next four */
    struct str user, role, purpose;
    struct str document; /* its uniqueId */
    int outcome;         /* 0: any; AUDIT_MINOR and on: exactly that */
    bool succeeded, failed;
    bool emergency; /* break-glass, by its purpose of use or by its event; of any patient */
    bool by_request;
    struct uuid request;
    int64_t from_us, to_us; /* from inclusive, to exclusive; INT64_MIN and INT64_MAX: open */
    bool before;            /* a cursor: rows older than this one */
    int64_t before_us;
    struct uuid before_id;
    size_t limit; /* 1 to AUDIT_SEARCH_MAX */
};

struct audit_entry {
    int64_t pkey, at_us;
    struct uuid id, request;
    struct str transaction, event, action;
    int outcome;
    int64_t member_id, person_id; /* 0: none */
    struct str patient, purpose;
    struct str record; /* JSON (hub/audit/record.h); STR_NONE: altered, or under another key */
    struct str stored; /* the bytes that the log holds, encrypted */
};

struct audit_found {
    struct audit_entry *items;
    size_t count;
    bool more;               /* older ones match too: go on before the last of these */
    int64_t pkey, person_id; /* the patient's, where exactly one is known; else 0 */
};

/* Two flushes with a patient, else one. Memory from a. */
enum status audit_search(struct db *db, struct arena *a, const struct audit_filter *filter,
                         struct audit_found *out) MUST_CHECK;

/* These records, newest first; those that were erased are left out. */
enum status audit_search_records(struct db *db, struct arena *a, const struct audit_position *at,
                                 size_t count, struct audit_found *out) MUST_CHECK;
/* Where a record lies that is known by time and id. */
enum status audit_search_place(struct db *db, int64_t at_us, struct uuid id, bool *found,
                               struct audit_position *out) MUST_CHECK;
