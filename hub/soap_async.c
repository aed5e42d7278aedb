#include "hub/soap_async.h"

#include "hub/outbox_connect.h"
#include "hub/soap.h"
#include "hub/soap_post.h"

enum {
    ANSWER_MAX = 32 << 20, /* bytes of an answer, which waits in the database */
    PIECE = 64 << 10,
};

/* --- admission -------------------------------------------------------------------------- */

static bool has_registered(const struct member *m, struct str address)
{
    for (size_t i = 0; i < m->reply_to_count; i++)
        if (str_eq(m->reply_to[i], address))
            return true;
    return false;
}

enum status soap_async_admit(struct request *rq)
{
    struct soap_message *m = rq->message.soap;

    if (m->reply_to.n == 0)
        return OK;
    m->is_async = has_registered(rq->principal.member, m->reply_to);
    if (m->is_async)
        return OK;
    return fail_at(rq->err, STR("wsa:ReplyTo"), INVALID, "wsa:OnlyAnonymousAddressSupported",
                   "wsa:ReplyTo names an address that is not registered for you: the operator of "
                   "the hub registers it");
}

/* --- the answer, on its way into the outbox ----------------------------------------------- */

static enum status too_large(struct request *rq)
{
    return fail(rq->err, INVALID, "XDSRepositoryOutOfResources",
                "The answer has more than %d MB, which are not kept for a later delivery: ask for "
                "fewer documents, or without wsa:ReplyTo",
                ANSWER_MAX >> 20);
}

static enum status add_source(struct request *rq, struct byte_source *source, struct strbuf *b)
{
    char *piece = arena_alloc(rq->arena, PIECE);
    size_t n;

    do {
        if (source->read(source, piece, PIECE, &n) != OK)
            return fail(rq->err, UPSTREAM, "XDSRepositoryError",
                        "The document's stored bytes cannot be read");
        if (b->n + n > ANSWER_MAX)
            return too_large(rq);
        strbuf_add(b, str_of(piece, n));
    } while (n > 0);
    return OK;
}

static struct str content_type_of(const struct reply *rp)
{
    for (size_t i = 0; i < rp->field_count; i++)
        if (str_eq_nocase(rp->fields[i].name, STR("Content-Type")))
            return rp->fields[i].value;
    return STR("application/soap+xml; charset=UTF-8");
}

/* What the carrier needs: the Content-Type, a line feed, the body. */
static enum status flatten(struct request *rq, const struct reply *rp, struct str *out)
{
    struct strbuf b = strbuf_on(rq->arena, 8192);

    if (rp->length != LENGTH_UNKNOWN && rp->length > ANSWER_MAX)
        return too_large(rq);
    strbuf_add(&b, content_type_of(rp));
    strbuf_addc(&b, '\n');
    for (const struct segment *s = rp->first; s != NULL; s = s->next) {
        if (s->source != NULL)
            TRY(add_source(rq, s->source, &b));
        else
            strbuf_add(&b, s->bytes);
    }
    *out = strbuf_str(&b);
    return b.n > ANSWER_MAX ? too_large(rq) : OK;
}

/* The refusal goes back on the connection: nothing more is kept for the address. */
static enum status refuse_full(struct request *rq)
{
    rq->message.soap->is_async = false;
    return fail(rq->err, INVALID, "XDSRegistryBusy",
                "As many answers wait for your wsa:ReplyTo, or could not be delivered there, as "
                "are kept: take them first, or ask without it");
}

enum status soap_async_finish(struct request *rq, struct reply *rp)
{
    const struct soap_message *m = rq->message.soap;
    struct outbox_destination to = {"soap", 0, STR_NONE};
    struct str payload;
    bool full;

    if (m == NULL || !m->is_async)
        return OK;
    if (request_recalls(rq))
        return fail(rq->err, NOT_FOUND, "recall", "an answer that is sent is written down first");
    TRY(flatten(rq, rp, &payload));
    to.member_id = rq->principal.member->id;
    to.address = m->reply_to;
    TRY(outbox_is_full(rq, &to, &full));
    if (full)
        return refuse_full(rq);
    outbox_put(rq, &to, rq->transaction != NULL ? rq->transaction->name : "SOAP", payload);
    reply_reset(rp);
    rp->http_status = 202;
    return OK;
}

/* --- delivery ----------------------------------------------------------------------------- */

/* What was registered when the answer was kept may have been taken back since. */
static bool still_registered(const struct outbox_delivery *d)
{
    const struct member *m = member_by_id(d->members, d->item->to.member_id);

    return m != NULL && !m->suspended && has_registered(m, d->item->to.address);
}

static enum outbox_verdict deliver(struct outbox_delivery *d)
{
    struct str body = d->bytes, type = str_cut(&body, '\n');
    struct http_answer answer;
    struct soap_url url;
    struct errors err;

    errors_init(&err, d->arena);
    if (!still_registered(d))
        return outbox_trouble(d, OUTBOX_REFUSED, STR("its address is no longer registered"));
    if (!soap_url_parse(d->arena, d->item->to.address, &url))
        return outbox_trouble(d, OUTBOX_REFUSED, STR("its address is no https URL"));
    if (soap_post(d, &url, type, body, &answer, &err) == OK)
        return soap_post_verdict(d, answer.status);
    return outbox_trouble(d, OUTBOX_RETRY,
                          err.last != NULL ? err.last->text : STR("not delivered"));
}

const struct outbox_carrier soap_carriers[] = {
    {
        .kind = "soap",
        .transaction = {.name = "SOAP",
                        .audit = {"110106", 'R'},
                        .door = DISCLOSES("an answer that the door of its question made")},
        .deliver = deliver,
        .close = outbox_hang_up,
    },
    {.kind = NULL},
};
