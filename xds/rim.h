/* XDS metadata as plain structs, generated from xds/attributes.h, and the table itself for code
 * that walks over attributes: reader, writer, validator, SQL, queries.
 *
 * Objects and what they point to live in a request's arena. Strings borrow from the message's
 * tree or the database's rows: they live as long as that arena. Pure; any thread. */
#pragma once

#include <libxml/tree.h>

#include "hub/base/clock.h"
#include "hub/base/err.h"
#include "hub/base/uuid.h"
#include "hub/person.h"
#include "xds/attributes.h"

enum xds_kind { XDS_DOCUMENT, XDS_SET, XDS_FOLDER, XDS_ASSOCIATION, XDS_KINDS };
enum xds_status { XDS_APPROVED, XDS_DEPRECATED };

struct xds_texts {
    struct str *v;
    size_t n;
};

/* ebRIM LocalizedStrings, in their order. */
struct xds_names {
    struct xds_name {
        struct str lang, charset; /* STR_NONE where the message had none */
        struct str value;
    } * v;
    size_t n;
};

struct xds_code {
    struct str code, scheme; /* code.p is NULL where there is none */
    struct xds_names names;  /* displayName */
};

struct xds_codes {
    struct xds_code *v;
    size_t n;
};

/* A slot as it came: author parts, and extra metadata (names that begin with urn:). */
struct xds_slot {
    struct str name, type;
    struct xds_texts values;
};

struct xds_slots {
    struct xds_slot *v;
    size_t n;
};

struct xds_author {
    struct xds_slots parts; /* XDS_AUTHOR_PARTS, in their order */
};

struct xds_authors {
    struct xds_author *v;
    size_t n;
};

/* What every object has. First member of the four structs below. */
struct xds_object {
    enum xds_kind kind;
    struct str id;    /* as the message wrote it: urn:uuid:..., or a symbol of this message */
    struct uuid uuid; /* entryUUID; zero until the symbol is resolved */
    struct str lid;   /* as the message wrote it; urn:uuid:... once registered */
    struct uuid logical;
    int version; /* VersionInfo: 1 for the first */
    /* Read from the registry, where a query asks for them: */
    bool superseded; /* there is a later version */
    int64_t registered_us;
    enum xds_status status;
    struct str home; /* homeCommunityId as urn:oid:..., or STR_NONE */
    bool limited;    /* limited metadata (TF-3 4.1.3.1) */
    bool update;     /* a submitted new version of a registered object */
    struct xds_slots extra;
    struct place place;    /* of the record that it belongs to */
    int64_t source_member; /* who published it */
};

#define XDS_SHAPE_TEXT    struct str
#define XDS_SHAPE_TEXTS   struct xds_texts
#define XDS_SHAPE_CODE    struct xds_code
#define XDS_SHAPE_CODES   struct xds_codes
#define XDS_SHAPE_NAME    struct xds_names
#define XDS_SHAPE_AUTHORS struct xds_authors
#define X(member, label, shape, carrier, key, format, need, parameter, fhir)                       \
    XDS_SHAPE_##shape member;

struct xds_document {
    struct xds_object o;
    XDS_DOCUMENT_ATTRIBUTES(X)
    /* What value sets say of it (label.h): its confidentiality, then sensitivity labels. */
    struct xds_texts labels;
    int64_t label_version, label_now; /* of the labels, and of the value sets when it was read */
};

struct xds_submission_set {
    struct xds_object o;
    XDS_SET_ATTRIBUTES(X)
};

struct xds_folder {
    struct xds_object o;
    XDS_FOLDER_ATTRIBUTES(X)
};

/* One end of a registered association. */
struct xds_end {
    struct uuid uuid;
    enum xds_kind kind;
    struct place place;
    bool registered;           /* it was there before this submission */
    struct xds_object *object; /* of this submission; else NULL */
};

struct xds_association {
    struct xds_object o;
    XDS_ASSOCIATION_ATTRIBUTES(X)
    struct xds_end from, to; /* source and target, once resolved */
};
#undef X

/* The table, for code that walks over it. */
enum xds_shape { XDS_TEXT, XDS_TEXTS, XDS_CODE, XDS_CODES, XDS_NAME, XDS_AUTHORS };
enum xds_carrier { XDS_ATTRIBUTE, XDS_SLOT, XDS_CODING, XDS_EXTERNAL_ID, XDS_TITLE, XDS_NOTE };
enum xds_format {
    XDS_ANY,
    XDS_OID,
    XDS_UID,
    XDS_DTM,
    XDS_CX,
    XDS_CXI,
    XDS_XCN,
    XDS_XON,
    XDS_LANGUAGE,
    XDS_MIME,
    XDS_SHA1,
    XDS_SIZE,
    XDS_PID,
    XDS_RECIPIENT,
    XDS_TYPE
};
enum xds_need {
    XDS_OPTIONAL,
    XDS_REQUIRED,
    XDS_STABLE,
    XDS_FULL,
    XDS_RENDERED,
    XDS_KEYED,
    XDS_MESSAGE
};

struct xds_attribute {
    const char *member, *label;
    size_t offset; /* of the member in its struct */
    enum xds_shape shape;
    enum xds_carrier carrier;
    const char *key;
    enum xds_format format;
    enum xds_need need;
    const char *parameter, *fhir;
};

/* One kind of object: its attributes and what ebRIM says about it. */
struct xds_model {
    const char *label;   /* "DocumentEntry" */
    const char *element; /* "ExtrinsicObject", "RegistryPackage", "Association" */
    const char *node;    /* classificationNode of a RegistryPackage, else NULL */
    const char *limited; /* classificationNode that says limited metadata, or NULL */
    size_t size;         /* of the struct */
    const struct xds_attribute *attributes; /* ends with a NULL member */
};

extern const struct xds_model xds_models[XDS_KINDS];

struct xds_object *xds_object_new(struct arena *a, enum xds_kind kind);
/* Where the attribute's value lies; the caller knows the shape. */
void *xds_value(const struct xds_object *o, const struct xds_attribute *at);
/* An attribute of a kind by its label ("uniqueId"), or NULL. */
const struct xds_attribute *xds_attribute(enum xds_kind kind, const char *label);
struct str xds_text(const struct xds_object *o, const char *label); /* of shape TEXT, or STR_NONE */
bool xds_value_empty(const struct xds_object *o, const struct xds_attribute *at);

/* NULL when it is of another kind. */
struct xds_document *xds_document(struct xds_object *o);
struct xds_submission_set *xds_submission_set(struct xds_object *o);
struct xds_folder *xds_folder(struct xds_object *o);
struct xds_association *xds_association(struct xds_object *o);

/* Objects of any kind, in the order of the message or the answer. */
struct xds_objects {
    struct arena *arena;
    struct xds_object **v;
    size_t n;
};
void xds_objects_add(struct xds_objects *list, struct xds_object *o);

/* The objects of a message by the id that it gives them. */
struct xds_index {
    struct xds_object **by_id; /* sorted */
    size_t n;
};
struct xds_index xds_index_of(const struct xds_objects *list);
struct xds_object *xds_index_find(const struct xds_index *index, struct str id); /* or NULL */

#define XDS_STABLE_TYPE    "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
#define XDS_ON_DEMAND_TYPE "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
bool xds_on_demand(const struct xds_document *d);
/* A document that is made when it is retrieved for the first time: hash and size of nothing
 * (Delayed Document Assembly, TF-1 10.2.10). */
bool xds_delayed(const struct xds_document *d);

#define XDS_STATUS_APPROVED   "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
#define XDS_STATUS_DEPRECATED "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"

/* TF-3 Table 4.2.2-1. */
enum xds_link {
    XDS_HAS_MEMBER,
    XDS_RPLC,
    XDS_APND,
    XDS_XFRM,
    XDS_XFRM_RPLC,
    XDS_SIGNS,
    XDS_IS_SNAPSHOT_OF,
    /* Of ITI-57: they say what to do, and are never stored. */
    XDS_UPDATE_STATUS,
    XDS_SUBMIT_ASSOCIATION,
    XDS_LINK_UNKNOWN
};
enum xds_link xds_link(struct str association_type);
struct str xds_link_urn(enum xds_link link);

/* By which transaction's rules a submission is read. */
enum xds_rules {
    XDS_REGISTER,           /* ITI-42, ITI-41 */
    XDS_REGISTER_ON_DEMAND, /* ITI-61 */
    XDS_UPDATE,             /* ITI-57 */
    XDS_RESTRICTED_UPDATE,  /* ITI-92 */
};

struct request;

/* A submission: what a lcm:SubmitObjectsRequest holds. */
struct xds_submission {
    enum xds_rules rules;
    int64_t publisher; /* of the objects; 0: the member that asks */
    struct xds_objects objects;
    struct xds_objects triggers;    /* ITI-57: taken out of objects, never stored */
    struct xds_submission_set *set; /* NULL when it does not hold exactly one */
    struct identifier patient;      /* filled by xds_submit: the XAD-PID, and whose it is */
    struct person_ref person;
    struct place place; /* of the record that it belongs to */
    /* The bytes of one of its documents, where they came with it (ITI-41); NULL: they did not. */
    enum status (*read_bytes)(struct request *rq, void *context, const struct xds_document *d,
                              struct str *out);
    void *context;
};

/* Reads the rim:RegistryObjectList. Takes any ebRIM that can be read; what it cannot represent is
 * an XDSRegistryMetadataError in err, all of them (up to the list's cap), with the object's id as
 * location. Caps: 10,000 objects. */
enum status xds_rim_read(struct arena *a, xmlNode *registry_object_list, struct xds_submission *out,
                         struct errors *err) MUST_CHECK;
