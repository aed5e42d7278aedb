/* The document repository: ITI-41 brings documents in, ITI-43 takes them out.
 *
 * Their bytes lie encrypted in the store (blob.h); xds_blob says which bytes are whose. The room's
 * module opens the repository once, before threads start. */
#pragma once

#include "hub/request.h"
#include "xds/blob.h"

/* Opens the store, with the keys that the documents' keys are wrapped under; fills xds_part_sink.
 */
enum status xds_repository_open(const struct config *config, struct errors *err) MUST_CHECK;
void xds_repository_close(void); /* after the last thread */
struct blobs *xds_repository(void);

/* Gives what a request has only taken in a name in the store, so that it can be read back while it
 * goes out; it loses it with the arena. */
enum status xds_read_back(struct arena *a, struct blob_writer **blob,
                          struct byte_source **out) MUST_CHECK;

/* MTOM parts of /xds/repository stream through it into encrypted temporary blobs. */
extern struct part_sink xds_part_sink;

/* Handlers and renderers of failures, for the room's table of transactions. */
enum status xds_provide(struct request *rq, struct reply *rp);  /* ITI-41; READ_COMMITTED */
enum status xds_retrieve(struct request *rq, struct reply *rp); /* ITI-43; REPEATABLE_READ */
enum status xds_retrieve_failure(struct request *rq, struct reply *rp);

/* The row of a document that is being stored. */
struct blob_row {
    struct uuid entry;
    const struct blob_info *info;
};

/* Queues the INSERT of all of them, one statement; no flush. */
void blob_rows_insert(struct request *rq, int64_t pkey, const struct blob_row *rows, size_t count);

/* The blobs of these entries (the pkeys beside them). Queues one statement; after the flush
 * blob_rows_find fills `ref` for an entry, false where its bytes are not here. */
void blob_rows_queue(struct request *rq, const int64_t *pkeys, const struct uuid *entries,
                     size_t count, struct rows *rows);
bool blob_rows_find(const struct rows *rows, struct uuid entry, struct blob_ref *ref);

/* Takes the documents of these entries out of the repository (ITI-86): from COMMIT on they are not
 * found, and `causeway xds collect` removes bytes and keys some days later. Queues one statement;
 * rows->affected says how many were there. */
void blob_rows_remove(struct request *rq, const int64_t *pkeys, const struct uuid *entries,
                      size_t count, struct rows *rows);
