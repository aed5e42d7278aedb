/* Stored queries (ITI-18; IHE ITI TF-2 3.18): what is asked, as a table of query kinds and their
 * parameters. Adding a query is adding rows to query_types.c, and a way to find its candidates
 * where none there will do. */
#pragma once

#include "xds/gate.h"

/* How a parameter's values are written and compared (3.18.4.1.2.3.4 and .5). */
enum xds_value_type {
    XDS_VALUE_TEXT,    /* equal */
    XDS_VALUE_CODE,    /* code^^scheme, equal */
    XDS_VALUE_STATUS,  /* availabilityStatus; unknown ones are ignored */
    XDS_VALUE_PATTERN, /* SQL LIKE: % and _ */
    XDS_VALUE_FROM,    /* a time: what is compared is not before it */
    XDS_VALUE_TO,      /* a time: what is compared is before it */
    XDS_VALUE_PATIENT, /* CX */
    XDS_VALUE_IDS,     /* ids of objects: where to look, not what to compare */
    XDS_VALUE_HOME,    /* homeCommunityId, and others that choose nothing here */
};

/* How often. */
enum xds_value_count {
    XDS_SINGLE,   /* one value */
    XDS_MULTIPLE, /* any of several; the slot stands once */
    XDS_REPEATED, /* as MULTIPLE, and every slot that repeats it must hold as well */
};

enum xds_value_need {
    XDS_MAY,
    XDS_MUST,
    XDS_ONE_OF, /* exactly one of the parameters so marked */
};

struct xds_parameter {
    const char *name; /* "$XDSDocumentEntryClassCode"; the attribute is the one that names it */
    enum xds_value_type type;
    enum xds_value_count count;
    enum xds_value_need need;
};

struct xds_query;

struct xds_query_type {
    const char *id; /* urn:uuid:... */
    const char *name;
    enum xds_kind kind;                     /* of the objects that the parameters are about */
    const struct xds_parameter *parameters; /* ends with a NULL name */
    enum status (*find)(struct request *rq, const struct xds_query *q,
                        struct xds_candidates *found);
};

extern const struct xds_query_type xds_query_types[]; /* ends with a NULL id */

/* One parameter as given: all groups must hold, a group by any of its values. */
struct xds_argument {
    const struct xds_parameter *parameter;
    const struct xds_attribute *attribute; /* what it is compared with, or NULL */
    struct xds_texts *groups;
    size_t n;
};

struct xds_query {
    struct str id; /* as asked, also where no type has it */
    const struct xds_query_type *type;
    bool leaf_class; /* whole objects, else ObjectRefs */
    struct xds_argument *arguments;
    size_t n;
    size_t value_count; /* of all arguments: capped */
};

/* The values of one rim:Value: 'text' ('' is a quote), a number, or (a, b, ...). Liberal: a single
 * bare word will do. False when it is malformed. Pure. */
bool xds_query_values(struct arena *a, struct str value, struct xds_texts *out);

/* query:AdhocQueryRequest -> struct. XDSUnknownStoredQuery, XDSStoredQueryMissingParam,
 * XDSStoredQueryParamNumber, XDSRegistryError. Pure. */
enum status xds_query_read(struct arena *a, const xmlNode *request, struct xds_query *out,
                           struct errors *err) MUST_CHECK;

/* The argument of that name, or NULL when it was not given. */
const struct xds_argument *xds_query_argument(const struct xds_query *q, const char *name);
/* Its values, if it has one group; {NULL, 0} when it was not given. */
struct xds_texts xds_query_texts(const struct xds_query *q, const char *name);

/* Does the object hold against every argument? Pure and exact; SQL only narrows. */
bool xds_query_match(const struct xds_query *q, const struct xds_object *o);

/* SQL LIKE without an escape character, over UTF-8; at worst the product of both lengths. */
bool xds_like(struct str text, struct str pattern);

/* Ways to find candidates. */
enum status xds_query_find_documents(struct request *rq, const struct xds_query *q,
                                     struct xds_candidates *found) MUST_CHECK;
enum status xds_query_get_documents(struct request *rq, const struct xds_query *q,
                                    struct xds_candidates *found) MUST_CHECK;

/* ITI-18. Wants REPEATABLE READ. */
enum status xds_query(struct request *rq, struct reply *rp) MUST_CHECK;
enum status xds_query_failure(struct request *rq, struct reply *rp) MUST_CHECK;
