/* Metadata objects <-> rows of sql/0005_xds.sql; columns and members are those of attributes.h. */
#pragma once

#include "hub/request.h"
#include "xds/rim.h"

/* The columns that every object has, in front of those of its attributes. */
#define XDS_HEADER_COLUMNS                                                                         \
    "pkey, record_id, entry_uuid, logical_id, version, status, home, limited, source_member"
enum { XDS_HEADER_COLUMN_COUNT = 9 };

/* The columns of a kind's attributes as SQL text, with a comma in front of each. */
#define XDS_COLUMN_OPTIONAL(name) ", " #name
#define XDS_COLUMN_REQUIRED(name) ", " #name
#define XDS_COLUMN_STABLE(name)   ", " #name
#define XDS_COLUMN_FULL(name)     ", " #name
#define XDS_COLUMN_RENDERED(name)
#define XDS_COLUMN_KEYED(name)
#define XDS_COLUMN_MESSAGE(name)
#define XDS_COLUMN(member, label, shape, carrier, key, format, need, parameter, fhir)              \
    XDS_COLUMN_##need(member)

#define XDS_DOCUMENT_STORED                                                                        \
    XDS_HEADER_COLUMNS XDS_DOCUMENT_ATTRIBUTES(                                                    \
        XDS_COLUMN) ", code_names, extra_slots, labels, label_version"
/* With the labels what tells whether they are stale (label.h): read once a statement. */
#define XDS_LABELS_NOW       ", (SELECT e.value FROM epoch AS e WHERE e.name = 'labels')"
#define XDS_DOCUMENT_COLUMNS XDS_DOCUMENT_STORED XDS_LABELS_NOW
#define XDS_SET_COLUMNS                                                                            \
    XDS_HEADER_COLUMNS XDS_SET_ATTRIBUTES(XDS_COLUMN) ", code_names, extra_slots"
#define XDS_FOLDER_COLUMNS                                                                         \
    XDS_HEADER_COLUMNS XDS_FOLDER_ATTRIBUTES(XDS_COLUMN) ", code_names, extra_slots"
#define XDS_ASSOCIATION_COLUMNS                                                                    \
    XDS_HEADER_COLUMNS XDS_ASSOCIATION_ATTRIBUTES(                                                 \
        XDS_COLUMN) ", code_names, extra_slots, source_uuid, source_kind, source_pkey, "           \
                    "source_record, "                                                              \
                    "target_uuid, target_kind, target_pkey, target_record"

/* What xds_rows_read_more reads, behind a kind's own columns, of table `o`: is there a later
 * version (an update deprecates the version before), and when it was registered. */
#define XDS_SUPERSEDED(table)                                                                      \
    ",\n       o.status = 'deprecated' AND EXISTS (\n"                                             \
    "       SELECT 1\n"                                                                            \
    "         FROM " table " AS later\n"                                                           \
    "        WHERE later.pkey = o.pkey\n"                                                          \
    "          AND later.logical_id = o.logical_id\n"                                              \
    "          AND later.version > 1\n"                                                            \
    "          AND later.version > o.version), registered_at"
#define XDS_ONE_VERSION ", false, registered_at"

/* Is it a column of the kind's table, by its own name? */
bool xds_stored(const struct xds_attribute *at);

/* Queues the INSERT of these objects, all of one kind, at one place: one statement, whatever
 * their number. The objects have their uuid, logical id and source_member. */
void xds_rows_insert(struct request *rq, enum xds_kind kind, struct place place,
                     struct xds_object *const *objects, size_t count);

/* One object from a row that was read with the kind's columns. */
struct xds_object *xds_rows_read(struct arena *a, enum xds_kind kind, const struct rows *rows,
                                 int row);

/* The same from a row with XDS_SUPERSEDED or XDS_ONE_VERSION behind the kind's columns. */
struct xds_object *xds_rows_read_more(struct arena *a, enum xds_kind kind, const struct rows *rows,
                                      int row);

/* "document", "set", "folder", "association": how tables spell a kind. */
struct str xds_kind_name(enum xds_kind kind);
bool xds_kind_parse(struct str name, enum xds_kind *kind);

/* uid_claim.ukey, uid_entry.ukey: where the look-up of an id lies. */
int64_t xds_uid_key(struct str id);
