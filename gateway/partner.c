#include "gateway/partner.h"

#include "hub/base/oid.h"

enum { DOCUMENTS_DEFAULT = 50 };

const struct partner_quirk_row partner_quirks[QUIRKS] = {
#define X(name, key, value, words) [QUIRK_##name] = {key, value, words},
    PARTNER_QUIRKS(X)
#undef X
};

static bool value_fits(enum partner_quirk quirk, struct str value)
{
    uint64_t n;

    if (!partner_quirks[quirk].wants_value)
        return value.n == 0;
    if (quirk == QUIRK_OTHER_HOME)
        return oid_valid(value);
    return str_to_u64(value, &n) && n >= 1 && n <= 3600000;
}

bool partner_quirk_read(struct str key, struct str value, enum partner_quirk *out)
{
    for (int i = 0; i < QUIRKS; i++)
        if (str_eq(key, str_from(partner_quirks[i].key))) {
            *out = (enum partner_quirk)i;
            return value_fits(*out, value);
        }
    return false;
}

void partner_set_quirk(struct partner *p, enum partner_quirk quirk, struct str value)
{
    uint64_t n = 0;

    p->quirks |= 1u << quirk;
    (void)!str_to_u64(value, &n);
    if (quirk == QUIRK_ONE_DOCUMENT)
        p->documents = 1;
    else if (quirk == QUIRK_DOCUMENTS)
        p->documents = n;
    else if (quirk == QUIRK_OTHER_HOME)
        p->other_home = value;
    else if (quirk == QUIRK_SOFT_MS)
        p->soft_us = (int64_t)n * 1000;
    else if (quirk == QUIRK_HARD_MS)
        p->hard_us = (int64_t)n * 1000;
    else if (quirk == QUIRK_IN_FLIGHT)
        p->most_in_flight = (int)n;
}

static const struct statement READ_QUIRKS = {
    "gw_quirks_read",
    "SELECT member_id, quirk, value\n"
    "  FROM community_quirk",
};

static const struct statement READ_PARTNERS = {
    "gw_partners_read",
    "SELECT c.member_id, m.name, c.home, q.url, r.url, d.url, p.url\n"
    "  FROM community AS c\n"
    "  JOIN member AS m ON m.member_id = c.member_id\n"
    "  LEFT JOIN community_endpoint AS q ON q.member_id = c.member_id AND q.service = 'query'\n"
    "  LEFT JOIN community_endpoint AS r ON r.member_id = c.member_id AND r.service = 'retrieve'\n"
    "  LEFT JOIN community_endpoint AS d ON d.member_id = c.member_id AND d.service = 'discovery'\n"
    "  LEFT JOIN community_endpoint AS p ON p.member_id = c.member_id AND p.service = 'provide'\n"
    " WHERE m.suspended_at IS NULL\n"
    " ORDER BY m.name",
};

void partners_queue(struct request *rq, struct partners *out)
{
    *out = (struct partners){0};
    db_queue0(rq->db, &READ_PARTNERS, &out->rows);
    db_queue0(rq->db, &READ_QUIRKS, &out->quirks);
}

static struct str text(struct request *rq, const struct rows *r, int row, int column)
{
    return row_null(r, row, column) ? STR_NONE : str_dup(rq->arena, row_text(r, row, column));
}

static struct partner read_one(struct request *rq, const struct rows *r, int row)
{
    const struct config *c = rq->config;

    return (struct partner){
        .member_id = row_int(r, row, 0),
        .member = member_by_id(rq->members, row_int(r, row, 0)),
        .name = text(rq, r, row, 1),
        .home = text(rq, r, row, 2),
        .query_url = text(rq, r, row, 3),
        .retrieve_url = text(rq, r, row, 4),
        .discovery_url = text(rq, r, row, 5),
        .provide_url = text(rq, r, row, 6),
        .soft_us = c->community_soft_ms * 1000,
        .hard_us = c->community_hard_ms * 1000,
        .most_in_flight = (int)c->community_in_flight,
        .documents = DOCUMENTS_DEFAULT,
    };
}

void partners_read(struct request *rq, struct partners *out)
{
    out->v = ARENA_ARRAY(rq->arena, (size_t)out->rows.count, struct partner);
    for (int i = 0; i < out->rows.count; i++) {
        out->v[out->n] = read_one(rq, &out->rows, i);
        out->n += out->v[out->n].member != NULL;
    }
    for (int i = 0; i < out->quirks.count; i++) {
        struct partner *p = (struct partner *)partner_by_id(out, row_int(&out->quirks, i, 0));
        struct str value = text(rq, &out->quirks, i, 2);
        enum partner_quirk quirk;

        if (p != NULL && partner_quirk_read(row_text(&out->quirks, i, 1), value, &quirk))
            partner_set_quirk(p, quirk, value);
    }
}

const struct partner *partner_by_home(const struct partners *all, struct str home)
{
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->v[i].home, oid_strip_urn(home)))
            return &all->v[i];
    return NULL;
}

const struct partner *partner_by_id(const struct partners *all, int64_t member_id)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].member_id == member_id)
            return &all->v[i];
    return NULL;
}

struct str partner_home_urn(struct arena *a, const struct partner *p)
{
    return str_printf(a, "urn:oid:%.*s", STR_ARG(p->home));
}

bool partner_is_home(const struct partner *p, struct str said)
{
    struct str oid = oid_strip_urn(said);

    if (said.n == 0)
        return PARTNER_TAKES(p, NO_HOME);
    if (oid.n == said.n && !PARTNER_TAKES(p, BARE_OIDS))
        return false;
    return str_eq(oid, p->home) || (PARTNER_TAKES(p, OTHER_HOME) && str_eq(oid, p->other_home));
}
