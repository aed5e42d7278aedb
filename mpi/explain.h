/* A decision explained: the evidence of each candidate, comparison by comparison, and the values
 * that were compared. Drawn as a waterfall in a terminal, or as a page of HTML. Pure but for the
 * dictionary of the coding. */
#pragma once

#include "mpi/replay.h"

/* One step of the waterfall: bits added to what stood before. */
struct mpi_step {
    const char *name;        /* "birth date", "prior", "household" */
    const char *level;       /* "exact", "differs"; "" for the prior */
    double bits, rarity;     /* bits of it that come from how rare the value is */
    struct str mine, theirs; /* values compared; may be empty */
};

struct mpi_waterfall {
    const struct mpi_considered *candidate;
    struct mpi_step *steps;
    size_t step_count;
    double weight, posterior;
    mpi_reasons guards;
};

struct mpi_explained {
    const struct mpi_decided *decided;
    struct mpi_replayed again;
    const struct mpi_model *model;
    size_t count;
    struct mpi_waterfall *candidates; /* best first */
};

enum status mpi_explain(struct request *rq, const struct mpi_model *model,
                        const struct mpi_decided *decided, struct mpi_explained *out) MUST_CHECK;

/* `color` writes ANSI escapes. Values are shown with control characters replaced. */
void mpi_explain_text(struct arena *a, const struct mpi_explained *e, bool color,
                      struct strbuf *out);

/* A page that stands alone: no script, no link, nothing loaded; every value escaped. */
void mpi_explain_html_begin(struct strbuf *out);
void mpi_explain_html(struct arena *a, const struct mpi_explained *e, struct strbuf *out);
void mpi_explain_html_end(struct strbuf *out);
