#include "hub/command/audit/report.h"

#include <inttypes.h>
#include <jansson.h>

#include "hub/audit/rules.h"
#include "hub/command/audit/show.h"
#include "hub/emergency.h"

enum { EVENTS_MAX = 200000 }; /* of one patient: a report beyond is no report */

static const struct statement RECIPIENTS = {
    "report_recipients",
    "SELECT member_id, name, address"
    " FROM audit_recipient",
};

/* --- words ----------------------------------------------------------------------------------- */

/* What a patient understands by a transaction; %s becomes how many documents. */
static const struct {
    const char *transaction, *words;
    bool counts;
} phrases[] = {
    {"ITI-18", "looked at the list of your documents", false},
    {"ITI-38", "looked at the list of your documents from another region", false},
    {"ITI-51", "looked at a list of several patients' documents, yours among them", false},
    {"ITI-43", "opened", true},
    {"ITI-39", "opened from another region", true},
    {"ITI-68", "opened", true},
    {"ITI-9", "looked up your patient numbers", false},
    {"ITI-45", "looked up your patient numbers", false},
    {"ITI-83", "looked up your patient numbers", false},
    {"ITI-21", "looked up your name, birth date and address", false},
    {"ITI-22", "looked up your name, birth date, address and visits", false},
    {"ITI-47", "looked up your name, birth date and address", false},
    {"ITI-78", "looked up your name, birth date and address", false},
    {"ITI-55", "asked whether you are known here", false},
    {"ITI-56", "asked where you have records", false},
    {"ITI-8", "told the exchange of your registration or a change of it", false},
    {"ITI-30", "told the exchange of your registration or a change of it", false},
    {"ITI-31", "told the exchange of a visit", false},
    {"ITI-44", "told the exchange of your registration or a change of it", false},
    {"ITI-41", "published documents about you", false},
    {"ITI-42", "published documents about you", false},
    {"ITI-61", "announced a document about you", false},
    {"ITI-65", "published documents about you", false},
    {"ITI-57", "changed how documents about you are described", false},
    {"ITI-92", "changed how documents about you are described", false},
    {"ITI-62", "removed documents about you from the list", false},
    {"ITI-86", "removed documents about you", false},
    {"ITI-10", "was told of a change of your patient numbers", false},
    {"ITI-46", "was told of a change of your patient numbers", false},
    {"ITI-64", "was told of a change of your patient numbers", false},
    {"ITI-81", "looked at this list of accesses", false},
    {"ITI-108", "asked for your consents", false},
    {"EMERGENCY", "opened in an emergency what was closed", false},
    {"CONFIG", "changed or exported something about you at the exchange", false},
};

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR("");
}

static size_t documents_of(const json_t *record)
{
    const json_t *object;
    size_t i, n = 0;

    json_array_foreach(json_object_get(record, "objects"), i, object) n +=
        str_eq(text_of(object, "kind"), STR("document"));
    return n;
}

static struct str what_words(struct arena *a, struct str transaction, const json_t *record)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        size_t n;

        if (!str_eq(transaction, str_from(phrases[i].transaction)))
            continue;
        if (!phrases[i].counts)
            return str_from(phrases[i].words);
        n = documents_of(record);
        return n == 1 ? str_printf(a, "%s one of your documents", phrases[i].words)
                      : str_printf(a, "%s %zu of your documents", phrases[i].words, n);
    }
    return str_printf(a, "did something with your record (%.*s)", STR_ARG(transaction));
}

static struct str result_words(int outcome, struct str description)
{
    if (outcome == AUDIT_MAJOR)
        return STR("failed");
    if (outcome != AUDIT_SUCCESS)
        return STR("refused");
    return str_starts(description, STR("withheld")) ? STR("done, but part of it was withheld")
                                                    : STR("done");
}

/* The address alone: what follows is the certificate's subject. */
static struct str address_of(struct str peer)
{
    return str_cut(&peer, ' ');
}

static const struct member *member_of(const struct operation *o, const json_t *record)
{
    const json_t *id = json_object_get(json_object_get(record, "member"), "id");

    return member_by_id(o->members, json_integer_value(id));
}

/* --- one event ------------------------------------------------------------------------------- */

static struct str dup_text(struct arena *a, const json_t *record, const char *key)
{
    return str_dup(a, text_of(record, key));
}

static void who_read(struct operation *o, const json_t *record, struct told *t)
{
    struct arena *a = o->args.arena;
    const struct member *m = member_of(o, record);

    t->member = str_dup(a, text_of(json_object_get(record, "member"), "name"));
    t->organization = m != NULL ? m->organization : STR("");
    t->person = dup_text(a, record, "user_name");
    if (t->person.n == 0)
        t->person = dup_text(a, record, "user");
    t->role = dup_text(a, record, "role");
    if (t->member.n == 0)
        t->member = str_eq(t->role, STR("operator")) ? STR("the exchange's operator")
                                                     : STR("somebody unknown");
}

/* What consent had closed, and an emergency opened: with the reason that was given. */
static void take_emergency(struct arena *a, const json_t *record, struct told *t)
{
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i, object)
    {
        struct str reason = emergency_reason(text_of(object, "detail"));

        if (!str_eq(text_of(object, "kind"), STR("emergency")))
            continue;
        t->emergency = true;
        if (reason.n > 0)
            t->why = str_printf(a, "%.*s: %.*s", STR_ARG(t->why), STR_ARG(reason));
    }
}

static void told_read(struct operation *o, const struct audit_entry *e, const json_t *record,
                      struct told *t)
{
    struct arena *a = o->args.arena;

    *t = (struct told){.at_us = e->at_us, .name = audit_entry_name(a, e)};
    who_read(o, record, t);
    t->purpose = dup_text(a, record, "purpose");
    t->what = what_words(a, e->transaction, record);
    t->why = t->purpose.n > 0 ? audit_purpose_word(t->purpose) : STR("not stated");
    t->from = str_dup(a, address_of(text_of(record, "peer")));
    t->result = result_words(e->outcome, text_of(record, "description"));
    t->refused = e->outcome != AUDIT_SUCCESS;
    t->emergency =
        str_eq(e->event, STR("110127")) || audit_purpose_emergency(text_of(record, "purpose"));
    take_emergency(a, record, t);
    t->accountable = audit_purpose_accountable(text_of(record, "purpose"));
}

/* What went to somebody: answers to members' questions, retrievals, exports; with success. */
static bool disclosed(const struct audit_entry *e, const json_t *record)
{
    bool to_member =
        json_integer_value(json_object_get(json_object_get(record, "member"), "id")) != 0;
    bool query = str_eq(e->event, STR("110112")), sent = str_eq(e->event, STR("110106"));

    return e->outcome == AUDIT_SUCCESS && ((to_member && query) || sent) &&
           audit_purpose_accountable(text_of(record, "purpose"));
}

/* --- all of them ----------------------------------------------------------------------------- */

static enum status page_read(struct operation *o, const struct audit_found *page, bool disclosures,
                             struct report *r, size_t *room)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct audit_entry *e = &page->items[i];
        json_t *record = e->record.p != NULL ? json_loadb(e->record.p, e->record.n, 0, NULL) : NULL;

        if (r->count == *room) {
            struct told *wider = ARENA_ARRAY(o->args.arena, 2 * *room, struct told);

            memcpy(wider, r->events, r->count * sizeof(*wider));
            r->events = wider;
            *room *= 2;
        }
        if (record == NULL)
            r->unreadable++;
        else if (!disclosures || disclosed(e, record))
            told_read(o, e, record, &r->events[r->count++]);
        json_decref(record);
    }
    if (r->count > EVENTS_MAX)
        return fail(o->args.err, INVALID, "report", "more than %d events: ask for a shorter time",
                    EVENTS_MAX);
    return OK;
}

static enum status addresses_read(struct operation *o, struct report *r)
{
    struct rows rows;

    db_queue0(o->db, &RECIPIENTS, &rows);
    TRY(db_flush(o->db));
    for (int i = 0; i < rows.count; i++) {
        const struct member *m = member_by_id(o->members, row_int(&rows, i, 0));

        for (size_t k = 0; m != NULL && k < r->count; k++)
            if (str_eq(r->events[k].member, m->name)) {
                r->events[k].member = row_text(&rows, i, 1);
                r->events[k].address = row_text(&rows, i, 2);
            }
    }
    return OK;
}

enum status report_gather(struct operation *o, struct audit_filter *f, bool disclosures,
                          struct report *r, struct audit_found *found)
{
    struct audit_found page;
    size_t room = 256;

    r->events = ARENA_ARRAY(o->args.arena, room, struct told);
    f->limit = AUDIT_SEARCH_MAX;
    do {
        TRY(audit_search(o->db, o->args.arena, f, &page));
        TRY(page_read(o, &page, disclosures, r, &room));
        if (page.count > 0) {
            f->before = true;
            f->before_us = page.items[page.count - 1].at_us;
            f->before_id = page.items[page.count - 1].id;
        }
        *found = page;
    } while (page.more);
    found->count = r->count;
    return addresses_read(o, r);
}
