#include "gateway/mllp.h"

#include <string.h>

#include "gateway/adt_road.h"
#include "gateway/hl7_answer.h"
#include "gateway/hl7_store.h"
#include "gateway/iti21.h"
#include "gateway/iti30.h"
#include "gateway/iti8.h"
#include "gateway/iti9.h"
#include "hub/base/json_text.h"

/* A message about a patient. Its kind: reference of events in DICOM PS3.15 A.5; a merge's rows name
 * their own action. */
#define FEED(name_, event, action_, handler)                                                       \
    {                                                                                              \
        .name = (name_), .action = (event), .isolation = READ_COMMITTED,                           \
        .audit = {"110110", (action_)}, .handle = (handler),                                       \
        .door = DISCLOSES_NOTHING("it takes what a member knows; the answer says whether it did")  \
    }

/* "ADT" alone stands for the ADT events that none of the others is. */
const struct transaction mllp_transactions[] = {
    FEED("ITI-8", "ADT^A01", 'C', iti8_feed),
    FEED("ITI-8", "ADT^A04", 'C', iti8_feed),
    FEED("ITI-8", "ADT^A05", 'C', iti8_feed),
    FEED("ITI-8", "ADT^A08", 'U', iti8_feed),
    FEED("ITI-8", "ADT^A40", 'U', iti8_merge),
    FEED("ITI-30", "ADT^A28", 'C', iti8_feed),
    FEED("ITI-30", "ADT^A31", 'U', iti8_feed),
    FEED("ITI-30", "ADT^A47", 'U', iti30_rename),
    FEED("ITI-30", "ADT^A24", 'U', iti30_link),
    FEED("ITI-30", "ADT^A37", 'U', iti30_unlink),
    FEED("ITI-64", "ADT^A43", 'U', iti64_take),
    FEED("ADT", "ADT", 'U', adt_unused),
    {.name = "ITI-9",
     .action = "QBP^Q23",
     .isolation = REPEATABLE_READ,
     .audit = {"110112", 'E'},
     .handle = iti9_query,
     .render_failure = iti9_failure,
     .door = DISCLOSES("identifiers")},
    {.name = "ITI-21",
     .action = "QBP^Q22",
     .isolation = REPEATABLE_READ,
     .audit = {"110112", 'E'},
     .handle = iti21_query,
     .render_failure = iti21_failure,
     .door = DISCLOSES("identifiers and demographics")},
    {.name = "ITI-22",
     .action = "QBP^ZV1",
     .isolation = REPEATABLE_READ,
     .audit = {"110112", 'E'},
     .handle = iti21_query,
     .render_failure = iti21_failure,
     .door = DISCLOSES("identifiers, demographics and visits")},
    {.name = "ITI-21",
     .action = "QCN^J01",
     .isolation = REPEATABLE_READ,
     .audit = {"110112", 'E'},
     .handle = iti21_cancel,
     .door = DISCLOSES_NOTHING("it ends a query")},
    {.name = NULL},
};

static bool is_query(const struct request *rq)
{
    return rq->transaction != NULL && rq->transaction->isolation == REPEATABLE_READ;
}

static const struct transaction *find(const struct transaction *t, struct str action)
{
    for (; t->name != NULL; t++)
        if (str_eq(action, str_from(t->action)))
            return t;
    return NULL;
}

/* Does any transaction take messages of this code, with whatever event? */
static bool code_known(const struct transaction *t, struct str code)
{
    for (; t->name != NULL; t++)
        if (str_starts(str_from(t->action), code) && code.n == 3)
            return true;
    return false;
}

static enum status choose(struct request *rq, const struct hl7_message *m)
{
    const struct transaction *all = rq->route->transactions;
    struct str action = str_printf(rq->arena, "%.*s^%.*s", STR_ARG(m->code), STR_ARG(m->event));

    rq->transaction = find(all, action);
    if (rq->transaction == NULL && m->event.n > 0)
        rq->transaction = find(all, m->code);
    if (rq->transaction != NULL)
        return OK;
    if (code_known(all, m->code))
        return fail_at(rq->err, STR("MSH^1^9^1^2"), INVALID, "201",
                       "The hub does not take this trigger event");
    return fail_at(rq->err, STR("MSH^1^9^1^1"), INVALID, "200",
                   "The hub does not take messages of this type");
}

static enum status check_header(struct request *rq, const struct hl7_message *m)
{
    if (m->control_id.n == 0)
        return fail_at(rq->err, STR("MSH^1^10"), INVALID, "101",
                       "MSH-10 has to carry a control id");
    if (!str_starts(m->version, STR("2.")))
        return fail_at(rq->err, STR("MSH^1^12"), INVALID, "203",
                       "MSH-12 has to name a version of HL7 v2");
    if (m->processing_id.n != 1 || strchr("PTD", m->processing_id.p[0]) == NULL)
        return fail_at(rq->err, STR("MSH^1^11"), INVALID, "202", "MSH-11 has to be P, T or D");
    return OK;
}

/* A header that cannot be decoded has no text. */
static struct str or_nothing(struct str s)
{
    return utf8_valid(s) ? s : STR_NONE;
}

/* MSH-3|MSH-4: who says that it sends. */
static struct str sender_of(struct request *rq, const struct hl7_message *m)
{
    return or_nothing(
        str_printf(rq->arena, "%.*s|%.*s", STR_ARG(m->application), STR_ARG(m->facility)));
}

/* MSH-5|MSH-6: whom it says it is for. */
static struct str addressee_of(struct request *rq, const struct hl7_message *m)
{
    return or_nothing(
        str_printf(rq->arena, "%.*s|%.*s",
                   STR_ARG(hl7_text(rq->arena, m, hl7_component(m, m->receiver[0], 1))),
                   STR_ARG(hl7_text(rq->arena, m, hl7_component(m, m->receiver[1], 1)))));
}

static enum status open_message(struct request *rq)
{
    struct hl7_message *m = ARENA_NEW(rq->arena, struct hl7_message);
    struct str raw = rq->exchange->body.bytes;
    enum status s;

    m->raw = raw;
    rq->message.hl7 = m;
    s = hl7_parse(rq->arena, raw, rq->principal.member->charset, m, rq->err);
    rq->sender = sender_of(rq, m);
    rq->addressee = addressee_of(rq, m);
    request_about(rq, "message", or_nothing(m->control_id), rq->sender);
    TRY(s);
    if (m->odd_ends > 0)
        metric_add(METRIC_hl7_odd_endings_total, 1);
    TRY(check_header(rq, m));
    return choose(rq, m);
}

/* Before the message was looked at there is an empty one to answer. */
static const struct hl7_message *message_of(const struct request *rq)
{
    static const struct hl7_message NOTHING;

    return rq->message.hl7 != NULL ? rq->message.hl7 : &NOTHING;
}

static void render_failure(struct request *rq, enum status status, struct reply *rp)
{
    if (rq->transaction != NULL && rq->transaction->render_failure != NULL &&
        rq->transaction->render_failure(rq, rp) == OK)
        return;
    reply_add(rp, hl7_acknowledgement(rq, message_of(rq), hl7_ack_of(status, rq->err)));
}

static enum status keep_failure(struct request *rq, struct reply *rp)
{
    const struct hl7_message *m = message_of(rq);

    if (rq->principal.member == NULL || is_query(rq))
        return OK;
    hl7_keep_refused(rq, m, hl7_ack_code(hl7_ack_of(rq->err->status, rq->err)),
                     rp->first != NULL ? rp->first->bytes : STR(""));
    return OK;
}

const struct protocol mllp_protocol = {
    .name = "mllp",
    .open = open_message,
    .render_failure = render_failure,
    .keep_failure = keep_failure,
};
