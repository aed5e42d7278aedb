#include "mpi/module.h"

#include "mpi/identity.h"

/* Without its lock rows the index would make two persons of one: it must not start. */
static enum status check_locks(struct db *db, struct errors *err)
{
    /* across places: once, at the start */
    static const struct statement COUNT = {
        "mpi_lock_count",
        "SELECT count(*) FROM mpi_lock",
    };
    struct rows rows;

    db_queue0(db, &COUNT, &rows);
    TRY(db_flush(db));
    if (row_int(&rows, 0, 0) == 65536)
        return OK;
    return fail(err, INVALID, "mpi_lock", "mpi_lock has %lld rows, not 65536; restore the table",
                (long long)row_int(&rows, 0, 0));
}

static enum status start(const struct config *config, struct errors *err)
{
    struct db *db = db_open(config->database, "causeway mpi", err);
    enum status s;

    if (db == NULL)
        return UPSTREAM;
    db_attach(db, err->arena, err, 0);
    s = check_locks(db, err);
    db_close(db);
    return s;
}

struct one_lookup {
    struct identifier id;
    struct mpi_lookup lookup;
};

static void *person_queue(struct request *rq, struct identifier id)
{
    struct one_lookup *one = ARENA_NEW(rq->arena, struct one_lookup);

    one->id = id;
    mpi_lookup_queue(rq, &one->id, 1, &one->lookup);
    return one;
}

static enum status person_read(struct request *rq, void *lookup, struct person_ref *out)
{
    struct one_lookup *one = lookup;

    *out = (struct person_ref){0, 0};
    TRY(mpi_lookup_read(rq, &one->lookup));
    if (one->lookup.hits[0].known == MPI_ACTIVE)
        *out = one->lookup.hits[0].person;
    return OK;
}

const struct hub_module mpi_module = {
    .name = "mpi",
    .init = start,
    .person_queue = person_queue,
    .person_read = person_read,
};
