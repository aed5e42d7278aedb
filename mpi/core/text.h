/* Text as it is compared: decomposed (NFKD), stripped of marks, upper-cased, freed of punctuation,
 * so that "Müller-Lüdenscheidt", "MULLER LUDENSCHEIDT" and "müller  lüdenscheidt" are one.
 *
 * Pure, any thread. Folding is idempotent. Scripts without case keep their letters. */
#pragma once

#include <string.h>

#include "hub/base/arena.h"
#include "hub/base/str.h"

enum { MPI_TEXT_MAX = 200, MPI_TOKENS_MAX = 16 };

/* Letters, digits and single spaces; at most MPI_TEXT_MAX bytes, cut between characters. Hostile
 * bytes (not UTF-8) fall out. */
struct str mpi_text_fold(struct arena *a, struct str s);

/* The words of folded text: at most `cap`, borrowed. */
size_t mpi_text_tokens(struct str folded, struct str *tokens, size_t cap);
/* Words joined by `glue` (0: by nothing), on the arena. */
struct str mpi_text_join(struct arena *a, const struct str *tokens, size_t count, char glue);

/* The ASCII digits of s, at most `cap` of them. */
struct str mpi_text_digits(struct arena *a, struct str s, size_t cap);
bool mpi_text_all_digits(struct str s); /* and at least one */

/* Is the word in the table? Tables are short and end with NULL. */
bool mpi_text_listed(struct str s, const char *const *table);

/* Is it this word of a table? Most are not by their first letter, without a look at the length. */
static inline bool mpi_text_is(struct str s, const char *word)
{
    return s.n > 0 && s.p[0] == word[0] && strncmp(s.p, word, s.n) == 0 && word[s.n] == '\0';
}
