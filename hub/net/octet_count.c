#include "hub/net/octet_count.h"

enum { DIGITS_MAX = 9 };

/* MSG-LEN = NONZERO-DIGIT *DIGIT, SP: where the message begins and how long it is. */
static enum octet_event read_length(struct str in, size_t most, size_t *from, size_t *length)
{
    size_t n = 0, i = 0;

    for (; i < in.n && i <= DIGITS_MAX && in.p[i] >= '0' && in.p[i] <= '9'; i++)
        n = n * 10 + (size_t)(in.p[i] - '0');
    if (i > DIGITS_MAX || n > most || (in.n > 0 && in.p[0] == '0'))
        return OCTET_FAULT;
    if (i == in.n)
        return OCTET_MORE;
    if (i == 0 || in.p[i] != ' ')
        return OCTET_FAULT;
    *from = i + 1;
    *length = n;
    return OCTET_MESSAGE;
}

enum octet_event octet_count_next(struct str *in, size_t most, struct str *message)
{
    size_t from, length;
    enum octet_event event = read_length(*in, most, &from, &length);

    if (event != OCTET_MESSAGE)
        return event;
    if (in->n - from < length)
        return OCTET_MORE;
    *message = str_slice(*in, from, from + length);
    *in = str_slice(*in, from + length, in->n);
    return OCTET_MESSAGE;
}

size_t octet_count_frame(struct str in, size_t most)
{
    size_t from, length;

    return read_length(in, most, &from, &length) == OCTET_MESSAGE ? from + length : 0;
}

void octet_count_add(struct strbuf *b, struct str message)
{
    strbuf_addf(b, "%zu ", message.n);
    strbuf_add(b, message);
}
