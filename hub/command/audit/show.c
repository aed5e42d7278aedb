#include "hub/command/audit/show.h"

#include <jansson.h>

#include "hub/audit/rules.h"
#include "hub/base/clock.h"
#include "hub/command/cli_print.h"

enum { DETAIL_SHOWN = 160 };

static const char *const outcome_names[] = {"success", "minor", "serious", "major"}; /* / 4 */

static struct str text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR("");
}

/* "document 1.2.3, query urn:uuid:... (detail)", and why it failed. */
static struct str what_text(struct arena *a, const json_t *record)
{
    struct strbuf b = strbuf_on(a, 128);
    struct str why = text_of(record, "description");
    const json_t *object;
    size_t i;

    json_array_foreach(json_object_get(record, "objects"), i, object)
    {
        struct str detail = text_of(object, "detail");

        strbuf_addf(&b, "%s%.*s %.*s", i > 0 ? ", " : "", STR_ARG(text_of(object, "kind")),
                    STR_ARG(text_of(object, "id")));
        if (detail.n > 0 && detail.n <= DETAIL_SHOWN)
            strbuf_addf(&b, " (%.*s)", STR_ARG(detail));
    }
    if (why.n > 0)
        strbuf_addf(&b, "%s%.*s", b.n > 0 ? ": " : "", STR_ARG(why));
    return strbuf_str(&b);
}

static struct str who_text(struct arena *a, const json_t *record)
{
    struct str member = text_of(json_object_get(record, "member"), "name");
    struct str user = text_of(record, "user");

    if (member.n == 0)
        return str_dup(a, user);
    return user.n > 0 ? str_printf(a, "%.*s (%.*s)", STR_ARG(member), STR_ARG(user))
                      : str_dup(a, member);
}

static void row_table(struct cli_table *t, struct arena *a, const struct audit_entry *e)
{
    json_t *record = e->record.p != NULL ? json_loadb(e->record.p, e->record.n, 0, NULL) : NULL;
    struct str what = record != NULL ? what_text(a, record)
                                     : STR("(unreadable: altered, or under another master key)");

    cli_table_row(t, str_printf(a, "%.19s", clock_iso(a, e->at_us).p), who_text(a, record),
                  e->transaction, e->action, str_from(outcome_names[e->outcome / 4 % 4]),
                  e->patient.n > 0 ? e->patient : STR("-"), what);
    json_decref(record);
}

struct str audit_entry_who(struct arena *a, const struct audit_entry *e)
{
    json_t *record = e->record.p != NULL ? json_loadb(e->record.p, e->record.n, 0, NULL) : NULL;
    struct str who = record != NULL ? who_text(a, record) : STR("-");

    json_decref(record);
    return who;
}

bool audit_entry_emergency(const struct audit_entry *e)
{
    return str_eq(e->event, STR("110127")) || audit_purpose_emergency(e->purpose);
}

struct str audit_entry_name(struct arena *a, const struct audit_entry *e)
{
    return str_printf(a, "%.*s/%.*s", STR_ARG(clock_iso(a, e->at_us)),
                      STR_ARG(uuid_text(a, e->id)));
}

void audit_show_table(struct strbuf *out, struct arena *a, const struct audit_found *found)
{
    struct cli_table t = cli_table_on(a, 7);

    if (found->count == 0) {
        strbuf_lit(out, "Nothing in the audit log matches.\n");
        return;
    }
    cli_table_row(&t, STR("TIME (UTC)"), STR("WHO"), STR("TRANSACTION"), STR("ACTION"),
                  STR("OUTCOME"), STR("PATIENT"), STR("WHAT"));
    for (size_t i = 0; i < found->count; i++)
        row_table(&t, a, &found->items[i]);
    cli_table_write(&t, out);
    if (found->more)
        strbuf_addf(out, "There are older ones: --before %.*s\n",
                    STR_ARG(audit_entry_name(a, &found->items[found->count - 1])));
}

void audit_show_json(struct strbuf *out, struct arena *a, const struct audit_found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct audit_entry *e = &found->items[i];

        if (e->record.p != NULL) {
            strbuf_add(out, e->record);
        } else {
            strbuf_lit(out, "{");
            cli_json_text(out, "id", uuid_text(a, e->id));
            cli_json_text(out, "at", clock_iso(a, e->at_us));
            cli_json_text(out, "request", uuid_text(a, e->request));
            cli_json_text(out, "transaction", e->transaction);
            cli_json_bool(out, "unreadable", true);
            strbuf_lit(out, "}");
        }
        strbuf_lit(out, "\n");
    }
}
