#include "mpi/explain.h"

#include "mpi/named.h"

static void text_add(struct strbuf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            strbuf_lit(b, "&amp;");
            break;
        case '<':
            strbuf_lit(b, "&lt;");
            break;
        case '>':
            strbuf_lit(b, "&gt;");
            break;
        case '"':
            strbuf_lit(b, "&quot;");
            break;
        case '\'':
            strbuf_lit(b, "&#39;");
            break;
        default:
            strbuf_addc(b, (unsigned char)s.p[i] < 0x20 ? ' ' : s.p[i]);
        }
}

static void cell_add(struct strbuf *b, struct str s)
{
    strbuf_lit(b, "<td>");
    text_add(b, s);
    strbuf_lit(b, "</td>");
}

void mpi_explain_html_begin(struct strbuf *out)
{
    strbuf_lit(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
        " style-src 'unsafe-inline'\">\n"
        "<title>Matching decisions</title>\n<style>\n"
        "body{font:14px/1.4 sans-serif;margin:2em;max-width:75em}\n"
        "section{border-top:2px solid #888;margin-top:2em}\n"
        "table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}\n"
        "td,th{padding:2px 8px;text-align:left;border-bottom:1px solid #ddd}\n"
        "td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
        "td.w{width:30%;min-width:14em}\n"
        ".bar{position:relative;height:1em;background:#f4f4f4}\n"
        ".bar i{position:absolute;top:0;bottom:0}\n"
        ".for{background:#2a7d46}.against{background:#b3372f}.zero{background:#666;width:1px}\n"
        ".guard{color:#b3372f}\n</style></head><body>\n<h1>Matching decisions</h1>\n");
}

void mpi_explain_html_end(struct strbuf *out)
{
    strbuf_lit(out, "</body></html>\n");
}

struct scale {
    double least, most;
};

static struct scale scale_of(const struct mpi_waterfall *w)
{
    struct scale s = {0, 0};
    double sum = 0;

    for (size_t i = 0; i < w->step_count; i++) {
        sum += w->steps[i].bits;
        s.least = sum < s.least ? sum : s.least;
        s.most = sum > s.most ? sum : s.most;
    }
    return s;
}

static double percent(const struct scale *s, double bits)
{
    return s->most > s->least ? (bits - s->least) / (s->most - s->least) * 100 : 0;
}

static void bar_add(struct strbuf *b, const struct scale *s, double from, double to)
{
    double left = percent(s, from < to ? from : to), right = percent(s, from < to ? to : from);

    strbuf_addf(b,
                "<td class=\"w\"><div class=\"bar\"><i class=\"%s\""
                " style=\"left:%.1f%%;width:%.1f%%\"></i><i class=\"zero\""
                " style=\"left:%.1f%%\"></i></div></td>",
                to < from ? "against" : "for", left, right - left, percent(s, 0));
}

static void step_add(struct strbuf *b, const struct mpi_step *s, const struct scale *scale,
                     double *sum)
{
    strbuf_lit(b, "<tr>");
    cell_add(b, str_from(s->name));
    cell_add(b, s->mine);
    cell_add(b, s->theirs);
    cell_add(b, str_from(s->level));
    strbuf_addf(b, "<td class=\"n\">%+.2f</td>", s->bits);
    bar_add(b, scale, *sum, *sum + s->bits);
    strbuf_lit(b, "</tr>\n");
    *sum += s->bits;
}

static void candidate_add(struct arena *a, const struct mpi_waterfall *w, struct strbuf *b)
{
    struct scale scale = scale_of(w);
    double sum = 0;

    strbuf_lit(b, "<h3>");
    text_add(b, mpi_record_name(a, w->candidate->place));
    strbuf_addf(b, " version %d of ", w->candidate->version);
    text_add(b, mpi_person_name(a, w->candidate->person));
    strbuf_addf(b, ": %+.2f bits, probability %.6f</h3>\n", w->weight, w->posterior);
    for (int why = 0; why < MPI_WHY_COUNT; why++)
        if ((w->guards & (mpi_reasons)1 << why) != 0) {
            strbuf_lit(b, "<p class=\"guard\">");
            text_add(b, str_from(mpi_why_words((enum mpi_reason)why)));
            strbuf_lit(b, "</p>\n");
        }
    strbuf_lit(b, "<table><tr><th>Compared</th><th>This record</th><th>The candidate</th>"
                  "<th>Level</th><th>Bits</th><th></th></tr>\n");
    for (size_t i = 0; i < w->step_count; i++)
        step_add(b, &w->steps[i], &scale, &sum);
    strbuf_lit(b, "</table>\n");
}

void mpi_explain_html(struct arena *a, const struct mpi_explained *e, struct strbuf *out)
{
    const struct mpi_decided *d = e->decided;

    strbuf_lit(out, "<section><h2>");
    text_add(out, mpi_record_name(a, d->in.place));
    strbuf_addf(out, " version %d: ", d->in.version);
    text_add(out, d->outcome);
    strbuf_addc(out, ' ');
    if (d->person.person_id != 0)
        text_add(out, mpi_person_name(a, d->person));
    strbuf_lit(out, "</h2>\n<p>Decision ");
    text_add(out, uuid_text(a, d->id));
    strbuf_lit(out, ", ");
    text_add(out, clock_iso(a, d->at_us));
    strbuf_lit(out, ", model ");
    text_add(out, e->model->name);
    strbuf_lit(out, ". Because: ");
    for (size_t i = 0; i < d->reason_count; i++) {
        strbuf_add(out, i > 0 ? STR(", ") : STR(""));
        text_add(out, d->reasons[i]);
    }
    strbuf_lit(out, ".</p>\n");
    if (e->again.differs != NULL)
        strbuf_addf(out, "<p class=\"guard\">Made again it differs: %s</p>\n", e->again.differs);
    for (size_t i = 0; i < e->count; i++)
        candidate_add(a, &e->candidates[i], out);
    strbuf_lit(out, "</section>\n");
}
