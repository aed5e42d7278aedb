/* Stored queries (ITI-18, ITI-51; IHE ITI TF-2 3.18, 3.51, and the XDS Metadata Update supplement):
 * what is asked, as a table of query kinds and their parameters. Adding a query is adding rows to
 * query_types.c.
 *
 * A query runs in three steps. Its `find` gathers candidates: the objects that it looks for first,
 * and as witnesses those that associations lead to. xds_gate takes away what consent hides. What
 * is left is all that `select` knows of, so that an answer, its limits and its errors cannot tell
 * of anything hidden. */
#pragma once

#include "hub/soap.h"
#include "xds/gate.h"

/* How a parameter's values are written and compared (3.18.4.1.2.3.4 and .5). */
enum xds_value_type {
    XDS_VALUE_TEXT,         /* equal */
    XDS_VALUE_CODE,         /* code^^scheme, equal */
    XDS_VALUE_STATUS,       /* availabilityStatus; unknown ones are ignored */
    XDS_VALUE_AVAILABILITY, /* documentAvailability; none is Online */
    XDS_VALUE_PATTERN,      /* SQL LIKE: % and _ */
    XDS_VALUE_FROM,         /* a time: what is compared is not before it */
    XDS_VALUE_TO,           /* a time: what is compared is before it */
    XDS_VALUE_LEVEL,        /* $MetadataLevel: 1 or 2 */
    /* Where to look, not what to compare: */
    XDS_VALUE_PATIENT,  /* CX */
    XDS_VALUE_UUIDS,    /* entryUUIDs */
    XDS_VALUE_UNIQUES,  /* uniqueIds */
    XDS_VALUE_LOGICALS, /* logicalIDs: all versions */
    XDS_VALUE_HOME,     /* homeCommunityId: chooses nothing here */
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
    XDS_ONE_OF,  /* exactly one of the parameters so marked */
    XDS_SOME_OF, /* one at least */
};

struct xds_parameter {
    const char *name;   /* "$XDSDocumentEntryClassCode"; the attribute is the one that names it */
    enum xds_kind kind; /* of the objects that it restricts */
    enum xds_value_type type;
    enum xds_value_count count;
    enum xds_value_need need;
};

struct xds_query;
struct xds_selection;

#define XDS_BIT(kind) (1u << (kind))

/* Which associations are gathered. */
enum xds_query_links {
    XDS_LINKS_FROM = 1,     /* those that what was looked for is the source of */
    XDS_LINKS_TO = 2,       /* the target of */
    XDS_LINKS_CONTENTS = 4, /* those that folders are the source of, found on the way too: what
                               lastUpdateTime is shown by */
};

struct xds_query_type {
    const char *id; /* urn:uuid:... */
    const char *name;
    const char *transaction;                /* "ITI-18" or "ITI-51" */
    unsigned kinds;                         /* XDS_BITs of what is looked for first */
    unsigned links;                         /* xds_query_links */
    const struct xds_parameter *parameters; /* ends with a NULL name */
    enum status (*find)(struct request *rq, const struct xds_query *q,
                        struct xds_candidates *found);
    void (*select)(struct xds_selection *s);
    struct door door;
};

extern const struct xds_query_type xds_query_types[]; /* ends with a NULL id */
void xds_query_doors(door_visitor *visit, void *to);

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
    int level;          /* $MetadataLevel */
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

/* The argument that names objects or patients, by its type; or NULL. */
const struct xds_argument *xds_query_argument_of(const struct xds_query *q,
                                                 enum xds_value_type type);

/* Does the object hold against every argument about its kind, and against $MetadataLevel? Pure and
 * exact; SQL only narrows. */
bool xds_query_match(const struct xds_query *q, const struct xds_object *o);

/* SQL LIKE without an escape character, over UTF-8; at worst the product of both lengths. */
bool xds_like(struct str text, struct str pattern);

/* Ways to find candidates, each with a fixed number of flushes, whatever the number of objects:
 * FindDocuments in four with the COMMIT, GetDocuments in five, the others in nine at most. */
enum status xds_query_find_by_patient(struct request *rq, const struct xds_query *q,
                                      struct xds_candidates *found) MUST_CHECK;
enum status xds_query_find_by_id(struct request *rq, const struct xds_query *q,
                                 struct xds_candidates *found) MUST_CHECK;

/* What a query shows of the objects that it is given: one flag for each. Pure. */
bool *xds_query_select(struct arena *a, const struct xds_query *q, const struct xds_candidate *v,
                       size_t n);
void xds_select_found(struct xds_selection *s);    /* what was looked for */
void xds_select_links(struct xds_selection *s);    /* the associations of what was looked for */
void xds_select_linked(struct xds_selection *s);   /* both */
void xds_select_sets(struct xds_selection *s);     /* the sets that hold it */
void xds_select_contents(struct xds_selection *s); /* it, and what it holds */
void xds_select_folders(struct xds_selection *s);  /* the folders that hold it */
void xds_select_related(struct xds_selection *s);  /* documents related to it */

/* Sets the lastUpdateTime of visible folders to that of the last document to be seen in them. */
void xds_query_show_times(struct request *rq, const struct xds_candidates *found,
                          const struct xds_visible *seen);

/* The steps of ITI-18, for a gateway whose answer holds others' objects beside these. */
enum status xds_query_open(struct request *rq, struct xds_query *q) MUST_CHECK; /* reads it */
enum status xds_query_run(struct request *rq, const struct xds_query *q,
                          const struct xds_visible **out) MUST_CHECK; /* finds, gates, audits */
/* The answer up to the inside of its RegistryObjectList, with the obligations of what is in it and
 * the errors that rq->err holds. */
struct xml_writer *xds_query_response_begin(struct request *rq, struct soap_answer *answer,
                                            const char *status, unsigned obligations);
void xds_query_response_write(struct request *rq, struct xml_writer *w, const struct xds_query *q,
                              const struct xds_visible *seen);
enum status xds_query_response_end(struct xml_writer *w, struct soap_answer *answer,
                                   struct reply *rp) MUST_CHECK;

/* ITI-18 and ITI-51. Want REPEATABLE READ. */
enum status xds_query(struct request *rq, struct reply *rp) MUST_CHECK;
enum status xds_query_failure(struct request *rq, struct reply *rp) MUST_CHECK;
