/* Gathering objects and associations of several places, each object once, and whose they are now:
 * what a query's candidates grow from. Used in rounds: queue, then xds_gather_round, which flushes
 * and takes in what came; at the end xds_gather_finish reads the persons and their policies. */
#pragma once

#include "xds/find.h"
#include "xds/query.h"

enum {
    XDS_ROUNDS = 4,          /* of one gathering, at most */
    XDS_STATEMENTS_MAX = 16, /* of one round */
};

/* Objects by their ids and places, as uid_entry and associations know them. */
struct xds_wanted {
    struct xds_target {
        struct uuid uuid;
        enum xds_kind kind;
        struct place place;
    } * v;
    size_t n;
};
void xds_wanted_add(struct arena *a, struct xds_wanted *w, struct uuid uuid, enum xds_kind kind,
                    struct place place);

struct xds_gather {
    struct request *rq;
    struct xds_candidates *found; /* grows; persons are filled at the end */
    struct pair_index objects;    /* number in found, by UUID */
    struct place *places;         /* each once */
    struct pair_index place_numbers;
    size_t place_count, places_asked;
    struct mpi_owners owners[XDS_ROUNDS];
    size_t rounds;
    struct xds_pending {
        enum xds_kind kind;
        bool witness;
        bool capped; /* at max_scanned rows */
        struct rows rows;
    } pending[XDS_STATEMENTS_MAX];
    size_t pending_count;
};

void xds_gather_init(struct xds_gather *g, struct request *rq, struct xds_candidates *found);

/* A rows target for a statement of the caller's own that selects the kind's columns and
 * XDS_SUPERSEDED or XDS_ONE_VERSION: filled by the next round. */
struct rows *xds_gather_rows(struct xds_gather *g, enum xds_kind kind, bool witness);
/* Likewise; XDSTooManyResults when the statement gives more than max_scanned rows: its LIMIT is one
 * more. */
struct rows *xds_gather_rows_capped(struct xds_gather *g, enum xds_kind kind, bool witness);
/* Objects by id. */
void xds_gather_objects(struct xds_gather *g, const struct xds_wanted *wanted, bool witness);
/* The later versions of these documents and folders, which are the first. */
void xds_gather_versions(struct xds_gather *g, const struct xds_wanted *wanted);
/* The associations whose source or target these are (xds_query_links). */
void xds_gather_links(struct xds_gather *g, const struct xds_wanted *wanted, unsigned links);
/* What lies at these places, of these kinds; associations as witnesses. */
void xds_gather_at(struct xds_gather *g, const struct place *places, size_t count, unsigned kinds);

/* One flush. */
enum status xds_gather_round(struct xds_gather *g) MUST_CHECK;

bool xds_gather_has(const struct xds_gather *g, struct uuid uuid);
/* The ends of associations that have not come yet. */
struct xds_wanted xds_gather_missing(const struct xds_gather *g);

/* The persons and policies: one flush, two where persons were merged. */
enum status xds_gather_finish(struct xds_gather *g) MUST_CHECK;

/* Follows associations to their ends, two rounds at most, and finishes. */
enum status xds_query_follow(struct xds_gather *g, const struct xds_query *q) MUST_CHECK;
