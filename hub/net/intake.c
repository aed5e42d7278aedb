#include "hub/net/intake.h"

#include "hub/net/media_type.h"

enum { HEAD_STEP = 4096 }; /* a head of the usual size is counted once */

struct intake *intake_new(struct exchange *ex, const struct net_settings *settings,
                          struct intake_memory *memory)
{
    struct intake *in = ARENA_NEW(&ex->arena, struct intake);

    in->exchange = ex;
    in->settings = settings;
    in->memory = memory;
    http1_init(&in->parser, &ex->arena, settings->max_head, settings->max_fields);
    return in;
}

static bool refuse(struct intake *in, int status, struct str fault)
{
    in->status = status;
    in->fault = fault;
    return false;
}

static bool refuse_size(struct intake *in)
{
    return refuse(in, 413, STR("the body is too large"));
}

static bool refuse_memory(struct intake *in)
{
    return refuse(in, 503, STR("too much is under way"));
}

static bool refuse_multipart(struct intake *in)
{
    return refuse(in, multipart_status(in->multipart), multipart_fault(in->multipart));
}

bool intake_accepted(struct intake *in)
{
    struct exchange *ex = in->exchange;
    struct str type = http_field_value(&ex->head, STR("Content-Type"));
    bool related = str_eq_nocase(media_type_essence(type), STR("multipart/related"));
    struct multipart_limits limits = {in->settings->max_parts, ex->max_body, &in->memory->body};

    if (in->parser.length > in->settings->max_request)
        return refuse_size(in);
    if (related && http1_expects_body(&in->parser)) {
        in->multipart = multipart_new(&ex->arena, type, ex->sink, &limits);
        return multipart_feed(in->multipart, STR_NONE) || refuse_multipart(in);
    }
    return in->parser.length <= ex->max_body || refuse_size(in);
}

static bool take_body(struct intake *in, struct str bytes)
{
    in->received += bytes.n;
    if (in->received > in->settings->max_request)
        return refuse_size(in);
    if (in->multipart != NULL)
        return multipart_feed(in->multipart, bytes) || refuse_multipart(in);
    if (in->received > in->exchange->max_body)
        return refuse_size(in);
    if (in->whole == NULL)
        in->whole = gather_new(&in->exchange->arena, &in->memory->body);
    return gather_add(in->whole, bytes) || refuse_memory(in);
}

static bool complete(struct intake *in)
{
    struct body *body = &in->exchange->body;

    if (in->multipart != NULL) {
        if (!multipart_end(in->multipart))
            return refuse_multipart(in);
        body->parts = multipart_parts(in->multipart);
        body->root = multipart_root(in->multipart);
    } else if (in->whole != NULL) {
        body->bytes = gather_str(in->whole);
    }
    return true;
}

static enum intake_event feed(struct intake *in, struct str *bytes)
{
    struct str data;

    for (;;) {
        switch (http1_feed(&in->parser, bytes, &data)) {
        case HTTP1_MORE:
            return INTAKE_MORE;
        case HTTP1_HEAD:
            in->exchange->head = in->parser.head;
            return INTAKE_HEAD;
        case HTTP1_DATA:
            if (!take_body(in, data))
                return INTAKE_REFUSED;
            break;
        case HTTP1_END:
            return complete(in) ? INTAKE_READY : INTAKE_REFUSED;
        case HTTP1_FAULT:
            refuse(in, in->parser.status, in->parser.fault);
            return INTAKE_REFUSED;
        }
    }
}

/* What the parsers keep is in the arena: heads of requests and of parts. One feed's growth is
 * small, so it is counted behind. */
static bool count_head(struct intake *in)
{
    size_t steps = (in->exchange->arena.used + HEAD_STEP - 1) / HEAD_STEP;

    return holding_set(&in->memory->head, steps * HEAD_STEP) || refuse_memory(in);
}

enum intake_event intake_feed(struct intake *in, struct str *bytes)
{
    enum intake_event event = feed(in, bytes);

    if (event == INTAKE_REFUSED || count_head(in))
        return event;
    return INTAKE_REFUSED;
}
