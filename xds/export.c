/* An operator's act, for the patient or a court: everything that is registered for the person is
 * taken, whatever consent would show to a member, and the audit row says so before a byte is
 * written. METADATA.XML is one submission, made for the export: a submission set of the hub's with
 * every document, their folders, and the associations between them. */
#include "xds/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "xds/query_gather.h"
#include "xds/repository.h"
#include "xds/rim_write.h"
#include "xds/zip.h"

#define SUBSET "IHE_XDM/SUBSET01/"

enum { PIECE = 1 << 20 };

struct exported {
    struct xds_document *entry;
    struct blob_ref blob;
    struct str name; /* DOC00001.XML; STR_NONE: its bytes are not in this repository */
};

struct export
{
    struct request *rq;
    struct identifier patient;
    struct person person;
    struct xds_candidates found;
    struct rows blobs;
    struct exported *documents;
    size_t n, stored; /* entries, and those whose bytes are here */
    const char *path;
    struct zip zip;
    struct progress progress;
};

/* --- what there is ------------------------------------------------------------------------ */

static enum status find_person(struct export *x)
{
    struct mpi_lookup lookup;
    struct mpi_people people;

    mpi_lookup_queue(x->rq, &x->patient, 1, &lookup);
    TRY(db_flush(x->rq->db));
    TRY(mpi_lookup_read(x->rq, &lookup));
    if (lookup.hits[0].known != MPI_ACTIVE)
        return fail(x->rq->err, NOT_FOUND, "patient", "%.*s: %s",
                    STR_ARG(identifier_cx(x->rq->arena, x->patient)),
                    lookup.hits[0].known == MPI_SUBSUMED
                        ? "merged into another identifier; name the surviving one"
                        : "no member has fed this identifier");
    mpi_people_queue(x->rq, &lookup.hits[0].person, 1, &people);
    TRY(db_flush(x->rq->db));
    TRY(mpi_people_read(x->rq, &people));
    x->person = people.people[0];
    return OK;
}

static enum status find_objects(struct export *x)
{
    struct xds_gather g;

    xds_gather_init(&g, x->rq, &x->found);
    xds_gather_at(&g, x->person.places, x->person.place_count,
                  XDS_BIT(XDS_DOCUMENT) | XDS_BIT(XDS_FOLDER) | XDS_BIT(XDS_ASSOCIATION));
    TRY(xds_gather_round(&g));
    return xds_gather_finish(&g);
}

/* The bytes of a later version are its first one's. */
static enum status find_bytes(struct export *x)
{
    int64_t *pkeys = ARENA_ARRAY(x->rq->arena, x->n, int64_t);
    struct uuid *entries = ARENA_ARRAY(x->rq->arena, x->n, struct uuid);

    for (size_t i = 0; i < x->n; i++) {
        pkeys[i] = x->documents[i].entry->o.place.pkey;
        entries[i] = x->documents[i].entry->o.logical;
    }
    blob_rows_queue(x->rq, pkeys, entries, x->n, &x->blobs);
    return db_flush(x->rq->db);
}

static const char *extension(struct str mime_type)
{
    static const struct {
        const char *type, *extension;
    } known[] = {
        {"text/xml", "XML"},         {"application/xml", "XML"}, {"text/plain", "TXT"},
        {"text/html", "HTM"},        {"application/pdf", "PDF"}, {"application/dicom", "DCM"},
        {"image/jpeg", "JPG"},       {"image/png", "PNG"},       {"image/tiff", "TIF"},
        {"application/json", "JSN"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (str_eq_nocase(mime_type, str_from(known[i].type)))
            return known[i].extension;
    return "BIN";
}

/* Names of eight characters and three, as media of every age take them. */
static void name_documents(struct export *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct exported *d = &x->documents[i];

        if (!blob_rows_find(&x->blobs, d->entry->o.logical, &d->blob))
            continue;
        d->name =
            str_printf(x->rq->arena, "DOC%05zu.%s", ++x->stored, extension(d->entry->mime_type));
        d->entry->uri = (struct xds_texts){&d->name, 1};
    }
}

static enum status collect(struct export *x)
{
    x->documents = ARENA_ARRAY(x->rq->arena, x->found.n, struct exported);
    for (size_t i = 0; i < x->found.n; i++) {
        struct xds_document *d = xds_document(x->found.v[i].object);

        if (d != NULL)
            x->documents[x->n++].entry = d;
    }
    TRY(find_bytes(x));
    name_documents(x);
    return OK;
}

static void audit(struct operation *o, struct export *x)
{
    struct audit_row *row = audit_add(x->rq->arena, &o->audit);

    row->patient = identifier_cx(x->rq->arena, x->patient);
    row->pkey = x->person.ref.pkey;
    row->person_id = x->person.ref.person_id;
    row->description =
        str_printf(x->rq->arena, "Exported to %s: %s", x->path, cli_value(&o->args, "reason"));
    for (size_t i = x->n; i-- > 0;)
        audit_object_add(x->rq->arena, row, "document", x->documents[i].entry->unique_id,
                         x->documents[i].entry->repository_unique_id);
}

/* --- the submission ----------------------------------------------------------------------- */

/* 2.25. and the UUID as a number: an OID of nobody else (ITU-T X.667). */
static struct str uuid_oid(struct arena *a, struct uuid u)
{
    char digits[40];
    size_t n = sizeof(digits);
    bool zero = false;

    while (!zero) {
        unsigned rest = 0;

        zero = true;
        for (size_t i = 0; i < sizeof(u.b); i++) {
            unsigned v = rest << 8 | u.b[i];

            u.b[i] = (unsigned char)(v / 10);
            rest = v % 10;
            zero &= u.b[i] == 0;
        }
        digits[--n] = (char)('0' + rest);
    }
    return str_printf(a, "2.25.%.*s", (int)(sizeof(digits) - n), digits + n);
}

static struct xds_submission_set *make_set(struct export *x)
{
    struct arena *a = x->rq->arena;
    struct xds_submission_set *s = xds_submission_set(xds_object_new(a, XDS_SET));
    struct xds_name *title = ARENA_NEW(a, struct xds_name);

    title->value = STR("Export of one patient's record");
    s->o.uuid = uuid_v4();
    s->o.id = uuid_urn(a, s->o.uuid);
    s->o.version = 1;
    s->title = (struct xds_names){title, 1};
    s->content_type_code = (struct xds_code){.code = STR("export"),
                                             .scheme = str_from(x->rq->config->home_community_id)};
    s->source_id = str_from(x->rq->config->home_community_id);
    s->submission_time = clock_dtm(a, x->rq->now_us);
    s->unique_id = uuid_oid(a, s->o.uuid);
    return s;
}

static void write_member(struct xml_writer *w, struct export *x, struct str set, struct str object,
                         const struct xds_face *face)
{
    struct arena *a = x->rq->arena;
    struct xds_association *m = xds_association(xds_object_new(a, XDS_ASSOCIATION));

    m->o.uuid = uuid_v4();
    m->o.id = uuid_urn(a, m->o.uuid);
    m->o.version = 1;
    m->association_type = xds_link_urn(XDS_HAS_MEMBER);
    m->set_status = STR("Original");
    m->source = set;
    m->target = object;
    xds_rim_write(w, a, &m->o, face);
}

static int by_uuid(const void *a, const void *b)
{
    return uuid_compare(*(const struct uuid *)a, *(const struct uuid *)b);
}

/* The documents and folders, sorted. */
static struct uuid *ends_of(const struct export *x, size_t *n)
{
    struct uuid *ids = ARENA_ARRAY(x->rq->arena, x->found.n, struct uuid);

    *n = 0;
    for (size_t i = 0; i < x->found.n; i++)
        if (x->found.v[i].object->kind != XDS_ASSOCIATION)
            ids[(*n)++] = x->found.v[i].object->uuid;
    qsort(ids, *n, sizeof(*ids), by_uuid);
    return ids;
}

static bool among(const struct uuid *ids, size_t n, struct uuid id)
{
    return n > 0 && bsearch(&id, ids, n, sizeof(id), by_uuid) != NULL;
}

/* Associations go along when both their ends do: not those of the sets that brought the documents.
 */
static void write_objects(struct xml_writer *w, struct export *x, const struct xds_face *face)
{
    size_t n;
    const struct uuid *ends = ends_of(x, &n);

    for (size_t i = 0; i < x->found.n; i++) {
        struct xds_object *o = x->found.v[i].object;
        const struct xds_association *link = xds_association(o);

        if (link == NULL || (among(ends, n, link->from.uuid) && among(ends, n, link->to.uuid)))
            xds_rim_write(w, x->rq->arena, o, face);
    }
}

static struct str metadata(struct export *x)
{
    struct strbuf b = strbuf_on(x->rq->arena, 65536);
    struct xml_writer w = xml_writer_on(&b);
    struct xds_submission_set *set = make_set(x);
    struct xds_face face = {
        .patient_id =
            identifier_cx(x->rq->arena, (struct identifier){str_from(x->rq->config->xad_authority),
                                                            x->person.xad_pid}),
    };

    strbuf_lit(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml_begin(&w, "lcm:SubmitObjectsRequest");
    xml_attribute(&w, "xmlns:lcm", STR("urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"));
    xml_attribute(&w, "xmlns:rim", STR(XDS_RIM_NS));
    xml_begin(&w, "rim:RegistryObjectList");
    xds_rim_write(&w, x->rq->arena, &set->o, &face);
    write_objects(&w, x, &face);
    for (size_t i = 0; i < x->found.n; i++)
        if (x->found.v[i].object->kind != XDS_ASSOCIATION)
            write_member(&w, x, set->o.id, x->found.v[i].object->id, &face);
    xml_end(&w, "rim:RegistryObjectList");
    xml_end(&w, "lcm:SubmitObjectsRequest");
    return strbuf_str(&b);
}

/* --- what people read --------------------------------------------------------------------- */

static struct str title_of(const struct xds_document *d)
{
    if (d->title.n > 0 && d->title.v[0].value.n > 0)
        return d->title.v[0].value;
    return d->type_code.names.n > 0 ? d->type_code.names.v[0].value : d->unique_id;
}

static void index_row(struct xml_writer *w, const struct exported *d)
{
    xml_begin(w, "tr");
    xml_begin(w, "td");
    if (d->name.n > 0) {
        xml_begin(w, "a");
        xml_attribute(w, "href", str_printf(w->out->arena, SUBSET "%.*s", STR_ARG(d->name)));
        xml_content(w, title_of(d->entry));
        xml_end(w, "a");
    } else {
        xml_content(w, title_of(d->entry));
    }
    xml_end(w, "td");
    xml_leaf(w, "td", d->entry->creation_time);
    xml_leaf(w, "td", d->entry->mime_type);
    xml_leaf(w, "td", d->entry->o.status == XDS_APPROVED ? STR("current") : STR("superseded"));
    xml_leaf(w, "td", d->name.n > 0 ? STR("") : STR("not in this repository"));
    xml_end(w, "tr");
}

static struct str index_page(struct export *x)
{
    struct strbuf b = strbuf_on(x->rq->arena, 8192);
    struct xml_writer w = xml_writer_on(&b);

    strbuf_lit(&b, "<!DOCTYPE html>\n");
    xml_begin(&w, "html");
    xml_attribute(&w, "lang", STR("en"));
    xml_begin(&w, "head");
    xml_begin(&w, "meta");
    xml_attribute(&w, "charset", STR("utf-8"));
    xml_end(&w, "meta");
    xml_leaf(&w, "title", STR("Health record"));
    xml_end(&w, "head");
    xml_begin(&w, "body");
    xml_leaf(&w, "h1", STR("Health record"));
    xml_leaf(&w, "p",
             str_printf(x->rq->arena, "%zu documents of %.*s, exported %.*s", x->n,
                        STR_ARG(identifier_cx(x->rq->arena, x->patient)),
                        STR_ARG(clock_iso(x->rq->arena, x->rq->now_us))));
    xml_begin(&w, "table");
    for (size_t i = 0; i < x->n; i++)
        index_row(&w, &x->documents[i]);
    xml_end(&w, "table");
    xml_end(&w, "body");
    xml_end(&w, "html");
    return strbuf_str(&b);
}

static struct str readme(struct export *x)
{
    return str_printf(x->rq->arena,
                      "One patient's documents, exported by the health information exchange "
                      "urn:oid:%s\r\n(Causeway) on %.*s.\r\n\r\n"
                      "INDEX.HTM lists the documents for people. " SUBSET "METADATA.XML\r\n"
                      "describes them for programs (IHE ITI TF-3, XDM).\r\n",
                      x->rq->config->home_community_id,
                      STR_ARG(clock_iso(x->rq->arena, x->rq->now_us)));
}

/* --- the archive -------------------------------------------------------------------------- */

static void add_text(struct export *x, struct str name, struct str text)
{
    zip_open(&x->zip, name);
    zip_write(&x->zip, text);
    zip_close(&x->zip);
}

static enum status add_document(struct export *x, const struct exported *d)
{
    struct byte_source *source;
    enum status s;
    struct arena a;
    char *piece;
    size_t n = 1;

    arena_init(&a);
    piece = arena_alloc(&a, PIECE);
    zip_open(&x->zip, str_printf(x->rq->arena, SUBSET "%.*s", STR_ARG(d->name)));
    s = blob_open(xds_repository(), &a, &d->blob, &source);
    while (s == OK && n > 0) {
        s = source->read(source, piece, PIECE, &n);
        zip_write(&x->zip, str_of(piece, n));
    }
    zip_close(&x->zip);
    arena_dispose(&a);
    if (s == OK)
        return OK;
    return fail(x->rq->err, UPSTREAM, "store",
                "the document %.*s cannot be read; `causeway xds verify` looks for others",
                STR_ARG(d->entry->unique_id));
}

static enum status write_archive(struct export *x, int fd)
{
    zip_begin(&x->zip, x->rq->arena, fd, x->rq->now_us);
    add_text(x, STR("INDEX.HTM"), index_page(x));
    add_text(x, STR("README.TXT"), readme(x));
    add_text(x, STR(SUBSET "METADATA.XML"), metadata(x));
    for (size_t i = 0, done = 0; i < x->n; i++) {
        if (x->documents[i].name.n == 0)
            continue;
        TRY(add_document(x, &x->documents[i]));
        progress_at(&x->progress, ++done);
    }
    if (zip_end(&x->zip) == OK && fsync(fd) == 0)
        return OK;
    return fail(x->rq->err, UPSTREAM, "output", "%s: %s", x->path, strerror(errno));
}

/* Half an archive is no archive: it is taken away again. */
static enum status write_file(struct export *x)
{
    int fd = open(x->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum status s;

    if (fd < 0)
        return fail(x->rq->err, INVALID, "output", "%s: %s", x->path, strerror(errno));
    s = write_archive(x, fd);
    close(fd);
    if (s != OK)
        unlink(x->path);
    return s;
}

/* --- the command -------------------------------------------------------------------------- */

static enum status read_arguments(struct operation *o, struct export *x)
{
    x->path = cli_value(&o->args, "out");
    if (x->path == NULL || cli_value(&o->args, "reason") == NULL)
        return fail(o->args.err, INVALID, "usage", "--out FILE and --reason TEXT are required");
    if (access(x->path, F_OK) == 0)
        return fail(o->args.err, INVALID, "output", "%s is there already", x->path);
    if (identifier_parse_cx(str_from(o->args.positional[0]), &x->patient))
        return OK;
    return fail(o->args.err, INVALID, "usage", "%s: an identifier is written 'ID^^^&OID&ISO'",
                o->args.positional[0]);
}

static enum status work(struct operation *o, struct strbuf *out)
{
    struct export *x = ARENA_NEW(o->args.arena, struct export);

    (void)out;
    o->state = x;
    x->rq = operation_request(o);
    TRY(read_arguments(o, x));
    TRY(find_person(x));
    TRY(find_objects(x));
    TRY(collect(x));
    audit(o, x);
    return OK;
}

static void print(struct strbuf *out, const struct operation *o, const struct export *x)
{
    if (o->args.json) {
        strbuf_lit(out, "{");
        cli_json_text(out, "file", str_from(x->path));
        cli_json_int(out, "entries", (int64_t)x->n);
        cli_json_int(out, "documents", (int64_t)x->stored);
        strbuf_lit(out, "}\n");
        return;
    }
    strbuf_addf(out, "%s: %zu document entries, %zu documents of this repository\n", x->path, x->n,
                x->stored);
}

static enum status then(struct operation *o, struct strbuf *out)
{
    struct export *x = o->state;
    enum status s;

    TRY(xds_repository_open(&o->config, o->args.err));
    x->progress = progress_begin("documents");
    s = write_file(x);
    progress_end(&x->progress);
    xds_repository_close();
    if (s == OK)
        print(out, o, x);
    return s;
}

static const struct cli_option options[] = {
    {"out", "FILE", "the archive to make; it must not be there yet"},
    {"reason", "TEXT", "why, for the audit log"},
    {NULL, NULL, NULL},
};

const struct operation_kind xds_export_kind = {
    .cli =
        {"causeway xds export PATIENT --out FILE.zip --reason TEXT",
         "Writes one patient's documents and their metadata to a ZIP archive laid out as XDM\n"
         "has it. Takes everything that is registered for the person, superseded documents\n"
         "too, whatever consent would show to a member: it is for the patient, or a court.\n"
         "The export is in the audit log before the archive is written. The archive is not\n"
         "encrypted; only its owner can read it.\n"
         "\n"
         "  causeway xds export 'P-17^^^&1.2.3.4&ISO' --out p-17.zip --reason 'asked for by her'",
         options},
    .least = 1,
    .most = 1,
    .transaction = "EXPORT",
    .audit = {"110106", 'R'},
    .endpoint = "causeway xds export",
    .work = work,
    .then = then,
};
