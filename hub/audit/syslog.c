#include "hub/audit/syslog.h"

/* RFC 5424 section 6: how long each field of the header may be. */
enum { AT_MAX = 32, HOST_MAX = 255, APPLICATION_MAX = 48, PROCESS_MAX = 128, MESSAGE_ID_MAX = 32 };

#define BYTE_ORDER_MARK STR("\xef\xbb\xbf")

/* <0> to <191>, then VERSION, which is 1. */
static bool take_priority(struct str *rest, int *priority)
{
    ptrdiff_t end = str_find(*rest, '>');
    uint64_t n;

    if (end < 2 || end > 4 || rest->p[0] != '<' ||
        !str_to_u64(str_slice(*rest, 1, (size_t)end), &n) || n > 191)
        return false;
    *priority = (int)n;
    *rest = str_slice(*rest, (size_t)end + 1, rest->n);
    if (!str_starts(*rest, STR("1 ")))
        return false;
    *rest = str_slice(*rest, 2, rest->n);
    return true;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 33 || s.p[i] > 126)
            return false;
    return true;
}

static bool take_field(struct str *rest, size_t most, struct str *out)
{
    *out = str_cut(rest, ' ');
    if (out->n == 0 || out->n > most || !is_printable(*out))
        return false;
    if (str_eq(*out, STR("-")))
        *out = STR("");
    return true;
}

/* [id name="value"...]...: up to the space behind the last bracket; quotes hide brackets, and a
 * backslash hides quotes. What was cut off within is all there is. */
static void take_structured_data(struct str *rest, struct str *out)
{
    bool quoted = false, inside = false;
    size_t i = 0;

    for (; i < rest->n && (inside || rest->p[i] == '['); i++) {
        char c = rest->p[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = inside && !quoted;
        else if (!quoted && c == '[')
            inside = true;
        else if (!quoted && c == ']')
            inside = false;
    }
    *out = str_slice(*rest, 0, i);
    *rest = str_slice(*rest, i, rest->n);
}

bool syslog_read(struct str bytes, struct syslog_message *out)
{
    struct str rest = bytes;

    *out = (struct syslog_message){0};
    if (bytes.n == 0 || !take_priority(&rest, &out->priority) ||
        !take_field(&rest, AT_MAX, &out->at) || !take_field(&rest, HOST_MAX, &out->host) ||
        !take_field(&rest, APPLICATION_MAX, &out->application) ||
        !take_field(&rest, PROCESS_MAX, &out->process) ||
        !take_field(&rest, MESSAGE_ID_MAX, &out->message_id))
        return false;
    if (rest.p == NULL)
        rest = STR("");
    if (str_starts(rest, STR("[")))
        take_structured_data(&rest, &out->structured_data);
    else if (str_starts(rest, STR("-")))
        rest = str_slice(rest, 1, rest.n);
    else if (rest.n > 0)
        return false;
    if (rest.n > 0 && rest.p[0] != ' ')
        return false;
    out->text = str_slice(rest, 1, rest.n);
    if (str_starts(out->text, BYTE_ORDER_MARK))
        out->text = str_slice(out->text, BYTE_ORDER_MARK.n, out->text.n);
    return true;
}

struct str syslog_write(struct arena *a, struct str at, struct str host, int64_t process,
                        struct str text)
{
    struct strbuf b = strbuf_on(a, text.n + 200);

    strbuf_addf(&b, "<85>1 %.*s %.*s causeway ", STR_ARG(at), STR_ARG(host));
    if (process > 0)
        strbuf_addf(&b, "%lld", (long long)process);
    else
        strbuf_addc(&b, '-');
    strbuf_lit(&b, " IHE+RFC-3881 - ");
    strbuf_add(&b, text);
    return strbuf_str(&b);
}
