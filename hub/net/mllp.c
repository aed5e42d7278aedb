#include "hub/net/mllp.h"

enum { VT = 0x0b, FS = 0x1c };

void mllp_init(struct mllp *m, size_t max_message)
{
    *m = (struct mllp){.max_message = max_message};
}

static enum mllp_event skip_to_frame(struct mllp *m, struct str *in)
{
    ptrdiff_t vt = str_find(*in, VT);
    size_t between = vt < 0 ? in->n : (size_t)vt;

    for (size_t i = 0; i < between; i++)
        m->skipped += in->p[i] != '\r' && in->p[i] != '\n';
    *in = str_slice(*in, between + (vt >= 0), in->n);
    return vt < 0 ? MLLP_MORE : MLLP_BEGIN;
}

void mllp_begin(struct mllp *m, struct arena *a)
{
    m->message = gather_new(a, m->memory);
}

/* Length of what comes before the next VT or FS. */
static size_t plain_length(struct str in)
{
    size_t n = 0;

    while (n < in.n && in.p[n] != VT && in.p[n] != FS)
        n++;
    return n;
}

static enum mllp_event take_message(struct mllp *m, struct str *in)
{
    while (in->n > 0) {
        size_t n = plain_length(*in);
        bool ended = n < in->n && in->p[n] == FS;

        if (n > m->max_message - m->message->n) {
            m->full = true;
            return MLLP_TOO_LARGE;
        }
        if (!gather_add(m->message, str_slice(*in, 0, n)))
            return MLLP_BUSY;
        if (n < in->n && !ended) {
            m->message->n = 0;
            m->restarts++;
        }
        *in = str_slice(*in, n + 1, in->n);
        if (ended)
            return MLLP_MESSAGE;
    }
    return MLLP_MORE;
}

enum mllp_event mllp_feed(struct mllp *m, struct str *in)
{
    if (m->full)
        return MLLP_TOO_LARGE;
    return m->message != NULL ? take_message(m, in) : skip_to_frame(m, in);
}

struct str mllp_message(struct mllp *m)
{
    struct str message = gather_str(m->message);

    m->message = NULL;
    return message;
}
