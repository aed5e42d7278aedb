#include "hub/command/audit/watch_lists.h"

#include <stdlib.h>

static const struct statement STATE = {
    "watch_lists_state",
    "SELECT (SELECT count(*) FROM audit_staff), (SELECT max(loaded_at) FROM audit_staff),"
    "  (SELECT count(*) FROM audit_vip), (SELECT max(added_at) FROM audit_vip)",
};
static const struct statement STAFF = {
    "watch_staff",
    "SELECT user_id, organization, role, family, given, birth_date, street, city, postcode, hours"
    " FROM audit_staff",
};
static const struct statement VIPS = {
    "watch_vips",
    "SELECT patient"
    " FROM audit_vip",
};

static int by_user(const void *a, const void *b)
{
    return str_compare(((const struct audit_staff *)a)->user,
                       ((const struct audit_staff *)b)->user);
}

static int identity_compare(const struct audit_identity *a, const struct audit_identity *b)
{
    int order = str_compare(a->family, b->family);

    if (order == 0)
        order = str_compare(a->given, b->given);
    return order != 0 ? order : (a->birth_date > b->birth_date) - (a->birth_date < b->birth_date);
}

static int by_identity(const void *a, const void *b)
{
    return identity_compare(&(*(const struct audit_staff *const *)a)->identity,
                            &(*(const struct audit_staff *const *)b)->identity);
}

static int by_person(const void *a, const void *b)
{
    const struct person_ref *x = a, *y = b;

    if (x->pkey != y->pkey)
        return x->pkey < y->pkey ? -1 : 1;
    return (x->person_id > y->person_id) - (x->person_id < y->person_id);
}

static void staff_read(struct watch *w, const struct rows *r)
{
    struct arena *a = &w->kept;

    w->staff_count = (size_t)r->count;
    w->staff = ARENA_ARRAY(a, w->staff_count + 1, struct audit_staff);
    w->colleagues = ARENA_ARRAY(a, w->staff_count + 1, const struct audit_staff *);
    for (int i = 0; i < r->count; i++) {
        struct audit_staff *s = &w->staff[i];

        s->user = str_dup(a, row_text(r, i, 0));
        s->organization = str_dup(a, row_text(r, i, 1));
        s->role = str_dup(a, row_text(r, i, 2));
        s->identity = w->index->identity(a, row_text(r, i, 3), row_text(r, i, 4), row_text(r, i, 5),
                                         row_text(r, i, 6), row_text(r, i, 7), row_text(r, i, 8));
        if (!audit_hours_read(row_text(r, i, 9), &s->hours))
            s->hours.days = 0;
    }
    qsort(w->staff, w->staff_count, sizeof(*w->staff), by_user);
    for (size_t i = 0; i < w->staff_count; i++)
        w->colleagues[i] = &w->staff[i];
    qsort(w->colleagues, w->staff_count, sizeof(const struct audit_staff *), by_identity);
}

/* Whoever an identifier stands for now, with all who were merged into them. */
static enum status vip_read(struct watch *w, struct request *rq, struct str cx,
                            struct person_ref *out, size_t *n, size_t room)
{
    struct identifier id;
    struct person person;
    struct errors unknown;
    struct request asking = *rq;
    enum status status;

    errors_init(&unknown, rq->arena);
    asking.err = &unknown;
    if (!identifier_parse_cx(cx, &id))
        return OK;
    status = w->index->resolve(&asking, id, &person);
    if (status == NOT_FOUND)
        return OK;
    if (status != OK)
        return fail(rq->err, status, "vip", "%.*s", STR_ARG(unknown.first->text));
    for (size_t i = 0; i < person.constituent_count && *n < room; i++)
        out[(*n)++] = person.constituents[i];
    return OK;
}

enum { PERSONS_OF_A_VIP = 16 };

static enum status vips_read(struct watch *w, struct request *rq, const struct rows *r)
{
    size_t room = (size_t)r->count * PERSONS_OF_A_VIP;

    w->vip_count = 0;
    w->vips = ARENA_ARRAY(&w->kept, room + 1, struct person_ref);
    for (int i = 0; i < r->count; i++)
        TRY(vip_read(w, rq, row_text(r, i, 0), w->vips, &w->vip_count, room));
    qsort(w->vips, w->vip_count, sizeof(*w->vips), by_person);
    return OK;
}

enum status watch_lists_read(struct watch *w, struct request *rq)
{
    struct rows state, staff, vips;
    int64_t now;

    db_queue0(rq->db, &STATE, &state);
    TRY(db_flush(rq->db));
    now = row_int(&state, 0, 0) * 31 + row_int(&state, 0, 2) * 37 +
          (row_null(&state, 0, 1) ? 0 : row_time(&state, 0, 1)) +
          (row_null(&state, 0, 3) ? 0 : row_time(&state, 0, 3)) + 1;
    if (now == w->lists_state)
        return OK;
    db_queue0(rq->db, &STAFF, &staff);
    db_queue0(rq->db, &VIPS, &vips);
    TRY(db_flush(rq->db));
    arena_reset(&w->kept);
    staff_read(w, &staff);
    TRY(vips_read(w, rq, &vips));
    w->lists_state = now;
    return OK;
}

static const struct audit_staff *staff_find(const struct watch *w, struct str user)
{
    struct audit_staff key = {.user = user};

    return user.n == 0 ? NULL : bsearch(&key, w->staff, w->staff_count, sizeof(*w->staff), by_user);
}

const struct audit_staff *watch_staff_of(const struct watch *w, struct str user)
{
    const struct audit_staff *found = staff_find(w, user);
    ptrdiff_t open = str_find(user, '<');
    struct str rest;

    if (found != NULL || open < 0)
        return found;
    rest = str_slice(user, (size_t)open + 1, user.n - str_ends(user, STR(">")));
    found = staff_find(w, rest);
    return found != NULL ? found : staff_find(w, str_cut(&rest, '@'));
}

const struct audit_staff *watch_colleague(const struct watch *w, struct str organization,
                                          const struct audit_identity *patient)
{
    size_t low = 0, high = w->staff_count;

    if (patient->family.n == 0 || patient->given.n == 0 || patient->birth_date == 0)
        return NULL;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (identity_compare(&w->colleagues[middle]->identity, patient) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < w->staff_count && identity_compare(&w->colleagues[low]->identity, patient) == 0;
         low++)
        if (str_eq(w->colleagues[low]->organization, organization))
            return w->colleagues[low];
    return NULL;
}

bool watch_is_vip(const struct watch *w, struct person_ref person)
{
    return bsearch(&person, w->vips, w->vip_count, sizeof(person), by_person) != NULL;
}
