/* Asking other communities whether they know a person (ITI-55, initiating; IHE ITI TF-2 3.55).
 *
 * What is told of the person is what the community may be told: the records that the identity gate
 * shows to it as a member, made one. A community that may see none is not asked. What it answers is
 * judged by the same measure as a feed: a sure match is kept for as long as the community says
 * (CorrelationTimeToLive), an unsure, contradicting or ambiguous one becomes a steward's task and
 * is used for nothing. */
#pragma once

#include "gateway/correlation.h"
#include "gateway/partner_call.h"
#include "mpi/record.h"

enum discovery_end {
    DISCOVERY_FOUND,
    DISCOVERY_NOBODY, /* it knows nobody like this */
    DISCOVERY_UNSURE, /* several, or one who is somebody else: a task */
    DISCOVERY_FAILED,
};

struct discovery {
    struct question question;
    struct mpi_demographics told;
    enum discovery_end end;
    struct identifier patient; /* FOUND: its patient */
    int64_t expires_us;        /* 0: good for this request only */
    struct failure *failure;   /* FAILED: why */
};

struct discoveries {
    struct person_ref person;
    struct place place; /* a record of the person, for tasks */
    struct discovery *v;
    struct call *calls; /* beside them */
    size_t n;
    bool background; /* nobody has asked about the person: the hub does so by itself */
};

/* One question about somebody; `xad_pid` is the region's identifier of them. */
struct question xcpd_question(struct request *rq, const struct partner *p,
                              const struct mpi_demographics *told, struct str xad_pid);

/* Makes the questions for those of the partners that may be told something, and their audit rows.
 * Two flushes. */
enum status xcpd_prepare(struct request *rq, const struct person *person,
                         const struct partner *const *partners, size_t count,
                         struct discoveries *out) MUST_CHECK;
/* Judges the answers; queues what is kept. */
enum status xcpd_conclude(struct request *rq, struct discoveries *d) MUST_CHECK;

/* One answer, read under suspicion: who is it there? Pure. */
struct xcpd_match {
    struct identifier patient;
    struct mpi_demographics said;
    double confidence; /* per cent, as it says; -1: it does not */
};
struct xcpd_answer {
    struct xcpd_match *v;
    size_t n;
    int64_t time_to_live_us; /* 0: not to be kept */
};
enum status xcpd_answer_read(struct request *rq, const struct partner *p,
                             const struct partner_answer *answer, struct xcpd_answer *out,
                             struct errors *err) MUST_CHECK;

/* xs:duration of years to seconds (a year 365 days, a month 30) in microseconds; 0 when it is none.
 * Pure. */
int64_t xcpd_duration(struct str text);
