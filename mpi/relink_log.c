#include "mpi/relink_log.h"

#include "hub/base/json_text.h"
#include "mpi/keys.h"

static void comma(struct strbuf *b)
{
    if (b->n > 0 && b->p[b->n - 1] != '[')
        strbuf_addc(b, ',');
}

/* An mpi_identifier row as it was, told from its record and link. */
static void identifier_image_add(struct mpi_relink *w, struct strbuf *b, const struct mpi_record *r,
                                 size_t i)
{
    struct person_ref person = w->persons[MPI_FROM].ref;

    comma(b);
    strbuf_addf(b, "{\"ikey\":%lld,\"authority\":", (long long)mpi_identifier_key(r->ids[i]));
    json_text_add(b, r->ids[i].authority);
    strbuf_lit(b, ",\"id\":");
    json_text_add(b, r->ids[i].id);
    strbuf_addf(b,
                ",\"pkey\":%lld,\"record_id\":%lld,\"person_pkey\":%lld,\"person_id\":%lld,"
                "\"member_id\":%lld,\"state\":%lld}",
                (long long)r->place.pkey, (long long)r->place.record_id, (long long)person.pkey,
                (long long)person.person_id, (long long)r->member_id, (long long)r->states[i]);
}

struct str mpi_relink_images(struct mpi_relink *w)
{
    struct strbuf b = strbuf_on(w->rq->arena, 512);

    strbuf_addc(&b, '[');
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++)
        for (size_t j = 0; j < w->records[MPI_FROM][i].id_count; j++)
            identifier_image_add(w, &b, &w->records[MPI_FROM][i], j);
    strbuf_addc(&b, ']');
    return strbuf_str(&b);
}

static void images_add(struct strbuf *b, const char *key, const struct rows *rows, int column)
{
    strbuf_addf(b, ",\"%s\":[", key);
    for (int row = 0; row < rows->count; row++) {
        comma(b);
        strbuf_add(b, row_json(rows, row, column));
    }
    strbuf_addc(b, ']');
}

static void places_add(struct mpi_relink *w, struct strbuf *b, const char *key, const bool *which)
{
    strbuf_addf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++) {
        const struct mpi_record *r = &w->records[MPI_FROM][i];

        if (!which[i])
            continue;
        comma(b);
        strbuf_addf(b, "[%lld,%lld]", (long long)r->place.pkey, (long long)r->place.record_id);
    }
    strbuf_addc(b, ']');
}

/* Which record a changed one followed before. */
static void intos_add(struct mpi_relink *w, struct strbuf *b)
{
    strbuf_lit(b, ",\"intos\":[");
    for (size_t i = 0; i < w->counts[MPI_FROM]; i++) {
        struct place place = w->records[MPI_FROM][i].place, into = w->intos[i];

        if (!w->changes[i])
            continue;
        comma(b);
        strbuf_addf(b, "[%lld,%lld,%lld,%lld]", (long long)place.pkey, (long long)place.record_id,
                    (long long)into.pkey, (long long)into.record_id);
    }
    strbuf_addc(b, ']');
}

static struct str before_json(struct mpi_relink *w)
{
    struct strbuf b = strbuf_on(w->rq->arena, 2048);

    strbuf_lit(&b, "{\"persons\":[");
    if (!w->is_new)
        strbuf_add(&b, w->persons[MPI_TO].image);
    if (!w->same) {
        comma(&b);
        strbuf_add(&b, w->persons[MPI_FROM].image);
    }
    strbuf_addc(&b, ']');
    images_add(&b, "links", &w->links, 3);
    images_add(&b, "xads", &w->xads, 1);
    images_add(&b, "tasks", &w->tasks, 5);
    images_add(&b, "other_tasks", &w->other_tasks, 5);
    strbuf_lit(&b, ",\"identifiers\":");
    strbuf_add(&b, w->images);
    places_add(w, &b, "moved", w->moves);
    strbuf_lit(&b, ",\"retired\":[");
    for (size_t i = 0; i < w->retired_count; i++) {
        comma(&b);
        strbuf_addc(&b, '[');
        json_text_add(&b, w->retired[i].authority);
        strbuf_addc(&b, ',');
        json_text_add(&b, w->retired[i].id);
        strbuf_addc(&b, ']');
    }
    strbuf_addf(&b, "],\"emptied\":%s", w->emptied ? "true" : "false");
    intos_add(w, &b);
    strbuf_addc(&b, '}');
    return strbuf_str(&b);
}

void mpi_relink_log(struct mpi_relink *w)
{
    static const struct statement INSERT = {
        "mpi_merge_log_insert",
        "INSERT INTO mpi_merge_log (pkey, merge_id, person_id, other_pkey, other_id, kind, at,"
        "       request, decided_by, before)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    };
    struct request *rq = w->rq;
    const struct person_ref to = w->persons[MPI_TO].ref, from = w->persons[MPI_FROM].ref;

    w->log = uuid_v7();
    db_queue(rq->db, &INSERT, NULL, DB_INT8(to.pkey), DB_UUID(w->log), DB_INT8(to.person_id),
             DB_INT8(from.pkey), DB_INT8(from.person_id), DB_TEXT(str_from(w->kind)),
             DB_TIME(rq->now_us), DB_UUID(rq->id), DB_TEXT(w->by), DB_JSONB(before_json(w)));
}
