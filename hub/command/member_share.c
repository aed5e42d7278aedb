/* `causeway member share`: what a member may have of the hub beside the others. */
#include <string.h>

#include "hub/command/cli_print.h"
#include "hub/command/member_change.h"

static const struct statement SET_SHARE = {
    "member_set_share",
    "UPDATE member"
    " SET weight = $2, request_rate = nullif($3, 0), most_waiting = nullif($4, 0),"
    "  most_running = nullif($5, 0)"
    " WHERE member_id = $1",
};

/* The option's number, or 0 for `default`; without the option it stays. */
static enum status number_given(struct operation *o, const struct member *m, const char *name,
                                uint64_t most, int64_t *number)
{
    const char *given = cli_value(&o->args, name);
    uint64_t n = 0;

    if (given == NULL)
        return OK;
    if (strcmp(given, "default") != 0 && (!str_to_u64(str_from(given), &n) || n == 0 || n > most))
        return fail(o->args.err, INVALID, "share", "--%s takes a number from 1 to %llu, or default",
                    name, (unsigned long long)most);
    *number = (int64_t)n;
    member_audit(o, m->name, str_printf(o->args.arena, "share: %s %s", name, given));
    return OK;
}

static enum status work_share(struct operation *o, struct strbuf *out)
{
    const struct member *m;
    struct member_share s;

    TRY(member_named(o, &m));
    s = m->share;
    TRY(number_given(o, m, "weight", 10000, &s.weight));
    TRY(number_given(o, m, "rate", 1000000, &s.rate));
    TRY(number_given(o, m, "waiting", 100000, &s.waiting));
    TRY(number_given(o, m, "running", 256, &s.running));
    if (o->audit.count == 0)
        return fail(o->args.err, INVALID, "share",
                    "say what: --weight, --rate, --waiting or --running");
    db_queue(o->db, &SET_SHARE, NULL, DB_INT8(m->id),
             DB_INT4((int32_t)(s.weight > 0 ? s.weight : MEMBER_WEIGHT)), DB_INT4((int32_t)s.rate),
             DB_INT4((int32_t)s.waiting), DB_INT4((int32_t)s.running));
    return member_report(o, out, member_word(o), "has this share from its next request on");
}

static const struct cli_option options[] = {
    {"weight", "N", "of the workers' time, when more is asked than they can do; usual: 100"},
    {"rate", "N", "requests a second, and as many at once"},
    {"waiting", "N", "requests that may wait for a worker"},
    {"running", "N", "requests that workers may have at a time"},
    {NULL, NULL, NULL},
};

const struct operation_kind member_share = {
    .cli = {"causeway member share NAME [--weight N] [--rate N] [--waiting N] [--running N]",
            "Says what a member may have of each hub process, beside the others. What is above is\n"
            "answered 503; HL7 v2 messages above the rate are taken more slowly. `default` stands\n"
            "for what the configuration says (member_rate, member_waiting, member_running).\n"
            "\n"
            "  causeway member share st-mary --weight 200 --rate 50",
            options},
    .least = 1,
    .most = 1,
    .transaction = "CONFIG",
    .audit = {"110113", 'E'},
    .endpoint = "causeway member share",
    .changes_members = true,
    .work = work_share,
};
