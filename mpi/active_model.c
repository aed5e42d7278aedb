#include "mpi/active_model.h"

#include <pthread.h>
#include <string.h>

/* Models of this process: few, never changed, never freed. */
static struct {
    pthread_mutex_t lock;
    struct arena arena;
    struct kept {
        struct mpi_model model;
        struct kept *next;
    } * first;
} models = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_hash(const struct mpi_model *m, struct str hash)
{
    return hash.n == sizeof(m->hash) && memcmp(hash.p, m->hash, sizeof(m->hash)) == 0;
}

static const struct mpi_model *kept(struct str hash)
{
    const struct mpi_model *found = NULL;

    if (is_hash(mpi_model_builtin(), hash))
        return mpi_model_builtin();
    pthread_mutex_lock(&models.lock);
    for (struct kept *k = models.first; k != NULL && found == NULL; k = k->next)
        if (is_hash(&k->model, hash))
            found = &k->model;
    pthread_mutex_unlock(&models.lock);
    return found;
}

/* Two threads may read the same model at once: both copies stay. */
static enum status keep(struct str content, const struct mpi_model **out, struct errors *err)
{
    struct kept *k;
    enum status s;

    pthread_mutex_lock(&models.lock);
    k = ARENA_NEW(&models.arena, struct kept);
    s = mpi_model_parse(&models.arena, str_dup(&models.arena, content), &k->model, err);
    if (s == OK) {
        k->next = models.first;
        models.first = k;
        *out = &k->model;
    }
    pthread_mutex_unlock(&models.lock);
    return s;
}

void mpi_active_model_queue(struct request *rq, struct mpi_model_seen *seen)
{
    static const struct statement ACTIVE = {
        "mpi_model_active",
        "SELECT model_hash, name"
        "  FROM mpi_model"
        " WHERE activated_at IS NOT NULL"
        " ORDER BY activated_at DESC, model_hash"
        " LIMIT 1",
    };

    db_queue0(rq->db, &ACTIVE, &seen->rows);
}

enum status mpi_model_by_hash(struct request *rq, struct str hash, const struct mpi_model **out)
{
    static const struct statement CONTENT = {
        "mpi_model_content",
        "SELECT content"
        "  FROM mpi_model"
        " WHERE model_hash = $1",
    };
    struct rows rows;

    *out = kept(hash);
    if (*out != NULL)
        return OK;
    db_queue(rq->db, &CONTENT, &rows, DB_BYTEA(hash));
    TRY(db_flush(rq->db));
    if (rows.count == 0)
        return fail(rq->err, NOT_FOUND, "model", "There is no such model");
    return keep(row_text(&rows, 0, 0), out, rq->err);
}

/* The model that the tables were made with is none of this core's. */
static bool is_older_core(const struct rows *active)
{
    return active->count == 0 || str_eq(row_text(active, 0, 1), STR("exact-1"));
}

static void store_builtin(struct request *rq)
{
    static const struct statement INSERT = {
        "mpi_model_insert_builtin",
        "INSERT INTO mpi_model (model_hash, name, content, added_at, added_by, activated_at,"
        "       activated_by)"
        " VALUES ($1, $2, $3, $4, 'causeway', $4, 'causeway')"
        "     ON CONFLICT (model_hash) DO NOTHING",
    };
    const struct mpi_model *m = mpi_model_builtin();

    db_queue(rq->db, &INSERT, NULL, DB_BYTEA(str_of(m->hash, sizeof(m->hash))), DB_TEXT(m->name),
             DB_TEXT(m->content), DB_TIME(rq->now_us));
}

enum status mpi_active_model_read(struct request *rq, struct mpi_model_seen *seen,
                                  const struct mpi_model **out)
{
    if (is_older_core(&seen->rows)) {
        store_builtin(rq);
        *out = mpi_model_builtin();
        return OK;
    }
    return mpi_model_by_hash(rq, row_bytea(&seen->rows, 0, 0), out);
}
