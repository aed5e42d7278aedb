/* What a submission may not learn: whether an id that it names is that of a document which consent
 * hides from its sender. Such a document is not registered as far as the submission goes: a
 * relationship to it, a new version or a new status fail with the words for an id that nobody
 * registered. What the sender published itself it may always name, hidden or not, and so may a
 * curator. Folders and sets are not looked at: they are registered for all. */
#pragma once

#include "xds/link.h"

/* After xds_links_read. No flush where the submission names nothing that is registered; one where
 * all of it is the sender's own, else those of reading persons and policies. */
enum status xds_hidden_forget(struct request *rq, struct xds_links *links,
                              const struct xds_source *source) MUST_CHECK;
