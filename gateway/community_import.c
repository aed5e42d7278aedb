#include "gateway/community_import.h"

#include "gateway/community_command.h"
#include "gateway/directory.h"
#include "gateway/partner_call.h"
#include "hub/command/member_change.h"

static const char *const services[DIRECTORY_SERVICES] = {
    [SERVICE_QUERY] = "query",
    [SERVICE_RETRIEVE] = "retrieve",
    [SERVICE_DISCOVERY] = "discovery",
};

/* Agreements of the whole region leave communities out: whoever decides reads anew who is one. */
static const struct statement BUMP_CONSENT = {
    "community_import_epoch",
    "UPDATE epoch\n"
    "   SET value = value + 1\n"
    " WHERE name = 'consent'",
};

/* The member that is this community, or whose organization has its number. A directory enrols
 * nobody: that takes a certificate. */
static const struct member *member_of(const struct member_directory *d, struct str home)
{
    const struct member *m = NULL;

    for (size_t i = 0; i < d->count; i++) {
        if (str_eq(d->members[i].community, home))
            return &d->members[i];
        if (d->members[i].community.n == 0 && str_eq(d->members[i].organization, home))
            m = &d->members[i];
    }
    return m;
}

static enum status take(struct operation *o, const struct directory_community *c,
                        struct strbuf *out, size_t *taken)
{
    const struct member *m = member_of(o->members, c->home);

    if (m == NULL) {
        strbuf_addf(out, "urn:oid:%.*s: no member has this organization; left out\n",
                    STR_ARG(c->home));
        return OK;
    }
    TRY(community_check_home(o, c->home));
    community_put(o, m, c->home);
    strbuf_addf(out, "%.*s  urn:oid:%.*s\n", STR_ARG(m->name), STR_ARG(c->home));
    for (int i = 0; i < DIRECTORY_SERVICES; i++) {
        if (c->urls[i].n == 0)
            continue;
        if (!question_url_valid(c->urls[i])) {
            strbuf_addf(out, "  %s: no address that can be asked; left out\n", services[i]);
            continue;
        }
        community_put_endpoint(o, m, services[i], c->urls[i]);
        strbuf_addf(out, "  %s %.*s\n", services[i], STR_ARG(c->urls[i]));
    }
    member_audit(o, m->name,
                 str_printf(o->args.arena, "is community %.*s, by a directory", STR_ARG(c->home)));
    (*taken)++;
    return OK;
}

static enum status work_import(struct operation *o, struct strbuf *out)
{
    struct directory d;
    struct str bytes;
    size_t taken = 0;

    TRY(cli_read_file(&o->args, o->args.positional[0], DIRECTORY_MAX, &bytes));
    TRY(directory_read(o->args.arena, bytes, &d, o->args.err));
    db_queue0(o->db, &BUMP_CONSENT, NULL);
    for (size_t i = 0; i < d.n; i++)
        if (!str_eq(d.v[i].home, str_from(o->config.home_community_id)))
            TRY(take(o, &d.v[i], out, &taken));
    if (taken == 0)
        member_audit(o, STR("-"), STR("a directory was read that names no member"));
    strbuf_addf(out, "%zu communities taken over; %zu endpoints of the directory left out\n", taken,
                d.left_out);
    return db_flush(o->db);
}

static const struct cli_option options[] = {{NULL, NULL, NULL}};

const struct operation_kind community_import_kind = {
    .cli = {"causeway community import FILE",
            "Takes communities and their addresses over from a directory of care services (IHE\n"
            "mCSD): a FHIR Bundle of Endpoints and Organizations, as JSON; - reads stdin. Each\n"
            "community must be a member already, whose organization is its home community id: a\n"
            "directory says where a community is reached, and not that it is trusted.\n"
            "\n"
            "  causeway community import directory.json",
            options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway community import",
    .changes_members = true,
    .work = work_import,
};
