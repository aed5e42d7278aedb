/* Frames of syslog over TLS: MSG-LEN SP SYSLOG-MSG (RFC 5425 section 4.3). Pure; any thread. */
#pragma once

#include "hub/base/str.h"

enum octet_event {
    OCTET_MORE,    /* the input holds no whole frame; nothing was taken */
    OCTET_MESSAGE, /* *message borrows from the input; the frame was taken off it */
    OCTET_FAULT,   /* it is no frame, or larger than most: nothing behind it can be found */
};

enum octet_event octet_count_next(struct str *in, size_t most, struct str *message);

/* Bytes of the whole frame that begins here, once its length can be read; 0: not yet, or fault. */
size_t octet_count_frame(struct str in, size_t most);

void octet_count_add(struct strbuf *b, struct str message);
