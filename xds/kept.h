/* Document entries as they were read, kept in memory for who reads them again: a patient's
 * documents are listed, then opened one by one, by several people on one day.
 *
 * What a query finds is said by the database alone, in the snapshot of the request: it gives which
 * entries, and the version of each one's row (row_version). Only what stands in the row, some forty
 * columns, is taken from memory, and only where that version is still the one that was read. So
 * nothing here can be stale, whoever changed it and wherever. */
#pragma once

#include "hub/request.h"
#include "xds/rim.h"

/* How much of memory they may take; until then, nothing is kept. Once, early. */
void xds_kept_open(const struct config *c);

/* Behind the columns of a kind: row_version. */
#define XDS_ROW_VERSION ", xmin, ctid"

/* What is asked about: one entry, or a person's. */
uint64_t xds_kept_entry(int64_t pkey, struct uuid uuid);
uint64_t xds_kept_person(struct person_ref person);

/* Is it worth to ask for versions alone? Only of what this caller had kept: nobody's answer comes
 * sooner for what another one has read. */
bool xds_kept_for(struct request *rq, uint64_t what);

/* Keeps these: rows of XDS_DOCUMENT_COLUMNS, whatever follows, and XDS_ROW_VERSION. Of very many
 * none. */
void xds_kept_put(struct request *rq, uint64_t what, const struct rows *rows);

/* The entry with this UUID at this place, if it is kept in this version; else NULL. The request's
 * own copy; what it points to lives as long as rq->arena and is nobody's to change. superseded and
 * registered_us are not known of it. */
struct xds_object *xds_kept_take(struct request *rq, int64_t pkey, struct uuid uuid,
                                 struct row_version version);
