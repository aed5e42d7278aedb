#include "hub/fhir.h"

#include "hub/base/json_text.h"
#include "hub/net/media_type.h"

#define FHIR_JSON STR("application/fhir+json; charset=utf-8")

static enum status open_request(struct request *rq)
{
    rq->transaction = rq->route->transactions;
    return OK;
}

static int http_status_of(enum status status)
{
    switch (status) {
    case INVALID:
        return 400;
    case DENIED:
        return 403;
    case NOT_FOUND:
        return 404;
    case CONFLICT:
        return 409;
    case BUSY:
    case TIMED_OUT:
    case UPSTREAM:
        return 503;
    default:
        return 500;
    }
}

/* FHIR's IssueType: the failure's own code when it is one, else what the status comes to. */
static const char *issue_of(enum status status, const char *code)
{
    static const char *const known[] = {"invalid",   "required",  "value",     "not-supported",
                                        "not-found", "forbidden", "too-costly"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], code) == 0)
            return known[i];
    switch (status) {
    case INVALID:
        return "invalid";
    case DENIED:
        return "forbidden";
    case NOT_FOUND:
        return "not-found";
    case BUSY:
    case TIMED_OUT:
    case UPSTREAM:
        return "transient";
    default:
        return "exception";
    }
}

static void render_failure(struct request *rq, enum status status, struct reply *rp)
{
    struct strbuf b = strbuf_on(rq->arena, 512);

    strbuf_lit(&b, "{\"resourceType\":\"OperationOutcome\",\"issue\":[");
    for (const struct failure *f = rq->err->first; f != NULL; f = f->next) {
        strbuf_addf(&b, "%s{\"severity\":\"error\",\"code\":\"%s\",\"diagnostics\":",
                    f == rq->err->first ? "" : ",", issue_of(status, f->code));
        json_text_add(&b, str_printf(rq->arena, "%.*s (request %.*s)", STR_ARG(f->text),
                                     STR_ARG(request_id(rq))));
        strbuf_addc(&b, '}');
    }
    strbuf_lit(&b, "]}");
    fhir_answer(rp, strbuf_str(&b));
    rp->http_status = http_status_of(status);
}

const struct protocol fhir_protocol = {
    .name = "fhir",
    .open = open_request,
    .render_failure = render_failure,
};

void fhir_answer(struct reply *rp, struct str json)
{
    rp->http_status = 200;
    reply_field(rp, STR("Content-Type"), FHIR_JSON);
    reply_add(rp, json);
}

enum status fhir_search_text(struct request *rq, struct str *url, struct str *form)
{
    const struct exchange *ex = rq->exchange;
    struct str type = http_field_value(&ex->head, STR("Content-Type"));

    *url = ex->head.query;
    *form = STR("");
    if (!str_eq(ex->head.method, STR("POST")))
        return OK;
    *form = ex->body.bytes;
    if (!str_eq_nocase(media_type_essence(type), STR("application/x-www-form-urlencoded")))
        return fail(rq->err, INVALID, "not-supported",
                    "A search by POST is a form: application/x-www-form-urlencoded");
    return OK;
}
