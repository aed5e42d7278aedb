#include "mpi/core/name.h"

#include "mpi/core/placeholder.h"
#include "mpi/core/text.h"

static const char *const PARTICLES[] = {
    "DE",  "DEL", "DELA", "DELLA", "DI",  "DA",    "DO",  "DOS", "DAS", "DU",  "LA",  "LE",  "LOS",
    "LAS", "VAN", "VON",  "DER",   "DEN", "TEN",   "TER", "ZU",  "ZUM", "ZUR", "VOM", "AL",  "EL",
    "BIN", "BEN", "IBN",  "BINT",  "ABU", "UM",    "UMM", "OF",  "THE", "Y",   "E",   "AND", "MC",
    "MAC", "O",   "ST",   "SAINT", "SAN", "SANTA", "AF",  "AV",  "T",   NULL,
};

/* Belong to the word after them, and are kept with it. */
static const char *const PREFIXES[] = {"MC", "MAC", "O", "ST", "SAINT", "SAN", "SANTA", NULL};

static const char *const TITLES[] = {
    "MR",    "MRS",      "MS",       "MISS",    "MSTR", "MASTER",   "DR",    "PROF",
    "SIR",   "DAME",     "LADY",     "LORD",    "REV",  "REVEREND", "FR",    "SISTER",
    "BARON", "BARONESS", "BARONET",  "BT",      "EARL", "VISCOUNT", "COUNT", "COUNTESS",
    "DUKE",  "DUCHESS",  "MARQUESS", "HON",     "CAPT", "CAPTAIN",  "COL",   "COLONEL",
    "MAJ",   "MAJOR",    "GEN",      "GENERAL", "LT",   "SGT",      "MD",    "PHD",
    "ESQ",   "DDS",      "RN",       NULL,
};

static const struct {
    const char *word;
    enum mpi_suffix suffix;
} SUFFIXES[] = {
    {"JR", MPI_SUFFIX_JR},   {"JNR", MPI_SUFFIX_JR},    {"JUNIOR", MPI_SUFFIX_JR},
    {"II", MPI_SUFFIX_JR},   {"2ND", MPI_SUFFIX_JR},    {"SR", MPI_SUFFIX_SR},
    {"SNR", MPI_SUFFIX_SR},  {"SENIOR", MPI_SUFFIX_SR}, {"III", MPI_SUFFIX_III},
    {"3RD", MPI_SUFFIX_III}, {"IV", MPI_SUFFIX_IV},     {"4TH", MPI_SUFFIX_IV},
    {"V", MPI_SUFFIX_V},     {"5TH", MPI_SUFFIX_V},
};

static enum mpi_suffix suffix_of(struct str word)
{
    for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(SUFFIXES[0]); i++)
        if (mpi_text_is(word, SUFFIXES[i].word))
            return SUFFIXES[i].suffix;
    return MPI_SUFFIX_NONE;
}

/* 1ST, 2ND, 14TH: of peers and kings. */
static bool ordinal(struct str word)
{
    return word.n >= 3 && word.p[0] >= '0' && word.p[0] <= '9' &&
           (str_ends(word, STR("ST")) || str_ends(word, STR("ND")) || str_ends(word, STR("RD")) ||
            str_ends(word, STR("TH")));
}

struct words {
    struct str w[MPI_TOKENS_MAX];
    size_t n;
};

static struct words words_of(struct arena *a, struct str s)
{
    struct words out = {.n = 0};

    out.n = mpi_text_tokens(mpi_text_fold(a, s), out.w, MPI_TOKENS_MAX);
    return out;
}

static void drop(struct words *words, size_t at)
{
    words->n--;
    for (size_t i = at; i < words->n; i++)
        words->w[i] = words->w[i + 1];
}

/* Titles and ordinals fall off; returns how many. */
static size_t drop_titles(struct words *words)
{
    size_t dropped = 0;

    for (size_t i = 0; i < words->n && words->n > 1;) {
        if (mpi_text_listed(words->w[i], TITLES) || ordinal(words->w[i])) {
            drop(words, i);
            dropped++;
        } else {
            i++;
        }
    }
    return dropped;
}

/* A suffix at the end; never the only word. V alone may be an initial: it counts only after two
 * words. */
static void take_suffix(struct words *words, struct mpi_person_name *out)
{
    enum mpi_suffix s = words->n > 1 ? suffix_of(words->w[words->n - 1]) : MPI_SUFFIX_NONE;

    if (s == MPI_SUFFIX_NONE || (s == MPI_SUFFIX_V && words->n < 3))
        return;
    if (out->suffix == MPI_SUFFIX_NONE)
        out->suffix = s;
    words->n--;
}

/* MC DONALD -> MCDONALD, ST JOHN -> STJOHN. */
static void bind_prefixes(struct arena *a, struct words *words)
{
    for (size_t i = 0; i + 1 < words->n;) {
        if (mpi_text_listed(words->w[i], PREFIXES)) {
            words->w[i + 1] = mpi_text_join(a, &words->w[i], 2, 0);
            drop(words, i);
        } else {
            i++;
        }
    }
}

static void drop_particles(struct words *words)
{
    for (size_t i = 0; i < words->n && words->n > 1;) {
        if (mpi_text_listed(words->w[i], PARTICLES))
            drop(words, i);
        else
            i++;
    }
}

static void other_add(struct mpi_person_name *out, struct str word)
{
    for (size_t i = 0; i < out->other_count; i++)
        if (str_eq(out->others[i], word))
            return;
    if (word.n > 0 && out->other_count < MPI_NAME_WORDS)
        out->others[out->other_count++] = word;
}

/* The words of a name into its whole and its parts. */
static void compose(struct arena *a, struct words words, struct str *whole, struct str *parts,
                    size_t *part_count)
{
    struct words inner = words;

    *whole = mpi_text_join(a, words.w, words.n, 0);
    bind_prefixes(a, &inner);
    drop_particles(&inner);
    if (inner.n == 1 && str_eq(inner.w[0], *whole))
        return;
    for (size_t i = 0; i < inner.n && *part_count < MPI_NAME_WORDS; i++)
        parts[(*part_count)++] = inner.w[i];
}

static void read_given(struct arena *a, struct words words, struct mpi_person_name *out)
{
    drop_titles(&words);
    take_suffix(&words, out);
    if (words.n == 0)
        return;
    compose(a, words, &out->given, out->given_parts, &out->given_part_count);
}

static void read_family(struct arena *a, struct words words, struct mpi_person_name *out)
{
    drop_titles(&words);
    take_suffix(&words, out);
    if (words.n > 0)
        compose(a, words, &out->family, out->family_parts, &out->family_part_count);
}

static void read_others(struct arena *a, struct str s, struct mpi_person_name *out)
{
    struct words words = words_of(a, s);

    if (mpi_placeholder_name(mpi_text_fold(a, s)) != MPI_PLACEHOLDER_NONE)
        return;
    drop_titles(&words);
    take_suffix(&words, out);
    bind_prefixes(a, &words);
    drop_particles(&words);
    for (size_t i = 0; i < words.n; i++)
        if (!str_eq(words.w[i], out->given) && !str_eq(words.w[i], out->family))
            other_add(out, words.w[i]);
}

/* The family name begins at the last word, or at the particle that leads to it. */
static size_t family_starts(const struct words *words)
{
    size_t at = words->n - 1;

    while (at > 1 && mpi_text_listed(words->w[at - 1], PARTICLES) &&
           !str_eq(words->w[at - 1], STR("OF")))
        at--;
    return at;
}

static struct words part(const struct words *words, size_t from, size_t to)
{
    struct words out = {.n = 0};

    for (size_t i = from; i < to; i++)
        out.w[out.n++] = words->w[i];
    return out;
}

/* SMITH, JOHN: the family name in front. FORD, 1ST BARON FORD OF X is not: what follows the comma
 * are titles. */
static bool inverted(struct arena *a, struct str whole, struct str *family, struct str *rest)
{
    ptrdiff_t comma = str_find(whole, ',');
    struct words after;

    if (comma < 0)
        return false;
    *family = str_slice(whole, 0, (size_t)comma);
    *rest = str_slice(whole, (size_t)comma + 1, whole.n);
    after = words_of(a, *rest);
    if (after.n == 0 || words_of(a, *family).n == 0)
        return false;
    if (drop_titles(&after) > 0 || suffix_of(after.w[0]) != MPI_SUFFIX_NONE)
        return false;
    return !mpi_text_listed(after.w[0], TITLES) && !str_eq(after.w[0], STR("OF"));
}

static void read_whole(struct arena *a, struct str whole, struct mpi_person_name *out)
{
    struct str family, rest;
    bool turned = inverted(a, whole, &family, &rest);
    struct words words = words_of(a, turned ? rest : whole), others;
    size_t last;

    drop_titles(&words);
    take_suffix(&words, out);
    if (words.n == 0)
        return;
    last = turned || words.n == 1 ? words.n : family_starts(&words);
    read_given(a, part(&words, 0, 1), out);
    if (turned)
        read_family(a, words_of(a, family), out);
    else
        read_family(a, part(&words, last, words.n), out);
    others = part(&words, 1, last);
    bind_prefixes(a, &others);
    drop_particles(&others);
    for (size_t i = 0; i < others.n; i++)
        other_add(out, others.w[i]);
}

static void check_placeholders(struct arena *a, const struct mpi_input_name *in,
                               struct mpi_person_name *out)
{
    struct str given = mpi_text_fold(a, in->given), family = mpi_text_fold(a, in->family);
    enum mpi_placeholder g = mpi_placeholder_name(given), f = mpi_placeholder_name(family);

    if (in->given.n == 0 && in->whole.n > 0)
        g = mpi_placeholder_name(mpi_text_fold(a, in->whole));
    out->newborn = g == MPI_PLACEHOLDER_NEWBORN || f == MPI_PLACEHOLDER_NEWBORN;
    out->placeholder = mpi_placeholder_person(given, family) ||
                       (g == MPI_PLACEHOLDER_UNKNOWN && f == MPI_PLACEHOLDER_UNKNOWN);
    if (g != MPI_PLACEHOLDER_NONE) {
        out->given = STR_NONE;
        out->given_part_count = 0;
    }
    if (f != MPI_PLACEHOLDER_NONE) {
        out->family = STR_NONE;
        out->family_part_count = 0;
    }
    if (out->placeholder || (out->newborn && in->whole.n > 0))
        *out = (struct mpi_person_name){.newborn = out->newborn, .placeholder = out->placeholder};
}

void mpi_name_read(struct arena *a, const struct mpi_input_name *in, struct mpi_person_name *out)
{
    struct words suffix = words_of(a, in->suffix);

    *out = (struct mpi_person_name){0};
    for (size_t i = 0; i < suffix.n && out->suffix == MPI_SUFFIX_NONE; i++)
        out->suffix = suffix_of(suffix.w[i]);
    if (in->given.n > 0 || in->family.n > 0) {
        read_given(a, words_of(a, in->given), out);
        read_family(a, words_of(a, in->family), out);
        read_others(a, in->whole, out);
    } else if (in->whole.n > 0) {
        read_whole(a, in->whole, out);
    }
    read_others(a, in->middle, out);
    read_others(a, in->maiden, out);
    check_placeholders(a, in, out);
}
