#include "mpi/match.h"

#include <sodium.h>

#include "hub/base/hash.h"

enum { RULE_EXACT = 1 };

const char *mpi_reason_code(enum mpi_reason r)
{
    static const char *const CODES[] = {
#define X(name, code, words) code,
        MPI_REASONS(X)
#undef X
    };
    return CODES[r];
}

const char *mpi_outcome_name(enum mpi_outcome o)
{
    static const char *const NAMES[] = {"new", "review", "link"};

    return NAMES[o];
}

static bool complete(const struct mpi_normal *n)
{
    return n->family.n > 0 && n->given.n > 0 && n->birth_date.n > 0 && n->sex.n > 0;
}

/* The hash is of the rule's number and the values, each ended by a bar, which no value contains. */
size_t mpi_block_keys(const struct mpi_normal *n, struct mpi_block_key keys[MPI_BLOCK_KEYS_MAX])
{
    char text[4 + 4 * 256];
    size_t used = 0;
    const struct str parts[] = {STR("1"), n->family, n->given, n->birth_date, n->sex};

    if (!complete(n))
        return 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t j = 0; j < parts[i].n && used < sizeof(text) - 1; j++)
            text[used++] = parts[i].p[j];
        text[used++] = '|';
    }
    keys[0] =
        (struct mpi_block_key){.key = hash_key(&(struct str){text, used}, 1), .rule = RULE_EXACT};
    return 1;
}

static bool both_differ(struct str a, struct str b)
{
    return a.n > 0 && b.n > 0 && !str_eq(a, b);
}

static bool both_equal(struct str a, struct str b)
{
    return a.n > 0 && str_eq(a, b);
}

/* ANN and A agree; ANN and BETH do not. */
static bool middle_differs(struct str a, struct str b)
{
    return a.n > 0 && b.n > 0 && !str_starts(a, b) && !str_starts(b, a);
}

static void reason_add(enum mpi_reason *reasons, size_t *count, enum mpi_reason r)
{
    for (size_t i = 0; i < *count; i++)
        if (reasons[i] == r)
            return;
    if (*count < MPI_REASONS_MAX)
        reasons[(*count)++] = r;
}

static bool agrees(const struct mpi_normal *a, const struct mpi_normal *b)
{
    return complete(a) && complete(b) && str_eq(a->family, b->family) &&
           str_eq(a->given, b->given) && str_eq(a->birth_date, b->birth_date) &&
           str_eq(a->sex, b->sex);
}

/* What forbids that this record and the subject be one person without a human's word. */
static void guard(const struct mpi_subject *s, const struct mpi_candidate *c,
                  struct mpi_score *score)
{
    const struct mpi_normal *a = &s->normal, *b = &c->normal;
    const struct {
        bool raised;
        enum mpi_reason reason;
    } guards[] = {
        {s->xad_pid.n > 0 && both_differ(s->xad_pid, c->person_xad_pid), MPI_REASON_OTHER_XAD},
        {both_differ(a->ssn, b->ssn), MPI_REASON_SSN_CONFLICT},
        {both_differ(a->suffix, b->suffix), MPI_REASON_SUFFIX_CONFLICT},
        {middle_differs(a->middle, b->middle), MPI_REASON_MIDDLE_CONFLICT},
        {both_differ(a->birth_order, b->birth_order), MPI_REASON_BIRTH_ORDER},
        {s->member_id == c->member_id && !c->anchor && !both_equal(a->ssn, b->ssn) &&
             !both_equal(a->phone, b->phone) && !both_equal(a->street, b->street),
         MPI_REASON_SAME_AUTHORITY},
    };

    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
        if (guards[i].raised)
            reason_add(score->reasons, &score->reason_count, guards[i].reason);
}

/* One record agrees, and no record of the person raises a guard. */
static bool person_passes(const struct mpi_candidate *candidates, const struct mpi_decision *d,
                          struct person_ref person)
{
    bool one_agrees = false;

    for (size_t i = 0; i < d->score_count; i++) {
        if (!person_ref_eq(candidates[i].person, person))
            continue;
        if (d->scores[i].reason_count > 0)
            return false;
        one_agrees |= d->scores[i].agrees;
    }
    return one_agrees;
}

static void score_all(const struct mpi_subject *subject, const struct mpi_candidate *candidates,
                      struct mpi_decision *d)
{
    for (size_t i = 0; i < d->score_count; i++) {
        d->scores[i].candidate = i;
        d->scores[i].agrees = agrees(&subject->normal, &candidates[i].normal);
        guard(subject, &candidates[i], &d->scores[i]);
    }
}

/* Persons with a record that agrees: how many, and the first of them. */
struct tally {
    size_t agreeing, passing;
    struct person_ref first_agreeing, first_passing;
};

static bool seen_before(const struct mpi_candidate *candidates, const struct mpi_decision *d,
                        size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (d->scores[j].agrees && person_ref_eq(candidates[j].person, candidates[i].person))
            return true;
    return false;
}

static struct tally tally_of(const struct mpi_candidate *candidates, const struct mpi_decision *d)
{
    struct tally t = {0};

    for (size_t i = 0; i < d->score_count; i++) {
        if (!d->scores[i].agrees || seen_before(candidates, d, i))
            continue;
        if (t.agreeing++ == 0)
            t.first_agreeing = candidates[i].person;
        if (person_passes(candidates, d, candidates[i].person) && t.passing++ == 0)
            t.first_passing = candidates[i].person;
    }
    return t;
}

static void decide(struct mpi_decision *d, enum mpi_outcome outcome, struct person_ref person,
                   enum mpi_reason reason)
{
    d->outcome = outcome;
    d->person = person;
    reason_add(d->reasons, &d->reason_count, reason);
}

/* What stood in the way of the person that it most resembles. */
static void explain_review(const struct mpi_candidate *candidates, struct mpi_decision *d)
{
    for (size_t i = 0; i < d->score_count; i++)
        if (person_ref_eq(candidates[i].person, d->person))
            for (size_t j = 0; j < d->scores[i].reason_count; j++)
                reason_add(d->reasons, &d->reason_count, d->scores[i].reasons[j]);
}

void mpi_match(struct arena *a, const struct mpi_subject *subject,
               const struct mpi_candidate *candidates, size_t count, struct mpi_decision *out)
{
    const struct person_ref nobody = {0, 0};
    struct tally t;

    *out = (struct mpi_decision){
        .scores = ARENA_ARRAY(a, count, struct mpi_score),
        .score_count = count,
    };
    score_all(subject, candidates, out);
    t = tally_of(candidates, out);
    if (!complete(&subject->normal))
        decide(out, MPI_NEW, nobody, MPI_REASON_TOO_LITTLE);
    else if (t.agreeing == 0)
        decide(out, MPI_NEW, nobody, MPI_REASON_NO_CANDIDATE);
    else if (t.passing == 1 && t.agreeing == 1)
        decide(out, MPI_LINK, t.first_passing, MPI_REASON_EXACT);
    else if (t.agreeing > 1)
        decide(out, MPI_REVIEW, t.passing > 0 ? t.first_passing : t.first_agreeing,
               MPI_REASON_AMBIGUOUS);
    else {
        out->outcome = MPI_REVIEW;
        out->person = t.first_agreeing;
    }
    if (out->outcome == MPI_REVIEW)
        explain_review(candidates, out);
}

bool mpi_overlay(const struct mpi_normal *before, const struct mpi_normal *after)
{
    int contradictions = 0;

    contradictions +=
        both_differ(before->family, after->family) && both_differ(before->given, after->given);
    contradictions += both_differ(before->birth_date, after->birth_date);
    contradictions += both_differ(before->sex, after->sex);
    contradictions += both_differ(before->ssn, after->ssn);
    return contradictions >= 2;
}

void mpi_model_hash(unsigned char hash[32])
{
    static const unsigned char CONTENT[] = "{\"model\":\"exact-1\"}";

    crypto_hash_sha256(hash, CONTENT, sizeof(CONTENT) - 1);
}
