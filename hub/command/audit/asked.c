#include "hub/command/audit/asked.h"

#include <string.h>

#include "hub/command/audit/index.h"

static const struct audit_index *the_index;

void audit_set_index(const struct audit_index *index)
{
    the_index = index;
}

const struct audit_index *audit_index(void)
{
    must(the_index != NULL, "an index that hub/main.c handed in");
    return the_index;
}

static enum status time_given(struct operation *o, const char *option, int64_t *us)
{
    const char *text = cli_value(&o->args, option);

    if (text == NULL || clock_parse_iso(str_from(text), us))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--%s %s: not a time; write 2026-11-22 or 2026-11-22T15:04:05Z", option, text);
}

static enum status member_given(struct operation *o, int64_t *id)
{
    const char *name = cli_value(&o->args, "member");
    const struct member *m;

    if (name == NULL)
        return OK;
    m = member_by_name(o->members, str_from(name));
    if (m == NULL)
        return fail(o->args.err, NOT_FOUND, "usage",
                    "no member is called '%s'; `causeway member list` shows them", name);
    *id = m->id;
    return OK;
}

static enum status limit_given(struct operation *o, size_t *limit)
{
    const char *text = cli_value(&o->args, "limit");
    uint64_t n = AUDIT_ASKED_LIMIT;

    if (text != NULL && (!str_to_u64(str_from(text), &n) || n < 1 || n > AUDIT_SEARCH_MAX))
        return fail(o->args.err, INVALID, "usage", "--limit %s: a number from 1 to %d", text,
                    AUDIT_SEARCH_MAX);
    *limit = (size_t)n;
    return OK;
}

bool audit_record_read(struct str text, int64_t *at_us, struct uuid *id)
{
    struct str at = str_cut(&text, '/');

    return clock_parse_iso(at, at_us) && uuid_parse(text, id);
}

enum status audit_record_named(struct operation *o, const char *text, struct audit_position *out)
{
    int64_t at_us;
    struct uuid id;
    bool found;

    if (!audit_record_read(str_from(text), &at_us, &id))
        return fail(o->args.err, INVALID, "usage",
                    "'%s': name a record by TIME/ID, as `at` and `id` of its JSON have them", text);
    TRY(audit_search_place(o->db, at_us, id, &found, out));
    if (!found)
        return fail(o->args.err, NOT_FOUND, "record", "the log has no record '%s'", text);
    return OK;
}

/* TIME/ID of a row, so that a script can take it from the last line that it read. */
static enum status cursor_given(struct operation *o, struct audit_filter *f)
{
    const char *text = cli_value(&o->args, "before");

    f->before = text != NULL;
    if (text == NULL || audit_record_read(str_from(text), &f->before_us, &f->before_id))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--before takes TIME/ID of a row, as the line under the table shows it");
}

static enum status request_given(struct operation *o, struct audit_filter *f)
{
    const char *text = cli_value(&o->args, "request");

    f->by_request = text != NULL;
    if (text == NULL || uuid_parse(str_from(text), &f->request))
        return OK;
    return fail(o->args.err, INVALID, "usage",
                "--request %s: takes the request's id, a UUID, as errors and logs show it", text);
}

/* The person whom the index knows by this identifier, and all that were merged into it. */
static enum status persons_known(struct operation *o, struct identifier id, struct audit_filter *f)
{
    struct person person = {0};
    struct errors unknown;
    struct request rq = {
        .magic = REQUEST_MAGIC,
        .config = &o->config,
        .members = o->members,
        .arena = o->args.arena,
        .err = &unknown,
        .db = o->db,
        .id = uuid_v7(),
        .now_us = o->now_us,
    };
    int64_t *pkeys, *ids;
    enum status status;

    errors_init(&unknown, o->args.arena);
    status = audit_index()->resolve(&rq, id, &person);
    if (status == NOT_FOUND)
        return OK;
    if (status != OK)
        return fail(o->args.err, status, "patient", "%.*s", STR_ARG(unknown.first->text));
    f->pkeys = pkeys = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    f->person_ids = ids = ARENA_ARRAY(o->args.arena, person.constituent_count, int64_t);
    f->person_count = person.constituent_count;
    for (size_t i = 0; i < f->person_count; i++) {
        pkeys[i] = person.constituents[i].pkey;
        ids[i] = person.constituents[i].person_id;
    }
    return OK;
}

static enum status patient_given(struct operation *o, struct audit_filter *f)
{
    struct identifier id;

    f->patient = str_from(cli_value(&o->args, "patient"));
    if (!identifier_parse_cx(f->patient, &id))
        return OK;
    f->patient = identifier_cx(o->args.arena, id);
    return persons_known(o, id, f);
}

static const struct {
    const char *name;
    int outcome;
    bool succeeded, failed;
} outcomes[] = {
    {"success", 0, true, false},          {"failure", 0, false, true},
    {"minor", AUDIT_MINOR, false, false}, {"serious", AUDIT_SERIOUS, false, false},
    {"major", AUDIT_MAJOR, false, false},
};

static enum status outcome_given(struct operation *o, struct audit_filter *f)
{
    const char *text = cli_value(&o->args, "outcome");

    if (text == NULL)
        return OK;
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        if (strcmp(text, outcomes[i].name) == 0) {
            f->outcome = outcomes[i].outcome;
            f->succeeded = outcomes[i].succeeded;
            f->failed = outcomes[i].failed;
            return OK;
        }
    return fail(o->args.err, INVALID, "usage",
                "--outcome %s: success, failure (whichever), minor, serious or major", text);
}

/* A search that names nothing which is rare reads the last days only, unless it says since when. */
static void bound(struct operation *o, struct audit_filter *f)
{
    bool narrow = f->patient.n > 0 || f->user.n > 0 || f->document.n > 0 || f->by_request;

    if (f->from_us == INT64_MIN && !narrow)
        f->from_us = (f->to_us < o->now_us ? f->to_us : o->now_us) - AUDIT_ASKED_US;
}

enum status audit_asked(struct operation *o, struct audit_filter *f)
{
    *f = (struct audit_filter){
        .transaction = str_from(cli_value(&o->args, "transaction")),
        .user = str_from(cli_value(&o->args, "user")),
        .role = str_from(cli_value(&o->args, "role")),
        .purpose = str_from(cli_value(&o->args, "purpose")),
        .document = str_from(cli_value(&o->args, "document")),
        .from_us = INT64_MIN,
        .to_us = INT64_MAX,
    };
    TRY(patient_given(o, f));
    TRY(member_given(o, &f->member_id));
    TRY(outcome_given(o, f));
    TRY(time_given(o, "from", &f->from_us));
    TRY(time_given(o, "to", &f->to_us));
    TRY(request_given(o, f));
    TRY(limit_given(o, &f->limit));
    bound(o, f);
    return cursor_given(o, f);
}
