#include "gateway/hl7_answer.h"

#include <string.h>

#include "gateway/hl7_charset.h"
#include "hub/base/hex.h"

static const struct hl7_separators USUAL = {'|', '^', '~', '\\', '&'};

/* HL7 table 0357. */
static const struct {
    const char *code, *text;
} CONDITIONS[] = {
    {"100", "Segment sequence error"},    {"101", "Required field missing"},
    {"102", "Data type error"},           {"103", "Table value not found"},
    {"200", "Unsupported message type"},  {"201", "Unsupported event code"},
    {"202", "Unsupported processing id"}, {"203", "Unsupported version id"},
    {"204", "Unknown key identifier"},    {"205", "Duplicate key identifier"},
    {"206", "Application record locked"}, {"207", "Application internal error"},
};

/* Codes of the rooms below, which know no HL7. */
static const struct {
    const char *code, *condition;
} OURS[] = {
    {"UnknownIdentifier", "204"}, {"RetiredIdentifier", "204"}, {"ForeignIdentifier", "204"},
    {"SameIdentifier", "205"},    {"OtherXadPid", "205"},       {"moved", "206"},
    {"TooBroad", "101"},          {"UnknownPointer", "204"},    {"KeptApart", "206"},
    {"OnlyRecord", "205"},        {"UnknownPerson", "204"},
};

static const char *condition_of(const char *code)
{
    for (size_t i = 0; i < sizeof(CONDITIONS) / sizeof(CONDITIONS[0]); i++)
        if (strcmp(CONDITIONS[i].code, code) == 0)
            return code;
    for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++)
        if (strcmp(OURS[i].code, code) == 0)
            return OURS[i].condition;
    return "207";
}

static const char *condition_text(const char *condition)
{
    for (size_t i = 0; i < sizeof(CONDITIONS) / sizeof(CONDITIONS[0]); i++)
        if (strcmp(CONDITIONS[i].code, condition) == 0)
            return CONDITIONS[i].text;
    return "";
}

const char *hl7_ack_code(enum hl7_ack a)
{
    static const char *const CODES[] = {"AA", "AE", "AR"};

    return CODES[a];
}

enum hl7_ack hl7_ack_of(enum status status, const struct errors *err)
{
    if (status == OK)
        return HL7_AA;
    if (err->first != NULL && err->first->code[0] == '2' && strcmp(err->first->code, "204") < 0 &&
        strcmp(err->first->code, "200") >= 0)
        return HL7_AR;
    return status == INVALID || status == NOT_FOUND ? HL7_AE : HL7_AR;
}

static const struct hl7_separators *separators_of(const struct hl7_message *m)
{
    return m->segment_count > 0 ? &m->separators : &USUAL;
}

static struct str version_of(const struct hl7_message *m)
{
    return m->version.n > 0 ? m->version : STR("2.5");
}

/* Is it 2.5 or later? */
static bool is_new(const struct hl7_message *m)
{
    struct str rest = version_of(m), minor;
    uint64_t n;

    str_cut(&rest, '.');
    minor = rest.p != NULL ? str_cut(&rest, '.') : STR_NONE;
    return str_to_u64(minor, &n) && n >= 5;
}

/* "ACK^A01" with the message's own separator. */
static void components_add(struct strbuf *b, const struct hl7_separators *s, const char *text)
{
    for (; *text != '\0'; text++)
        strbuf_addc(b, *text == '^' ? s->component : *text);
}

static void field_add(struct strbuf *b, const struct hl7_separators *s, struct str raw)
{
    strbuf_addc(b, s->field);
    strbuf_add(b, raw);
}

/* 20 characters (the length of MSH-10 in 2.3.1), of the request's id. */
static struct str control_id(struct request *rq)
{
    return hex_encode(rq->arena, rq->id.b + 6, 10);
}

void hl7_answer_end(struct strbuf *b)
{
    strbuf_addc(b, '\r');
}

struct strbuf hl7_answer_begin(struct request *rq, const struct hl7_message *m, const char *type,
                               enum hl7_ack ack)
{
    const struct hl7_separators *s = separators_of(m);
    struct strbuf b = strbuf_on(rq->arena, 512);

    strbuf_addf(&b, "MSH%c%c%c", s->field, s->component, s->repetition);
    strbuf_addf(&b, "%c%c", s->escape ? s->escape : '\\', s->subcomponent);
    field_add(&b, s, m->receiver[0]);
    field_add(&b, s, m->receiver[1]);
    field_add(&b, s, m->sender[0]);
    field_add(&b, s, m->sender[1]);
    field_add(&b, s, str_printf(rq->arena, "%.*s+0000", STR_ARG(clock_dtm(rq->arena, rq->now_us))));
    field_add(&b, s, STR_NONE);
    strbuf_addc(&b, s->field);
    components_add(&b, s, type);
    field_add(&b, s, control_id(rq));
    strbuf_addc(&b, s->field);
    hl7_escape(&b, s, m->processing_id.n > 0 ? m->processing_id : STR("P"));
    strbuf_addc(&b, s->field);
    hl7_escape(&b, s, version_of(m));
    if (m->charset.n > 0 && !str_eq_nocase(m->charset, STR("ASCII"))) {
        for (int i = 13; i <= 18; i++)
            strbuf_addc(&b, s->field);
        hl7_escape(&b, s, m->charset);
    }
    hl7_answer_end(&b);
    strbuf_addf(&b, "MSA%c%s%c", s->field, hl7_ack_code(ack), s->field);
    hl7_escape(&b, s, m->control_id);
    hl7_answer_end(&b);
    return b;
}

/* 2.5: ERR||PID^1^3|204^Unknown key identifier^HL70357|E|||request ...|words */
static void error_new(struct request *rq, const struct hl7_separators *s, struct strbuf *b,
                      const struct failure *f)
{
    const char *condition = condition_of(f->code);

    strbuf_addf(b, "ERR%c%c", s->field, s->field);
    components_add(b, s, str_c(rq->arena, f->location));
    strbuf_addf(b, "%c%s%c%s%cHL70357%cE", s->field, condition, s->component,
                condition_text(condition), s->component, s->field);
    strbuf_addf(b, "%c%c%crequest %.*s%c", s->field, s->field, s->field, STR_ARG(request_id(rq)),
                s->field);
    hl7_escape(b, s, f->text);
    hl7_answer_end(b);
}

/* Up to 2.4: PID^1^3^204&Unknown key identifier&HL70357&&words, repeated. */
static void error_old(struct request *rq, const struct hl7_separators *s, struct strbuf *b,
                      const struct failure *f)
{
    const char *condition = condition_of(f->code);
    struct str rest = f->location;

    for (int i = 0; i < 3; i++) {
        if (rest.p != NULL)
            strbuf_add(b, str_cut(&rest, '^'));
        strbuf_addc(b, s->component);
    }
    strbuf_addf(b, "%s%c%s%cHL70357%c%c", condition, s->subcomponent, condition_text(condition),
                s->subcomponent, s->subcomponent, s->subcomponent);
    hl7_escape(b, s, f->text);
    strbuf_addf(b, " (request %.*s)", STR_ARG(request_id(rq)));
}

void hl7_answer_errors(struct request *rq, const struct hl7_message *m, struct strbuf *b)
{
    const struct hl7_separators *s = separators_of(m);
    bool first = true;

    for (const struct failure *f = rq->err->first; f != NULL; f = f->next) {
        if (f->warning)
            continue;
        if (is_new(m)) {
            error_new(rq, s, b, f);
            continue;
        }
        if (first)
            strbuf_lit(b, "ERR");
        strbuf_addc(b, first ? s->field : s->repetition);
        error_old(rq, s, b, f);
        first = false;
    }
    if (!is_new(m) && !first)
        hl7_answer_end(b);
}

void hl7_answer_warning(struct request *rq, const struct hl7_message *m, struct strbuf *b,
                        const char *location, const char *words)
{
    const struct hl7_separators *s = separators_of(m);

    if (!is_new(m))
        return;
    strbuf_addf(b, "ERR%c%c", s->field, s->field);
    components_add(b, s, location);
    strbuf_addf(b, "%c0%cMessage accepted%cHL70357%cW%c%c%crequest %.*s%c", s->field, s->component,
                s->component, s->field, s->field, s->field, s->field, STR_ARG(request_id(rq)),
                s->field);
    hl7_escape(b, s, str_from(words));
    hl7_answer_end(b);
}

struct str hl7_answer_bytes(struct request *rq, const struct hl7_message *m, const struct strbuf *b)
{
    return hl7_encode(rq->arena, strbuf_str(b), m->charset);
}

struct str hl7_acknowledgement(struct request *rq, const struct hl7_message *m, enum hl7_ack ack)
{
    struct str type = STR("ACK");
    struct strbuf b;

    if (m->event.n > 0)
        type = str_printf(rq->arena, "ACK^%.*s%s", STR_ARG(m->event), is_new(m) ? "^ACK" : "");
    b = hl7_answer_begin(rq, m, str_c(rq->arena, type), ack);
    hl7_answer_errors(rq, m, &b);
    return hl7_answer_bytes(rq, m, &b);
}
