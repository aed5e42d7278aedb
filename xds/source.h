/* What a member's submissions may hold (table xds_source), and the affinity domain's codes
 * (xds_code): read with every submission, in its first flush, so that a change holds at once. */
#pragma once

#include "hub/request.h"
#include "xds/rim.h"

struct xds_source {
    struct rows rows;
    bool limited, curator; /* of xds_source, after the check */
    struct str consents;   /* for whom it may file them: off, none, own, any */
    bool consent_headers;  /* their headers are checked, where the bytes are here */
    struct xds_coded {     /* the coded values of the submission: one that is unknown is named */
        const struct xds_object *object;
        const char *label;
        struct str code, scheme;
    } * v;
    size_t n;
};

/* Queues one statement; s may be NULL where only the member's rights are asked. */
void xds_source_queue(struct request *rq, const struct xds_submission *s,
                      struct xds_source *source);

/* After the flush: limited metadata without the right to it, and, where the member's codes are
 * checked strictly, unknown ones: XDSRegistryMetadataError. With `warn` they are warnings. */
enum status xds_source_check(struct request *rq, const struct xds_submission *s,
                             struct xds_source *source) MUST_CHECK;

/* May the member that asks change what `publisher` published? Anyone its own. */
bool xds_source_may_change(const struct request *rq, const struct xds_source *source,
                           int64_t publisher);
