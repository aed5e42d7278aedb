#include "mpi/reindex_command.h"

#include "hub/command/cli_print.h"
#include "hub/command/progress.h"
#include "mpi/reindex.h"

/* The audit row commits before the work begins. */
static enum status work(struct operation *o, struct strbuf *out)
{
    struct audit_row *row = audit_add(o->args.arena, &o->audit);

    (void)out;
    row->description = STR("The look-up keys of all records are made again");
    return OK;
}

static void print(const struct operation *o, const struct mpi_reindexing *r, struct strbuf *out)
{
    if (!o->args.json) {
        strbuf_addf(out,
                    "%llu records, %llu of them normalised otherwise than before; %llu keys, %llu"
                    " stale ones taken away\n",
                    (unsigned long long)r->records, (unsigned long long)r->normalised,
                    (unsigned long long)r->keys, (unsigned long long)r->stale);
        return;
    }
    strbuf_addc(out, '{');
    cli_json_int(out, "records", (int64_t)r->records);
    cli_json_int(out, "normalised", (int64_t)r->normalised);
    cli_json_int(out, "keys", (int64_t)r->keys);
    cli_json_int(out, "stale", (int64_t)r->stale);
    strbuf_lit(out, "}\n");
}

static enum status then(struct operation *o, struct strbuf *out)
{
    struct request *rq = operation_request(o);
    struct mpi_reindexing r = {0};
    struct progress progress;
    struct arena pages;
    struct errors err;
    uint64_t records;
    enum status status;

    TRY(mpi_reindex_size(rq, &records));
    arena_init(&pages);
    errors_init(&err, &pages);
    rq->arena = &pages;
    rq->err = &err;
    progress = progress_begin_of("records", records);
    r.progress = &progress;
    status = mpi_reindex(rq, &r);
    progress_end(&progress);
    if (status != OK && err.first != NULL)
        status = fail(o->args.err, status, "reindex", "%.*s", STR_ARG(err.first->text));
    db_rollback(o->db);
    db_attach(o->db, o->args.arena, o->args.err, 0);
    arena_dispose(&pages);
    print(o, &r, out);
    return status;
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL}};

const struct operation_kind mpi_kind_reindex = {
    .cli = {"causeway mpi reindex",
            "Makes the look-up keys of all records again, as this program normalises and blocks:\n"
            "after an upgrade whose notes ask for it. Safe while the hub serves; stop it and run\n"
            "it again as you like. Until it has finished, a record that changed keys may be\n"
            "missed by feeds that resemble it. Persons and decisions stay as they are.",
            no_options},
    .transaction = "CONFIG",
    .audit = {"110100", 'U'},
    .endpoint = "causeway mpi reindex",
    .work = work,
    .then = then,
};
