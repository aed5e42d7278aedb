/* Sensitivity labels of document entries (consent/labels.h), kept beside their metadata.
 *
 * An entry is labelled when it is registered, by the value sets that this process knows then. Its
 * labels carry the version of the value sets that made them, and each row that is read for a
 * decision brings the present version with it, from the same snapshot: where they differ the
 * labels are made anew before anything is decided (xds_label_refresh, which xds_gate calls), from
 * memory or with one flush the first time. So no decision is made by stale labels, from the commit
 * of a change on, and what the background does (relabel.h) only saves that work. */
#pragma once

#include "consent/labels.h"
#include "hub/request.h"
#include "xds/rim.h"

/* The codes of a document's metadata, as labels are made from. */
struct label_code *xds_label_codes(struct arena *a, const struct xds_document *d, size_t *count);

/* Makes them by this book. */
void xds_label_make(struct arena *a, struct xds_document *d, const struct label_book *book);

/* A document that is about to be registered. No database. */
void xds_label_new(struct arena *a, struct xds_document *d);

/* One that was read (label_now is set); other objects stay as they are. Fails only where the value
 * sets could not be read: then nothing may be decided about it. */
enum status xds_label_refresh(struct request *rq, struct xds_object *o) MUST_CHECK;
