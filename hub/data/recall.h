/* Reading from memory, and proving it afterwards.
 *
 * A transaction that recalls asks the server nothing: each flush gives what the same statements
 * with the same parameters gave last time. So it can be run to its end, and its answer be made,
 * before anybody knows whether it is right. Whoever wants to use what came of it proves it: asks
 * the server all of it again, in one snapshot taken later, and compares every byte. If all is the
 * same, the answer is what a transaction in that snapshot would have given; if not, it has never
 * been. What many transactions recalled is proven in one flush, and what several of them recalled
 * alike, once.
 *
 * What such a transaction makes of it may be wrong until then: whoever keeps things in memory for
 * others takes nothing from a transaction that recalls (db_recalls).
 *
 * What is kept is kept for whoever asked (`whose`, a number): nobody's answer comes sooner for what
 * another has read. */
#pragma once

#include "hub/data/db.h"

struct recollection;

/* What a transaction has recalled. In the arena of db_attach, like what it points to. */
struct recalled {
    const struct recollection **v;
    size_t n, bytes;
    uint64_t generation; /* db_generation when it began */
    bool misses;         /* a flush wanted something else */
    bool is_doubted;     /* the caller's: it is to hold for nothing, whatever the server says */
};

/* Begins a transaction of recollections. A flush of anything that is not kept for this asker,
 * changes among it, is NOT_FOUND. */
void db_begin_recalling(struct db *db, uint64_t whose);
/* Ends it, however it went. False: something was queued that no flush has given. */
bool db_end_recalling(struct db *db, struct recalled *out) MUST_CHECK;

bool db_recalls(const struct db *db);

/* After db_begin: what this transaction reads may be wanted by db_remember. */
void db_note_reads(struct db *db);
/* Keeps what it has read since, for this asker. Nothing of one that has changed something. */
void db_remember(struct db *db, uint64_t whose);

/* What is asked again: each recollection once. In the arena that it was made with. */
struct proof {
    struct proven *v;
    size_t n;
};

/* Queues it, in a transaction of REPEATABLE READ that was begun after all of these had ended. */
void proof_queue(struct db *db, struct arena *a, const struct recalled *const *of, size_t count,
                 struct proof *out);
/* After the flush: is everything as it was recalled? */
bool proof_holds(const struct proof *p, const struct recalled *of);
/* What did not hold need not be kept. */
void recalled_forget(const struct recalled *of);
