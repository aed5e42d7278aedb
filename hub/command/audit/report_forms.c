#include "hub/command/audit/report.h"
#include "hub/command/cli_print.h"

/* --- wording that all forms share ------------------------------------------------------------ */

static struct str time_text(struct arena *a, int64_t us)
{
    return str_printf(a, "%.10s %.5s", clock_iso(a, us).p, clock_iso(a, us).p + 11);
}

static struct str who(struct arena *a, const struct report *r, const struct told *t)
{
    bool machine = str_eq(t->role, STR("system"));

    if (t->person.n > 0 && !r->hide_names)
        return str_printf(a, "%.*s (%.*s, %.*s)", STR_ARG(t->member), STR_ARG(t->person),
                          STR_ARG(t->role));
    if (t->role.n == 0 || machine)
        return str_printf(a, "%.*s%s", STR_ARG(t->member), machine ? " (its computer system)" : "");
    return str_printf(a, "%.*s (%.*s)", STR_ARG(t->member), STR_ARG(t->role));
}

static struct str span(struct arena *a, const struct report *r)
{
    struct str to = r->to_us == INT64_MAX ? STR("now") : time_text(a, r->to_us);

    if (r->from_us == INT64_MIN)
        return str_printf(a, "all that the log holds, until %.*s", STR_ARG(to));
    return str_printf(a, "%.*s to %.*s", STR_ARG(time_text(a, r->from_us)), STR_ARG(to));
}

/* --- text ------------------------------------------------------------------------------------ */

/* Control characters would play with a terminal: what the log holds came from outside. */
static void safe_add(struct strbuf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        strbuf_addc(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void text_head(struct strbuf *out, struct arena *a, const struct report *r)
{
    strbuf_addf(out, "%s\nPatient ", r->title);
    safe_add(out, r->patient);
    strbuf_addf(out, "\n%.*s; made %.*s. Times are UTC.\n\n", STR_ARG(span(a, r)),
                STR_ARG(time_text(a, r->made_us)));
}

static void unreadable(struct strbuf *out, const struct report *r)
{
    if (r->unreadable > 0)
        strbuf_addf(out, "%zu records could not be read: erased, altered, or under another key.\n",
                    r->unreadable);
}

static void access_text(struct strbuf *out, struct arena *a, const struct report *r)
{
    text_head(out, a, r);
    if (r->count == 0)
        strbuf_lit(out, "Nobody asked for anything about you in this time.\n");
    for (size_t i = 0; i < r->count; i++) {
        const struct told *t = &r->events[i];

        strbuf_addf(out, "%.*s  %s", STR_ARG(time_text(a, t->at_us)),
                    t->emergency ? "EMERGENCY ACCESS: " : "");
        safe_add(out, who(a, r, t));
        strbuf_addf(out, " %.*s, for ", STR_ARG(t->what));
        safe_add(out, t->why);
        if (t->from.n > 0) {
            strbuf_lit(out, ", from ");
            safe_add(out, t->from);
        }
        strbuf_addf(out, ": %.*s.\n", STR_ARG(t->result));
    }
    unreadable(out, r);
}

static void disclosures_text(struct strbuf *out, struct arena *a, const struct report *r)
{
    text_head(out, a, r);
    strbuf_lit(out, "Disclosures for treatment, payment or health care operations, to you, or by "
                    "your\nauthorization are not listed (45 CFR 164.528(a)(1)).\n\n");
    if (r->count == 0)
        strbuf_lit(out, "There is no disclosure to account for in this time.\n");
    for (size_t i = 0; i < r->count; i++) {
        const struct told *t = &r->events[i];

        strbuf_addf(out, "%.10s\n  to       ", clock_iso(a, t->at_us).p);
        safe_add(out, t->member);
        strbuf_lit(out, "\n  address  ");
        safe_add(out, t->address.n > 0 ? t->address : STR("not known"));
        strbuf_lit(out, "\n  what     ");
        safe_add(out, t->what);
        strbuf_lit(out, "\n  purpose  ");
        safe_add(out, t->why);
        strbuf_lit(out, "\n\n");
    }
    unreadable(out, r);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void report_json(struct strbuf *out, struct arena *a, const struct report *r)
{
    strbuf_lit(out, "{");
    cli_json_text(out, "report", str_from(r->title));
    cli_json_text(out, "patient", r->patient);
    cli_json_text(out, "from", r->from_us == INT64_MIN ? STR("") : clock_iso(a, r->from_us));
    cli_json_text(out, "to", clock_iso(a, r->to_us == INT64_MAX ? r->made_us : r->to_us));
    cli_json_text(out, "made", clock_iso(a, r->made_us));
    cli_json_int(out, "unreadable", (int64_t)r->unreadable);
    cli_json_key(out, "events");
    strbuf_lit(out, "[");
    for (size_t i = 0; i < r->count; i++) {
        const struct told *t = &r->events[i];

        cli_json_comma(out);
        strbuf_lit(out, "{");
        cli_json_text(out, "at", clock_iso(a, t->at_us));
        cli_json_text(out, "member", t->member);
        cli_json_text(out, "organization", t->organization);
        cli_json_text(out, "address", t->address);
        cli_json_text(out, "person", r->hide_names ? STR("") : t->person);
        cli_json_text(out, "role", t->role);
        cli_json_text(out, "what", t->what);
        cli_json_text(out, "purpose", t->purpose);
        cli_json_text(out, "why", t->why);
        cli_json_text(out, "from", t->from);
        cli_json_text(out, "result", t->result);
        cli_json_bool(out, "refused", t->refused);
        cli_json_bool(out, "emergency", t->emergency);
        cli_json_bool(out, "accountable", t->accountable);
        cli_json_text(out, "record", t->name);
        strbuf_lit(out, "}");
    }
    strbuf_lit(out, "]}\n");
}

/* --- HTML: one page to print, which loads nothing ------------------------------------------------
 */

static void escaped(struct strbuf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            strbuf_lit(out, "&amp;");
            break;
        case '<':
            strbuf_lit(out, "&lt;");
            break;
        case '>':
            strbuf_lit(out, "&gt;");
            break;
        case '"':
            strbuf_lit(out, "&quot;");
            break;
        case '\'':
            strbuf_lit(out, "&#39;");
            break;
        default:
            strbuf_addc(out, (unsigned char)s.p[i] < 0x20 ? ' ' : s.p[i]);
        }
}

static void cell(struct strbuf *out, struct str s)
{
    strbuf_lit(out, "<td>");
    escaped(out, s);
    strbuf_lit(out, "</td>");
}

static void html_head(struct strbuf *out, struct arena *a, const struct report *r,
                      const char *columns)
{
    strbuf_addf(out,
                "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src 'unsafe-inline'\">\n<title>%s</title>\n<style>\n"
                "body{font:11pt sans-serif;margin:2em}table{border-collapse:collapse;width:100%%}\n"
                "th,td{text-align:left;vertical-align:top;border-bottom:1px solid #999;"
                "padding:.3em .6em}\nthead{display:table-header-group}tr{page-break-inside:avoid}\n"
                ".emergency td{font-weight:bold}.refused td{font-style:italic}\n"
                "</style></head><body>\n<h1>%s</h1>\n<p>Patient ",
                r->title, r->title);
    escaped(out, r->patient);
    strbuf_lit(out, ". ");
    escaped(out, span(a, r));
    strbuf_addf(out, "; made %.*s. Times are UTC.</p>\n<table><thead><tr>%s</tr></thead><tbody>\n",
                STR_ARG(time_text(a, r->made_us)), columns);
}

static void html_end(struct strbuf *out, const struct report *r, const char *nothing)
{
    strbuf_lit(out, "</tbody></table>\n");
    if (r->count == 0)
        strbuf_addf(out, "<p>%s</p>\n", nothing);
    if (r->unreadable > 0)
        strbuf_addf(out, "<p>%zu records could not be read.</p>\n", r->unreadable);
    strbuf_lit(out, "</body></html>\n");
}

static void access_html(struct strbuf *out, struct arena *a, const struct report *r)
{
    html_head(out, a, r,
              "<th>When<th>Who<th>Did what<th>What for<th>From where<th>What came of it");
    for (size_t i = 0; i < r->count; i++) {
        const struct told *t = &r->events[i];

        strbuf_addf(out, "<tr%s>",
                    t->emergency ? " class=\"emergency\""
                    : t->refused ? " class=\"refused\""
                                 : "");
        cell(out, time_text(a, t->at_us));
        cell(out, who(a, r, t));
        cell(out, t->what);
        cell(out, t->emergency ? str_printf(a, "EMERGENCY ACCESS: %.*s", STR_ARG(t->why)) : t->why);
        cell(out, t->from);
        cell(out, t->result);
        strbuf_lit(out, "</tr>\n");
    }
    html_end(out, r, "Nobody asked for anything about you in this time.");
}

static void disclosures_html(struct strbuf *out, struct arena *a, const struct report *r)
{
    html_head(out, a, r, "<th>Date<th>Recipient<th>Address<th>What<th>Purpose");
    for (size_t i = 0; i < r->count; i++) {
        const struct told *t = &r->events[i];

        strbuf_lit(out, "<tr>");
        cell(out, str_printf(a, "%.10s", clock_iso(a, t->at_us).p));
        cell(out, t->member);
        cell(out, t->address.n > 0 ? t->address : STR("not known"));
        cell(out, t->what);
        cell(out, t->why);
        strbuf_lit(out, "</tr>\n");
    }
    html_end(out, r, "There is no disclosure to account for in this time.");
}

const struct report_form report_forms[] = {
    {"text", access_text, disclosures_text},
    {"json", report_json, report_json},
    {"html", access_html, disclosures_html},
    {NULL, NULL, NULL},
};
